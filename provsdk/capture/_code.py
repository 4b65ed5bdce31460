"""The code of traced functions, by a number that fits into the local facts; whoever seals asks what it is.

Nothing is read here but the date of a file: the source is read when a record is sealed, off the traced call.
"""

from __future__ import annotations

import os
from functools import cache, partial, partialmethod, singledispatchmethod
from types import CodeType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from provsdk.capture import _guard
from provsdk.capture._binding import attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["MAX_FUNCTIONS", "TracedCode", "constants", "number_of", "traced"]

MAX_FUNCTIONS: Final = 10_000
"""Functions that are known by number; a program that makes more of them while it runs has no digests for those."""

MAX_WRAPPERS: Final = 32


class TracedCode(NamedTuple):
    """A traced function's code."""

    module: str
    name: str
    """Qualified name within the module."""
    code: CodeType
    modified_ns: int | None
    """When its file was last changed, as of the moment when the decorator was applied; None where there is no file."""


_known: Final[dict[tuple[str, str, str, CodeType], int]] = {}
_numbered: Final[list[TracedCode]] = []


def number_of(function: Callable[..., Any] | None) -> int | None:
    """The number of the function's code; None where it has none that was written in Python."""
    try:
        found = _python_function(function)
        return None if found is None else _number(*found)
    except Exception as error:  # looking at a callable may run code of its class
        _guard.report("look at a function's code", error)
        return None


def traced(number: int) -> TracedCode | None:
    """The code of that number."""
    return _numbered[number] if 0 <= number < len(_numbered) else None


@cache
def constants(number: int) -> frozenset[str]:
    """Texts and figures that stand in that code, but for functions within it."""
    found = traced(number)
    return frozenset() if found is None else frozenset(_constants(found.code))


def _constants(code: CodeType) -> Iterator[str]:
    for one in code.co_consts:
        if isinstance(one, (str, int, float)):
            yield str(one)
        elif isinstance(one, (tuple, frozenset)):
            yield from (str(each) for each in one if isinstance(each, (str, int, float)))


def _python_function(function: Any) -> tuple[Any, CodeType] | None:
    """What was written in Python below decorators, partials and bound methods; of an object its `__call__`."""
    for _ in range(MAX_WRAPPERS):
        if isinstance(function, (partial, partialmethod, singledispatchmethod)):
            function = function.func
            continue
        inner = attribute(function, "__wrapped__") or attribute(function, "__func__")
        if inner is None or inner is function:
            break
        function = inner
    if attribute(function, "__code__") is None:
        function = getattr(type(function), "__call__", None)  # noqa: B004 the method itself is asked
    code = attribute(function, "__code__")
    return (function, code) if type(code) is CodeType else None


def _number(function: Any, code: CodeType) -> int | None:
    module, name = str(getattr(function, "__module__", "")), str(getattr(function, "__qualname__", code.co_qualname))
    key = (module, name, code.co_filename, code)  # equal code of another file is another function
    number = _known.get(key)
    if number is None and len(_numbered) < MAX_FUNCTIONS:
        _numbered.append(TracedCode(module, name, code, _modified_ns(code.co_filename)))
        number = _known.setdefault(key, len(_numbered) - 1)
    return number


def _modified_ns(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 pathlib would cost every importer of this module
    except OSError:
        return None
