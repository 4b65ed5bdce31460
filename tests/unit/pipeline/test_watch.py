"""Spans of other instrumentations within our outputs: what a record says of them, and that nobody else notices."""

import copy
import os
import subprocess
import sys
import textwrap
import threading

import pytest
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from provsdk import traced_output
from provsdk.store.open import open_store
from provsdk.testing import captured_records

HTTPX = "opentelemetry.instrumentation.httpx"


@pytest.fixture
def exported():
    return InMemorySpanExporter()


@pytest.fixture
def provider_with(exported):
    """A user's provider with an exporter."""

    def made(**settings):
        provider = TracerProvider(shutdown_on_exit=False, **settings)
        provider.add_span_processor(SimpleSpanProcessor(exported))
        return provider

    return made


def said(record):
    return [(one.reason, one.detail) for one in record.completeness.reasons]


def output_around(work, name="answer"):
    """An output that does that work."""

    @traced_output(name)
    def answer():
        work()

    answer()


def test_a_record_names_the_instrumentations_that_were_at_work_in_it(provider_with):
    provider = provider_with()

    def work():
        for name in (HTTPX, HTTPX, "my.app"):
            provider.get_tracer(name).start_span("GET").end()

    with captured_records(tracer_provider=provider) as records:
        provider.get_tracer("outside").start_span("before").end()
        output_around(work)
        (record,) = records
    assert record.capture.integrations == ["my.app", HTTPX]
    assert record.completeness.complete


@pytest.mark.parametrize("mode", ["all", "ids", "none"])
def test_spans_of_a_nested_output_belong_to_the_nested_one(provider_with, mode):
    provider = provider_with()

    def inner():
        with provider.get_tracer("inner").start_as_current_span("deep"):
            provider.get_tracer("deeper").start_span("deeper").end()

    def outer():
        with provider.get_tracer("outer").start_as_current_span("around"):
            output_around(inner, "nested")

    with captured_records(tracer_provider=provider, export_spans=mode) as records:
        output_around(outer, "whole")
        found = {one.output.name: one.capture.integrations for one in records}
    assert found == {"nested": ["deeper", "inner"], "whole": ["outer"]}


def test_a_descendant_is_found_where_its_context_was_built_from_nothing(provider_with):
    provider = provider_with()

    def work():
        with provider.get_tracer("first").start_as_current_span("first") as first:
            provider.get_tracer("second").start_span("second", set_span_in_context(first, Context())).end()

    with captured_records(tracer_provider=provider) as records:
        output_around(work)
        assert records[0].capture.integrations == ["first", "second"]


def test_what_stands_below_a_remote_parent_is_not_in_the_output(provider_with):
    provider = provider_with()
    remote = SpanContext(77, 7, is_remote=True, trace_flags=TraceFlags(1))

    def work():
        context = set_span_in_context(NonRecordingSpan(remote))
        with provider.get_tracer("server").start_as_current_span("handle", context):
            provider.get_tracer("below").start_span("query").end()

    with captured_records(tracer_provider=provider) as records:
        output_around(work)
        assert records[0].capture.integrations == []


@pytest.mark.parametrize("mode", ["ids", "none"])
@pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF])
def test_where_ours_is_not_current_what_the_output_calls_stands_below_its_callers_remote_parent(
    provider_with, mode, sampler
):
    provider = provider_with(sampler=sampler)
    tracer = provider.get_tracer(HTTPX)
    caller, other = (
        set_span_in_context(NonRecordingSpan(SpanContext(77, span_id, is_remote=True, trace_flags=TraceFlags(1))))
        for span_id in (7, 8)
    )

    @traced_output("stream")
    def stream():
        tracer.start_span("query").end()
        yield "first"
        tracer.start_span("query").end()
        tracer.start_span("handle", other).end()

    with captured_records(tracer_provider=provider, export_spans=mode) as records:
        token = context.attach(caller)
        list(stream())
        output_around(lambda: tracer.start_span("query").end())
        context.detach(token)
        counted = [("span_unsampled", f"{spans} of other instrumentations") for spans in ("2 spans", "1 span")]
        for record, missing in zip(records, counted, strict=True):
            if sampler is ALWAYS_ON:
                assert (record.capture.integrations, said(record)) == ([HTTPX], [])
            else:
                assert (record.capture.integrations, said(record)) == ([], [missing])


def test_what_limits_cut_from_foreign_spans_is_named(provider_with):
    limits = SpanLimits(max_span_attributes=2, max_events=1, max_span_attribute_length=8)
    provider = provider_with(span_limits=limits)

    def work():
        span = provider.get_tracer(HTTPX).start_span("GET", attributes={f"key.{n}": n for n in range(5)})
        span.set_attribute("url", "https://example.org/a/long/path")
        span.add_event("one")
        span.add_event("two")
        span.end()

    with captured_records(tracer_provider=provider) as records:
        output_around(work)
        (record,) = records
    assert said(record) == [
        ("attributes_dropped", f"{HTTPX}: 1 events"),
        ("attributes_dropped", f"{HTTPX}: 1 values cut at 8 characters"),
        ("attributes_dropped", f"{HTTPX}: 4 attributes"),
    ]


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, TraceIdRatioBased(0.0), ParentBased(ALWAYS_OFF)])
def test_foreign_spans_that_the_sampler_drops_are_counted(provider_with, exported, sampler):
    provider = provider_with(sampler=sampler)
    early = provider.get_tracer(HTTPX)  # before anybody watches, as instrumentations do

    def work():
        early.start_span("GET").end()
        provider.get_tracer("late").start_span("GET").end()

    with captured_records(tracer_provider=provider) as records:
        early.start_span("outside").end()
        output_around(work)
        (record,) = records
    assert said(record) == [("span_unsampled", "2 spans of other instrumentations")]
    assert record.capture.integrations == []
    assert exported.get_finished_spans() == ()


class SendsEverything(SpanProcessor):
    """As Sentry's processor: does not look at the sampled flag."""

    def __init__(self):
        self.seen = []

    def on_start(self, span, parent_context=None):
        self.seen.append(("start", span.name))

    def on_end(self, span):
        self.seen.append(("end", span.name))


def test_unsampled_ones_can_be_seen_too_and_nobody_else_sees_them(provider_with, exported):
    provider = provider_with(sampler=ALWAYS_OFF)
    sends = SendsEverything()
    provider.add_span_processor(sends)
    early = provider.get_tracer(HTTPX)
    late = InMemorySpanExporter()

    def work():
        with early.start_as_current_span("GET") as span:
            assert not span.get_span_context().trace_flags.sampled
        provider.add_span_processor(SimpleSpanProcessor(late))
        provider.get_tracer("late").start_span("GET").end()

    with captured_records(tracer_provider=provider, record_unsampled="all") as records:
        assert not early.start_span("outside").is_recording()
        output_around(work)
        (record,) = records
    assert record.capture.integrations == ["late", HTTPX]
    assert record.completeness.complete
    assert sends.seen == []
    assert exported.get_finished_spans() == late.get_finished_spans() == ()


class RecordsOnly(Sampler):
    def should_sample(self, parent_context, trace_id, name, *rest, **named):
        return SamplingResult(Decision.RECORD_ONLY)

    def get_description(self):
        return "RecordsOnly"


def test_what_the_users_own_sampler_records_goes_to_their_processors_as_ever(provider_with):
    provider = provider_with(sampler=RecordsOnly())
    sends = SendsEverything()
    provider.add_span_processor(sends)
    with captured_records(tracer_provider=provider, record_unsampled="all"):
        output_around(lambda: provider.get_tracer(HTTPX).start_span("GET").end())
    assert ("start", "GET") in sends.seen
    assert ("end", "GET") in sends.seen


@pytest.mark.parametrize("record_unsampled", ["own", "all"])
def test_afterwards_the_provider_is_as_it_was(provider_with, record_unsampled):
    provider = provider_with(sampler=TraceIdRatioBased(0.25))
    tracer = provider.get_tracer(HTTPX)
    active, sampler, processors = (
        provider._active_span_processor,
        provider.sampler,
        provider._active_span_processor._span_processors,
    )
    for _ in range(3):
        with captured_records(tracer_provider=provider, record_unsampled=record_unsampled):
            output_around(lambda: None)
            assert provider.sampler is not sampler
            assert provider.sampler.get_description() == sampler.get_description()
            assert provider.sampler.rate == copy.copy(provider.sampler).rate == 0.25
    assert provider.sampler is tracer.sampler is sampler
    assert provider._active_span_processor is tracer.span_processor is active
    assert active._span_processors == processors


def test_spans_that_end_after_their_output_change_nothing(provider_with):
    provider = provider_with(span_limits=SpanLimits(max_span_attributes=1))
    running = []

    def work():
        running.append(provider.get_tracer(HTTPX).start_span("stream", attributes={"a": 1, "b": 2}))

    with captured_records(tracer_provider=provider) as records:
        output_around(work)
        running[0].end()
        (record,) = records
    assert record.capture.integrations == [HTTPX]
    assert record.completeness.complete


def test_threads_are_counted_exactly(provider_with):
    provider = provider_with(sampler=ALWAYS_OFF)
    tracer = provider.get_tracer(HTTPX)

    def work():
        context = set_span_in_context(trace.get_current_span())
        threads = [
            threading.Thread(target=lambda: [tracer.start_span("GET", context) for _ in range(500)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with captured_records(tracer_provider=provider) as records:
        output_around(work)
        assert said(records[0]) == [("span_unsampled", "2000 spans of other instrumentations")]


def test_many_losses_are_bounded_and_said_to_be_more(provider_with):
    provider = provider_with(sampler=ALWAYS_OFF)
    tracer = provider.get_tracer(HTTPX)
    with captured_records(tracer_provider=provider) as records:
        output_around(lambda: [tracer.start_span("GET") for _ in range(10_500)])
        assert said(records[0]) == [("span_unsampled", "at least 10000 spans of other instrumentations")]


def test_a_provider_that_asks_its_processors_in_other_threads_is_watched_too(exported):
    concurrent = ConcurrentMultiSpanProcessor(2)
    provider = TracerProvider(shutdown_on_exit=False, active_span_processor=concurrent, sampler=ALWAYS_ON)
    provider.add_span_processor(SimpleSpanProcessor(exported))

    def work():
        with provider.get_tracer(HTTPX).start_as_current_span("GET"):
            pass

    with captured_records(tracer_provider=provider) as records:
        output_around(work)
        assert records[0].capture.integrations == [HTTPX]
    provider.shutdown()
    concurrent._executor.shutdown()
    assert {span.name for span in exported.get_finished_spans()} == {"GET", "answer"}


@pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF])
def test_a_fault_of_the_watch_costs_nobody_a_span(provider_with, exported, monkeypatch, caplog, sampler):
    provider = provider_with(sampler=sampler)
    monkeypatch.setattr("provsdk.pipeline._watch.foreign_of", lambda scope: 1 / 0)

    def work():
        with provider.get_tracer(HTTPX).start_as_current_span("GET"):
            pass

    with captured_records(tracer_provider=provider) as records:
        output_around(work)
        assert len(records) == 1
    assert ("GET" in {span.name for span in exported.get_finished_spans()}) is (sampler is ALWAYS_ON)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_watches_as_its_parent_did(tmp_path):
    program = textwrap.dedent(
        """
        import os, sys, provsdk
        from provsdk import traced_output
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
        provider = TracerProvider(sampler=ALWAYS_OFF)
        tracer = provider.get_tracer("app")
        provsdk.configure(tracer_provider=provider)

        @traced_output("answer")
        def answer():
            tracer.start_span("dropped").end()

        answer()
        child = os.fork()
        assert not child or os.waitpid(child, 0)[1] == 0
        answer()
        provsdk.shutdown()
        assert provider.sampler is tracer.sampler is ALWAYS_OFF
        if not child:
            os._exit(0)
        """
    )
    places = {name: tmp_path / name for name in ("store", "keys", "state")}
    environment = {**os.environ, **{f"PROVSDK_{name.upper()}": str(path) for name, path in places.items()}}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
    store = open_store(places["store"], keys=places["keys"], state=places["state"], read_only=True)
    records = [store.fold(one.record_id).record for one in store.summaries()]
    store.close()
    assert [said(one) for one in records] == [[("span_unsampled", "1 span of other instrumentations")]] * 3
