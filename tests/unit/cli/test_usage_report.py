"""Usage reports of providers are read as their APIs answer; one that counts no requests is told from one that does."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from provsdk.cli.counts import Wanted, read_count
from provsdk.errors import FormatError

DAY = timedelta(days=1)
START = datetime(2026, 11, 24, tzinfo=UTC)


def read(text, **wanted):
    return read_count(text.encode().splitlines(keepends=True), Wanted(**wanted))


def openai_page(*days, more=False):
    """As `GET /v1/organization/usage/completions` answers; a day is the numbers of its groups."""
    data = [
        {
            "object": "bucket",
            "start_time": int((START + n * DAY).timestamp()),
            "end_time": int((START + (n + 1) * DAY).timestamp()),
            "results": [
                {
                    "object": "organization.usage.completions.result",
                    "input_tokens": 1000,
                    "output_tokens": 500,
                    "num_model_requests": requests,
                    "project_id": None,
                    "model": "gpt-5-mini",
                }
                for requests in groups
            ],
        }
        for n, groups in enumerate(days)
    ]
    return {"object": "page", "data": data, "has_more": more, "next_page": "page_A" if more else None}


def anthropic_page(usage):
    """As `GET /v1/organizations/analytics/usage` answers."""
    row = {"starting_at": "2026-11-24T00:00:00Z", "ending_at": "2026-11-25T00:00:00Z", "group": {"model": "claude-x"}}
    return {"data": [{**row, "usage": usage}], "has_more": False, "next_page": None}


@pytest.mark.parametrize("indent", [None, 2])
def test_a_page_of_openai_is_recognised_on_one_line_and_on_many(indent):
    count = read(json.dumps(openai_page([5, 2], [], [3]), indent=indent))

    assert (count.format, count.counted_by) == ("usage", "num_model_requests")
    assert [(one.number, one.time, one.end, one.count) for one in count.lines] == [
        (1, START, START + DAY, 5),
        (1, START, START + DAY, 2),
        (2, START + DAY, START + 2 * DAY, 0),
        (3, START + 2 * DAY, START + 3 * DAY, 3),
    ]


def test_pages_may_stand_after_each_other():
    pages = "\n".join(json.dumps(openai_page([n], more=n == 1), indent=2) for n in (1, 2))

    assert [one.count for one in read(pages).lines] == [1, 2]


@pytest.mark.parametrize("indent", [None, 2])
def test_buckets_that_somebody_gathered_into_a_list_are_read(indent):
    assert [one.count for one in read(json.dumps(openai_page([1], [2])["data"], indent=indent)).lines] == [1, 2]


def test_a_page_of_anthropic_counts_requests():
    (line,) = read(json.dumps(anthropic_page({"requests": 7, "output_tokens": 900}))).lines

    assert (line.time, line.end, line.count) == (START, START + DAY, 7)


@pytest.mark.parametrize(
    "page",
    [
        anthropic_page({"uncached_input_tokens": 1500, "output_tokens": 500}),
        {
            "data": [
                {
                    "starting_at": "2026-11-24T00:00:00Z",
                    "ending_at": "2026-11-25T00:00:00Z",
                    "results": [{"uncached_input_tokens": 1500, "output_tokens": 500}],
                }
            ],
            "has_more": False,
        },
        {
            "object": "page",
            "data": [
                {
                    "object": "bucket",
                    "start_time": 1793491200,
                    "end_time": 1793577600,
                    "results": [{"object": "organization.costs.result", "amount": {"value": 0.06, "currency": "usd"}}],
                }
            ],
        },
    ],
    ids=["tokens by analytics", "tokens by usage_report", "costs"],
)
def test_a_report_of_tokens_or_costs_says_that_it_counts_no_requests(page):
    with pytest.raises(FormatError, match=r"^bucket 1: says nothing of requests, in num_model_requests or requests"):
        read(json.dumps(page))


@pytest.mark.parametrize(
    ("text", "wanted", "said"),
    [
        ('{\n  "a": 1\n}\n', {}, "bucket 1: not of a usage report; other JSON has to stand in lines"),
        ('[{"a": 1}]\n', {}, "bucket 1: not of a usage report"),
        ('{\n  "a": 1,\n}\n', {}, "line 3: not JSON"),
        ('{\n\n"data"\n', {}, "line 3: not JSON"),
        ("[" * 100_000, {"format": "usage"}, "line 1: not JSON: RecursionError"),
        (json.dumps(openai_page([2.5])), {}, "bucket 1: num_model_requests: not a count"),
        (json.dumps(openai_page([1], [-1])), {}, "bucket 2: num_model_requests: not a count"),
    ],
)
def test_what_is_no_report_is_told_with_its_place(text, wanted, said):
    with pytest.raises(FormatError, match="^" + re.escape(said)):
        read(text, **wanted)


EXPORT = (
    "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,model,input_tokens,output_tokens\n"
    "1793491200,1793491260,2026-11-01T00:00:00+00:00,2026-11-01T00:01:00+00:00,proj_1,4,gpt-5-mini,10,20\n"
    "1793491260,1793491320,2026-11-01T00:01:00+00:00,2026-11-01T00:02:00+00:00,proj_1,,gpt-5-mini,0,0\n"
)


def test_an_export_of_openais_usage_page_needs_no_word_of_what_counts():
    count = read(EXPORT.replace("proj_1,,", "proj_1,1,"))

    assert (count.format, count.counted_by) == ("csv", "num_model_requests")
    assert [(one.count, one.end - one.time) for one in count.lines] == [
        (4, timedelta(minutes=1)),
        (1, timedelta(minutes=1)),
    ]


def test_a_line_of_an_export_that_lacks_its_number_is_told():
    with pytest.raises(FormatError, match=r"^line 3: num_model_requests: not a count"):
        read(EXPORT)


def test_lines_that_stand_for_a_stretch_of_time_are_not_counted_as_one_each():
    with pytest.raises(FormatError, match=r"^line 2: stands for a stretch of time.*--count"):
        read(EXPORT.replace("num_model_requests", "amount"))


def test_a_request_with_a_beginning_and_an_end_is_one():
    line = {"start_time": "2026-11-26T08:00:00.120Z", "end_time": "2026-11-26T08:01:00.120Z"}

    assert [one.count for one in read(json.dumps(line)).lines] == [1]
