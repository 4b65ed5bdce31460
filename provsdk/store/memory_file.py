"""One file of the memory outside the store: what it says, and how it is opened, read and written for an append.

Its bytes are looked at whenever somebody asks, and decoded only where they are not the ones that were last seen.
Format: `docs/formats/store.md`, section 7.
"""

import errno
import json
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from provsdk.errors import StoreDamaged, StoreUnavailable
from provsdk.ledger.reader import Remembered

if sys.platform != "win32":
    import fcntl

__all__ = ["NOTHING", "Known", "MemoryFile", "Said", "read"]

_HEAD: Final = "provsdk-memory/v1 {size:020d} {root}\n"
_HEAD_LINE: Final = re.compile(r"\Aprovsdk-memory/v1 ([0-9]{20}) ([0-9a-f]{64})\n(.*)\n\Z")
_MAX_BYTES: Final = 16_384
_LOCK_PAUSE_S: Final = 0.001
_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, slots=True)
class Known:
    """What one file says."""

    file: Path
    origin: str
    path: str
    """Directory of the store."""
    size: int
    root: bytes

    def remembered(self) -> Remembered:
        """As the verification procedure takes it."""
        return Remembered(self.size, self.root, str(self.file))


class Said(NamedTuple):
    """A file's bytes, and what they say."""

    data: bytes
    known: Known | None


NOTHING: Final = Said(b"", None)
"""Of a file that was made for an append, and nothing was committed since."""


def read(file: Path) -> Known | None:
    """What a file says; None where there is none.

    Raises:
        StoreDamaged: it is damaged.
        StoreUnavailable: it cannot be read.
    """
    try:
        return _decoded(file, file.read_bytes()).known
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(file, error) from error


class MemoryFile:
    """A file that is open for one append.

    Args:
        file: Made where it is missing.
        path: Directory of the store, as it is to say.
        said: What its bytes said when they were last seen.

    Raises:
        OSError: it cannot be opened or made.
    """

    __slots__ = ("_descriptor", "_path", "file", "said")

    def __init__(self, file: Path, path: str, said: Said) -> None:
        self.file = file
        self.said = said
        self._path = path
        self._descriptor = os.open(file, _FLAGS, 0o600)

    def known(self) -> Known | None:
        """What it says now.

        Raises:
            StoreDamaged, StoreUnavailable: as `read`.
        """
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            data = os.read(self._descriptor, _MAX_BYTES)
        except OSError as error:
            raise _unreadable(self.file, error) from error
        if data != self.said.data:
            self.said = _decoded(self.file, data)
        return self.said.known

    def note(self, origin: str, size: int, root: bytes, deadline: float) -> None:
        """Notes a checkpoint, unless the file says a newer one of that log.

        Args:
            origin: Of the log.
            size: Number of entries.
            root: Of the tree over them.
            deadline: Until when to wait for others that hold the file, on the monotonic clock.

        Raises:
            OSError: it cannot be written, or another process holds it for longer (`BlockingIOError`).
            StoreDamaged, StoreUnavailable: as `read`.
        """
        self._lock(deadline)
        try:
            before = self.known()
            if before is None or before.origin != origin or before.size < size:
                self._write(Known(self.file, origin, self._path, size, root), before)
        finally:
            self._unlock()

    def _write(self, new: Known, before: Known | None) -> None:
        same = before is not None and (before.origin, before.path) == (new.origin, new.path)
        head = _HEAD.format(size=new.size, root=new.root.hex()).encode()
        data = head + (self.said.data[len(head) :] if same else _whose(new))
        # One write within one sector where the file is there: it is never seen or left half written. Blanks stand in
        # for what would have to be cut off by a second step.
        data = data[:-1].ljust(len(self.said.data) - 1) + b"\n"
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, head if same else data)
        self.said = Said(data, new)

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._descriptor)

    def _lock(self, deadline: float) -> None:
        while not self._is_taken():
            if time.monotonic() >= deadline:
                raise BlockingIOError(errno.EAGAIN, "another process holds it", str(self.file))
            time.sleep(_LOCK_PAUSE_S)

    def _is_taken(self) -> bool:
        if sys.platform != "win32":
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def _unlock(self) -> None:
        if sys.platform != "win32":
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)


def _whose(known: Known) -> bytes:
    return json.dumps({"origin": known.origin, "path": known.path}, ensure_ascii=True).encode() + b"\n"


def _decoded(file: Path, data: bytes) -> Said:
    if not data:
        return NOTHING
    try:
        (size, root, rest) = _HEAD_LINE.findall(data.decode())[0]
        said = json.loads(rest)
        return Said(data, Known(file, str(said["origin"]), str(said["path"]), int(size), bytes.fromhex(root)))
    except (ValueError, LookupError, TypeError):
        raise StoreDamaged(
            f"the memory outside the store is damaged: {file}. Where `provsdk verify` finds nothing else, and you "
            "trust the store as it is, delete that file"
        ) from None


def _unreadable(file: Path, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"the memory outside the store cannot be read: {file}: {error.strerror}. Give this user the "
        "right to read there, or set `state`"
    )
