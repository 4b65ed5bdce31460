"""The current output taken along by hand: into threads that nobody watches, over queues, to other programs.

    pool.run(provsdk.bind(load), path)          # a pool of your own, in this process
    provsdk.inject(message.headers)             # the sender of a message
    with provsdk.extract(message.headers): ...  # its receiver, in another process
    subprocess.run(command, env={"PATH": path, **provsdk.environment()})

What threads, pools and child processes of the standard library need is done by `configure` (`automatic`).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from opentelemetry.propagators.textmap import default_getter, default_setter

from provsdk.capture import _along, _pools, _processes, _threads, ports
from provsdk.capture._bound import Bound, bound_coroutine
from provsdk.capture._origin import HEADERS, as_variables
from provsdk.capture._otel import NOBODY
from provsdk.errors import UnsupportedCallable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.propagators.textmap import Getter, Setter

__all__ = ["automatic", "bind", "environment", "extract", "inject"]

F = TypeVar("F", bound=Callable[..., Any])


def automatic(*, threads: bool, processes: bool) -> None:
    """Takes the current output along where that is safe, or stops doing so; records say where it is not.

    Args:
        threads: threads, `ThreadPoolExecutor`, `multiprocessing.pool.ThreadPool`.
        processes: `ProcessPoolExecutor`, processes and pools of `multiprocessing`, `subprocess`.
    """
    _threads.switch(on=threads)
    _processes.switch(on=processes)
    _pools.watch()


def bind(function: F) -> F:
    """The function with the output that is current now: wherever it is called, its traced steps belong to that one.

    Bound outside any output, it belongs to none, whatever runs where it is called. It can be pickled if the function
    can; in another process its outputs name the activity that bound it. Not configured, the function itself.

    Raises:
        UnsupportedCallable: a generator function; its body runs wherever it is read.
    """
    called = getattr(type(function), "__call__", None)  # noqa: B004 the method itself is asked
    if any(inspect.isgeneratorfunction(one) or inspect.isasyncgenfunction(one) for one in (function, called)):
        name = getattr(function, "__qualname__", type(function).__qualname__)
        raise UnsupportedCallable(f"{name}: a generator's body runs where it is read; bind the function that reads it")
    if ports.current() is None:
        return function
    held = _along.held() or NOBODY
    if inspect.iscoroutinefunction(function):
        return cast("F", bound_coroutine(function, held))
    return cast("F", functools.update_wrapper(Bound(function, held), function, updated=()))


def inject(carrier: Any, setter: Setter[Any] = default_setter) -> None:
    """Writes into a message's headers whose work it is: `traceparent`, `tracestate`, `provsdk-parent`; ids only.

    The record of the current output then says that work was handed over. Outside any output nothing is written.

    Args:
        carrier: a mutable mapping, or whatever the setter takes.
        setter: OpenTelemetry's, for headers that are no mapping.
    """
    for name, value in _along.headers("message").items():
        setter.set(carrier, name, value)


@contextmanager
def extract(carrier: Any, getter: Getter[Any] = default_getter) -> Iterator[None]:
    """Does the work of a message inside: outputs name the activity that sent it, spans share its trace.

    Headers without ids of ours change nothing but the trace. A span of this process that is current stays so.

    Args:
        carrier: a mapping of names in lower case, or whatever the getter takes.
        getter: OpenTelemetry's, for headers that are no mapping.
    """
    given = {name: found[0] for name in HEADERS if (found := getter.get(carrier, name))}
    attached = _along.at_work_of(given.get, is_job=False)
    try:
        yield
    finally:
        _along.back(attached)


def environment() -> dict[str, str]:
    """Variables that tell another program whose work it does, for a child process with an environment of its own.

    The record of the current output then says that work was handed over. Outside any output there are none.
    """
    return as_variables(_along.headers("subprocess"))
