"""Reads what reports are made of out of a store, and says why where it cannot."""

import json
from collections.abc import Iterator
from typing import Any

import click

from provsdk.cli.gaps import absent_outputs
from provsdk.cli.place import configuration
from provsdk.errors import NotFound, StoreDamaged, StoreUnavailable
from provsdk.records.record import ProvenanceRecord
from provsdk.report.nested import Nested, nested_ids
from provsdk.report.summary import Custody, Integrity, LogLine
from provsdk.store.contract import Folded, Store
from provsdk.vocabulary import IntegrityStatus

__all__ = [
    "custody_of",
    "every_record",
    "found",
    "integrity_of",
    "log_key",
    "nested_of",
    "readable",
    "short_name",
    "short_names",
    "why_unreadable",
]

SUGGESTIONS = 5
SHORTEST = len("rec_") + 8
SPAN_DIGITS = 6


def found(log: Store, name: str) -> Folded:
    """The record that goes by *name*.

    Raises:
        NotFound: none does, or more than one; the message says which ones come near.
    """
    try:
        return log.fold(log.resolve(name))
    except NotFound as error:
        gap = _gap_of(log, name)
        if gap is not None:
            raise NotFound(gap) from error
        near = _near(log, name)
        raise NotFound(f"{error}\n{near}" if near and near not in str(error) else str(error)) from error


def _gap_of(log: Store, name: str) -> str | None:
    """What is known of an output of that id that has no record."""
    if len(name) < SHORTEST or not name.startswith(("rec_", "out_")):
        return None
    for gap in absent_outputs(log, configuration(click.get_current_context().params.get("store"))).gaps:
        if gap.record_id is not None and gap.record_id.startswith(f"rec_{name[4:]}"):
            return (
                f"{gap.record_id} is an output without a record ({gap.reason}); `provsdk gaps` says what is known of it"
            )
    return None


def _near(log: Store, name: str) -> str:
    """Records whose output has that name, or else the newest ones."""
    newest = log.summaries(limit=200)
    if not newest:
        return "The store holds no records yet."
    wanted = name.casefold()
    named = [item for item in newest if item.name and wanted in item.name.casefold()]
    listed = (named or newest)[:SUGGESTIONS]
    head = "Records of outputs by that name:" if named else "The newest records:"
    return "\n".join([head, *(f"  {item.record_id}  {item.name or '(encrypted)'}" for item in listed)])


def readable(log: Store, name: str) -> ProvenanceRecord:
    """The record that goes by *name*, folded.

    Raises:
        NotFound: as `found`.
        StoreUnavailable: it cannot be read, because it is encrypted and its key is not reachable, or was erased.
    """
    folded = found(log, name)
    if folded.record is None:
        raise StoreUnavailable(why_unreadable(folded))
    return folded.record


def every_record(log: Store, unreadable: list[str]) -> Iterator[ProvenanceRecord]:
    """Every record that can be read, in log order; the ids of others are added to *unreadable*."""
    for summary in log.summaries(newest_first=False):
        try:
            record = log.fold(summary.record_id).record
        except StoreDamaged:  # what `verify` is for; the others are here all the same
            record = None
        if record is None:
            unreadable.append(summary.record_id)
        else:
            yield record


def why_unreadable(folded: Folded) -> str:
    """Why the record cannot be read, and what to do."""
    locked = [path for _, path, state in folded.unreadable if state == "locked"]
    if locked:
        return (
            f"{folded.record_id} is encrypted, and its key is not reachable.\n"
            "Where the key files are is the setting `keys` (PROVSDK_KEYS) and `state` (PROVSDK_STATE)."
        )
    return f"{folded.record_id} was erased; what stays is shown by `provsdk audit {folded.record_id}`"


def integrity_of(log: Store, record_id: str) -> Integrity:
    """Verifies the record, now."""
    from provsdk.store.verify import verify  # noqa: PLC0415 heavy, and only some commands need it

    report = verify(log, record_id)
    return Integrity(
        status=IntegrityStatus.VERIFIED if report.ok else IntegrityStatus.TAMPERED,
        level=str(report.level.value),
        key=log_key(log),
        checked=sum(step.checked for step in report.steps),
        not_checked=sum(step.not_checked for step in report.steps),
        first_wrong=report.first_wrong,
        findings=tuple(str(finding) for finding in report.findings),
    )


def log_key(log: Store) -> str | None:
    """Name and id of the key that signs the log's checkpoints, as entry 0 states it: `<name>+<id>`."""
    for part in log.parts(0):
        if part.path == "log" and part.content is not None:
            stated: Any = json.loads(part.content).get("log_key")
            return "+".join(str(stated).split("+")[:2]) if stated else None
    return None


def custody_of(log: Store, folded: Folded) -> Custody:
    """Where the record stands in the log, and what was said of it since."""
    return Custody(
        origin=log.origin,
        entries=tuple(LogLine(entry.index, entry.kind, entry.time) for entry in folded.entries),
        log_size=log.size(),
        notes=folded.notes,
        unreadable=tuple((index, path, str(state)) for index, path, state in folded.unreadable),
    )


def nested_of(log: Store, record: ProvenanceRecord) -> list[Nested]:
    """The outputs that were made within the record's own, as far as the store knows them."""
    return [_nested(log, output_id) for output_id in nested_ids(record)]


def _nested(log: Store, output_id: str) -> Nested:
    try:
        folded = log.fold(log.resolve(output_id))
    except NotFound:
        return Nested(output_id, None)
    except StoreDamaged:  # the record around it is shown all the same
        return Nested(output_id, None, "see `provsdk verify --all`", status="damaged")
    short = short_name(log, folded.record_id)
    if folded.record is None:
        return Nested(output_id, folded.record_id, short)
    output = folded.record.output
    return Nested(
        output_id=output_id,
        record_id=folded.record_id,
        short=short,
        name=output.name,
        started_at=output.started_at,
        ended_at=output.ended_at,
        status=output.status,
        error_type=output.error_type,
    )


def short_names(log: Store, record_ids: list[str]) -> dict[str, str]:
    """For each record a short name that `Store.resolve` knows it by, and no other record of the store."""
    return {record_id: short_name(log, record_id) for record_id in record_ids}


def short_name(log: Store, record_id: str) -> str:
    """`rec_` and the first digits of its trace; where records share the trace, `..` and the first of its span."""
    span = record_id.partition("-")[2]
    head = record_id[:SHORTEST]
    names = [head, *(f"{head}..{span[:digits]}" for digits in (SPAN_DIGITS, len(span)) if span)]
    return next((name for name in names if _names(log, name)), record_id)


def _names(log: Store, name: str) -> bool:
    try:
        log.resolve(name)
    except NotFound:
        return False
    return True
