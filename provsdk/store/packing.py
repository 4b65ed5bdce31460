"""An entry's parts as one blob. Format: `docs/formats/store.md`, section 3.

    pack   = 0x01 || length of index (u32) || length of its plain text (u32) || index || fixed || seal (16 bytes)
    index  = raw DEFLATE, with a preset dictionary, of MessagePack [[path, retention, form, detail], …] by path
    fixed  = for each part in that order, what does not compress: salts, commitments, ciphertexts

Only what cannot be computed is kept: the commitment of an open part follows from salt and content.
"""

import hmac
import itertools
import operator
import struct
import zlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from provsdk.errors import FormatError
from provsdk.ledger.commitments import COMMITMENT_BYTES, SALT_BYTES
from provsdk.store.dictionary import DICTIONARY

__all__ = ["Erased", "Open", "Packed", "Packer", "Sealed", "Shared", "pack", "pack_seal", "sealed_pack", "unpack"]

PACK_SEAL_BYTES: Final = 16

MAX_INDEX_BYTES: Final = 256 * 1024 * 1024
"""Plain length of the index, beyond which it is refused: a small blob must not unfold into all memory."""

_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BII")
_DOMAIN: Final = b"provsdk/pack/v1\0"
_OPEN, _SHARED, _SEALED, _ERASED = range(4)
_DIGEST_BYTES: Final = 32

# Measured: level 3 takes four tenths longer and saves 2 bytes of 100 (20 sources) to 8 (2 sources). With memory 9,
# setting up DEFLATE's tables takes longer than the work itself; with less, colliding hashes make the work longer.
_LEVEL: Final = 1
_WINDOW: Final = -15
_MEMORY: Final = 8


class Open(msgspec.Struct, frozen=True, gc=False):
    """A part that is there to be read."""

    path: str
    retention: str
    salt: bytes
    content: bytes


class Shared(msgspec.Struct, frozen=True, gc=False):
    """A part whose bytes many entries have in common: they stand once, in a table of their own."""

    path: str
    retention: str
    salt: bytes
    digest: bytes
    """SHA-256 of the content."""


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """An encrypted part."""

    path: str
    retention: str
    commitment: bytes
    ciphertext: bytes
    """As `provsdk.store.encryption` makes it."""


class Erased(msgspec.Struct, frozen=True, gc=False):
    """A part that is gone, and the index of the entry that says so."""

    path: str
    retention: str
    commitment: bytes
    by: int


Packed = Open | Shared | Sealed | Erased

_Row = tuple[str, str, int, Any]
"""(path, retention, form, detail): a row of the index."""

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[_Row]).decode


def pack(parts: Iterable[Packed]) -> bytes:
    """The blob of an entry's parts, still without its seal; they are sorted by path here.

    Raises:
        FormatError: as `Packer.blob`.
    """
    packer = Packer()
    for part in sorted(parts, key=operator.attrgetter("path")):
        match part:
            case Open():
                packer.open(part.path, part.retention, part.salt, part.content)
            case Shared():
                packer.shared(part.path, part.retention, part.salt, part.digest)
            case Sealed():
                packer.sealed(part.path, part.retention, part.commitment, part.ciphertext)
            case Erased():
                packer.erased(part.path, part.retention, part.commitment, part.by)
    return packer.blob()


class Packer:
    """Takes the parts of one entry, in the order of their paths, and makes the blob of them."""

    __slots__ = ("_fixed", "_index")

    def __init__(self) -> None:
        self._index: list[_Row] = []
        self._fixed: list[bytes] = []

    def open(self, path: str, retention: str, salt: bytes, content: bytes) -> None:
        """A part that is there to be read."""
        self._index.append((path, retention, _OPEN, content))
        self._fixed.append(salt)

    def shared(self, path: str, retention: str, salt: bytes, digest: bytes) -> None:
        """A part whose content is stored by its digest elsewhere."""
        self._index.append((path, retention, _SHARED, digest))
        self._fixed.append(salt)

    def sealed(self, path: str, retention: str, commitment: bytes, ciphertext: bytes) -> None:
        """An encrypted part."""
        self._index.append((path, retention, _SEALED, len(ciphertext)))
        self._fixed += (commitment, ciphertext)

    def erased(self, path: str, retention: str, commitment: bytes, by: int) -> None:
        """A part that is gone."""
        self._index.append((path, retention, _ERASED, by))
        self._fixed.append(commitment)

    def blob(self) -> bytes:
        """All of them, still without the seal.

        Raises:
            FormatError: together they are longer than `MAX_INDEX_BYTES`.
        """
        plain = _encode(self._index)
        if len(plain) > MAX_INDEX_BYTES:
            raise FormatError(f"the parts of one entry take {len(plain)} bytes, expected at most {MAX_INDEX_BYTES}")
        deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
        packed = deflate.compress(plain) + deflate.flush()
        return b"".join((_HEAD.pack(_VERSION, len(packed), len(plain)), packed, *self._fixed))


def pack_seal(seal_key: bytes, index: int, packed: bytes) -> bytes:
    """First 16 bytes of HMAC-SHA256(seal key, "provsdk/pack/v1" || 0x00 || index as u64 || unsealed pack).

    Commitments bind what parts say; this binds the very bytes, which compression could spell in many ways.
    """
    return hmac.digest(seal_key, _DOMAIN + index.to_bytes(8) + packed, "sha256")[:PACK_SEAL_BYTES]


def sealed_pack(seal_key: bytes, index: int, packed: bytes) -> bytes:
    """The blob as it is stored with the entry at `index`."""
    return packed + pack_seal(seal_key, index, packed)


def unpack(blob: bytes, *, index: int = 0, seal_key: bytes | None = None) -> list[Packed]:
    """The parts in a stored blob, by path.

    Args:
        blob: As stored.
        index: Of the entry that it belongs to.
        seal_key: Checks the blob's seal, where it is at hand.

    Raises:
        FormatError: the blob is damaged, of a newer version, or not the one that was sealed for that entry.
    """
    if len(blob) < _HEAD.size + PACK_SEAL_BYTES:
        raise FormatError(f"parts: got {len(blob)} bytes, expected at least {_HEAD.size + PACK_SEAL_BYTES}")
    body = blob[:-PACK_SEAL_BYTES]
    if seal_key is not None and not hmac.compare_digest(pack_seal(seal_key, index, body), blob[-PACK_SEAL_BYTES:]):
        raise FormatError("parts: the bytes are not those that were sealed for this entry")
    version, length, plain_length = _HEAD.unpack_from(body)
    if version != _VERSION:
        raise FormatError(f"parts: version {version}; this provsdk reads {_VERSION}")
    rows = _inflate(body[_HEAD.size : _HEAD.size + length], plain_length)
    taken = _Taken(body, _HEAD.size + length)
    parts = [_part(row, taken) for row in rows]
    if taken.at != len(body):
        raise FormatError(f"parts: {len(body) - taken.at} bytes stand behind the last part")
    return parts


def _inflate(data: bytes, plain_length: int) -> list[_Row]:
    if plain_length > MAX_INDEX_BYTES:
        raise FormatError(f"parts: an index of {plain_length} bytes, expected at most {MAX_INDEX_BYTES}")
    inflate = zlib.decompressobj(_WINDOW, DICTIONARY)
    try:
        plain = inflate.decompress(data, plain_length + 1)
        rows = _decode(plain)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FormatError(f"parts: the index is damaged ({type(error).__name__})") from None
    if len(plain) != plain_length or not inflate.eof or inflate.unused_data:
        raise FormatError("parts: the index has not the length that it says")
    paths = [row[0] for row in rows]
    if any(second <= first for first, second in itertools.pairwise(paths)):
        raise FormatError("parts: the paths are not in order, or one comes twice")
    return rows


class _Taken:
    """A position in the fixed bytes."""

    __slots__ = ("_data", "at")

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at

    def take(self, count: int) -> bytes:
        taken = self._data[self.at : self.at + count]
        if len(taken) != count:
            raise FormatError("parts: cut off")
        self.at += count
        return taken


def _part(row: _Row, taken: _Taken) -> Packed:
    path, retention, form, detail = row
    if form == _OPEN and isinstance(detail, bytes):
        return Open(path, retention, taken.take(SALT_BYTES), detail)
    if form == _SHARED and isinstance(detail, bytes) and len(detail) == _DIGEST_BYTES:
        return Shared(path, retention, taken.take(SALT_BYTES), detail)
    if form == _SEALED and isinstance(detail, int) and detail >= 0:
        return Sealed(path, retention, taken.take(COMMITMENT_BYTES), taken.take(detail))
    if form == _ERASED and isinstance(detail, int) and detail >= 0:
        return Erased(path, retention, taken.take(COMMITMENT_BYTES), detail)
    raise FormatError(f"parts: {path!r} is of a form that this provsdk does not read")
