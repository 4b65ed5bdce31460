"""What is remembered of a log outside its store, so that an older copy of the store is found out.

Small files in the state directory, one found by the log's origin and one by the store's path, each with size and
root of the newest checkpoint that was committed. A store that was copied back is older than its origin's; one that was
deleted and made anew, or replaced by another log, is not the one its path knows. Format: `docs/formats/store.md`,
section 7.
"""

import errno
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provsdk.errors import StoreDamaged, StoreUnavailable
from provsdk.ledger.reader import Remembered

if sys.platform != "win32":
    import fcntl

__all__ = ["LOCK_WAIT_S", "Known", "Memory", "places"]

_HEAD: Final = "provsdk-memory/v1 {size:020d} {root}\n"
_HEAD_LINE: Final = re.compile(r"\Aprovsdk-memory/v1 ([0-9]{20}) ([0-9a-f]{64})\n(.*)\n\Z")
_MAX_BYTES: Final = 16_384
_LOCK_PAUSE_S: Final = 0.001

LOCK_WAIT_S: Final = 0.2
"""How long the memory waits for others: whoever holds its files must not hold up those who append."""


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


def places(store: Path) -> tuple[str, ...]:
    """The paths that a store is remembered by: of its directory, absolute, as it was given and without symbolic links.

    By the first it is noticed that a link was put where another log was; by the second, that a log is gone which was
    reached in another way before.
    """
    return tuple(dict.fromkeys((os.path.abspath(store), os.path.realpath(store))))  # noqa: PTH100 Path resolves links too


def _taken(descriptor: int) -> bool:
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


class Memory:
    """The memory of one user.

    Nothing is written with fsync: a power loss may take the newest few commits from the memory, which then remembers a
    shorter log. A file's changing part lies in its first 104 bytes, so that no crash leaves it half written.

    Args:
        state: The user's state directory.
        store: Directory of the store.
    """

    def __init__(self, state: Path, store: Path) -> None:
        self._directory = state / "memory"
        self._places = places(store)

    def of_path(self) -> Known | None:
        """What is remembered of whatever stands at the store's path.

        Raises:
            StoreDamaged: the file is damaged.
            StoreUnavailable: the file cannot be read.
        """
        return next(iter(self._of_paths()), None)

    def _of_paths(self) -> list[Known]:
        found = [self._read(self._file("path", path)) for path in self._places]
        return [one for one in found if one is not None]

    def of_origin(self, origin: str) -> Known | None:
        """What is remembered of the log with that origin.

        Raises:
            StoreDamaged, StoreUnavailable: as `of_path`.
        """
        return self._read(self._file("log", origin))

    def known(self, origin: str | None) -> list[Known]:
        """Everything that concerns the log with that origin at the store's path."""
        of_origin = None if origin is None else self.of_origin(origin)
        return [*self._of_paths(), *(() if of_origin is None else (of_origin,))]

    def prepare(self, origin: str) -> None:
        """Makes sure that `remember` will find its files, so that no commit is made that could not be remembered.

        Raises:
            StoreUnavailable: they cannot be made.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file, _ in self._files(origin):
                os.close(self._opened(file, os.O_RDWR | os.O_CREAT))
        except OSError as error:
            raise StoreUnavailable(
                f"the memory outside the store cannot be written: {error.filename or self._directory}: "
                f"{error.strerror or error}. Give this user the right to write there, or set `state`"
            ) from error

    def remember(self, origin: str, size: int, root: bytes, *, wait: float = LOCK_WAIT_S) -> None:
        """Notes the newest checkpoint; one that is older than what is remembered is passed over.

        Args:
            origin: Of the log.
            size: Number of entries.
            root: Of the tree over them.
            wait: For how many seconds to wait, in all, for others that hold a file.

        Raises:
            OSError: a file cannot be written, or another process holds it for longer (`BlockingIOError`). The other
                files are written nevertheless.
        """
        deadline = time.monotonic() + wait
        held: BlockingIOError | None = None
        for file, path in self._files(origin):
            try:
                with self._locked(file, deadline) as descriptor:
                    self._note(file, descriptor, Known(file, origin, path, size, root))
            except BlockingIOError as error:
                held = error
        if held is not None:
            raise held

    def _note(self, file: Path, descriptor: int, new: Known) -> None:
        before = self._decoded(file, os.read(descriptor, _MAX_BYTES))
        if before is not None and before.origin == new.origin and before.size >= new.size:
            return
        same = before is not None and (before.origin, before.path) == (new.origin, new.path)
        text = _HEAD.format(size=new.size, root=new.root.hex())
        if not same:
            text += json.dumps({"origin": new.origin, "path": new.path}, ensure_ascii=True) + "\n"
        os.lseek(descriptor, 0, os.SEEK_SET)
        # One write within one sector where the file is there: it is never seen or left half written.
        os.write(descriptor, text.encode())
        if not same:
            os.ftruncate(descriptor, len(text))

    def forget_path(self) -> Known | None:
        """Lets go of what is remembered of the store's path, so that a new log may begin there; what it was.

        The log itself stays remembered by its name: should it turn up again, older than it was, that is found out.
        """
        known = self.of_path()
        for path in self._places:
            self._file("path", path).unlink(missing_ok=True)
        return known

    def _files(self, origin: str) -> list[tuple[Path, str]]:
        """Each file, and the path that it gives. The log's is the real one, by whatever way it was reached."""
        by_path = [(self._file("path", path), path) for path in self._places]
        return [(self._file("log", origin), self._places[-1]), *by_path]

    def _file(self, kind: str, name: str) -> Path:
        return self._directory / f"{kind}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"

    def _read(self, file: Path) -> Known | None:
        try:
            return self._decoded(file, file.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailable(
                f"the memory outside the store cannot be read: {file}: {error.strerror}. Give this user the "
                "right to read there, or set `state`"
            ) from error

    def _decoded(self, file: Path, data: bytes) -> Known | None:
        if not data:
            return None  # made by `prepare`, and nothing was committed since
        try:
            (size, root, rest) = _HEAD_LINE.findall(data.decode())[0]
            said = json.loads(rest)
            return Known(file, str(said["origin"]), str(said["path"]), int(size), bytes.fromhex(root))
        except (ValueError, LookupError, TypeError):
            raise StoreDamaged(
                f"the memory outside the store is damaged: {file}. Where `provsdk verify` finds nothing else, and you "
                "trust the store as it is, delete that file"
            ) from None

    @contextmanager
    def _locked(self, file: Path, deadline: float) -> Iterator[int]:
        descriptor = self._opened(file, os.O_RDWR | os.O_CREAT)
        try:
            while not _taken(descriptor):
                if time.monotonic() >= deadline:
                    raise BlockingIOError(errno.EAGAIN, "another process holds it", str(file))
                time.sleep(_LOCK_PAUSE_S)
            yield descriptor
        finally:
            os.close(descriptor)

    @staticmethod
    def _opened(file: Path, flags: int) -> int:
        return os.open(file, flags | getattr(os, "O_CLOEXEC", 0), 0o600)
