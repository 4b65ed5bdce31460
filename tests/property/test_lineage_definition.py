"""What lineage reaches, and what is inferred, against their definitions written down as plainly as can be."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from span_builder import one, rag

from provsdk.records.flow import Causes, inferred, reached
from provsdk.records.record import Stream

VALUES = ["out_1", "out_2", "ent_a", "ent_b", "ent_c", "ent_d"]
ACTIVITIES = ["act_1", "act_2", "act_3"]
values, activities = st.sampled_from(VALUES), st.sampled_from(ACTIVITIES)
bases = st.sampled_from(["identity", "digest", "explicit"])
arrows = st.one_of(
    st.tuples(values, values, st.just("wasDerivedFrom"), bases | st.just("enclosing")),
    st.tuples(values, activities, st.just("wasGeneratedBy"), bases),
    st.tuples(activities, values, st.just("used"), bases),
)


def back_from(value, flow):
    """One step: what the value was derived from, else what its activities used."""
    derived = {
        b for a, b, relation, basis in flow if (a, relation) == (value, "wasDerivedFrom") and basis != "enclosing"
    }
    made_by = {b for a, b, relation, _ in flow if (a, relation) == (value, "wasGeneratedBy")}
    return derived or {b for a, b, relation, _ in flow if a in made_by and relation == "used"}


def all_back_from(value, flow):
    found = {value}
    while more := {cause for each in found for cause in back_from(each, flow)} - found:
        found |= more
    return found


@given(st.sets(arrows, max_size=14))
def test_lineage_reaches_what_steps_back_lead_to(flow):
    assert reached(Causes(flow), "out_1") == all_back_from("out_1", flow)


@given(st.sets(arrows, max_size=14), st.permutations(VALUES[2:]))
def test_what_lineage_does_not_reach_and_was_there_in_time_is_inferred(flow, ids):
    record = one(rag())
    ended_at = record.output.ended_at
    early, late = [msgspec.structs.replace(record.sources[0], elements=[], source_id=each) for each in ids[:2]]
    late = msgspec.structs.replace(late, retrieved_at="9999-01-01T00:00:00.000000Z")
    made = msgspec.structs.replace(record.model_calls[0].results[0], entity_id=ids[2])
    call = msgspec.structs.replace(record.model_calls[0], results=[made])
    found = all_back_from("out_1", flow)
    nested = {a for a, _, relation, _ in flow if relation == "wasGeneratedBy" and a == "out_2"}

    links = inferred(flow, "out_1", ended_at, [early, late], [call])

    wanted = {early.source_id, made.entity_id, *nested} - found
    assert sorted(links) == [("out_1", each, "wasDerivedFrom", "enclosing") for each in sorted(wanted)]


def streamed(status, chunks):
    """The call of the record as a stream, and the link that is inferred for it, if any."""
    call = one(rag()).model_calls[0]
    stream = Stream(chunks=chunks, boundary="generator", first_chunk_us=1)
    call = msgspec.structs.replace(call, status=status, stream=stream)
    return inferred([], "out_1", call.ended_at, [], [call])


@pytest.mark.parametrize("status", ["closed_early", "failed", "cancelled", "abandoned"])
def test_what_gave_chunks_before_it_was_given_up_may_have_shaped_the_output(status):
    assert [basis for *_, basis in streamed(status, 2)] == ["enclosing"]
    assert not streamed(status, 0)


def test_a_stream_that_outlasted_the_output_counts_from_its_first_chunk():
    call = one(rag()).model_calls[0]
    stream = Stream(chunks=1, boundary="generator", first_chunk_us=1)
    start, end = "2026-01-01T00:00:00.000000Z", "2026-01-01T00:01:00.000000Z"
    late = msgspec.structs.replace(call, status="closed_early", stream=stream, started_at=start, ended_at=end)

    assert inferred([], "out_1", "2026-01-01T00:00:00.000001Z", [], [late])
    assert not inferred([], "out_1", start, [], [late])
