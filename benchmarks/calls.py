"""What the caller of a traced function waits for, but for the record itself."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import wrapt
from _figures import Figure, configured, side_by_side, timed
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext

import provsdk
from provsdk.capture import ports

__all__ = ["CollectingDurable", "NoopExporter", "forget", "other_calls", "traced_call"]

CALLS = 400
"""In one round: fewer than a batch processor exports at once, so that no round pays for the other's export."""


THREADS = 8

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

    def leave(self) -> None:
        pass


_DONE = _Done()


class CollectingDurable:
    """The durable port without assembly, sealing and waiting: it only remembers what it was handed."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self.taken: deque[tuple[SpanContext, dict[str, Any]]] = deque()

    def ticket(self, span_context: SpanContext, facts: dict[str, Any]) -> _Done:
        """Remembers."""
        self._runtime._keep_texts(facts.pop("scope"), facts, len(self.taken))
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


def other_calls(directory: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 as above
    """Coroutines, nesting, threads, a large argument, and what is left where nothing is configured."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(NoopExporter()))
    rounds = 15 if quick else 60
    found = []
    with configured(directory, tracer_provider=provider) as runtime:
        tracer, bare = provider.get_tracer("benchmark"), "bare spans"
        each = CALLS // THREADS  # all of them together are as many as one round's
        for what, ours, theirs, limit in (
            ("coroutine", coroutines(runtime), coroutine_spans(tracer), 1.3),
            ("6 nested calls", nested_calls(runtime), nested_spans(tracer), 1.3),
            ("8 threads", outputs_in_threads(runtime, each), in_threads(spans_of(provider, each)), 1.3),
            ("1 MB argument beyond its SHA-256", megabytes(runtime), megabyte_digests(provider), 1.3),
        ):
            ratio, mine, other = side_by_side(ours, theirs, rounds)
            detail = f"{mine / CALLS * 1e6:.1f} µs against {other / CALLS * 1e6:.1f} µs"
            found.append(Figure(f"{what} : {bare}", ratio, "x", limit, detail))
    provider.shutdown()
    ratio, mine, other = side_by_side(unconfigured(), pass_through(), rounds)
    detail = f"{mine / CALLS * 1e9:.0f} ns against {other / CALLS * 1e9:.0f} ns"
    return [*found, Figure("not configured : wrapt pass-through", ratio, "x", 1.5, detail)]


ATTRIBUTES = [(f"app.attribute.{n}", f"value number {n}") for n in range(8)]
MEGABYTE = "m" * 1024 * 1024


def coroutines(runtime: Any) -> Callable[[], float]:
    """A round of traced coroutine functions."""
    durable = CollectingDurable(runtime)
    ports.plug(runtime.ports()._replace(durable=durable))

    @provsdk.traced_output("benchmark")
    async def answer(question: str) -> str:  # noqa: ARG001 as a user's function has it
        return ANSWER

    async def all_of_them() -> float:
        start = time.perf_counter()
        for _ in range(CALLS):
            await answer(QUESTION)
        return time.perf_counter() - start

    def run() -> float:
        ports.plug(runtime.ports()._replace(durable=durable))
        took = asyncio.run(all_of_them())
        forget(runtime, durable)
        return took

    return run


def coroutine_spans(tracer: Any) -> Callable[[], float]:
    """A round of coroutine functions with a bare span each."""

    async def answer(question: str) -> str:  # noqa: ARG001 as above
        with tracer.start_as_current_span("benchmark") as span:
            for key, value in ATTRIBUTES:
                span.set_attribute(key, value)
            return ANSWER

    async def all_of_them() -> float:
        start = time.perf_counter()
        for _ in range(CALLS):
            await answer(QUESTION)
        return time.perf_counter() - start

    return lambda: asyncio.run(all_of_them())


def nested_calls(runtime: Any) -> Callable[[], float]:
    """A round of outputs with five steps in each."""
    durable = CollectingDurable(runtime)
    steps = [provsdk.traced_transform(f"step {n}")(plain) for n in range(5)]

    @provsdk.traced_output("benchmark")
    def answer(question: str) -> str:
        for step in steps:
            step(question)
        return ANSWER

    return lambda: 6 * round_of(CALLS // 6, answer, QUESTION, runtime, durable)


def nested_spans(tracer: Any) -> Callable[[], float]:
    """A round of six bare spans in each other."""

    def one(levels: int) -> None:
        with tracer.start_as_current_span("benchmark") as span:
            for key, value in ATTRIBUTES:
                span.set_attribute(key, value)
            for _ in range(levels):
                one(0)

    def run() -> float:
        start = time.perf_counter()
        for _ in range(CALLS // 6):
            one(5)
        return (time.perf_counter() - start) * 6

    return run


def in_threads(work: Callable[[], object]) -> Callable[[], float]:
    """Eight at once; seconds of the whole."""

    def run() -> float:
        running = [threading.Thread(target=work) for _ in range(THREADS)]
        start = time.perf_counter()
        for one in running:
            one.start()
        for one in running:
            one.join()
        return time.perf_counter() - start

    return run


def outputs_in_threads(runtime: Any, each: int) -> Callable[[], float]:
    """A round of traced calls in eight threads. What a durable port would have taken away meanwhile goes afterwards: no
    thread that calls does that work.
    """
    durable = CollectingDurable(runtime)
    traced = provsdk.traced_output("benchmark")(plain)
    in_all = in_threads(lambda: [traced(QUESTION) for _ in range(each)])

    def run() -> float:
        ports.plug(runtime.ports()._replace(durable=durable))
        took = in_all()
        forget(runtime, durable)
        return took

    return run


def megabytes(runtime: Any) -> Callable[[], float]:
    """A round of traced calls with 1 MB in."""
    durable = CollectingDurable(runtime)
    traced = provsdk.traced_output("benchmark")(plain)

    return lambda: 40 * round_of(CALLS // 40, traced, MEGABYTE, runtime, durable)


def megabyte_digests(provider: TracerProvider) -> Callable[[], float]:
    """A round of bare spans, each with the SHA-256 of 1 MB of text."""
    tracer = provider.get_tracer("benchmark")

    def run() -> float:
        start = time.perf_counter()
        for _ in range(CALLS // 40):
            with tracer.start_as_current_span("benchmark") as span:
                for key, value in ATTRIBUTES:
                    span.set_attribute(key, value)
                hashlib.sha256(MEGABYTE.encode()).digest()
        return (time.perf_counter() - start) * 40

    return run


def unconfigured() -> Callable[[], float]:
    """A round of traced calls where nothing is configured."""
    traced = provsdk.traced_output("benchmark")(plain)
    return lambda: timed(lambda: [traced(QUESTION) for _ in range(CALLS)])


def pass_through() -> Callable[[], float]:
    """A round of calls through a wrapper of wrapt that does nothing."""

    def passing(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:  # noqa: ARG001 wrapt's interface
        return wrapped(*args, **kwargs)

    wrapped = wrapt.FunctionWrapper(plain, passing)
    return lambda: timed(lambda: [wrapped(QUESTION) for _ in range(CALLS)])


def plain(question: str) -> str:  # noqa: ARG001 as a user's function has it
    """What is traced: as good as nothing, so that all time is ours."""
    return ANSWER


def spans_of(provider: TracerProvider, calls: int = CALLS) -> Callable[[], float]:
    """A round of bare spans."""
    tracer = provider.get_tracer("benchmark")
    attributes = [(f"app.attribute.{n}", f"value number {n}") for n in range(8)]

    def spans() -> float:
        start = time.perf_counter()
        for _ in range(calls):
            with tracer.start_as_current_span("benchmark") as span:
                for key, value in attributes:
                    span.set_attribute(key, value)
                plain(QUESTION)
        return time.perf_counter() - start

    return spans


def outputs_of(runtime: Any) -> Callable[[], float]:
    """A round of traced calls, without assembly, sealing and waiting."""
    durable = CollectingDurable(runtime)
    traced = provsdk.traced_output("benchmark")(plain)

    return lambda: round_of(CALLS, traced, QUESTION, runtime, durable)


def round_of(calls: int, traced: Callable[[str], Any], value: str, runtime: Any, durable: CollectingDurable) -> float:
    """Seconds of so many calls."""
    ports.plug(runtime.ports()._replace(durable=durable))
    start = time.perf_counter()
    for _ in range(calls):
        traced(value)
    took = time.perf_counter() - start
    forget(runtime, durable)
    return took


def forget(runtime: Any, durable: CollectingDurable) -> None:
    """What a durable port that does its work would have taken away."""
    while durable.taken:
        try:
            span_context, facts = durable.taken.popleft()
        except IndexError:  # another thread was faster
            return
        runtime._emitter.settled(facts["number"])
        runtime._keeper.take(f"rec_{span_context.trace_id:032x}-{span_context.span_id:016x}")
