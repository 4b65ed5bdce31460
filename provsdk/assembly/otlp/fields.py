"""Fields of a span that mean the same in both encodings: ids, times, counts, status."""

import base64
import binascii
from typing import Final

from provsdk.errors import FormatError

__all__ = [
    "MAX_DEPTH",
    "SPAN_ID",
    "TRACE_ID",
    "bytes_of_base64",
    "end_of",
    "id_of_bytes",
    "id_of_text",
    "parent_of_bytes",
    "parent_of_text",
    "status_of",
]

TRACE_ID: Final = 16
"""Bytes of a trace id."""

SPAN_ID: Final = 8
"""Bytes of a span id."""

MAX_DEPTH: Final = 64
"""Levels of arrays and maps in the value of an attribute."""

_STATUSES: Final = ("unset", "ok", "error")


def id_of_bytes(raw: bytes, size: int) -> str:
    """The id in lower-case hexadecimal digits.

    Raises:
        FormatError: not that long, or all zero, which is no id.
    """
    if len(raw) != size:
        raise FormatError(f"wants {size} bytes, got {len(raw)}")
    if not any(raw):
        raise FormatError("is all zero, which is no id")
    return raw.hex()


def id_of_text(text: str, size: int) -> str:
    """The id, of hexadecimal digits as OTLP wants it, or of base64 as protobuf's own JSON writers make it.

    Raises:
        FormatError: neither, or all zero.
    """
    return id_of_bytes(_bytes_of_text(text, size), size)


def _bytes_of_text(text: str, size: int) -> bytes:
    try:
        return binascii.unhexlify(text) if len(text) == 2 * size else bytes_of_base64(text)
    except ValueError:
        raise FormatError(f"wants {2 * size} hexadecimal digits") from None


def bytes_of_base64(text: str) -> bytes:
    """The bytes, of base64 in either alphabet, padded or not.

    Raises:
        ValueError: no base64.
    """
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)


def parent_of_bytes(raw: bytes) -> str | None:
    """The parent's id; None where there is none, which some writers say with zeros."""
    return id_of_bytes(raw, SPAN_ID) if any(raw) else None


def parent_of_text(text: str) -> str | None:
    """As `parent_of_bytes`, of the text that `id_of_text` takes."""
    return parent_of_bytes(_bytes_of_text(text, SPAN_ID))


def end_of(start_ns: int, end_ns: int) -> int:
    """When the span ended; one that does not say so took no time."""
    return end_ns or start_ns


def status_of(code: int) -> str:
    """The status in words; a code that nobody knows says nothing."""
    return _STATUSES[code] if 0 <= code < len(_STATUSES) else "unset"
