"""Pools of `multiprocessing`, of processes and of threads: a job belongs to whoever hands it in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from provsdk.capture._bound import PROCESS_POOL, bound
from provsdk.capture._patches import Arguments, Switch, layer, put_on
from provsdk.capture._processes import PROCESSES
from provsdk.capture._threads import THREADS

if TYPE_CHECKING:
    from provsdk.capture._otel import Held

__all__ = ["switch"]

_POOLS: Final = Switch()


def switch() -> None:
    """Begins or stops to take outputs along, as far as threads and processes do."""
    _POOLS.on = THREADS.on or PROCESSES.on
    if _POOLS.on:
        put_on(_LAYERS)


def _make(held: Held, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:  # noqa: ARG001
    """Of the pool's construction: its workers work for whoever comes."""
    return args, kwargs


def _take(held: Held, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """Of the methods that take a function first."""
    is_of_threads = isinstance(instance, sys.modules["multiprocessing.pool"].ThreadPool)
    if not (THREADS if is_of_threads else PROCESSES).on:
        return args, kwargs
    if not is_of_threads:
        held.hands_over(PROCESS_POOL)
    if "func" in kwargs:
        kwargs = {**kwargs, "func": bound(kwargs["func"], held, PROCESS_POOL)}
    return (*(bound(function, held, PROCESS_POOL) for function in args[:1]), *args[1:]), kwargs


_METHODS: Final = ("apply", "apply_async", "map", "map_async", "starmap", "starmap_async", "imap", "imap_unordered")

_LAYERS: Final = (
    layer(("multiprocessing.pool", "Pool", "__init__"), _POOLS, _make),
    *(layer(("multiprocessing.pool", "Pool", method), _POOLS, _take) for method in _METHODS),
)
