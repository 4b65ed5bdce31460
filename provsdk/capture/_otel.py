"""What is current: span and activity travel together in OpenTelemetry's context, and are taken back in any order.

A token can be given back only in the context that it comes from. An activity may end in another one: a block that one
task enters and another one leaves, a generator that the event loop closes. Then the activity keeps its tokens, and they
are given back when a traced call next finds it current, where that can only be a remnant.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import Token
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry import context as otel_context
from opentelemetry.context.context import Context
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, get_current_span, set_span_in_context

from provsdk.capture import _guard, _origin, _process
from provsdk.capture._origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Span, SpanContext

    from provsdk.capture._session import Activity

__all__ = [
    "NOBODY",
    "Attached",
    "Held",
    "above",
    "activity_in",
    "apart",
    "attach",
    "attach_beside",
    "attach_context",
    "attach_held",
    "attach_origin",
    "attach_within",
    "beside",
    "carried_origin",
    "current_activity",
    "current_context",
    "current_origin",
    "current_span",
    "detach",
    "drop",
    "hold",
    "is_lent",
    "leave_to_reader",
    "origin_of",
    "release",
    "stand_apart",
    "step_back",
    "step_context",
]

_ACTIVITY: Final = otel_context.create_key("provsdk-activity")
_ORIGIN: Final = otel_context.create_key("provsdk-origin")
_LENT: Final = otel_context.create_key("provsdk-lent")
"""True in a thread that was started within an activity, and that nobody asked whether it works for it."""

_BESIDE: Final = otel_context.create_key("provsdk-beside")
"""What handed work on to here without taking it along: an output that begins here is not linked to it."""

_OUTSIDE: Final = otel_context.create_key("provsdk-outside")
"""What was current outside of a stream's step."""

_BENEATH: Final = otel_context.create_key("provsdk-beneath")
"""In a stream's step: the span that would be current without us, where one of ours is."""

_SPAN: Final = next(iter(set_span_in_context(INVALID_SPAN, Context())))
"""OpenTelemetry's own key of the current span."""

_put: Final = dict.__setitem__
"""A context refuses changes once it is shared; one that was just made takes them here, without a second copy."""

_OF_STEPS: Final = (_ACTIVITY, _OUTSIDE, _BENEATH)
_OURS: Final = frozenset({*_OF_STEPS, _SPAN})

current_context: Final = otel_context.get_current
"""What is current now; no function of ours around it, for streams ask in every step."""

current_span: Final = get_current_span

attach_context: Final = otel_context.attach
"""Makes a context the current one."""


def current_activity() -> Activity | None:
    """The innermost traced call of this process that is running in this context."""
    found: Activity | None = otel_context.get_current().get(_ACTIVITY)  # type: ignore[assignment]
    if found is None or (found.process == _process.generation and not found.left and found.beneath is None):
        return found
    found = _without_remnants(found)
    return found if found is not None and found.process == _process.generation else None


def _without_remnants(found: Activity | None) -> Activity | None:
    """What is current when every activity that ended elsewhere is taken out of this context."""
    while found is not None and found.ended and (found.left or found.beneath is not None):
        if found.beneath is not None:
            otel_context.attach(_without(found))
            found = otel_context.get_current().get(_ACTIVITY)  # type: ignore[assignment]
            continue
        for token in found.left:
            try:
                token.var.reset(token)
            except ValueError:  # from another context: this one is a copy, made while the activity ran
                continue
            found.left = tuple(one for one in found.left if one is not token)
            break
        else:
            return found
        found = otel_context.get_current().get(_ACTIVITY)  # type: ignore[assignment]
    return found


def current_origin() -> Origin | None:
    """Where the work done here came from, if another process handed it over; asked where no activity runs."""
    return carried_origin() or _origin.of_process()


def carried_origin() -> Origin | None:
    """The same, as far as this context says it and not the whole process."""
    now = otel_context.get_current()
    parents: Activity | None = now.get(_ACTIVITY)  # type: ignore[assignment] # one that was running when this was forked
    if parents is not None and parents.process != _process.generation:
        return origin_of(parents)
    return now.get(_ORIGIN)  # type: ignore[return-value]


def origin_of(activity: Activity) -> Origin:
    """The activity as another process has to know it."""
    scope = activity.scope
    return Origin(activity.key, scope.record_id[4:] if scope is not None else None, activity.span.get_span_context())


_Above = tuple["Activity | None", Origin | None, Context | None]


def above(*, spans_current: bool) -> _Above:
    """What an activity that begins now begins below, and the context to start its span in; None: the current one.

    Args:
        spans_current: whether our spans are current for the user's own tracing, where no activity is there to say so.
    """
    now = otel_context.get_current()
    activity: Activity | None = now.get(_ACTIVITY)  # type: ignore[assignment]
    if activity is not None and (activity.left or activity.beneath or activity.process != _process.generation):
        activity = current_activity()
        now = otel_context.get_current()
    if activity is None:
        origin = (carried_origin() if now else None) or _origin.of_process()
        return (None, None, now) if origin is None else _below(origin, spans_current=spans_current)
    if activity.spans_current and (not now.get(_LENT) or _in_a_span()):
        return activity, None, None
    return activity, None, set_span_in_context(activity.span)


def _below(origin: Origin, *, spans_current: bool) -> _Above:
    if spans_current and _in_a_span():
        return None, origin, None
    return None, origin, set_span_in_context(NonRecordingSpan(origin.span_context))


def _in_a_span() -> bool:
    return get_current_span().get_span_context().is_valid


def is_lent() -> bool:
    """Whether the current activity is only the one in which this thread was started."""
    return otel_context.get_current().get(_LENT) is True


def activity_in(context: Context | None) -> Activity | None:
    """The innermost traced call of a context; None: of the running one."""
    return current_activity() if context is None else context.get(_ACTIVITY)  # type: ignore[return-value]


# -- attached and taken back


def _context_with(activity: Activity, *, spans_current: bool) -> Context:
    """What is current now with the activity, and its span where that is wanted, in it."""
    context = Context(otel_context.get_current())
    _put(context, _ACTIVITY, activity)
    if not spans_current:
        return context
    _put(context, _SPAN, activity.span)
    if _OUTSIDE in context:
        _put(context, _BENEATH, _beneath())
    return context


def _beneath() -> Span:
    """The span that would be current now without us."""
    now = otel_context.get_current()
    activity: Activity | None = now.get(_ACTIVITY)  # type: ignore[assignment]
    current = get_current_span(now)
    if activity is not None and current is activity.span:
        return now.get(_BENEATH, INVALID_SPAN)  # type: ignore[return-value]
    return current


def attach(activity: Activity, *, spans_current: bool) -> Token[Context]:
    """Makes the activity, and its span where that is wanted, the current ones."""
    activity.inside = context = _context_with(activity, spans_current=spans_current)
    return otel_context.attach(context)


def detach(activity: Activity, token: Token[Context]) -> None:
    """Makes what was current before the activity current again: here now, elsewhere as soon as that is possible."""
    now = otel_context.get_current()
    current = now.get(_ACTIVITY)
    if current is not activity and not _runs_within(current, activity):  # type: ignore[arg-type]
        activity.left += (token,)  # a context that it never was in, or that is taken back to before it already
        return
    if _OUTSIDE in now and _is_of_another_step(now, token):
        otel_context.attach(_without(activity))
        return
    try:
        token.var.reset(token)
    except ValueError:  # OpenTelemetry's own `detach` would log an error now
        if _OUTSIDE in now:  # a step that another task or thread makes
            otel_context.attach(_without(activity))
            return
        _go_back(token)
        activity.left += (token,)
        return
    if now is not activity.inside:
        _leave_to_caller(now, activity)


def _leave_to_caller(now: Context, activity: Activity) -> None:
    """What the code of a call has made current stays so for its caller, as without us; what is ours in it does not.

    Args:
        now: what was current at its end.
        activity: the call, which has been taken back.
    """
    inside, innermost = activity.inside, now[_ACTIVITY]
    if inside is None or _theirs(now, innermost, activity) == _theirs(inside, activity, activity):  # type: ignore[arg-type]
        return
    outer = otel_context.get_current()
    shown = Context({**now, **{key: outer.get(key) for key in _OF_STEPS}})
    if _is_ours(get_current_span(now), innermost, activity):  # type: ignore[arg-type]
        shown = set_span_in_context(get_current_span(outer), shown)
    # Whoever takes that back will make current what was current in the call: the call, which has ended then.
    activity.beneath = get_current_span(outer)
    otel_context.attach(shown)


def drop(activity: Activity) -> None:
    """Takes the activity out of what is current here, where it is the current one."""
    if otel_context.get_current().get(_ACTIVITY) is activity:
        otel_context.attach(_without(activity))


def _is_of_another_step(now: Context, token: Token[Context]) -> bool:
    """Whether a stream was left and entered again since: what was current then is not what its reader has now."""
    outside = now.get(_OUTSIDE)
    if outside is None:
        return False
    before = None if token.old_value is Token.MISSING else token.old_value.get(_OUTSIDE)
    return before is not outside


def _without(activity: Activity) -> Context:
    """What is current now, with what is around the activity in its place."""
    now, parent = otel_context.get_current(), activity.parent
    context = Context({**now, _ACTIVITY: parent})
    if get_current_span(now) is activity.span:
        around = INVALID_SPAN if parent is None else parent.span
        return set_span_in_context(activity.beneath or around, context)
    return context


def _runs_within(current: Activity | None, activity: Activity) -> bool:
    """Whether it is the current one, or around it: what was opened within it and is still open ends its stay too."""
    while current is not None and current is not activity:
        current = current.parent
    return current is activity


def _go_back(token: Token[Context]) -> None:
    """In a copy of the token's context."""
    otel_context.attach(Context() if token.old_value is Token.MISSING else token.old_value)


# -- taken along


class Held(NamedTuple):
    """What is current here, to be made current elsewhere in this process."""

    activity: Activity | None
    origin: Origin | None
    span: Span | None
    """The current span; None where ours are not seen by the user's tracing."""

    def hands_over(self, how: str) -> None:
        """Notes that work went to another process."""
        if self.activity is not None:
            self.activity.hands_over(how)

    def failed(self, where: str, error: Exception) -> None:
        """Notes that taking it along failed: work went somewhere, and nobody knows where."""
        if self.activity is not None:
            self.activity.lacks("capture_failed", "work elsewhere")
        _guard.report(where, error, self.activity.ports if self.activity is not None else None)

    def headers(self) -> dict[str, str]:
        """What travels to another process."""
        origin = origin_of(self.activity) if self.activity is not None else self.origin
        return _origin.headers(origin, self.span) if origin is not None else {}


NOBODY: Final = Held(None, None, None)


def hold() -> Held | None:
    """What is current, to be taken along; None where no activity runs and no other process handed the work over."""
    now = otel_context.get_current()
    if now.get(_ACTIVITY) is None and now.get(_ORIGIN) is None:
        return None
    activity = current_activity()
    if activity is not None:
        return Held(activity, None, _span_of(activity) if activity.spans_current else None)
    origin = carried_origin()
    if origin is None:
        return None
    return Held(None, origin, get_current_span() if _in_a_span() else None)


def _span_of(activity: Activity) -> Span:
    """The current span; in a thread that the activity was lent to, its own."""
    return get_current_span() if _in_a_span() else activity.span


def attach_held(held: Held, *, lent: bool = False) -> Attached | None:
    """Makes current what was current elsewhere; None where somebody has taken the whole context along already.

    Args:
        held: what is taken along.
        lent: for a whole thread, whose end nobody knows: the user's own spans stay there what they were without us.
    """
    now = otel_context.get_current()
    if now.get(_ACTIVITY) is held.activity and now.get(_ORIGIN) is held.origin and not now.get(_LENT):
        return None
    context = Context({**now, _ACTIVITY: held.activity, _ORIGIN: held.origin, _LENT: lent})
    if held.span is not None and not lent:
        context = set_span_in_context(held.span, context)
    return Attached(context, otel_context.attach(context))


def attach_beside(held: Held) -> Attached:
    """Notes where the work here was handed on from, though it does not belong there."""
    context = Context({**otel_context.get_current(), _BESIDE: held.activity})
    return Attached(context, otel_context.attach(context))


def beside() -> Activity | None:
    """What handed the work here on, and goes on itself; None where nobody knows."""
    found: Activity | None = otel_context.get_current().get(_BESIDE)  # type: ignore[assignment]
    return found if found is not None and found.process == _process.generation else None


def attach_within(activity: Activity) -> Attached | None:
    """Makes an activity current where what is current belongs to another output, or to none; else None."""
    current = current_activity()
    if activity.process != _process.generation or (current is not None and current.scope is activity.scope):
        return None
    return attach_held(Held(activity, None, activity.span if activity.spans_current else None))


def attach_origin(origin: Origin | None, span_context: SpanContext | None, *, is_job: bool) -> Attached | None:
    """Makes another process the one that the work comes from; None where it is not said which.

    Args:
        origin: who handed the work over.
        span_context: a span there, which becomes the current one where no span of this process is.
        is_job: of a pool, where a span that is current can only be one that the pool's process was forked in.
    """
    context = otel_context.get_current()
    if span_context is not None and (is_job or not _in_a_span()):
        context = set_span_in_context(NonRecordingSpan(span_context), context)
    elif origin is None:
        return None
    if origin is not None:
        context = Context({**context, _ACTIVITY: None, _ORIGIN: origin, _LENT: False})
    return Attached(context, otel_context.attach(context))


class Attached(NamedTuple):
    """What was made current, and the way back."""

    context: Context
    token: Token[Context]


def step_back(token: Token[Context], context: Context) -> None:
    """The end of a step that made *context* current, where its own task or thread comes to it."""
    try:
        token.var.reset(token)
    except ValueError:  # as above
        if otel_context.get_current() is context:
            _go_back(token)


def step_context(innermost: Activity, base: Span) -> Context:
    """What a step of a stream runs in: what is current now with the activity, remembering what was current.

    Args:
        innermost: the stream's activity, or one that was opened within it and is open still.
        base: the span that was current where the stream was made. Another one, of its reader or left by the stream
            itself, stays current, as without us.
    """
    outside = otel_context.get_current()
    context = Context(outside)
    if innermost.spans_current and get_current_span(outside) is base:
        context = set_span_in_context(innermost.span, context)
    _put(context, _ACTIVITY, innermost)
    _put(context, _OUTSIDE, outside)
    _put(context, _BENEATH, get_current_span(outside))
    return context


def leave_to_reader(now: Context, before: Context, activity: Activity) -> Activity:
    """The end of a step that began with *before* and leaves *now*: what the stream made current stays so to its reader,
    without what is ours in it. Answers the innermost activity that is open within the stream.
    """
    found: Activity | None = now.get(_ACTIVITY)  # type: ignore[assignment]
    innermost = found if found is not None and _runs_within(found, activity) else activity
    if _theirs(now, innermost, activity) != _theirs(before, before[_ACTIVITY], activity):  # type: ignore[arg-type]
        otel_context.attach(_without_ours(now, innermost, activity))
    return innermost


def _theirs(context: Context, innermost: Activity, outermost: Activity) -> dict[str, object]:
    """What is not ours in a context."""
    theirs = {key: value for key, value in context.items() if key not in _OURS}
    span = get_current_span(context)
    theirs[_SPAN] = context.get(_BENEATH) if _is_ours(span, innermost, outermost) else span
    return theirs


def _without_ours(context: Context, innermost: Activity, outermost: Activity) -> Context:
    outside: Context = context.get(_OUTSIDE) or Context()  # type: ignore[assignment]
    shown = Context({**context, **{key: outside.get(key) for key in _OF_STEPS}})
    if _is_ours(get_current_span(context), innermost, outermost):
        return set_span_in_context(context.get(_BENEATH) or INVALID_SPAN, shown)  # type: ignore[arg-type]
    return shown


def _is_ours(span: Span, innermost: Activity | None, outermost: Activity) -> bool:
    while innermost is not None and innermost.span is not span and innermost is not outermost:
        innermost = innermost.parent
    return innermost is not None and innermost.span is span


def release(attached: Attached | None) -> None:
    """Makes what was current before current again."""
    if attached is None:
        return
    step_back(attached.token, attached.context)


def stand_apart(*, from_span: bool = True) -> Attached | None:
    """Makes no activity current, for what is started now and then works for whoever comes.

    Args:
        from_span: neither is the activity's span, which a forked process would take along.
    """
    activity = current_activity()
    span = INVALID_SPAN if from_span and activity is not None and get_current_span() is activity.span else None
    return attach_held(NOBODY if span is None else Held(None, None, span))


@contextmanager
def apart() -> Iterator[None]:
    """The same for a block."""
    attached = stand_apart()
    try:
        yield
    finally:
        release(attached)
