"""Reads a file of this machine again."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from provsdk.cli.fetch.reading import CHUNK_BYTES, Cannot, Gone, digested
from provsdk.report.verdicts import Content

__all__ = ["fetch_file"]

MAX_BYTES: Final = 8 * 1024 * 1024 * 1024
SECONDS: Final = 120.0


def fetch_file(path: Path) -> Content:
    """The content of a regular file.

    Raises:
        Gone: it is not there; of a relative path that cannot be told, as nobody knows from where it was meant.
        Cannot: it is no regular file, may not be read, or is too large.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Cannot("no regular file")
        with path.open("rb") as file:
            date = datetime.fromtimestamp(status.st_mtime_ns / 1e9, UTC)
            return digested(_chunks(file), max_bytes=MAX_BYTES, seconds=SECONDS, modified_at=date)
    except FileNotFoundError:
        if not path.is_absolute():
            raise Cannot("a relative path, and not there from the directory that you are in") from None
        raise Gone("there is no such file on this machine") from None
    except (OSError, ValueError, OverflowError) as error:
        raise Cannot(f"cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}") from None


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
