"""A record is wanted where it is all that is asked for."""

from datetime import UTC, datetime

import pytest

from provsdk.errors import UsageError
from provsdk.questions.filters import Filter
from provsdk.store.contract import Summary

MADE = "2026-11-24T02:13:26.240000Z"


def summary(**changes):
    facts = {
        "record_id": "rec_1",
        "output_id": "out_1",
        "name": "support-answer",
        "status": "completed",
        "generated_at": MADE,
        "classification": "internal",
        "sources": 2,
        "transformations": 1,
        "model_calls": 1,
        "policy_checks": 1,
        "complete": False,
        "entry": 1,
    }
    return Summary(**{**facts, **changes})


def at(second):
    return datetime(2026, 11, 24, 2, 13, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({}, True),
        ({"name": "support-answer"}, True),
        ({"name": "support-*"}, True),
        ({"name": "support"}, False),
        ({"status": "completed"}, True),
        ({"status": "failed"}, False),
        ({"classification": "internal"}, True),
        ({"classification": "public"}, False),
        ({"since": at(26)}, True),
        ({"since": at(27)}, False),
        ({"until": at(27)}, True),
        ({"until": at(26)}, False),
        ({"incomplete": True}, True),
        ({"name": "support-*", "status": "failed"}, False),
    ],
)
def test_a_summary_says_so(wanted, fits):
    assert Filter(**wanted).fits_summary(summary()) is fits
    assert not Filter(**wanted).reads_records


def test_of_what_cannot_be_read_nothing_is_known_to_fit():
    locked = summary(name=None, status=None, generated_at=None, classification=None, complete=None)

    assert Filter().fits_summary(locked)
    for wanted in ({"name": "*"}, {"status": "*"}, {"classification": "*"}, {"since": at(1)}):
        assert not Filter(**wanted).fits_summary(locked)
    assert not Filter(incomplete=True).fits_summary(summary(complete=True))


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({"source": "wrapt/README.rst"}, True),
        ({"source": "postgres://db/*"}, True),
        ({"source": "another"}, False),
        ({"model": "gpt-5-mini"}, True),
        ({"model": "gpt-5-mini-2026-08-07"}, True),
        ({"model": "openai/gpt-*"}, True),
        ({"model": "anthropic/*"}, False),
        ({"owner": "ana@example.org"}, True),
        ({"owner": "ml-team"}, True),
        ({"owner": "nobody"}, False),
        ({"check": "pass"}, True),
        ({"check": "fail"}, False),
        ({"check": "pii_scan"}, True),
        ({"check": "no personal data=pass"}, True),
        ({"check": "pii_*=fail"}, False),
        ({"subject": "c-1"}, True),
        ({"subject": "c-2"}, False),
        ({"session": "s-17"}, True),
        ({"session": "s-18"}, False),
        ({"source": "orders", "model": "another"}, False),
    ],
)
def test_a_record_says_so(build, wanted, fits):
    record = build.record(context=build.changed(build.record().context, subjects=["c-1"]))

    assert Filter(**wanted).reads_records
    assert Filter(**wanted).fits_record(record) is fits


def test_another_result_of_a_check_is_refused_with_the_allowed_ones():
    with pytest.raises(UsageError, match="'passed' is no result of a check; allowed: error, fail, pass"):
        Filter(check="pii_scan=passed")


def test_a_time_without_an_offset_is_no_moment():
    with pytest.raises(UsageError, match="need an offset"):
        Filter(since=datetime(2026, 11, 24))  # noqa: DTZ001 that is what it is about


def test_empty_text_is_asked_for_as_it_is():
    assert Filter(owner="").reads_records


def test_a_record_that_cannot_be_read_is_not_known_to_be_incomplete():
    assert not Filter(incomplete=True).fits_summary(summary(complete=None))


def test_a_call_without_a_provider_has_none_of_that_name(build):
    (call,) = build.record().model_calls
    record = build.record(model_calls=[build.changed(call, provider=None)])

    assert Filter(model=call.model).fits_record(record)
    assert not Filter(model=f"None/{call.model}").fits_record(record)
