"""JSON lines: one record a line, in canonical form (RFC 8785), so that equal records are equal lines.

The format is `docs/formats/records.md`, UTF-8, a line feed after every line.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provsdk.errors import ConfigError
from provsdk.export.contract import SealedRecord
from provsdk.records.codec import encode

if sys.platform != "win32":
    import fcntl

__all__ = ["DEFAULT_PATH", "JsonlExporter", "line"]

DEFAULT_PATH = "provsdk.jsonl"


def line(item: SealedRecord) -> bytes:
    """The record as one line."""
    return encode(item.record) + b"\n"


class JsonlExporter:
    """Appends records to a file.

    Durable when `export` returns: the lines were flushed to disk. Several processes may append to one file. A
    batch that does not fit (a full disk) is taken back. After a crash in the middle of a write the next batch starts on
    a line of its own; a reader passes over a line that does not parse: its record came again.

    Args:
        path: the file; made, with mode 0600, where it does not exist. A relative one counts from the directory that the
            process is in when the exporter is made.
    """

    def __init__(self, path: str | os.PathLike[str] = DEFAULT_PATH) -> None:
        self._path = _file(path)

    @property
    def path(self) -> Path:
        """The file, as an absolute path."""
        return self._path

    def export(self, batch: Sequence[SealedRecord]) -> None:
        """Appends one line for each record, and flushes them to disk."""
        lines = b"".join(line(item) for item in batch)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if sys.platform != "win32":
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            new = not os.fstat(descriptor).st_size
            _append(descriptor, lines)
            if new:
                _flush_directory(self._path.parent)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Nothing is held open between batches."""


def _file(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise ConfigError(f"exporter 'jsonl': path is the name of a file, not {path!r}")
    absolute = Path(path).expanduser().absolute()
    if absolute.is_dir():
        raise ConfigError(f"exporter 'jsonl': path {str(absolute)!r} is a directory, not a file")
    return absolute


def _flush_directory(directory: Path) -> None:
    """A file that was just made is durable only when its name is."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _append(descriptor: int, lines: bytes) -> None:
    before = os.fstat(descriptor).st_size
    torn = before > 0 and os.pread(descriptor, 1, before - 1) != b"\n"
    data = memoryview(b"\n" + lines if torn else lines)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, before)  # no half line stays; the whole batch comes again
        raise
