"""What a record knows of spans of others, by what their sampler keeps, in both orders of set-up."""

import itertools

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from provsdk import traced_output
from provsdk.testing import captured_records

KEPT, DROPPED = True, False
HALF = TraceIdRatioBased(0.5)
SAMPLED = {
    "everything": (ALWAYS_ON, None, (KEPT, KEPT)),
    "nothing": (ALWAYS_OFF, None, (DROPPED, DROPPED)),
    "half": (HALF, None, (KEPT, DROPPED)),
    "half of the roots": (ParentBased(HALF), None, (KEPT, DROPPED)),
    "what a remote parent is not": (ParentBased(ALWAYS_ON), 0, (DROPPED, DROPPED)),
    "what a remote parent is": (ParentBased(ALWAYS_OFF), 1, (KEPT, KEPT)),
}
"""The sampler, the remote parent's flags, and what becomes of the spans in the first output and in the second one."""


class LowAndHigh:
    """Trace ids of which a ratio keeps every other one."""

    def __init__(self):
        self._traces = itertools.cycle([1, 2**64 - 1])
        self._spans = itertools.count(1)

    def generate_trace_id(self):
        return next(self._traces)

    def generate_span_id(self):
        return next(self._spans)

    def is_trace_id_random(self):
        return False


class SendsAnything(SpanProcessor):
    """As an exporter that does not look at the sampled flag."""

    def __init__(self):
        self.sent = []

    def on_end(self, span):
        self.sent.append(span.name)


class Case:
    """Two outputs, in two traces, with spans of others around, within and below them."""

    def __init__(self, sampled, monkeypatch):
        self.sampler, self._flags, self.kept = SAMPLED[sampled]
        self._monkeypatch = monkeypatch
        self.sender = SendsAnything()
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
        self._early = trace.get_tracer("early")

    def run(self, first, **settings):
        """The records; `first` is set up first."""
        if first == "they":
            self._set_up()
        with captured_records(**settings) as records:
            if first == "we":
                self._set_up()
            late = trace.get_tracer("late")
            for _ in self.kept:
                self._request(late)
            return list(records)

    def _set_up(self):
        provider = TracerProvider(shutdown_on_exit=False, sampler=self.sampler, id_generator=LowAndHigh())
        provider.add_span_processor(self.sender)
        self._monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)

    def _request(self, late):
        token = context.attach(self._caller())
        try:
            self._answer(late)
        finally:
            context.detach(token)

    def _caller(self):
        if self._flags is None:
            return context.Context()
        remote = SpanContext(7, 7, is_remote=True, trace_flags=TraceFlags(self._flags))
        return set_span_in_context(NonRecordingSpan(remote), context.Context())

    def _answer(self, late):
        @traced_output("answer")
        def answer():
            with late.start_as_current_span("around"):
                self._early.start_span("within").end()
                inner()

        @traced_output("nested")
        def inner():
            self._early.start_span("of the nested one").end()

        answer()

    def found(self, records, name):
        """What the records of that name say of spans of others, in order."""
        mine = [one for one in records if one.output.name == name]
        return [
            (one.capture.integrations, [(why.reason, why.detail) for why in one.completeness.reasons]) for one in mine
        ]


@pytest.fixture(params=SAMPLED)
def case(request, monkeypatch):
    """Each way to choose spans."""
    return Case(request.param, monkeypatch)


first = pytest.mark.parametrize("first", ["they", "we"])
mode = pytest.mark.parametrize("mode", ["all", "ids", "none"])


def seen(*names):
    return (list(names), [])


def counted(number):
    spans = "span" if number == 1 else "spans"
    return ([], [("span_unsampled", f"{number} {spans} of other instrumentations")])


@first
@mode
def test_own_names_who_was_sampled_and_counts_the_others(case, first, mode):
    records = case.run(first, record_unsampled="own", export_spans=mode)
    assert case.found(records, "answer") == [seen("early", "late") if kept else counted(2) for kept in case.kept]
    assert case.found(records, "nested") == [seen("early") if kept else counted(1) for kept in case.kept]


@first
@mode
def test_all_names_everybody_and_misses_nobody(case, first, mode):
    records = case.run(first, record_unsampled="all", export_spans=mode)
    assert case.found(records, "answer") == [seen("early", "late")] * 2
    assert case.found(records, "nested") == [seen("early")] * 2


@first
@pytest.mark.parametrize("unsampled", ["own", "all"])
def test_either_way_only_what_was_sampled_is_exported(case, first, unsampled):
    case.run(first, record_unsampled=unsampled)
    assert case.sender.sent == ["within", "of the nested one", "nested", "around", "answer"] * sum(case.kept)
