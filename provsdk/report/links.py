"""How strongly each source is linked to the output, and through what: the best path from effect to cause.

Every edge says how it is known. A path is as strong as its weakest edge, and of several paths the strongest counts.
"""

from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, Literal

from provsdk.records.record import ProvenanceRecord
from provsdk.vocabulary import Basis, Relation

__all__ = ["Link", "Strength", "links", "strength"]

Strength = Literal["observed", "declared", "given", "inferred", "none"]
"""`given`: it was handed to a step on the way, and whether it shaped what the step made could not be seen."""

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


def _reach(record: ProvenanceRecord) -> dict[str, Link]:
    """Best link of every value that the output goes back to: Dijkstra's search by strength, then steps."""
    causes = _Causes(record)
    best: dict[str, Link] = {}
    start = Link("observed", None, 0, None)
    queue: list[tuple[tuple[int, int], str, int]] = [(_order(start), record.output.output_id, 0)]
    found = [start]
    while queue:
        _, value, position = heappop(queue)
        if value in best:
            continue
        best[value] = here = found[position]
        for cause, edge in causes(value):
            if cause not in best:
                found.append(_weaker(here, edge))
                heappush(queue, (_order(found[-1]), cause, len(found) - 1))
    return best


def _weaker(here: Link, edge: Link) -> Link:
    weakest = edge if here.basis is None and here.through is None else max(here, edge, key=lambda link: _order(link)[0])
    return Link(weakest.strength, weakest.basis, here.steps + 1, weakest.through)


class _Causes:
    """What a value goes back to: what it was derived from, and where that is not known, what its activity was given."""

    def __init__(self, record: ProvenanceRecord) -> None:
        self._derived: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._made_by: dict[str, list[str]] = defaultdict(list)
        self._used: dict[str, list[str]] = defaultdict(list)
        for edge in record.flow:
            if edge.relation == Relation.WAS_DERIVED_FROM:
                self._derived[edge.from_].append((edge.to, edge.basis))
            elif edge.relation == Relation.WAS_GENERATED_BY:
                self._made_by[edge.from_].append(edge.to)
            elif edge.relation == Relation.USED:
                self._used[edge.from_].append(edge.to)

    def __call__(self, value: str) -> list[tuple[str, Link]]:
        known = [(cause, Link(strength(basis), basis, 1, None)) for cause, basis in self._derived.get(value, ())]
        if any(link.strength != "inferred" for _, link in known):
            return known
        given = [
            (cause, Link("given", None, 1, activity))
            for activity in self._made_by.get(value, ())
            for cause in self._used.get(activity, ())
        ]
        return known + given
