"""Outputs without a record, as far as numbers show them: gaps in the log, and slots of dead processes.

Nothing is appended here. What the slots say becomes entries when the next process opens the store
(`provsdk.pipeline._recovery`).
"""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from provsdk import canonical
from provsdk.errors import FormatError, ProvsdkError
from provsdk.store.contract import LogEntry, Store
from provsdk.store.emitters import SUFFIX, Slots, read_slots, slot_files

__all__ = ["Absence", "Absences", "Said", "absence_of", "absences", "is_sealed", "reason_of", "said_of"]

_OPENED: Final = "emitter.opened"
_GAP: Final = "emitter.gap"
_CLOSED: Final = "emitter.closed"


class Said(NamedTuple):
    """What the log says of one emitter."""

    opened: bool
    closed: bool
    gaps: frozenset[int]
    """Numbers of outputs that have a gap."""


@dataclass(frozen=True, slots=True)
class Absence:
    """An output that started and has no record."""

    emitter_id: str
    number: int
    record_id: str | None
    """The id that its record would have; None where it had no span yet."""
    name: str | None
    """The first 24 bytes of it; None where it is not known, or its class is encrypted at rest."""
    started_at: str | None
    reason: str
    """`killed`, `unfinished`, `queue_full`, `capture_failed`, `key_conflict` …"""
    entry: int | None
    """Index of its `emitter.gap`; None where only the slot of a dead process shows it yet."""


@dataclass(frozen=True, slots=True)
class Absences:
    """What numbers show of a store's emitters."""

    gaps: tuple[Absence, ...]
    """Those of the log in its order, then those that only slots show."""
    running: int
    """Emitters whose process is alive."""
    ended: int
    """Emitters whose process is dead, and that the log does not say so of yet."""
    unknown: tuple[str, ...]
    """Emitters that the log says were opened and not that they were closed, and that left no slots: they run without
    any, or the file was deleted, or this is a copy. What they started and did not seal cannot be told."""
    waiting: int
    """Outputs that had begun in processes that are dead and left a spool: each is in it, or has no record."""
    untracked: int
    """Outputs that ran without a slot: if one of them has no record, no number tells."""
    problems: tuple[str, ...]
    """Files of slots that cannot be read, and why."""


def absences(store: Store, directory: Path, spooling: Callable[[], Container[str]] = tuple) -> Absences:
    """Every output that the numbers show to be without a record.

    Args:
        store: An open store; it is only read.
        directory: The store's.
        spooling: Answers the ids of emitters whose records may wait elsewhere: their slots show no gap yet.

    Raises:
        StoreError: the log, or the directory of slots, cannot be read.
    """
    # Slots first: what is recovered meanwhile is then seen twice, and not in between. Then spools: what a process wrote
    # there before it died is there. Then the log, which has what was replayed meanwhile.
    files = _Files(directory)
    spools = spooling()
    entries = store.entries_of_kind(_OPENED, _GAP, _CLOSED)
    opened = {entry.subject for entry in entries if entry.kind == _OPENED}
    closed = {entry.subject for entry in entries if entry.kind == _CLOSED}
    gaps = [absence_of(store, entry) for entry in entries if entry.kind == _GAP]
    known = {(gap.emitter_id, gap.number) for gap in gaps}
    waiting = 0
    for slots in files.dead:
        if slots.emitter_id in spools:
            waiting += sum(not is_sealed(store, slot.record_id) for slot in slots.open)
            continue
        reason = reason_of(slots, closed=slots.emitter_id in closed)
        gaps += [gap for gap in _of_slots(slots, reason) if (gap.emitter_id, gap.number) not in known]
    untracked = sum(_untracked(store, entry) for entry in entries if entry.kind == _CLOSED)
    return Absences(
        gaps=tuple(gap for gap in gaps if _is_open(store, gap)),
        running=files.running,
        ended=sum(slots.emitter_id not in closed for slots in files.dead),
        unknown=tuple(sorted(_unaccounted(store, directory, opened - closed - files.emitters))),
        waiting=waiting,
        untracked=untracked + sum(slots.untracked for slots in files.dead if slots.emitter_id not in closed),
        problems=tuple(files.problems),
    )


def _is_open(store: Store, gap: Absence) -> bool:
    """Whether its record did not come after all; where ids collide, the record of that id is another output's."""
    return gap.record_id is None or gap.reason == "key_conflict" or not is_sealed(store, gap.record_id)


def _unaccounted(store: Store, directory: Path, emitters: set[str]) -> set[str]:
    """Those that have no slots by now, and are not closed: one may have begun, and ended, meanwhile."""
    without = emitters - {path.name.removesuffix(SUFFIX) for path in slot_files(directory)}
    return {one for one in without if not said_of(store, one).closed}


class _Files:
    """The files beside the store, read once."""

    def __init__(self, directory: Path) -> None:
        self.dead: list[Slots] = []
        self.running = 0
        self.problems: list[str] = []
        self.emitters: set[str] = set()
        for path in slot_files(directory):
            self.emitters.add(path.name.removesuffix(SUFFIX))
            try:
                slots = read_slots(path)
            except ProvsdkError as error:
                self.problems.append(str(error))
                continue
            if slots is not None:
                self.dead.append(slots)
            elif path.exists():
                self.running += 1


def said_of(store: Store, emitter_id: str) -> Said:
    """What the log says of one emitter."""
    entries = store.entries_about(emitter_id)
    kinds = {entry.kind for entry in entries}
    numbers = frozenset(_number(entry) for entry in entries if entry.kind == _GAP)
    return Said(_OPENED in kinds, _CLOSED in kinds, numbers)


def reason_of(slots: Slots, *, closed: bool) -> str:
    """Why outputs in slots have no record: the process ended in order, or it did not."""
    return "unfinished" if closed or slots.left else "killed"


def is_sealed(store: Store, record_id: str) -> bool:
    """Whether the log has that record."""
    return any(entry.kind == "record.sealed" for entry in store.entries_about(record_id))


def _number(entry: LogEntry) -> int:
    """From the key, `emitter/<id>/gap/<number>`: it stays when the part is erased."""
    text = entry.key.rpartition("/")[2]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def absence_of(store: Store, entry: LogEntry) -> Absence:
    """What an `emitter.gap` says."""
    said = _said(store, entry)
    return Absence(
        emitter_id=entry.subject,
        number=_number(entry),
        record_id=_text(said.get("record_id")),
        name=_text(said.get("name")),
        started_at=_text(said.get("started_at")),
        reason=_text(said.get("reason")) or "not readable",
        entry=entry.index,
    )


def _of_slots(slots: Slots, reason: str) -> Iterator[Absence]:
    for slot in slots.open:
        yield Absence(
            emitter_id=slots.emitter_id,
            number=slot.number,
            record_id=slot.record_id,
            name=slot.name or None,
            started_at=slot.started_at,
            reason=reason,
            entry=None,
        )


def _untracked(store: Store, entry: LogEntry) -> int:
    count = _said(store, entry).get("untracked")
    return count if isinstance(count, int) else 0


def _said(store: Store, entry: LogEntry) -> dict[str, Any]:
    for part in store.parts(entry.index):
        if part.path == "emitter" and part.content is not None:
            try:
                said = canonical.parse(part.content)
            except FormatError:
                return {}
            return said if isinstance(said, dict) else {}
    return {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
