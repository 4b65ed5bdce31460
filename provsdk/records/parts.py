"""A record as parts, each of which can be kept, encrypted, disclosed or erased by itself, and a record from its parts.

    header              ids, trace, output, emitter, capture, completeness, and how many there are of everything else
    sources/<n>/id      which entity, from which load, of which type, when: kept for ever
    sources/<n>/detail  the rest of it: long_term
    transformations     model_calls/<n>     flow     context     environment     retention     permissions
    checks              regulatory
    ownership           long_term
    content/<n>         captured content of one value

`<n>` counts from 0 in the order of the record's list. Lists that are empty have no part: the header's counts say so.
What has no category of its own is kept as long as the record. No path holds anything that a user wrote.
"""

import base64
from collections.abc import Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Final, TypeVar

import msgspec

from provsdk.errors import FormatError
from provsdk.records.codec import decode, encode
from provsdk.records.record import (
    Capture,
    Checksum,
    Completeness,
    Context,
    Edge,
    Emitter,
    Entity,
    Extension,
    Missing,
    ModelCall,
    Output,
    Owner,
    Permissions,
    PolicyCheck,
    ProvenanceRecord,
    Retention,
    Source,
    Stream,
    Struct,
    Trace,
    Transformation,
)
from provsdk.vocabulary import RetentionPeriod

__all__ = ["Part", "content_part", "join", "join_extension", "retention_of", "split", "split_extension"]

T = TypeVar("T")

PERMANENT: Final = RetentionPeriod.PERMANENT.value
LONG_TERM: Final = RetentionPeriod.LONG_TERM.value
REGULATORY: Final = RetentionPeriod.REGULATORY.value


class Part(msgspec.Struct, frozen=True, gc=False):
    """One content that an entry commits to."""

    path: str
    retention: str
    """A `RetentionPeriod`, or `days:<n>`."""
    content: bytes
    """Canonical JSON."""


class _Counts(Struct, frozen=True):
    """How many there are: what is not there cannot be taken for what was erased."""

    sources: int
    transformations: int
    model_calls: int
    policy_checks: int
    owners: int
    edges: int


class _Header(Struct, frozen=True):
    schema_version: str
    vocabulary_version: str
    record_id: str
    generated_at: str
    trace: Trace
    output: Output
    emitter: Emitter | None
    capture: Capture
    completeness: Completeness
    counts: _Counts


class _ExtensionHeader(Struct, frozen=True):
    record_id: str
    revision: int
    missing: list[Missing]
    counts: _Counts


class _SourceId(Struct, frozen=True, kw_only=False):
    source_id: str
    activity_id: str | None
    type: str
    retrieved_at: str


class _SourceDetail(Struct, frozen=True, kw_only=False):
    name: str
    version: str | None
    location: str | None
    digest: str | None
    join_digest: str | None
    media_type: str | None
    size_bytes: int | None
    modified_at: str | None
    classification: str | None
    owner: str | None
    reliability: float | int
    requires_verification: bool
    parameters: dict[str, object]
    arguments: list[Entity]
    elements: list[Entity]
    basis: str
    status: str
    error_type: str | None
    checksum: Checksum | msgspec.UnsetType = msgspec.UNSET
    stream: Stream | msgspec.UnsetType = msgspec.UNSET
    took_us: int | msgspec.UnsetType = msgspec.UNSET


_id_of: Final = attrgetter(*_SourceId.__struct_fields__)
_detail_of: Final = attrgetter(*_SourceDetail.__struct_fields__)


def retention_of(record: ProvenanceRecord) -> str:
    """How long those parts are kept that have no category of their own, as a `Part` says it."""
    return record.retention.period or f"days:{record.retention.days}"


def split(record: ProvenanceRecord) -> tuple[Part, ...]:
    """The parts of a record, without captured content.

    Raises:
        NotCanonical: the record holds a value without a canonical form; what assembly makes never does.
    """
    kept = retention_of(record)
    header = _Header(
        schema_version=record.schema_version,
        vocabulary_version=record.vocabulary_version,
        record_id=record.record_id,
        generated_at=record.generated_at,
        trace=record.trace,
        output=record.output,
        emitter=record.emitter,
        capture=record.capture,
        completeness=record.completeness,
        counts=_counts(record, owners=len(record.ownership)),
    )
    parts = [Part("header", kept, encode(header))]
    _split_activities(record, kept, parts)
    if record.ownership:
        parts.append(Part("ownership", LONG_TERM, encode(record.ownership)))
    parts.append(Part("retention", kept, _encoded_retention(record.retention)))
    parts.append(Part("permissions", kept, encode(record.permissions)))
    parts.append(Part("context", kept, encode(record.context)))
    parts.append(Part("environment", kept, _encoded_environment(tuple(record.environment.items()))))
    return tuple(parts)


_encoded_retention: Final = lru_cache(maxsize=64)(encode)


@lru_cache(maxsize=64)
def _encoded_environment(items: tuple[tuple[str, str], ...]) -> bytes:
    """One process has one environment, so that most records share these bytes."""
    return encode(dict(items))


def split_extension(extension: Extension, retention: str) -> tuple[Part, ...]:
    """The parts of an extension; `retention` is that of its record, as `retention_of` gives it."""
    header = _ExtensionHeader(
        record_id=extension.record_id,
        revision=extension.revision,
        missing=extension.missing,
        counts=_counts(extension, owners=0),
    )
    parts = [Part("header", retention, encode(header))]
    _split_activities(extension, retention, parts)
    return tuple(parts)


def content_part(position: int, retention: str, entity_id: str, media_type: str, content: bytes) -> Part:
    """The part of one value's captured content: as text where it is UTF-8, else in base64."""
    try:
        encoding, text = "utf-8", content.decode()
    except UnicodeDecodeError:
        encoding, text = "base64", base64.b64encode(content).decode()
    body = {"entity_id": entity_id, "media_type": media_type, "encoding": encoding, "content": text}
    return Part(f"content/{position}", retention, encode(body))


def join(contents: Mapping[str, bytes]) -> ProvenanceRecord:
    """The record from the canonical bytes of its parts by path; captured content is passed over.

    Raises:
        FormatError: a part is missing or is not what it should be; names its path.
    """
    header = _read(contents, "header", _Header)
    counts = header.counts
    return ProvenanceRecord(
        schema_version=header.schema_version,
        vocabulary_version=header.vocabulary_version,
        record_id=header.record_id,
        generated_at=header.generated_at,
        trace=header.trace,
        output=header.output,
        sources=_sources(contents, counts.sources),
        transformations=_list(contents, "transformations", Transformation, counts.transformations),
        model_calls=_model_calls(contents, counts.model_calls),
        policy_checks=_list(contents, "checks", PolicyCheck, counts.policy_checks),
        flow=_list(contents, "flow", Edge, counts.edges),
        context=_read(contents, "context", Context),
        ownership=_list(contents, "ownership", Owner, counts.owners),
        retention=_read(contents, "retention", Retention),
        permissions=_read(contents, "permissions", Permissions),
        environment=_read(contents, "environment", dict[str, str]),
        emitter=header.emitter,
        capture=header.capture,
        completeness=header.completeness,
    )


def join_extension(contents: Mapping[str, bytes]) -> Extension:
    """The extension from the canonical bytes of its parts by path.

    Raises:
        FormatError: as for `join`.
    """
    header = _read(contents, "header", _ExtensionHeader)
    counts = header.counts
    return Extension(
        record_id=header.record_id,
        revision=header.revision,
        sources=_sources(contents, counts.sources),
        transformations=_list(contents, "transformations", Transformation, counts.transformations),
        model_calls=_model_calls(contents, counts.model_calls),
        policy_checks=_list(contents, "checks", PolicyCheck, counts.policy_checks),
        flow=_list(contents, "flow", Edge, counts.edges),
        missing=header.missing,
    )


def _counts(of: ProvenanceRecord | Extension, *, owners: int) -> _Counts:
    return _Counts(
        sources=len(of.sources),
        transformations=len(of.transformations),
        model_calls=len(of.model_calls),
        policy_checks=len(of.policy_checks),
        owners=owners,
        edges=len(of.flow),
    )


def _split_activities(of: ProvenanceRecord | Extension, kept: str, parts: list[Part]) -> None:
    for position, source in enumerate(of.sources):
        parts.append(Part(f"sources/{position}/id", PERMANENT, encode(_SourceId(*_id_of(source)))))
        parts.append(Part(f"sources/{position}/detail", LONG_TERM, encode(_SourceDetail(*_detail_of(source)))))
    if of.transformations:
        parts.append(Part("transformations", kept, encode(of.transformations)))
    for position, call in enumerate(of.model_calls):
        parts.append(Part(f"model_calls/{position}", kept, encode(call)))
    if of.policy_checks:
        parts.append(Part("checks", REGULATORY, encode(of.policy_checks)))
    if of.flow:
        parts.append(Part("flow", kept, encode(of.flow)))


def _sources(contents: Mapping[str, bytes], count: int) -> list[Source]:
    _refuse_more(contents, "sources", count)
    found = []
    for position in range(count):
        known = _read(contents, f"sources/{position}/id", _SourceId)
        detail = _read(contents, f"sources/{position}/detail", _SourceDetail)
        found.append(Source(**msgspec.structs.asdict(known), **msgspec.structs.asdict(detail)))
    return found


def _model_calls(contents: Mapping[str, bytes], count: int) -> list[ModelCall]:
    _refuse_more(contents, "model_calls", count)
    return [_read(contents, f"model_calls/{position}", ModelCall) for position in range(count)]


def _refuse_more(contents: Mapping[str, bytes], what: str, count: int) -> None:
    more = f"{what}/{count}"
    if any(path == more or path.startswith(more + "/") for path in contents):
        raise FormatError(f"part {more}: the header counts {count} {what}")


def _list(contents: Mapping[str, bytes], path: str, kind: type[T], count: int) -> list[T]:
    """A part that is a list, as long as the header says it is; none where it says that there are none."""
    if count == 0 and path not in contents:
        return []
    found = _read(contents, path, list[kind])  # type: ignore[valid-type]
    if len(found) != count:
        raise FormatError(f"part {path}: holds {len(found)}, the header counts {count}")
    return found


def _read(contents: Mapping[str, bytes], path: str, kind: type[T]) -> T:
    if path not in contents:
        raise FormatError(f"part {path}: is missing")
    return decode(contents[path], kind, f"part {path}")
