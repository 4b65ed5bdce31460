"""All spools of one store: who left which, and what stands in them."""

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from provsdk.errors import FormatError, KeyConflict, StoreUnavailable
from provsdk.store.contract import Sealed, Store
from provsdk.store.drafts import drop_abandoned
from provsdk.store.spool import Cipher, Frame, frames, read_about
from provsdk.store.spool_file import DAMAGED, SUFFIX, SpoolFile, is_at, is_free, reader

__all__ = ["Found", "Replayed", "directory_for", "left_behind", "look", "replay", "spooling"]

_AT_ONCE: Final = 256
"""Drafts in one commit."""

_READ: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
"""Whatever lies there under such a name, opening it waits for nobody."""

_WAIT_S: Final = 10.0
"""How long a commit waits for other writers."""


def directory_for(spool: Path, store: Path) -> Path:
    """Where the spools of the store in that directory are: one directory for each real path of a store."""
    return spool / hashlib.sha256(os.fsencode(os.path.realpath(store))).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Found:
    """A spool, as anybody sees it who may read the file and has no key."""

    path: Path
    frames: int
    size: int
    held: bool
    """Somebody writes or replays it."""
    damaged: int = 0
    """Bytes that hold no frame, but for the end of one that was being written."""
    problem: str | None = None
    """Why it cannot be read at all."""

    @property
    def is_remains(self) -> bool:
        """It was replayed, and is kept for what could not be read in it."""
        return self.path.name.endswith(DAMAGED)


def spooling(spool: Path, store: Path) -> frozenset[str]:
    """The emitters of that store whose records may still wait in a spool: without a record in the log, yet not lost.

    One whose beginning is damaged holds nothing that anybody could read: what it was to keep is lost.

    Raises:
        StoreUnavailable: they cannot be listed.
    """
    paths = _paths(directory_for(spool, store), SUFFIX)
    return frozenset(path.name.removesuffix(SUFFIX) for path in paths if _may_be_read(path))


def look(directory: Path) -> list[Found]:
    """Every spool in the directory, and what is kept of damaged ones."""
    try:
        paths = _paths(directory, SUFFIX, SUFFIX + DAMAGED)
    except StoreUnavailable as error:
        return [Found(directory, 0, 0, held=False, problem=str(error))]
    return [found for found in map(_looked_at, paths) if found.size or found.problem]


def left_behind(directory: Path, origin: str, seal_key: bytes) -> tuple[list[SpoolFile], list[str]]:
    """The spools of processes that are gone, taken over; and what is wrong with those that could not be.

    One that somebody holds is passed over: its process lives, or another is at this very work.
    """
    taken: list[SpoolFile] = []
    problems = []
    drop_abandoned(directory, "emi_*.new")
    try:
        paths = _paths(directory, SUFFIX)
    except StoreUnavailable as error:
        return [], [str(error)]
    for path in paths:
        try:
            one = _taken_over(path, origin, seal_key)
        except (OSError, FormatError) as error:
            problems.append(f"{path}: {error}")
        else:
            taken += [one] if one is not None else []
    return taken, problems


@dataclass(slots=True)
class Replayed:
    """What became of the spools that were left behind."""

    sealed: int = 0
    """Entries that are in the log now."""
    repeated: int = 0
    """Entries that were there already."""
    conflicts: list[str] = field(default_factory=list)
    """Entries that were left out: their key stands in the log with other content."""
    unreadable: int = 0
    """Places that hold nothing that could be read."""
    problems: list[str] = field(default_factory=list)
    """Files that could not be read at all."""


def replay(store: Store, directory: Path, seal_key: bytes) -> Replayed:
    """Seals what processes that are gone left behind.

    Raises:
        StoreError, KeyUnusable: as `Store.append`; what was not sealed stays where it is.
    """
    files, problems = left_behind(directory, store.origin, seal_key)
    replayed = Replayed(problems=problems)
    try:
        for file in files:
            while waiting := file.read(_AT_ONCE):
                _count(replayed, store.append([one.draft for one in waiting if one.draft], timeout=_WAIT_S))
                file.passed(waiting[-1].end)
            replayed.unreadable += file.unreadable
    finally:
        for file in files:
            file.close()
    return replayed


def _count(replayed: Replayed, answers: Sequence[Sealed | KeyConflict]) -> None:
    for answer in answers:
        if isinstance(answer, KeyConflict):
            replayed.conflicts.append(str(answer))
        elif answer.duplicate:
            replayed.repeated += 1
        else:
            replayed.sealed += 1


def _paths(directory: Path, *endings: str) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.name.endswith(endings))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreUnavailable(f"the spools in {directory} cannot be listed: {error.strerror or error}") from error


def _may_be_read(path: Path) -> bool:
    try:
        descriptor = os.open(path, _READ)
    except OSError:
        return True  # somebody else may have the right to
    try:
        read_about(reader(descriptor))
    except (OSError, FormatError):
        return False
    finally:
        os.close(descriptor)
    return True


def _looked_at(path: Path) -> Found:
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        return Found(path, 0, 0, held=False, problem=error.strerror or str(error))
    size = whole = damaged = 0
    held, problem = False, None
    try:
        about = os.fstat(descriptor)
        size, held = about.st_size, not is_free(descriptor)
        if stat.S_ISREG(about.st_mode) and not size:  # all of it was replayed, and it could not be deleted
            return Found(path, 0, 0, held)
        read = reader(descriptor)
        for one in frames(read, read_about(read)[1], size):
            whole += isinstance(one, Frame)
            damaged += one.end - one.offset if not isinstance(one, Frame) and not one.cut_off else 0
    except (OSError, FormatError) as error:
        problem = getattr(error, "strerror", None) or str(error)
    finally:
        os.close(descriptor)
    return Found(path, whole, size, held, damaged, problem)


def _taken_over(path: Path, origin: str, seal_key: bytes) -> SpoolFile | None:
    try:
        descriptor = os.open(path, _READ | os.O_RDWR)
    except FileNotFoundError:
        return None  # somebody else has just replayed it
    found = None
    try:
        if not is_free(descriptor) or not is_at(path, descriptor):
            return None
        size, read = os.fstat(descriptor).st_size, reader(descriptor)
        if not size:
            path.unlink(missing_ok=True)  # all of it was replayed, and its process was killed before it was gone
            return None
        about, start = read_about(read)
        if start == size:
            path.unlink(missing_ok=True)  # its process was killed before anything stood in it
            return None
        if about.origin != origin:
            raise FormatError(f"it is of the log {about.origin!r}, and this is {origin!r}; it is left as it is")
        found = SpoolFile(path, descriptor, Cipher(seal_key, about), start, size)
        found.count()
    finally:
        if found is None:
            os.close(descriptor)
    return found
