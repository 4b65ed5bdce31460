"""The inventory has every source once, with how many records rest on it and how fresh it is now."""

from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from provsdk.records.record import Checksum
from provsdk.report.inventory import inventory, inventory_json, inventory_screen
from provsdk.report.verdicts import Verdict

NOW = datetime(2026, 11, 24, 2, 13, 26, tzinfo=UTC)
WRONG = Checksum(algorithm="md5", stated="md5:" + "0" * 32, result="mismatch", why=None)


@pytest.fixture
def records(build):
    """Records with one source each; every one is a record of its own."""

    def records(*sources, tenant="acme"):
        context = build.changed(build.record().context, tenant=tenant)
        return [
            build.record(record_id=f"rec_{number}", sources=[source], context=context)
            for number, source in enumerate(sources)
        ]

    return records


def test_a_source_of_several_records_stands_once(build, records):
    (line,) = inventory(records(build.source(1), build.source(1), build.source(1)), NOW)
    assert (line.source.name, line.records, line.number) == ("wrapt/README.rst", 3, 1)


def test_it_is_the_same_by_type_location_and_version(build, records):
    changes = [{}, {"version": "2"}, {"type": "api"}, {"location": "/elsewhere"}, {"name": "another name"}]
    lines = inventory(records(*(build.source(1, **each) for each in changes)), NOW)
    assert sorted(line.records for line in lines) == [1, 1, 1, 2]


def test_pages_of_one_directory_are_told_apart_by_name(build, records):
    """Where one record has several names for a location, each is a source of its own, in every record."""
    pages = [
        build.source(number, name=name, location="/handbook/", digest=name) for number, name in ((1, "a"), (2, "b"))
    ]
    both = build.record(record_id="rec_both", sources=pages)
    lines = inventory([both, *records(*pages, tenant=both.context.tenant)], NOW)
    assert [(line.source.name, line.records) for line in lines] == [("a", 2), ("b", 2)]


def test_what_goes_by_another_name_each_time_is_one_and_counts_all(build, records):
    changes = [{"name": f"asked {n}", "digest": f"sha256:{n}", "join_digest": f"{n}"} for n in range(3)]
    (line,) = inventory(records(*(build.source(1, **each) for each in changes)), NOW)
    assert (line.records, line.contents) == (3, 3)


def test_without_a_location_it_is_the_same_by_content(build, records):
    changes = [{"join_digest": "a"}, {"join_digest": "a", "name": "other"}, {"join_digest": "b"}]
    lines = inventory(records(*(build.source(1, location=None, **each) for each in changes)), NOW)
    assert sorted(line.records for line in lines) == [1, 2]


def test_tenants_share_no_source(build, records):
    both = records(build.source(1)) + records(build.source(1), tenant="other")
    assert [line.tenant for line in inventory(both, NOW)] == ["acme", "other"]


def test_what_most_records_rest_on_comes_first(build, records):
    first, second = build.source(1, name="a", location="/a"), build.source(1, name="b", location="/b")
    lines = inventory(records(first, second, second), NOW)
    assert [(line.number, line.source.name) for line in lines] == [(1, "b"), (2, "a")]


def test_it_is_shown_as_it_was_last_loaded_and_counts_its_contents(build, records):
    early = build.source(1, retrieved_at=build.at(0), digest="sha256:1", join_digest="j1")
    late = build.source(1, retrieved_at=build.at(9_000_000), digest="sha256:2", join_digest="j2")
    (line,) = inventory(records(late, early), NOW)
    assert (line.source.digest, line.record_id, line.contents) == ("sha256:2", "rec_0", 2)
    assert line.first_at == build.at(0)


def test_a_load_that_failed_brought_none(build, records):
    assert inventory(records(build.source(1, status="failed")), NOW) == ()


@pytest.mark.parametrize(
    ("days", "score", "stale"), [(0, 1.0, False), (2, 0.7, False), (8, 0.5, False), (31, 0.3, True)]
)
def test_freshness_is_from_the_age_now(build, records, days, score, stale):
    modified = (NOW - timedelta(days=days)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    (line,) = inventory(records(build.source(1, modified_at=modified)), NOW)
    assert (line.freshness, line.stale) == (score, stale)


def test_without_a_date_the_last_load_counts(build, records):
    (line,) = inventory(records(build.source(1, modified_at=None)), NOW + timedelta(days=40))
    assert line.stale


def screen(lines, verdicts):
    console = Console(width=140, markup=False, emoji=False, highlight=False)
    with console.capture() as captured:
        console.print(inventory_screen(lines, verdicts))
    return captured.get()


def test_the_screen_says_what_is_policy_and_what_is_wrong(build, records):
    lines = inventory(records(build.source(1, checksum=WRONG), build.source(1, checksum=WRONG)), NOW)
    text = screen(lines, {})
    assert "wrapt/README.rst · of acme · checksum MISMATCH in 2" in text
    assert "default of policy for the type, not evidence" in text
    assert "Now" not in text
    assert "gone: there is no such file" in screen(lines, {1: Verdict("gone", "there is no such file")})


def test_the_json_has_what_the_screen_has(build, records):
    lines = inventory(records(build.source(1, checksum=WRONG)), NOW)
    found = inventory_json(lines[0], Verdict("changed", "its bytes", "sha256:00"))
    assert (found["records"], found["mismatches"], found["checksum"]["result"]) == (1, 1, "mismatch")
    assert found["check"] == {"result": "changed", "why": "its bytes", "observed": "sha256:00"}
    assert "check" not in inventory_json(lines[0], None)
