"""What the caller of a traced function waits for, but for the record itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
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


QUESTION, ANSWER = "q" * 1024, "a" * 1024


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
    """A traced call of 1 KB in and out, beside a bare span with eight attributes and an exporter that does nothing.

    Twice: with the same provider, so that our spans go to the same exporter; and without one, so that they stay ours.
    """
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(NoopExporter()))
    rounds = 15 if quick else 60
    found = []
    for where, given in (("exported", provider), ("not exported", None)):
        with configured(directory / where, tracer_provider=given) as runtime:
            ratio, ours, theirs = side_by_side(outputs_of(runtime), spans_of(provider), rounds)
        detail = f"{ours / CALLS * 1e6:.1f} µs against {theirs / CALLS * 1e6:.1f} µs"
        found.append(Figure(f"traced call, {where} : bare span, 8 attributes", ratio, "x", 1.3, detail))
    provider.shutdown()
    return found


def plain(question: str) -> str:  # noqa: ARG001 as a user's function has it
    """What is traced: as good as nothing, so that all time is ours."""
    return ANSWER


def spans_of(provider: TracerProvider) -> Callable[[], float]:
    """A round of bare spans."""
    tracer = provider.get_tracer("benchmark")
    attributes = [(f"app.attribute.{n}", f"value number {n}") for n in range(8)]

    def spans() -> float:
        start = time.perf_counter()
        for _ in range(CALLS):
            with tracer.start_as_current_span("benchmark") as span:
                for key, value in attributes:
                    span.set_attribute(key, value)
                plain(QUESTION)
        return time.perf_counter() - start

    return spans


def outputs_of(runtime: Any) -> Callable[[], float]:
    """A round of traced calls, without assembly, sealing and waiting."""
    durable = CollectingDurable()
    ports.plug(runtime.ports()._replace(durable=durable))
    traced = provsdk.traced_output("benchmark")(plain)

    def outputs() -> float:
        start = time.perf_counter()
        for _ in range(CALLS):
            traced(QUESTION)
        took = time.perf_counter() - start
        forget(runtime, durable)
        return took

    return outputs


def forget(runtime: Any, durable: CollectingDurable) -> None:
    """What a durable port that does its work would have taken away."""
    for span_context, facts in durable.taken:
        runtime._emitter.settled(facts["number"])
        runtime._keeper.take(f"rec_{span_context.trace_id:032x}-{span_context.span_id:016x}")
    durable.taken.clear()
