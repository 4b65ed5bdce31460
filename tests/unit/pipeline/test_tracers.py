"""Our spans beside the user's: their sampler, limits and processors decide what is exported, not what is recorded."""

import itertools

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, TraceIdRatioBased

from provsdk import semconv, traced_output, traced_source
from provsdk.testing import captured_records

LONG = "a sentence that is long enough to link something"


@traced_source("handbook")
def load():
    return [f"{n}: {LONG}" for n in range(20)]


@traced_output("answer")
def answer():
    return load()[0]


class ReadsStarts(SpanProcessor):
    """As processors do that add attributes to every span."""

    def on_start(self, span, parent_context=None):
        span.set_attribute("team", "search")


@pytest.fixture(params=["exporting", "reading starts"])
def user(request):
    """A user's provider with an exporter; with a second processor that wants spans from their start on, or without."""
    exporter = InMemorySpanExporter()

    def made(**settings):
        provider = TracerProvider(shutdown_on_exit=False, **settings)
        if request.param == "reading starts":
            provider.add_span_processor(ReadsStarts())
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        return provider

    made.exporter = exporter
    made.reads_starts = request.param == "reading starts"
    return made


def test_spans_go_to_the_users_exporter_and_carry_the_record_id(user):
    provider = user(resource=Resource.create({"service.name": "desk"}))
    with captured_records(tracer_provider=provider) as records:
        answer()
        (record,) = records
    spans = {span.name: span for span in user.exporter.get_finished_spans()}
    assert set(spans) == {"answer", "handbook"}
    assert spans["answer"].attributes[semconv.RECORD_ID] == record.record_id
    assert spans["handbook"].parent.span_id == spans["answer"].context.span_id
    assert spans["answer"].resource.attributes["service.name"] == "desk"
    assert record.environment["service.name"] == "desk"
    assert ("team" in spans["answer"].attributes) is user.reads_starts


def test_they_can_be_sent_by_otlp(user):
    otlp = pytest.importorskip("opentelemetry.exporter.otlp.proto.common.trace_encoder")
    with captured_records(tracer_provider=user()):
        answer()
    encoded = otlp.encode_spans(user.exporter.get_finished_spans())
    assert sorted(span.name for span in encoded.resource_spans[0].scope_spans[0].spans) == ["answer", "handbook"]


def test_our_spans_stand_below_the_users_and_the_users_below_ours(user):
    provider = user()
    tracer = provider.get_tracer("app")

    @traced_output("outer")
    def outer():
        with tracer.start_as_current_span("inside"):
            return answer()

    with captured_records(tracer_provider=provider), tracer.start_as_current_span("request"):
        outer()
    spans = {span.name: span for span in user.exporter.get_finished_spans()}
    chain = ["request", "outer", "inside", "answer", "handbook"]
    for above, below in itertools.pairwise(chain):
        assert spans[below].parent.span_id == spans[above].context.span_id


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, TraceIdRatioBased(0.0)])
def test_what_the_sampler_drops_is_recorded_and_not_exported(user, sampler):
    with captured_records(tracer_provider=user(sampler=sampler)) as records:
        answer()
        assert len(records) == 1
        assert len(records[0].sources) == 1
    assert user.exporter.get_finished_spans() == ()


def test_the_users_limits_cut_nothing_of_ours(user):
    limits = SpanLimits(max_span_attributes=1, max_span_attribute_length=5)
    with captured_records(tracer_provider=user(span_limits=limits)) as records:
        answer()
        assert records[0].completeness.complete
        assert len(records[0].sources[0].elements) == 20


@pytest.mark.parametrize("mode", ["ids", "none"])
def test_not_exported_the_users_traces_look_as_without_us(user, mode):
    provider = user()
    tracer = provider.get_tracer("app")

    @traced_output("outer")
    def outer():
        with tracer.start_as_current_span("inside"):
            return LONG

    with captured_records(tracer_provider=provider, export_spans=mode) as records:
        with tracer.start_as_current_span("request"):
            outer()
        (record,) = records
    spans = {span.name: span for span in user.exporter.get_finished_spans()}
    assert set(spans) == {"request", "inside"}
    assert spans["inside"].parent.span_id == spans["request"].context.span_id
    assert (spans["request"].attributes.get(semconv.RECORD_ID) == record.record_id) is (mode == "ids")


def test_a_processor_that_fails_costs_neither_record_nor_call(caplog):
    class Failing(SpanProcessor):
        def on_end(self, span):
            raise ZeroDivisionError

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Failing())
    with captured_records(tracer_provider=provider) as records:
        assert answer().endswith(LONG)
        assert len(records) == 1


def test_the_global_provider_is_followed_when_it_appears(user, monkeypatch):
    provider = user()
    with captured_records() as records:
        answer()
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
        answer()
        assert len(records) == 2
    assert {span.name for span in user.exporter.get_finished_spans()} == {"answer", "handbook"}


def test_a_processor_that_is_added_later_gets_our_spans(user):
    provider = user()
    late = InMemorySpanExporter()
    with captured_records(tracer_provider=provider):
        answer()
        provider.add_span_processor(SimpleSpanProcessor(late))
        answer()
    assert len(late.get_finished_spans()) == 2


def test_a_seeded_random_generator_does_not_repeat_ids():
    import random

    ids = []
    for _ in range(2):
        random.seed(42)
        with captured_records() as records:
            answer()
            ids.append(records[0].record_id)
    assert len(set(ids)) == 2
