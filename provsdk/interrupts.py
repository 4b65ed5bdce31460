"""Which exceptions come from outside of what they interrupt, and may do so in the middle of anything of ours.

`KeyboardInterrupt` and its like, and what a signal handler of the host raised: a timeout by `signal.alarm` is an
`Exception` as often as not. None of them is a fault of whoever it interrupts; all go through.
"""

from __future__ import annotations

import inspect
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

__all__ = ["came_by_signal", "is_interrupt"]


def is_interrupt(error: BaseException) -> bool:
    """Whether it came from outside."""
    return not isinstance(error, Exception) or came_by_signal(error)


def came_by_signal(error: BaseException) -> bool:
    """Whether a signal handler that is installed now raised it, or let it through."""
    if threading.current_thread() is not threading.main_thread():
        return False  # no handler runs elsewhere
    codes = set(_handlers())
    at = error.__traceback__
    while at is not None:
        if at.tb_frame.f_code in codes:
            return True
        at = at.tb_next
    return False


def _handlers() -> Iterator[CodeType]:
    for number in signal.valid_signals():
        code = _code_of(signal.getsignal(number))
        if code is not None:
            yield code


def _code_of(handler: Any) -> CodeType | None:
    """The code of whatever can be called; None of what is written in C, and of numbers."""
    while isinstance(handler, partial):
        handler = handler.func
    if not callable(handler):
        return None
    function = handler if hasattr(handler, "__code__") or hasattr(handler, "__func__") else type(handler).__call__
    code: CodeType | None = getattr(inspect.unwrap(getattr(function, "__func__", function)), "__code__", None)
    return code
