"""What dead processes left beside the store becomes entries: a gap for each output without a record, then the closing.

Safe to do twice, by several processes at once, and to be killed at: every entry has a key that follows from what it
says, the file goes last, and its lock is held meanwhile.
"""

from __future__ import annotations

import logging
import time
from itertools import islice
from typing import TYPE_CHECKING, Final

from provsdk.errors import FormatError, ProvsdkError
from provsdk.pipeline._drafts import gap_draft, opened_draft, recovered_draft
from provsdk.pipeline._emitter import Gap
from provsdk.store.drafts import drop_abandoned
from provsdk.store.emitters import DIRECTORY, claimed, slot_files
from provsdk.store.gaps import is_sealed, reason_of, said_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from pathlib import Path

    from provsdk.store.contract import Draft, Store
    from provsdk.store.emitters import Slots

__all__ = ["recover"]

_log: Final = logging.getLogger("provsdk")

BUDGET_S: Final = 1.0
"""How long an opener works for the dead; what is left is for the next one."""

AT_ONCE: Final = 256
"""Entries in one commit."""


def recover(store: Store, directory: Path, deadline: float, spooling: Callable[[], Container[str]] = tuple) -> None:
    """Seals what the slots of dead processes say. Never raises: what does not work is logged and tried next time.

    Args:
        store: Where their outputs went, open.
        directory: The store's.
        deadline: On the monotonic clock.
        spooling: Answers the ids of emitters to leave alone, as their records may wait elsewhere to be sealed.
    """
    deadline = min(deadline, time.monotonic() + BUDGET_S)
    problems: dict[str, None] = {}  # each once: a store that is away says the same of every file
    try:
        for path in slot_files(directory):
            if time.monotonic() >= deadline:
                break
            try:
                _recover_file(store, path, deadline, spooling)
            except (ProvsdkError, OSError) as error:  # of one file: the others are seen to all the same
                problems[str(error)] = None
    except ProvsdkError as error:
        problems[str(error)] = None
    drop_abandoned(directory / DIRECTORY, ".emi_*.new")
    for problem in problems:
        _log.warning("what ended processes left beside the store is not in the log yet: %s", problem)


def _recover_file(store: Store, path: Path, deadline: float, spooling: Callable[[], Container[str]]) -> None:
    began = False
    try:
        with claimed(path) as slots:
            # Asked once the process is known to be dead: until then it may have begun a spool.
            if slots is None or slots.emitter_id in spooling():
                return
            drafts = _drafts(store, slots)
            while some := list(islice(drafts, AT_ONCE)):
                store.append(some, timeout=max(deadline - time.monotonic(), 0.05))
                # At least half of the time is for what is appended: to read many slots takes long by itself.
                deadline = max(deadline, time.monotonic() + BUDGET_S / 2) if not began else deadline
                began = True
                if time.monotonic() >= deadline:
                    return  # the rest is for the next opener
            path.unlink(missing_ok=True)
    except FormatError as error:
        _log.warning("a process ended and cannot be accounted for: %s", error)


def _drafts(store: Store, slots: Slots) -> Iterator[Draft]:
    """The entries that are missing about an emitter whose process is dead, in log order."""
    said = said_of(store, slots.emitter_id)
    if not said.opened:
        if not slots.highest and not slots.untracked:
            return  # it was killed before it could make an output
        yield opened_draft(slots.emitter_id, {}, slots=True)
    reason = reason_of(slots, closed=said.closed)
    lost = set(said.gaps)
    for slot in slots.open:
        if slot.number not in lost and not is_sealed(store, slot.record_id):
            lost.add(slot.number)
            gap = Gap(slot.number, slot.record_id, reason, slot.name or None, slot.started_at)
            yield gap_draft(slots.emitter_id, gap)
    if len(lost) > len(said.gaps):
        _log.warning(
            "outputs of an ended process have no record: %d (emitter %s); `provsdk gaps` names them",
            len(lost) - len(said.gaps),
            slots.emitter_id,
        )
    if not said.closed:
        started = max(slots.highest, *lost, 0)
        yield recovered_draft(slots.emitter_id, started=started, lost=len(lost), untracked=slots.untracked)
