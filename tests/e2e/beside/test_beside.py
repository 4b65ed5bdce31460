"""OTLP, Phoenix, Langfuse and Sentry on one provider: they get what they would get without us, but for our spans."""

import dataclasses
import json
from collections import Counter
from pathlib import Path

import pytest

from provsdk import semconv
from provsdk.store.open import open_store

PROGRAM = Path(__file__).with_name("program.py")
REQUESTS = 4
OUTPUTS = 3 * REQUESTS  # one is nested in another, one is a stream

SAMPLED = {
    "everything": {},
    "nothing": {"OTEL_TRACES_SAMPLER": "always_off"},
    "no root": {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"},
    "half": {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"},
    "a remote parent that is not": {"TRACEPARENT": f"00-{'a' * 32}-{'b' * 16}-00"},
}
SENDERS = {"otlp", "phoenix", "langfuse", "sentry"}
SEND = {
    "everything": SENDERS,
    "nothing": set(),
    "no root": set(),
    "half": SENDERS,
    "a remote parent that is not": SENDERS - {"langfuse"},  # of what is in no request
}


@pytest.fixture
def arrived(run, sink):
    """What each sender sent in one run, by sender; the sink is empty afterwards."""

    def of(first, **variables):
        run(PROGRAM, sink.url, first, REQUESTS, **variables)
        spans, sink.spans = sink.spans, {}
        return spans

    return of


@pytest.fixture(scope="module")
def known():
    """What arrives without us, by what is sampled: the same however often it is asked."""
    return {}


@pytest.fixture
def without(arrived, known):
    """What arrives in a run without us."""

    def of(sampled):
        if sampled not in known:
            known[sampled] = arrived("nobody", PROVSDK_DISABLED="1", **SAMPLED[sampled])
        return known[sampled]

    return of


@pytest.fixture
def records(tmp_path):
    """The records of the run."""

    def read():
        places = {name: tmp_path / name for name in ("keys", "state")}
        store = open_store(tmp_path / "store", **places, read_only=True)
        try:
            return [store.fold(one.record_id).record for one in store.summaries()]
        finally:
            store.close()

    return read


def shape(spans):
    """Each sender's spans without ours: name, trace, and the nearest span above that is not ours, by name."""
    known = {one.span_id: one for sent in spans.values() for one in sent}

    def above(one):
        parent = known.get(one.parent_id)
        while parent is not None and parent.name.startswith("ours-"):
            parent = known.get(parent.parent_id)
        return parent.name if parent is not None else None

    return {
        sender: Counter((one.name, one.trace_id, above(one)) for one in sent if not one.name.startswith("ours-"))
        for sender, sent in spans.items()
    }


def exactly(spans):
    """Each sender's spans to the last attribute, but for the id of the record."""

    def without_record_id(one):
        said = [pair for pair in json.loads(one.attributes or "[]") if pair[0] != semconv.RECORD_ID]
        return dataclasses.replace(one, attributes=json.dumps(said))

    return {sender: Counter(map(without_record_id, sent)) for sender, sent in spans.items()}


@pytest.mark.parametrize("first", ["they", "we"])
@pytest.mark.parametrize("sampled", SAMPLED)
def test_with_our_spans_exported_theirs_stay_the_same(arrived, without, records, first, sampled):
    beside = arrived(first, **SAMPLED[sampled])
    assert shape(beside) == shape(without(sampled))
    assert set(without(sampled)) == SEND[sampled]
    assert len(records()) == OUTPUTS


@pytest.mark.parametrize("mode", ["ids", "none"])
@pytest.mark.parametrize("first", ["they", "we"])
@pytest.mark.parametrize("sampled", ["everything", "half"])
def test_with_our_spans_kept_home_everything_is_exactly_the_same(arrived, without, records, mode, first, sampled):
    beside = arrived(first, PROVSDK_EXPORT_SPANS=mode, **SAMPLED[sampled])
    assert set(beside) == SENDERS
    assert exactly(beside) == exactly(without(sampled))
    assert len(records()) == OUTPUTS
    carry_ids = {one.name for one in beside["otlp"] if semconv.RECORD_ID in one.attributes}
    assert carry_ids == ({"request", "chain"} if mode == "ids" else set())


def test_seeing_unsampled_spans_too_exports_none_of_them(arrived, without, records):
    beside = arrived("they", PROVSDK_RECORD_UNSAMPLED="all", **SAMPLED["half"])
    assert shape(beside) == shape(without("half"))
    assert all(one.completeness.complete for one in records())


def test_what_was_exported_of_ours_arrives_everywhere_that_takes_any_span(arrived):
    beside = arrived("they")
    for sender in SENDERS - {"langfuse"}:  # it sends spans of models and its own
        names = Counter(one.name for one in beside[sender])
        assert [names["ours-answer"], names["ours-nested"], names["ours-handbook"]] == [REQUESTS] * 3


def test_records_name_the_instrumentations_beside_us_and_what_the_sampler_took(arrived, records):
    arrived("they", **SAMPLED["half"])
    found = {"ours-answer": set(), "ours-nested": set(), "ours-stream": set()}
    for one in records():
        reasons = [(missing.reason, missing.detail) for missing in one.completeness.reasons]
        found[one.output.name].add((tuple(one.capture.integrations), *reasons))
    two, three = (("span_unsampled", f"{n} spans of other instrumentations") for n in (2, 3))
    assert found == {
        "ours-answer": {(("app", "openinference"),), ((), two)},
        "ours-nested": {(("app", "langfuse-sdk"),), ((), three)},
        "ours-stream": {(("app",),), ((), three)},
    }
