"""What a loaded text was written from: the value that it is the JSON of, or the text without the end of its last line.

An output that is written to a file or sent as JSON has another digest than the text that is read there; what the text
says has its digest.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from provsdk.capture._flow import Found, Registry, look_into
from provsdk.digest import is_linkable, measure

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_WRITTEN", "WHOLE", "written_in"]

MAX_WRITTEN: Final = 128 * 1024
"""Bytes or characters of a text that is looked into."""

WHOLE: Final = frozenset({"text", "json"})
"""Names of what the text says as a whole."""

_JSON: Final = ("{", "[", '"')


def written_in(value: str | bytes) -> Iterator[Found]:
    r"""The values that a text says; none of one that is long, or bytes that are no text.

    >>> [found.full_name for found in written_in('{"answer": "It is kept for twelve months in all."}\n')]
    ['text', 'json', 'json.answer']
    """
    text = _text_of(value)
    line = text.rstrip("\r\n")
    if line != text and is_linkable(line):
        yield _found("text", line)
    bare = text.strip()
    if bare.startswith(_JSON):
        said = _said(bare)
        if is_linkable(said):
            yield _found("json", said)
        if isinstance(said, (dict, list)):
            for each in look_into(said, Registry()):
                yield each._replace(name=f"json.{each.name}", full_name=f"json.{each.full_name}")


def _text_of(value: str | bytes) -> str:
    if len(value) > MAX_WRITTEN:
        return ""
    try:
        return value if isinstance(value, str) else value.decode()
    except UnicodeDecodeError:
        return ""


def _said(text: str) -> Any:
    """What the JSON says, or each of its lines; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        lines = text.splitlines()
    try:
        return [json.loads(line) for line in lines if line] if len(lines) > 1 else None
    except (ValueError, RecursionError):
        return None


def _found(name: str, value: Any) -> Found:
    return Found(name, name, value, measure(value), None)
