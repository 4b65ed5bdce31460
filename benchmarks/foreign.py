"""What other instrumentations' spans within an output pay for being seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from _figures import Figure, configured, side_by_side
from calls import CALLS, NoopExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON, Sampler

import provsdk

__all__ = ["foreign_spans"]

ROWS = (
    ("sampled", DEFAULT_ON, "own", 1.5),
    ("dropped, counted", ALWAYS_OFF, "own", 2.0),
    ("dropped, seen with record_unsampled=all", ALWAYS_OFF, "all", 6.0),
)


def foreign_spans(directory: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 one switch for all benchmarks
    """A span with eight attributes on a provider that we watch, beside one on a provider that nobody watches."""
    found = []
    for what, sampler, unsampled, limit in ROWS:
        watched, alone = _provider(sampler), _provider(sampler)
        with configured(directory / unsampled / what, tracer_provider=watched, record_unsampled=unsampled):
            ours, theirs = _within_an_output(watched), _within_an_output(alone)
            ratio, a, b = side_by_side(ours, theirs, 15 if quick else 60)
        detail = f"{a / CALLS * 1e6:.1f} µs against {b / CALLS * 1e6:.1f} µs"
        found.append(Figure(f"foreign span, {what} : without us", ratio, "x", limit, detail))
        watched.shutdown()
        alone.shutdown()
    return found


def _provider(sampler: Sampler) -> TracerProvider:
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(NoopExporter()))
    return provider


def _within_an_output(provider: TracerProvider) -> Callable[[], float]:
    """A round of spans while an output is made; the output itself is not in the figure."""
    tracer = provider.get_tracer("benchmark")
    attributes = [(f"app.attribute.{n}", f"value number {n}") for n in range(8)]

    def spans() -> float:
        with provsdk.traced_output("around"):
            start = time.perf_counter()
            for _ in range(CALLS):
                with tracer.start_as_current_span("benchmark") as span:
                    for key, value in attributes:
                        span.set_attribute(key, value)
            return time.perf_counter() - start

    return spans
