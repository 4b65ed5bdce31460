"""What is current, taken along into other threads, calls and processes: where that fails, these run as without us."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from provsdk.capture import _guard, _origin, _otel

if TYPE_CHECKING:
    from collections.abc import Callable

    from provsdk.capture._otel import Attached, Held

__all__ = ["apart", "at_work_of", "back", "beside", "headers", "headers_of", "held", "within"]

T = TypeVar("T")


def held() -> Held | None:
    """What is current, to be taken along; None where there is nothing."""
    return _tried(_otel.hold)


def within(what: Held, *, lent: bool = False) -> Attached | None:
    """Makes it current here; see `_otel.attach_held`."""
    return _tried(lambda: _otel.attach_held(what, lent=lent))


def beside(what: Held) -> Attached | None:
    """Notes where work was handed on from that is not taken along; see `_otel.attach_beside`."""
    return _tried(lambda: _otel.attach_beside(what))


def at_work_of(get: Callable[[str], str | None], *, is_job: bool) -> Attached | None:
    """Makes current whoever handed the work over, as headers name it; see `_otel.attach_origin`."""
    return _tried(lambda: _otel.attach_origin(_origin.read(get), _origin.span_context_in(get), is_job=is_job))


def apart(*, from_span: bool) -> Attached | None:
    """Makes no activity current; see `_otel.stand_apart`."""
    return _tried(lambda: _otel.stand_apart(from_span=from_span))


def back(attached: Attached | None) -> None:
    """Makes current what was so before."""
    if attached is not None:
        _tried(lambda: _otel.release(attached))


def headers(how: str) -> dict[str, str]:
    """What travels with work that is handed over, in that way; nothing where nobody does it for an output."""
    what = held()
    return headers_of(what, how) if what is not None else _tried(_headers_of_process) or {}


def headers_of(what: Held, how: str) -> dict[str, str]:
    """The same of what was held before."""

    def told() -> dict[str, str]:
        what.hands_over(how)
        return what.headers()

    return _tried(told) or {}


def _headers_of_process() -> dict[str, str]:
    origin = _otel.current_origin()
    return {} if origin is None else _origin.headers(origin, None)


def _tried(done: Callable[[], T]) -> T | None:
    try:
        return done()
    except Exception as error:
        _guard.report("take an output along", error)
        return None
