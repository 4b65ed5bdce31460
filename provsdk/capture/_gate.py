"""Asks the gate and does as it says. Not on the path of a call where no policy is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provsdk import semconv
from provsdk.capture import _guard
from provsdk.capture._view import View
from provsdk.capture.handles import by_hand
from provsdk.errors import OutputBlocked
from provsdk.gate import PROCEED, Block, Hold, Replace, Subject

if TYPE_CHECKING:
    from provsdk.capture._session import Activity
    from provsdk.capture.ports import Ports
    from provsdk.gate import Answer, Judged

__all__ = ["achunk", "aenter", "aleave", "asealed", "chunk", "enter", "leave", "left", "rest", "sealed"]


def _subject(activity: Activity, stage: Any, value: Any) -> Subject:
    scope = activity.scope
    if scope is None:
        return Subject(stage, None, activity.name, value)
    return Subject(stage, scope.record_id, activity.name, value, View(activity, scope, value))


def _obey(activity: Activity, answer: Answer, value: Any) -> Any:
    """The value that moves on; the verdicts stand in the record first.

    Raises:
        OutputBlocked: it does not move on.
    """
    for judged in answer.verdicts:
        _note(activity, judged)
    if isinstance(answer, Block):
        raise OutputBlocked(answer.reasons)
    if isinstance(answer, Hold):
        raise OutputBlocked(("held, and nobody can release it here",))
    return answer.value if isinstance(answer, Replace) else value


def _note(activity: Activity, judged: Judged) -> None:
    """The verdict of a check as a span below the call that it judged."""
    verdict = judged.verdict
    facts = {
        "type": judged.type,
        "reasons": verdict.reasons,
        "blocking": judged.mode == "block",
        "version": judged.version,
        "stage": judged.stage,
        "mode": judged.mode,
        "findings": verdict.findings,
        "got": verdict.got,
        "expected": verdict.expected,
    }
    by_hand(semconv.KIND_POLICY_CHECK, judged.name, facts, result=verdict.result, within=activity)


def _broke(activity: Activity, error: Exception) -> Answer:
    """A gate that breaks is a failure of ours: the value moves on, the record says so. What blocks says `Block`."""
    activity.lacks("capture_failed", "policies")
    _guard.report("ask the policies", error, activity.ports, about=activity.name)
    return PROCEED


def _asked(activity: Activity, method: str, stage: str, value: Any) -> Any:
    try:
        answer: Answer = getattr(activity.ports.gate, method)(_subject(activity, stage, value))
    except OutputBlocked:
        raise
    except Exception as error:
        answer = _broke(activity, error)
    return _obey(activity, answer, value)


async def _aasked(activity: Activity, method: str, stage: str, value: Any) -> Any:
    try:
        answer: Answer = await getattr(activity.ports.gate, method)(_subject(activity, stage, value))
    except OutputBlocked:
        raise
    except Exception as error:
        answer = _broke(activity, error)
    return _obey(activity, answer, value)


def enter(activity: Activity, call: Any) -> Any:
    """Before a model is called: its arguments, as they may go."""
    if activity.kind != semconv.KIND_MODEL_CALL:
        return call
    return _asked(activity, "before_model", "model", call)


async def aenter(activity: Activity, call: Any) -> Any:
    """As `enter`, for async callers."""
    if activity.kind != semconv.KIND_MODEL_CALL:
        return call
    return await _aasked(activity, "abefore_model", "model", call)


def leave(activity: Activity, value: Any) -> Any:
    """Before a source's value or an output is handed on: the value, as it may go."""
    if activity.kind == semconv.KIND_SOURCE:
        return _asked(activity, "before_source", "source", value)
    if activity.kind == semconv.KIND_OUTPUT:
        return _asked(activity, "before_return", "return", value)
    return value


async def aleave(activity: Activity, value: Any) -> Any:
    """As `leave`, for async callers."""
    if activity.kind == semconv.KIND_SOURCE:
        return await _aasked(activity, "abefore_source", "source", value)
    if activity.kind == semconv.KIND_OUTPUT:
        return await _aasked(activity, "abefore_return", "return", value)
    return value


def chunk(activity: Activity, value: Any) -> Any:
    """Before a chunk of an output's stream is handed on: the chunk, as it may go."""
    if activity.kind != semconv.KIND_OUTPUT:
        return value
    return _asked(activity, "on_chunk", "chunk", value)


async def achunk(activity: Activity, value: Any) -> Any:
    """As `chunk`, for async callers."""
    if activity.kind != semconv.KIND_OUTPUT:
        return value
    return await _aasked(activity, "aon_chunk", "chunk", value)


def rest(activity: Activity) -> Any:
    """What was held back of an output's stream that has come to its end; None: nothing. Its verdicts are noted.

    Raises:
        OutputBlocked: it may not leave.
    """
    if activity.kind != semconv.KIND_OUTPUT:
        return None
    return _asked(activity, "on_end", "chunk", None)


def left(activity: Activity) -> None:
    """Notes what is said of an output's stream that is not read on; what was held back never leaves."""
    try:
        answer = activity.ports.gate.on_end(_subject(activity, "chunk", None))
    except Exception as error:
        answer = _broke(activity, error)
    for judged in answer.verdicts:
        _note(activity, judged)


def sealed(ports: Ports, record_id: str) -> None:
    """When the output's record is durable, before the caller gets the output."""
    try:
        ports.gate.after_seal(record_id)
    except OutputBlocked:
        raise
    except Exception as error:
        _guard.report("tell the policies of a record", error, ports)


async def asealed(ports: Ports, record_id: str) -> None:
    """As `sealed`, for async callers."""
    try:
        await ports.gate.aafter_seal(record_id)
    except OutputBlocked:
        raise
    except Exception as error:
        _guard.report("tell the policies of a record", error, ports)
