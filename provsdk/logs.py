"""A structlog processor: which output a log line belongs to.

    structlog.configure(processors=[add_provenance_ids, structlog.processors.JSONRenderer()])

Standard logging takes it too, through structlog's `ProcessorFormatter`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import get_current_span

from provsdk.capture import _guard
from provsdk.capture._otel import current_activity

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

__all__ = ["add_provenance_ids"]


def add_provenance_ids(logger: WrappedLogger, method_name: str, event_dict: EventDict) -> EventDict:  # noqa: ARG001 the signature of a processor
    """Adds `record_id` and `output_id` of the output that is being made, `trace_id` and `span_id` of the current span.

    What is not known is left out: outside any output there is no record, outside any span no trace. A value that the
    line has already stays. Ids are written as in records and in W3C trace context: lower-case hex.
    """
    try:
        _add(event_dict)
    except Exception as error:  # a line without ids is better than none
        _guard.report("add ids to a log line", error)
    return event_dict


def _add(event_dict: EventDict) -> None:
    activity = current_activity()
    if activity is not None and activity.scope is not None:
        event_dict.setdefault("record_id", activity.scope.record_id)
        event_dict.setdefault("output_id", activity.scope.output_id)
    span_context = get_current_span().get_span_context()
    if not span_context.is_valid and activity is not None:
        span_context = activity.span.get_span_context()
    if span_context.is_valid:
        event_dict.setdefault("trace_id", f"{span_context.trace_id:032x}")
        event_dict.setdefault("span_id", f"{span_context.span_id:016x}")
