"""Reads a file of this machine again."""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from provsdk.cli.fetch.reading import CHUNK_BYTES, Cannot, Gone, digested
from provsdk.report.verdicts import Content

__all__ = ["fetch_file"]

MAX_BYTES: Final = 8 * 1024 * 1024 * 1024
SECONDS: Final = 120.0

_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Some files of /proc and /sys say that they are regular, and have who reads them wait for ever."""


def fetch_file(path: Path) -> Content:
    """The content of a regular file.

    Raises:
        Gone: it is not there; of a relative path that cannot be told, as nobody knows from where it was meant.
        Cannot: it is no regular file, may not be read, or is too large.
    """
    try:
        _refuse_what_is_no_file(path.stat())
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)
            _refuse_what_is_no_file(status)
            date = datetime.fromtimestamp(status.st_mtime_ns / 1e9, UTC)
            return digested(_chunks(descriptor), max_bytes=MAX_BYTES, seconds=SECONDS, modified_at=date)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        if not path.is_absolute():
            raise Cannot("a relative path, and not there from the directory that you are in") from None
        raise Gone("there is no such file on this machine") from None
    except (OSError, ValueError, OverflowError) as error:
        raise Cannot(f"cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}") from None


def _refuse_what_is_no_file(status: os.stat_result) -> None:
    """Asked before it is opened, as opening some devices does something; and after, as it may be another thing then."""
    if not stat.S_ISREG(status.st_mode):
        raise Cannot("no regular file")


def _chunks(descriptor: int) -> Iterator[bytes]:
    while chunk := os.read(descriptor, CHUNK_BYTES):
        yield chunk
