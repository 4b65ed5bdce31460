"""Asks the gate and does as it says. Not on the path of a call where no policy is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provsdk import semconv
from provsdk.errors import OutputBlocked
from provsdk.gate import Block, Hold, Replace, Subject

if TYPE_CHECKING:
    from provsdk.capture._session import Activity
    from provsdk.gate import Answer

__all__ = ["achunk", "aenter", "aleave", "chunk", "enter", "leave"]


def _subject(activity: Activity, stage: Any, value: Any) -> Subject:
    record_id = activity.scope.record_id if activity.scope is not None else None
    return Subject(stage, record_id, activity.name, value)


def _obey(answer: Answer, value: Any) -> Any:
    """The value that moves on.

    Raises:
        OutputBlocked: it does not move on.
    """
    if isinstance(answer, Block):
        raise OutputBlocked(answer.reasons)
    if isinstance(answer, Hold):
        raise OutputBlocked(("held, and nobody can release it here",))
    return answer.value if isinstance(answer, Replace) else value


def enter(activity: Activity, call: Any) -> Any:
    """Before a model is called: its arguments, as they may go."""
    gate = activity.ports.gate
    if activity.kind != semconv.KIND_MODEL_CALL:
        return call
    return _obey(gate.before_model(_subject(activity, "model", call)), call)


async def aenter(activity: Activity, call: Any) -> Any:
    """As `enter`, for async callers."""
    gate = activity.ports.gate
    if activity.kind != semconv.KIND_MODEL_CALL:
        return call
    return _obey(await gate.abefore_model(_subject(activity, "model", call)), call)


def leave(activity: Activity, value: Any) -> Any:
    """Before a source's value or an output is handed on: the value, as it may go."""
    gate = activity.ports.gate
    if activity.kind == semconv.KIND_SOURCE:
        return _obey(gate.before_source(_subject(activity, "source", value)), value)
    if activity.kind == semconv.KIND_OUTPUT:
        return _obey(gate.before_return(_subject(activity, "return", value)), value)
    return value


async def aleave(activity: Activity, value: Any) -> Any:
    """As `leave`, for async callers."""
    gate = activity.ports.gate
    if activity.kind == semconv.KIND_SOURCE:
        return _obey(await gate.abefore_source(_subject(activity, "source", value)), value)
    if activity.kind == semconv.KIND_OUTPUT:
        return _obey(await gate.abefore_return(_subject(activity, "return", value)), value)
    return value


def chunk(activity: Activity, value: Any) -> Any:
    """Before a chunk of an output's stream is handed on: the chunk, as it may go."""
    if activity.kind != semconv.KIND_OUTPUT:
        return value
    return _obey(activity.ports.gate.on_chunk(_subject(activity, "chunk", value)), value)


async def achunk(activity: Activity, value: Any) -> Any:
    """As `chunk`, for async callers."""
    if activity.kind != semconv.KIND_OUTPUT:
        return value
    return _obey(await activity.ports.gate.aon_chunk(_subject(activity, "chunk", value)), value)
