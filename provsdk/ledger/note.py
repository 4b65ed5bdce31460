"""Signed notes (C2SP signed-note, v1.0.0) with Ed25519 keys.

A note is a text with an ended last line, an empty line, and signature lines. Signed are the text's bytes, its last line
feed included, the empty line not.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from provsdk.errors import FormatError, UsageError

__all__ = [
    "MAX_NOTE_CHARACTERS",
    "MAX_SIGNATURES",
    "Ed25519Signer",
    "OpenedNote",
    "Signer",
    "VerifierKey",
    "is_key_name",
    "open_note",
    "sign_note",
]

MAX_NOTE_CHARACTERS: Final = 1_000_000
"""Longest note that is read. A bound of ours."""

MAX_SIGNATURES: Final = 100
"""Most signature lines that are read; the specification asks for 16 at least."""

_ED25519: Final = b"\x01"
_PUBLIC_BYTES: Final = 32
_SEED_BYTES: Final = 32
_KEY_ID_BYTES: Final = 4
_NOT_IN_NOTES = re.compile(r"[\x00-\x09\x0b-\x1f]|[\ud800-\udfff]")
_NOT_IN_NAMES = re.compile(r"[\s+\x00-\x1f]|[\ud800-\udfff]")
_SIGNATURE_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")


class Signer(Protocol):
    """Signs notes under a name.

    Concurrency: safe from several threads. Errors: raises `KeyUnusable` where the key cannot be reached. Retry: safe.
    """

    @property
    def name(self) -> str:
        """The key's name; for a log's key the log's origin."""
        ...

    @property
    def vkey(self) -> str:
        """The public key as text: `<name>+<key id, 8 hex digits>+<base64 of type and key>`."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature of the message, without key id."""
        ...


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public Ed25519 key with its name."""

    name: str
    public: bytes
    """32 bytes."""

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """The key of a vkey's text.

        Raises:
            FormatError: not a vkey, another type than Ed25519 (0x01), or a key id that is not this key's.
        """
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        if not is_key_name(name) or not re.fullmatch(r"[0-9a-f]{8}", key_id):
            raise FormatError("vkey: expected <name>+<8 hex digits>+<base64>")
        material = _base64("vkey", encoded)
        if material[:1] != _ED25519 or len(material) != 1 + _PUBLIC_BYTES:
            raise FormatError("vkey: expected an Ed25519 key (type 0x01 and 32 bytes)")
        key = cls(name, material[1:])
        if key.key_id.hex() != key_id:
            raise FormatError(f"vkey: expected key id {key.key_id.hex()}, got {key_id}")
        return key

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name || 0x0A || 0x01 || public key)."""
        material = b"".join((self.name.encode(), b"\n", _ED25519, self.public))
        return hashlib.sha256(material).digest()[:_KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The key as text; `parse` reads it."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's over the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class Ed25519Signer:
    """A `Signer` with an Ed25519 key in memory.

    Args:
        name: Not empty, without white space and `+`.
        seed: The private key's 32 bytes (RFC 8032, section 5.1.5).

    Raises:
        UsageError: the name or the seed's length is wrong.
    """

    __slots__ = ("_private", "key", "name")

    def __init__(self, name: str, seed: bytes) -> None:
        if not is_key_name(name):
            raise UsageError(f"a key's name is not empty and has neither white space nor '+'; got {name!r}")
        if len(seed) != _SEED_BYTES:
            raise UsageError(f"an Ed25519 seed has {_SEED_BYTES} bytes; got {len(seed)}")
        self.name = name
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = VerifierKey(name, self._private.public_key().public_bytes_raw())

    @property
    def vkey(self) -> str:
        """The public key as text."""
        return self.key.vkey

    def sign(self, message: bytes) -> bytes:
        """The signature of the message, 64 bytes; the same for the same message."""
        return self._private.sign(message)

    def __repr__(self) -> str:
        return f"Ed25519Signer({self.vkey!r})"


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note with at least one good signature."""

    text: str
    """What was signed, its last line feed included."""
    verified: tuple[VerifierKey, ...]
    """The keys whose signatures were checked and are good, each once."""
    signatures: int
    """Number of signature lines, by unknown keys too: more than `verified` means that others stand there."""


def is_key_name(name: str) -> bool:
    """Whether a key, and so a log, may have that name: not empty, without white space, `+` and control characters."""
    return bool(name) and not _NOT_IN_NAMES.search(name)


def sign_note(text: str, signers: Sequence[Signer]) -> str:
    """The text with a signature line of each signer, in their order.

    Raises:
        UsageError: no signer; a text that is empty, has an unended last line or a control character.
    """
    if not signers:
        raise UsageError("a note needs a signer")
    if not text.endswith("\n") or _NOT_IN_NOTES.search(text):
        raise UsageError("a note's text ends in a line feed and has no other control characters")
    message = text.encode()
    lines = []
    for signer in signers:
        key_id = VerifierKey.parse(signer.vkey).key_id
        lines.append(f"— {signer.name} {base64.b64encode(key_id + signer.sign(message)).decode()}\n")
    return f"{text}\n{''.join(lines)}"


def open_note(note: str, keys: Sequence[VerifierKey]) -> OpenedNote:
    """The note's text, where at least one of the keys has signed it.

    Signatures by other keys are passed over, as the specification wants it.

    Raises:
        FormatError: not a note; no signature by one of the keys; or a bad one by one of them, whatever else is good.
    """
    text, signatures = _parse(note)
    message = text.encode()
    known = {(key.name, key.key_id): key for key in keys}
    verified: dict[VerifierKey, None] = {}
    for name, blob in signatures:
        key = known.get((name, blob[:_KEY_ID_BYTES]))
        if key is None:
            continue
        if not key.verify(message, blob[_KEY_ID_BYTES:]):
            raise FormatError(f"note: the signature by {key.vkey} is wrong")
        verified[key] = None
    if not verified:
        raise FormatError("note: no signature by a known key; expected " + (", ".join(k.vkey for k in keys) or "none"))
    return OpenedNote(text, tuple(verified), len(signatures))


def _parse(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    if len(note) > MAX_NOTE_CHARACTERS:
        raise FormatError(f"note: got {len(note)} characters, expected at most {MAX_NOTE_CHARACTERS}")
    if _NOT_IN_NOTES.search(note):
        raise FormatError("note: a control character or lone surrogate")
    split = note.rfind("\n\n")
    if split < 0 or not note.endswith("\n"):
        raise FormatError("note: expected a text, an empty line and signature lines")
    lines = note[split + 2 : -1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise FormatError(f"note: got {len(lines)} signatures, expected at most {MAX_SIGNATURES}")
    return note[: split + 1], [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    match = _SIGNATURE_LINE.fullmatch(line)
    if match is None:
        raise FormatError("note: expected signature lines of the form `— <name> <base64>`")
    name, encoded = match.groups()
    blob = _base64("note", encoded)
    if len(blob) <= _KEY_ID_BYTES:
        raise FormatError(f"note: got a signature of {len(blob)} bytes, expected more than {_KEY_ID_BYTES}")
    return name, blob


def _base64(what: str, text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise FormatError(f"{what}: not base64") from None
    # Unused bits in the last character would give one signature many spellings, and changes would go unnoticed.
    if base64.b64encode(data).decode() != text:
        raise FormatError(f"{what}: not canonical base64")
    return data
