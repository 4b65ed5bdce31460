"""What a call says is written as text when its span is read, and whoever reads the exported span changes no record."""

import asyncio
import copy
import gc
import json
import threading

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from provsdk import semconv, traced_output, traced_transform
from provsdk.capture import _facts, _guard, _session
from provsdk.capture._facts import MAX_SHORT_FACTS, MAX_SHORT_PARTS, MAX_SHORT_TEXT, SpanFacts
from provsdk.digest import JoinKey, measure
from provsdk.pipeline._private_spans import PrivateTracer, Readable
from provsdk.testing import captured_records

LONG = "a sentence that is long enough to link something"
KEY = f"{7:032x}-{9:016x}"


def facts(**given):
    said = {
        "key": KEY,
        "kind": semconv.KIND_OUTPUT,
        "record_id": f"rec_{KEY}",
        "parent": None,
        "name": None,
        "status": "completed",
        "error": None,
        "extra": {},
        "emitter": ("emi_1", 3),
        "tenant": "default",
        "defaults": None,
        "declared": {},
        "calls": [],
        "entities": [(0, "result", None, measure(LONG), None)],
        "used": [],
        "derived": [],
        "nested": (),
        "missing": (),
        "join": JoinKey(b"k" * 32),
    }
    return SpanFacts(**{**said, **given})


def ended(said):
    spans = []
    span = PrivateTracer(spans.append).start_span("answer")
    span.says(said)
    span.end()
    return span


def exported(span):
    return Readable(span, Resource({"service.name": "desk"}), span.instrumentation_scope)


class Counted(JoinKey):
    made = 0

    def join(self, digest32):
        type(self).made += 1
        return super().join(digest32)


@pytest.fixture
def counted():
    Counted.made = 0
    return Counted(b"k" * 32)


def test_nothing_is_written_before_somebody_reads_and_then_once(counted):
    span = ended(facts(join=counted))
    assert span.record_id == f"rec_{KEY}"
    shown = exported(span)
    assert Counted.made == 0
    assert shown.attributes[semconv.FACTS] == span.attributes[semconv.FACTS]
    assert shown.to_json() == exported(span).to_json()
    assert Counted.made == 1


def test_what_is_written_is_what_the_format_says():
    said = facts(
        name="answer",
        error="builtins.ValueError",
        extra={"type": "derive"},
        defaults={"retention": 7},
        calls=[f"{7:032x}-{1:016x}", f"{8:032x}-{1:016x}"],
        used=[(1, "identity"), ("ent_x", "digest")],
        derived=[("out", "ent_x", "identity")],
        nested=("out_x",),
        missing=(("capture_failed", None),),
    )
    digest = measure(LONG).digest
    assert said.ids() == {semconv.KIND: "output", semconv.RECORD_ID: f"rec_{KEY}"}
    assert json.loads(said.text()) == {
        "v": 1,
        "status": "completed",
        "name": "answer",
        "error": "builtins.ValueError",
        "type": "derive",
        "emitter": ["emi_1", 3],
        "defaults": {"retention": 7},
        "calls": [f"{1:016x}", f"{8:032x}-{1:016x}"],
        "declared": {"tenant": "default"},
        "entities": [
            {
                "n": 0,
                "role": "result",
                "join": JoinKey(b"k" * 32).join(digest),
                "size": len(LONG),
                "media": "text/plain",
            }
        ],
        "used": [[1, "identity"], ["ent_x", "digest"]],
        "derived": [["out", "ent_x", "identity"]],
        "nested": ["out_x"],
        "missing": [["capture_failed", None]],
    }


def test_a_declared_tenant_goes_before_the_configured_one():
    assert json.loads(facts(declared={"tenant": "acme"}).text())["declared"] == {"tenant": "acme"}


@pytest.mark.parametrize(
    "given",
    [
        {"entities": [(0, "result", None, measure(LONG), None)] * (MAX_SHORT_PARTS + 1)},
        {"derived": [("out", "ent_x", "identity")] * MAX_SHORT_PARTS},
        {"declared": {"purpose": "x" * (MAX_SHORT_TEXT + 1)}},
        {"declared": {f"fact {n}": 1 for n in range(MAX_SHORT_FACTS + 1)}},
        {"declared": {"subjects": ["x"] * (MAX_SHORT_FACTS + 1)}},
        {"extra": {"parameters": {"x" * (MAX_SHORT_TEXT + 1): 1}}},
        {"extra": {"items": [{"n": 1, "parameters": {"deep": 1}}]}},
        {"extra": {"odd": object()}},
    ],
    ids=["values", "derivations", "a long text", "many facts", "a long list", "a long key", "deep", "of another type"],
)
def test_what_may_be_too_long_for_one_attribute_is_not_short(given):
    assert facts().is_short()
    assert not facts(**given).is_short()


@pytest.mark.parametrize("character", ['"', "\x00", "é", "\U0001f600"])
def test_what_is_short_fits_into_one_attribute(character):
    long = character * (MAX_SHORT_TEXT - 100)
    id_ = f"ent_{KEY}-65535"
    said = facts(declared={"a": long, "b": 1}, derived=[(id_, id_, "identity")] * (MAX_SHORT_PARTS - 1))
    assert said.is_short()
    assert len(said.text()) <= semconv.FACTS_LIMIT_BYTES


def test_what_cannot_be_written_is_said_to_be_missing(caplog):
    _guard.failures.clear()
    span = ended(facts(extra={"odd": object()}, error="builtins.ValueError"))
    said = json.loads(span.attributes[semconv.FACTS])
    assert said["missing"] == [["capture_failed", "facts"]]
    assert (said["emitter"], said["error"]) == (["emi_1", 3], "builtins.ValueError")
    assert "write down what a call says" in caplog.text
    assert _guard.failures == {("write down what a call says", "TypeError"): 1}


def test_a_record_says_so_too(monkeypatch):
    def fails(entity, join):
        raise ZeroDivisionError

    @traced_output("answer")
    def answer():
        return LONG

    with captured_records() as records:
        monkeypatch.setattr(_facts, "_entity", fails)
        assert answer() == LONG
        (record,) = records
    assert ("capture_failed", "answer: facts") in [(each.reason, each.detail) for each in record.completeness.reasons]


class Redacts(SpanProcessor):
    """Takes out of spans what must not leave, as some exporters' processors do."""

    def on_end(self, span):
        span._attributes.clear()
        span._name = "redacted"


def test_a_processor_that_changes_an_ended_span_changes_no_record():
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Redacts())
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    @traced_transform("shorten")
    def shorten(text):
        return text[:-1]

    @traced_output("answer")
    def answer():
        return shorten(LONG)

    with captured_records(tracer_provider=provider) as records:
        answer()
        (record,) = records
    assert record.completeness.complete
    assert [step.name for step in record.transformations] == ["shorten"]
    assert {(span.name, len(span.attributes)) for span in exporter.get_finished_spans()} == {("redacted", 0)}


def test_an_exported_span_is_copied_as_the_sdks_own():
    shown = exported(ended(facts()))
    copied = copy.deepcopy(shown)
    assert type(copied) is ReadableSpan
    assert copied.to_json() == shown.to_json()
    copied._attributes.clear()
    assert shown.attributes[semconv.KIND] == "output"


def test_it_has_no_other_fields_than_the_sdks():
    shown = exported(ended(facts()))
    with pytest.raises(AttributeError, match="'Readable' object has no attribute 'record'"):
        shown.record  # noqa: B018 the reading is what fails


def test_threads_that_read_at_once_read_the_same():
    span, texts = ended(facts()), []
    readers = [threading.Thread(target=lambda: texts.append(dict(exported(span).attributes))) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert texts == [dict(span.attributes)] * 8


@traced_output("steps")
def in_steps():
    return shortened(LONG)


@traced_transform("shorten")
def shortened(text):
    return text[:-1]


@traced_output("coroutine")
async def in_a_coroutine():
    return LONG


@traced_output("stream")
def in_chunks():
    yield LONG
    yield LONG


CALLS = {
    "function": in_steps,
    "coroutine": lambda: asyncio.run(in_a_coroutine()),
    "stream": lambda: list(in_chunks()),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("exported", [True, False])
def test_a_traced_call_leaves_nothing_to_the_garbage_collector(call, exported):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
    with captured_records(tracer_provider=provider if exported else None) as records:
        for _ in range(3):
            CALLS[call]()
        assert len(records) == 3
        gc.collect()
        gc.disable()
        try:
            before = {id(one) for one in gc.get_objects() if type(one) is _session.Activity}
            CALLS[call]()
            assert len(records) == 4
            left = [one for one in gc.get_objects() if type(one) is _session.Activity and id(one) not in before]
        finally:
            gc.enable()
    assert left == []
    provider.shutdown()
