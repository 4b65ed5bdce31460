"""One traced call from begin to end: the same steps for functions, coroutines and `with` blocks.

Every step is guarded: when one of ours fails, the traced function goes on as if we were not there.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import INVALID_SPAN_CONTEXT

from provsdk import semconv
from provsdk.capture import _guard
from provsdk.capture._abandoned import reap
from provsdk.capture._model import note_request, note_response, settle
from provsdk.capture._session import BLOCKED, Activity
from provsdk.capture._verdict import verdict_of
from provsdk.errors import OutputBlocked
from provsdk.vocabulary import DataClassification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provsdk.capture._plan import Plan
    from provsdk.capture.ports import Ports, Ticket

__all__ = [
    "acall",
    "await_quietly",
    "begin",
    "call",
    "close",
    "end",
    "fail",
    "open_quietly",
    "renumber",
    "wait_quietly",
]

NO_STREAMS: Final = frozenset({str, bytes, type(None), bool, int, float, list, tuple, dict, set})
"""Types that most traced functions return; anything else is looked at."""

_ENCRYPTED: Final = frozenset(each.value for each in DataClassification if each.encryption_required)

_numbers = itertools.count(1)


def renumber() -> None:
    """Counts outputs from 1 again: a forked child is an emitter of its own."""
    global _numbers
    _numbers = itertools.count(1)


def begin(ports: Ports, plan: Plan, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Activity | None:
    """Opens the activity and makes it current; None where that failed."""
    activity = open_quietly(ports, plan, instance, args, kwargs)
    if activity is None:
        return None
    try:
        activity.attach()
    except Exception as error:
        _guard.report(f"begin a {plan.kind}", error, ports)
        return None
    return activity


def open_quietly(
    ports: Ports, plan: Plan, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Activity | None:
    """Opens the activity, and gives an output its number; None where that failed."""
    is_output, number = plan.kind == semconv.KIND_OUTPUT, 0
    try:
        activity = plan.open(ports, instance, args, kwargs)
        if plan.kind == semconv.KIND_MODEL_CALL:
            note_request(activity, plan, instance, args, kwargs)
        if is_output and activity.scope is not None:
            # At the last moment: a process that is killed between the number and its slot leaves a number of nothing.
            activity.number = activity.scope.number = number = next(_numbers)
            in_the_open = not (activity.declared or ports.settings.defaults) or _may_lie_open(activity)
            name = activity.name if in_the_open else ""
            ports.emitter.started(number, activity.span.get_span_context(), name)
            if not ports.settings.spans_current:
                ports.tracers.announce(activity.scope.record_id)
    except Exception as error:
        if is_output:
            _count_unrecorded(ports, number or next(_numbers))
        _guard.report(f"begin a {plan.kind}", error, ports)
        return None
    return activity


def _may_lie_open(activity: Activity) -> bool:
    """Whether the output's name may lie in the open beside the store: not where its class is encrypted there."""
    defaults = activity.ports.settings.defaults or {}
    return activity.declared.get("classification", defaults.get("classification")) not in _ENCRYPTED


def _count_unrecorded(ports: Ports, number: int) -> None:
    """An output that could not be begun has a number all the same: what was started and never sealed can be told."""
    try:
        ports.emitter.started(number, INVALID_SPAN_CONTEXT, "")
    except Exception as error:
        _guard.report("count an output", error)


def end(plan: Plan, activity: Activity, result: Any) -> Ticket | None:
    """Notes the result and closes; what to wait for, where there is something."""
    try:
        plan.conclude(activity, result)
        if plan.kind == semconv.KIND_POLICY_CHECK:
            verdict_of(activity, result)
        elif plan.kind == semconv.KIND_MODEL_CALL:
            note_response(activity, result)
    except Exception as error:
        activity.lacks("capture_failed", "result")
        _guard.report(f"note the result of a {plan.kind}", error, activity.ports)
    return close(activity)


def fail(activity: Activity, error: BaseException) -> Ticket | None:
    """Notes that the call raised, and closes."""
    try:
        activity.failed(error, BLOCKED if isinstance(error, OutputBlocked) else "failed")
        if activity.kind == semconv.KIND_POLICY_CHECK:
            activity.declared["result"] = "error"
    except Exception as ours:
        _guard.report(f"note the failure of a {activity.kind}", ours)
    return close(activity)


def close(activity: Activity) -> Ticket | None:
    """Ends the span and hands the output, or what came too late for it, to the durable port."""
    ports, scope = activity.ports, activity.scope
    if activity.kind == semconv.KIND_OUTPUT:
        reap()  # what was dropped within the output is part of it
    try:
        if activity.kind == semconv.KIND_MODEL_CALL:
            settle(activity)
        span_context = activity.close()
        if scope is None:
            return None
        if activity.kind == semconv.KIND_OUTPUT:
            scope.open = False
            return ports.durable.ticket(span_context, scope.local_facts())
        if not scope.open:
            ports.durable.late(span_context, {"record_id": scope.record_id, **scope.local_facts()})
    except Exception as error:
        activity.detach()
        _guard.report(f"close a {activity.kind}", error, ports)
    return None


def call(plan: Plan, ports: Ports, wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    """Calls a function, traced."""
    activity = begin(ports, plan, instance, args, kwargs)
    if activity is None:
        return wrapped(*args, **kwargs)
    gated = not ports.gate.always_proceeds
    try:
        if gated:
            from provsdk.capture import _gate  # noqa: PLC0415 most programs have no policies

            args, kwargs = _gate.enter(activity, (args, kwargs))
        result = wrapped(*args, **kwargs)
        if type(result) not in NO_STREAMS and (stream := _adopted(plan, activity, result)) is not None:
            return stream
        if gated:
            result = _gate.leave(activity, result)
    except BaseException as error:
        ticket = fail(activity, error)
        if ticket is not None:
            wait_quietly(ticket)
        raise
    ticket = end(plan, activity, result)
    if ticket is not None:
        ticket.wait()
        if gated:
            ports.gate.after_seal(f"rec_{activity.key}")
    return result


async def acall(plan: Plan, ports: Ports, wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
    """Calls a coroutine function, traced."""
    activity = begin(ports, plan, instance, args, kwargs)
    if activity is None:
        return await wrapped(*args, **kwargs)
    gated = not ports.gate.always_proceeds
    try:
        if gated:
            from provsdk.capture import _gate  # noqa: PLC0415 most programs have no policies

            args, kwargs = await _gate.aenter(activity, (args, kwargs))
        result = await wrapped(*args, **kwargs)
        if type(result) not in NO_STREAMS and (stream := _adopted(plan, activity, result)) is not None:
            return stream
        if gated:
            result = await _gate.aleave(activity, result)
    except BaseException as error:
        ticket = fail(activity, error)
        if ticket is not None:
            await await_quietly(ticket)
        raise
    ticket = end(plan, activity, result)
    if ticket is not None:
        await ticket
        if gated:
            await ports.gate.aafter_seal(f"rec_{activity.key}")
    return result


def _adopted(plan: Plan, activity: Activity, result: Any) -> Any:
    """A stream that was returned, as a traced one; None where the result is no stream, or that failed."""
    if plan.kind == semconv.KIND_POLICY_CHECK:
        return None
    from provsdk.capture._streams import adopt  # noqa: PLC0415 most calls return values

    try:
        return adopt(plan, activity, result)
    except Exception as error:
        _guard.report(f"trace the stream of a {activity.kind}", error, activity.ports)
        return None


def wait_quietly(ticket: Ticket) -> None:
    """The function raised: its own exception is what the caller gets, whatever becomes of the record."""
    try:
        ticket.wait()
    except Exception as error:
        _guard.report("seal the record of a failed output", error)


async def await_quietly(ticket: Ticket) -> None:
    """As `wait_quietly`, for async callers."""
    try:
        await ticket
    except Exception as error:
        _guard.report("seal the record of a failed output", error)
