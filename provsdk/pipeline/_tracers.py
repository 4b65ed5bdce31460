"""The tracer source: a provider of our own, beside the user's, that keeps every span of ours.

It takes the user's resource, id generator and sampler. What the sampler drops is still recorded, but not forwarded; no
limit cuts our spans; what the sampler chose goes to the user's processors. Where the user has no provider, or wants no
spans of ours, they are private ones, and no parents of anybody's: a parent that is never exported would tear the user's
traces apart. The global provider is followed as soon as it appears, and when another takes its place.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider, _Span
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Span, TraceFlags, Tracer

from provsdk import __version__, semconv
from provsdk.capture import _guard
from provsdk.interrupts import came_from_outside
from provsdk.pipeline._private_spans import PrivateSpan, PrivateTracer, Readable, ids_like, sampled, says_all
from provsdk.pipeline._watch import Watch, release, sampler_of, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind
    from opentelemetry.trace.span import TraceState
    from opentelemetry.util.types import Attributes

    from provsdk.assembly.processor import Keeper

__all__ = ["AlwaysRecord", "OwnTracers"]

_SCOPE: Final = InstrumentationScope("provsdk", __version__)
_SAMPLED: Final = TraceFlags.SAMPLED

_DO_NOTHING: Final = (SpanProcessor, SimpleSpanProcessor, BatchSpanProcessor)
_NO_STARTS: Final = frozenset(kind.on_start for kind in _DO_NOTHING)
_NO_ENDINGS: Final = frozenset(getattr(kind, "_on_ending", None) for kind in _DO_NOTHING)

_log: Final = logging.getLogger("provsdk")


class AlwaysRecord(Sampler):
    """Records what another sampler would drop, without marking it as sampled."""

    def __init__(self, chosen_by: Sampler) -> None:
        self._chosen_by = chosen_by

    def should_sample(  # noqa: PLR0913, PLR0917 the interface of the SDK
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """The other sampler's answer, with DROP turned into RECORD_ONLY."""
        result = sampled(self._chosen_by, parent_context, trace_id, name, kind, attributes, links, trace_state)
        if result.decision is Decision.DROP:
            return SamplingResult(Decision.RECORD_ONLY, result.attributes, result.trace_state)
        return result

    def get_description(self) -> str:
        """Names both samplers."""
        return f"AlwaysRecord({self._chosen_by.get_description()})"


class OwnTracers:
    """Gives the tracer for our spans, made anew when the user's provider turns up or gets another processor.

    Args:
        keeper: keeps every span of ours.
        provider: the user's; None: whichever is the global one at the moment.
        export_spans: `all`, `ids` or `none`.
        record_unsampled: `all` or `own`.
        resource: the environment's; None: it is read.
    """

    def __init__(
        self,
        keeper: Keeper,
        provider: TracerProvider | None,
        export_spans: str,
        record_unsampled: str,
        resource: Resource | None = None,
    ) -> None:
        self._keeper = keeper
        self._export_spans = export_spans
        self._record_unsampled = record_unsampled
        self._given = provider
        self._found: object = None
        """The provider that was looked at last, of whatever kind; written under `_turning`."""
        self.user: TracerProvider | None = None
        self._turning = threading.RLock()
        self._over = False
        self.exports_spans = False
        self._processors: tuple[SpanProcessor, ...] | None = None
        """The user's, as they were when the tracer was made; another tuple means another tracer."""
        self._tracer: Tracer = PrivateTracer(keeper.keep)
        self.own_resource: Final = resource or _resource_of_the_environment()

    def tracer(self) -> Tracer:
        """The tracer to use now."""
        # What `get_tracer_provider` returns once it is set, without its look into the environment at each call.
        found = self._given if self._given is not None else getattr(trace, "_TRACER_PROVIDER", None)
        if found is not self._found:
            self._turn_to(found)
        user = self.user
        if user is not None and self.exports_spans and _processors_of(user) is not self._processors:
            self._follow(user)
        return self._tracer

    def _turn_to(self, found: object) -> None:
        """Leaves the provider before and looks at this one: one of the SDK, or of another kind, or none."""
        with self._turning:
            if found is self._found or self._over:
                return
            self._leave()
            if isinstance(found, TracerProvider):
                self.user = found
                # OTEL_SDK_DISABLED stops exports: a provider that hands out no tracers gets no spans of ours either.
                self.exports_spans = self._export_spans == "all" and not getattr(found, "_disabled", False)
                self._guarded("watch a provider", watch, found, unsampled=self._record_unsampled == "all")
            self._found = found

    def _guarded(self, what: str, done: Callable[..., None], provider: TracerProvider, **how: Any) -> None:
        """An output is recorded, whatever kind of provider is in the user's hands."""
        try:
            done(provider, **how)
        except Exception as error:
            _guard.report(what, error)

    def _leave(self) -> None:
        self._release()
        self.user, self.exports_spans, self._processors = None, False, None
        self._tracer = PrivateTracer(self._keeper.keep)

    def _release(self) -> None:
        if self.user is not None and not self._over:
            self._guarded("leave a provider as it was", release, self.user)

    def hand_over(self) -> None:
        """Takes the watch off the user's provider: others put theirs there. What still runs is exported as before."""
        with self._turning:
            self._release()
            self._over = True

    def let_go(self) -> None:
        """Leaves the user's provider as it was found, for good: outputs that still run export nothing more."""
        with self._turning:
            self._leave()
            self._over = True

    def announce(self, record_id: str) -> None:
        """With `export_spans="ids"`: the record id on the user's current span, where that has room for it."""
        if self._export_spans == "ids":
            span = trace.get_current_span()
            if _has_room(span, record_id):
                span.set_attribute(semconv.RECORD_ID, record_id)

    def resource(self) -> Mapping[str, Any]:
        """Attributes of the user's resource; of the environment's, while there is no provider."""
        return (self.user.resource if self.user is not None else self.own_resource).attributes

    def forward_to(self) -> SpanProcessor | None:
        """The user's processors, where our spans go to them."""
        return getattr(self.user, "_active_span_processor", None) if self.exports_spans else None

    def _follow(self, user: TracerProvider) -> None:
        """Takes the user's resource, sampler and ids for spans that go to the user's processors."""
        self._processors = processors = _processors_of(user)
        if all(map(_reads_ends_only, processors)):
            self._tracer = PrivateTracer(self._keep_and_forward, user.id_generator, sampler_of(user))
        else:
            self._tracer = self._sdk_tracer(user)

    def _keep_and_forward(self, span: PrivateSpan) -> None:
        """Keeps a private span, and gives one that was sampled to the user's processors in the shape they know."""
        self._keeper.keep(span)
        user = self.user
        if user is not None and self.exports_spans and span.context[3] & _SAMPLED:  # by position: a name is a function
            try:
                user._active_span_processor.on_end(Readable(span, user.resource, _SCOPE))  # noqa: SLF001 as above
            except Exception as error:  # another package's code
                if came_from_outside(error):
                    raise
                _log.warning("a span processor failed at an end (%s)", type(error).__qualname__)

    def _sdk_tracer(self, user: TracerProvider) -> Tracer:
        """For processors that read or change spans from their start on: the SDK's spans, without limits."""
        unset = SpanLimits.UNSET
        limits = SpanLimits(
            max_span_attributes=unset,
            max_span_attribute_length=unset,
            max_attributes=unset,
            max_attribute_length=unset,
            max_events=unset,
            max_links=unset,
            max_event_attributes=unset,
            max_link_attributes=unset,
        )
        provider = TracerProvider(
            sampler=AlwaysRecord(sampler_of(user)),
            resource=user.resource,
            id_generator=ids_like(user.id_generator),
            span_limits=limits,
            shutdown_on_exit=False,
        )
        # OTEL_SDK_DISABLED stops exports, which are the user's provider's; it does not stop records.
        provider._disabled = False  # noqa: SLF001 the SDK has no other way to say so
        provider.add_span_processor(self._keeper)
        return _HeldTracer(provider.get_tracer(_SCOPE.name, _SCOPE.version))


class _HeldSpan(_Span):
    """A span of the SDK that only its call ends: a program that ends the current one would end it too early."""

    def end(self, end_time: int | None = None) -> None:
        """Ends the span where it says all that it has to say."""
        if says_all(self._attributes or {}):
            super().end(end_time)

    def finish(self) -> None:
        """Ends it for its call."""
        super().end()


class _HeldTracer(Tracer):
    """The SDK's tracer with such spans."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start_span(self, *given: Any, **named: Any) -> Span:
        """As the SDK's."""
        span = self._tracer.start_span(*given, **named)
        if type(span) is _Span:
            span.__class__ = _HeldSpan
        return span

    def start_as_current_span(self, *given: Any, **named: Any) -> Any:
        """As the SDK's."""
        return trace.use_span(self.start_span(*given, **named), end_on_exit=True)


def _processors_of(provider: TracerProvider) -> tuple[SpanProcessor, ...]:
    """The user's processors: a tuple that the SDK replaces when one is added."""
    found: tuple[SpanProcessor, ...] = getattr(provider._active_span_processor, "_span_processors", ())  # noqa: SLF001 as above
    return found


def _reads_ends_only(processor: SpanProcessor) -> bool:
    """Whether it does nothing with our spans before they end, as the SDK's exporting processors do, and our watch."""
    kind = type(processor)
    return kind is Watch or (kind.on_start in _NO_STARTS and getattr(kind, "_on_ending", None) in _NO_ENDINGS)


def _resource_of_the_environment() -> Resource:
    """Empty where a process ends that has not read it yet: reading takes threads, and there are none to be had."""
    try:
        return Resource.create()
    except RuntimeError:
        return Resource.get_empty()


def _has_room(span: Any, record_id: str) -> bool:
    """Whether the user's limits leave room: an attribute too many pushes another one out, a longer one is cut."""
    limits = getattr(span, "_limits", None)
    most = getattr(limits, "max_span_attributes", None)
    longest = getattr(limits, "max_span_attribute_length", None)
    if longest is not None and longest < len(record_id):
        return False
    held = getattr(span, "attributes", None) or ()
    return most is None or semconv.RECORD_ID in held or len(held) < most
