"""Threads and thread pools of the standard library take the current output along.

A job that is submitted belongs to whoever submits it, with the span that is current. A thread that is started is *lent*
the activity: its traced steps belong there, its other spans stay what they would be without us, for a library that
starts its worker within somebody's output works for everybody later. Threads of pools are lent nothing.
"""

from __future__ import annotations

import concurrent.futures
from typing import TYPE_CHECKING, Any, Final

from provsdk.capture import _along
from provsdk.capture._bound import bound
from provsdk.capture._patches import ALWAYS, Arguments, Layer, Switch, layer, put_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Thread

    from provsdk.capture._otel import Held

__all__ = ["THREADS", "switch"]

THREADS: Final = Switch()


def switch(*, on: bool) -> None:
    """Begins or stops to take outputs along."""
    THREADS.on = on
    put_on(_LAYERS)


def _start(wrapped: Callable[[], None], instance: Thread, args: Any, kwargs: Any) -> None:
    """Of `Thread.start`."""
    held = _along.held()
    if held is None:
        return wrapped(*args, **kwargs)
    own = vars(instance).get("run")
    try:
        _lend(instance, held, own)
    except Exception as error:
        held.failed("take an output along into a thread", error)
    try:
        return wrapped(*args, **kwargs)
    except BaseException:
        _give_back(instance, own)
        raise


def _lend(thread: Thread, held: Held, own: Callable[[], None] | None) -> None:
    """Makes the thread run within what is held, whichever class its `run` is of."""
    run = thread.run

    def run_within() -> None:
        _give_back(thread, own)
        attached = _along.within(held, lent=True) if THREADS.on else _along.beside(held)
        try:
            run()
        finally:
            _along.back(attached)

    thread.run = run_within  # type: ignore[method-assign] # of this thread only


def _give_back(thread: Thread, own: Callable[[], None] | None) -> None:
    """The thread's `run` as it was: its class's, or one that somebody set on it."""
    if own is None:
        vars(thread).pop("run", None)
    else:
        thread.run = own  # type: ignore[method-assign] # as above


def _submit(held: Held, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """Of `ThreadPoolExecutor.submit`, and with it `map` and `loop.run_in_executor`."""
    if _is_of_interpreters(instance):
        held.hands_over("interpreter pool")
        return args, kwargs
    return (*(bound(function, held, along=THREADS.on) for function in args[:1]), *args[1:]), kwargs


def _is_of_interpreters(executor: Any) -> bool:
    """Python 3.14 has a thread pool whose functions run where nothing of this interpreter is (PEP 734)."""
    kind = getattr(concurrent.futures, "InterpreterPoolExecutor", None)
    return kind is not None and isinstance(executor, kind)


_LAYERS: Final = (
    Layer("threading", "Thread", "start", _start),
    layer(("concurrent.futures.thread", "ThreadPoolExecutor", "submit"), ALWAYS, _submit),
)
