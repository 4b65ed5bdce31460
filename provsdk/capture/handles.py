"""What a `with` block gets: the same facts as a decorator finds, said by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from provsdk import semconv
from provsdk.capture import _guard
from provsdk.capture._declared import CHECKSUM, FIXED_AT_START, article
from provsdk.capture._late import Late
from provsdk.capture._plan import Plan, compare_checksum, say
from provsdk.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provsdk.capture import _call, _model, _otel, _verdict
    from provsdk.capture._session import Activity
else:
    _call = Late("provsdk.capture._call")
    _model = Late("provsdk.capture._model")
    _otel = Late("provsdk.capture._otel")
    _verdict = Late("provsdk.capture._verdict")

__all__ = ["ActivityHandle", "OutputHandle", "by_hand"]

T = TypeVar("T")

_NOTHING: Final = object()


class ActivityHandle:
    """The traced call that a `with` block is. Not configured, everything here does nothing."""

    __slots__ = ("_activity", "_plan", "_result")

    def __init__(self, plan: Plan, activity: Activity | None) -> None:
        self._plan = plan
        self._activity = activity
        self._result: Any = _NOTHING

    @property
    def record_id(self) -> str | None:
        """Id of the record that the call belongs to; None outside any output, or not configured."""
        activity = self._activity
        return activity.scope.record_id if activity is not None and activity.scope is not None else None

    def _is_over(self, what: str) -> bool:
        """Whether there is nothing to say it of: not configured, or the block has ended, which is told."""
        activity = self._activity
        if activity is not None and activity.ended:
            _guard.report(f"{what} after the block had ended", UsageError(), activity.ports, about=activity.name)
        return activity is None or activity.ended

    def use(self, *values: Any) -> None:
        """Says that the block was given these values."""
        activity = self._activity
        if activity is None or self._is_over("use a value"):
            return
        try:
            for value in values:
                activity.given(None, value)
        except Exception as error:
            activity.lacks("capture_failed", "used")
            _guard.report("note a used value", error, activity.ports)

    def set(self, **facts: Any) -> None:
        """Says facts of this call; the same names as the decorator's, but for what is fixed at the start."""
        if self._activity is not None and not self._is_over("set facts"):
            for name, value in facts.items():
                if name in FIXED_AT_START:
                    self._activity.lacks("invalid_fact", name)
                elif value is not None:
                    say(self._activity, name, value)

    def set_result(self, value: T) -> T:
        """Says what the block made, and hands it back."""
        if self._activity is None or not self._is_over("set the result"):
            self._result = value
        return value

    def finish(self) -> Any:
        """The result that was said, or None."""
        return None if self._result is _NOTHING else self._result

    @property
    def has_result(self) -> bool:
        """Whether `set_result` was called."""
        return self._result is not _NOTHING


class OutputHandle(ActivityHandle):
    """The output that a `with` block makes; takes steps by hand, for code that cannot be decorated."""

    __slots__ = ()

    def add_source(self, name: str, value: Any = None, **facts: Any) -> Any:
        """Adds something that was loaded, with the facts of `traced_source`; hands `value` back."""
        if self._is_over("add a source"):
            return value
        return by_hand(semconv.KIND_SOURCE, name, facts, result=value, within=self._activity)

    def add_transformation(self, name: str, *, used: Iterable[Any] = (), result: Any = None, **facts: Any) -> Any:
        """Adds a step from the `used` values to `result`, with the facts of `traced_transform`; hands `result` back."""
        if self._is_over("add a transformation"):
            return result
        values = [(None, value) for value in used]
        return by_hand(semconv.KIND_TRANSFORMATION, name, facts, used=values, result=result, within=self._activity)

    def add_model_call(self, name: str, *, prompt: Any = None, response: Any = None, **facts: Any) -> Any:
        """Adds a model call from `prompt` to `response`, as `traced_model_call`; hands `response` back."""
        if self._is_over("add a model call"):
            return response
        used = [("prompt", prompt)]
        return by_hand(semconv.KIND_MODEL_CALL, name, facts, used=used, result=response, within=self._activity)

    def add_check(self, name: str, *, result: Any, used: Iterable[Any] = (), **facts: Any) -> None:
        """Adds the verdict of a check on the `used` values, with the facts of `traced_check`."""
        if not self._is_over("add a check"):
            values = [(None, value) for value in used]
            by_hand(semconv.KIND_POLICY_CHECK, name, facts, used=values, result=result, within=self._activity)


def by_hand(  # noqa: PLR0913 each kind says some of them
    kind: str,
    name: str,
    facts: Mapping[str, Any],
    *,
    used: Iterable[tuple[str | None, Any]] = (),
    causes: Iterable[Any] = (),
    result: T = None,  # type: ignore[assignment]
    within: Activity | None = None,
) -> T:
    """An activity that the user's code says by hand, as a span of no length below the current one; hands `result` back.

    Where that belongs to another output than `within`, it stands below that one. A wrong fact is noted as missing: the
    code that says it goes on.

    Args:
        kind: of the activity.
        name: the same.
        facts: what its decorator takes.
        used: what it was given, with the names of parameters.
        causes: what the result is said to come from.
        result: what it made.
        within: the output that it belongs to.
    """
    from provsdk.capture.ports import current  # noqa: PLC0415 read at the call, as it may be plugged in later

    ports = current()
    if ports is None:
        return result
    activity = attached = None
    try:
        attached = _otel.attach_within(within) if within is not None else None
        activity = Plan.of(kind, name, {}, None).open(ports, None, (), {})
        known = (causes,) if isinstance(causes, (str, bytes)) else tuple(causes)
        _tell(activity, facts, (*used, *(("from_", cause) for cause in known)), result)
        if result is not None:
            activity.comes_from(result, known)
        _call.close(activity)
    except BaseException as error:
        if activity is not None and not activity.ended:
            activity.lacks("capture_failed", "what was said by hand")
            _call.close(activity)
        if not isinstance(error, Exception):
            raise
        _guard.report(f"add {article(kind)}", error, ports)
    finally:
        _otel.release(attached)
    return result


def _tell(activity: Activity, facts: Mapping[str, Any], used: Sequence[tuple[str | None, Any]], result: object) -> None:
    activity.extra["by_hand"] = True
    for fact, value in facts.items():
        if value is not None:
            say(activity, fact, value)
    for parameter, value in used:
        if value is not None:
            activity.given(parameter, value)
    if result is not None:
        activity.made(result)
        if CHECKSUM in activity.local:
            compare_checksum(activity, activity.local.pop(CHECKSUM), result)
        if activity.kind == semconv.KIND_POLICY_CHECK:
            _verdict.verdict_of(activity, result)
        elif activity.kind == semconv.KIND_MODEL_CALL:
            _model.note_response(activity, result)
