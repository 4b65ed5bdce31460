"""Commitments to parts, and the manifest that an entry's `body` digests. Format: `docs/formats/log.md`, section 3.

A commitment binds to a part's path and bytes and says nothing about them: without its random salt, not even a guess can
be tried. So bytes and salt may be erased and everything else still verifies.
"""

import hashlib
import hmac
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from provsdk.errors import FormatError
from provsdk.records.parts import Part

__all__ = ["COMMITMENT_BYTES", "SALT_BYTES", "body", "commit", "commit_each", "manifest"]

SALT_BYTES: Final = 32
"""Length of a salt, in bytes; each part of each entry has its own random one."""

COMMITMENT_BYTES: Final = 32
"""Length of a commitment, in bytes."""

_DOMAIN: Final = b"provsdk/part/v1\0"

_INNER_PAD, _OUTER_PAD = bytes(byte ^ 0x36 for byte in range(256)), bytes(byte ^ 0x5C for byte in range(256))
"""HMAC (RFC 2104) exclusive-ors its key, filled up with zeros to a block of 64 bytes, with one byte or the other."""

_INNER_FILL, _OUTER_FILL = b"\x36" * 32, b"\x5c" * 32
"""The zeros behind a salt, padded in the same way."""

_ONE_LENGTH: Final = frozenset({SALT_BYTES})
_blocks: Final = struct.Struct(f"{SALT_BYTES}s").iter_unpack

_encoder = msgspec.json.Encoder()
_sha256 = hashlib.sha256


def commit(salt: bytes, path: str, content: bytes) -> bytes:
    """HMAC-SHA256(salt, "provsdk/part/v1" || 0x00 || length of path as 32 bits, big-endian || path || content).

    Args:
        salt: 32 random bytes.
        path: The part's path; its UTF-8 bytes are counted and hashed.
        content: The part's canonical bytes, neither compressed nor encrypted.

    Raises:
        FormatError: the salt has not 32 bytes, or the path holds a lone surrogate.
    """
    if len(salt) != SALT_BYTES:
        raise FormatError(f"part {path!r}: got a salt of {len(salt)} bytes, expected {SALT_BYTES}")
    return hmac.digest(salt, _framed(path) + content, "sha256")


def commit_each(salts: Sequence[bytes], parts: Sequence[Part]) -> list[bytes]:
    """The commitment to each part under its salt, as `commit` gives it.

    HMAC is written out here (RFC 2104): OpenSSL sets one up for longer than it takes to hash a part.

    Raises:
        FormatError: as `commit`, or there are not as many salts as parts.
    """
    keys = b"".join(salts)
    if len(salts) != len(parts) or not _ONE_LENGTH.issuperset(map(len, salts)):
        raise FormatError(f"got {len(salts)} salts for {len(parts)} parts, expected one of {SALT_BYTES} bytes for each")
    padded = zip(_blocks(keys.translate(_INNER_PAD)), _blocks(keys.translate(_OUTER_PAD)), parts, strict=True)
    commitments = []
    for (inner,), (outer,), part in padded:
        within = _sha256(inner + _behind_inner_key(part.path) + part.content).digest()
        commitments.append(_sha256(outer + _OUTER_FILL + within).digest())
    return commitments


def _framed(path: str) -> bytes:
    """What stands before a part's content in what is hashed."""
    try:
        name = path.encode()
    except UnicodeEncodeError:
        raise FormatError("a part's path holds a lone surrogate, which UTF-8 cannot express") from None
    return b"".join((_DOMAIN, len(name).to_bytes(4), name))


@lru_cache(maxsize=512)
def _behind_inner_key(path: str) -> bytes:
    return _INNER_FILL + _framed(path)


def manifest(rows: Sequence[tuple[str, str, bytes]]) -> bytes:
    """The canonical manifest: `[[path, retention, commitment], …]`, sorted by path.

    Args:
        rows: (path, retention, commitment of 32 bytes), in any order.

    Raises:
        FormatError: a path comes twice, a commitment has not 32 bytes, or a text holds a lone surrogate.
    """
    # Python compares by code point, which is the order of the UTF-8 bytes.
    ordered = sorted(rows)
    previous = None
    for path, _, commitment in ordered:
        if path == previous:
            raise FormatError(f"manifest: the path {path!r} comes twice")
        if len(commitment) != COMMITMENT_BYTES:
            raise FormatError(f"manifest: {path!r} has {len(commitment)} bytes of commitment, not {COMMITMENT_BYTES}")
        previous = path
    try:
        return _encoder.encode([(path, retention, commitment.hex()) for path, retention, commitment in ordered])
    except UnicodeEncodeError:
        raise FormatError("manifest: a path or retention holds a lone surrogate") from None


def body(rows: Sequence[tuple[str, str, bytes]]) -> str:
    """SHA-256 of the canonical manifest, lower-case hex: an entry's `body`.

    Raises:
        FormatError: as `manifest`.
    """
    return hashlib.sha256(manifest(rows)).hexdigest()
