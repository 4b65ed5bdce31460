"""Entries: what the log's leaves are made of. Format: `docs/formats/log.md`, section 2.

An entry says that something happened, and commits to its content by one digest; it never holds content itself.
"""

import os
import time
from datetime import datetime
from typing import Annotated, Final

import msgspec

from provsdk.errors import FormatError

__all__ = ["ENTRY_VERSION", "KINDS", "MAX_ENTRY_BYTES", "UUID_RANDOM_BYTES", "Entry", "decode", "encode", "uuid7"]

ENTRY_VERSION: Final = 1
"""The only value of `v` that this code reads and writes."""

MAX_ENTRY_BYTES: Final = 65_535
"""Length of the longest entry, in bytes: tlog-tiles gives it 16 bits."""

UUID_RANDOM_BYTES: Final = 8
"""Random bytes in an id, of which 62 bits are used."""

KINDS: Final = frozenset(
    {
        "log.opened",
        "record.sealed",
        "record.extended",
        "emitter.opened",
        "emitter.closed",
        "emitter.gap",
        "owner.assigned",
        "owner.accepted",
        "owner.transferred",
        "approval.requested",
        "approval.granted",
        "approval.denied",
        "check.waived",
        "review.made",
        "access.granted",
        "access.used",
        "access.denied",
        "retention.scheduled",
        "hold.placed",
        "hold.released",
        "content.erased",
        "recall.opened",
        "recall.closed",
        "key.rotated",
        "log.restored",
        "note.added",
    }
)
"""Kinds that have a meaning today. `decode` takes others too: a newer writer's log stays verifiable."""

_Name = Annotated[str, msgspec.Meta(min_length=1)]
_Kind = Annotated[str, msgspec.Meta(pattern=r"\A[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*\Z")]
_Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Uuid7 = Annotated[
    str, msgspec.Meta(pattern=r"\A[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
]
_Time = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z\Z")]


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One entry of the log."""

    # In canonical order: msgspec writes fields as they are declared, so encoding need not sort.
    actor: _Name
    """Who did it: a pseudonym."""
    body: _Sha256
    """SHA-256 of the canonical manifest of its parts, lower-case hex."""
    id: _Uuid7
    """UUIDv7, lower case."""
    key: _Name
    """Idempotency key: one log never holds two entries with the same key."""
    kind: _Kind
    """One of `KINDS`, or a newer one."""
    subject: _Name
    """What or whom it is about: a pseudonym or a random id, such as a record id."""
    time: _Time
    """When, by the writer's clock: RFC 3339, UTC, microseconds, `Z`."""
    v: Annotated[int, msgspec.Meta(ge=1)] = ENTRY_VERSION
    """Version of the entry format."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """The canonical bytes (RFC 8785) of an entry: the leaf's data.

    Raises:
        FormatError: a field has not its form, the kind is unknown, or the entry is longer than `MAX_ENTRY_BYTES`.
    """
    if entry.kind not in KINDS:
        raise FormatError(f"entry: kind {entry.kind!r} is unknown")
    try:
        data = _encoder.encode(entry)
    except UnicodeEncodeError:
        raise FormatError("entry: a field holds a lone surrogate, which UTF-8 cannot express") from None
    # Types and patterns are checked by the decoder only, and nothing may be sealed that could not be read back.
    _checked(data)
    return data


def decode(data: bytes) -> Entry:
    """The entry of a leaf's data.

    Raises:
        FormatError: not canonical; a field is unknown, missing, doubled or has not its form; longer than
            `MAX_ENTRY_BYTES`; or of a newer version.
    """
    entry = _checked(data)
    if _encoder.encode(entry) != data:
        raise FormatError("entry: the bytes are not in canonical form (RFC 8785)")
    return entry


def uuid7(now_ns: int | None = None, random: bytes | None = None) -> str:
    """A new UUIDv7 (RFC 9562, section 5.7), lower case: milliseconds, 12 bits of their fraction, 62 random bits.

    Args:
        now_ns: Nanoseconds since 1970; the clock's if None.
        random: `UUID_RANDOM_BYTES` of them; the system's if None.
    """
    milliseconds, rest = divmod(time.time_ns() if now_ns is None else now_ns, 1_000_000)
    # The fraction of the millisecond in rand_a keeps ids of one process in order: method 3 of section 6.2.
    fraction = (rest << 12) // 1_000_000
    unique = int.from_bytes(os.urandom(UUID_RANDOM_BYTES) if random is None else random) & (1 << 62) - 1
    text = f"{(milliseconds & (1 << 48) - 1) << 80 | 7 << 76 | fraction << 64 | 2 << 62 | unique:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _checked(data: bytes) -> Entry:
    if len(data) > MAX_ENTRY_BYTES:
        raise FormatError(f"entry: got {len(data)} bytes, expected at most {MAX_ENTRY_BYTES}")
    try:
        entry = _decoder.decode(data)
        datetime.fromisoformat(entry.time)
    except msgspec.ValidationError as error:
        raise FormatError(f"entry: {error}") from None
    except msgspec.DecodeError as error:
        raise FormatError(f"entry: not JSON: {error}") from None
    except UnicodeDecodeError as error:
        raise FormatError(f"entry: not UTF-8: byte {error.start}") from None
    except ValueError:
        raise FormatError("entry: `time` names no real moment") from None
    if entry.v != ENTRY_VERSION:
        raise FormatError(f"entry: version {entry.v} is newer than this provsdk reads; expected {ENTRY_VERSION}")
    return entry
