"""What it takes to say of a record what its process was, when everything about that is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from _figures import Figure, side_by_side, timed
from calls import CALLS, NoopExporter, spans_of
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from sealing import answer, complete, load, merge

from provsdk.capture._code import number_of
from provsdk.pipeline._environment import Environment

__all__ = ["warm_environment"]

FUNCTIONS = (load, merge, complete, answer)


def warm_environment(directory: Path, quick: bool) -> list[Figure]:  # noqa: ARG001, FBT001 as all benchmarks are called
    """The environment of an output of four functions, asked for again, beside a bare span with eight attributes."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(NoopExporter()))
    resource: dict[str, str] = {}
    environment = Environment("benchmark", lambda: resource)
    numbers = tuple(number for each in FUNCTIONS if (number := number_of(each)) is not None)
    first = timed(lambda: environment.now(numbers))
    ratio, ours, theirs = side_by_side(asked(environment, numbers), spans_of(provider), 15 if quick else 60)
    provider.shutdown()
    detail = f"{ours / CALLS * 1e6:.2f} µs against {theirs / CALLS * 1e6:.1f} µs; {first * 1e3:.0f} ms the first time"
    return [Figure("environment of a record, warm : bare span, 8 attributes", ratio, "x", 0.1, detail)]


def asked(environment: Environment, numbers: tuple[int, ...]) -> Callable[[], float]:
    """A round of questions."""
    return lambda: timed(lambda: [environment.now(numbers) for _ in range(CALLS)])
