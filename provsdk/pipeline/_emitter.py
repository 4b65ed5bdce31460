"""The process as a source of numbered outputs: each that starts has a slot until it is sealed."""

from __future__ import annotations

import itertools
import logging
import threading
import time
import uuid
from collections import deque
from time import time_ns
from typing import TYPE_CHECKING, Final, NamedTuple

from provsdk.pipeline._slots import CLOSED, SlotFile
from provsdk.store.emitters import SLOT, SLOT_BYTES, TIME_OFFSET, WORD, Slot, cut_name, decode_slot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opentelemetry.trace import SpanContext

    from provsdk.pipeline._slots import Place

__all__ = ["Gap", "ProcessEmitter"]

_log: Final = logging.getLogger("provsdk")

RETRY_S: Final = 30.0
"""How long outputs run without slots before it is tried again to make some."""

_write_slot: Final = SLOT.pack_into
_write_time: Final = WORD.pack_into


class Gap(NamedTuple):
    """An output that has no record, and why."""

    number: int
    record_id: str | None
    """None where the output had no span yet."""
    reason: str
    name: str | None = None
    """As its slot has it; None where it had none, or must not lie in the open."""
    started_at: str | None = None


class ProcessEmitter:
    """Counts this process's outputs; a forked child makes one of its own.

    `started` and `settled` are called by any thread and take no lock: each operation on a deque or dict is one step
    of the interpreter. The file is made when `open` is called, else with the first output.

    Args:
        store: Directory of the store; None keeps no slots.
        never_began: Told the number of an output that capture could not begin.
    """

    def __init__(self, store: Path | None = None, never_began: Callable[[int], None] | None = None) -> None:
        self.id = f"emi_{uuid.uuid4().hex}"
        self.numbers: Final = itertools.count(1)
        """Of its outputs."""
        self.untracked = 0
        """Outputs that found no slot."""
        self._store = store
        self._never_began = never_began
        self._highest = 0
        self._free: deque[Place] = deque()
        self._taken: dict[int, Place] = {}
        self._file: SlotFile | None = None
        self._growing = threading.RLock()
        self._try_again_at = 0.0
        self._complained = False
        self._ending = False

    # -- the port

    def started(self, number: int, span_context: SpanContext, name: str) -> None:
        """Notes an output before its function runs: in memory that outlives the process."""
        if number > self._highest:  # noqa: PLR1730 on the path of every output
            self._highest = number
        trace_id, span_id = span_context[0], span_context[1]  # by position: their names are functions
        if not trace_id:
            self._not_begun(number)
            return
        try:
            place = self._free.popleft()
        except IndexError:
            found = self._more()
            if found is None:
                return
            place = found
        mapped, at = place
        now = time_ns()
        try:
            # A clock that says 1970 or earlier must not make a slot look free.
            _write_slot(mapped, at, number, trace_id.to_bytes(16), span_id, now if now > 0 else 1, cut_name(name))
        except CLOSED:
            self._without()
            return
        self._taken[number] = place

    def _not_begun(self, number: int) -> None:
        if self._never_began is not None:
            self._never_began(number)

    # -- what becomes of an output

    def settled(self, number: int) -> None:
        """The output is sealed, or its gap is in the log: its slot is free again."""
        place = self._taken.pop(number, None)
        if place is None:
            return
        mapped, at = place
        try:
            _write_time(mapped, at + TIME_OFFSET, 0)
        except CLOSED:
            return
        self._free.append(place)
        if self._ending and not self._taken:
            self._remove()

    def described(self, gap: Gap) -> Gap:
        """The gap with what its slot says of the output."""
        slot = self._slot(gap.number)
        if slot is None:
            return gap
        return gap._replace(
            record_id=gap.record_id or slot.record_id, name=slot.name or None, started_at=slot.started_at
        )

    def _slot(self, number: int) -> Slot | None:
        place = self._taken.get(number)
        if place is None:
            return None
        mapped, at = place
        try:
            return decode_slot(mapped[at : at + SLOT_BYTES])
        except CLOSED:
            return None

    @property
    def started_count(self) -> int:
        """Outputs started: the highest number, which threads may have noted out of order."""
        return max(self._highest, self._file.highest() if self._file is not None else 0)

    # -- the file

    @property
    def has_slots(self) -> bool:
        """Whether outputs that start now leave a trace where the process is killed."""
        return self._file is not None

    def open(self) -> None:
        """Makes the file now; where that fails, outputs run without slots, which is logged and counted."""
        with self._growing:
            if not self._free:
                self._make()

    def _more(self) -> Place | None:
        """A slot where none is free: the only place where an output may meet the disk."""
        if time.monotonic() >= self._try_again_at:
            with self._growing:
                if not self._free:
                    self._make()
        try:
            return self._free.popleft()
        except IndexError:
            self._without()
            return None

    def _make(self) -> None:
        if self._store is None or self._ending:
            return
        try:
            if self._file is None:
                self._file = SlotFile(self._store, self.id, max(time_ns(), 1))
                self._file.note_untracked(self.untracked)
            found = self._file.more()
        except (OSError, ValueError) as error:
            self._complain(f"{self._store}: {getattr(error, 'strerror', None) or error}")
            return
        if found:
            self._free.extend(found)
            self._try_again_at, self._complained = 0.0, False
        else:
            self._complain("more of them run or wait at once than slots can be had")

    def _complain(self, why: str) -> None:
        self._try_again_at = time.monotonic() + RETRY_S
        if not self._complained:
            self._complained = True
            _log.warning("outputs run without slots, a kill would not leave gaps for them: %s", why)

    def _without(self) -> None:
        with self._growing:
            self.untracked += 1
            if self._file is not None and not self._ending:
                self._file.note_untracked(self.untracked)

    # -- the end

    def end(self) -> None:
        """`emitter.closed` is sealed: the file goes with the last output that is still under way."""
        self._ending = True
        if not self._taken:
            self._remove()

    def leave_unless_ended(self) -> None:
        """Where not all could be sealed: lets go of the file; the next opener of the store sees to what is in it."""
        if self._ending:
            return
        self._ending = True
        self._free, self._taken = deque(), {}
        file, self._file = self._file, None
        if file is not None:
            file.note_left()
            file.close()

    def _remove(self) -> None:
        self._free = deque()
        file, self._file = self._file, None
        if file is not None:
            file.remove()
