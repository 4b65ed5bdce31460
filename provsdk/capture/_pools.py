"""Pools of `multiprocessing`, of processes and of threads: a job belongs to whoever hands it in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from provsdk.capture import _otel
from provsdk.capture._bound import PROCESS_POOL, bound
from provsdk.capture._patches import Layer, put_on

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["switch"]

_threads = False
_processes = False


def switch(*, threads: bool, processes: bool) -> None:
    """Begins or stops to take outputs along into pools of threads, and of processes."""
    global _threads, _processes
    _threads, _processes = threads, processes
    if threads or processes:
        put_on(_LAYERS)


def _make(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 wrapt's signature
    """Of the pool's construction: its workers work for whoever comes."""
    with _otel.apart():
        return wrapped(*args, **kwargs)


def _take(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Of the methods that take a function first."""
    is_of_threads = isinstance(instance, sys.modules["multiprocessing.pool"].ThreadPool)
    held = _otel.hold() if (_threads if is_of_threads else _processes) else None
    if held is None:
        return wrapped(*args, **kwargs)
    if not is_of_threads:
        held.hands_over(PROCESS_POOL)
    if args:
        args = (bound(args[0], held, PROCESS_POOL), *args[1:])
    elif "func" in kwargs:
        kwargs = {**kwargs, "func": bound(kwargs["func"], held, PROCESS_POOL)}
    return wrapped(*args, **kwargs)


_METHODS: Final = ("apply", "apply_async", "map", "map_async", "starmap", "starmap_async", "imap", "imap_unordered")

_LAYERS: Final = (
    Layer("multiprocessing.pool", "Pool", "__init__", _make),
    *(Layer("multiprocessing.pool", "Pool", method, _take) for method in _METHODS),
)
