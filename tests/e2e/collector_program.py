"""What a user's service does: outputs of every sort, its own provider, its own OTLP exporter. Run by test_collector.py.

python collector_program.py http|grpc ENDPOINT
"""

import asyncio
import contextlib
import contextvars
import sys
import threading

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler

import provsdk
from provsdk import traced_check, traced_model_call, traced_output, traced_source, traced_transform
from provsdk.gate import Finding

DOCUMENTS = 10_000
"""With names of 250 characters their facts are longer than what a Collector takes by default, by gRPC: 4 MiB."""


class NotThatOne(Sampler):
    """Drops the traces of one output."""

    def should_sample(self, parent_context, trace_id, name, *others, **more):
        chosen = ALWAYS_ON.should_sample(parent_context, trace_id, name)
        return type(chosen)(chosen.decision.DROP) if name == "unsampled" else chosen

    def get_description(self):
        return "NotThatOne"


class SeesStarts(SpanProcessor):
    """A processor that wants to see spans from their start on, so that ours have to be spans of the SDK."""

    def on_start(self, span, parent_context=None):
        assert span.is_recording()


def text(what):
    return f"{what}: long enough to be recognised when it comes back"


@traced_source(
    type="file",
    location="/srv/handbook.pdf",
    version="7",
    owner="ana@example.org",
    modified_at="2026-11-01T08:00:00Z",
    classification="internal",
    checksum="sha256:" + "0" * 64,
    parameters={"pages": 12},
)
def handbook(request):
    return {"first page": text("handbook, first page"), "notes": [text("note")]}


@traced_source(
    type="database",
    location=lambda table: f"postgres://prod/{table}",
    each=True,
    name=lambda item: item["id"],
    version=lambda item: item["revision"],
    parameters={"limit": 3},
)
def rows(table):
    return [{"id": f"faq-{n}", "revision": n, "the text": text(f"row {n} of {table}")} for n in range(3)]


@traced_transform(type="format", version="2", parameters={"width": 80})
def prompt(parts):
    return {"system prompt": text("be kind"), "user prompt": text(" ".join(sorted(parts)))}


@traced_model_call(
    provider="acme",
    model="small-1",
    response_model="small-1-0806",
    parameters={"temperature": 0.5},
    input_tokens=12,
    output_tokens=9,
    finish_reasons=["stop"],
)
def complete(messages, options):
    return {"the answer": text("a parcel is kept for ten days"), "why": text("because")}


@traced_check("pii", type="pii_scan", parameters={"threshold": 0.9})
def no_names(reply, rules):
    return False, ["a name stands in the second line"]


@traced_output(
    "answer",
    session="session-1",
    subjects=["customer-4711"],
    recipients=["ben@example.org"],
    purpose="support",
    owner={"output_owner": "ana@example.org", "approver": "cy@example.org"},
    classification="confidential",
    retention=4000,
    version="3",
)
def answer(question):
    page = handbook({"the question": text("which page"), "n": 1})
    found = rows("faq")
    messages = prompt({"a page": page["first page"], "a row": found[1]["the text"], "more": text("greeting")})
    reply = complete(messages, {"stop words": text("end of text")})
    no_names(reply, {"forbidden words": text("names")})
    return reply["the answer"]


@traced_source(type="file", location="/srv/corpus/", each=True, name=lambda item: item, version="2")
def corpus():
    return [f"document {n:05d} ".ljust(250, "x") for n in range(DOCUMENTS)]


@traced_output("long")
def long():
    return max(corpus())


@traced_output("inner")
def inner(question):
    return text(f"inner answer, from {rows('inner')[0]['id']}")


@traced_output("outer")
def outer(question):
    return complete([inner(question), inner(text("and more"))], {})["the answer"] + " ünïcode \N{GRINNING FACE}"


@traced_source("broken", type="api", location="https://api.example.org/v1?token=abc")
def broken():
    raise TimeoutError("the message is nobody's business")


@traced_model_call("citing", provider="acme", model="small-1")
def citing(prompt):
    cited = {"type": "url_citation", "url_citation": {"url": "https://example.org/terms", "title": "Terms"}}
    message = {"role": "assistant", "content": text("a cited answer"), "annotations": [cited]}
    return {"object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}


@traced_output("cited")
def cited(question):
    return citing(question)["choices"][0]["message"]["content"]


@traced_output("failed")
def failed():
    rows("before it failed")
    broken()


@traced_output("cancelled")
async def cancelled():
    rows("before it was cancelled")
    await asyncio.sleep(60)


@traced_output("late")
def late(go_on, threads):
    def work():
        go_on.wait()
        complete([rows("late")[0]], {"stop words": text("late")})

    threads.append(threading.Thread(target=contextvars.copy_context().run, args=(work,)))
    threads[0].start()
    rows("in time")
    return text("what was there in time")


@traced_output("ends while something runs")
def ends_early(begun, go_on, threads):
    @traced_transform("slow", type="enrich")
    def slow():
        begun.set()
        go_on.wait()
        return text("slow result")

    threads.append(threading.Thread(target=contextvars.copy_context().run, args=(slow,)))
    threads[0].start()
    begun.wait()
    return text("what was there early")


@traced_output("orphans")
def orphans():
    thread = threading.Thread(target=rows, args=("nobody's",))
    thread.start()
    thread.join()
    return text("made by others")


@traced_model_call(provider="acme", model="small-1")
def words(prompt):
    for n in range(5):
        yield f"word {n} of {prompt} "


@traced_output("stream")
def stream():
    yield from words(rows("stream")[0]["the text"])


@traced_output("unsampled")
def unsampled():
    return rows("unsampled")[0]["the text"]


@traced_output(name=lambda n: f"odd\u202ename\x1b\udcff {n}")
def odd(n):
    return n


@traced_output("form")
def form(question):
    return {"the answer": text("a field of a form"), "n": 1}


def with_threads(call):
    go_on, threads = threading.Event(), []
    call(go_on, threads)
    go_on.set()
    for thread in threads:
        thread.join()


def run_all():
    answer({"what was asked": text("how long is a parcel kept"), "and": [text("by whom")]})
    long()
    outer(text("a question for two"))
    cited(text("a question that is answered with a citation"))
    with contextlib.suppress(TimeoutError):
        failed()
    with contextlib.suppress(TimeoutError):
        asyncio.run(asyncio.wait_for(cancelled(), 0.01))
    with_threads(late)
    begun = threading.Event()
    with_threads(lambda go_on, threads: ends_early(begun, go_on, threads))
    orphans()
    unsampled()
    odd(7)
    form(text("a question that is answered field by field"))
    list(stream())
    half = stream()
    next(half)
    half.close()
    with traced_output("by hand") as out:
        page = out.add_source("page", text("page"), type="file", version="7", owner="ana@example.org")
        out.add_transformation("cut", used=[page], result=page[:40], type="filter")
        out.add_check("pii", result=(True, ["none found"]), used=[page], type="pii_scan")
        found = {"findings": [Finding("email", 3, 18)], "got": "restricted", "expected": "at most internal"}
        out.add_check("label", result=False, type="data_classification", stage="return", mode="warn", **found)
        out.set_result(page)


def exporter(protocol, endpoint):
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(endpoint=endpoint, insecure=True)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=endpoint)


def main(protocol, endpoint):
    resource = Resource.create({"service.name": "help-desk", "service.version": "1.2"})
    provider = TracerProvider(resource=resource, sampler=ParentBased(NotThatOne()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter(protocol, endpoint)))
    if protocol == "grpc":
        provider.add_span_processor(SeesStarts())
    provsdk.configure(
        tracer_provider=provider, owner="desk@example.org", retention="long_term", tenant="eu", capture_content="full"
    )
    run_all()
    provsdk.shutdown()
    provider.shutdown()


main(*sys.argv[1:])
