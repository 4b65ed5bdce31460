"""How strongly each source is linked to the output, and through what: the best path from effect to cause.

Every edge says how it is known. A path is as strong as its weakest edge, and of several paths the strongest counts.
"""

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, Literal

from provsdk.records.flow import Causes, Step
from provsdk.records.record import ProvenanceRecord
from provsdk.vocabulary import Basis

__all__ = ["Link", "Strength", "links", "strength"]

Strength = Literal["observed", "declared", "given", "inferred", "none"]
"""`given`: it was handed to a step on the way, and whether it shaped what the step made could not be seen."""

_BASES: Final = [each.value for each in Basis]
_RANKS: Final[tuple[Strength, ...]] = ("observed", "declared", "given", "inferred", "none")


@dataclass(frozen=True, slots=True)
class Link:
    """How a source is linked to the output."""

    strength: Strength
    basis: str | None
    """The `Basis` of the weakest edge on the way; None for `given` and `none`."""
    steps: int
    """Edges from value to value on the way."""
    through: str | None
    """For `given`: id of the activity that it was handed to."""


_UNLINKED: Final = Link("none", None, 0, None)


def strength(basis: str) -> Strength:
    """`observed`, `declared` or `inferred`; a basis unknown to this version is inferred, never more."""
    known = {item.value: item for item in Basis}
    if basis not in known:
        return "inferred"
    found = str(known[basis].strength)
    return "observed" if found == "observed" else "declared" if found == "declared" else "inferred"


def links(record: ProvenanceRecord) -> dict[str, Link]:
    """The link of each source, by its id."""
    reached = _reach(record)
    return {
        source.source_id: min(
            (reached.get(value, _UNLINKED) for value in (source.source_id, *(e.entity_id for e in source.elements))),
            key=_order,
        )
        for source in record.sources
    }


def _order(link: Link) -> tuple[int, int]:
    return _RANKS.index(link.strength), link.steps


def _weakness(link: Link) -> tuple[int, int]:
    """Of two that were seen, the one that says less: repeating words of it says less than being the same object."""
    return _RANKS.index(link.strength), _BASES.index(link.basis) if link.basis in _BASES else 0


def _reach(record: ProvenanceRecord) -> dict[str, Link]:
    """Best link of every value that the output goes back to: Dijkstra's search by strength, then steps."""
    causes = Causes((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)
    best: dict[str, Link] = {}
    found = [Link("observed", None, 0, None)]
    queue = [(_order(found[0]), record.output.output_id, 0)]
    while queue:
        _, value, position = heappop(queue)
        if value in best:
            continue
        best[value] = here = found[position]
        for step in causes.steps(value):
            if step.cause not in best:
                found.append(_weaker(here, step))
                heappush(queue, (_order(found[-1]), step.cause, len(found) - 1))
    return best


def _weaker(here: Link, step: Step) -> Link:
    edge = Link("given", None, 1, step.activity) if step.activity else Link(strength(step.basis), step.basis, 1, None)
    weakest = edge if not here.steps else max(here, edge, key=_weakness)
    return Link(weakest.strength, weakest.basis, here.steps + 1, weakest.through)
