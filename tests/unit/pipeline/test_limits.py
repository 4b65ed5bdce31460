"""Much of something arrives whole, whatever limits the user set for spans."""

import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from provsdk import traced_model_call, traced_output, traced_source, traced_transform
from provsdk.assembly.assembler import assemble
from provsdk.assembly.processor import from_readable
from provsdk.capture import _flow
from provsdk.testing import captured_records

DOCUMENTS = 10_000
PROMPT = "a prompt of five megabytes; " * (5_000_000 // 28 + 1)


class ReadsStarts(SpanProcessor):
    def on_start(self, span, parent_context=None):
        span.is_recording()


@pytest.fixture(params=["exporting", "reading starts"])
def user(request, monkeypatch):
    """A provider with narrow limits, for both kinds of tracer, and what it exported."""
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "128")
    monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "8")
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "8")
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "128")
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    if request.param == "reading starts":
        provider.add_span_processor(ReadsStarts())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


@traced_source(type="reference", each=True, name=lambda item: item["id"])
def retrieve():
    return [
        {
            "id": f"document {number:05d} of the collection of them all",
            "text": f"what document number {number} says is long enough to link something",
            "metadata": {"location": f"https://example.org/collection/{number}.html"},
        }
        for number in range(DOCUMENTS)
    ]


@traced_transform
def keep(documents):
    return documents[-3:]


def test_ten_thousand_documents_arrive_whole_here_and_where_their_spans_go(user):
    provider, exporter = user

    @traced_output("answer")
    def answer():
        return keep(retrieve())[0]["text"]

    with captured_records(tracer_provider=provider, max_wait=60.0) as records:
        answer()
        (record,) = records
    assert record.completeness.complete
    assert [one.name[:14] for one in record.sources] == [f"document {number:05d}" for number in range(DOCUMENTS)]
    assert {len(one.elements) for one in record.sources} == {4}
    linked = [
        e.to
        for e in record.flow
        if (e.from_, e.basis) == (record.output.output_id, "identity") and "Derived" in e.relation
    ]
    assert linked == [record.sources[-3].elements[1].entity_id]
    elsewhere = assemble([from_readable(span) for span in exporter.get_finished_spans()], {}).records[0].record
    assert len(elsewhere.sources) == DOCUMENTS
    assert [one.reason for one in elsewhere.completeness.reasons] == ["process_only"]


def test_a_prompt_of_five_megabytes_is_whole(user):
    provider, _ = user

    @traced_model_call(model="m")
    def complete(prompt):
        return prompt[:200]

    @traced_output("answer")
    def answer(prompt):
        return complete(prompt)

    with captured_records(tracer_provider=provider, capture_content="full", max_wait=60.0) as records:
        answer(PROMPT)
        (record,) = records
        entry = next(one.index for one in records._runtime.store().entries() if one.kind == "record.sealed")
        kept = [part.content for part in records._runtime.store().parts(entry) if part.path.startswith("content/")]
    assert record.completeness.complete
    assert record.output.arguments[0].size_bytes == len(PROMPT)
    assert any(PROMPT.encode() in content for content in kept)


def test_a_bound_that_one_document_hits_costs_the_others_nothing():
    deep = []
    for _ in range(_flow.MAX_DEPTH + 2):
        deep = [deep, "a text that is long enough to link something"]

    @traced_source(each=True)
    def load():
        return [deep, "the second text that is long enough", "the third text that is long enough"]

    with captured_records() as records:
        traced_output("answer")(load)()
        (record,) = records
    assert len(record.sources) == 3
    assert [one.reason for one in record.completeness.reasons] == ["bound_reached"]


def test_where_elements_do_not_all_fit_the_documents_do(monkeypatch):
    monkeypatch.setattr("provsdk.capture._values.MAX_ELEMENTS", 50)

    @traced_source(each=True)
    def load():
        return [
            {field: f"the {field} of document {n}, long enough to link" for field in ("title", "text")}
            for n in range(100)
        ]

    with captured_records() as records:
        traced_output("answer")(load)()
        (record,) = records
    assert len(record.sources) == 100
    assert [len(one.elements) for one in record.sources] == [2] * 16 + [1] + [0] * 83
    assert [one.reason for one in record.completeness.reasons] == ["bound_reached"]


def test_more_than_any_output_can_hold_is_said(monkeypatch):
    monkeypatch.setattr(_flow, "MAX_ENTITIES", 20)
    monkeypatch.setattr(_flow.Registry.has_room, "__defaults__", (20,))

    @traced_source(each=True)
    def load():
        return [f"document {n}, which is long enough to link something" for n in range(100)]

    with captured_records() as records:
        traced_output("answer")(load)()
        (record,) = records
    assert len(record.sources) == 20
    assert [one.reason for one in record.completeness.reasons] == ["bound_reached"]
