"""One peer's decorator in its own virtual environment, beside a bare OpenTelemetry span in the same process.

    python measure.py NAME        prints JSON: figure → [microseconds of theirs, microseconds of the reference]

Every peer ends in an exporter that does nothing. The reference is a span of the OpenTelemetry SDK with 8 attributes, a
batch processor and the same exporter. Alone in its file, for it runs where provsdk is not installed.
"""

from __future__ import annotations

import asyncio
import collections
import gc
import importlib
import inspect
import json
import logging
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

QUESTION, ANSWER = "q" * 1024, "a" * 1024
MEGABYTE = "m" * 1024 * 1024
CHUNKS = [f"chunk {n} " for n in range(100)]
NAMES = ("answer", "load", "rank", "prompt", "complete", "check")
THREADS, CALLS = 8, 200
AT_ONCE = 50
ROUNDS = 16

BETWEEN_ROUNDS: list[Callable[[], None]] = []
"""What a peer does in another thread, and is done here where nothing is measured."""

Decorate = Callable[[str], Callable[[Callable[..., Any]], Callable[..., Any]]]
"""A step's name → the peer's decorator for it."""


class Noop(SpanExporter):
    """Takes spans and does nothing."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 the interface
        """Does nothing."""
        return SpanExportResult.SUCCESS


def provider() -> TracerProvider:
    """With a batch processor and an exporter that does nothing."""
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(Noop()))
    return made


# -- the peers, each as its documentation shows it


def provsdk() -> Decorate:
    """Digests and flow on; what is durable is another benchmark's."""
    import provsdk as package  # noqa: PLC0415 only where it is installed
    from provsdk.capture import ports  # noqa: PLC0415

    home = tempfile.mkdtemp(prefix="provsdk-peers-")
    places = {name: os.path.join(home, name) for name in ("store", "keys", "state")}  # noqa: PTH118 not worth an import
    runtime = package.configure(service="peers", tracer_provider=provider(), **places)
    ports.plug(runtime.ports()._replace(durable=_Nothing(runtime)))

    def decorate(name: str) -> Any:
        return package.traced_output(name) if name == "answer" else package.traced_transform(name)

    return decorate


class _Nothing:
    """The durable port without assembly, sealing and waiting."""

    def __init__(self, runtime: Any) -> None:
        self._keeper = runtime._keeper
        self._settled = runtime._emitter.settled
        self._taken: collections.deque[tuple[str, int]] = collections.deque()
        BETWEEN_ROUNDS.append(self.let_go)

    def ticket(self, span_context: Any, facts: Any) -> Any:  # noqa: ARG002 the port's signature
        """Remembers what it was handed."""
        self._taken.append((facts.pop("scope").record_id, facts["number"]))
        return self

    def let_go(self) -> None:
        """Of spans and slots, which is another thread's work where records are sealed."""
        while self._taken:
            record_id, number = self._taken.popleft()
            self._keeper.take(record_id)
            self._settled(number)

    def late(self, span_context: Any, facts: Any) -> None:
        """Nothing."""

    def wait(self) -> bool:
        """At once."""
        return True

    def __await__(self) -> Iterator[Any]:
        """The same."""
        return iter(())


def util_genai() -> Decorate:
    """With the content of messages, which is what stands nearest to digests of them."""
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"
    from opentelemetry.util.genai.handler import TelemetryHandler  # noqa: PLC0415
    from opentelemetry.util.genai.types import InputMessage, OutputMessage, Text  # noqa: PLC0415

    handler = TelemetryHandler(tracer_provider=provider())

    def decorate(name: str) -> Any:
        def around(function: Any) -> Any:
            def traced(value: str) -> Any:
                with handler.inference("provider", request_model=name) as call:
                    call.input_messages = [InputMessage("user", [Text(value)])]
                    result = function(value)
                    call.output_messages = [OutputMessage("assistant", [Text(str(result))], "stop")]
                return result

            def streamed(value: str) -> Iterator[str]:
                with handler.inference("provider", request_model=name) as call:
                    call.input_messages = [InputMessage("user", [Text(value)])]
                    chunks = []
                    for chunk in function(value):
                        chunks.append(chunk)
                        yield chunk
                    call.output_messages = [OutputMessage("assistant", [Text("".join(chunks))], "stop")]

            async def awaited(value: str) -> Any:
                with handler.inference("provider", request_model=name) as call:
                    call.input_messages = [InputMessage("user", [Text(value)])]
                    result = await function(value)
                    call.output_messages = [OutputMessage("assistant", [Text(str(result))], "stop")]
                return result

            if inspect.iscoroutinefunction(function):
                return awaited
            return streamed if inspect.isgeneratorfunction(function) else traced

        return around

    return decorate


def openinference() -> Decorate:
    """The `chain` decorator of its tracer."""
    from openinference.instrumentation import OITracer, TraceConfig  # noqa: PLC0415

    tracer: Any = OITracer(provider().get_tracer("peers"), TraceConfig())
    return lambda name: tracer.chain(name=name)


def traceloop() -> Decorate:
    """The `task` decorator, content on."""
    from traceloop.sdk import Traceloop  # noqa: PLC0415
    from traceloop.sdk.decorators import task  # noqa: PLC0415

    os.environ["TRACELOOP_TELEMETRY"] = "false"
    Traceloop.init(disable_batch=False, exporter=Noop(), instruments=set(), telemetry_enabled=False)
    return lambda name: task(name=name)


def langfuse() -> Decorate:
    """`observe`, with input and output."""
    from langfuse import Langfuse, observe  # noqa: PLC0415

    Langfuse(public_key="pk-lf-x", secret_key="sk-lf-x", host="http://127.0.0.1:9", span_exporter=Noop())
    return lambda name: observe(name=name)


def logfire() -> Decorate:
    """`instrument`, arguments recorded, scrubbing on."""
    import logfire as package  # noqa: PLC0415

    package.configure(
        send_to_logfire=False,
        console=False,
        additional_span_processors=[BatchSpanProcessor(Noop())],
        inspect_arguments=False,
    )
    return lambda name: package.instrument(name, extract_args=True, record_return=True)


def langsmith() -> Decorate:
    """`traceable` with a client whose session takes everything."""
    os.environ.update(LANGSMITH_TRACING="true", LANGSMITH_API_KEY="x", LANGSMITH_ENDPOINT="http://127.0.0.1:9")
    from unittest.mock import MagicMock  # noqa: PLC0415

    import langsmith as package  # noqa: PLC0415

    client = package.Client(session=MagicMock(), api_key="x", info={})
    return lambda name: package.traceable(name=name, client=client)


def mlflow() -> Decorate:
    """`trace`, through the OTLP exporter, which is made to do nothing."""
    os.environ.update(
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:9/v1/traces",
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="http/protobuf",
    )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    OTLPSpanExporter.export = Noop.export  # type: ignore[method-assign]
    import mlflow as package  # noqa: PLC0415

    return lambda name: package.trace(name=name)


def weave() -> Decorate:
    """`op` without a server: tracing is off, and this is what is left of it."""
    os.environ["WEAVE_DISABLED"] = "true"
    import weave as package  # noqa: PLC0415

    return lambda name: package.op(name=name)


PEERS: dict[str, tuple[Callable[[], Decorate], str]] = {
    "provsdk": (provsdk, "provsdk.capture.decorators"),
    "util-genai": (util_genai, "opentelemetry.util.genai.handler"),
    "openinference": (openinference, "openinference.instrumentation"),
    "traceloop": (traceloop, "traceloop.sdk"),
    "langfuse": (langfuse, "langfuse"),
    "logfire": (logfire, "logfire"),
    "langsmith": (langsmith, "langsmith.run_helpers"),
    "mlflow": (mlflow, "mlflow"),
    "weave": (weave, "weave"),
}


# -- what is measured


def reference() -> Decorate:
    """A bare span with eight attributes."""
    tracer = provider().get_tracer("reference")
    attributes = [(f"app.attribute.{n}", f"value number {n}") for n in range(8)]

    def decorate(name: str) -> Any:
        def around(function: Any) -> Any:
            def traced(value: Any) -> Any:
                with tracer.start_as_current_span(name) as span:
                    for key, said in attributes:
                        span.set_attribute(key, said)
                    return function(value)

            def streamed(value: Any) -> Iterator[Any]:
                span = tracer.start_span(name)
                for key, said in attributes:
                    span.set_attribute(key, said)
                stream = function(value)
                while True:
                    with trace.use_span(span):
                        chunk = next(stream, None)
                    if chunk is None:
                        break
                    yield chunk
                span.end()

            return streamed if inspect.isgeneratorfunction(function) else traced

        return around

    return decorate


def reference_of_coroutines() -> Decorate:
    """The same around a coroutine function."""
    tracer = provider().get_tracer("reference")
    attributes = [(f"app.attribute.{n}", f"value number {n}") for n in range(8)]

    def decorate(name: str) -> Any:
        def around(function: Any) -> Any:
            async def traced(value: Any) -> Any:
                with tracer.start_as_current_span(name) as span:
                    for key, said in attributes:
                        span.set_attribute(key, said)
                    return await function(value)

            return traced

        return around

    return decorate


def sync(decorate: Decorate) -> Callable[[], None]:
    """A call with 1 KB in and out."""
    traced = decorate("answer")(lambda value: ANSWER)  # noqa: ARG005 as a user's function has it
    return lambda: traced(QUESTION)


def awaited(decorate: Decorate) -> Callable[[], None]:
    """As many calls of a coroutine function, in one loop."""

    async def answer(value: str) -> str:  # noqa: ARG001 as above
        return ANSWER

    traced = decorate("answer")(answer)
    loop = asyncio.new_event_loop()

    async def all_of_them() -> None:
        for _ in range(AT_ONCE):
            await traced(QUESTION)

    return lambda: loop.run_until_complete(all_of_them())


def nested(decorate: Decorate) -> Callable[[], None]:
    """An output with five steps in it."""
    steps = [decorate(name)(lambda value: value) for name in NAMES[1:]]

    def run(value: str) -> str:
        for step in steps:
            value = step(value)
        return ANSWER

    traced = decorate("answer")(run)
    return lambda: traced(QUESTION)


def stream(decorate: Decorate) -> Callable[[], None]:
    """100 chunks, read to the end."""

    def chunks(value: str) -> Iterator[str]:  # noqa: ARG001 as a user's function has it
        yield from CHUNKS

    traced = decorate("answer")(chunks)

    def read() -> None:
        for _ in traced(QUESTION):
            pass

    return read


def megabyte(decorate: Decorate) -> Callable[[], None]:
    """A call with 1 MB in."""
    traced = decorate("answer")(lambda value: ANSWER)  # noqa: ARG005 as above
    return lambda: traced(MEGABYTE)


def side_by_side(theirs: Callable[[], None], ours: Callable[[], None], times: int) -> list[float]:
    """Median of neighbouring rounds of both, in microseconds."""
    for _ in range(3):
        theirs(), ours()
    took: dict[Callable[[], None], list[float]] = {theirs: [], ours: []}
    gc.collect()
    for n in range(ROUNDS):
        for work in (theirs, ours) if n % 2 else (ours, theirs):  # the first after a collection finds nothing at hand
            start = time.perf_counter()
            for _ in range(times):
                work()
            took[work].append((time.perf_counter() - start) / times * 1e6)
            for rest in BETWEEN_ROUNDS:
                rest()
        gc.collect()
    return [statistics.median(took[side]) for side in (theirs, ours)]


def threads_us(work: Callable[[], None]) -> float:
    """Microseconds per call of eight threads at once."""
    gate = threading.Barrier(THREADS + 1)

    def run() -> None:
        gate.wait()
        for _ in range(CALLS):
            work()

    running = [threading.Thread(target=run) for _ in range(THREADS)]
    for one in running:
        one.start()
    gate.wait()
    start = time.perf_counter()
    for one in running:
        one.join()
    took_us = (time.perf_counter() - start) / (THREADS * CALLS) * 1e6
    for rest in BETWEEN_ROUNDS:
        rest()
    return took_us


def main() -> int:
    """Measures one peer."""
    name = sys.argv[1]
    make, module = PEERS[name]
    logging.disable(logging.CRITICAL)
    start = time.perf_counter()
    importlib.import_module(module)
    imported_ms = (time.perf_counter() - start) * 1e3
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    theirs, bare = make(), reference()
    found: dict[str, list[float]] = {"import ms, MB": [imported_ms, memory_mb]}
    for figure, build, times in (
        ("sync, 1 KB", sync, 200),
        ("nested, 6 spans", nested, 40),
        ("1 MB argument", megabyte, 10),
    ):
        found[figure] = side_by_side(build(theirs), build(bare), times)
    found["async, 1 KB"] = side_by_side(awaited(theirs), awaited(reference_of_coroutines()), 200 // AT_ONCE)
    found["stream, 100 chunks"] = side_by_side(stream(theirs), stream(bare), 20)
    found["8 threads"] = [
        statistics.median(threads_us(sync(theirs)) for _ in range(5)),
        statistics.median(threads_us(sync(bare)) for _ in range(5)),
    ]
    print("\n" + json.dumps(found), flush=True)
    os._exit(0)  # what peers do at their exit is not measured, and may want a server
    return 0


if __name__ == "__main__":
    sys.exit(main())
