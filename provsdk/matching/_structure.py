"""The texts in the fields of a structured value, each under its JSON Pointer (RFC 6901)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_DEPTH", "fields_of", "leaves", "parsed", "pointer"]

MAX_DEPTH: Final = 8
"""Levels of JSON that are looked into."""

_FIGURES: Final = frozenset({int, float})


def pointer(place: str, name: str) -> str:
    """The JSON Pointer of what stands under a name, or a position, at a place.

    >>> pointer("/answers/0", "a/b")
    '/answers/0/a~1b'
    """
    return f"{place}/{name.replace('~', '~0').replace('/', '~1')}"


def fields_of(text: str) -> list[tuple[str, str]]:
    """The texts and figures of a text that is a JSON object or array, each with its place; none of any other text.

    >>> fields_of('{"answers": [{"text": "We keep it.", "days": 12}]}')
    [('/answers/0/text', 'We keep it.'), ('/answers/0/days', '12')]
    """
    return list(leaves(parsed(text.strip()), ""))


def parsed(text: str) -> Any:
    """What a JSON object or array says; None of anything else."""
    if text[:1] not in {"{", "["}:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def leaves(value: Any, place: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """The texts and figures in a JSON value, each with its place below `place`."""
    if isinstance(value, str):
        yield place, value
    elif type(value) in _FIGURES:
        yield place, repr(value)
    elif isinstance(value, (dict, list)) and depth < MAX_DEPTH:
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, pointer(place, str(name)), depth + 1)
