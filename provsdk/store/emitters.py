"""Slots: which outputs have started and are not sealed yet, in a file per process beside the store.

The file is memory-mapped by its process, so that it outlives a SIGKILL; whoever finds it without its process reads from
it which outputs have no record. This module is the format and its reading: `docs/formats/emitters.md`.
"""

import os
import re
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from provsdk import rfc3339
from provsdk.errors import FormatError, StoreUnavailable

if sys.platform != "win32":
    import fcntl

__all__ = [
    "DIRECTORY",
    "HEADER",
    "LEFT_OFFSET",
    "MAGIC",
    "MAX_BYTES",
    "NAME_BYTES",
    "SEGMENT_BYTES",
    "SLOT",
    "SLOT_BYTES",
    "SUFFIX",
    "TIME_OFFSET",
    "UNTRACKED_OFFSET",
    "WORD",
    "Slot",
    "Slots",
    "claimed",
    "cut_name",
    "decode",
    "decode_slot",
    "lock",
    "read_slots",
    "slot_files",
]

DIRECTORY: Final = "emitters"
"""Below the store's directory."""

SUFFIX: Final = ".slots"
MAGIC: Final = b"provsdk-slots/v1"

HEADER: Final = struct.Struct(">16s16sQQQ8x")
"""Magic, emitter id, nanoseconds since 1970 when the file was made, outputs that found no slot, whether it was left."""

SLOT: Final = struct.Struct(">Q16sQQ24s")
"""Number, trace id, span id, nanoseconds since 1970, name. Number 0: never used. Time 0: used, and free again."""

SLOT_BYTES: Final = 64
WORD: Final = struct.Struct(">Q")
TIME_OFFSET: Final = 32
UNTRACKED_OFFSET: Final = 40
LEFT_OFFSET: Final = 48

NAME_BYTES: Final = 24

SEGMENT_BYTES: Final = 65_536
"""A file grows by so many bytes: 1,024 slots, the first of which is the header."""

MAX_BYTES: Final = 64 * SEGMENT_BYTES
"""65,535 outputs that run or wait at once; further ones are counted in the header."""

_MAX_NUMBER: Final = 2**53 - 1
"""As large as numbers in entries can be."""

_FILE: Final = re.compile(r"\Aemi_[0-9a-f]{32}\.slots\Z")


@dataclass(frozen=True, slots=True)
class Slot:
    """An output that has started, as its slot says it."""

    number: int
    record_id: str
    started_at: str
    """RFC 3339, by the clock of its process."""
    name: str
    """The first 24 bytes of it; empty where its class is encrypted at rest."""


@dataclass(frozen=True, slots=True)
class Slots:
    """What one file says."""

    emitter_id: str
    opened_at: str
    highest: int
    """Highest number of an output that has, or had, a slot."""
    untracked: int
    """Outputs that found no slot."""
    left: bool
    """The process ended in order, with outputs that it could not seal."""
    open: tuple[Slot, ...]
    """Outputs that had started and were not sealed when this was read, by number."""


@lru_cache(maxsize=1024)
def cut_name(name: str) -> bytes:
    """The first 24 bytes of a name in UTF-8, cut at a character; what UTF-8 cannot express is a question mark."""
    data = name.encode(errors="replace")
    return data if len(data) <= NAME_BYTES else data[:NAME_BYTES].decode(errors="ignore").encode()


def decode_slot(data: bytes) -> Slot | None:
    """The output in a slot of 64 bytes; None where it is free."""
    number, trace, span, time, name = SLOT.unpack(data)
    if not number or not time:
        return None
    said = name.rstrip(b"\0").decode(errors="replace")
    return Slot(number, f"rec_{trace.hex()}-{span:016x}", rfc3339.of_ns(time), said)


def decode(data: bytes) -> Slots:
    """What the bytes of a file say. Whatever follows the last whole slot is passed over: a kill may cut growing short.

    Raises:
        FormatError: no file of slots, one of a newer version, or larger than one can be.
    """
    if len(data) < HEADER.size or not data.startswith(MAGIC[:-1]):
        raise FormatError("slots: the file does not begin with a header of provsdk")
    magic, emitter, opened, untracked, left = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise FormatError("slots: the file is of a newer version than this provsdk reads")
    if len(data) > MAX_BYTES:
        raise FormatError(f"slots: the file is longer than {MAX_BYTES} bytes")
    places = range(SLOT_BYTES, len(data) - SLOT_BYTES + 1, SLOT_BYTES)
    found = [slot for at in places if (slot := decode_slot(data[at : at + SLOT_BYTES])) is not None]
    highest = max((int.from_bytes(data[at : at + 8]) for at in places), default=0)
    if max(highest, untracked) > _MAX_NUMBER:
        raise FormatError("slots: a number is larger than any that was given out")
    found.sort(key=lambda slot: slot.number)
    return Slots(f"emi_{emitter.hex()}", rfc3339.of_ns(opened), highest, untracked, bool(left), tuple(found))


# Files: a process holds a lock (flock) on its own for as long as it lives, so that none is taken for dead that is not.


def slot_files(store: Path) -> list[Path]:
    """The files beside the store in that directory, of living and of dead processes.

    Raises:
        StoreUnavailable: the directory is there and cannot be read.
    """
    directory = store / DIRECTORY
    try:
        return sorted(path for path in directory.iterdir() if _FILE.match(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(directory, error) from error


def lock(descriptor: int, *, shared: bool = False) -> bool:
    """Takes the lock on an open file without waiting; False where another has it.

    Raises:
        OSError: this system, or this file system, has no such locks.
    """
    if sys.platform == "win32":
        raise OSError("this system has no flock")
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_slots(path: Path) -> Slots | None:
    """What the file of a dead process says; None where its process is alive, or the file is gone.

    Raises:
        StoreUnavailable: the file cannot be read.
        FormatError: it is no file of slots.
    """
    with _opened(path) as descriptor:
        return _read(path, descriptor) if descriptor is not None and _locked(path, descriptor, shared=True) else None


@contextmanager
def claimed(path: Path) -> Iterator[Slots | None]:
    """As `read_slots`, and nobody else claims the file meanwhile."""
    with _opened(path) as descriptor:
        free = descriptor is not None and _locked(path, descriptor, shared=False) and os.fstat(descriptor).st_nlink > 0
        yield _read(path, descriptor) if descriptor is not None and free else None


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        descriptor = None
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(path: Path, descriptor: int, *, shared: bool) -> bool:
    try:
        return lock(descriptor, shared=shared)
    except OSError as error:
        raise _unreadable(path, error) from error


def _read(path: Path, descriptor: int) -> Slots:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise FormatError(f"{path}: slots: not a file")
    try:
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        slots = decode(data)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    if slots.emitter_id != path.name.removesuffix(SUFFIX):
        raise FormatError(f"{path}: slots: the file is that of {slots.emitter_id}, under another name")
    return slots


def _unreadable(path: Path, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(f"the slots of emitters cannot be read: {path}: {error.strerror or error}")
