"""The process as a source of numbered outputs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

__all__ = ["Gap", "ProcessEmitter"]


class Gap(NamedTuple):
    """An output that has no record, and why."""

    number: int
    record_id: str
    reason: str


class ProcessEmitter:
    """Counts this process's outputs; a forked child makes one of its own."""

    def __init__(self) -> None:
        self.id = f"emi_{uuid.uuid4().hex}"
        self.started_count = 0
        """Outputs started; each write is one assignment, by whichever thread started the output."""

    def started(self, number: int, span_context: SpanContext, name: str) -> None:  # noqa: ARG002 the port's signature
        """Remembers the highest number that was given out."""
        if number > self.started_count:  # noqa: PLR1730 on the path of every output
            self.started_count = number
