"""A function with what was current when it was handed on: in another thread, later, or pickled in another process."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

import wrapt

from provsdk.capture import _along
from provsdk.capture._binding import Signature

if TYPE_CHECKING:
    from provsdk.capture._otel import Held

__all__ = ["PROCESS_POOL", "Arrived", "Bound", "BoundCoroutine", "arrived_coroutine", "bound", "bound_coroutine"]


PROCESS_POOL: Final = "process pool"
"""How jobs of pools are handed over."""


class Bound:
    """Calls a function as if where it was bound. Pickled, it takes along what another process may know: ids.

    Args:
        function: what is called.
        held: what is current then.
        way: how work is handed over where this is pickled, as records say it.
        along: what is held is current then; False: it is only known who handed the work on.
    """

    __slots__ = ("__dict__", "__wrapped__", "_along", "_held", "_way")

    def __init__(self, function: Callable[..., Any], held: Held, way: str = "pickle", *, along: bool = True) -> None:
        self.__wrapped__ = function
        self._held = held
        self._way = way
        self._along = along

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Calls the function."""
        attached = _along.within(self._held) if self._along else _along.beside(self._held)
        try:
            result = self.__wrapped__(*args, **kwargs)
        finally:
            _along.back(attached)
        is_later = self._along and type(result) is CoroutineType
        return _awaited_within(result, self._held) if is_later else result

    def __getattr__(self, name: str) -> Any:
        """Name, documentation and whatever else one asks a function for."""
        return getattr(self.__wrapped__, name)

    def __copy__(self) -> Bound:
        return self

    def __deepcopy__(self, memo: Any) -> Bound:
        return self

    def __reduce__(self) -> Any:
        return Arrived, (self.__wrapped__, _along.headers_of(self._held, self._way))


async def _awaited_within(coroutine: Coroutine[Any, Any, Any], held: Held) -> Any:
    """What a function leaves to be awaited runs as it does itself."""
    attached = _along.within(held)
    try:
        return await coroutine
    finally:
        _along.back(attached)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A bound function in the process that it was sent to."""

    function: Callable[..., Any]
    headers: dict[str, str]

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Calls the function as work of the activity that sent it."""
        attached = _along.at_work_of(self.headers.get, is_job=True)
        try:
            return self.function(*args, **kwargs)
        finally:
            _along.back(attached)


def bound(function: Callable[..., Any], held: Held, way: str = "pickle", *, along: bool = True) -> Callable[..., Any]:
    """The function with what is held; one that somebody has bound stays as it is."""
    return function if isinstance(function, Bound) else Bound(function, held, way, along=along)


class BoundCoroutine(wrapt.CallableObjectProxy):  # type: ignore[type-arg] # only new versions of wrapt take arguments
    """A bound coroutine function, which stays a function, and is pickled as others that are bound.

    Args:
        calls: the coroutine function.
        function: what that calls.
        reduce: answers how it is made again in another process.
    """

    def __init__(self, calls: Callable[..., Any], function: Callable[..., Any], reduce: Callable[[], Any]) -> None:
        super().__init__(calls)
        self._self_function = function
        self._self_signature = Signature.of(function)
        self._self_reduce = reduce

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Calls the function; wrong arguments raise here, and not when that is awaited."""
        if not self._self_signature.fits(None, args, kwargs):
            self._self_function(*args, **kwargs).close()
        return self.__wrapped__(*args, **kwargs)

    def __copy__(self) -> BoundCoroutine:
        return self

    def __deepcopy__(self, memo: Any) -> BoundCoroutine:
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._self_reduce()


def bound_coroutine(function: Callable[..., Any], held: Held) -> BoundCoroutine:
    """The same for a coroutine function."""

    @functools.wraps(function)
    async def calls(*args: Any, **kwargs: Any) -> Any:
        attached = _along.within(held)
        try:
            return await function(*args, **kwargs)
        finally:
            _along.back(attached)

    def reduce() -> Any:
        return arrived_coroutine, (function, _along.headers_of(held, "pickle"))

    return BoundCoroutine(calls, function, reduce)


def arrived_coroutine(function: Callable[..., Any], headers: dict[str, str]) -> BoundCoroutine:
    """A bound coroutine function in the process that it was sent to."""

    @functools.wraps(function)
    async def calls(*args: Any, **kwargs: Any) -> Any:
        attached = _along.at_work_of(headers.get, is_job=True)
        try:
            return await function(*args, **kwargs)
        finally:
            _along.back(attached)

    return BoundCoroutine(calls, function, lambda: (arrived_coroutine, (function, headers)))
