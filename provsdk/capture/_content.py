"""A value's content as bytes, where it is to be kept."""

from __future__ import annotations

import json
from typing import Any, Final

from provsdk.digest import children, field_names

__all__ = ["encode"]

MAX_DEPTH: Final = 64
"""Levels of containers in containers, beyond which content is not kept; the digest's bound."""

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


def encode(value: Any, media_type: str) -> bytes | None:
    """Text as UTF-8, bytes as they are, containers as JSON, objects with declared fields as JSON of their fields.

    None where the value has no such form.
    """
    try:
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        is_json = media_type == "application/json"
        if value is None and not is_json:
            return None
        plain = value if is_json else _plain(value, MAX_DEPTH)
        return json.dumps(plain, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        return None


def _plain(value: Any, levels: int) -> Any:
    """The value as JSON has it; fields are read as they are stored.

    Raises:
        TypeError: it holds something that JSON has no form for.
        ValueError: it is nested too deeply.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if levels == 0:
        raise ValueError("nested too deeply")
    if kind is dict:
        return {key: _plain(each, levels - 1) for key, each in value.items()}
    if kind in (list, tuple):
        return [_plain(each, levels - 1) for each in value]
    fields = {name: _plain(each, levels - 1) for name, each in children(value)} if field_names(kind) else None
    if not fields:
        raise TypeError("no fields to read")
    return fields
