"""Keeping spans for assembly, and forwarding what the user's sampler chose."""

import logging
import threading

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Status, StatusCode

from provsdk.assembly.processor import Keeper, from_readable


class Recording(Sampler):
    """Records every span, and samples those whose name does not begin with `quiet`."""

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, *rest):
        chosen = Decision.RECORD_ONLY if name.startswith("quiet") else Decision.RECORD_AND_SAMPLE
        return SamplingResult(chosen, attributes)

    def get_description(self):
        return "Recording"


class Raising(SpanProcessor):
    """A processor of the user's that is broken."""

    def on_start(self, span, parent_context=None):
        raise RuntimeError("start")

    def on_end(self, span):
        raise RuntimeError("end")


@pytest.fixture
def exported():
    return InMemorySpanExporter()


def tracer_with(keeper):
    provider = TracerProvider(sampler=Recording(), resource=Resource({"service.name": "svc"}), shutdown_on_exit=False)
    provider.add_span_processor(keeper)
    return provider.get_tracer("test")


def end(tracer, name, record_id=None):
    attributes = {"provsdk.record_id": record_id} if record_id else {}
    tracer.start_span(name, attributes=attributes).end()


def test_spans_are_kept_by_their_record_until_they_are_taken():
    keeper = Keeper()
    tracer = tracer_with(keeper)
    for name, record_id in (("a", "rec_1"), ("b", "rec_2"), ("c", "rec_1"), ("d", None)):
        end(tracer, name, record_id)

    assert keeper.waiting == 2
    assert [span.name for span in keeper.take("rec_1")] == ["a", "c"]
    assert keeper.take("rec_1") == []
    assert keeper.waiting == 1


def test_a_span_is_not_kept_before_it_ends():
    keeper = Keeper()
    span = tracer_with(keeper).start_span("a", attributes={"provsdk.record_id": "rec_1"})

    assert keeper.take("rec_1") == []
    span.end()
    assert len(keeper.take("rec_1")) == 1


def test_only_sampled_spans_go_to_the_users_processors(exported):
    keeper = Keeper(lambda: SimpleSpanProcessor(exported))
    tracer = tracer_with(keeper)
    end(tracer, "loud", "rec_1")
    end(tracer, "quiet", "rec_1")

    assert [span.name for span in exported.get_finished_spans()] == ["loud"]
    assert [span.name for span in keeper.take("rec_1")] == ["loud", "quiet"]


def test_a_processor_that_raises_is_logged_and_costs_no_span(caplog):
    keeper = Keeper(Raising)
    with caplog.at_level(logging.WARNING, logger="provsdk"):
        end(tracer_with(keeper), "a", "rec_1")

    assert len(keeper.take("rec_1")) == 1
    assert "RuntimeError" in caplog.text


def test_threads_lose_no_span():
    keeper = Keeper()
    tracer = tracer_with(keeper)
    taken = []
    threads = [threading.Thread(target=lambda: [end(tracer, "a", "rec_1") for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += keeper.take("rec_1")
    taken += keeper.take("rec_1")

    assert len(taken) == 800


def test_the_shape_that_assembly_reads():
    keeper = Keeper()
    tracer = tracer_with(keeper)
    parent = tracer.start_span("outer", start_time=1_000)
    span = tracer.start_span("inner", attributes={"provsdk.record_id": "rec_1"}, start_time=2_000)
    span.set_status(Status(StatusCode.ERROR))
    span.end(3_000)
    parent.end()

    found = from_readable(keeper.take("rec_1")[0])

    assert (found.name, found.start_ns, found.end_ns, found.status) == ("inner", 2_000, 3_000, "error")
    assert found.trace_id == f"{span.context.trace_id:032x}"
    assert found.span_id == f"{span.context.span_id:016x}"
    assert found.parent_span_id is None
    assert found.resource["service.name"] == "svc"
    assert found.dropped_attributes == 0
