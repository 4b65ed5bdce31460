"""One traced call from begin to end: the same steps for functions, coroutines and `with` blocks.

Every step is guarded: when one of ours fails, the traced function goes on as if we were not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import INVALID_SPAN_CONTEXT

from provsdk import semconv
from provsdk.capture import _guard, _process
from provsdk.capture._abandoned import reap
from provsdk.capture._declared import article
from provsdk.capture._late import Late
from provsdk.capture._model import note_request, note_response, settle
from provsdk.capture._otel import current_activity
from provsdk.capture._session import Activity
from provsdk.capture._verdict import verdict_of
from provsdk.capture.ports import current as plugged_in
from provsdk.errors import RecordNotSealed
from provsdk.interrupts import kinds
from provsdk.vocabulary import DataClassification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import SpanContext

    from provsdk.capture import _gate
    from provsdk.capture._plan import Plan
    from provsdk.capture.ports import Ports, Ticket
else:
    _gate = Late("provsdk.capture._gate")  # most programs have no policies

__all__ = [
    "acall",
    "await_",
    "await_quietly",
    "begin",
    "call",
    "close",
    "current",
    "end",
    "end_within",
    "fail",
    "is_gated",
    "judge_the_end",
    "leave",
    "open_quietly",
    "wait",
    "wait_quietly",
]

PLAIN: Final = frozenset({str, bytes, type(None), bool, int, float, list, tuple, dict, set})
"""Types that most traced functions return; anything else is looked at."""

_ENCRYPTED: Final = frozenset(each.value for each in DataClassification if each.encryption_required)


def begin(ports: Ports, plan: Plan, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Activity | None:
    """Opens the activity and makes it current; None where that failed."""
    activity = open_quietly(ports, plan, instance, args, kwargs)
    if activity is None:
        return None
    try:
        activity.attach()
    except BaseException as error:
        activity.drop()  # an interrupt may have come when it was current, and before that was noted
        _give_up(activity, error)
        return None
    return activity


def open_quietly(
    ports: Ports, plan: Plan, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Activity | None:
    """Opens the activity, and gives an output its number; None where that failed."""
    is_output, activity = plan.kind == semconv.KIND_OUTPUT, None
    try:
        activity = plan.open(ports, instance, args, kwargs)
        if plan.kind == semconv.KIND_MODEL_CALL:
            _note_request(activity, plan, instance, args, kwargs)
        if is_output:
            _start_output(ports, activity)
    except BaseException as error:
        if is_output and (activity is None or activity.number is None):
            _count(ports, next(ports.settings.numbers), INVALID_SPAN_CONTEXT, "")
        if activity is not None:
            _give_up(activity, error)
            return None
        if not isinstance(error, Exception):
            raise
        _note_not_begun(plan.kind)
        _guard.report(f"begin {article(plan.kind)}", error, ports)
    return activity


def _note_not_begun(kind: str) -> None:
    """In the record of the output that it would have been part of."""
    around = current()
    if around is not None and around.scope is not None:
        around.scope.missing.append(("capture_failed", f"begin {article(kind)}"))


def _note_request(
    activity: Activity, plan: Plan, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    try:
        note_request(activity, plan, instance, args, kwargs)
    except Exception as error:
        activity.lacks("capture_failed", "request")
        _guard.report("note the request of a model call", error, activity.ports, about=activity.name)


def _start_output(ports: Ports, activity: Activity) -> None:
    """Gives the output its number."""
    scope = activity.scope
    assert scope is not None  # noqa: S101 an output has one
    in_the_open = not (activity.declared or ports.settings.defaults) or _may_lie_open(activity)
    name = activity.name if in_the_open else ""
    # At the last moment: a process that is killed between the number and its slot leaves a number of nothing.
    activity.number = scope.number = number = next(ports.settings.numbers)
    try:
        ports.emitter.started(number, activity.context, name)
    except Exception as error:
        _guard.report("count an output", error)
    if not ports.settings.spans_current:
        try:
            ports.tracers.announce(scope.record_id)
        except Exception as error:
            _guard.report("announce a record", error, ports)


def _may_lie_open(activity: Activity) -> bool:
    """Whether the output's name may lie in the open beside the store: not where its class is encrypted there."""
    defaults = activity.ports.settings.defaults or {}
    return activity.declared.get("classification", defaults.get("classification")) not in _ENCRYPTED


def _count(ports: Ports, number: int, span_context: SpanContext, name: str) -> None:
    """An output that could not be begun has a number all the same: what was started and never sealed can be told."""
    try:
        ports.emitter.started(number, span_context, name)
    except Exception as error:
        _guard.report("count an output", error, ports)


def _give_up(activity: Activity, error: BaseException) -> None:
    """Lets go of a call that could not be begun; an interrupt goes on its way."""
    try:
        activity.abandon()
    except Exception as ours:
        _guard.report(f"let go of {article(activity.kind)}", ours)
    if not isinstance(error, Exception):
        raise error
    _note_not_begun(activity.kind)
    _guard.report(f"begin {article(activity.kind)}", error, activity.ports, about=activity.name)


def end(plan: Plan, activity: Activity, result: Any) -> Ticket | None:
    """Notes the result and closes; what to wait for, where there is something."""
    try:
        end_within(activity)
        _conclude(plan, activity, result)
        return close(activity)
    except BaseException as error:
        finish(activity, error)
        raise


def finish(activity: Activity, error: BaseException) -> None:
    """Ends a call that an interrupt came to while we were at work: that is what the call came to.

    An interrupt may come in the middle of anything, so what ends a call can be begun again and goes on where it was.
    """
    if not activity.closed:
        leave(fail(activity, error))


def _conclude(plan: Plan, activity: Activity, result: Any) -> None:
    try:
        plan.conclude(activity, result)
        if plan.kind == semconv.KIND_POLICY_CHECK:
            verdict_of(activity, result)
        elif plan.kind == semconv.KIND_MODEL_CALL:
            note_response(activity, result)
    except Exception as error:
        activity.lacks("capture_failed", "result")
        _guard.report(f"note the result of {article(plan.kind)}", error, activity.ports, about=activity.name)


def end_quietly(activity: Activity) -> Ticket | None:
    """Closes a call of which nothing more is said."""
    end_within(activity)
    return close(activity)


def end_within(activity: Activity) -> None:
    """Ends the streams that were dropped or interrupted within an output: what came of them is part of it."""
    if activity.kind != semconv.KIND_OUTPUT or activity.scope is None:
        return
    try:
        if activity.scope.interrupted:
            for stream in tuple(activity.scope.interrupted):
                stream.abandoned()
        reap()
    except Exception as error:
        activity.scope.missing.append(("capture_failed", "streams of the output"))
        _guard.report("end the streams of an output", error, activity.ports, about=activity.name)


def fail(activity: Activity, error: BaseException) -> Ticket | None:
    """Notes that the call raised, and closes."""
    try:
        end_within(activity)
        _note_failure(activity, error)
        return close(activity)
    except BaseException:
        if not activity.closed:
            leave(close(activity))
        raise


def _note_failure(activity: Activity, error: BaseException) -> None:
    try:
        activity.failed(error)
        if activity.kind == semconv.KIND_POLICY_CHECK:
            activity.declared["result"] = "error"
    except Exception as ours:
        _guard.report(f"note the failure of {article(activity.kind)}", ours)


def close(activity: Activity) -> Ticket | None:
    """Ends the span and hands the output, or what came too late for it, to the durable port."""
    if activity.closed:
        return None
    if activity.process != _process.generation:
        _leave_to_the_parent(activity)
        return None
    try:
        return _close(activity)
    except BaseException:
        _close_again(activity)
        raise


def _close_again(activity: Activity) -> None:
    """After an interrupt; after one more, what the call came to is given up, and the output is a gap with a name."""
    try:
        if not activity.closed:
            leave(_close(activity))
    finally:
        if not activity.closed:
            activity.closed = True
            activity.abandon()
            leave(_hand_over(activity))


def _close(activity: Activity) -> Ticket | None:
    try:
        try:
            if activity.kind == semconv.KIND_MODEL_CALL:
                settle(activity)
        finally:
            activity.close()
    except Exception as error:
        if activity.scope is not None:
            activity.scope.missing.append(("capture_failed", f"close {article(activity.kind)}"))
        _guard.report(f"close {article(activity.kind)}", error, activity.ports, about=activity.name)
    ticket = _hand_over(activity)
    activity.closed = True
    return ticket


def _hand_over(activity: Activity) -> Ticket | None:
    """An output whose span could not be ended as it should is handed over too: it becomes a gap that has a name."""
    ports, scope = activity.ports, activity.scope
    if scope is None:
        return None
    try:
        span_context = activity.context
        if activity.kind == semconv.KIND_OUTPUT:
            scope.open = False
            if activity.facts is None:
                facts = scope.local_facts()
                facts["scope"] = scope
                activity.facts = facts
            # Whoever takes an output takes the scope out of its facts: what was taken is not handed over again.
            return ports.durable.ticket(span_context, activity.facts) if "scope" in activity.facts else None
        if not scope.open:
            ports.durable.late(span_context, {"record_id": scope.record_id, **scope.local_facts()})
    except Exception as error:
        _guard.report(f"hand over {article(activity.kind)}", error, ports, about=activity.name)
    return None


def _leave_to_the_parent(activity: Activity) -> None:
    """A call that began before this process was forked goes on in its parent too, and ends there."""
    activity.ended = True
    activity.detach()


def current() -> Activity | None:
    """The innermost traced call that is running here."""
    try:
        return current_activity()
    except Exception as error:
        _guard.report("find the current call", error)
        return None


def is_gated(ports: Ports) -> bool:
    """Whether somebody has to be asked before values move on."""
    try:
        return not ports.gate.always_proceeds
    except Exception as error:
        _guard.report("ask whether there are policies", error)
        return False


def judge_the_end(activity: Activity) -> None:
    """Of an output's stream that is not read to its end: what the policies make of what has left."""
    _gate.left(activity)


def call(plan: Plan, ports: Ports, wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    """Calls a function, traced."""
    gated = is_gated(ports)
    activity = begin(ports, plan, instance, args, kwargs)
    if activity is None:
        return wrapped(*args, **kwargs)
    try:
        try:
            if gated:
                args, kwargs = _gate.enter(activity, (args, kwargs))
            result = wrapped(*args, **kwargs)
            if type(result) is not str and (goes_on := _adopted(plan, activity, result)) is not None:
                return goes_on
            if gated:
                result = _gate.leave(activity, result)
        except BaseException as error:
            ticket = fail(activity, error)
            if ticket is not None:
                wait_quietly(ticket)
            raise
        ticket = end(plan, activity, result)
    except BaseException as error:
        finish(activity, error)
        raise
    if ticket is not None:
        wait(ticket, ports)
        if gated:
            _gate.sealed(ports, f"rec_{activity.key}")
    return result


async def acall(
    plan: Plan, wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any, *, begun: Activity | None = None
) -> Any:
    """Calls a coroutine function, traced where something is plugged in when it is awaited.

    Args:
        plan: of the function.
        wrapped: the function.
        instance: what it is bound to.
        args: what it is called with.
        kwargs: the same.
        begun: the activity, where the call has begun and *wrapped* gives the rest of it.
    """
    activity = begun or _begin_where_plugged_in(plan, instance, args, kwargs)
    if activity is None:
        return await wrapped(*args, **kwargs)
    try:
        try:
            gated = is_gated(activity.ports)
            if gated and begun is None:
                args, kwargs = await _gate.aenter(activity, (args, kwargs))
            result = await wrapped(*args, **kwargs)
            if type(result) is not str and (goes_on := _adopted(plan, activity, result)) is not None:
                return goes_on
            if gated:
                result = await _gate.aleave(activity, result)
        except BaseException as error:
            await await_quietly(fail(activity, error), error)
            raise
        ticket = end(plan, activity, result)
    except BaseException as error:
        finish(activity, error)
        raise
    if ticket is not None:
        try:  # as `await_`, without a coroutine for it
            await ticket
        except BaseException as error:
            _note_unsealed(ticket, error, activity.ports)
        if gated:
            await _gate.asealed(activity.ports, f"rec_{activity.key}")
    return result


def _begin_where_plugged_in(plan: Plan, instance: Any, args: Any, kwargs: Any) -> Activity | None:
    ports = plugged_in()
    return None if ports is None else begin(ports, plan, instance, args, kwargs)


def wait(ticket: Ticket, ports: Ports | None) -> None:
    """Waits until the record is durable, within the bounds of the configuration.

    Raises:
        RecordNotSealed: it is not, and the configuration asks to be told.
    """
    try:
        ticket.wait()
    except BaseException as error:
        _note_unsealed(ticket, error, ports)


async def await_(ticket: Ticket, ports: Ports | None) -> None:
    """As `wait`, for async callers."""
    try:
        await ticket
    except BaseException as error:
        _note_unsealed(ticket, error, ports)


def _note_unsealed(ticket: Ticket, error: BaseException, ports: Ports | None) -> None:
    """What came while a record was waited for: an interrupt and `RecordNotSealed` go through."""
    if isinstance(error, RecordNotSealed):
        raise error
    if not isinstance(error, Exception):
        leave(ticket)
        raise error
    _guard.report("wait for a record", error, ports)


def _adopted(plan: Plan, activity: Activity, result: Any) -> Any:
    """A stream or coroutine that was returned, as a traced one; None where the call is over, or that failed."""
    try:
        if type(result) in PLAIN:  # a metaclass may refuse even to be looked up
            return None
        from provsdk.capture._streams import adopt  # noqa: PLC0415 most calls return values

        return adopt(plan, activity, result)
    except Exception as error:
        _guard.report(f"trace the stream of {article(activity.kind)}", error, activity.ports, about=activity.name)
        return None


def wait_quietly(ticket: Ticket) -> None:
    """The function raised: its own exception is what the caller gets, whatever becomes of the record."""
    try:
        ticket.wait()
    except Exception as error:
        _guard.report("seal the record of a failed output", error)


async def await_quietly(ticket: Ticket | None, failure: BaseException | None) -> None:
    """As `wait_quietly`, for async callers; not of a coroutine that is being closed, which may not await anything.

    One that was cancelled may be cancelled again while it waits here, as anyio's cancel scopes do until they are left:
    the first one is on its way, and whoever cancels counts for himself.
    """
    if ticket is None:
        return
    if isinstance(failure, GeneratorExit):
        leave(ticket)
        return
    try:
        await ticket
    except Exception as error:
        _guard.report("seal the record of a failed output", error)
    except BaseException as interrupt:
        leave(ticket)
        if not (_is_cancellation(failure) and _is_cancellation(interrupt)):
            raise


def _is_cancellation(error: BaseException | None) -> bool:
    """Of asyncio or trio, which are not loaded for it."""
    found = () if error is None else kinds(error)
    return bool(found) and all(kind.__name__ in {"CancelledError", "Cancelled"} for kind in found)


def leave(ticket: Ticket | None) -> None:
    """Lets the record become durable without anybody who waits."""
    if ticket is None:
        return
    try:
        ticket.leave()
    except Exception as error:
        _guard.report("leave a record to itself", error)
