"""A spool as a file: written by one process, read by it or by the next, gone when all of it is in the log.

The file is locked (`flock`) for as long as whoever works with it lives.
"""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from provsdk.errors import FormatError, StoreUnavailable
from provsdk.store.contract import Draft
from provsdk.store.spool import Cipher, Frame, begin, frame, frames

if sys.platform != "win32":
    import fcntl

__all__ = ["DAMAGED", "SUFFIX", "OwnSpool", "SpoolFile", "Waiting", "is_at", "is_free", "reader"]

SUFFIX: Final = ".spool"
DAMAGED: Final = ".damaged"
"""Added to the name of a spool that was replayed but for what could not be read in it."""

_COPY_BYTES: Final = 1024 * 1024

READ_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a file after which a read ends with the frame that it is at."""


class Waiting(NamedTuple):
    """What stands next in a spool."""

    draft: Draft | None
    """None where it cannot be read."""
    end: int
    """Offset behind it."""


class SpoolFile:
    """A spool that this process holds, to be replayed. Not for use by several threads at once.

    Args:
        path: Of the file.
        descriptor: Of the file, locked.
        cipher: Its key.
        start: Offset of the first frame.
        size: Bytes that are there to be read.
    """

    def __init__(self, path: Path, descriptor: int, cipher: Cipher | None, start: int, size: int) -> None:
        self.path = path
        self.unreadable = 0
        """Places that held something which could not be read."""
        self.remaining = 0
        """Places that were not passed, as far as somebody has counted them."""
        self._handed = 0
        self._descriptor = descriptor
        self._cipher = cipher
        self._read_from = start
        self._size = size

    def read(self, count: int) -> list[Waiting]:
        """What was not `passed` yet, in order, at most that many, and not many more than `READ_BYTES`."""
        waiting: list[Waiting] = []
        if self._cipher is None:
            return waiting
        enough = self._read_from + READ_BYTES
        for one in frames(reader(self._descriptor), self._read_from, self._size):
            draft = self._opened(self._cipher, one) if isinstance(one, Frame) else None
            self.unreadable += draft is None and (isinstance(one, Frame) or not one.cut_off)
            waiting.append(Waiting(draft, one.end))
            if len(waiting) >= count or one.end >= enough:
                break
        self._handed = len(waiting)
        return waiting

    def count(self) -> None:
        """Counts what remains to be passed."""
        self.remaining = sum(1 for _ in frames(reader(self._descriptor), self._read_from, self._size))

    @staticmethod
    def _opened(cipher: Cipher, one: Frame) -> Draft | None:
        try:
            return cipher.open(one)
        except FormatError:
            return None

    def passed(self, end: int) -> bool:
        """What was handed out last, up to `end`, needs no replay any more; True when the file is gone with it.

        A file that holds something unreadable is kept under another name, for somebody to look at.
        """
        self._read_from = end
        self.remaining -= self._handed
        if end < self._size:
            return False
        if self.unreadable:
            self.path.replace(self.path.with_name(self.path.name + DAMAGED))
        else:
            # Emptied first: whoever has just opened it finds nothing to do again. An empty file that cannot be
            # deleted harms nobody.
            os.ftruncate(self._descriptor, 0)
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        self.close()
        return True

    def close(self) -> None:
        """Lets go of the file, which stays as it is. In a forked child too: its parent holds on to it."""
        descriptor, self._descriptor, self._cipher = self._descriptor, -1, None
        if descriptor >= 0:
            os.close(descriptor)


class OwnSpool(SpoolFile):
    """The spool that this process writes: made with the first draft, and again with the first after it was replayed.

    Args:
        path: Of the file; its directory is made where it is missing.
        origin: Name of the log.
        emitter: Id of this process.
        seal_key: Of the log.
        limit: Bytes that all spools in the directory may take together.
    """

    def __init__(self, path: Path, origin: str, emitter: str, seal_key: bytes, limit: int) -> None:
        super().__init__(path, -1, None, 0, 0)
        self._origin, self._emitter, self._seal_key, self._limit = origin, emitter, seal_key, limit
        self._number = 0

    @property
    def is_new(self) -> bool:
        """Nothing stands in it."""
        return self._cipher is None

    @property
    def is_blank(self) -> bool:
        """No draft stands in it, whether or not it is there."""
        return self._cipher is None or not self._number

    def append(self, drafts: Sequence[Draft]) -> None:
        """Writes all of them, durably, or none.

        Raises:
            StoreUnavailable: the spool is full, or cannot be written.
        """
        try:
            self._restore_if_gone()
            cipher = self._cipher or self._begun()
            bodies = [cipher.seal(self._number + n, draft) for n, draft in enumerate(drafts)]
            data = b"".join([frame(self._number + n, body) for n, body in enumerate(bodies)])
            self._refuse_beyond_limit(len(data))
            os.ftruncate(self._descriptor, self._size)  # what a write left that failed
            _write_all(self._descriptor, data, self._size)
            os.fsync(self._descriptor)
        except OSError as error:
            raise StoreUnavailable(
                f"the spool {self.path} cannot be written: {error.strerror or error}. Free some space, give this user "
                "the right to write there, or set `spool`"
            ) from error
        self._number += len(drafts)
        self._size += len(data)

    def restore_if_gone(self) -> None:
        """Writes the file again where somebody has deleted or replaced it: what it holds is still in hand.

        Raises:
            StoreUnavailable: it cannot be written.
        """
        try:
            self._restore_if_gone()
        except OSError as error:
            raise StoreUnavailable(
                f"the spool {self.path} was deleted, and cannot be written again: {error.strerror or error}"
            ) from error

    def _restore_if_gone(self) -> None:
        if self._cipher is None or is_at(self.path, self._descriptor):
            return
        held = reader(self._descriptor)
        copied = self._made(held(offset, _COPY_BYTES) for offset in range(0, self._size, _COPY_BYTES))
        os.ftruncate(copied, self._size)
        os.close(self._descriptor)
        self._descriptor = copied

    def _begun(self) -> Cipher:
        about, head = begin(self._origin, self._emitter)
        self._descriptor, self._number, self.unreadable = self._made((head,)), 0, 0
        self._read_from = self._size = len(head)
        self._cipher = Cipher(self._seal_key, about)
        return self._cipher

    def _made(self, pieces: Iterable[bytes]) -> int:
        """Makes the file under a name that nobody looks for: when it has its own, it is whole and locked."""
        directory, draft = self.path.parent, self.path.with_suffix(".new")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            is_free(descriptor)
            size = 0
            for piece in pieces:
                _write_all(descriptor, piece, size)
                size += len(piece)
            os.fsync(descriptor)
            draft.replace(self.path)
            _sync_directory(directory)
        except BaseException:
            draft.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        return descriptor

    def _refuse_beyond_limit(self, more: int) -> None:
        taken = self._size + sum(map(_size_of, (one for one in self.path.parent.iterdir() if one != self.path)))
        if taken + more > self._limit:
            raise StoreUnavailable(
                f"the spools in {self.path.parent} are full: {taken:,} of {self._limit:,} bytes are taken, and "
                f"{more:,} more were to be written. Set `spool_bytes` to allow more"
            )


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another process has just named or replayed it
        return 0


def reader(descriptor: int) -> Callable[[int, int], bytes]:
    """Reads at an offset, as `provsdk.store.spool.frames` wants it."""
    return lambda offset, length: os.pread(descriptor, length, offset)


def is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file is the one of that name: its owner may have replayed it and begun another."""
    try:
        there, held = path.stat(), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)


def is_free(descriptor: int) -> bool:
    """Whether the file's lock could be taken; it goes when the descriptor is closed, by whatever."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
