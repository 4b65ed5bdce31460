"""How strongly a value is linked to an output, and through what: the best path from effect to cause.

Every edge says how it is known. A path is as strong as its weakest edge, and of several paths the strongest counts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, Literal

from provsdk.records.flow import Arrow, Causes, Step
from provsdk.records.record import ProvenanceRecord
from provsdk.vocabulary import Basis, Relation

__all__ = [
    "UNLINKED",
    "Link",
    "Strength",
    "at_least",
    "best",
    "is_at_least",
    "links",
    "rank",
    "reach",
    "spread",
    "strength",
]

Strength = Literal["observed", "declared", "given", "inferred", "none"]
"""`given`: it was handed to a step on the way, and whether it shaped what the step made could not be seen."""

_BASES: Final = [each.value for each in Basis]
_RANKS: Final[tuple[Strength, ...]] = ("observed", "declared", "given", "inferred", "none")


@dataclass(frozen=True, slots=True)
class Link:
    """How a value is linked to the output."""

    strength: Strength
    basis: str | None
    """The `Basis` of the weakest edge on the way; None for `given` and `none`."""
    steps: int
    """Edges from value to value on the way."""
    through: str | None
    """For `given`: id of the activity that it was handed to."""


_USED: Final = Relation.USED.value

UNLINKED: Final = Link("none", None, 0, None)


def strength(basis: str) -> Strength:
    """`observed`, `declared` or `inferred`; a basis unknown to this version is inferred, never more."""
    known = {item.value: item for item in Basis}
    if basis not in known:
        return "inferred"
    found = str(known[basis].strength)
    return "observed" if found == "observed" else "declared" if found == "declared" else "inferred"


def is_at_least(found: Strength, least: Strength) -> bool:
    """Whether a link is as strong as that."""
    return _RANKS.index(found) <= _RANKS.index(least)


def at_least(arrows: Iterable[Arrow], least: Strength) -> Iterator[Arrow]:
    """The edges that are known so well: all with `inferred`; else without what steps were given, of which nobody saw
    what became of it.
    """
    for arrow in arrows:
        _, _, relation, basis = arrow
        if least == "inferred" or (relation != _USED and is_at_least(strength(basis), least)):
            yield arrow


def links(record: ProvenanceRecord) -> dict[str, Link]:
    """The link of each source, by its id."""
    causes = Causes((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)
    reached = reach(causes, record.output.output_id)
    return {
        source.source_id: best(reached, (source.source_id, *(element.entity_id for element in source.elements)))
        for source in record.sources
    }


def best(reached: Mapping[str, Link], values: Iterable[str]) -> Link:
    """The strongest link among those of some values."""
    return min((reached.get(value, UNLINKED) for value in values), key=rank, default=UNLINKED)


def rank(link: Link) -> tuple[int, int]:
    """What sorts links: the stronger first, then the shorter."""
    return _RANKS.index(link.strength), link.steps


def _weakness(link: Link) -> tuple[int, int]:
    """Of two that were seen, the one that says less: repeating words of it says less than being the same object."""
    return _RANKS.index(link.strength), _BASES.index(link.basis) if link.basis in _BASES else 0


def reach(causes: Causes, start: str) -> dict[str, Link]:
    """Best link of every value that `start` goes back to: Dijkstra's search by strength, then steps."""
    reached: dict[str, Link] = {}
    found = [Link("observed", None, 0, None)]
    queue = [(rank(found[0]), start, 0)]
    while queue:
        _, value, position = heappop(queue)
        if value in reached:
            continue
        reached[value] = here = found[position]
        for step in causes.steps(value):
            if step.cause not in reached:
                found.append(_weaker(here, step))
                heappush(queue, (rank(found[-1]), step.cause, len(found) - 1))
    return reached


def spread(causes: Causes, values: Iterable[str]) -> dict[str, Link]:
    """Best link of every value that goes back to one of these: the same search, from causes to effects."""
    effects: dict[str, list[tuple[str, Step]]] = {}
    for effect in causes.values():
        for step in causes.steps(effect):
            effects.setdefault(step.cause, []).append((effect, step))
    reached: dict[str, Link] = {}
    found = [Link("observed", None, 0, None)]
    queue = [(rank(found[0]), value, 0) for value in values]
    while queue:
        _, value, position = heappop(queue)
        if value in reached:
            continue
        reached[value] = here = found[position]
        for effect, step in effects.get(value, ()):
            if effect not in reached:
                found.append(_weaker(here, step))
                heappush(queue, (rank(found[-1]), effect, len(found) - 1))
    return reached


def _weaker(here: Link, step: Step) -> Link:
    edge = Link("given", None, 1, step.activity) if step.activity else Link(strength(step.basis), step.basis, 1, None)
    weakest = edge if not here.steps else max(here, edge, key=_weakness)
    return Link(weakest.strength, weakest.basis, here.steps + 1, weakest.through)
