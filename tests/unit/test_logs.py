"""Log lines know which output they belong to."""

import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import provsdk
from provsdk.capture import _guard
from provsdk.logs import add_provenance_ids


def ids():
    return add_provenance_ids(None, "info", {"event": "hello"})


def test_outside_of_everything_a_line_stays_as_it_is():
    assert ids() == {"event": "hello"}


def test_inside_an_output_a_line_gets_record_output_and_trace(provsdk_records):
    with provsdk.traced_output("answer") as out:
        line = ids()

    record = provsdk_records[0]
    assert line["record_id"] == record.record_id == out.record_id
    assert line["output_id"] == record.output.output_id
    assert line["trace_id"] == record.trace.trace_id
    assert line["span_id"] == record.trace.span_id


def test_inside_a_step_the_record_is_the_output_s_and_the_span_the_step_s(provsdk_records):
    with provsdk.traced_output("answer"):
        with provsdk.traced_transform("step"):
            line = ids()
        outer = ids()

    assert line["record_id"] == outer["record_id"]
    assert line["span_id"] != outer["span_id"]


def test_the_ids_are_ours_where_our_spans_are_not_exported():
    from provsdk.testing import captured_records

    with captured_records(export_spans="none") as records, provsdk.traced_output("answer"):
        line = ids()

    assert line["span_id"] == records[0].trace.span_id


def test_a_span_without_an_output_gives_its_trace_only():
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")

    with tracer.start_as_current_span("request"):
        line = ids()
        context = trace.get_current_span().get_span_context()

    assert line == {"event": "hello", "trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def test_what_the_line_says_already_stays(provsdk_records):
    with provsdk.traced_output("answer"):
        line = add_provenance_ids(None, "info", {"event": "hello", "record_id": "mine"})

    assert line["record_id"] == "mine"


def test_structlog_takes_it_as_a_processor(provsdk_records):
    kept = structlog.testing.LogCapture()
    log = structlog.wrap_logger(None, processors=[add_provenance_ids, kept])

    with provsdk.traced_output("answer") as out:
        log.info("hello")

    assert [(one["event"], one["record_id"]) for one in kept.entries] == [("hello", out.record_id)]


def test_a_fault_of_ours_costs_the_line_its_ids_and_nothing_else(monkeypatch):
    def fails():
        raise ZeroDivisionError

    monkeypatch.setattr("provsdk.logs.current_activity", fails)

    assert ids() == {"event": "hello"}
    assert ids() == {"event": "hello"}
    assert _guard.failures.pop(("add ids to a log line", "ZeroDivisionError")) == 2
