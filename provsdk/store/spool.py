"""The format of a spool: drafts that wait on disk for their store. Format: `docs/formats/spool.md`.

    file  = "provsdk-spool/v1" || 0x0A || length of about (u32) || CRC-32 of about (u32) || about || frame…
    about = JSON {"origin": …, "emitter": …, "salt": 64 hex digits}
    frame = 0xF5 "pvs" || number (u64) || length of body (u32) || CRC-32 of number, length and body (u32) || body
    body  = nonce (12 bytes) || AES-256-GCM(file key, raw DEFLATE of MessagePack of the draft), bound to salt and number

Everything is encrypted: a draft of a protected record or of captured content must not lie on a disk in the open. The
checksum can be checked without the key, so that anybody can tell a whole spool from a damaged one.
"""

import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from provsdk.errors import FormatError
from provsdk.records.parts import Part
from provsdk.store.contract import Draft

__all__ = ["About", "Cipher", "Damage", "Frame", "Read", "begin", "frame", "frames", "read_about"]

MAGIC: Final = b"provsdk-spool/v1\n"
SALT_BYTES: Final = 32
MAX_ABOUT_BYTES: Final = 4_096

_HEAD: Final = Struct(">II")
_MARK: Final = b"\xf5pvs"
_FRAME: Final = Struct(">4sQII")
_BOUND: Final = Struct(">QI")
_NONCE_BYTES: Final = 12
_KEY_INFO: Final = b"provsdk/spool-key/v1"
_DOMAIN: Final = b"provsdk/spool/v1\0"
_SEARCHED_AT_ONCE: Final = 1 << 20

Read = Callable[[int, int], bytes]
"""(offset, length) → the bytes there; fewer where the file ends."""


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose spool it is."""

    origin: str
    """Name of the log that the drafts are meant for."""
    emitter: str
    """Id of the process that wrote it."""
    salt: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    """32 random bytes as hex: each file has a key of its own."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole frame: its checksum is right."""

    number: int
    """From 0, without a gap."""
    offset: int
    end: int
    """Offset of what follows."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no frame."""

    offset: int
    end: int
    cut_off: bool
    """Nothing follows, and they begin as a frame does: the process or the machine ended while it was written."""


_Stored = tuple[str, str, str, str, str, bool, list[tuple[str, str, bytes]]]
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Stored).decode


class Cipher:
    """Encrypts and decrypts the frames of one file.

    Args:
        seal_key: Of the log, derived from its signing key: who can append to the log can read its spools.
        about: Of the file.
    """

    def __init__(self, seal_key: bytes, about: About) -> None:
        self._salt = bytes.fromhex(about.salt)
        derived = HKDF(algorithm=SHA256(), length=32, salt=self._salt, info=_KEY_INFO).derive(seal_key)
        self._cipher = AESGCM(derived)

    def seal(self, number: int, draft: Draft) -> bytes:
        """The body of the frame of that number."""
        parts = [(part.path, part.retention, part.content) for part in draft.parts]
        stored: _Stored = (draft.kind, draft.key, draft.actor, draft.subject, draft.time, draft.protected, parts)
        nonce = os.urandom(_NONCE_BYTES)
        deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
        plain = deflate.compress(_encode(stored)) + deflate.flush()
        return nonce + self._cipher.encrypt(nonce, plain, self._bound(number))

    def open(self, frame: Frame) -> Draft:
        """The draft of a frame.

        Raises:
            FormatError: another key wrote it, or it was written for another place.
        """
        nonce, sealed = frame.body[:_NONCE_BYTES], frame.body[_NONCE_BYTES:]
        try:
            plain = self._cipher.decrypt(nonce, sealed, self._bound(frame.number))
            kind, key, actor, subject, time, protected, parts = _decode(zlib.decompress(plain, -15))
        except (InvalidTag, ValueError, zlib.error, msgspec.MsgspecError):
            raise FormatError(
                f"spool: frame {frame.number} was not written with the key of this log, or was changed"
            ) from None
        return Draft(kind, key, actor, subject, time, tuple(Part(*part) for part in parts), protected)

    def _bound(self, number: int) -> bytes:
        return _DOMAIN + self._salt + number.to_bytes(8)


def begin(origin: str, emitter: str) -> tuple[About, bytes]:
    """A new file: what it says of itself, and its first bytes."""
    about = About(origin, emitter, os.urandom(SALT_BYTES).hex())
    said = msgspec.json.encode(about)
    return about, MAGIC + _HEAD.pack(len(said), zlib.crc32(said)) + said


def frame(number: int, body: bytes) -> bytes:
    """The bytes of a frame."""
    bound = _BOUND.pack(number, len(body))
    return _FRAME.pack(_MARK, number, len(body), zlib.crc32(body, zlib.crc32(bound))) + body


def read_about(read: Read) -> tuple[About, int]:
    """What a file says of itself, and the offset of its first frame.

    Raises:
        FormatError: it is no spool, or its beginning is damaged.
    """
    head = read(0, len(MAGIC) + _HEAD.size)
    if not head.startswith(MAGIC):
        raise FormatError("spool: the file does not begin as spools of this version do")
    length, checksum = _HEAD.unpack(head[len(MAGIC) :]) if len(head) == len(MAGIC) + _HEAD.size else (0, 0)
    said = read(len(head), min(length, MAX_ABOUT_BYTES))
    if not length or len(said) != length or zlib.crc32(said) != checksum:
        raise FormatError("spool: its beginning is damaged")
    try:
        return msgspec.json.decode(said, type=About), len(head) + length
    except (ValueError, msgspec.MsgspecError):
        raise FormatError("spool: its beginning is damaged") from None


def frames(read: Read, start: int, end: int) -> Iterator[Frame | Damage]:
    """What stands between two offsets, in order: frames, and whatever is none, up to where a frame begins again."""
    at = start
    while at < end:
        found = _frame_at(read, at, end)
        if found is None:
            following = _next_frame(read, at + 1, end)
            yield Damage(at, following, cut_off=following == end and _was_cut_off(read, at, end))
            at = following
        else:
            yield found
            at = found.end


def _frame_at(read: Read, at: int, end: int) -> Frame | None:
    head = read(at, _FRAME.size)
    if len(head) < _FRAME.size:
        return None
    mark, number, length, checksum = _FRAME.unpack(head)
    if mark != _MARK or at + _FRAME.size + length > end:
        return None
    body = read(at + _FRAME.size, length)
    if len(body) != length or zlib.crc32(body, zlib.crc32(_BOUND.pack(number, length))) != checksum:
        return None
    return Frame(number, at, at + _FRAME.size + length, body)


def _next_frame(read: Read, at: int, end: int) -> int:
    """Where the next whole frame begins; `end` where there is none."""
    while at < end:
        some = read(at, _SEARCHED_AT_ONCE)
        place = some.find(_MARK)
        while place >= 0:
            if _frame_at(read, at + place, end) is not None:
                return at + place
            place = some.find(_MARK, place + 1)
        if len(some) < _SEARCHED_AT_ONCE:
            return end
        at += len(some) - len(_MARK) + 1
    return end


def _was_cut_off(read: Read, at: int, end: int) -> bool:
    """Whether the last bytes of a file are what a write leaves that did not end: too few, or blocks never written."""
    head = read(at, _FRAME.size)
    if len(head) < _FRAME.size or not head.strip(b"\0"):
        return head[: len(_MARK)] == _MARK[: len(head)] or not head.strip(b"\0")
    mark, _, length, _ = _FRAME.unpack(head)
    return mark == _MARK and (at + _FRAME.size + length > end or read(end - 1, 1) == b"\0")
