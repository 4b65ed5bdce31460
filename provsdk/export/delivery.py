"""Hands sealed records to an exporter: at least once, in log order, from where its cursor stands.

Cursors are transit. They live in files beside the log, not in it, and losing one costs nothing but a repetition.
"""

import json
import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from provsdk.errors import ExportError, KeyUnusable
from provsdk.export.contract import Exporter, SealedRecord
from provsdk.records.record import ProvenanceRecord

if sys.platform != "win32":
    import fcntl

__all__ = ["BATCH", "Cursor", "deliver", "first_entry", "read", "sealed"]

BATCH: Final = 64
"""Records per call of an exporter."""

_MAX_POSITION: Final = 2**63 - 1
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_RECORD_KINDS: Final = frozenset({"record.sealed", "record.extended"})


class Entry(Protocol):
    """What is read of a log's entry."""

    @property
    def index(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def subject(self) -> str: ...


class Folding(Protocol):
    """What is read of a folded record."""

    @property
    def record(self) -> ProvenanceRecord | None: ...
    @property
    def entries(self) -> Iterable[Entry]: ...
    @property
    def unreadable(self) -> Iterable[tuple[int, str, str]]: ...


class Log(Protocol):
    """What delivery reads: every store has it."""

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """Entries from `start` up to before `stop`, in log order."""
        ...

    def fold(self, record_id: str) -> Folding:
        """The record with its extensions folded in."""
        ...


class Cursor:
    """Remembers, in one small file, which entries an exporter has been handed."""

    def __init__(self, directory: Path, identity: str) -> None:
        self._file = directory / f"exporter-{identity}.json"
        self._lock = directory / f"exporter-{identity}.lock"

    @contextmanager
    def claimed(self) -> Iterator[bool]:
        """True for the one process (or thread) that may deliver now; False while another one does. Never waits.

        Raises:
            OSError: the directory cannot be made or written.
        """
        self._lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | _NO_FOLLOW, 0o600)
        try:
            if sys.platform != "win32":
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            yield False
            return
        try:
            yield True
        finally:
            os.close(descriptor)  # closing gives the lock back, and so does dying

    def position(self, log: str) -> int:
        """Index of the next entry to hand over; 0 where the file is missing, damaged, or about another log."""
        try:
            state = json.loads(self._file.read_bytes())
            position = state["next"] if state["log"] == log else 0
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return 0
        return position if type(position) is int and 0 <= position <= _MAX_POSITION else 0

    def advance(self, log: str, position: int) -> None:
        """Notes that everything before `position` was handed over. Replaces the file in one step; not flushed to disk:
        what a power failure takes is handed over again. Nothing is written through a symbolic link.
        """
        draft = self._file.with_name(f".{self._file.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600)
        try:
            with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 made here, whatever else stands there
                file.write(json.dumps({"v": 1, "log": log, "next": position}))
            draft.replace(self._file)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def deliver(exporter: Exporter, cursor: Cursor, log: Log, *, batch: int = BATCH) -> int:
    """Hands over what was sealed since the last time; returns the number of records.

    Returns 0 at once where another process is delivering for the same exporter: what is left is its to do.

    Raises:
        ExportError: the exporter raised (its error is the cause); the batch stays pending.
        KeyUnusable: a record's key is not reachable; it and what follows stay pending.
    """
    done = 0
    with cursor.claimed() as mine:
        if not mine:
            return done
        name = first_entry(log)
        records = read(log, _start(log, cursor.position(name)), name)
        while pending := list(islice(records, batch)):
            _export(exporter, pending)
            cursor.advance(name, pending[-1].entry + 1)
            done += len(pending)
    return done


def _start(log: Log, position: int) -> int:
    """Where to go on; from the start where the cursor stands behind more entries than there are: it is damaged."""
    return position if position and any(True for _ in log.entries(position - 1, position)) else 0


def _export(exporter: Exporter, pending: list[SealedRecord]) -> None:
    try:
        exporter.export(pending)
    except Exception as error:  # another package's code: whatever it raises means "not delivered"
        what = f"{len(pending)} records from entry {pending[0].entry} on"
        raise ExportError(f"{type(exporter).__qualname__} did not take {what}: {type(error).__qualname__}") from error


def first_entry(log: Log) -> str:
    """Id of the log's first entry; empty for an empty log."""
    return next((entry.id for entry in log.entries(0, 1)), "")


def read(log: Log, start: int, name: str) -> Iterator[SealedRecord]:
    """The records sealed or extended from entry *start* on, in log order. Those that were erased since are passed over.

    Raises:
        KeyUnusable: a record is encrypted and its key is not reachable.
    """
    for entry in log.entries(start):
        if entry.kind in _RECORD_KINDS:
            folded = log.fold(entry.subject)
            if folded.record is not None:
                yield SealedRecord(name, entry.index, _revision(entry), folded.record)
            else:
                _refuse_locked(entry.subject, folded)


def sealed(folded: Folding, name: str) -> SealedRecord | None:
    """One record as an exporter gets it, at its newest revision; None where it was erased.

    Raises:
        KeyUnusable: the record is encrypted and its key is not reachable.
    """
    about = [entry for entry in folded.entries if entry.kind in _RECORD_KINDS]
    if folded.record is None:
        _refuse_locked(about[0].subject if about else "the record", folded)
        return None
    return SealedRecord(name, about[-1].index, _revision(about[-1]), folded.record)


def _refuse_locked(record_id: str, folded: Folding) -> None:
    locked = [path for _, path, state in folded.unreadable if state == "locked"]
    if locked:
        raise KeyUnusable(f"{record_id} is encrypted and its key is not reachable: {', '.join(locked[:5])}")


def _revision(entry: Entry) -> int:
    """From the idempotency key, `record/<record id>/<revision>`."""
    with suppress(ValueError):
        return int(entry.key.rpartition("/")[2])
    return 0
