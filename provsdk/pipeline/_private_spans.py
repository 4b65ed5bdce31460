"""Spans that nobody else sees while they run.

The SDK's span keeps locks, limits, events and links for processors that change a span from its start on. Where there
are none of those, that is almost half of what a traced call costs. So these spans keep what assembly reads and no more;
an exporter gets them as the SDK's `ReadableSpan` when they have ended.
"""

from __future__ import annotations

import os
import random
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, Span
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Decision, SamplingResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from provsdk import __version__, semconv
from provsdk.capture import _guard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.util.types import Attributes, AttributeValue

    from provsdk.capture._facts import SpanFacts

__all__ = ["OwnIds", "PrivateSpan", "PrivateTracer", "Readable", "ids_like", "sampled", "says_all"]

_RANDOM: Final[int] = getattr(TraceFlags, "RANDOM_TRACE_ID", 0)
"""The flag of ids that are random (W3C Trace Context, level 2); older versions of the SDK set none."""
_FLAGS: Final = tuple(TraceFlags(bits) for bits in range((TraceFlags.SAMPLED | _RANDOM) + 1))
_OK: Final = Status()
_COPIED: Final = frozenset({
    "_attributes", "_end_time", "_events", "_instrumentation_info", "_kind", "_links", "_name", "_parent",
    "_start_time", "_status",
})  # fmt: skip
"""Fields of the SDK's span."""

_PLAIN: Final = frozenset({str, int, bool, float})

_NO_STATE: Final = SpanContext(1, 1, is_remote=False).trace_state
_IS_TUPLE: Final = SpanContext(1, 1, is_remote=False) == (1, 1, False, TraceFlags.DEFAULT, _NO_STATE, True)
"""Whether a span context may be made without the checks of ids that we made ourselves: half of what it costs."""

_random = random.Random()  # noqa: S311 ids, not secrets
"""Seeded by the system: a program that seeds the global generator would give the ids of its last run again."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


class OwnIds(RandomIdGenerator):
    """Random ids that do not depend on the global generator's seed."""

    def generate_span_id(self) -> int:
        """64 random bits, not all zero."""
        return _random.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        """128 random bits, not all zero."""
        return _random.getrandbits(128) or 1


class OthersIds(IdGenerator):
    """The program's ids; ours where it fails to make one, or makes one that is none.

    Args:
        ids: the program's generator.
    """

    def __init__(self, ids: IdGenerator) -> None:
        self._ids = ids
        self._own = OwnIds()

    def generate_span_id(self) -> int:
        """As the program's generator."""
        return _made_by(self._ids, "generate_span_id", 64) or self._own.generate_span_id()

    def generate_trace_id(self) -> int:
        """As the program's generator."""
        return _made_by(self._ids, "generate_trace_id", 128) or self._own.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """As the program's generator."""
        return _are_random(self._ids)


def _are_random(ids: IdGenerator) -> bool:
    """Whether it says so; older versions of the SDK do not ask."""
    try:
        says = getattr(ids, "is_trace_id_random", None)
        return says is not None and bool(says())
    except Exception as error:
        _guard.report("ask the program's id generator", error)
        return False


def _made_by(ids: IdGenerator, method: str, bits: int) -> int | None:
    try:
        return _within(bits, getattr(ids, method)())
    except Exception as error:
        _guard.report("ask the program's id generator", error)
        return None


def _within(bits: int, made: int) -> int:
    if not 0 < made < 1 << bits:
        raise ValueError("no id")
    return made


class PrivateSpan(trace.Span):
    """What assembly reads of a span, and what the program says on it where it is the current one.

    Written by one traced call, read after its end. Reads as the SDK's spans do.
    """

    __slots__ = (
        "_facts", "_on_end", "_started", "_written", "context", "end_time", "events", "links", "name",
        "parent", "start_time", "status",
    )  # fmt: skip

    kind = SpanKind.INTERNAL
    resource = Resource.get_empty()
    instrumentation_scope = InstrumentationScope("provsdk", __version__)
    dropped_attributes = dropped_events = dropped_links = 0

    def __init__(
        self, name: str, context: SpanContext, parent: SpanContext | None, on_end: Callable[[Any], None]
    ) -> None:
        self.name = name
        self.context = context
        self.parent = parent
        self._written: dict[str, AttributeValue] = {}
        self._facts: SpanFacts | None = None
        self.events: tuple[Event, ...] = ()
        self.links: tuple[Link, ...] = ()
        self.status = _OK
        self.end_time: int | None = None
        self._on_end: Callable[[Any], None] | None = on_end
        self.start_time = time_ns()
        self._started = monotonic_ns()

    @property
    def attributes(self) -> dict[str, AttributeValue]:
        """What was set, and what its call says: written when it is first asked for, by whoever asks."""
        facts = self._facts
        if facts is not None:
            self._written = {**self._written, **_written(facts)}  # a new one: another thread may be reading that
            self._facts = None
        return self._written

    @property
    def record_id(self) -> Any:
        """The record that it belongs to, where it says so; nothing is written for it."""
        return self._written.get(semconv.RECORD_ID) if self._facts is None else self._facts.record_id

    def says(self, facts: SpanFacts) -> None:
        """Takes what its call says."""
        self._facts = facts

    def end(self, end_time: int | None = None) -> None:
        """Ends the span, and hands it over where it says all that it has to say.

        A program may end the span that is current: it takes nothing of the program's then, and its call goes on.
        """
        if self._facts is not None or says_all(self._written):
            self.finish()
        elif self.end_time is None:
            self.end_time = end_time if end_time is not None else time_ns()

    def finish(self) -> None:
        """Ends it for its call, and hands it over, once; where that was interrupted, it does so again.

        By the clock that never goes back: a span does not end before it started.
        """
        if self._on_end is not None:
            self.end_time = self.start_time + monotonic_ns() - self._started
            self._on_end(self)
            self._on_end = None  # whoever keeps the span must not keep all that it was handed to

    def write(self, said: Mapping[str, AttributeValue]) -> None:
        """Takes what its call says in a form that cannot wait."""
        self._written.update(said)

    def get_span_context(self) -> SpanContext:
        """Its ids."""
        return self.context

    def set_attribute(self, key: str, value: Any) -> None:
        """Sets one attribute; what is none by the API's rules is converted or left out, as the SDK does."""
        if self.end_time is not None:
            return
        if type(value) in _PLAIN and type(key) is str and key:
            self._written[key] = value
        else:
            self._written.update(BoundedAttributes(attributes={key: value}))

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Sets several attributes."""
        if self.end_time is not None:
            return
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Adds what the program says: for its exporters, in no record."""
        if self.end_time is None:
            self.events += (Event(name, BoundedAttributes(attributes=attributes), timestamp),)

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """As `add_event`."""
        if self.end_time is None and isinstance(context, SpanContext):
            self.links += (Link(context, BoundedAttributes(attributes=attributes)),)

    def update_name(self, name: str) -> None:
        """Gives the span another name."""
        if self.end_time is None and isinstance(name, str):
            self.name = name

    def is_recording(self) -> bool:
        """Until its end."""
        return self.end_time is None

    def set_status(self, status: Any, description: str | None = None) -> None:
        """Sets the status, as the SDK: one that is good is final, and what is none is passed over."""
        if self.end_time is not None or self.status.status_code is StatusCode.OK:
            return
        if isinstance(status, StatusCode):
            status = Status(status, description)
        if isinstance(status, Status) and status.status_code is not StatusCode.UNSET:
            self.status = status

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 the interface of the API
    ) -> None:
        """Adds the event that the SDK would: the program said so, and it is in no record."""
        Span.record_exception(self, exception, attributes, timestamp, escaped)  # type: ignore[arg-type] # it adds an event

    def to_json(self, indent: int | None = 4) -> str:
        """As the SDK's."""
        return str(Readable(self, self.resource, self.instrumentation_scope).to_json(indent))


def says_all(attributes: Mapping[str, Any]) -> bool:
    """Whether these are of a call that has ended, or a piece of what it says."""
    return semconv.KIND in attributes or semconv.FACTS in attributes


def _written(facts: SpanFacts) -> dict[str, AttributeValue]:
    """The attributes; where they cannot be written, those of a call of which nothing but that is known."""
    try:
        return {**facts.attributes()}
    except Exception as error:
        _guard.report("write down what a call says", error)
        return {**facts.lost().attributes()}


def ids_like(ids: IdGenerator | None) -> IdGenerator:
    """A generator of ids like the program's, that never fails."""
    return OwnIds() if ids is None or type(ids) is RandomIdGenerator else OthersIds(ids)


def sampled(sampler: Sampler, *asked: Any) -> SamplingResult:
    """What the sampler says; where it fails, the span is not sampled: a record depends on nobody's sampler."""
    try:
        answer: SamplingResult | None = sampler.should_sample(*asked)  # the program's own may be of any kind
        return answer or SamplingResult(Decision.DROP)
    except Exception as error:
        _guard.report("ask the program's sampler", error)
        return SamplingResult(Decision.DROP)


def _both(given: Attributes, answered: Attributes) -> Attributes:
    """A span's attributes with those that a sampler adds."""
    if not answered:
        return given
    return {**given, **answered} if given else answered


class PrivateTracer(trace.Tracer):
    """Starts private spans and hands each to `on_end` when it ends.

    Args:
        on_end: takes the ended span.
        ids: makes trace and span ids.
        sampler: decides the sampled flag, no more: every span is recorded. None: all are sampled.
    """

    def __init__(
        self, on_end: Callable[[Any], None], ids: IdGenerator | None = None, sampler: Sampler | None = None
    ) -> None:
        self._on_end = on_end
        made = ids_like(ids)
        self._new_trace_id, self._new_span_id = made.generate_trace_id, made.generate_span_id
        self._random = _RANDOM if _are_random(made) else 0
        self._sampler = sampler

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        *_interface: Any,
        attributes: Attributes = None,
        **_of_the_api: Any,
    ) -> PrivateSpan:
        """Starts a span below the current one of `context`."""
        above = trace.get_current_span(context).get_span_context() if context is None or context else None
        if above is not None and above[0]:  # by position: names of a span context are functions
            trace_id, random = above[0], above[3] & _RANDOM
        else:
            trace_id, above, random = self._new_trace_id(), None, self._random
        flags, state = _FLAGS[TraceFlags.SAMPLED | random], None
        if self._sampler is DEFAULT_ON:
            if above is not None:
                flags, state = above.trace_flags, above.trace_state  # what it says, asked cheaply
        elif self._sampler is not None:
            answer = sampled(self._sampler, context, trace_id, name, SpanKind.INTERNAL, attributes, ())
            flags = _FLAGS[(answer.decision is Decision.RECORD_AND_SAMPLE) | random]
            state = answer.trace_state
            attributes = _both(attributes, answer.attributes)
        span_id = self._new_span_id()
        if _IS_TUPLE and state is None:
            made = tuple.__new__(SpanContext, (trace_id, span_id, False, flags, _NO_STATE, True))
        else:
            made = SpanContext(trace_id, span_id, is_remote=False, trace_flags=flags, trace_state=state)
        span = PrivateSpan(name, made, above, self._on_end)
        if attributes:
            span.set_attributes(attributes)
        return span

    def start_as_current_span(self, name: str, *interface: Any, **of_the_api: Any) -> Any:
        """A private span as the current one of a block."""
        return trace.use_span(self.start_span(name, *interface, **of_the_api), end_on_exit=True)


class Readable(ReadableSpan):
    """A private span that ended, as the SDK's processors and exporters read spans.

    What they read is copied when they first do so, most of it by an exporter's thread: whoever changes it changes no
    record.

    Args:
        span: the private one.
        resource: what it is exported with.
        scope: the same.
    """

    def __init__(self, span: PrivateSpan, resource: Resource, scope: InstrumentationScope) -> None:
        # Not the SDK's own: it would set a dozen fields on the path of every call.
        self._span = span
        self._context = span.context
        self._resource = resource
        self._instrumentation_scope = scope

    def __getattr__(self, name: str) -> Any:
        """A field of the SDK's class that was not read yet."""
        if name not in _COPIED:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        field = dict(self._span.attributes) if name == "_attributes" else getattr(self._span, name[1:], None)
        setattr(self, name, field)
        return field

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled as the SDK's own span."""
        return ReadableSpan, (
            self._name,
            self._context,
            self._parent,
            self._resource,
            self._attributes,
            self._events,
            self._links,
            self._kind,
            None,
            self._status,
            self._start_time,
            self._end_time,
            self._instrumentation_scope,
        )
