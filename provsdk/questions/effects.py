"""What goes back to an output: the outputs of other records, each with how it is linked to the one above it. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from provsdk.questions.across import Joined
from provsdk.questions.links import Link, Strength, best, is_at_least, reach
from provsdk.records.flow import Causes, nested_outputs
from provsdk.records.record import ProvenanceRecord, Source

__all__ = ["Effect", "effects", "rests_on"]


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


def rests_on(joined: Joined) -> dict[str, dict[str, list[str]]]:
    """For each output, by its id, the records that hold its value, by their ids, and under which ids they hold it."""
    owners = {
        value_id: record.record_id
        for record in joined.records
        for source in record.sources
        for value_id in (source.source_id, *(element.entity_id for element in source.elements))
    }
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for value_id, output_id, _, _ in joined.joins:
        found[output_id][owners[value_id]].append(value_id)
    for record in joined.records:
        arrows = ((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)
        for output_id in nested_outputs(arrows, record.output.output_id):
            found[output_id][record.record_id].append(output_id)
    return found


def effects(joined: Joined, depth: int = -1, *, least: Strength = "none") -> tuple[Effect, ...]:
    """What goes back to the first record's output, as a tree, nearest first.

    Args:
        joined: that record, and those downstream of it.
        depth: outputs from that one; -1: all.
        least: how an output has to be linked to the one above it, at least.
    """
    return _Tree(joined, least).below(joined.records[0], depth)


class _Tree:
    """Depth first over records, each followed where it stands first; a path is as long as there are records."""

    def __init__(self, joined: Joined, least: Strength) -> None:
        self._least = least
        self._records: Mapping[str, ProvenanceRecord] = {record.record_id: record for record in joined.records}
        self._holders = rests_on(joined)
        self._followed: set[str] = set()
        self._reached: dict[str, dict[str, Link]] = {}

    def below(self, record: ProvenanceRecord, depth: int) -> tuple[Effect, ...]:
        self._followed.add(record.record_id)
        holders = self._holders.get(record.output.output_id, {})
        linked = (
            (self._records[one], values, self._link(self._records[one], values)) for one, values in holders.items()
        )
        return tuple(self._effect(*one, depth) for one in linked if is_at_least(one[2].strength, self._least))

    def _effect(self, record: ProvenanceRecord, values: list[str], link: Link, depth: int) -> Effect:
        follows = bool(self._holders.get(record.output.output_id))
        repeated = record.record_id in self._followed
        more = follows and not repeated and depth == 1
        held = set(values)
        return Effect(
            record=record,
            link=link,
            sources=tuple(source for source in record.sources if held & _ids(source)),
            effects=() if repeated or more or not follows else self.below(record, depth - 1),
            repeated=repeated and follows,
            more=more,
        )

    def _link(self, record: ProvenanceRecord, values: list[str]) -> Link:
        if record.record_id not in self._reached:
            causes = Causes((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)
            self._reached[record.record_id] = reach(causes, record.output.output_id)
        return best(self._reached[record.record_id], values)


def _ids(source: Source) -> set[str]:
    return {source.source_id, *(element.entity_id for element in source.elements)}
