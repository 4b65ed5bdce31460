"""The file of slots that this process writes: memory-mapped, so that what stands in it outlives a SIGKILL.

Format: `docs/formats/emitters.md`. A forked child inherits descriptors, and with them locks and mappings. It closes
all of them at once, so that it neither keeps its parent's lock alive nor writes into its parent's slots; the lock is on
another descriptor than the mapping, since a mapping holds on to the one it was made from.
"""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from provsdk.store.emitters import (
    DIRECTORY,
    HEADER,
    LEFT_OFFSET,
    MAGIC,
    MAX_BYTES,
    SEGMENT_BYTES,
    SLOT_BYTES,
    SUFFIX,
    UNTRACKED_OFFSET,
    WORD,
    decode,
    lock,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CLOSED", "Place", "SlotFile"]

Place = tuple[mmap.mmap, int]
"""Where one slot begins."""

CLOSED: Final = (TypeError, ValueError)
"""What a mapping raises that was closed: by another thread, or in a forked child."""

PAGE_BYTES: Final = 4_096
"""Slots are handed out by so many bytes: where few outputs run at once, few pages are written to."""

_open: Final[set[SlotFile]] = set()
"""Files of this process that are open."""

_FLAGS: Final = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class SlotFile:
    """The file of one emitter, locked for as long as it is open.

    Args:
        store: Directory of the store.
        emitter_id: `emi_` and 32 hexadecimal digits.
        opened_ns: Nanoseconds since 1970.

    Raises:
        OSError: it cannot be made: no rights, no room, no locks.
    """

    def __init__(self, store: Path, emitter_id: str, opened_ns: int) -> None:
        directory = store / DIRECTORY
        directory.mkdir(mode=0o700, exist_ok=True)
        self.path = directory / f"{emitter_id}{SUFFIX}"
        # Until it is locked it has another name: whoever looks for dead processes must not take this one for dead.
        draft = directory / f".{emitter_id}.new"
        self._segments: list[mmap.mmap] = []
        self._handed_out = 0
        self._lock = os.open(draft, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = -1
        _open.add(self)
        try:
            self._file = os.open(draft, _FLAGS)
            _take(self._lock)
            self._map_segment()
            header = HEADER.pack(MAGIC, bytes.fromhex(emitter_id.removeprefix("emi_")), opened_ns, 0, 0)
            self._segments[0][: HEADER.size] = header
            draft.rename(self.path)
        except BaseException:
            self.close()
            draft.unlink(missing_ok=True)
            raise

    def more(self) -> list[Place]:
        """The slots of the next page; none where the file is as large as it may become.

        Raises:
            OSError: the file has to grow, and there is no room.
        """
        at = self._handed_out
        if at == len(self._segments) * SEGMENT_BYTES:
            if at >= MAX_BYTES:
                return []
            self._map_segment()
        self._handed_out += PAGE_BYTES
        segment, start = self._segments[at // SEGMENT_BYTES], at % SEGMENT_BYTES
        return [(segment, place) for place in range(start if at else SLOT_BYTES, start + PAGE_BYTES, SLOT_BYTES)]

    def _map_segment(self) -> mmap.mmap:
        at = len(self._segments) * SEGMENT_BYTES
        # Written, not just made longer: a page that the disk has no room for would be a SIGBUS when it is touched.
        if os.pwrite(self._file, bytes(SEGMENT_BYTES), at) != SEGMENT_BYTES:
            raise OSError(f"no room for {SEGMENT_BYTES} bytes")
        self._segments.append(mmap.mmap(self._file, SEGMENT_BYTES, offset=at))
        return self._segments[-1]

    def note_untracked(self, count: int) -> None:
        """Writes down how many outputs found no slot."""
        with suppress(*CLOSED):
            WORD.pack_into(self._segments[0], UNTRACKED_OFFSET, count)

    def note_left(self) -> None:
        """Writes down that the process ended in order, though not all was sealed."""
        with suppress(*CLOSED):
            WORD.pack_into(self._segments[0], LEFT_OFFSET, 1)

    def highest(self) -> int:
        """Highest number that was written to a slot; 0 where the file is closed."""
        if self not in _open:
            return 0
        return decode(b"".join(segment[:] for segment in self._segments)).highest

    def remove(self) -> None:
        """Nothing is left to be told: the file goes, and with it the lock."""
        with suppress(OSError):
            self.path.unlink()
        self.close()

    def close(self) -> None:
        """Lets go of it, as a dead process does; in a forked child, without any effect on the parent."""
        if self not in _open:
            return
        _open.discard(self)
        for segment in self._segments:
            segment.close()
        for descriptor in (self._file, self._lock):
            with suppress(OSError):
                os.close(descriptor)


def _take(descriptor: int) -> None:
    if not lock(descriptor):
        raise BlockingIOError("another process has the lock on a file that was just made")


def _close_what_was_inherited() -> None:
    for file in list(_open):
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_what_was_inherited)
