"""Digests of values: what `docs/formats/digests.md` defines, in a form that is fast for text and safe for anything.

`measure` is what capture calls on every value that passes: it never raises, never consumes an iterator, reads what a
value stores and evaluates none of its properties, and says in `problem` why there is no digest. `digest` is the same
for callers that want an error. Plain digests are 32 raw bytes here; `plain` and `JoinKey.join` give the written forms.
"""

from __future__ import annotations

import sys
from hashlib import file_digest as _hash_file
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from provsdk.digest._contents import contents_of, name_of
from provsdk.digest._fields import field_names, peek
from provsdk.digest._linkable import MIN_LINKABLE_BYTES, is_linkable
from provsdk.digest._scalars import BYTES, CHUNK_CHARACTERS, TAGGED, TEXT, TooLarge, media_of, type_name
from provsdk.digest._walk import Walk
from provsdk.errors import KeyUnusable, NotDigestible
from provsdk.interrupts import came_from_outside

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_ITEMS",
    "MIN_LINKABLE_BYTES",
    "JoinKey",
    "ListDigest",
    "Measured",
    "StreamDigest",
    "children",
    "digest",
    "field_names",
    "file_digest",
    "is_linkable",
    "measure",
    "peek",
    "plain",
]

MAX_BYTES: Final = 256 * 1024 * 1024
"""Content of a value, beyond which it gets no digest."""

MAX_DEPTH: Final = 64
"""Levels of containers in containers, beyond which a value gets no digest."""

MAX_ITEMS: Final = 100_000
"""Values inside a container at all its levels, beyond which it gets no digest; each costs about a microsecond."""


class Measured(NamedTuple):
    """What can be said of a value without keeping it."""

    digest: bytes | None
    """The 32-byte plain digest; None where there is none, and `problem` says why."""
    media_type: str
    """`text/plain`, `application/octet-stream`, `application/json` or `application/x-python-object`."""
    size_bytes: int | None
    """Bytes of content: UTF-8 for text, the sum of what it holds for a container; None where it could not be told."""
    problem: str | None
    """Why there is no digest: names types, never content. Begins with `too large` where a bound was hit."""


_measured: Final = tuple.__new__
"""Makes one without the function that named tuples have for it: this is on the path of every value."""


def measure(
    value: Any, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS
) -> Measured:
    """Digest, media type and size of any value. Never raises because of the value, whatever it is.

    Args:
        value: left as it is: iterators are not consumed, properties not evaluated, foreign containers not iterated.
        max_bytes: more content than this gives no digest; the size of text and bytes is told all the same.
        max_depth: levels of containers in containers.
        max_items: values inside a container, at all its levels.
    """
    kind = type(value)
    if kind is str and len(value) <= CHUNK_CHARACTERS:
        try:
            data = value.encode()
        except UnicodeEncodeError:
            pass  # a lone surrogate has a digest of its own, below
        else:
            if len(data) <= max_bytes:
                return _measured(Measured, (sha256(data).digest(), TEXT, len(data), None))
    elif kind is bytes and len(value) <= max_bytes:
        return _measured(Measured, (sha256(value).digest(), BYTES, len(value), None))
    return _measure(value, Walk(max_bytes, max_depth, max_items))


def digest(value: Any, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS) -> bytes:
    """The 32-byte plain digest of a value.

    Raises:
        NotDigestible: of a type without a digest, holding one, holding itself, or beyond the bounds.
    """
    measured = measure(value, max_bytes=max_bytes, max_depth=max_depth, max_items=max_items)
    if measured.digest is None:
        raise NotDigestible(measured.problem)
    return measured.digest


def plain(digest32: bytes) -> str:
    """A plain digest as it is written down: `sha256:` and 64 lower-case hex digits."""
    return "sha256:" + digest32.hex()


class JoinKey:
    """The digest key, ready to make join digests: HMAC-SHA256 (RFC 2104) of plain digests.

    `key_id` names the key without giving it away: the first 16 hex digits of SHA-256 over `provsdk/digest-key/v1`, a
    zero byte and the key.

    Raises:
        KeyUnusable: the key is shorter than 32 bytes.
    """

    __slots__ = ("_inner", "_outer", "_prefix", "key_id")

    def __init__(self, key: bytes) -> None:
        if len(key) < 32:
            raise KeyUnusable(f"digest key of {len(key)} bytes; at least 32 are needed")
        self.key_id: Final = sha256(b"provsdk/digest-key/v1\0" + key).hexdigest()[:16]
        self._prefix: Final = f"hmac-sha256:{self.key_id}:"
        block = (key if len(key) <= 64 else sha256(key).digest()).ljust(64, b"\0")
        # Both blocks are hashed once here: each join then costs two short updates.
        self._inner: Final = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer: Final = sha256(bytes(byte ^ 0x5C for byte in block))

    def join(self, digest32: bytes) -> str:
        """The join digest of a plain digest: `hmac-sha256:<key id>:<64 hex digits>`."""
        inner = self._inner.copy()
        inner.update(digest32)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return self._prefix + outer.hexdigest()

    def __repr__(self) -> str:
        return f"JoinKey({self.key_id})"


class StreamDigest:
    """The digest of a stream: that of the concatenation of its chunks, all text or all bytes. For one thread."""

    __slots__ = ("_hash", "_is_text", "_surrogates", "_tagged", "size_bytes")

    def __init__(self) -> None:
        self.size_bytes = 0
        self._hash: Final = sha256()
        # Text with lone surrogates is tagged from its first byte on, and the first may come with the last chunk.
        self._tagged: Final = sha256(TAGGED + b"wtf-8:")
        self._surrogates = False
        self._is_text: bool | None = None

    def update(self, chunk: str | bytes | bytearray | memoryview) -> None:
        """Takes the next chunk.

        Raises:
            NotDigestible: neither text nor bytes, or not what the chunks before it were.
        """
        is_text = issubclass(type(chunk), str)
        if not is_text and not issubclass(type(chunk), (bytes, bytearray, memoryview)):
            raise NotDigestible(f"a chunk of type {type_name(type(chunk))} is neither text nor bytes")
        if self._is_text is not is_text and self._is_text is not None:
            raise NotDigestible("a stream of both text and bytes")
        self._is_text = is_text
        # A subclass may say something else of itself than what it holds.
        data = self._encoded(chunk) if isinstance(chunk, str) else memoryview(chunk).tobytes()
        self.size_bytes += len(data)
        self._hash.update(data)
        if is_text:
            self._tagged.update(data)

    def digest(self) -> bytes:
        """The 32-byte plain digest of what came so far."""
        return (self._tagged if self._surrogates else self._hash).digest()

    def _encoded(self, chunk: str) -> bytes:
        try:
            return str.encode(chunk)
        except UnicodeEncodeError:
            self._surrogates = True
            return str.encode(chunk, "utf-8", "surrogatepass")


class ListDigest:
    """The digest of a list whose elements come one by one, known by their digests. For one thread."""

    __slots__ = ("_empty", "_hash")

    def __init__(self) -> None:
        self._hash: Final = sha256(TAGGED + b"list:")
        self._empty = True

    def add(self, digest32: bytes) -> None:
        """Takes the plain digest of the next element."""
        self._hash.update((f'["{digest32.hex()}' if self._empty else f'","{digest32.hex()}').encode())
        self._empty = False

    def digest(self) -> bytes:
        """The 32-byte plain digest of the list of what came so far."""
        whole = self._hash.copy()
        whole.update(b"[]" if self._empty else b'"]')
        return whole.digest()


def file_digest(path: str | os.PathLike[str]) -> bytes:
    """The 32-byte plain digest of a file's bytes, as `sha256sum` gives it.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:  # noqa: PTH123 pathlib would cost every importer of this module
        return _hash_file(file, "sha256").digest()


def children(value: Any) -> Iterator[tuple[str, Any]]:
    """One level of a container: (index, key or field name as text, element) each; nothing for anything else.

    Elements of a set are all named `*`, keys that are neither text nor integers `#<position>`. Never raises because of
    the value; the container may change meanwhile. The caller bounds how many it takes.
    """
    if type(value) in (str, bytes):
        return
    try:
        held = contents_of(value, type(value), sys.maxsize)
    except Exception as error:  # what cannot be read has a `problem` in its measure
        if came_from_outside(error):
            raise
        return
    if held is None:
        return
    for position, child in enumerate(held.values):
        yield name_of(held, position), child


def _measure(value: Any, walk: Walk) -> Measured:
    try:
        found, size, media = walk.of(value, 0)
    except TooLarge as error:
        return Measured(None, media_of(type(value)), error.size_bytes if walk.at_top else None, str(error))
    except NotDigestible as error:
        return Measured(None, media_of(type(value)), None, str(error))
    except RecursionError:
        return Measured(None, media_of(type(value)), None, "too large: nested beyond what is left of the stack")
    except Exception as error:
        if came_from_outside(error):
            raise
        # Code of the value's class raised: which exception is all that may be said, its message may be content.
        problem = f"{type_name(type(value))} cannot be read: {type_name(type(error))}"
        return Measured(None, media_of(type(value)), None, problem)
    return Measured(found, media, size, None)
