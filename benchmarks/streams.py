"""What the reader of a traced stream waits for, beside a bare span made current for each step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _figures import Figure, configured, side_by_side
from calls import CollectingDurable, NoopExporter, forget
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import provsdk
from provsdk.capture import ports

__all__ = ["traced_stream"]

STREAMS = 40
CHUNKS = [f"chunk {n} " for n in range(100)]


def traced_stream(directory: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 one switch for all benchmarks
    """A stream of 100 chunks, digests included, beside a span that is made current for each of its steps."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(NoopExporter()))
    with configured(directory, tracer_provider=provider) as runtime:
        ratio, ours, theirs = side_by_side(traced(runtime), spans_of(provider), 15 if quick else 60)
    provider.shutdown()
    detail = f"{ours / STREAMS * 1e6:.0f} µs against {theirs / STREAMS * 1e6:.0f} µs"
    return [Figure("stream of 100 chunks : bare span current in each step", ratio, "x", 1.5, detail)]


def plain() -> Iterator[str]:
    """What is streamed: as good as nothing, so that all time is ours."""
    yield from CHUNKS


def spans_of(provider: TracerProvider) -> Callable[[], float]:
    """A round of streams, each under a bare span with eight attributes."""
    tracer = provider.get_tracer("benchmark")
    attributes = [(f"app.attribute.{n}", f"value number {n}") for n in range(8)]

    def one() -> None:
        span = tracer.start_span("benchmark")
        stream = plain()
        for key, value in attributes:
            span.set_attribute(key, value)
        while True:
            with trace.use_span(span):
                if next(stream, None) is None:
                    break
        span.end()

    def spans() -> float:
        start = time.perf_counter()
        for _ in range(STREAMS):
            one()
        return time.perf_counter() - start

    return spans


def traced(runtime: Any) -> Callable[[], float]:
    """A round of traced streams, without assembly, sealing and waiting."""
    durable = CollectingDurable(runtime)
    ports.plug(runtime.ports()._replace(durable=durable))
    function = provsdk.traced_output("benchmark")(plain)

    def streams() -> float:
        start = time.perf_counter()
        for _ in range(STREAMS):
            for _ in function():
                pass
        took = time.perf_counter() - start
        forget(runtime, durable)
        return took

    return streams
