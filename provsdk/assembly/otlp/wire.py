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
_ONE_BYTE: Final = 0x80
"""Numbers below are written as one byte."""
_LEAST_TAG: Final = 1 << 3
_TAGS_END: Final = 2**32
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
        tag = message[at]
        if tag < _ONE_BYTE:  # on the path of every field: most tags and lengths are numbers of one byte
            at += 1
        else:
            tag, at = _varint(message, at)
        kind = tag & 7
        if kind == LENGTH and _LEAST_TAG <= tag < _TAGS_END:
            if at < end and message[at] < _ONE_BYTE:
                size, start = message[at], at + 1
            else:
                size, start = _varint(message, at)
            at = start + size
            if at > end:
                raise _cut(size, end - start)
            yield tag, 0, message[start:at]
        else:
            value, at = _number(message, at, tag)
            yield tag, value, b""


def _number(message: bytes, at: int, tag: int) -> tuple[int, int]:
    """The number of a field, and where it ends."""
    kind = tag & 7
    if not _LEAST_TAG <= tag < _TAGS_END:
        raise FormatError("no protobuf message: a tag that cannot be")
    if kind == VARINT:
        return _varint(message, at)
    size = _FIXED.get(kind)
    if size is None:
        raise FormatError(f"no protobuf message: wire type {kind}")
    if at + size > len(message):
        raise _cut(size, len(message) - at)
    return int.from_bytes(message[at : at + size], "little"), at + size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of 64 bits in groups of seven, the least first, and where it ends."""
    value = shift = 0
    for byte in message[at : at + 10]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < _ONE_BYTE:
            return value & _MASK, at + shift // 7
    raise FormatError("cut short" if at + 10 > len(message) else "no protobuf message: a number beyond 64 bits")


def _cut(size: int, left: int) -> FormatError:
    return FormatError(f"cut short: wants {size} bytes, {left} are left")


def signed(value: int) -> int:
    """A number of 64 bits as two's complement."""
    return value - 2 * _SIGN if value >= _SIGN else value
