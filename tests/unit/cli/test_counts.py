"""Independent counts are read line by line; what is wrong is told with its line."""

import re
from datetime import UTC, datetime

import pytest

from provsdk.cli.counts import Wanted, read_count
from provsdk.cli.moments import moment_of
from provsdk.errors import FormatError

COMMON = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /answer HTTP/1.0" 200 2326'
COMBINED = COMMON + ' "http://example.org/start" "Mozilla/4.08 [en] (Win98; \\"I\\")"'
AT = datetime(2000, 10, 10, 20, 55, 36, tzinfo=UTC)
RECORD = "rec_" + "a" * 32 + "-" + "b" * 16


def read(text, **wanted):
    data = text if isinstance(text, bytes) else text.encode()
    return read_count(data.splitlines(keepends=True), Wanted(**wanted))


class TestFormats:
    @pytest.mark.parametrize("line", [COMMON, COMBINED])
    def test_an_access_log_is_recognised(self, line):
        count = read(line + "\n")

        assert count.format == "access-log"
        assert [(one.number, one.time, one.id, one.count) for one in count.lines] == [(1, AT, None, 1)]

    def test_an_id_of_ours_is_found_anywhere_in_a_line(self):
        assert read(f'{COMBINED} "{RECORD}"\n').lines[0].id == RECORD

    @pytest.mark.parametrize(
        ("field", "expected"), [("user", "frank"), ("referer", "http://example.org/start"), ("10", "x-1")]
    )
    def test_a_field_of_an_access_log_goes_by_name_and_beyond_the_ninth_by_number(self, field, expected):
        assert read(f'{COMBINED} "x-1"\n', id_field=field).lines[0].id == expected

    def test_json_lines_are_recognised_and_their_usual_fields_known(self):
        count = read('{"timestamp": "2026-11-26T08:00:00Z", "trace_id": "' + "c" * 32 + '"}\n\n{"ts": 1795000000}\n')

        assert count.format == "jsonl"
        assert [(one.number, one.id) for one in count.lines] == [(1, "c" * 32), (3, None)]
        assert count.lines[1].time == datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC)

    @pytest.mark.parametrize(
        "line",
        [
            '{"DownstreamStatus":200,"StartUTC":"2026-11-26T07:59:59.9Z","time":"2026-11-26T08:00:00Z"}',
            '{"start_time":"2026-11-26T08:00:00.000Z","method":"GET","path":"/ask","response_code":200,"duration":12}',
            '{"level":"info","ts":1795680000.0,"logger":"http.log.access","request":{"uri":"/ask"},"status":200}',
        ],
        ids=["Traefik", "Envoy", "Caddy"],
    )
    def test_proxies_that_write_json_need_no_field_named(self, line):
        assert [one.time for one in read(line).lines] == [datetime(2026, 11, 26, 8, tzinfo=UTC)]

    def test_nested_fields_are_named_with_full_stops(self):
        line = '{"request": {"id": "r-1", "at": "2026-11-26"}}'

        (one,) = read(line, id_field="request.id", time_field="request.at").lines
        assert (one.id, one.time) == ("r-1", datetime(2026, 11, 26, tzinfo=UTC))

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_csv_is_recognised_with_its_delimiter(self, delimiter):
        rows = ["\ufeffTime,Requests,Note", '2026-11-26,12,"a,b\nc"', "2026-11-27,1,d", ""]
        text = "\n".join(rows).replace(",", delimiter)

        count = read(text, count_field="requests")

        assert count.format == "csv"
        assert [(one.number, one.count) for one in count.lines] == [(2, 12), (4, 1)]

    def test_a_dash_or_nothing_is_no_id(self):
        lines = '{"id": "-"}\n{"id": ""}\n{"id": null}\n{}\n{"id": "x"}\n'

        assert [one.id for one in read(lines, id_field="id").lines] == [None, None, None, None, "x"]

    def test_only_lines_that_are_wanted_count(self):
        count = read(f"{COMMON}\n{COMMON.replace('/answer', '/health')}\n", only=re.compile(r"GET /answer"))

        assert (len(count.lines), count.left_out) == (1, 1)

    def test_messages_of_the_server_between_its_lines_need_to_be_of_no_format_where_only_others_are_wanted(self):
        text = f"INFO:     Watching: ['a', 'b']\n{COMMON}\nINFO:     Shutting down\n"

        count = read(text, only=re.compile(r"GET /answer"))

        assert (count.format, [one.number for one in count.lines], count.left_out) == ("access-log", [2], 2)

    def test_a_message_that_looks_like_a_table_is_passed_over_where_only_others_are_wanted(self):
        text = f"INFO:     Started\nno record: 1 (of emi_0); `provsdk gaps` names it\n{COMMON}\n"

        assert read(text, only=re.compile(r"GET /answer")).format == "access-log"

    def test_where_no_line_is_wanted_the_format_need_not_be_known(self):
        count = read("INFO: one\nINFO: two\n", only=re.compile("GET"))

        assert (count.lines, count.left_out) == ((), 2)

    def test_an_empty_file_counts_nothing(self):
        assert read("").lines == read("\n\n").lines == ()


class TestHostileFiles:
    @pytest.mark.parametrize(
        ("text", "wanted", "said"),
        [
            (COMMON.encode() + b"\n\xff\xfe\n", {}, "line 2: not UTF-8"),
            (COMMON + "\na\0b\n", {}, "line 2: holds a NUL"),
            (COMMON + "\n" + "x" * 2_000_000 + "\n", {}, "line 2: longer than"),
            (COMMON + "\nsomething else\n", {}, "line 2: not in a known format of access logs"),
            (COMMON.replace("10/Oct", "99/Oct") + "\n", {}, "line 1: no access log"),
            (COMMON.replace("10/Oct", "10/Xyz"), {"format": "access-log"}, "line 1: not in a known format"),
            (COMMON.replace("-0700", "-9900"), {"format": "access-log"}, "line 1: not in a known format"),
            ('{"time": 1}\n{"time": \n', {}, "line 2: not JSON"),
            ('{"time": 1}\n[1]\n', {}, "line 2: not a JSON object"),
            ('{"a": ' * 100_000 + "1" + "}" * 100_000, {"format": "jsonl"}, "line 1: not JSON: RecursionError"),
            ('{"time": 1, "n": ' + "9" * 6000 + "}", {}, "line 1: not JSON: ValueError"),
            ('{"time": "yesterday"}', {}, "line 1: not a time"),
            ('{"time": 1e400}', {}, "line 1: not a time"),
            ('{"time": "0001-01-01"}', {}, "line 1: not a time"),
            ('{"time": true}', {}, "line 1: not a time"),
            ('{"at": 1}', {"time_field": "when"}, "line 1: there is no field 'when'; there are: at"),
            ("time,n\n1,2\n1\n", {}, "line 3: 1 fields, and the first line names 2"),
            ("time,time\n1,2\n", {}, "line 1: two columns of one name"),
            ('time,n\n1,"2\n', {}, "line 2: not CSV"),
            ("time,n\n1,-2\n", {"count_field": "n"}, "line 2: n: not a count"),
            ("time,n\n1,2.5\n", {"count_field": "n"}, "line 2: n: not a count"),
            ("time,n\n1," + "9" * 400 + "\n", {"count_field": "n"}, "line 2: n: not a count"),
            ("time,n\n1," + "9" * 200_000 + "\n", {}, "line 2: not CSV"),
            ("INFO:     Application startup complete.\n", {}, "line 1: no access log, JSON lines, usage report or CSV"),
            ("2026-11-26 08:00:00,000 INFO: Started\n", {}, "line 1: no access log, JSON lines, usage report or CSV"),
            ("words\n", {}, "line 1: no access log, JSON lines, usage report or CSV"),
            ("[ " * 400_000 + "\n", {}, "line 1: no access log, JSON lines, usage report or CSV"),
            ('INFO:     127.0.0.1:5 - "GET /ask HTTP/1.1" 200 OK\n', {}, "line 1: an access log without times"),
        ],
    )
    def test_are_told_with_the_line(self, text, wanted, said):
        with pytest.raises(FormatError, match="^" + re.escape(said)):
            read(text, **wanted)

    def test_the_message_holds_nothing_of_the_line(self):
        with pytest.raises(FormatError) as caught:
            read('{"time": 1}\n{"secret-question": \n')

        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-18T11:06:40Z",
        "2026-11-18T12:06:40+01:00",
        "2026-11-18 11:06:40",
        1795000000,
        "1795000000.0",
        1795000000000,
        1795000000000000,
        1795000000000000000,
    ],
)
def test_times_are_read_in_the_ways_that_logs_write_them(value):
    assert moment_of(value) == datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC)
