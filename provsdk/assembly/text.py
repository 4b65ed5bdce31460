"""Text as a record may hold it: nothing in it drives a terminal, turns the direction of a line or hides."""

import re
from math import inf
from typing import Any, Final

__all__ = ["MAX_NAME", "MAX_TEXT", "clean", "plain_json"]

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

_INTEGERS_END: Final = 2**53
_EXPONENTS_BEGIN: Final = 1e21
"""Below, RFC 8785 writes a float without an exponent, so that a large one reads as an integer."""


def clean(text: str, limit: int = MAX_NAME) -> str:
    """The text with unsafe characters replaced by U+FFFD, cut at `limit` characters."""
    if len(text) > limit:
        text = text[:limit]
    return text if text.isprintable() else _UNSAFE.sub(REPLACEMENT, text)


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
