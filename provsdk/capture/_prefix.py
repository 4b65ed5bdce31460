"""What of a stream was delivered: digest, length and number of the chunks, without keeping them.

A stream of text or of bytes has the digest of the concatenation of its chunks: whoever joins them holds an equal value.
A stream of other values has the digest of the list of its chunks, for the same reason (`docs/formats/digests.md`).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from provsdk.digest import ListDigest, Measured, StreamDigest, digest, measure
from provsdk.errors import NotDigestible

__all__ = ["Prefix"]

_HELD: Final = 16_384
"""Characters or bytes that wait to be hashed together: a hash of each small chunk would cost more than the rest."""

_TEXT: Final = "text/plain"
_BYTES: Final = "application/octet-stream"
_OBJECT: Final = "application/x-python-object"

_NONE: Final = digest(None)


class Prefix:
    """Everything that was delivered so far. For one thread at a time.

    Args:
        max_bytes: a single chunk that is no text and no bytes gets no digest beyond this.
        keep_bytes: content that is kept, for whoever captures it; 0 keeps none.
    """

    __slots__ = (
        "_blanks", "_digest", "_held", "_held_size", "_is_text", "_keep_bytes", "_kept", "_list", "_max_bytes",
        "_media", "_problem", "_size", "chunks",
    )  # fmt: skip

    def __init__(self, *, max_bytes: int, keep_bytes: int = 0) -> None:
        self.chunks = 0
        self._max_bytes = max_bytes
        self._keep_bytes = keep_bytes
        self._digest: StreamDigest | None = None
        self._list: ListDigest | None = None
        self._held: list[Any] = []
        self._held_size = 0
        self._kept: list[Any] | None = [] if keep_bytes else None
        self._media: str | None = None
        self._problem: str | None = None
        self._is_text = False
        """So far it is, and known to be."""
        self._size = 0
        self._blanks = 0
        """Chunks of None before the kind of the stream was known."""

    def add(self, chunk: Any) -> None:
        """Takes the next chunk. None among text or bytes counts and adds nothing, as in the deltas of a model."""
        self.chunks += 1
        if self._is_text and type(chunk) is str:  # most streams, from their second chunk on
            self._hold(chunk)
            return
        if self._problem is not None:
            return
        kind = type(chunk)
        if chunk is None and self._media != _OBJECT:
            self._blanks += 1
        elif issubclass(kind, str):
            self._add_content(chunk, _TEXT)
        elif issubclass(kind, (bytes, bytearray, memoryview)):
            try:
                # A subclass may say something else of itself than what it holds.
                content = chunk if kind is bytes else memoryview(chunk).tobytes()
            except (ValueError, BufferError):
                self._ends_without("a chunk's memory has been released")
            else:
                self._add_content(content, _BYTES)
        else:
            self._add_value(chunk)

    def _add_content(self, chunk: str | bytes, media: str) -> None:
        if self._media == media or self._is_first(media):
            self._hold(chunk)

    def _hold(self, chunk: str | bytes) -> None:
        size = len(chunk)
        self._held.append(chunk)
        self._held_size += size
        if self._held_size >= _HELD:
            self._hash_held()
        if self._kept is not None:
            self._keep_bytes -= size
            if self._keep_bytes < 0:
                self._kept = None
            else:
                self._kept.append(chunk)

    def _is_first(self, media: str) -> bool:
        """Whether the stream is of that kind from now on; one that changes its kind has no digest."""
        if self._media is not None:
            self._ends_without("a stream of chunks of several kinds")
            return False
        self._media = media
        self._is_text = media == _TEXT
        return True

    def _ends_without(self, problem: str | None) -> None:
        """There will be no digest, whatever comes."""
        self._problem = problem
        self._held, self._kept, self._is_text = [], None, False

    def _hash_held(self) -> None:
        if self._digest is None:
            self._digest = StreamDigest()
        held, self._held, self._held_size = self._held, [], 0
        self._digest.update("".join(held) if self._media == _TEXT else b"".join(held))

    def _add_value(self, chunk: Any) -> None:
        if self._media != _OBJECT and not self._is_first(_OBJECT):
            return
        self._kept = None
        measured = measure(chunk, max_bytes=self._max_bytes)
        if measured.digest is None:
            self._ends_without(measured.problem)
            return
        if self._list is None:
            self._list = ListDigest()
            for _ in range(self._blanks):
                self._list.add(_NONE)
        self._list.add(measured.digest)
        self._size += measured.size_bytes or 0

    def measured(self) -> Measured:
        """Digest, media type and length of what was delivered."""
        if self._problem is not None:
            return Measured(None, self._media or _OBJECT, None, self._problem)
        if self._media is None:
            return Measured(sha256(b"").digest(), _TEXT, 0, None)
        if self._media == _OBJECT:
            assert self._list is not None  # noqa: S101 made with the first value
            return Measured(self._list.digest(), _OBJECT, self._size, None)
        try:
            self._hash_held()
        except NotDigestible as error:  # text with what cannot be written as text
            return Measured(None, self._media, None, str(error))
        assert self._digest is not None  # noqa: S101 made just now
        return Measured(self._digest.digest(), self._media, self._digest.size_bytes, None)

    def content(self) -> str | bytes | None:
        """What was delivered, where it is kept; None where it is not, or was more than the bound."""
        if self._kept is None or self._problem is not None:
            return None
        return b"".join(self._kept) if self._media == _BYTES else "".join(self._kept)
