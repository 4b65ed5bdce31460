"""What is remembered of a log outside its store, so that an older copy of the store is found out.

Two small files in the state directory, one found by the log's origin and one by the store's path, each with size and
root of the newest checkpoint that was committed. A store that was copied back is older than its origin's; one that was
deleted and made anew, or replaced by another log, is not the one its path knows. Format: `docs/formats/store.md`,
section 7.
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provsdk.errors import StoreDamaged, StoreUnavailable
from provsdk.ledger.reader import Remembered

if sys.platform != "win32":
    import fcntl

__all__ = ["Known", "Memory", "place"]

_HEAD: Final = "provsdk-memory/v1 {size:020d} {root}\n"
_HEAD_LINE: Final = re.compile(r"\Aprovsdk-memory/v1 ([0-9]{20}) ([0-9a-f]{64})\n(.*)\n\Z")
_MAX_BYTES: Final = 16_384


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


def place(store: Path) -> str:
    """The path that a store is remembered by: of its directory, absolute, without symbolic links."""
    return os.path.realpath(store)


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
        self._store = place(store)

    def of_path(self) -> Known | None:
        """What is remembered of whatever stands at the store's path.

        Raises:
            StoreDamaged: the file is damaged.
            StoreUnavailable: the file cannot be read.
        """
        return self._read(self._file("path", self._store))

    def of_origin(self, origin: str) -> Known | None:
        """What is remembered of the log with that origin.

        Raises:
            StoreDamaged, StoreUnavailable: as `of_path`.
        """
        return self._read(self._file("log", origin))

    def known(self, origin: str | None) -> list[Known]:
        """Everything that concerns the log with that origin at the store's path."""
        found = [self.of_path(), None if origin is None else self.of_origin(origin)]
        return [one for one in found if one is not None]

    def prepare(self, origin: str) -> None:
        """Makes sure that `remember` will find its files, so that no commit is made that could not be remembered.

        Raises:
            StoreUnavailable: they cannot be made.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file in self._files(origin):
                os.close(self._opened(file, os.O_RDWR | os.O_CREAT))
        except OSError as error:
            raise StoreUnavailable(
                f"the memory outside the store cannot be written: {error.filename or self._directory}: "
                f"{error.strerror or error}. Give this user the right to write there, or set `state`"
            ) from error

    def remember(self, origin: str, size: int, root: bytes) -> None:
        """Notes the newest checkpoint; one that is older than what is remembered is passed over.

        Raises:
            OSError: the files cannot be written.
        """
        rest = json.dumps({"origin": origin, "path": self._store}, ensure_ascii=True)
        head = _HEAD.format(size=size, root=root.hex())
        for file in self._files(origin):
            with self._locked(file) as descriptor:
                before = self._decoded(file, os.read(descriptor, _MAX_BYTES))
                if before is not None and before.origin == origin and before.size >= size:
                    continue
                same = before is not None and (before.origin, before.path) == (origin, self._store)
                text = head if same else f"{head}{rest}\n"
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
        self._file("path", self._store).unlink(missing_ok=True)
        return known

    def _files(self, origin: str) -> tuple[Path, Path]:
        return self._file("log", origin), self._file("path", self._store)

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
                f"the memory outside the store is damaged: {file}. Run `provsdk verify`; if you trust the store as it "
                "is, delete that file"
            ) from None

    @contextmanager
    def _locked(self, file: Path) -> Iterator[int]:
        descriptor = self._opened(file, os.O_RDWR | os.O_CREAT)
        try:
            if sys.platform != "win32":
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    @staticmethod
    def _opened(file: Path, flags: int) -> int:
        return os.open(file, flags | getattr(os, "O_CLOEXEC", 0), 0o600)
