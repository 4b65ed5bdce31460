"""Lines and records are compared by id or by time; what has no counterpart is named."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.cli.counts import Line
from provsdk.cli.reconciling import Made, Window, by_id, by_period, by_time, names_of

START = datetime(2026, 11, 26, 8, tzinfo=UTC)
ALWAYS = Window(None, None)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def key(n):
    return f"{n:032x}-{n:016x}"


def made(n, *, at=0, responses=(), count=1):
    moment = START + timedelta(seconds=at)
    return Made(f"rec_{key(n)}", "answer", moment, names_of(f"rec_{key(n)}", responses), count)


def line(number, name=None, *, at=0, count=1):
    return Line(number, START + timedelta(seconds=at), name, count)


class TestById:
    @pytest.mark.parametrize(
        "name",
        [
            f"rec_{key(1)}",
            f"out_{key(1)}",
            key(1),
            f"{1:032x}",
            f"{1:032X}",
            f"00-{1:032x}-{9:016x}-01",
            "chatcmpl-1",
        ],
    )
    def test_a_record_goes_by_record_output_trace_and_response_id(self, name):
        found = by_id([line(1, name)], [made(1, responses=["chatcmpl-1"])], ALWAYS)

        assert found.ok
        assert (found.lines, found.records) == (1, 1)

    def test_a_line_that_no_record_goes_by_is_an_output_without_a_record(self):
        found = by_id([line(1, key(1)), line(2, key(2)), line(3, None)], [made(1)], ALWAYS)

        assert [one.number for one in found.lines_left] == [2, 3]
        assert found.without_record == 2

    def test_a_record_that_no_line_names_is_a_record_without_a_line(self):
        found = by_id([line(1, key(1))], [made(1), made(2)], ALWAYS)

        assert [one.record_id for one in found.records_left] == [f"rec_{key(2)}"]
        assert (found.without_record, found.without_line) == (0, 1)

    def test_records_beyond_the_files_time_are_matched_and_not_missed(self):
        window = Window(START, START + MINUTE)

        found = by_id([line(1, key(1))], [made(1, at=-30), made(2, at=-30), made(3, at=90)], window)

        assert found.ok
        assert found.records == 1

    def test_lines_of_one_trace_are_one_records(self):
        assert by_id([line(1, f"{1:032x}"), line(2, f"{1:032x}")], [made(1)], ALWAYS).ok


class TestByTime:
    def compared(self, lines, records, window=ALWAYS, tolerance=MINUTE):
        lines = [line(number, at=at) for number, at in enumerate(lines, 1)]
        records = [made(number, at=at) for number, at in enumerate(records, 1)]
        return by_time(lines, records, window, tolerance=tolerance, period=HOUR)

    def test_equal_numbers_at_about_the_same_times_agree(self):
        assert self.compared([0, 3599, 7200], [7230, 3601, 20]).ok

    def test_the_period_that_lacks_a_record_is_named(self):
        found = self.compared([0, 4000, 4300], [0, 4000])

        assert (found.without_record, found.without_line) == (1, 0)
        (period,) = found.periods
        assert (period.start, period.lines, period.records) == (START + HOUR, 2, 1)

    def test_a_record_far_from_any_line_is_one_without_a_line(self):
        found = self.compared([0], [0, 600])

        assert (found.without_record, found.without_line) == (0, 1)
        assert [one.record_id for one in found.records_left] == [f"rec_{key(2)}"]

    def test_the_line_that_no_record_lies_near_is_named(self):
        found = self.compared([0, 4000, 4300], [0, 4000])

        assert [one.number for one in found.lines_left] == [3]

    def test_of_several_within_the_tolerance_the_one_is_named_that_lies_farthest_from_the_records(self):
        found = self.compared([0, 10, 20, 30], [1, 21, 31])

        assert [one.number for one in found.lines_left] == [2]

    def test_a_line_of_whole_seconds_stands_for_its_second(self):
        lines = [line(number, at=at) for number, at in enumerate([0, 1, 2], 1)]

        found = by_time(lines, [made(1, at=0.9), made(2, at=2.9)], ALWAYS, tolerance=timedelta(0), period=HOUR)

        assert [one.number for one in found.lines_left] == [2]

    def test_a_record_that_counts_for_several_is_left_with_as_many_as_have_no_line(self):
        found = by_time([line(1)], [made(1, count=3)], ALWAYS, tolerance=MINUTE, period=HOUR)

        assert [(one.record_id, one.count) for one in found.records_left] == [(f"rec_{key(1)}", 2)]
        assert found.without_line == 2

    def test_a_record_at_the_edge_of_the_file_may_have_its_line_in_the_next(self):
        assert self.compared([0, 100], [0, 100, 130], Window(START, START + timedelta(seconds=100))).ok

    @given(st.lists(st.integers(0, 5000), max_size=30), st.lists(st.integers(0, 5000), max_size=30))
    def test_everything_is_paired_or_left(self, lines, records):
        found = self.compared(lines, records)

        assert found.lines - found.without_record == found.records - found.without_line
        assert found.lines == len(lines)
        assert found.records == len(records)
        assert found.without_record == len(found.lines_left)
        assert found.without_line == len(found.records_left)

    @given(st.lists(st.integers(0, 100_000), max_size=30), st.randoms(use_true_random=False))
    def test_shifted_within_the_tolerance_it_agrees(self, lines, random):
        records = [one + random.randint(-60, 60) for one in lines]

        assert self.compared(lines, records).ok


class TestByPeriod:
    def test_sums_are_compared_period_by_period(self):
        lines = [line(1, at=0, count=3), line(2, at=3600, count=2), line(3, at=10, count=1)]
        records = [START] * 4 + [START + HOUR] * 3 + [START + 2 * HOUR]

        found = by_period(lines, records, HOUR)

        assert [(one.start, one.without_record, one.without_line) for one in found.periods] == [
            (START + HOUR, 0, 1),
            (START + 2 * HOUR, 0, 1),
        ]
        assert (found.lines, found.records) == (6, 8)

    def test_a_period_with_too_few_records_has_outputs_without_one(self):
        found = by_period([line(1, count=3)], [START], HOUR)

        assert (found.without_record, found.without_line) == (2, 0)
