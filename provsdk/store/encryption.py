"""Encryption of parts, and of the data keys that do it. Format: `docs/formats/store.md`, sections 4 and 5.

    sealed part = nonce (12 bytes) || AES-256-GCM(data key, salt || form || content), bound to entry id and path
    wrapped key = nonce (12 bytes) || AES-256-GCM(content key, data key), bound to the log's origin and the subject

The salt is inside: whoever has the database alone cannot even try a guess.
"""

import os
import zlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from provsdk.errors import FormatError
from provsdk.ledger.commitments import SALT_BYTES

__all__ = ["DATA_KEY_BYTES", "DataKey", "unwrap", "wrap"]

DATA_KEY_BYTES: Final = 32

_NONCE_BYTES: Final = 12
_PART_DOMAIN: Final = b"provsdk/sealed-part/v1\0"
_WRAP_DOMAIN: Final = b"provsdk/data-key/v1\0"
_PLAIN, _DEFLATED = b"\0", b"\1"
_WORTH_DEFLATING: Final = 256
"""Bytes of content below which compression gains nothing beside its cost."""


class DataKey:
    """The key that encrypts the parts of one subject's entries.

    Args:
        key: 32 bytes.
    """

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, entry_id: str, path: str, salt: bytes, content: bytes) -> bytes:
        """Salt and content, encrypted for that place."""
        nonce = os.urandom(_NONCE_BYTES)
        plain = b"".join((salt, *_shortened(content)))
        return nonce + self._cipher.encrypt(nonce, plain, _bound(_PART_DOMAIN, entry_id, path))

    def open(self, entry_id: str, path: str, ciphertext: bytes) -> tuple[bytes, bytes]:
        """Salt and content.

        Raises:
            FormatError: this key did not encrypt these bytes for that place.
        """
        nonce, sealed = ciphertext[:_NONCE_BYTES], ciphertext[_NONCE_BYTES:]
        try:
            plain = self._cipher.decrypt(nonce, sealed, _bound(_PART_DOMAIN, entry_id, path))
            salt, form, content = plain[:SALT_BYTES], plain[SALT_BYTES : SALT_BYTES + 1], plain[SALT_BYTES + 1 :]
            return salt, zlib.decompress(content) if form == _DEFLATED else content
        except (InvalidTag, ValueError, zlib.error):
            raise FormatError(f"part {path!r}: what is stored was not encrypted with its key for this place") from None


def wrap(content_key: bytes, origin: str, subject: str, data_key: bytes) -> bytes:
    """A data key, encrypted for the key store."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(content_key).encrypt(nonce, data_key, _bound(_WRAP_DOMAIN, origin, subject))


def unwrap(content_key: bytes, origin: str, subject: str, wrapped: bytes) -> bytes:
    """A data key from the key store.

    Raises:
        FormatError: this content key did not wrap these bytes for that log and subject.
    """
    try:
        nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        return AESGCM(content_key).decrypt(nonce, sealed, _bound(_WRAP_DOMAIN, origin, subject))
    except (InvalidTag, ValueError):
        raise FormatError(f"the data key of {subject} was not wrapped with this content key, or was changed") from None


def _shortened(content: bytes) -> tuple[bytes, bytes]:
    if len(content) >= _WORTH_DEFLATING:
        deflated = zlib.compress(content, 1)
        if len(deflated) < len(content):
            return _DEFLATED, deflated
    return _PLAIN, content


def _bound(domain: bytes, *texts: str) -> bytes:
    """What a ciphertext is bound to; lengths keep two texts from running into each other."""
    encoded = [text.encode() for text in texts]
    return domain + b"".join(len(text).to_bytes(4) + text for text in encoded)
