"""Records that belong together: what a record goes back to in others, and what goes back to it.

Records join where a value that one output came to is what a source of another one, or a content within it, is: by equal
join digests, within a tenant. An output within another one has the same id in both records. What was made in another
process for an output is known by what it says of where its work came from: by content where that came back, else as
something that was made meanwhile. Nothing else joins: no prompt, no template, and no value under 32 bytes, which chance
repeats.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET

from provsdk.digest import MIN_LINKABLE_BYTES
from provsdk.errors import NotFound, StoreDamaged
from provsdk.questions.reader import Reader
from provsdk.records.flow import Arrow, nested_outputs
from provsdk.records.record import Entity, ModelCall, Output, ProvenanceRecord, Source, Transformation
from provsdk.vocabulary import Basis, OutputStatus, Relation

__all__ = ["MAX_RECORDS", "Joined", "downstream", "upstream", "values_of"]

MAX_RECORDS: Final = 1_000
"""Records that are read for one answer; beyond, it says that there are more."""

MAX_EQUAL: Final = 100
"""Records with one content that are followed; beyond, the answer says that there are more."""

_DERIVED: Final = Relation.WAS_DERIVED_FROM.value
_DIGEST: Final = Basis.DIGEST.value
_ENCLOSING: Final = Basis.ENCLOSING.value
_COMPLETED: Final = OutputStatus.COMPLETED.value


@dataclass(frozen=True, slots=True)
class Joined:
    """Records, and the edges between them."""

    records: tuple[ProvenanceRecord, ...]
    """Nearest first; the one that was asked about leads."""
    joins: tuple[Arrow, ...]
    """From a source's value to the output that it is."""
    unreadable: tuple[str, ...]
    """Ids of records that belong there and cannot be read."""
    cut: bool
    """There are more."""

    def arrows(self) -> Iterator[Arrow]:
        """Every edge within the records and between them."""
        for record in self.records:
            yield from _flow(record)
        yield from self.joins


def upstream(reader: Reader, record: ProvenanceRecord, *, at_most: int = MAX_RECORDS) -> Joined:
    """The records that a record goes back to: of the outputs within it, and of those that its sources are."""
    return _Search(reader, at_most).run([record], _Search.causes_of)


def downstream(reader: Reader, records: Iterable[ProvenanceRecord], *, at_most: int = MAX_RECORDS) -> Joined:
    """The records that may go back to one of these: whose sources are its output, and that it was made within."""
    return _Search(reader, at_most).run(records, _Search.effects_of)


class _Search:
    """Breadth first over records."""

    def __init__(self, reader: Reader, at_most: int) -> None:
        self._reader = reader
        self._at_most = at_most
        self._found: dict[str, ProvenanceRecord] = {}
        self._joins: dict[Arrow, None] = {}
        self._unreadable: dict[str, None] = {}
        self._cut = False

    def run(
        self,
        start: Iterable[ProvenanceRecord],
        beside: "Callable[[_Search, ProvenanceRecord], Iterator[ProvenanceRecord]]",
    ) -> Joined:
        level = {record.record_id: record for record in start}
        self._found.update(level)
        while level:
            following: dict[str, ProvenanceRecord] = {}
            for record in level.values():
                for other in beside(self, record):
                    if other.record_id in self._found:
                        continue
                    if len(self._found) >= self._at_most:
                        self._cut = True
                        break
                    self._found[other.record_id] = following[other.record_id] = other
            level = following
        return Joined(tuple(self._found.values()), tuple(self._joins), tuple(self._unreadable), self._cut)

    def causes_of(self, record: ProvenanceRecord) -> Iterator[ProvenanceRecord]:
        for output_id in nested_outputs(_flow(record), record.output.output_id):
            yield from self._read([f"rec_{output_id.removeprefix('out_')}"])
        for other in self._read(self._reader.records_of_trace(record.trace.trace_id)):
            if other.trace.parent_record_id == record.record_id and self._handed_over(record, other):
                yield other
        for source in record.sources:
            for value_ids, join in _contents(source):
                for other in self._read(self._some(self._reader.outputs_of(join))):
                    if _is_made_of(record, source, other):
                        self._join(value_ids, other)
                        yield other

    def effects_of(self, record: ProvenanceRecord) -> Iterator[ProvenanceRecord]:
        output_id = record.output.output_id
        for other in self._read(self._reader.records_of_trace(record.trace.trace_id)):
            if output_id in nested_outputs(_flow(other), other.output.output_id):
                yield other
        parent = record.trace.parent_record_id
        for other in self._read([] if parent is UNSET else [parent]):
            if self._handed_over(other, record):
                yield other
        join = _join_of(record.output)
        uses = [] if join is None else self._some([use.record_id for use in self._reader.uses_of(join)])
        for other in self._read(uses):
            held = [
                value_id
                for source in other.sources
                if _is_made_of(other, source, record)
                for value_ids, content in _contents(source)
                if content == join
                for value_id in value_ids
            ]
            if held:
                self._join(held, record)
                yield other

    def _some(self, record_ids: list[str]) -> list[str]:
        """The newest of many records with one content: what repeats itself would join everything with everything."""
        if len(record_ids) > MAX_EQUAL:
            self._cut = True
        return record_ids[-MAX_EQUAL:]

    def _join(self, value_ids: Iterable[str], other: ProvenanceRecord) -> None:
        self._joins.update(dict.fromkeys((one, other.output.output_id, _DERIVED, _DIGEST) for one in value_ids))

    def _handed_over(self, record: ProvenanceRecord, other: ProvenanceRecord) -> bool:
        """Notes how an output goes back to one that was made for it in another process; whether it does."""
        join = _join_of(other.output)
        holders = [] if join is None else [value_id for value_id, held in values_of(record) if held == join]
        output_id = other.output.output_id
        if holders:
            self._join(holders, other)
        elif other.output.status == _COMPLETED and other.output.ended_at <= record.output.ended_at:
            self._joins[record.output.output_id, output_id, _DERIVED, _ENCLOSING] = None
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


def _flow(record: ProvenanceRecord) -> Iterator[Arrow]:
    return ((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)


def values_of(record: ProvenanceRecord) -> Iterator[tuple[str, str | None]]:
    """Ids and join digests of every value of a record."""
    yield record.output.output_id, _join_of(record.output)
    for source in record.sources:
        yield from ((value.entity_id, _join_of(value)) for value in (*source.arguments, *source.elements))
        yield source.source_id, _join_of(source)
    steps: list[Transformation | ModelCall] = [*record.transformations, *record.model_calls]
    for value in (*record.output.arguments, *(value for step in steps for value in (*step.arguments, *step.results))):
        yield value.entity_id, _join_of(value)


def _contents(source: Source) -> Iterator[tuple[list[str], str]]:
    """Join digests of what a source brought, and of what is in it, with the ids of the values that hold it: of the
    whole, all that is in it too.
    """
    whole = _join_of(source)
    if whole is not None:
        yield [source.source_id, *(element.entity_id for element in source.elements)], whole
    for element in source.elements:
        join = _join_of(element)
        if join is not None:
            yield [element.entity_id], join


def _join_of(value: Source | Entity | Output) -> str | None:
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
