"""Keeps every span of ours until its output is assembled, and forwards to the user's processors what they asked for."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import StatusCode

from provsdk import semconv
from provsdk.assembly.spans import SpanData
from provsdk.interrupts import came_from_outside

__all__ = ["Keeper", "from_readable"]

_STATUS: Final = {code: code.name.lower() for code in StatusCode}

_NOTHING: Final[Mapping[str, Any]] = {}

_log: Final = logging.getLogger("provsdk")


class Keeper(SpanProcessor):
    """A span processor that only appends to a list, one for each record; assembly takes the list when it is due.

    Safe to call from any thread. Spans without a record id are not kept. Spans that end after their record's list was
    taken begin a new one.

    Args:
        forward_to: gives the user's active span processor at the moment, or None. Only spans whose sampled flag is set
            go there; what it raises is logged and stops here.
    """

    def __init__(self, forward_to: Callable[[], SpanProcessor | None] = lambda: None) -> None:
        self._forward_to = forward_to
        self._lock = threading.RLock()
        self._kept: dict[str, list[Any]] = {}  # by record id; under the lock, so that no span goes to a list just taken

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Forwards the start of a sampled span."""
        target = self._target(span)
        if target is not None:
            try:
                target.on_start(span, parent_context)
            except Exception as error:
                if came_from_outside(error):
                    raise
                _log.warning("a span processor failed at a start (%s)", type(error).__qualname__)

    def on_end(self, span: ReadableSpan) -> None:
        """Keeps what the span says now, and forwards it where it was sampled: whoever changes it changes no record."""
        said = from_readable(span)
        said = msgspec.structs.replace(said, attributes=dict(said.attributes))
        self._keep(said.attributes.get(semconv.RECORD_ID), said)
        target = self._target(span)
        if target is not None:
            try:
                target.on_end(span)
            except Exception as error:
                if came_from_outside(error):
                    raise
                _log.warning("a span processor failed at an end (%s)", type(error).__qualname__)

    def keep(self, span: Any) -> None:
        """Keeps a private span, which writes its attributes when it is read, and forwards nothing."""
        self._keep(span.record_id, span)

    def _keep(self, record_id: object, span: Any) -> None:
        if isinstance(record_id, str):
            with self._lock:
                self._kept.setdefault(record_id, []).append(span)

    def is_held_here(self) -> bool:
        """Whether this very thread is at work in here: a signal or a finalizer has interrupted it."""
        return self._lock._is_owned()  # type: ignore[attr-defined, no-any-return] # noqa: SLF001 as `Condition` does

    def _target(self, span: Any) -> SpanProcessor | None:
        # A private span of ours may end after the user's processors have appeared; they could not read it.
        if not isinstance(span, ReadableSpan):
            return None
        context = span.context
        return self._forward_to() if context is not None and context.trace_flags.sampled else None

    def take(self, record_id: str) -> list[Any]:
        """The spans of a record so far, which are not kept any longer."""
        with self._lock:
            return self._kept.pop(record_id, [])

    def forked(self) -> None:
        """In a forked child: a thread of the parent's may have held the lock, and nobody here would let go of it."""
        self._lock = threading.RLock()

    @property
    def waiting(self) -> int:
        """Records with spans that nobody has taken yet."""
        return len(self._kept)

    def shutdown(self) -> None:
        """The user's processors are the user's to shut down."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 the interface of the SDK
        """There is nothing to flush: assembly takes what it needs."""
        return True


def from_readable(span: Any) -> SpanData:
    """The shape that assembly reads, of a span of the SDK or a private one; what has it already is handed back."""
    if isinstance(span, SpanData):
        return span
    context, parent = span.context, span.parent  # tuples: by position is cheaper than by name
    start, code = span.start_time or 0, span.status.status_code
    resource, dropped = _NOTHING, 0
    if isinstance(span, ReadableSpan):
        resource, dropped = span.resource.attributes, span.dropped_attributes
    return SpanData(
        trace_id=f"{context[0]:032x}",
        span_id=f"{context[1]:016x}",
        parent_span_id=f"{parent[1]:016x}" if parent is not None else None,
        name=span.name,
        start_ns=start,
        end_ns=span.end_time if span.end_time is not None else start,
        attributes=span.attributes or {},
        status="unset" if code is StatusCode.UNSET else _STATUS.get(code, "unset"),  # the program may have set anything
        resource=resource,
        dropped_attributes=dropped,
    )
