"""Reads the verdict of a check from what the user's function returned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from provsdk.capture._plan import say

if TYPE_CHECKING:
    from provsdk.capture._session import Activity

__all__ = ["verdict_of"]


def verdict_of(activity: Activity, returned: Any) -> None:
    """Notes result and reasons: of a bool, a `CheckResult` or its name, `(result, reasons)`, a mapping or an object.

    A function that returns nothing of these has made no verdict: the check is `skipped`, and the record says so.
    """
    if "result" in activity.declared:
        return
    result, reasons = _read(returned)
    if result is None:
        activity.declared["result"] = "skipped"
        activity.lacks("invalid_fact", "result")
        return
    say(activity, "result", result)
    if reasons is not None and "reasons" not in activity.local:
        say(activity, "reasons", reasons)


def _read(returned: Any) -> tuple[Any, Any]:
    if isinstance(returned, bool):
        return ("pass" if returned else "fail"), None
    if isinstance(returned, str):
        return returned, None
    if isinstance(returned, tuple) and len(returned) == 2:
        result, _ = _read(returned[0])
        return result, returned[1]
    if isinstance(returned, Mapping):
        result, _ = _read(next((returned[key] for key in ("result", "passed", "ok") if key in returned), None))
        return result, returned.get("reasons")
    result, _ = (
        (None, None)
        if returned is None
        else _read(next((getattr(returned, key) for key in ("result", "passed", "ok") if hasattr(returned, key)), None))
    )
    return result, getattr(returned, "reasons", None)
