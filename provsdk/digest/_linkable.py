"""Which values may link what they appear in."""

from __future__ import annotations

import types
from collections import deque
from enum import Enum
from typing import Any, Final

from provsdk.digest._arrays import is_array
from provsdk.digest._scalars import loaded, reader_of
from provsdk.digest._tables import is_tabular
from provsdk.interrupts import came_from_outside

__all__ = ["MIN_LINKABLE_BYTES", "is_linkable"]

MIN_LINKABLE_BYTES: Final = 32
"""Shorter text and bytes are the same by chance too often to link anything."""


def is_linkable(value: Any) -> bool:
    """Whether the value may link what it appears in: not if the interpreter shares it, or if chance would repeat it.

    Not linkable: None, booleans, numbers, dates and other scalars, types, functions, modules, enum members, text and
    bytes under 32 bytes, arrays of so few bytes, empty containers and tables, and tuples and frozensets of nothing but
    such values, because they may be constants of the code.
    """
    if type(value) is str and len(value) >= MIN_LINKABLE_BYTES:
        return True  # most values are text
    try:
        return _is_linkable(value, _CONSTANT_DEPTH)
    except Exception as error:
        if came_from_outside(error):
            raise
        return False


_NEVER_LINKED: Final = frozenset({
    type(None),
    bool,
    int,
    float,
    complex,
    type(Ellipsis),
    type(NotImplemented),
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.CodeType,
    types.ModuleType,
})  # fmt: skip
_CONSTANT_DEPTH: Final = 2
_CONSTANT_WIDTH: Final = 64
"""A longer tuple is no constant of the code, or one that chance does not repeat."""
_SIZED: Final = (list, dict, set, tuple, frozenset, deque)


def _is_linkable(value: Any, depth: int) -> bool:
    kind = type(value)
    if issubclass(kind, str):
        return not issubclass(kind, Enum) and _is_long_text(value)
    if kind in _NEVER_LINKED or issubclass(kind, (type, types.ModuleType, Enum, int, float, complex)):
        return False
    if kind is tuple or kind is frozenset:
        return len(value) > _CONSTANT_WIDTH or (depth > 0 and any(_is_linkable(part, depth - 1) for part in value))
    if issubclass(kind, (bytes, bytearray)):
        return (bytes if issubclass(kind, bytes) else bytearray).__len__(value) >= MIN_LINKABLE_BYTES
    if issubclass(kind, _SIZED):
        return next(base for base in _SIZED if issubclass(kind, base)).__len__(value) > 0
    if is_tabular(kind):
        return len(value) > 0
    if is_array(kind):
        return bool(value.nbytes >= MIN_LINKABLE_BYTES)
    number = loaded("numbers", "Number")
    return reader_of(kind) is None and not (number is not None and issubclass(kind, number))


def _is_long_text(text: str) -> bool:
    length = str.__len__(text)
    if length >= MIN_LINKABLE_BYTES or length * 4 < MIN_LINKABLE_BYTES:
        return length >= MIN_LINKABLE_BYTES
    return len(str.encode(text, "utf-8", "surrogatepass")) >= MIN_LINKABLE_BYTES
