"""Text as a record may hold it: nothing in it drives a terminal, turns the direction of a line or hides."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import inf
from typing import Any, Final

__all__ = ["MAX_NAME", "MAX_TEXT", "clean", "is_moment", "plain_json", "rfc3339"]

MAX_NAME: Final = 256
"""Characters of a name."""

MAX_TEXT: Final = 4_096
"""Characters of a location."""

MAX_DEPTH: Final = 32
"""Levels of nesting of a parameter."""

REPLACEMENT: Final = "\ufffd"

_UNSAFE: Final = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters, and with them terminal escapes
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks
    "\u2028\u2029"  # line and paragraph separators
    "\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # invisible
    "\ud800-\udfff"  # lone surrogates: no UTF-8, and no canonical form
    "]"
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

_INTEGERS_END: Final = 2**53
_EXPONENTS_BEGIN: Final = 1e21
"""Below, RFC 8785 writes a float without an exponent, so that a large one reads as an integer."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def clean(text: str, limit: int = MAX_NAME) -> str:
    """The text with unsafe characters replaced by U+FFFD, cut at `limit` characters."""
    if len(text) > limit:
        text = text[:limit]
    return text if text.isprintable() else _UNSAFE.sub(REPLACEMENT, text)


def rfc3339(nanoseconds: int) -> str:
    """Nanoseconds since 1970 as RFC 3339 in UTC with microseconds; outside the years 1970 to 9999, the nearest."""
    seconds, microseconds = divmod(nanoseconds // 1000, 1_000_000)
    try:
        return f"{_second(seconds)}.{microseconds:06d}Z"
    except OverflowError:
        return "1970-01-01T00:00:00.000000Z" if seconds < 0 else "9999-12-31T23:59:59.999999Z"


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    if seconds < 0:
        raise OverflowError
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


def is_moment(text: str) -> bool:
    """Whether the text is a time as records write it."""
    if _MOMENT.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def plain_json(value: Any, levels: int = MAX_DEPTH) -> Any:
    """A JSON value that has a canonical form, and the same one when it was read back; no lone surrogates.

    Numbers that are written as integers beyond 2^53, and those that are none, are text.

    Raises:
        ValueError: nested too deeply, or no JSON at all.
    """
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _SURROGATE.sub(REPLACEMENT, value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if -_INTEGERS_END < value < _INTEGERS_END else str(value)
    if kind is float:
        return value if abs(value) < _INTEGERS_END or _EXPONENTS_BEGIN <= abs(value) < inf else str(value)
    if levels == 0:
        raise ValueError("nested too deeply")
    if kind is list or kind is tuple:
        return [plain_json(item, levels - 1) for item in value]
    if kind is dict:
        return {plain_json(str(key), 0): plain_json(item, levels - 1) for key, item in value.items()}
    raise ValueError("no JSON value")
