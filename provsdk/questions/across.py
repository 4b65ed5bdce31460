"""Records that belong together: what a record goes back to in others, and what goes back to it.

Records join where a value that one output came to, or that stands in it, is what a source of another one, or a content
within it, is: by equal join digests, within a tenant. An output within another one has the same id in both records.
What was made in another process for an output is known by what it says of where its work came from: by content where
that came back, else as something that was made meanwhile. Nothing else joins: no prompt, no template, no phrase that
many outputs hold, and no value under 32 bytes, which chance repeats.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from msgspec import UNSET

from provsdk.digest import MIN_LINKABLE_BYTES
from provsdk.errors import NotFound, StoreDamaged
from provsdk.matching import pointer
from provsdk.questions.reader import Reader
from provsdk.records.flow import Arrow, nested_outputs
from provsdk.records.record import Edge, Entity, ModelCall, Output, ProvenanceRecord, Source, Transformation
from provsdk.vocabulary import Basis, OutputStatus, Relation

__all__ = ["MAX_RECORDS", "WRITTEN", "Joined", "downstream", "join_of", "output_of", "parts", "upstream", "values_of"]

MAX_RECORDS: Final = 1_000
"""Records that are read for one answer; beyond, it says that there are more."""

MAX_EQUAL: Final = 100
"""Outputs that a source may be, with one content, that are followed; beyond, the answer says that there are more."""

WRITTEN: Final = frozenset({"text", "json"})
"""Names of the parts that a text says as a whole: without the end of its line, and parsed."""

MAX_ALIKE: Final = 8
"""Outputs that hold the same value and nothing else that was loaded with it: what more of them hold is boilerplate."""

MAX_HOLDERS: Final = 100
"""Outputs that hold a value; what more of them hold is not asked about."""

MAX_LOOKED_AT: Final = 5_000
"""Records with one content of which each is read to see whether it is meant."""

MAX_JOINS: Final = 200_000
"""Edges between records: many outputs with one content that many have loaded join each with each."""

_DERIVED: Final = Relation.WAS_DERIVED_FROM.value
_DIGEST: Final = Basis.DIGEST.value
_ENCLOSING: Final = Basis.ENCLOSING.value
_EXPLICIT: Final = Basis.EXPLICIT.value
_BY_WORDS: Final = frozenset({Basis.QUOTATION.value, Basis.CONTAINMENT.value})
_COMPLETED: Final = OutputStatus.COMPLETED.value


@dataclass(frozen=True, slots=True)
class Joined:
    """Records, and the edges between them."""

    records: tuple[ProvenanceRecord, ...]
    """Nearest first; the one that was asked about leads."""
    joins: tuple[Arrow, ...]
    """From a source's value to the output that it is, or to the part of one."""
    unreadable: tuple[str, ...]
    """Ids of records that belong there and cannot be read."""
    cut: bool
    """There are more."""

    def arrows(self) -> Iterator[Arrow]:
        """Every edge within the records and between them."""
        yield from self.flow()
        yield from self.joins

    def flow(self) -> Iterator[Arrow]:
        """Every edge within the records, and what each part of an output goes back to."""
        for record in self.records:
            yield from _flow(record)
            yield from parts(record)


def upstream(reader: Reader, record: ProvenanceRecord, *, at_most: int = MAX_RECORDS) -> Joined:
    """The records that a record goes back to: of the outputs within it, and of those that its sources are."""
    return _Search(reader, at_most).run([record], _Search.causes_of)


def downstream(reader: Reader, records: Iterable[ProvenanceRecord], *, at_most: int = MAX_RECORDS) -> Joined:
    """The records that may go back to one of these: whose sources are its output, and that it was made within."""
    return _Search(reader, at_most).run(records, _Search.effects_of)


class _Trace(NamedTuple):
    """Who belongs to whom among the records of a trace, by ids of records."""

    holders: dict[str, list[str]]
    """Of the output with that id, made within theirs."""
    handed_over: dict[str, list[str]]
    """By the record that other processes made them for."""


class _Search:
    """Breadth first over records."""

    def __init__(self, reader: Reader, at_most: int) -> None:
        self._reader = reader
        self._at_most = at_most
        self._found: dict[str, ProvenanceRecord] = {}
        self._joins: dict[Arrow, tuple[str, str]] = {}
        """With the records that they go from and to."""
        self._traces: dict[str, _Trace] = {}
        self._unreadable: dict[str, None] = {}
        self._cut = False

    def run(
        self,
        start: Iterable[ProvenanceRecord],
        beside: "Callable[[_Search, ProvenanceRecord], Iterator[ProvenanceRecord]]",
    ) -> Joined:
        level = {record.record_id: record for record in start}
        self._found.update(level)
        most = self._at_most + max(len(level) - 1, 0)
        while level:
            following: dict[str, ProvenanceRecord] = {}
            for record in level.values():
                for other in beside(self, record):
                    if other.record_id in self._found:
                        continue
                    if len(self._found) >= most:
                        self._cut = True
                        break
                    self._found[other.record_id] = following[other.record_id] = other
            level = following
        joins = tuple(arrow for arrow, ends in self._joins.items() if self._found.keys() >= set(ends))
        return Joined(tuple(self._found.values()), joins, tuple(self._unreadable), self._cut)

    def causes_of(self, record: ProvenanceRecord) -> Iterator[ProvenanceRecord]:
        for output_id in nested_outputs(_flow(record), record.output.output_id):
            yield from self._read([f"rec_{output_id.removeprefix('out_')}"])
        for other in self._read(self._trace(record).handed_over.get(record.record_id, ())):
            if self._handed_over(record, other):
                yield other
        for source in record.sources:
            for value_ids, join in _contents(source):
                for other in self._newest(record, source, join):
                    self._join_contents(record, source, value_ids, other, [other.output.output_id])
                    yield other
            for value_ids, join, other in self._holders(record, source):
                self._join_contents(record, source, value_ids, other, _parts_with(other, join))
                yield other

    def effects_of(self, record: ProvenanceRecord) -> Iterator[ProvenanceRecord]:
        yield from self._read(self._trace(record).holders.get(record.output.output_id, ()))
        parent = record.trace.parent_record_id
        for other in self._read([] if parent is UNSET else [parent]):
            if self._handed_over(other, record):
                yield other
        join = join_of(record.output)
        uses = [] if join is None else list(dict.fromkeys(use.record_id for use in self._reader.uses_of(join)))
        for other in self._read(self._looked_at(uses)):
            held = [
                (source, value_ids)
                for source in other.sources
                if _is_made_of(other, source, record)
                for value_ids, content in _contents(source)
                if content == join
            ]
            for source, value_ids in held:
                self._join_contents(other, source, value_ids, record, [record.output.output_id])
            if held:
                yield other
        yield from self._loaded_from_within(record)

    def _loaded_from_within(self, record: ProvenanceRecord) -> Iterator[ProvenanceRecord]:
        """The records with a source that is, or holds, something that stands in the output."""
        within = [] if record.output.elements is UNSET else record.output.elements
        asked = [join for each in within if (join := join_of(each)) is not None and self._held_by(join)]
        uses = dict.fromkeys(use.record_id for join in asked for use in self._reader.uses_of(join))
        for other in self._read(self._looked_at(list(uses))):
            held = [
                (source, value_ids, join)
                for source in other.sources
                for value_ids, join, holder in self._holders(other, source)
                if holder.record_id == record.record_id
            ]
            for source, value_ids, join in held:
                self._join_contents(other, source, value_ids, record, _parts_with(record, join))
            if held:
                yield other

    def _holders(self, record: ProvenanceRecord, source: Source) -> Iterator[tuple[list[str], str, ProvenanceRecord]]:
        """The outputs that a source, or what is in it, stands in, with the values that do. Of outputs that hold one
        value those count that hold most of what was loaded with it: a phrase that all of them share says nothing.
        """
        held = [(value_ids, join, self._held_by(join)) for value_ids, join in _contents(source)]
        shared = Counter(record_id for _, _, holders in held for record_id in holders)
        for value_ids, join, holders in held:
            most = max((shared[each] for each in holders), default=0)
            found = [
                other
                for other in self._read(each for each in holders if shared[each] == most)
                if _is_made_of(record, source, other)
            ]
            if len(found) <= MAX_ALIKE:
                yield from ((value_ids, join, other) for other in found)

    def _held_by(self, join: str) -> list[str]:
        """Ids of the records whose output holds a value; none where so many do that it says nothing."""
        holders = list(dict.fromkeys(self._reader.outputs_with(join)))
        return holders if len(holders) <= MAX_HOLDERS else []

    def _trace(self, record: ProvenanceRecord) -> _Trace:
        """Reads the records of the trace once."""
        trace_id = record.trace.trace_id
        if trace_id not in self._traces:
            found = self._traces[trace_id] = _Trace({}, {})
            for other in self._read(self._reader.records_of_trace(trace_id)):
                for output_id in nested_outputs(_flow(other), other.output.output_id):
                    found.holders.setdefault(output_id, []).append(other.record_id)
                if other.trace.parent_record_id is not UNSET:
                    found.handed_over.setdefault(other.trace.parent_record_id, []).append(other.record_id)
        return self._traces[trace_id]

    def _newest(self, record: ProvenanceRecord, source: Source, join: str) -> list[ProvenanceRecord]:
        """The newest outputs that the source may be: what repeats itself would join everything with everything."""
        found: list[ProvenanceRecord] = []
        for other in self._read(self._looked_at(self._reader.outputs_of(join)[::-1])):
            if _is_made_of(record, source, other):
                if len(found) == MAX_EQUAL:
                    self._cut = True
                    break
                found.append(other)
        return found[::-1]

    def _looked_at(self, record_ids: list[str]) -> list[str]:
        if len(record_ids) > MAX_LOOKED_AT:
            self._cut = True
        return record_ids[:MAX_LOOKED_AT]

    def _join_contents(
        self,
        record: ProvenanceRecord,
        source: Source,
        value_ids: Iterable[str],
        other: ProvenanceRecord,
        made: Sequence[str],
    ) -> None:
        """Joins values of a source with what they are: an output, or parts of it. What is in such a value is the part
        that has its content, where there is one, and else all of it.
        """
        joins = {element.entity_id: join_of(element) for element in source.elements}
        ends = record.record_id, other.record_id
        for value_id in value_ids:
            join = joins.get(value_id)
            is_somewhere = value_id == source.source_id and _is_quoted_somewhere(record, source)
            for each in (_parts_with(other, join) if join is not None else ()) or made:
                self._join(value_id, each, ends, _ENCLOSING if is_somewhere else _DIGEST)

    def _join(self, value_id: str, made: str, ends: tuple[str, str], basis: str = _DIGEST) -> None:
        if len(self._joins) >= MAX_JOINS:
            self._cut = True
        else:
            self._joins[value_id, made, _DERIVED, basis] = ends

    def _handed_over(self, record: ProvenanceRecord, other: ProvenanceRecord) -> bool:
        """Notes how an output goes back to one that was made for it in another process; whether it does."""
        join = join_of(other.output)
        holders = [] if join is None else [value_id for value_id, held in values_of(record) if held == join]
        output_id = other.output.output_id
        if holders:
            for value_id in holders:
                self._join(value_id, output_id, (record.record_id, other.record_id))
        elif other.output.status == _COMPLETED and other.output.ended_at <= record.output.ended_at:
            arrow = record.output.output_id, output_id, _DERIVED, _ENCLOSING
            self._joins[arrow] = record.record_id, other.record_id
        else:
            return False
        return True

    def _read(self, record_ids: Iterable[str]) -> Iterator[ProvenanceRecord]:
        for record_id in dict.fromkeys(record_ids):
            known = self._found.get(record_id)
            if known is None:
                try:
                    known = self._reader.fold(record_id).record
                except NotFound:  # an output without a record, or one of another store
                    continue
                except StoreDamaged:  # what is around it is told all the same
                    known = None
            if known is None:
                self._unreadable[record_id] = None
            else:
                yield known


def output_of(value_id: str) -> str:
    """Id of the output that a value is, or is a part of."""
    return f"out_{value_id[4:].rsplit('-', 1)[0]}" if value_id.startswith("ent_") else value_id


def _flow(record: ProvenanceRecord) -> Iterator[Arrow]:
    return ((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)


def values_of(record: ProvenanceRecord) -> Iterator[tuple[str, str | None]]:
    """Ids and join digests of every value of a record."""
    yield record.output.output_id, join_of(record.output)
    for source in record.sources:
        yield from ((value.entity_id, join_of(value)) for value in (*source.arguments, *source.elements))
        yield source.source_id, join_of(source)
    steps: list[Transformation | ModelCall] = [*record.transformations, *record.model_calls]
    for value in (*record.output.arguments, *(value for step in steps for value in (*step.arguments, *step.results))):
        yield value.entity_id, join_of(value)


def parts(record: ProvenanceRecord) -> Iterator[Arrow]:
    """What each part of an output goes back to: by the fields in which its edges have places. Where an edge has none,
    or nothing is known of a part, it may go back to all that the output does, which is inferred.
    """
    elements = record.output.elements
    if elements is UNSET:
        return
    output_id = record.output.output_id
    edges = [edge for edge in record.flow if edge.from_ == output_id and edge.relation == _DERIVED]
    placed = {edge.to for edge in edges if edge.fields is not UNSET}
    for element in elements:
        place, is_known = _pointer_of(element), False
        if not place:
            yield element.entity_id, output_id, _DERIVED, _DIGEST  # all of it, written otherwise
            continue
        for edge in edges:
            if edge.fields is UNSET:
                if edge.to not in placed:
                    basis = edge.basis if edge.basis == _EXPLICIT else _ENCLOSING
                    yield element.entity_id, edge.to, _DERIVED, basis
            elif any(f"{field}/".startswith(f"{place}/") for field in edge.fields):
                is_known = True
                yield element.entity_id, edge.to, _DERIVED, edge.basis
        if not is_known:
            yield element.entity_id, output_id, _DERIVED, _ENCLOSING


def _is_quoted_somewhere(record: ProvenanceRecord, source: Source) -> bool:
    """Whether only short fields of a source that has parts are known to have been used, and not which: of the output
    that it is, any part may have been.
    """
    if not source.elements:
        return False
    edges = [edge for edge in record.flow if edge.to == source.source_id and edge.relation == _DERIVED]
    return bool(edges) and all(_has_no_place_in_cause(edge) for edge in edges)


def _has_no_place_in_cause(edge: Edge) -> bool:
    spans = [] if edge.spans is UNSET else list(edge.spans)
    for each in () if edge.fields is UNSET else edge.fields.values():
        spans += each
    return edge.basis in _BY_WORDS and bool(spans) and all(span[2:] == (0, 0) for span in map(tuple, spans))


def _pointer_of(element: Entity) -> str:
    """Where a part of an output stands in it, as edges say it."""
    names = (element.name or "").split(".")
    if names[0] in WRITTEN:
        names = names[1:]
    return "".join(pointer("", name) for name in names)


def _parts_with(record: ProvenanceRecord, join: str) -> list[str]:
    """Ids of the parts of the output with that join digest."""
    elements = record.output.elements
    return [] if elements is UNSET else [each.entity_id for each in elements if each.join_digest == join]


def _contents(source: Source) -> Iterator[tuple[list[str], str]]:
    """Join digests of what a source brought, and of what is in it, with the ids of the values that hold it: of the
    whole, all that is in it too.
    """
    everything = [source.source_id, *(element.entity_id for element in source.elements)]
    whole = join_of(source)
    if whole is not None:
        yield everything, whole
    for element in source.elements:
        join = join_of(element)
        if join is not None:
            is_whole = element.name in WRITTEN and element.element_of == source.source_id
            yield everything if is_whole else [element.entity_id], join


def join_of(value: Source | Entity | Output) -> str | None:
    """The join digest, where the value is more than chance repeats."""
    return value.join_digest if (value.size_bytes or 0) >= MIN_LINKABLE_BYTES else None


def _is_made_of(record: ProvenanceRecord, source: Source, other: ProvenanceRecord) -> bool:
    """Whether a source with the content of the other record's output may be it: in the same tenant, and there when it
    was loaded. A stream may be loaded while it is made.
    """
    output = other.output
    there = output.ended_at if output.stream is UNSET else output.started_at
    return (
        other.record_id != record.record_id
        and other.context.tenant == record.context.tenant
        and there <= source.retrieved_at
    )
