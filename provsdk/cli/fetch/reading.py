"""Reads a content once, within a bound, and keeps its digests."""

import time
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Final

from provsdk.checksum import ALGORITHMS, hasher
from provsdk.errors import ProvsdkError
from provsdk.report.verdicts import Content

__all__ = ["CHUNK_BYTES", "Cannot", "Gone", "digested"]

CHUNK_BYTES: Final = 1 << 20

_MARK: Final = b"\xef\xbb\xbf"


class Gone(ProvsdkError):
    """Nothing is at that location any more."""


class Cannot(ProvsdkError):
    """What is at that location cannot be told; the message says why, and what to do where something can be done."""


def digested(
    chunks: Iterable[bytes],
    *,
    max_bytes: int,
    seconds: float,
    modified_at: datetime | None = None,
    etag: str | None = None,
) -> Content:
    """The digests of a content.

    Args:
        chunks: its bytes in order.
        max_bytes: more than this is not read.
        seconds: what takes longer is given up, however slowly it comes.
        modified_at: when it was last changed, as far as its place says.
        etag: its HTTP entity tag.

    Raises:
        Cannot: a bound was hit.
    """
    until = time.monotonic() + seconds
    hashes = {algorithm: hasher(algorithm) for algorithm in ALGORITHMS}
    text, size = _Text(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise Cannot(f"larger than {max_bytes // (1 << 20):,} MiB")
        if time.monotonic() > until:
            raise Cannot(f"not read within {seconds:.0f} s")
        for digest in hashes.values():
            digest.update(chunk)
        text.update(chunk)
    found = {algorithm: digest.hexdigest() for algorithm, digest in hashes.items()}
    return Content(found, text.hexdigest(), modified_at, etag)


class _Text:
    """SHA-256 of bytes as Python reads them as text in UTF-8: one kind of line end, no byte order mark."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._held = b""
        self._begun = False

    def update(self, chunk: bytes) -> None:
        data = self._held + chunk
        if not self._begun:
            if len(data) < len(_MARK):
                self._held = data
                return
            self._begun = True
            data = data.removeprefix(_MARK)
        # A carriage return at the end may be the first half of a line end.
        cut = len(data) - 1 if data.endswith(b"\r") else len(data)
        self._held = data[cut:]
        self._hash.update(_one_line_end(data[:cut]))

    def hexdigest(self) -> str:
        self._hash.update(_one_line_end(self._held))
        self._held = b""
        return self._hash.hexdigest()


def _one_line_end(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
