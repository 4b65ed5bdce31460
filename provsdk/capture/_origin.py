"""Where work came from that another process handed over: ids that travel in headers, variables and pickles.

`traceparent` and `tracestate` (W3C Trace Context) say which span the work belongs below. `provsdk-parent` says which
activity of ours handed it over, and in which record that one stands: `act_<trace>-<span>;rec_<trace>-<span>`, the
second part absent outside any output. As environment variables the names are in capitals, with `_` for `-`.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanContext, TraceFlags, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from provsdk.capture import _guard, _process
from provsdk.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import Span

__all__ = [
    "HEADER",
    "HEADERS",
    "PROCESS_ATTRIBUTE",
    "Origin",
    "as_variables",
    "forked_by",
    "headers",
    "is_told",
    "of_process",
    "read",
    "span_context_in",
]

HEADER: Final = "provsdk-parent"

PROCESS_ATTRIBUTE: Final = "_provsdk_parent"
"""Of a `multiprocessing` process object, which goes to the child whichever way that is started: its headers."""

_TRACE_HEADERS: Final = ("traceparent", "tracestate")
HEADERS: Final = (*_TRACE_HEADERS, HEADER)
"""All that say where work comes from."""
_VARIABLES: Final = {name: name.upper().replace("-", "_") for name in HEADERS}
_KEY: Final = "[0-9a-f]{32}-[0-9a-f]{16}"
_TEXT: Final = re.compile(f"act_({_KEY})(?:;rec_({_KEY}))?")

_w3c: Final = TraceContextTextMapPropagator()


class Origin(NamedTuple):
    """The activity in another process that handed the work over."""

    activity: str
    """`<trace>-<span>`."""
    record: str | None
    """`<trace>-<span>` of the output that it works for; None outside any output."""
    span_context: SpanContext
    """The span that the work belongs below."""

    def text(self) -> str:
        """The value of `provsdk-parent`."""
        return f"act_{self.activity}" + (f";rec_{self.record}" if self.record is not None else "")


def headers(origin: Origin, span: Span | None) -> dict[str, str]:
    """What travels with the work.

    Args:
        origin: who hands it over.
        span: the current span; None where ours are not seen by the user's tracing: no parent may be missing there.
    """
    found: dict[str, str] = {}
    if span is not None:
        _w3c.inject(found, set_span_in_context(span))
    found[HEADER] = origin.text()
    return found


def as_variables(found: Mapping[str, str]) -> dict[str, str]:
    """Headers as environment variables."""
    return {_VARIABLES[name]: value for name, value in found.items()}


def is_told(environment: Any, found: Mapping[str, str]) -> bool:
    """Whether an environment says whose work it is, in the words of these headers: the same record, or activity.

    Args:
        environment: a mapping, its names and values text or bytes; None: nothing was added to the inherited one.
        found: the headers that the work would have travelled with.
    """
    if environment is None or HEADER not in found:
        return False
    said = _value_in(environment, _VARIABLES[HEADER])
    return said is not None and _record_or_activity(os.fsdecode(said)) == _record_or_activity(found[HEADER])


def _value_in(environment: Any, name: str) -> Any:
    for key in (name, os.fsencode(name)):
        try:
            said = environment.get(key)
        except TypeError:  # `os.environ` takes text only, `os.environb` bytes
            continue
        if said is not None:
            return said
    return None


def _record_or_activity(text: str) -> str:
    return text.partition(";")[2] or text


def read(get: Callable[[str], str | None]) -> Origin | None:
    """The origin that headers name; None where they name none. What cannot be read is logged once and left out.

    Args:
        get: gives the value of a header by its name in lower case.
    """
    text = get(HEADER)
    if text is None:
        return None
    match = _TEXT.fullmatch(text)
    if match is None:
        _guard.report(f"read {HEADER}", UsageError(f"{HEADER}: wants act_<trace>-<span>;rec_<trace>-<span>"))
        return None
    activity, record = match.groups()
    return Origin(activity, record, span_context_in(get) or _sampled(activity))


def span_context_in(get: Callable[[str], str | None]) -> SpanContext | None:
    """The span that `traceparent` names; None where there is none, or none that is valid."""
    carrier = {name: value for name in _TRACE_HEADERS if (value := get(name)) is not None}
    found = get_current_span(_w3c.extract(carrier)).get_span_context() if carrier else INVALID_SPAN_CONTEXT
    return found if found.is_valid else None


def _sampled(key: str) -> SpanContext:
    trace, _, span = key.partition("-")
    return SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


_of_process: tuple[int, Origin | None] = (-1, None)
"""What was found for which generation; looked for again after a fork."""


def of_process() -> Origin | None:
    """The activity that started this whole process; None where no activity did, or none that told."""
    if _of_process[0] != _process.generation:
        _look_around()
    return _of_process[1]


def forked_by(origin: Origin | None) -> None:
    """Says in a new child which activity of its parent made it; None: none did."""
    global _of_process
    _of_process = (_process.generation if origin is not None else -1, origin)


def _look_around() -> None:
    """What came by `multiprocessing` is nearer than what came by the environment, which goes on to grandchildren."""
    global _of_process
    multiprocessing: Any = sys.modules.get("multiprocessing.process")
    given = getattr(multiprocessing.current_process(), PROCESS_ATTRIBUTE, None) if multiprocessing is not None else None
    found = read(given.get) if isinstance(given, dict) else None
    if found is None:
        found = read(lambda name: os.environ.get(_VARIABLES[name]))
    _of_process = (_process.generation, found)
