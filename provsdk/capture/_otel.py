"""The span and the activity that are current: they travel together in OpenTelemetry's context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry import context as otel_context
from opentelemetry.context.context import Context
from opentelemetry.trace import set_span_in_context

if TYPE_CHECKING:
    from contextvars import Token

    from provsdk.capture._session import Activity

__all__ = [
    "attach",
    "attach_context",
    "context_with",
    "current_activity",
    "current_context",
    "detach",
    "parent_context",
]

_ACTIVITY: Final = otel_context.create_key("provsdk-activity")

current_context: Final = otel_context.get_current
"""What is current now; no function of ours around it, for streams ask in every step."""

attach_context: Final = otel_context.attach
"""Makes a context the current one."""


def current_activity() -> Activity | None:
    """The innermost traced call that is running in this context."""
    return otel_context.get_current().get(_ACTIVITY)  # type: ignore[return-value]


def parent_context(parent: Activity | None, *, spans_current: bool) -> Context | None:
    """The context that a new span is started in; None for the current one."""
    if parent is None or spans_current:
        return None
    return set_span_in_context(parent.span)


def context_with(activity: Activity, *, spans_current: bool) -> Context:
    """What is current now with the activity, and its span where that is wanted, in it."""
    if not spans_current:
        return otel_context.set_value(_ACTIVITY, activity)
    context = set_span_in_context(activity.span)
    # A context refuses changes once it is shared; this one is fresh, and a second copy would cost as much as the first.
    dict.__setitem__(context, _ACTIVITY, activity)
    return context


def attach(activity: Activity, *, spans_current: bool) -> Token[Context]:
    """Makes the activity, and its span where that is wanted, the current ones."""
    return otel_context.attach(context_with(activity, spans_current=spans_current))


def detach(token: Token[Context]) -> None:
    """Makes what was current before current again."""
    otel_context.detach(token)
