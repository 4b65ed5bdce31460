"""Which records rest on what a source was: as it was fetched, as others loaded it since, or by its age."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from provsdk.questions.stale import newest, stale, uses

NOW = datetime(2026, 11, 24, 2, 14, tzinfo=UTC)
OTHER = {"digest": "sha256:" + "ef" * 32, "join_digest": "hmac-sha256:0011223344556677:" + "ef" * 32}


def changed(item, **changes):
    return msgspec.structs.replace(item, **changes)


@pytest.fixture
def rests_on(build):
    """A record with one source that reached its output, made at that second."""

    def rests_on(second, **changes):
        facts = {"retrieved_at": build.at(second * 1_000_000), "modified_at": None}
        source = build.source(1, **{**facts, **changes})
        flow = build.edges((build.out, source.source_id, "wasDerivedFrom", "containment"))
        return build.record(record_id=f"rec_{second}", sources=[source], flow=flow)

    return rests_on


def told(records, fetched="verified", now=NOW):
    found = uses(records)
    answers = stale(found, dict.fromkeys(newest(found), fetched), now)
    return [(one.why, one.records) for one in answers]


def test_what_is_as_it_was_is_not_stale(rests_on):
    assert told([rests_on(1), rests_on(2)]) == []


@pytest.mark.parametrize("fetched", ["changed", "gone"])
def test_what_was_fetched_and_is_not_what_it_was(rests_on, fetched):
    assert told([rests_on(1), rests_on(2)], fetched) == [(fetched, ("rec_1", "rec_2"))]


def test_what_another_record_loaded_since_with_another_content(rests_on):
    assert told([rests_on(2, **OTHER), rests_on(1)]) == [("newer", ("rec_1",))]


def test_what_has_no_digest_goes_by_its_version(rests_on):
    nothing = {"digest": None, "join_digest": None}

    assert told([rests_on(1, version="1", **nothing), rests_on(2, version="1", **nothing)]) == []
    assert told([rests_on(1, version="1", **nothing), rests_on(2, version="2", **nothing)]) == [("newer", ("rec_1",))]


def test_a_search_that_answers_otherwise_has_not_changed(rests_on):
    """What it was asked may not be known, and it answers what it is asked."""
    assert told([rests_on(1, type="database"), rests_on(2, type="database", **OTHER)]) == []


def test_what_has_another_name_at_the_same_place_is_another_source(rests_on):
    assert told([rests_on(1, name="one sheet"), rests_on(2, name="another sheet", **OTHER)]) == []


def test_what_is_due_for_a_refresh_by_its_age(rests_on):
    assert told([rests_on(1)], now=NOW + timedelta(days=40)) == [("old", ("rec_1",))]


def test_another_question_is_another_source(rests_on):
    assert told([rests_on(1, parameters={"query": "a"}), rests_on(2, parameters={"query": "b"}, **OTHER)]) == []


def test_another_tenant_place_or_type_is_another_source(rests_on, build):
    first, second = rests_on(1), rests_on(2, **OTHER)
    elsewhere = changed(second, context=changed(second.context, tenant="another"))
    moved = rests_on(2, location="/elsewhere", **OTHER)

    assert told([first, elsewhere]) == []
    assert told([first, moved]) == []


def test_what_somebody_said_does_not_grow_old(rests_on):
    assert told([rests_on(1, type="user_input"), rests_on(2, type="user_input", **OTHER)], "changed") == []


def test_what_did_not_reach_an_output_is_not_told(build, rests_on):
    unlinked = changed(rests_on(1), flow=[])

    assert told([unlinked, rests_on(2, **OTHER)]) == []


def test_those_come_first_that_most_records_rest_on(rests_on):
    many = [rests_on(n, location="/many") for n in (1, 2, 3)]
    few = rests_on(4, location="/few")

    assert told([few, *many], "gone") == [("gone", ("rec_1", "rec_2", "rec_3")), ("gone", ("rec_4",))]
