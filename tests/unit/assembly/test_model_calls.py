"""What a model call's span says beyond what every step does, in its record."""

import msgspec
import pytest
from span_builder import ent, entity, local, one, reasons, span

from provsdk.records.codec import encode
from provsdk.records.parts import join, split

SAID = {
    "operation": "chat",
    "cache_read_tokens": 1_024,
    "cache_write_tokens": 0,
    "reasoning_tokens": 32,
    "time_to_first_chunk_s": 0.25,
    "retries": 0,
    "tool_calls": [{"name": "search", "id": "call_1", "n": 1}, {"name": "stop"}],
    "prompt_template": {"name": "support", "version": "7", "n": 2},
}
VALUES = [entity(0), entity(1, "tool_call", name="search"), entity(2, "template", name="support")]


def called(declared, values=VALUES):
    spans = [span(5, "model_call", {"declared": declared, "entities": values}), span(1, "output")]
    record = one(spans, local(spans))
    return record, record.model_calls[0]


def test_every_fact_that_was_said_is_in_the_record():
    record, call = called(SAID)

    for name in set(SAID) - {"tool_calls", "prompt_template"}:
        assert getattr(call, name) == SAID[name]
    assert record.completeness.complete


def test_a_tool_call_and_a_template_hold_their_values_which_flow_nowhere():
    record, call = called(SAID)

    (search, stop) = call.tool_calls
    assert (search.name, search.tool_call_id, search.arguments.entity_id) == ("search", "call_1", ent(5, 1))
    assert search.arguments.digest.startswith("sha256:")
    assert search.arguments.join_digest.startswith("hmac-sha256:")
    assert (stop.name, stop.tool_call_id, stop.arguments) == ("stop", None, None)
    assert (call.prompt.name, call.prompt.version, call.prompt.template.entity_id) == ("support", "7", ent(5, 2))
    assert call.arguments == []
    assert [each.entity_id for each in call.results] == [ent(5)]
    assert not any(ent(5, 1) in (edge.from_, edge.to) or ent(5, 2) in (edge.from_, edge.to) for edge in record.flow)


def test_what_was_not_said_is_left_out_of_the_bytes():
    record, call = called({"model": "m-1"})

    assert set(msgspec.to_builtins(call)).isdisjoint({*SAID, "prompt"})
    assert b"operation" not in encode(record)


def test_parts_give_it_back():
    record, _ = called(SAID)

    assert join({part.path: part.content for part in split(record)}) == record


@pytest.mark.parametrize(
    ("fact", "wrong", "left"),
    [
        ("retries", -1, msgspec.UNSET),
        ("cache_read_tokens", 2**53, msgspec.UNSET),
        ("time_to_first_chunk_s", -0.5, msgspec.UNSET),
        ("time_to_first_chunk_s", "soon", msgspec.UNSET),
        ("operation", 7, msgspec.UNSET),
        ("prompt_template", "support", msgspec.UNSET),
        ("tool_calls", [7], msgspec.UNSET),
    ],
)
def test_what_does_not_fit_is_left_out_and_named(fact, wrong, left):
    record, call = called({"model": "m-1", fact: wrong})

    assert getattr(call, {"prompt_template": "prompt"}.get(fact, fact)) == left
    assert call.model == "m-1"
    assert reasons(record) == {"invalid_fact"}


def test_a_number_that_means_no_value_is_named():
    record, call = called({"prompt_template": {"name": "support", "n": 9}})

    assert call.prompt.template is None
    assert reasons(record) == {"invalid_fact"}


def test_whole_seconds_are_read_back_as_they_were():
    record, call = called({"time_to_first_chunk_s": 2.0})

    assert type(call.time_to_first_chunk_s) is int
    assert join({part.path: part.content for part in split(record)}) == record
