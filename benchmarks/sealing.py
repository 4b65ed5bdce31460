"""What it takes to make records durable, beside sending the same spans away."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _figures import Figure, configured, side_by_side, timed
from calls import CollectingDurable
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

import provsdk
from provsdk.capture import ports

__all__ = ["batch_of_64", "one_in_sync"]

RECORDS = 64

_SINK = """
import http.server
class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *arguments): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@provsdk.traced_source(type="file", location=lambda name: f"docs/{name}.md", version="7")
def load(name: str) -> str:
    """A source of 1 KB."""
    return name * (1024 // len(name))


@provsdk.traced_transform(type="merge")
def merge(first: str, second: str) -> list[str]:
    """A step whose result holds what it was given."""
    return [first, second]


@provsdk.traced_model_call(provider="acme", model="small", parameters={"temperature": 0})
def complete(passages: list[str], question: str) -> str:
    """A model call."""
    return f"{question}: {passages[0][:200]}"


@provsdk.traced_check(type="content_filter")
def harmless(answer: str) -> bool:
    """A check."""
    return len(answer) > 0


@provsdk.traced_output("answer")
def answer(question: str) -> str:
    """Six spans: two sources, a transformation, a model call, a check, and the output itself."""
    text = complete(merge(load("handbook"), load("prices")), question)
    harmless(text)
    return text


def batch_of_64(directory: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 one switch for all benchmarks
    """64 records of 6 spans assembled, sealed and stored in one commit, beside one OTLP batch of the same spans."""
    rounds = 10 if quick else 40
    ratio, detail = _sealed_beside_sent(directory / "without", rounds, search_bytes=0)
    searched, _ = _sealed_beside_sent(directory / "with", rounds)
    return [
        Figure("64 records sealed and stored : their spans sent by OTLP", ratio, "x", 1.0, detail),
        Figure("the same with their texts searched, repetitive ones", searched, "x"),
    ]


def _sealed_beside_sent(directory: Path, rounds: int, **settings: int) -> tuple[float, str]:
    made = 0
    provider, sent = TracerProvider(shutdown_on_exit=False), Collected()
    provider.add_span_processor(sent)
    with configured(directory, tracer_provider=provider, **settings) as runtime, sink() as endpoint:
        exporter = OTLPSpanExporter(endpoint=endpoint)
        durable = CollectingDurable(runtime)
        ports.plug(runtime.ports()._replace(durable=durable))

        def seal() -> float:
            nonlocal made
            sent.spans.clear()
            for _ in range(RECORDS):
                made += 1
                answer(f"What does question number {made:09d} of this benchmark want to know?")
            taken = [durable.taken.popleft() for _ in range(len(durable.taken))]

            def commit() -> None:
                tickets = [runtime._sealer.ticket(*one) for one in taken]
                if not tickets[-1].wait():
                    raise RuntimeError("the store did not take them in time")

            return timed(commit)

        def post() -> float:
            def export() -> None:
                if exporter.export(sent.spans) is not SpanExportResult.SUCCESS:
                    raise RuntimeError("the sink did not take them")

            return timed(export)

        ratio, ours, theirs = side_by_side(seal, post, rounds)
        if len(sent.spans) != 6 * RECORDS:
            raise RuntimeError(f"{len(sent.spans)} spans of {RECORDS} records")
        stored = runtime.store().stats().records
        if stored < made:
            raise RuntimeError(f"{made} outputs, {stored} records")
        exporter.shutdown()
    return ratio, f"{ours / RECORDS * 1e6:.0f} µs against {theirs / RECORDS * 1e6:.0f} µs per record"


class Collected(SpanProcessor):
    """What an exporter of the user's would be given."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Takes it."""
        self.spans.append(span)


def one_in_sync(directory: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 one switch for all benchmarks
    """One output at a time, durable when it returns, beside writing and syncing as many bytes to a file."""
    rounds = 50 if quick else 300
    with configured(directory):
        answer("warm-up: everything that is loaded on first use is loaded now")
        sealed = [timed(lambda n=n: answer(f"What does question number {n:09d} want to know?")) for n in range(rounds)]
    grown = size_of(directory / "store") // (rounds + 1)
    block = os.urandom(grown)
    with (directory / "plain").open("wb") as file:

        def write() -> None:
            file.write(block)
            file.flush()
            os.fsync(file.fileno())

        synced = [timed(write) for _ in range(rounds)]
    ours, theirs = statistics.median(sealed), statistics.median(synced)
    detail = f"{ours * 1e6:.0f} µs against {theirs * 1e6:.0f} µs, {grown:,} bytes each"
    return [Figure("one output of 6 spans in sync : fsync of as many bytes", ours / theirs, "x", None, detail)]


def size_of(directory: Path) -> int:
    """Bytes of all files below."""
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


@contextmanager
def sink() -> Iterator[str]:
    """An HTTP server in a process of its own that takes everything; its traces endpoint."""
    process = subprocess.Popen([sys.executable, "-c", _SINK], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1/traces"
    finally:
        process.terminate()
        process.wait()
