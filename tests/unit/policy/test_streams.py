"""Streams through checks: nothing leaves of which a find would be a part, and the record says how much had left."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provsdk import OutputBlocked, traced_output, traced_source
from provsdk.policy import (
    AuditRequirement,
    ContentFilter,
    DataClassification,
    PiiScan,
    RateLimit,
    SecurityScan,
    rule,
)
from provsdk.policy.window import HELD_BACK
from provsdk.testing import captured_records

KEY = "AKIA" + "IOSFODNN7EXAMPLE"
FINE = ["some fine words. "] * 20


def read(kind, chunks):
    """What reached the reader, and what it was stopped by."""
    got = []

    @traced_output("answer")
    def stream():
        yield from chunks
        return "returned"

    @traced_output("answer")
    async def astream():
        for chunk in chunks:
            yield chunk

    async def all_of_it():
        async for chunk in astream():
            got.append(chunk)  # noqa: PERF401 what came before it was withheld is kept

    def to_the_end():
        reader, returned = stream(), None
        while True:
            try:
                got.append(next(reader))
            except StopIteration as end:
                returned = end.value
                break
        assert returned == "returned"

    try:
        to_the_end() if kind == "sync" else asyncio.run(all_of_it())
    except OutputBlocked as error:
        return got, error
    return got, None


kinds = pytest.mark.parametrize("kind", ["sync", "async"])


@kinds
def test_what_is_fine_arrives_whole_and_in_chunks(kind):
    with captured_records(checks=["security_scan", "pii_scan"]) as records:
        got, error = read(kind, [*FINE, "the end"])

    assert error is None
    assert "".join(got) == "".join([*FINE, "the end"])
    assert len(got) > 10
    assert "" not in got
    (record,) = records
    assert record.output.status == "completed"
    assert record.output.size_bytes == len("".join(got))
    assert [(check.name, check.result, check.stage) for check in record.policy_checks] == [
        ("security_scan", "pass", "chunk"),
        ("pii_scan", "pass", "chunk"),
    ]


@kinds
@pytest.mark.parametrize(
    "pieces", [[KEY], [KEY[:8], KEY[8:]], list(KEY)], ids=["at once", "in two", "letter by letter"]
)
def test_a_stream_stops_before_what_is_withheld_begins_to_leave(kind, pieces):
    with captured_records(checks=["security_scan"]) as records:
        got, error = read(kind, [*FINE, *pieces, " and more", *FINE])

    assert "aws_access_key_id: 1" in str(error)
    said = "".join(got)
    assert "".join(FINE).startswith(said)
    (record,) = records
    assert record.output.status == "blocked"
    assert (record.output.size_bytes, record.output.stream.chunks) == (len(said), len(got))
    (check,) = record.policy_checks
    assert [(one.start, one.end) for one in check.findings] == [(len("".join(FINE)), len("".join(FINE)) + len(KEY))]


@kinds
def test_at_the_end_of_a_short_stream_it_is_the_same(kind):
    with captured_records(checks=["security_scan"]) as records:
        got, error = read(kind, ["the key is ", KEY])

    assert (got, records[-1].output.status) == ([], "blocked")
    assert error is not None


@kinds
def test_finds_are_redacted_on_their_way(kind):
    with captured_records(checks=[rule(PiiScan(), redact=True)]) as records:
        got, _ = read(kind, [*FINE, "write to ana@ex", "ample.org ", "or bob@example.org ", *FINE])

    assert "".join(got) == "".join([*FINE, "write to [email] or [email] ", *FINE])
    (check,) = records[-1].policy_checks
    assert (check.result, check.reasons) == ("pass", ["redacted email: 2"])
    begin = len("".join(FINE)) + len("write to ")
    assert (check.findings[0].start, check.findings[0].end) == (begin, begin + len("ana@example.org"))


@kinds
def test_in_the_other_modes_the_stream_goes_on_and_its_end_says_what_was_found(kind):
    with captured_records(checks=[rule(ContentFilter(("guarantee",)), mode="record")]) as records:
        got, _ = read(kind, [*FINE, "we guar", "antee it ", *FINE])

    assert "guarantee" in "".join(got)
    assert [(check.result, check.reasons) for check in records[-1].policy_checks] == [("fail", ["term: 1"])]


@kinds
def test_what_finds_no_places_is_asked_once_before_anything_leaves(kind):
    with captured_records(checks=[rule(RateLimit(1, 60), mode="block")]) as records:
        assert read(kind, FINE) == (FINE, None)
        got, error = read(kind, FINE)

    assert (got, "rate_limit" in str(error)) == ([], True)
    assert [check.result for record in records for check in record.policy_checks] == ["pass", "fail"]


def test_a_stream_that_is_not_read_on_says_what_was_made_of_what_had_left():
    @traced_output("answer")
    def stream():
        yield from FINE

    with captured_records(checks=["security_scan"]) as records:
        reader = stream()
        next(reader)
        reader.close()

    (record,) = records
    assert record.output.status == "closed_early"
    assert [check.result for check in record.policy_checks] == ["pass"]


def test_chunks_that_are_no_text_are_looked_at_and_stop_the_stream():
    @traced_output("answer")
    def stream():
        yield {"text": "fine"}
        yield {"text": f"the key is {KEY}"}

    got = []
    with captured_records(checks=["security_scan"]), pytest.raises(OutputBlocked):
        got.extend(stream())

    with captured_records(checks=["security_scan"]):
        reader = stream()
        assert next(reader) == {"text": "fine"}
        with pytest.raises(OutputBlocked):
            next(reader)


@settings(max_examples=60, deadline=None)
@given(
    before=st.text(alphabet="abc de.", max_size=200),
    after=st.text(alphabet="abc de.", max_size=200),
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=40),
)
def test_however_a_stream_is_cut_nothing_of_a_find_leaves(before, after, cuts):
    from provsdk.policy.window import Window

    text = f"{before} {KEY} {after}"
    window, left, at = Window((rule(SecurityScan()),)), "", 0
    withheld = ()
    for size in cuts * (len(text) // sum(cuts) + 1):
        chunk, at = text[at : at + size], at + size
        out, withheld = window.take(chunk)
        if withheld:
            break
        left += "".join(out)
    if not withheld:
        rest, withheld = window.end()
        assert rest is None

    assert withheld[0].verdict.result == "fail"
    assert f"{before} ".startswith(left)
    assert len(left) >= min(len(before) + 1, at) - HELD_BACK - max(cuts)


class Breaks:
    """Finds nothing, as it always breaks."""

    name, type, version = "breaks", "content_filter", None

    def find(self, text):
        raise ValueError("a secret")

    def check(self, subject):
        raise ValueError("a secret")


@kinds
def test_a_check_that_breaks_blocks_a_stream_too_unless_told_otherwise(kind):
    with captured_records(checks=[rule(Breaks(), mode="block")]) as records:
        got, error = read(kind, FINE)
    assert (got, str(error), records[-1].output.status) == ([], "output withheld: breaks: broke", "blocked")

    with captured_records(checks=[rule(Breaks(), mode="block", on_error="proceed")]) as records:
        assert "".join(read(kind, FINE)[0]) == "".join(FINE)
    assert [check.result for check in records[-1].policy_checks] == ["error"]


@kinds
def test_text_that_is_held_back_leaves_before_a_chunk_that_is_no_text(kind):
    with captured_records(checks=["security_scan"]):
        got, _ = read(kind, ["hello world ", {"done": True}, "bye"])

    assert got == ["hello world ", {"done": True}, "bye"]


@kinds
def test_chunks_that_are_no_text_are_redacted_by_themselves(kind):
    with captured_records(checks=[rule(PiiScan(), redact=True)]) as records:
        got, _ = read(kind, [{"to": "ana@example.org"}, b"mail ana@example.org ok"])

    assert got == [{"to": "[email]"}, b"mail [email] ok"]
    assert records[-1].policy_checks[0].reasons == ["redacted email: 2"]


@kinds
def test_rules_that_find_the_same_place_redact_it_once(kind):
    checks = [rule(PiiScan(), redact=True), rule(ContentFilter(("ana", "example", "org")), redact=True)]
    with captured_records(checks=checks):
        got, _ = read(kind, ["mail ana@example.org and more ", *FINE])

    assert "".join(got) == "".join(["mail [email] and more ", *FINE])


@kinds
def test_rules_of_one_name_have_their_own_finds(kind):
    checks = [rule(PiiScan(("email",)), mode="record"), rule(PiiScan(("credit_card",)), mode="block")]
    with captured_records(checks=checks) as records:
        _, error = read(kind, ["mail ana@example.org and more ", *FINE])

    assert error is None
    assert [check.result for check in records[-1].policy_checks] == ["fail", "pass"]


@kinds
def test_a_find_that_is_long_and_comes_letter_by_letter_is_redacted(kind):
    block = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" * 40 + "-----END PRIVATE KEY-----"
    with captured_records(checks=[rule(SecurityScan(), redact=True)]):
        got, _ = read(kind, ["key: ", *block, " and more"])

    assert "".join(got) == "key: [private_key] and more"


def test_a_stream_whose_close_fails_is_blocked_all_the_same():
    class Client:
        def __init__(self):
            self.left = iter([*FINE, KEY, " more", *FINE])

        def __iter__(self):
            return self

        def __next__(self):
            return next(self.left)

        def close(self):
            raise OSError("cannot be closed")

    opened = traced_output("answer")(lambda: Client())  # noqa: PLW0108 of the class its methods would be traced
    with captured_records(checks=["security_scan"]) as records:
        stream = opened()
        with pytest.raises(OutputBlocked):
            list(stream)
        assert list(stream) == []

    assert records[-1].output.status == "blocked"


def test_a_generator_that_cleans_up_is_within_its_output_and_may_fail():
    cleaned = []

    @traced_output("answer")
    def stream():
        try:
            yield from [*FINE, KEY, *FINE]
        finally:
            cleaned.append(True)
            raise OSError("cannot clean up")

    with captured_records(checks=["security_scan"]) as records, pytest.raises(OutputBlocked):
        list(stream())

    assert (cleaned, records[-1].output.status) == ([True], "blocked")


@kinds
def test_a_failure_that_warns_is_in_the_log(kind, caplog):
    with captured_records(checks=[rule(ContentFilter(("guarantee",)), mode="warn")]):
        read(kind, [*FINE, "we guarantee it"])

    assert len([one for one in caplog.records if "content_filter: fail of answer" in one.message]) == 1


@kinds
def test_labels_are_asked_of_each_chunk_and_what_has_to_be_known_at_the_end(kind):
    secret = traced_source("plan", type="file", classification="restricted")(
        lambda: "The merger with the northern company is planned for May."
    )

    def chunks():
        yield "Intro. "
        yield secret()

    checks = [rule(DataClassification(), mode="block"), rule(AuditRequirement(("sources",)), mode="block")]
    with captured_records(checks=checks) as records:
        got, error = read(kind, chunks())
    assert (got, "restricted by plan" in str(error)) == (["Intro. "], True)

    with captured_records(checks=checks[1:]) as records:
        got, error = read(kind, chunks())
    assert (len(got), error) == (2, None)
    assert [check.result for check in records[-1].policy_checks] == ["pass"]
