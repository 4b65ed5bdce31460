"""Reads what reports are made of out of a store, and says why where it cannot."""

import json
from typing import Any

from provsdk.errors import NotFound, StoreUnavailable
from provsdk.records.record import ProvenanceRecord
from provsdk.report.summary import Custody, Integrity, LogLine
from provsdk.store.contract import Folded, Store
from provsdk.vocabulary import IntegrityStatus

__all__ = ["custody_of", "found", "integrity_of", "log_key", "readable", "short_names", "why_unreadable"]

SUGGESTIONS = 5
SHORTEST = len("rec_") + 8


def found(log: Store, name: str) -> Folded:
    """The record that goes by *name*.

    Raises:
        NotFound: none does, or more than one; the message says which ones come near.
    """
    try:
        return log.fold(log.resolve(name))
    except NotFound as error:
        near = _near(log, name)
        raise NotFound(f"{error}\n{near}" if near and near not in str(error) else str(error)) from error


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


def short_names(log: Store, record_ids: list[str]) -> dict[str, str]:
    """For each record the shortest prefix that names it and no other in the store."""
    return {record_id: _shortest(log, record_id) for record_id in record_ids}


def _shortest(log: Store, record_id: str) -> str:
    """Halves the distance: a prefix that is long enough stays so when it grows."""
    low, high = min(SHORTEST, len(record_id)), len(record_id)
    while low < high:
        middle = (low + high) // 2
        if _names(log, record_id[:middle]):
            high = middle
        else:
            low = middle + 1
    return record_id[:low]


def _names(log: Store, prefix: str) -> bool:
    try:
        log.resolve(prefix)
    except NotFound:
        return False
    return True
