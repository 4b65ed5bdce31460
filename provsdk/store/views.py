"""The views as a pure function: an entry and what it says in, rows out. Format: `docs/formats/store.md`, section 6.

Rows of a protected record hold no name, no location and no plain digest: ids, counts, the shape of the flow, and the
first half of join digests, which are keyed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import UNSET

from provsdk.ledger.entries import Entry
from provsdk.records.record import Entity, Extension, ProvenanceRecord, Source

__all__ = [
    "BASES",
    "INSERTS",
    "JOIN_BYTES",
    "OUTPUT",
    "RELATIONS",
    "Rows",
    "are_arrows",
    "join_of",
    "output_id_of",
    "project",
    "subject_of_key",
]

JOIN_BYTES: Final = 16
"""Bytes of a join digest that views keep."""

MAX_ELEMENTS: Final = 65_536
"""Contents within the sources and the output of one entry that are found again by their digests; of more, the first."""

OUTPUT: Final = -1
"""In place of a source's number, of a content within the output."""

RELATIONS: Final[Mapping[str, int]] = {"used": 0, "wasGeneratedBy": 1, "wasDerivedFrom": 2}
"""Relation → its number in the view `edges`; another one stands there as text."""

BASES: Final[Mapping[str, int]] = {
    "identity": 0,
    "digest": 1,
    "containment": 2,
    "quotation": 3,
    "explicit": 4,
    "enclosing": 5,
}
"""Basis → its number in the view `edges`; another one stands there as text."""

INSERTS: Final[Mapping[str, str]] = {
    "audit": "INSERT INTO audit VALUES(?, ?, ?, ?)",
    "records": "INSERT INTO records VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "sources": "INSERT INTO sources VALUES(?, ?, ?, ?, ?, ?, ?)",
    "elements": "INSERT INTO elements VALUES(?, ?, ?)",
    "edges": "INSERT INTO edges VALUES(?, ?)",
}
"""View → the statement that takes its rows."""

_Row = tuple[Any, ...]

_Number = Annotated[int, msgspec.Meta(ge=0)]
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(list[tuple[_Number, _Number, _Number | str, _Number | str]]).decode


class Rows(NamedTuple):
    """What one entry adds to each view."""

    audit: tuple[_Row, ...]
    records: tuple[_Row, ...] = ()
    sources: tuple[_Row, ...] = ()
    elements: tuple[_Row, ...] = ()
    edges: tuple[_Row, ...] = ()


def project(index: int, entry: Entry, said: ProvenanceRecord | Extension | None, *, protected: bool) -> Rows:
    """The rows of one entry.

    Args:
        index: The entry's.
        entry: What the log says.
        said: The record or extension that its parts hold; None if it is none, or if parts of it are erased.
        protected: Whether its parts are stored encrypted.
    """
    audit = ((index, entry.kind, entry.subject, _key(entry.key, entry.subject)),)
    records: tuple[_Row, ...] = ()
    if entry.kind == "record.sealed":
        records = (_record(index, entry.subject, said if isinstance(said, ProvenanceRecord) else None, protected),)
    if said is None:
        return Rows(audit, records)
    sources = tuple([_source(index, n, source, protected) for n, source in enumerate(said.sources)])
    return Rows(audit, records, sources, _elements(index, said), ((index, _arrows(said)),) if said.flow else ())


def _key(key: str, subject: str) -> str | None:
    """An entry's key as `audit` has it: None for the one that follows from the subject, as that of almost all does."""
    return None if key == f"record/{subject}/0" else key


def subject_of_key(key: str) -> str | None:
    """The subject for which `audit` has None in place of that key; None where there is none."""
    return key[7:-2] if key.startswith("record/") and key.endswith("/0") else None


def output_id_of(record_id: str) -> str:
    """The id of the output that a record is about."""
    return f"out_{record_id.removeprefix('rec_')}"


def _record(index: int, record_id: str, record: ProvenanceRecord | None, protected: bool) -> _Row:  # noqa: FBT001 a row
    if record is None:
        return (index, *(None,) * 10, int(protected), None)
    output = record.output
    counts = (
        len(record.sources),
        len(record.transformations),
        len(record.model_calls),
        len(record.policy_checks),
    )
    join = join_of(output.join_digest)
    if protected:
        return (index, *(None,) * 5, *counts, None, 1, join)
    return (
        index,
        None if output.output_id == output_id_of(record_id) else output.output_id,
        output.name,
        output.status,
        record.generated_at,
        output.classification,
        *counts,
        int(record.completeness.complete),
        0,
        join,
    )


def _source(index: int, n: int, source: Source, protected: bool) -> _Row:  # noqa: FBT001 a row
    join = join_of(source.join_digest)
    if protected:
        return (index, n, None, None, None, None, join)
    return (index, n, source.type, source.name, source.version, source.location, join)


def _elements(index: int, said: ProvenanceRecord | Extension) -> tuple[_Row, ...]:
    """Each content within a source, or within the output, once: an answer may be a field of what another one loaded."""
    found = [(OUTPUT, join) for join in _made_by(said)] if isinstance(said, ProvenanceRecord) else []
    found += [
        (n, join) for n, each in enumerate(said.sources) if each.elements for join in _joins_within(each.elements)
    ]
    return tuple([(index, n, join) for n, join in found[:MAX_ELEMENTS]])


def _made_by(record: ProvenanceRecord) -> list[bytes]:
    """Of what is in the output, what it was neither given nor had loaded: whoever loads that may have it from there."""
    if record.output.elements is UNSET:
        return []
    known: list[Source | Entity] = [*record.output.arguments, *record.sources]
    known += [element for source in record.sources for element in source.elements]
    return sorted({*_joins_within(record.output.elements)}.difference(join_of(each.join_digest) for each in known))


def _joins_within(elements: Sequence[Entity]) -> list[bytes]:
    return sorted({join for each in elements if (join := join_of(each.join_digest)) is not None})


def _arrows(said: ProvenanceRecord | Extension) -> str:
    """Edges between nodes: 0 is the output, 1 to n are the sources, others are numbered as they come."""
    nodes: dict[str, int] = defaultdict(count(len(said.sources) + 1).__next__)
    # Both ids are of the record's own span, so that an extension names the output as its record does.
    nodes[output_id_of(said.record_id)] = 0
    if isinstance(said, ProvenanceRecord):
        nodes[said.output.output_id] = 0
    for n, source in enumerate(said.sources, 1):
        nodes.setdefault(source.source_id, n)
    relation, basis = RELATIONS.get, BASES.get
    return _encode(
        [
            (nodes[edge.from_], nodes[edge.to], relation(edge.relation, edge.relation), basis(edge.basis, edge.basis))
            for edge in said.flow
        ]
    ).decode()


def are_arrows(stored: object) -> bool:
    """Whether that could stand in the view `edges`: all that can be said where the edges themselves are locked."""
    try:
        arrows = _decode(stored) if isinstance(stored, str) else ()
        return bool(arrows) and _encode(arrows).decode() == stored
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False


def join_of(digest: str | None) -> bytes | None:
    """The bytes of a join digest that views keep; None where there is none."""
    if digest is None:
        return None
    try:
        return bytes.fromhex(digest.rpartition(":")[2][: 2 * JOIN_BYTES])
    except ValueError:
        return None
