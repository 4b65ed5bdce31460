"""Our spans beside the user's: their sampler, limits and processors decide what is exported, not what is recorded."""

import itertools
import threading

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from provsdk import semconv, traced_output, traced_source
from provsdk.capture import _guard
from provsdk.testing import captured_records

LONG = "a sentence that is long enough to link something"
THREADS, EACH = 8, 25


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


class Stuck(SpanExporter):
    """As one whose server takes the request and never answers."""

    def __init__(self):
        self.exported, self.go_on = 0, threading.Event()

    def export(self, spans):
        self.go_on.wait(60)
        self.exported += len(spans)
        return SpanExportResult.SUCCESS


@pytest.mark.parametrize("reads_starts", [False, True])
def test_a_burst_that_overflows_the_users_queue_costs_no_record_anything(reads_starts):
    exporter, provider = Stuck(), TracerProvider(shutdown_on_exit=False)
    if reads_starts:
        provider.add_span_processor(ReadsStarts())
    provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=16, max_export_batch_size=16, schedule_delay_millis=60_000)
    )
    tracer = provider.get_tracer("app")

    @traced_output("outer")
    def outer():
        with tracer.start_as_current_span("inside"):
            return [load()[0], answer()]

    def burst():
        for _ in range(EACH):
            outer()

    with captured_records(tracer_provider=provider) as records:
        threads = [threading.Thread(target=burst) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = list(records)
    exporter.go_on.set()
    provider.shutdown()

    assert exporter.exported < 5 * THREADS * EACH, "nothing was dropped"
    assert [one.output.name for one in found].count("outer") == len(found) / 2 == THREADS * EACH
    for record in found:
        assert record.completeness.complete, record.completeness.reasons
        assert [len(source.elements) for source in record.sources] == [20]
        assert record.capture.integrations == (["app"] if record.output.name == "outer" else [])
        assert record.output.output_id in {edge.from_ for edge in record.flow}


@pytest.mark.parametrize(
    ("limits", "carries"),
    [
        (SpanLimits(max_span_attributes=4), True),
        (SpanLimits(max_span_attributes=3), False),
        (SpanLimits(max_span_attribute_length=20), False),
    ],
    ids=["room for one", "full", "cut"],
)
def test_an_id_pushes_no_attribute_of_the_users_out_and_is_not_cut(limits, carries):
    finished = InMemorySpanExporter()
    provider = TracerProvider(span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(finished))
    own = {"http.method": "GET", "http.route": "/a", "user": "u1"}

    tracer = provider.get_tracer("app")
    with (
        captured_records(tracer_provider=provider, export_spans="ids"),
        tracer.start_as_current_span("request") as span,
    ):
        span.set_attributes(own)
        traced_output("answer")(lambda: 1)()

    (span,) = finished.get_finished_spans()
    assert span.dropped_attributes == 0
    assert {name: span.attributes[name] for name in own} == own
    assert (semconv.RECORD_ID in span.attributes) is carries
    provider.shutdown()


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


def test_what_the_program_says_on_the_current_span_reaches_its_exporter_and_no_record(user):
    provider = user()
    other = SpanContext(1, 2, is_remote=True)

    @traced_output("said")
    def said():
        span = trace.get_current_span()
        span.add_event("cache.miss", {"key": "k"})
        span.record_exception(ValueError("a secret"))
        span.add_link(other, {"why": "retry"})
        span.set_attribute("of the user's", {"a", "set"})
        span.set_attribute("fine", [1, 2])
        span.set_status(Status(StatusCode.ERROR, "why"))
        assert span.kind is SpanKind.INTERNAL
        assert [event.name for event in span.events] == ["cache.miss", "exception"]
        assert (span.links[0].context, span.dropped_attributes) == (other, 0)
        assert span.instrumentation_scope.name == "provsdk"
        assert span.resource is not None
        assert '"cache.miss"' in span.to_json()
        return LONG

    with captured_records(tracer_provider=provider) as records:
        said()
        assert "secret" not in repr(list(records))
    (span,) = user.exporter.get_finished_spans()
    assert [event.name for event in span.events] == ["cache.miss", "exception"]
    assert span.events[1].attributes["exception.message"] == "a secret"
    assert [link.context for link in span.links] == [other]
    assert isinstance(span.attributes["of the user's"], str), "as the SDK does"
    assert span.attributes["fine"] == (1, 2)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "why")
    span.to_json()


def test_a_name_that_the_program_gives_our_span_is_its_exporters_and_not_the_records(user):
    provider = user()

    @traced_output("declared")
    def renamed():
        trace.get_current_span().update_name("POST /answer/some.body")
        return LONG

    with captured_records(tracer_provider=provider) as records:
        renamed()
        (record,) = records
    assert record.output.name == "declared"
    assert [span.name for span in user.exporter.get_finished_spans()] == ["POST /answer/some.body"]


@pytest.mark.parametrize("given", ["error", None, 2, ValueError("no")])
def test_what_is_no_status_costs_neither_record_nor_export(user, given):
    otlp = pytest.importorskip("opentelemetry.exporter.otlp.proto.common.trace_encoder")

    @traced_output("says so")
    def says_so():
        trace.get_current_span().set_status(given)

    with captured_records(tracer_provider=user()) as records:
        says_so()
        (record,) = records
    assert record.output.status == "completed"
    (span,) = user.exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.UNSET
    assert otlp.encode_spans([span]).resource_spans


def test_a_program_that_ends_the_current_span_ends_no_record(user):
    @traced_source("handbook")
    def ended():
        with trace.use_span(trace.get_current_span(), end_on_exit=True):
            return LONG

    @traced_output("ends")
    def ends():
        found = ended()
        trace.get_current_span().set_attribute("app", "before")
        trace.get_current_span().end()
        trace.get_current_span().set_attribute("app.late", "after")
        return found

    with captured_records(tracer_provider=user()) as records:
        ends()
        (record,) = records
    assert (record.output.name, record.output.status) == ("ends", "completed")
    assert [source.name for source in record.sources] == ["handbook"]
    spans = {span.name: span for span in user.exporter.get_finished_spans()}
    assert set(spans) == {"ends", "handbook"}
    assert spans["ends"].attributes["app"] == "before"
    assert spans["ends"].attributes[semconv.RECORD_ID] == record.record_id


def test_a_program_that_ends_the_current_span_loses_no_long_facts(user):
    ends = traced_output("ends")(lambda *pages: trace.get_current_span().end())
    with captured_records(tracer_provider=user()) as records:
        ends(*[f"{n}: {LONG}" for n in range(2_000)])
        (record,) = records
    assert len(record.output.arguments) == 2_000


class Chosen(Sampler):
    """As samplers that say why."""

    def should_sample(self, *given, **named):
        return SamplingResult(Decision.RECORD_AND_SAMPLE, {"sampling.rule": "r1"})

    def get_description(self):
        return "chosen"


def test_what_a_sampler_adds_and_the_flags_of_random_ids_are_those_of_the_sdk(user):
    provider = user(sampler=Chosen())
    with captured_records(tracer_provider=provider):
        answer()
    with provider.get_tracer("app").start_as_current_span("theirs"):
        pass
    ours, *_, theirs = sorted(user.exporter.get_finished_spans(), key=lambda span: span.name == "theirs")
    assert ours.attributes["sampling.rule"] == "r1"
    assert ours.context.trace_flags == theirs.context.trace_flags


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
def test_a_parents_random_flag_goes_on(user, flags):
    above = SpanContext(7, 9, is_remote=True, trace_flags=TraceFlags(flags))
    with (
        captured_records(tracer_provider=user(sampler=Chosen())),
        trace.use_span(trace.NonRecordingSpan(above)),
    ):
        answer()
    assert {span.context.trace_flags for span in user.exporter.get_finished_spans()} == {1 | flags & 2}


class Fails(Sampler):
    def should_sample(self, *_, **__):
        raise KeyError("http.target")

    def get_description(self):
        return "fails"


class AnswersNothing(Fails):
    def should_sample(self, *_, **__):
        return None


class NoIds(RandomIdGenerator):
    def generate_span_id(self):
        raise OSError("no entropy")

    generate_trace_id = generate_span_id


@pytest.mark.parametrize("settings", [{"sampler": Fails()}, {"sampler": AnswersNothing()}, {"id_generator": NoIds()}])
def test_what_fails_of_the_programs_own_tracing_costs_no_record(user, settings):
    with captured_records(tracer_provider=user(**settings)) as records:
        assert answer()
        (record,) = records
    assert record.output.name == "answer"
    assert _guard.failures


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


def test_where_ours_go_nowhere_they_are_nobodys_parents(user, monkeypatch):
    """A second provider, as Langfuse's or Phoenix's own, must not get a parent that never arrives anywhere."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    second = user()

    @traced_output("outer")
    def outer():
        with second.get_tracer("app").start_as_current_span("inside"):
            return answer()

    with captured_records() as records:
        outer()
        assert [one.output.name for one in records] == ["answer", "outer"]
        assert len({one.trace.trace_id for one in records}) == 1
    (inside,) = user.exporter.get_finished_spans()
    assert inside.parent is None


def test_an_sdk_that_is_disabled_exports_nothing_of_ours(user, monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with captured_records(tracer_provider=user()) as records:

        @traced_output("outer")
        def outer():
            assert not trace.get_current_span().get_span_context().is_valid
            return answer()

        outer()
        assert len(records) == 2
    assert user.exporter.get_finished_spans() == ()


def test_a_global_provider_that_is_replaced_is_left_for_the_next(user, monkeypatch):
    first, second = user(), user()
    theirs = second._active_span_processor, second.sampler
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", first)
    with captured_records() as records:
        answer()
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", second)
        user.exporter.clear()
        first_sampler = first.sampler
        answer()
        assert first.sampler is not first_sampler
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
        answer()
        assert (second._active_span_processor, second.sampler) == theirs
        assert len(records) == 3
    assert len(user.exporter.get_finished_spans()) == 2


def remote(flags):
    state = trace.TraceState([("vendor", "value")])
    context = trace.SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=trace.TraceFlags(flags), trace_state=state)
    return trace.set_span_in_context(trace.NonRecordingSpan(context))


@pytest.mark.parametrize(("flags", "exported"), [(0, set()), (1, {"answer", "handbook", "inside"})])
def test_a_remote_parent_decides_what_is_exported_and_not_what_is_recorded(user, flags, exported):
    from opentelemetry import context as current

    provider = user()

    @traced_output("answer")
    def whole():
        with provider.get_tracer("app").start_as_current_span("inside") as inside:
            assert inside.get_span_context().trace_state.get("vendor") == "value"
            return load()[0]

    with captured_records(tracer_provider=provider) as records:
        token = current.attach(remote(flags))
        try:
            whole()
        finally:
            current.detach(token)
        (record,) = records
    assert record.trace.trace_id == f"{0xABC:032x}"
    assert len(record.sources) == 1
    assert {span.name for span in user.exporter.get_finished_spans()} == exported


def test_half_of_the_traces_sampled_is_half_exported_and_all_recorded(user):
    from provsdk.testing import CountingIds

    ids = CountingIds()
    ids.generate_trace_id = ((n << 64) + (n % 2 and 2**64 - 1) for n in itertools.count(1)).__next__
    provider = user(sampler=TraceIdRatioBased(0.5), id_generator=ids)
    with captured_records(tracer_provider=provider) as records:
        for _ in range(10):
            answer()
        assert len(records) == 10
    assert len(user.exporter.get_finished_spans()) == 10  # five of two spans each


def test_a_provider_that_cannot_be_watched_costs_no_record(caplog):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.__class__ = type("Odd", (TracerProvider,), {"sampler": property(lambda self: ALWAYS_OFF)})
    with captured_records(tracer_provider=provider) as records:
        answer()
        assert len(records) == 1
    assert "could not watch a provider (AttributeError)" in caplog.text


class Scrubs(ReadsStarts):
    """As those do that take out of ended spans what must not leave."""

    def on_end(self, span):
        span._attributes = dict.fromkeys(span.attributes, "***")
        span._name = "scrubbed"


def test_a_processor_that_changes_ended_spans_of_the_sdk_changes_no_record():
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Scrubs())
    with captured_records(tracer_provider=provider) as records:
        answer()
        (record,) = records
    assert (record.output.name, [source.name for source in record.sources]) == ("answer", ["handbook"])
    assert record.completeness.complete
