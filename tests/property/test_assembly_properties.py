"""Assembly for any spans: no order matters, nothing raises, nothing that is well formed is lost."""

import json
import random

import msgspec
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from span_builder import arrows, ent, entity, local, one, out, rag, rec, span

from provsdk import semconv
from provsdk.assembly.assembler import assemble
from provsdk.canonical import canonical
from provsdk.records.codec import decode, encode
from provsdk.records.fold import fold
from provsdk.records.parts import join, split
from provsdk.records.record import ProvenanceRecord
from provsdk.vocabulary import Basis, Relation

KINDS = ["source", "transformation", "model_call", "policy_check"]
BASES = ["identity", "digest", "containment", "explicit"]
NAMES = [semconv.KIND, semconv.RECORD_ID, semconv.PARENT, semconv.FACTS, semconv.FACTS_PART, semconv.FACTS_PARTS]
NUMBERS = st.integers(1, 7)

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
refs = st.builds(ent, NUMBERS, st.integers(0, 2)) | st.integers(0, 3)
facts = st.fixed_dictionaries(
    {
        "entities": st.lists(
            st.builds(entity, st.integers(0, 3), st.sampled_from(["result", "argument", "element"])), max_size=4
        ),
        "used": st.lists(st.tuples(refs, st.sampled_from(BASES)), max_size=3),
        "derived": st.lists(st.tuples(refs, refs, st.sampled_from(BASES)), max_size=3),
    },
    optional={"by_hand": st.booleans(), "status": st.sampled_from(["completed", "failed"]), "each": st.booleans()},
)


@st.composite
def outputs(draw):
    """An output with some activities, whose values refer to each other as they like."""
    steps = [
        span(n, draw(st.sampled_from(KINDS)), draw(facts), end=draw(st.integers(0, 200)))
        for n in draw(st.sets(st.integers(2, 7)))
    ]
    return [span(1, "output", draw(facts)), *steps]


@FEW
@given(outputs(), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(spans, rng):
    facts = {rec(): local(spans)}
    shuffled = spans + rng.sample(spans, rng.randint(0, len(spans)))
    rng.shuffle(shuffled)

    assert assemble(shuffled, facts) == assemble(spans, facts)


@FEW
@given(outputs(), st.lists(st.integers(0, 2), min_size=7, max_size=7), st.randoms(use_true_random=False))
def test_what_arrives_later_and_is_folded_in_makes_the_same_record(spans, batches, rng):
    facts = {rec(): local(spans)}
    groups = [[s for s, b in zip(spans, [0, *batches], strict=False) if b == n] for n in range(3)]
    first, *later = [assemble(group, facts) for group in groups]
    extensions = [each for group in later for each in group.extensions]
    rng.shuffle(extensions)

    assert fold(first.records[0].record, extensions) == one(spans, facts[rec()])


@FEW
@given(outputs())
def test_every_edge_has_a_relation_and_a_basis_of_the_vocabulary(spans):
    for *_, relation, basis in arrows(one(spans)):
        assert Relation(relation)
        assert Basis(basis)


@FEW
@given(outputs())
def test_a_record_comes_back_from_its_parts(spans):
    record = one(spans)

    assert join({part.path: part.content for part in split(record)}) == record


@FEW
@given(outputs(), st.data())
def test_one_broken_span_costs_no_other_its_facts(spans, data):
    victim = data.draw(st.integers(0, len(spans)))
    broken = data.draw(st.sampled_from(["", "{", "[1]", '{"v":"x","entities":{},"used":7}']))
    good = [each for each in rag() if each.name != "chat"]
    hurt = span(5, "model_call", broken, name="chat")

    record = one([*good[:victim], hurt, *good[victim:]], local())

    assert [s.name for s in record.sources] == ["handbook", "search"]
    assert record.sources == one(rag(), local()).sources
    assert len(record.model_calls) == 1
    assert not record.completeness.complete


@FEW
@given(st.sampled_from(["output", *KINDS]), json_values, st.sampled_from(["v", "type", "declared", "entities", "used"]))
def test_any_json_in_the_facts_makes_a_record_with_canonical_parts(kind, value, field):
    for said in (value, {"v": 1, "status": "completed", field: value}, {"declared": {"parameters": {"x": value}}}):
        hurt = span(1 if kind == "output" else 2, kind, json.dumps(said))
        spans = [hurt] if kind == "output" else [span(1, "output"), hurt]

        record = one(spans, {})

        assert join({part.path: part.content for part in split(record)}) == record


@FEW
@given(st.dictionaries(st.sampled_from(NAMES), json_values))
def test_any_attributes_leave_the_others_alone(attributes):
    odd = msgspec.structs.replace(rag()[0], span_id="ee" * 8, attributes=attributes)

    assert one([*rag(), odd], local()).model_calls == one(rag(), local()).model_calls


@FEW
@given(json_values, st.text(max_size=8))
def test_any_local_facts_leave_the_record_readable(value, name):
    key = rag()[-1].key
    spans = {key: {"plain": value, "declared": value, "content": value}}
    for said in (value, {"spans": value}, {"spans": spans, "missing": value, "environment": value, "defaults": value}):
        (found,) = assemble(rag(), {rec(): said}).records
        assert found.record.output.output_id == out()
        split(found.record)


@FEW
@given(json_values)
def test_the_fast_canonical_path_is_the_slow_one(value):
    try:
        expected = canonical(value)
    except ValueError:
        expected = None
    try:
        found = encode(value)
    except ValueError:
        found = None

    assert found == expected
    if expected is not None:
        assert expected == rfc8785.dumps(value)


@FEW
@given(outputs(), json_values)
def test_records_are_encoded_as_rfc_8785_says(spans, value):
    spans = [*spans, span(9, "model_call", json.dumps({"declared": {"parameters": {"x": value}}}))]
    record = one(spans)

    assert encode(record) == rfc8785.dumps(json.loads(msgspec.json.encode(record)))
    assert encode(decode(encode(record), ProvenanceRecord, "record")) == encode(record)


def test_a_thousand_activities_are_one_record():
    steps = [span(n, random.Random(n).choice(KINDS), {"entities": [entity(0)]}) for n in range(2, 1_000)]

    assert len(one([span(1, "output"), *steps]).flow) > 500
