"""What the caller of a traced function waits for, but for the record itself."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from _figures import Figure, configured, side_by_side
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext

import provsdk
from provsdk.capture import ports

__all__ = ["CollectingDurable", "NoopExporter", "traced_call"]

CALLS = 400
"""In one round: fewer than a batch processor exports at once, so that no round pays for the other's export."""


class NoopExporter(SpanExporter):
    """Takes spans and does nothing."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 the interface
        """Does nothing."""
        return SpanExportResult.SUCCESS


class _Done:
    def wait(self) -> bool:
        return True

    def __await__(self) -> Generator[Any, Any, bool]:
        return True
        yield


_DONE = _Done()


class CollectingDurable:
    """The durable port without assembly, sealing and waiting: it only remembers what it was handed."""

    def __init__(self) -> None:
        self.taken: list[tuple[SpanContext, dict[str, Any]]] = []

    def ticket(self, span_context: SpanContext, facts: dict[str, Any]) -> _Done:
        """Remembers."""
        self.taken.append((span_context, facts))
        return _DONE

    def late(self, span_context: SpanContext, facts: dict[str, Any]) -> None:
        """Remembers."""
        self.taken.append((span_context, facts))


def traced_call(directory: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 one switch for all benchmarks
    """A traced call of 1 KB in and out, beside a bare span with eight attributes."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(NoopExporter()))
    tracer = provider.get_tracer("benchmark")
    attributes = [(f"app.attribute.{n}", f"value number {n}") for n in range(8)]
    asked, answered = "q" * 1024, "a" * 1024

    def plain(question: str) -> str:  # noqa: ARG001 as a user's function has it
        return answered

    traced = provsdk.traced_output("benchmark")(plain)

    def spans() -> float:
        start = time.perf_counter()
        for _ in range(CALLS):
            with tracer.start_as_current_span("benchmark") as span:
                for key, value in attributes:
                    span.set_attribute(key, value)
                plain(asked)
        return time.perf_counter() - start

    with configured(directory) as runtime:
        durable = CollectingDurable()
        ports.plug(dataclasses.replace(runtime.ports(), durable=durable))

        def outputs() -> float:
            start = time.perf_counter()
            for _ in range(CALLS):
                traced(asked)
            took = time.perf_counter() - start
            forget(runtime, durable)
            return took

        ratio, ours, theirs = side_by_side(outputs, spans, 15 if quick else 60)
    provider.shutdown()
    detail = f"{ours / CALLS * 1e6:.1f} µs against {theirs / CALLS * 1e6:.1f} µs"
    return [Figure("traced call : bare span with 8 attributes", ratio, "x", 1.3, detail)]


def forget(runtime: Any, durable: CollectingDurable) -> None:
    """What a durable port that does its work would have taken away."""
    for span_context, _ in durable.taken:
        runtime._keeper.take(f"rec_{span_context.trace_id:032x}-{span_context.span_id:016x}")
    durable.taken.clear()
