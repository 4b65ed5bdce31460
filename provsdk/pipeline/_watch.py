"""Sees the spans of other instrumentations within our outputs: a processor and a sampler on the user's provider.

The processor sees the spans that the user's sampler keeps, and tells each output which instrumentations were at work in
it and what their spans lost to limits. What the sampler drops no processor ever sees: so the sampler stands behind one
of ours, which gives the same answers and counts. With `record_unsampled="all"` it asks for the dropped ones to be
recorded all the same, and `Beside` keeps those from everybody else: an exporter that does not look at the sampled flag
would send them.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, SynchronousMultiSpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from provsdk.capture import _guard
from provsdk.capture._foreign import Foreign
from provsdk.capture._otel import activity_in
from provsdk.pipeline._private_spans import Readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Event
    from opentelemetry.trace import SpanContext

    from provsdk.capture._scope import Scope

__all__ = ["Beside", "Observed", "Watch", "release", "sampler_of", "watch"]

MAX_RUNNING: Final = 10_000
"""Spans that are remembered between start and end; of some the end never comes."""

_OURS: Final = "provsdk"
_NO_NAME: Final = "an instrumentation without a name"


class Watch(SpanProcessor):
    """Tells each output about the spans of others within it. Nothing is kept but names and counts.

    A span is within an output where it is a local descendant of the output's span: below a remote parent, but the
    output's own, another process's story begins, and within a nested output that one's. This is where foreign spans
    will become sources.
    """

    def __init__(self, value_limit: int | None = None) -> None:
        self._value_limit = value_limit
        """Characters that the user's limits leave of a value: the SDK cuts without counting."""
        self._within: dict[int, Scope] = {}
        self._outside: dict[int, Scope] = {}
        """Spans below a remote parent, with the output that was current when they started."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Finds the output that the span is in."""
        try:
            self._begin(span, parent_context)
        except Exception as error:  # the guard around the host
            _guard.report("watch a span begin", error)

    def on_end(self, span: ReadableSpan) -> None:
        """Notes what the span lost; ours has nothing to lose."""
        if type(span) is Readable:
            return
        try:
            self._end(span)
        except Exception as error:  # the guard around the host
            _guard.report("watch a span end", error)

    def _begin(self, span: Span, parent_context: Context | None) -> None:
        scope = scope_in(parent_context)
        if scope is None and not self._within:
            return
        name = _name_of(span)
        if name == _OURS:
            return
        span_id, parent = span.context.span_id, span.parent
        if scope is None:
            scope = self._within.get(parent.span_id) if parent is not None else None
        elif parent is not None and (_is_elsewhere(parent, scope) or self._outside.get(parent.span_id) is scope):
            _remember(self._outside, span_id, scope)
            return
        if scope is not None and scope.open:
            foreign_of(scope).saw(name)
            _remember(self._within, span_id, scope)

    def _end(self, span: ReadableSpan) -> None:
        context = span.context
        if context is None:
            return
        scope = self._within.pop(context.span_id, None)
        if self._outside:
            self._outside.pop(context.span_id, None)
        if scope is None or not scope.open:
            return
        events = span.events
        dropped = span.dropped_attributes or span.dropped_events or span.dropped_links
        if dropped or events or self._value_limit is not None:
            name, foreign = _name_of(span), foreign_of(scope)
            for what, number in self._losses(span, events):
                if number:
                    foreign.lost(name, what, number)

    def _losses(self, span: ReadableSpan, events: Sequence[Event]) -> Iterable[tuple[str, int]]:
        yield "attributes", span.dropped_attributes + sum(event.dropped_attributes for event in events)
        yield "events", span.dropped_events
        yield "links", span.dropped_links
        limit = self._value_limit
        if limit is not None:
            said = [span.attributes or {}, *(event.attributes or {} for event in events)]
            values = [value for each in said for value in each.values()]
            yield f"values cut at {limit} characters", sum(isinstance(v, str) and len(v) == limit for v in values)


class Observed(Sampler):
    """The user's sampler with its own answers, and a count of what it drops within outputs.

    Args:
        chosen_by: the user's sampler.
        record: what it drops within an output is to be recorded, though not sampled.
    """

    def __init__(self, chosen_by: Sampler, *, record: bool) -> None:
        self.chosen_by = chosen_by
        self._record = record
        self._asked = threading.local()

    def should_sample(self, *arguments: Any, **named: Any) -> SamplingResult:
        """The user's sampler's answer; with `record`, DROP turned into RECORD_ONLY within outputs."""
        result = self.chosen_by.should_sample(*arguments, **named)
        self._asked.now = False
        if result.decision is not Decision.DROP:
            return result
        try:
            return self._dropped(result, arguments[0] if arguments else named.get("parent_context"))
        except Exception as error:  # the guard around the host
            _guard.report("watch a sampler", error)
            return result

    def _dropped(self, result: SamplingResult, context: Context | None) -> SamplingResult:
        scope = scope_in(context)
        if scope is None or not scope.open:
            return result
        if _is_elsewhere(trace.get_current_span(context).get_span_context(), scope):
            return result
        if not self._record:
            foreign_of(scope).unsampled()
            return result
        self._asked.now = True
        return SamplingResult(Decision.RECORD_ONLY, result.attributes, result.trace_state)

    def asked(self) -> bool:
        """Whether the span that is being started in this thread was asked for by us, against the user's sampler."""
        return getattr(self._asked, "now", False)

    def get_description(self) -> str:
        """The user's sampler's: nothing is sampled differently."""
        return self.chosen_by.get_description()

    def __getattr__(self, name: str) -> Any:
        if name == "chosen_by":  # a copy that is not filled yet
            raise AttributeError(name)
        return getattr(self.chosen_by, name)


class Beside(SpanProcessor):
    """In the place of a provider's processors: the watch is told in the thread that starts the span, then they are.

    What only we asked for goes to the watch alone.
    """

    def __init__(self, theirs: Any, watch: Watch, sampler: Observed) -> None:
        self.theirs = theirs
        self._watch = watch
        self._sampler = sampler

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Sends the span one way or the other; its end goes the same way."""
        self._watch.on_start(span, parent_context)
        if not span.get_span_context().trace_flags.sampled and self._sampler.asked():
            span._span_processor = self._watch  # noqa: SLF001 whom the span tells of its end
        else:
            self.theirs.on_start(span, parent_context=parent_context)

    def _on_ending(self, span: Span) -> None:
        self.theirs._on_ending(span)  # noqa: SLF001 a hook of the SDK

    def on_end(self, span: ReadableSpan) -> None:
        """Tells the watch and them."""
        self._watch.on_end(span)
        self.theirs.on_end(span)

    def shutdown(self) -> None:
        """Shuts theirs down."""
        self.theirs.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flushes theirs."""
        return bool(self.theirs.force_flush(timeout_millis))

    @property
    def _span_processors(self) -> tuple[SpanProcessor, ...]:
        found: tuple[SpanProcessor, ...] = self.theirs._span_processors  # noqa: SLF001 the SDK's own tuple
        return found

    @_span_processors.setter
    def _span_processors(self, processors: tuple[SpanProcessor, ...]) -> None:
        self.theirs._span_processors = processors  # noqa: SLF001 Phoenix writes to it

    def __getattr__(self, name: str) -> Any:
        if name == "theirs":  # as in `Observed`
            raise AttributeError(name)
        return getattr(self.theirs, name)


def scope_in(context: Context | None) -> Scope | None:
    """The output that is being made in a context; None: in the running one."""
    activity = activity_in(context)
    return None if activity is None else activity.scope


def _is_elsewhere(parent: SpanContext, scope: Scope) -> bool:
    """Whether another process's story begins below it: not where the output itself was called below it."""
    return parent.is_remote and parent != scope.caller


def foreign_of(scope: Scope) -> Foreign:
    """The output's tally, begun when it is first needed."""
    found = scope.foreign
    if found is None:
        with _beginning:
            found = scope.foreign = scope.foreign or Foreign()
    return found


_beginning = threading.RLock()


def _begin_anew() -> None:
    global _beginning
    _beginning = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def watch(provider: TracerProvider, *, unsampled: bool) -> None:
    """Puts a watch on a provider; one that is there already, as in a forked child, stays.

    Args:
        provider: the user's.
        unsampled: spans that the user's sampler drops are to be seen too.
    """
    if isinstance(provider.sampler, Observed):
        return
    theirs = provider._active_span_processor  # noqa: SLF001 see `release`
    limits = getattr(provider, "_span_limits", None)
    ours = Watch(getattr(limits, "max_span_attribute_length", None))
    sampler = Observed(provider.sampler, record=unsampled)
    _set_sampler(provider, sampler)
    if unsampled or not isinstance(theirs, SynchronousMultiSpanProcessor):
        _set_processor(provider, Beside(theirs, ours, sampler))
    else:
        # Not by the provider's own method: Phoenix's takes any call of it as the wish to lose its exporter.
        theirs.add_span_processor(ours)


def release(provider: TracerProvider) -> None:
    """Takes the watch off, so that the provider is as it was.

    The SDK has public names for none of this. What is not there in some version of it is left alone: then a watch stays
    on, and sees nothing, for there are no outputs.
    """
    if isinstance(provider.sampler, Observed):
        _set_sampler(provider, provider.sampler.chosen_by)
    active: Any = provider._active_span_processor  # noqa: SLF001 as above
    if isinstance(active, Beside):
        _set_processor(provider, active.theirs)
        return
    with suppress(AttributeError), active._lock:  # noqa: SLF001 as above
        others = tuple(one for one in active._span_processors if not isinstance(one, Watch))  # noqa: SLF001 as above
        active._span_processors = others  # noqa: SLF001 as above


def sampler_of(provider: TracerProvider) -> Sampler:
    """The user's own sampler: our spans are not foreign ones."""
    sampler = provider.sampler
    return sampler.chosen_by if isinstance(sampler, Observed) else sampler


def _set_sampler(provider: TracerProvider, sampler: Sampler) -> None:
    provider.sampler = sampler
    for tracer in _tracers_of(provider):
        tracer.sampler = sampler


def _set_processor(provider: TracerProvider, processor: Any) -> None:
    provider._active_span_processor = processor  # noqa: SLF001 as in `release`
    for tracer in _tracers_of(provider):
        tracer.span_processor = processor


def _tracers_of(provider: TracerProvider) -> list[Any]:
    """Tracers that were handed out before: from SDK 1.41 on a provider knows them."""
    known = getattr(provider, "_tracers", None)
    return list(known.values()) if isinstance(known, dict) else []


def _name_of(span: ReadableSpan) -> str:
    scope = span.instrumentation_scope
    return (scope.name if scope is not None else "") or _NO_NAME


def _remember(spans: dict[int, Scope], span_id: int, scope: Scope) -> None:
    if len(spans) >= MAX_RUNNING:
        with suppress(StopIteration, RuntimeError):  # another thread did so
            spans.pop(next(iter(spans)), None)
    spans[span_id] = scope
