"""Pools of `multiprocessing`, of processes and of threads: a job belongs to whoever hands it in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from provsdk.capture._bound import PROCESS_POOL, bound
from provsdk.capture._patches import ALWAYS, Arguments, layer, put_on
from provsdk.capture._processes import PROCESSES, says
from provsdk.capture._threads import THREADS

if TYPE_CHECKING:
    from provsdk.capture._otel import Held

__all__ = ["watch"]


def watch() -> None:
    """Takes outputs along as far as threads and processes do."""
    put_on(_LAYERS)


def _make(held: Held, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:  # noqa: ARG001
    """Of the pool's construction: its workers work for whoever comes."""
    return args, kwargs


def _take(held: Held, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """Of the methods that take a function first."""
    is_of_threads = isinstance(instance, sys.modules["multiprocessing.pool"].ThreadPool)
    along = THREADS.on or not is_of_threads
    if is_of_threads:
        pass
    elif PROCESSES.on:
        held.hands_over(PROCESS_POOL)
    else:
        return says(PROCESS_POOL)(held, instance, args, kwargs)
    if "func" in kwargs:
        kwargs = {**kwargs, "func": bound(kwargs["func"], held, PROCESS_POOL, along=along)}
    return (*(bound(function, held, PROCESS_POOL, along=along) for function in args[:1]), *args[1:]), kwargs


_METHODS: Final = ("apply", "apply_async", "map", "map_async", "starmap", "starmap_async", "imap", "imap_unordered")

_LAYERS: Final = (
    layer(("multiprocessing.pool", "Pool", "__init__"), ALWAYS, _make),
    *(layer(("multiprocessing.pool", "Pool", method), ALWAYS, _take) for method in _METHODS),
)
