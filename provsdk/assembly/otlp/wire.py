"""The wire format of protobuf, as far as proto3 messages have it: fields by their tags, one after the other.

A tag is the number of a field and how its value is written: `number << 3 | wire type`. A reader looks for the tags that
it knows; a known number with another wire type is unknown to it, as protobuf wants.
"""

from collections.abc import Iterator
from typing import Final

from provsdk.errors import FormatError

__all__ = ["FIXED64", "LENGTH", "VARINT", "fields", "signed"]

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
"""A length and as many bytes: strings, bytes and messages."""
FIXED32: Final = 5

_FIXED: Final = {FIXED64: 8, FIXED32: 4}
_MAX_TAG: Final = 2**32
_MASK: Final = 2**64 - 1
_SIGN: Final = 2**63


def fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Each field as its tag and its value: a number, or bytes where the value is a length and bytes.

    Yields:
        `(tag, number, b"")`, or `(tag, 0, bytes)` for the wire type `LENGTH`.

    Raises:
        FormatError: cut short, or no message; what came before it has been yielded.
    """
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at)
        kind = tag & 7
        if tag < 8 or tag >= _MAX_TAG:
            raise FormatError("no protobuf message: a tag that cannot be")
        if kind == LENGTH:
            size, start = _varint(message, at)
            at = start + size
            if at > end:
                raise FormatError(f"cut short: wants {size} bytes, {end - start} are left")
            yield tag, 0, message[start:at]
        elif kind == VARINT:
            value, at = _varint(message, at)
            yield tag, value, b""
        elif kind in _FIXED:
            start, at = at, at + _FIXED[kind]
            if at > end:
                raise FormatError(f"cut short: wants {at - start} bytes, {end - start} are left")
            yield tag, int.from_bytes(message[start:at], "little"), b""
        else:
            raise FormatError(f"no protobuf message: wire type {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of 64 bits in groups of seven, the least first, and where it ends."""
    value = shift = 0
    for byte in message[at : at + 10]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value & _MASK, at + shift // 7
    raise FormatError("cut short" if at + 10 > len(message) else "no protobuf message: a number beyond 64 bits")


def signed(value: int) -> int:
    """A number of 64 bits as two's complement."""
    return value - 2 * _SIGN if value >= _SIGN else value
