"""What goes back to an output: the outputs of other records, each with how it is linked to the one above it. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from provsdk.questions.across import Joined, output_of, values_of
from provsdk.questions.links import Link, Strength, best, is_at_least, reach
from provsdk.records.flow import Arrow, Causes, nested_outputs
from provsdk.records.record import ProvenanceRecord, Source

__all__ = ["MAX_DEPTH", "Effect", "effects", "rests_on"]


MAX_DEPTH: Final = 100
"""Bound of the tree's depth."""


@dataclass(frozen=True, slots=True)
class Effect:
    """An output that goes back to the one above it."""

    record: ProvenanceRecord
    link: Link
    """From this output to what the one above came to, within this record."""
    sources: tuple[Source, ...]
    """Of this record, that hold what the one above came to; none where that was made within it."""
    effects: tuple["Effect", ...]
    repeated: bool
    """It stands in the tree already, with what goes back to it."""
    more: bool
    """More goes back to it than the depth that was asked for shows."""


def rests_on(joined: Joined) -> dict[str, dict[str, list[Arrow]]]:
    """For each output, by its id, the records that hold its value, by their ids, and the edges by which they do; none
    where it was made within them.
    """
    owners = {value_id: record.record_id for record in joined.records for value_id, _ in values_of(record)}
    found: dict[str, dict[str, list[Arrow]]] = defaultdict(lambda: defaultdict(list))
    for arrow in joined.joins:
        found[output_of(arrow[1])][owners[arrow[0]]].append(arrow)
    for record in joined.records:
        for output_id in nested_outputs(_flow(record), record.output.output_id):
            found[output_id][record.record_id].extend(())
    return found


def effects(joined: Joined, depth: int = -1, *, least: Strength = "none") -> tuple[Effect, ...]:
    """What goes back to the first record's output, as a tree, nearest first.

    Args:
        joined: that record, and those downstream of it.
        depth: outputs from that one, `MAX_DEPTH` for -1.
        least: how an output has to be linked to the one above it, at least.
    """
    return _Tree(joined, least).below(joined.records[0], MAX_DEPTH if depth < 0 else min(depth, MAX_DEPTH))


class _Tree:
    """Depth first over records, each followed where it stands first; a path is as long as there are records."""

    def __init__(self, joined: Joined, least: Strength) -> None:
        self._least = least
        self._records: Mapping[str, ProvenanceRecord] = {record.record_id: record for record in joined.records}
        self._holders = rests_on(joined)
        self._followed: set[str] = set()

    def below(self, record: ProvenanceRecord, depth: int) -> tuple[Effect, ...]:
        self._followed.add(record.record_id)
        output_id = record.output.output_id
        found = []
        for record_id, joins in self._holders.get(output_id, {}).items():
            other = self._records[record_id]
            reached = reach(Causes(_flow(other), joins), other.output.output_id)
            link = best(reached, {output_id, *(arrow[1] for arrow in joins)})
            if is_at_least(link.strength, self._least):
                found.append(self._effect(other, {arrow[0] for arrow in joins}, link, depth))
        return tuple(found)

    def _effect(self, record: ProvenanceRecord, held: set[str], link: Link, depth: int) -> Effect:
        follows = bool(self._holders.get(record.output.output_id))
        repeated = record.record_id in self._followed
        more = follows and not repeated and depth == 1
        return Effect(
            record=record,
            link=link,
            sources=tuple(source for source in record.sources if held & _ids(source)),
            effects=() if repeated or more or not follows else self.below(record, depth - 1),
            repeated=repeated and follows,
            more=more,
        )


def _flow(record: ProvenanceRecord) -> Iterator[Arrow]:
    return ((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)


def _ids(source: Source) -> set[str]:
    return {source.source_id, *(element.entity_id for element in source.elements)}
