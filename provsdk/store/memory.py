"""What is remembered of a log outside its store, so that an older copy of the store is found out.

Small files in the state directory, one found by the log's origin and one by the store's path, each with size and
root of the newest checkpoint that was committed. A store that was copied back is older than its origin's; one that was
deleted and made anew, or replaced by another log, is not the one its path knows. Format: `docs/formats/store.md`,
section 7.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from provsdk.errors import StoreUnavailable
from provsdk.store.memory_file import NOTHING, Known, MemoryFile, Said, read

__all__ = ["LOCK_WAIT_S", "Known", "Memory", "Opened", "places"]

LOCK_WAIT_S: Final = 0.2
"""How long the memory waits for others: whoever holds its files must not hold up those who append."""


def places(store: Path) -> tuple[str, ...]:
    """The paths that a store is remembered by: of its directory, absolute, as it was given and without symbolic links.

    By the first it is noticed that a link was put where another log was; by the second, that a log is gone which was
    reached in another way before.
    """
    return tuple(dict.fromkeys((os.path.abspath(store), os.path.realpath(store))))  # noqa: PTH100 Path resolves links too


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
        self._by_path = [(self._file("path", path), path) for path in places(store)]
        self._of_log: tuple[str, Path] | None = None
        self._said: dict[Path, Said] = {}
        """What was last seen in each file."""

    def of_path(self) -> Known | None:
        """What is remembered of whatever stands at the store's path.

        Raises:
            StoreDamaged: the file is damaged.
            StoreUnavailable: the file cannot be read.
        """
        return next(iter(self._of_paths()), None)

    def _of_paths(self) -> list[Known]:
        found = [read(file) for file, _ in self._by_path]
        return [one for one in found if one is not None]

    def of_origin(self, origin: str) -> Known | None:
        """What is remembered of the log with that origin.

        Raises:
            StoreDamaged, StoreUnavailable: as `of_path`.
        """
        return read(self._file_of_log(origin))

    def known(self, origin: str | None) -> list[Known]:
        """Everything that concerns the log with that origin at the store's path."""
        of_origin = None if origin is None else self.of_origin(origin)
        return [*self._of_paths(), *(() if of_origin is None else (of_origin,))]

    @contextmanager
    def opened(self, origin: str) -> Iterator["Opened"]:
        """The files of that log, there and open, so that no commit is made that could not be remembered.

        Raises:
            StoreUnavailable: they cannot be opened or made.
        """
        files: list[MemoryFile] = []
        try:
            self._open(origin, files)
            yield Opened(origin, files)
        finally:
            for one in files:
                self._said[one.file] = one.said
                one.close()

    def _open(self, origin: str, files: list[MemoryFile]) -> None:
        try:
            try:
                self._open_missing(origin, files)
            except FileNotFoundError:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._open_missing(origin, files)
        except OSError as error:
            raise StoreUnavailable(
                f"the memory outside the store cannot be written: {error.filename or self._directory}: "
                f"{error.strerror or error}. Give this user the right to write there, or set `state`"
            ) from error

    def _open_missing(self, origin: str, files: list[MemoryFile]) -> None:
        # The log's file gives the real path, by whatever way the store was reached.
        all_files = [(self._file_of_log(origin), self._by_path[-1][1]), *self._by_path]
        for file, path in all_files[len(files) :]:
            files.append(MemoryFile(file, path, self._said.get(file, NOTHING)))

    def forget_path(self) -> Known | None:
        """Lets go of what is remembered of the store's path, so that a new log may begin there; what it was.

        The log itself stays remembered by its name: should it turn up again, older than it was, that is found out.
        """
        known = self.of_path()
        for file, _ in self._by_path:
            file.unlink(missing_ok=True)
        return known

    def _file_of_log(self, origin: str) -> Path:
        if self._of_log is None or self._of_log[0] != origin:
            self._of_log = (origin, self._file("log", origin))
        return self._of_log[1]

    def _file(self, kind: str, name: str) -> Path:
        return self._directory / f"{kind}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"


class Opened:
    """The files of one log at one place, open for one append; see `Memory.opened`.

    Args:
        origin: Of the log.
        files: Its own, and those of the paths.
    """

    def __init__(self, origin: str, files: list[MemoryFile]) -> None:
        self._origin = origin
        self._files = files

    def known(self) -> list[Known]:
        """What the files say now: first of whatever stands at the store's path, last of the log.

        Raises:
            StoreDamaged: a file is damaged.
            StoreUnavailable: a file cannot be read.
        """
        found = [one.known() for one in (*self._files[1:], self._files[0])]
        return [one for one in found if one is not None]

    def remember(self, size: int, root: bytes, *, wait: float = LOCK_WAIT_S) -> None:
        """Notes the newest checkpoint; one that is older than what is remembered is passed over.

        Args:
            size: Number of entries.
            root: Of the tree over them.
            wait: For how many seconds to wait, in all, for others that hold a file.

        Raises:
            OSError: a file cannot be written, or another process holds it for longer (`BlockingIOError`). The other
                files are written nevertheless.
            StoreDamaged, StoreUnavailable: a file cannot be read.
        """
        deadline = time.monotonic() + wait
        held: BlockingIOError | None = None
        for one in self._files:
            try:
                one.note(self._origin, size, root, deadline)
            except BlockingIOError as error:
                held = error
        if held is not None:
            raise held
