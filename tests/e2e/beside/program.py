"""An application with tracing of its own, and functions that provsdk traces; run by `test_beside.py` in a process.

Arguments: the sink's URL, who is set up first (`they`, `we`, or `nobody` of us), and how many requests come.
What else there is to say, the environment says.
"""

import os
import sys

import sentry_sdk
from langfuse import Langfuse, observe
from openinference.instrumentation import OITracer, TraceConfig
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import extract
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from phoenix.otel import SimpleSpanProcessor as PhoenixProcessor
from sentry_sdk.integrations.opentelemetry import SentrySpanProcessor

import provsdk
from provsdk import traced_output, traced_source

SINK, FIRST, REQUESTS = sys.argv[1], sys.argv[2], int(sys.argv[3])


class CountingIds(IdGenerator):
    """The same ids in each run; of each four traces `traceidratio` 0.5 drops the first two."""

    def __init__(self):
        self.traces = self.spans = 0

    def generate_trace_id(self):
        self.traces += 1
        return (self.traces << 64) + (2**64 - 1 if self.traces % 4 in {1, 2} else 1)

    def generate_span_id(self):
        self.spans += 1
        return self.spans

    def is_trace_id_random(self):
        return False


def set_up_theirs():
    provider = TracerProvider(id_generator=CountingIds(), shutdown_on_exit=False)
    trace.set_tracer_provider(provider)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{SINK}/otlp/v1/traces")))
    provider.add_span_processor(PhoenixProcessor(endpoint=f"{SINK}/phoenix/v1/traces"))
    sentry_sdk.init(
        dsn=SINK.replace("http://", "http://key@") + "/1",
        instrumenter="otel",
        traces_sample_rate=1.0,
        default_integrations=False,
    )
    provider.add_span_processor(SentrySpanProcessor())
    langfuse = Langfuse(public_key="pk", secret_key="sk", base_url=SINK)
    return provider, langfuse


def set_up_ours():
    if FIRST != "nobody":
        provsdk.configure()


@traced_source("ours-handbook")
def handbook():
    with trace.get_tracer("app").start_as_current_span("read"):
        return "a sentence of the handbook that is long enough to link something"


@observe(name="generation", as_type="generation", capture_input=False, capture_output=False)
def generate():
    return handbook()


@traced_output("ours-nested")
def nested():
    with trace.get_tracer("app").start_as_current_span("below nested"):
        return generate()


@traced_output("ours-answer")
def answer():
    openinference = OITracer(trace.get_tracer("openinference"), TraceConfig())
    with openinference.start_as_current_span("chain", openinference_span_kind="chain"):
        trace.get_tracer("app").start_span("leaf").end()
        return nested()


@traced_output("ours-stream")
def stream():
    with trace.get_tracer("app").start_as_current_span("around the yields"):
        for n in range(2):
            trace.get_tracer("app").start_span(f"within the stream {n}").end()
            yield "a sentence of the stream"
    yield "the last sentence"


def read_stream():
    for sentence in stream():
        trace.get_tracer("app").start_span(f"reads {sentence}").end()


def main():
    if FIRST == "we":
        set_up_ours()
    provider, langfuse = set_up_theirs()
    if FIRST == "they":
        set_up_ours()
    remote = os.environ.get("TRACEPARENT")
    context = extract({"traceparent": remote}) if remote else None
    for _ in range(REQUESTS):
        with trace.get_tracer("app").start_as_current_span("request", context):
            answer()
            read_stream()
        trace.get_tracer("app").start_span("between").end()
    langfuse.flush()
    provider.force_flush()
    sentry_sdk.flush()
    provider.shutdown()


main()
