"""Which exceptions come from outside of what they interrupt, and may do so in the middle of anything of ours.

`KeyboardInterrupt` and its like, what a signal handler of the host raised, and what another thread has set: a timeout
is an `Exception` as often as not. None of them is a fault of whoever it interrupts; all go through.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

__all__ = ["came_from_outside", "is_cancellation", "is_interrupt", "kinds"]

_CANCELLATIONS: Final = frozenset(
    {"CancelledError", "Cancelled", "KeyboardInterrupt", "SystemExit", "GeneratorExit", "GreenletExit"}
)

_BY_OURSELVES: Final = frozenset({
    "provsdk.assembly.processor",
    "provsdk.capture._abandoned",
    "provsdk.capture._call",
    "provsdk.capture._otel",
    "provsdk.capture._reading",
    "provsdk.capture._scope",
    "provsdk.capture._session",
    "provsdk.capture.ports",
    "provsdk.pipeline._bell",
    "provsdk.pipeline._claim",
    "provsdk.pipeline._committer",
    "provsdk.pipeline._emitter",
    "provsdk.pipeline._lane",
    "provsdk.pipeline._queue",
    "provsdk.pipeline._sealer",
    "provsdk.pipeline._slots",
})  # fmt: skip
"""Modules whose functions call no code of the program's, of a value's class or another library's: where an exception of
the program's own appears right in them, somebody else has set it."""

_RAISED_BY_US: Final = frozenset({"provsdk", "opentelemetry", "wrapt", "msgspec", "cryptography", "structlog"})
"""Packages whose exceptions may be faults of ours, beside those of Python."""


def is_cancellation(kind: type[BaseException]) -> bool:
    """asyncio's, trio's and the interpreter's ways to stop a call, known by name: none of them is imported for this."""
    if issubclass(kind, Exception):
        return False
    return any(base.__name__ in _CANCELLATIONS for base in kind.__mro__)


def kinds(error: BaseException) -> frozenset[type[BaseException]]:
    """Its class; of a group, those of the exceptions in it, whatever groups they are in."""
    if not isinstance(error, BaseExceptionGroup):
        return frozenset((type(error),))
    return frozenset().union(*map(kinds, error.exceptions))


def is_interrupt(error: BaseException) -> bool:
    """Whether it came from outside."""
    return not isinstance(error, Exception) or came_from_outside(error)


def came_from_outside(error: BaseException) -> bool:
    """Whether a signal handler raised it or let it through, or another thread set it (`PyThreadState_SetAsyncExc`)."""
    at, last = error.__traceback__, None
    while at is not None:
        if _is_handler(at.tb_frame):
            return True
        at, last = at.tb_next, at
    return last is not None and _was_set(type(error), last)


def _is_handler(frame: FrameType) -> bool:
    """Whether it was called with a signal's number and the frame that was interrupted."""
    given = list(_arguments(frame))
    # By type: the arguments may be anybody's, and are not asked anything.
    return any(issubclass(type(one), int) and type(two) is FrameType for one, two in pairwise(given))


def _arguments(frame: FrameType) -> Iterator[Any]:
    code, values = frame.f_code, frame.f_locals
    for name in code.co_varnames[: code.co_argcount]:
        yield values.get(name)
    if code.co_flags & 0x04:  # *args: CO_VARARGS
        rest = values.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
        yield from rest if type(rest) is tuple else ()


def _was_set(kind: type[BaseException], innermost: TracebackType) -> bool:
    """Whether it is of the program's own and appeared where only we are at work."""
    module = kind.__module__.partition(".")[0]
    if module == "builtins" or module in sys.stdlib_module_names or module in _RAISED_BY_US:
        return False
    where = str(innermost.tb_frame.f_globals.get("__name__"))
    return where in _BY_OURSELVES or where.partition(".")[0] in {"threading", "asyncio"}
