"""The life of a traced call, without its I/O: opened, current while it runs, closed with an outcome.

An `Activity` is one span with what is said about it.
"""

from __future__ import annotations

import os
import sys
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import Status, StatusCode

from provsdk import semconv
from provsdk.capture import _otel, _process
from provsdk.capture._facts import write_facts
from provsdk.capture._scope import Scope
from provsdk.capture._values import Values
from provsdk.errors import OutputBlocked
from provsdk.interrupts import came_from_outside, is_cancellation, kinds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from provsdk.capture._facts import Entity
    from provsdk.capture._flow import Ref
    from provsdk.capture._origin import Origin
    from provsdk.capture.ports import Emitter, Facts, Ports

__all__ = ["Activity", "open_activity", "tell_running"]

COMPLETED: Final = "completed"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
BLOCKED: Final = "blocked"

HANDED_OVER: Final = "handed_over"
"""The `CompletenessReason`."""

_FAILED_STATUS: Final = Status(StatusCode.ERROR)


_EMPTY: Final[dict[str, object]] = {}
"""A context in which nothing is current."""

_running: Final[set[Activity]] = set()
"""Outputs of this process that have not ended: each set operation is one step of the interpreter."""

_counting = threading.RLock()
"""Guards what threads that work for one output count up in it, and what they note on an activity above them all."""


def _forget_the_parents() -> None:
    """What ran in the parent of a fork runs on there; a thread that held the lock is not here any more."""
    global _counting
    _running.clear()
    _counting = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_the_parents)


class Activity(Values):
    """One traced call: a span, and what is said about it. Used by one thread or task at a time, but for `use`."""

    parent: Activity | None
    # As in `Values`: what stands here need not be set for each call.
    status = COMPLETED
    error: str | None = None
    number: int | None = None
    available: Mapping[str, Any] | None = None
    nested: tuple[str, ...] = ()
    stated: Mapping[int, str] = MappingProxyType({})
    """Checksums that were stated of values, by number."""
    ended = False
    closed = False
    """It has ended, and was handed over where it had to be."""
    facts: Facts | None = None
    """What an output is handed over with."""
    origin: Origin | None = None
    """Where the work came from, if another process handed it over; then there is no parent in this one."""
    inside: Context | None = None
    """What was made current for it."""
    beneath: Span | None = None
    """The span that is current for its caller, where it left its caller something that may bring it back."""
    left: tuple[Token[Context], ...] = ()
    """From contexts that it could not be taken out of when it ended (`_otel`)."""
    spans_current = True
    """Whether its span is current for the user's own tracing while it runs."""
    _is_written = False
    _token: Token[Context] | None = None

    def __init__(self, ports: Ports, kind: str, name: str, parent: Activity | None, span: Span) -> None:
        self.context = context = span.get_span_context()
        self.ports = ports
        self.process = _process.generation
        self.kind = kind
        self.name = name
        self.parent = parent
        self.span = span
        # A tuple, and bytes: by position is cheaper than by name, and they are written faster than formatted numbers.
        self.key = key = f"{context[0].to_bytes(16).hex()}-{context[1].to_bytes(8).hex()}"
        self.declared: dict[str, Any] = {}
        self.local: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self.entities: list[Entity] = []
        self.plain: dict[int, bytes] = {}
        self.used: list[tuple[Ref, str]] = []
        self.derived: list[tuple[Ref, str, str]] = []
        self.scope: Scope | None = None
        if kind == semconv.KIND_OUTPUT:
            self.scope = Scope(key)
        elif parent is not None and parent.scope is not None:
            self.scope = parent.scope
            self.scope.calls.append(key)
        above = parent
        while above is not None and above.kind != semconv.KIND_OUTPUT:
            with _counting:
                above.descendants |= {key}
            above = above.parent

    # -- current or not

    def attach(self) -> None:
        """Makes this the current activity of the running context."""
        self._token = _otel.attach(self, spans_current=self.spans_current)
        if self.kind == semconv.KIND_OUTPUT:
            _running.add(self)

    def running(self, now: bool) -> None:  # noqa: FBT001 it reads as what it says
        """Says whether the call's code runs now: that of a stream does so only in its steps."""
        if self.kind == semconv.KIND_OUTPUT:
            if now:
                _running.add(self)
            else:
                _running.discard(self)

    def detach(self) -> None:
        """Makes the activity before it the current one again; a second call does nothing."""
        token, self._token = self._token, None
        if token is not None:
            try:
                _otel.detach(self, token)
            except BaseException:  # an interrupt, before it or behind it
                _otel.drop(self)
                raise
            self.inside = None  # it holds this activity: only the garbage collector would find the two

    def drop(self) -> None:
        """Takes it out of what is current here, whether or not it is known how it came there."""
        self.detach()
        _otel.drop(self)

    def hands_over(self, how: str) -> None:
        """Notes that work of this call went to another process, and in which way: what it does is not seen here."""
        with _counting:
            if (HANDED_OVER, how) not in self.missing:
                self.lacks(HANDED_OVER, how)

    def rename(self, name: str) -> None:
        """Gives the span the name that only the result could tell."""
        self.name = safe = _encodable(name)
        self.span.update_name(safe)
        if safe != name:
            self.lacks("name_changed", "name")

    # -- the end

    def failed(self, error: BaseException | type[BaseException]) -> None:
        """Notes that the call raised: the class of the exception, never its message. A group is what all in it are."""
        status = FAILED
        kind = error if isinstance(error, type) else type(error)
        found = {kind} if isinstance(error, type) else kinds(error)
        if all(map(is_cancellation, found)):
            status = CANCELLED
        elif all(issubclass(one, OutputBlocked) for one in found):
            status = BLOCKED
        self.status = status
        self.error = f"{kind.__module__}.{kind.__qualname__}"

    def close(self) -> None:
        """Writes the facts on the span, ends it, and puts what stays home into the scope.

        Whatever fails on the way, nothing stays current or running, and the span has ended. Where it is interrupted,
        it can be called again.
        """
        self._let_go()
        span = self.span
        if not self._is_written:
            try:
                self._write()
            except Exception as error:
                if not came_from_outside(error):
                    _finish(span)
                raise
        span.end()

    def _write(self) -> None:
        scope = self.scope
        if scope is not None:
            if self.streams:
                self.use_streams()
            self._leave_home_facts(scope)
        if self.status == FAILED:
            self.span.set_status(_FAILED_STATUS)
        write_facts(self)
        self._is_written = True

    def abandon(self) -> None:
        """Lets go of a call that we could not begin to follow: nothing stays current or running, the span has ended."""
        self._let_go()
        _finish(self.span)

    def _let_go(self) -> None:
        if self._token is not None:
            self.detach()
        self.ended = True
        if self.kind == semconv.KIND_OUTPUT:
            _running.discard(self)

    def _leave_home_facts(self, scope: Scope) -> None:
        local: dict[str, Any] = {}
        if self.plain:
            local["plain"] = self.plain
        if self.local:
            local["declared"] = self.local
        if self.names:
            local["names"] = dict(self.names)
        if self.stated:
            local["checksums"] = dict(self.stated)
        if self.content:
            local["content"] = self.content
        if local:
            scope.spans[self.key] = local
        if self.kind == semconv.KIND_OUTPUT:
            self._note_what_was_not_seen(scope)
        elif self.used or self.derived or self.kind == semconv.KIND_MODEL_CALL:
            scope.flows.append((self.key, self.used, self.derived, self.has_unseen))

    def _note_what_was_not_seen(self, scope: Scope) -> None:
        """At the end of an output."""
        if scope.orphans:
            self.lacks("span_missing", f"{scope.orphans} traced calls ran meanwhile outside any output")
        if scope.strays:
            said = f"{scope.strays} traced calls ran meanwhile in tasks or threads of outputs that had ended"
            self.lacks("span_missing", said)
        if scope.registry.cut:
            self.lacks("bound_reached", "values of the scope")


def _encodable(name: str) -> str:
    """The name, with U+FFFD for half characters: they have no UTF-8, and cost an exporter every span of its batch."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return name


def open_activity(ports: Ports, kind: str, name: str) -> Activity:
    """Starts the span below the current activity; the caller attaches and closes it."""
    tracers = ports.tracers
    tracer = tracers.tracer()  # this is where a provider that has just appeared is found
    current = ports.settings.spans_current and tracers.exports_spans
    parent, origin, context = _otel.above(spans_current=current)
    if parent is not None and parent.ports is not ports and kind != semconv.KIND_OUTPUT and _runs(parent):
        # What belongs to an output that began before `configure` was called again belongs to where its record is made.
        ports = parent.ports
        tracer = ports.tracers.tracer()
    safe = name if name.isascii() else _encodable(name)
    span = tracer.start_span(safe, context)
    try:
        activity = Activity(ports, kind, safe, parent, span)
    except BaseException:
        _finish(span)
        raise
    activity.spans_current = current if parent is None else parent.spans_current
    if safe is not name:
        activity.lacks("name_changed", "name")
    if origin is not None:
        activity.origin = origin
        if kind == semconv.KIND_OUTPUT:
            activity.extra["remote_parent"] = (origin.activity, origin.record)
    scope = activity.scope
    if kind == semconv.KIND_OUTPUT and scope is not None and not activity.spans_current and context != _EMPTY:
        scope.caller = _otel.current_span().get_span_context()
    _tell_others(activity, parent)
    if kind == semconv.KIND_OUTPUT and parent is not None and parent.scope is not None:
        with _counting:
            parent.nested += (f"out_{activity.key}",)
    return activity


def _tell_others(activity: Activity, parent: Activity | None) -> None:
    """Outputs that run and that this call may belong to, though nobody said so, say it in their records."""
    if activity.scope is None:
        _count_in_all("orphans")
    elif parent is None:
        beside = _otel.beside()
        if beside is not None and _runs(beside):
            beside.hands_over("thread, not linked")
    elif not activity.scope.open and (_otel.is_lent() or _is_in_a_loop()):
        _count_in_all("strays")


def _is_in_a_loop() -> bool:
    """Whether a task or a callback of an event loop runs: one that outlives its output may do the work of others."""
    asyncio, trio = sys.modules.get("asyncio"), sys.modules.get("trio")
    try:
        return (trio is not None and trio.lowlevel.in_trio_run()) or (
            asyncio is not None and asyncio.get_running_loop() is not None
        )
    except (RuntimeError, AttributeError):  # no loop here, or a module that is still being loaded
        return False


def _finish(span: Span) -> None:
    """Ends a span that says nothing: ours take that for the program's doing."""
    getattr(span, "finish", span.end)()


def _runs(activity: Activity) -> bool:
    """Whether its output has not ended."""
    return activity.scope is not None and activity.scope.open


def _count_in_all(what: str) -> None:
    """One more traced call of which nobody knows whether it belongs to an output that runs."""
    for output in list(_running):
        with _counting:
            setattr(output.scope, what, getattr(output.scope, what) + 1)


def tell_running(emitter: Emitter, reason: str, detail: str) -> None:
    """Notes in every output of an emitter that runs what its record will not know."""
    for output in list(_running):
        if output.ports.emitter is emitter and output.scope is not None:
            output.scope.missing.append((reason, detail))
