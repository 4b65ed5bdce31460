"""Commitments to parts, and the manifest that an entry's `body` digests. Format: `docs/formats/log.md`, section 3.

A commitment binds to a part's path and bytes and says nothing about them: without its random salt, not even a guess can
be tried. So bytes and salt may be erased and everything else still verifies.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

import msgspec

from provsdk.errors import FormatError

__all__ = ["COMMITMENT_BYTES", "SALT_BYTES", "body", "commit", "manifest"]

SALT_BYTES: Final = 32
"""Length of a salt, in bytes; each part of each entry has its own random one."""

COMMITMENT_BYTES: Final = 32
"""Length of a commitment, in bytes."""

_DOMAIN: Final = b"provsdk/part/v1\0"

_encoder = msgspec.json.Encoder()


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
    try:
        name = path.encode()
    except UnicodeEncodeError:
        raise FormatError("a part's path holds a lone surrogate, which UTF-8 cannot express") from None
    return hmac.digest(salt, b"".join((_DOMAIN, len(name).to_bytes(4), name, content)), "sha256")


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
