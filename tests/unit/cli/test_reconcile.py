"""reconcile: records beside a count that somebody else made, on a real store."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def three(seal, numbered):
    """Outputs `answer-1` to `answer-3`, made at 02:13:26, :27 and :28; each with a model call of one response id."""
    records = [numbered(number) for number in (1, 2, 3)]
    seal(*records)
    return records


@pytest.fixture
def against(tmp_path, run):
    def against(text, *options, code=0):
        file = tmp_path / "count.txt"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return run("reconcile", "--against", str(file), *options, code=code)

    return against


def access(second, path="/answer", more=""):
    return f'192.0.2.1 - - [24/Nov/2026:02:13:{second:02d} +0000] "POST {path} HTTP/1.1" 200 12{more}\n'


def test_an_access_log_with_as_many_lines_agrees(against, three):
    result = against(access(26) + access(27) + access(28))

    assert result.stdout == ""
    assert "3 counted in the file (access-log, by time), 3 by records in the same time: 0 without" in result.stderr


def test_an_output_that_was_never_instrumented_is_found_by_its_line(against, three):
    result = against(access(26) + access(27) + access(28) + access(35), code=1)

    assert "Where the numbers differ" in result.stdout
    assert "Outputs without a record" in result.stdout
    assert "2026-11-24 02:13:35" in result.stdout
    assert "1 without a record, 0 without a line" in result.stderr


def test_by_time_the_lines_and_records_that_are_left_are_listed(against, three):
    found = json.loads(against(access(25) + access(28) + access(40), "--tolerance", "2", "--json", code=1).stdout)

    assert found["by"] == "time"
    assert [one["line"] for one in found["lines_left"]] == [3]
    assert [(one["name"], one["count"]) for one in found["records_left"]] == [("answer-2", 1)]


def test_lines_that_are_no_outputs_are_left_out(against, three):
    result = against(access(26) + access(27) + access(28) + access(28, "/health"), "--only", "POST /answer")

    assert "1 line left out" in result.stderr


def test_ids_say_which_output_and_which_line(against, three):
    text = access(26, more=f' "-" "curl" "{three[0].record_id}"') + access(28, more=' "-" "curl" "-"')

    found = json.loads(against(text, "--id", "10", "--json", code=1).stdout)

    assert (found["by"], found["lines"], found["records"]) == ("id", 2, 3)
    assert [one["line"] for one in found["lines_left"]] == [2]
    assert [one["name"] for one in found["records_left"]] == ["answer-2", "answer-3"]
    assert (found["without_record"], found["without_line"]) == (1, 2)


def test_an_id_counts_whenever_its_line_was_written(against, three):
    lines = [{"id": one.record_id, "time": "2026-11-25T12:00:00Z"} for one in three]
    found = json.loads(against("\n".join(map(json.dumps, lines)), "--id", "id", "--json").stdout)
    assert (found["without_record"], found["without_line"]) == (0, 0)


def test_a_gateway_log_is_compared_by_response_id(against, three):
    response = three[0].model_calls[0].response_id
    lines = [
        {"ts": "2026-11-24T02:13:26Z", "response": {"id": response}},
        {"ts": "2026-11-24T02:13:27Z", "response": {"id": "other"}},
    ]

    text = "".join(json.dumps(one) + "\n" for one in lines)
    found = json.loads(against(text, "--id", "response.id", "--json", code=1).stdout)

    assert [one["id"] for one in found["lines_left"]] == ["other"]


def test_a_usage_export_is_compared_by_sums(against, three):
    calls = sum(len(record.model_calls) for record in three)
    text = f"start_time,num_model_requests\n2026-11-24,{calls}\n"
    options = ("--count", "num_model_requests", "--unit", "model-calls", "--period", "86400")

    against(text, *options)
    found = json.loads(against(text.replace(f",{calls}", f",{calls + 2}"), *options, "--json", code=1).stdout)

    assert found["periods"] == [
        {
            "start": "2026-11-24T00:00:00.000000Z",
            "lines": calls + 2,
            "records": calls,
            "without_record": 2,
            "without_line": 0,
        }
    ]


@pytest.fixture
def report(three, seal, numbered):
    """A provider's usage report of the day before and of that day, with so many requests more than were recorded.

    A fourth output was made without a model.
    """
    seal(numbered(4, model_calls=[]))

    def report(more=0):
        calls = sum(len(record.model_calls) for record in three)
        starts = [1795392000, 1795478400]
        buckets = [
            {"start_time": start, "end_time": start + 86400, "results": [{"num_model_requests": number}]}
            for start, number in zip(starts, (0, calls + more), strict=True)
        ]
        return json.dumps({"object": "page", "data": buckets, "has_more": False}, indent=2)

    return report


def test_a_providers_usage_report_is_compared_by_model_calls_in_its_own_buckets(against, report, three):
    agreed = json.loads(against(report(), "--json").stdout)
    found = json.loads(against(report(2), "--json", code=1).stdout)

    assert (agreed["format"], agreed["without_record"], agreed["without_line"]) == ("usage", 0, 0)
    assert agreed["records"] == sum(len(record.model_calls) for record in three)
    assert [(one["start"], one["without_record"]) for one in found["periods"]] == [("2026-11-24T00:00:00.000000Z", 2)]


def test_what_a_usage_report_counts_can_be_said_to_be_outputs(against, report, three):
    assert json.loads(against(report(), "--unit", "outputs", "--json", code=1).stdout)["records"] == len(three) + 1


def test_a_usage_report_is_not_compared_in_less_than_it_counts_in(against, report):
    assert "--period 3600: the file counts in 86400 seconds" in against(report(), "--period", "3600", code=2).stderr


def test_a_bucket_that_begins_within_a_period_is_compared_from_there(against, three):
    bucket = {"start_time": "2026-11-24T02:13:27Z", "end_time": "2026-11-24T03:00:00Z", "num_model_requests": 2}

    found = json.loads(against(json.dumps([bucket]), "--unit", "outputs", "--json").stdout)

    assert (found["lines"], found["records"]) == (2, 2)


def test_records_of_before_the_files_time_stand_in_for_no_line(against, three):
    result = against(access(40) + access(41), code=1)

    assert "2 counted in the file (access-log, by time), 0 by records in the same time: 2 without" in result.stderr


def test_a_gateways_own_ids_do_not_keep_its_lines_from_being_compared(against, three):
    lines = [{"time": f"2026-11-24T02:13:{second}Z", "trace_id": f"{second:032x}"} for second in (26, 27, 28)]
    result = against("".join(json.dumps(one) + "\n" for one in lines))

    assert "no ids of records" in result.stderr
    assert "by time), 3 by records in the same time: 0 without a record, 0 without a line" in result.stderr
    against("".join(json.dumps(one) + "\n" for one in lines), "--id", "trace_id", code=1)


def test_one_kind_of_output_is_compared_alone(against, three):
    assert json.loads(against(access(27), "--name", "answer-2", "--json").stdout)["records"] == 1


def test_the_time_can_be_named(against, three):
    text = access(26) + access(28)

    named = json.loads(against(text, "--until", "2026-11-24T02:13:26Z", "--tolerance", "0.5", "--json").stdout)
    whole = json.loads(against(text, "--tolerance", "0.5", "--json", code=1).stdout)

    assert (named["records"], whole["records"]) == (1, 3)


def test_records_outside_of_the_files_time_are_no_findings(against, three):
    found = json.loads(against(access(27), "--tolerance", "0.9", "--json").stdout)

    assert (found["records"], found["without_record"], found["without_line"]) == (1, 0, 0)


def test_a_hostile_file_is_told_with_its_line(against, three):
    assert "line 1: not CSV" in against(b"time,n\r1,2\r", code=3).stderr
    result = against(access(26) + "nonsense\n", code=3)

    assert result.stdout == ""
    assert "count.txt, line 2: not in a known format of access logs" in result.stderr


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", (), "no line counts"),
        (access(26), ("--only", "nothing"), "--only leaves none"),
        (access(26), ("--only", "("), "not a regular expression"),
        (access(26), ("--since", "then"), "--since, --until"),
        ('{"a": 1}\n', (), "neither an id nor all of them a time"),
        (access(26), ("--format", "xml"), "'xml' is not one of"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(against, three, text, options, said):
    assert said in against(text, *options, code=2).stderr


def test_a_file_that_is_not_there_is_told(run, three):
    assert "missing.log" in run("reconcile", "--against", "missing.log", code=3).stderr


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
def test_a_file_without_an_end_of_a_line_is_not_read_whole(run, three):
    assert "line 1: longer than 1,048,576 bytes" in run("reconcile", "--against", "/dev/zero", code=3).stderr


def test_the_count_can_come_from_stdin(home, three):
    from click.testing import CliRunner

    from provsdk.cli.app import cli

    text = access(26) + access(27) + access(28)
    result = CliRunner().invoke(cli, ["reconcile", "--against", "-"], input=text, prog_name="provsdk")

    assert result.exit_code == 0, result.output


def test_what_a_hostile_line_holds_is_printed_harmless(against, three):
    result = against('{"ts": "2026-11-24T02:13:26Z", "id": "\\u001b[31m\\u202ered"}\n', "--id", "id", code=1)

    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout


@pytest.mark.parametrize("second", [26, 27])
def test_a_line_of_whole_seconds_finds_the_record_of_its_second(against, seal, numbered, build, second):
    made = numbered(1)
    seal(build.changed(made, generated_at="2026-11-24T02:13:26.700000Z"))

    assert "0 without a record, 0 without a line" in against(access(second), "--tolerance", "0.3").stderr


def test_a_tolerance_that_is_asked_for_counts_at_the_edges_too(against, three):
    text = access(16)

    assert "1 without a record, 0 without a line" in against(text, code=1).stderr
    assert "1 line without a record may go with records beyond" in " ".join(against(text, code=1).stderr.split())
    against(text, "--tolerance", "20")


def test_a_line_that_is_written_when_a_long_response_begins_is_that_outputs(against, seal, numbered, build):
    made = numbered(1)
    begun = build.changed(made.output, started_at="2026-11-24T02:13:25.100000Z", ended_at="2026-11-24T02:15:01.000000Z")
    seal(build.changed(made, output=begun, generated_at="2026-11-24T02:15:01.000000Z"))

    result = against(access(26))

    assert "1 counted in the file (access-log, by time), 1 by records" in result.stderr
    assert "beside the start of an output" in result.stderr
    assert json.loads(against(access(26), "--json").stdout)["moment"] == "start"
