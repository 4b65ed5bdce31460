"""Child processes of the standard library are told whose work they do, and records say that work went there.

What is done in another process is another emitter's: an output there has a record of its own that names the activity
that sent it. Jobs take that along in their pickle, processes of `multiprocessing` on the process object, others in
environment variables, where the caller leaves the environment to us.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from provsdk.capture import _origin, _otel
from provsdk.capture._bound import PROCESS_POOL, bound
from provsdk.capture._patches import Layer, put_on

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["switch"]

_on = False

_Arguments = tuple[Any, ...]
_Named = dict[str, Any]

_ENV_POSITION: Final = 10
"""Of `env` among the arguments of `subprocess.Popen`."""


def switch(*, on: bool) -> None:
    """Begins or stops to tell child processes."""
    global _on
    _on = on
    if on:
        put_on(_LAYERS)


def _submit(wrapped: Callable[..., Any], instance: Any, args: _Arguments, kwargs: _Named) -> Any:  # noqa: ARG001 wrapt's
    """Of `ProcessPoolExecutor.submit`, and with it `map` and `loop.run_in_executor`."""
    held = _otel.hold() if _on else None
    if held is None or not args:
        return wrapped(*args, **kwargs)
    held.hands_over(PROCESS_POOL)
    with _otel.apart():  # the pool may start a process now, which works for whoever comes
        return wrapped(bound(args[0], held, PROCESS_POOL), *args[1:], **kwargs)


def _start(wrapped: Callable[..., Any], instance: Any, args: _Arguments, kwargs: _Named) -> Any:
    """Of `multiprocessing.Process.start`."""
    held = _otel.hold() if _on else None
    if held is None:
        return wrapped(*args, **kwargs)
    held.hands_over("process")
    setattr(instance, _origin.PROCESS_ATTRIBUTE, held.headers())
    try:
        with _otel.apart(from_span=False):  # a forked child must not find the activity of its parent current
            return wrapped(*args, **kwargs)
    finally:
        delattr(instance, _origin.PROCESS_ATTRIBUTE)


def _open(wrapped: Callable[..., Any], instance: Any, args: _Arguments, kwargs: _Named) -> Any:  # noqa: ARG001 wrapt's
    """Of `subprocess.Popen`. An environment that the caller made is the caller's: nothing is added to it."""
    held = _otel.hold() if _on else None
    if held is None:
        return wrapped(*args, **kwargs)
    held.hands_over("subprocess")
    if len(args) <= _ENV_POSITION and kwargs.get("env") is None:
        kwargs = {**kwargs, "env": {**os.environ, **_origin.as_variables(held.headers())}}
    with _otel.apart():  # `preexec_fn` makes it a fork, and that was said already
        return wrapped(*args, **kwargs)


_LAYERS: Final = (
    Layer("concurrent.futures.process", "ProcessPoolExecutor", "submit", _submit),
    Layer("multiprocessing.process", "BaseProcess", "start", _start),
    Layer("subprocess", "Popen", "__init__", _open),
)


# -- fork, which cannot be switched off: what a child finds current is its parent's


def _before_fork() -> None:
    activity = _otel.current_activity()
    if activity is not None:
        activity.hands_over("fork")


def _after_fork() -> None:
    """In the child: the activity in which it was forked is where all its work comes from."""
    _origin.forked_by(_otel.carried_origin())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
