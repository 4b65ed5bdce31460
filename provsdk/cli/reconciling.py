"""Compares records with an independent count: pure, over lines of the one and facts of the other.

By id where lines have ids; else by time: each line is paired with a record that lies within the tolerance, and what is
left over on either side is named, and counted by period. Lines that stand for many outputs are compared as sums of
periods.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

from provsdk.cli.counts import Line
from provsdk.cli.pairing import unpaired

__all__ = [
    "Made",
    "Period",
    "Reconciliation",
    "Window",
    "by_id",
    "by_period",
    "by_time",
    "is_ours",
    "names_of",
    "period_of",
    "plain_id",
]

_KEY: Final = re.compile(r"(?:(?:rec|out)_)?([0-9a-f]{32}-[0-9a-f]{16})")
_TRACE: Final = re.compile(r"(?:[0-9a-f]{2}-)?([0-9a-f]{32})(?:-[0-9a-f]{16}-[0-9a-f]{2})?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT: Final = timedelta(microseconds=1)
_HALF_A_SECOND: Final = timedelta(microseconds=499_999)
"""The middle of a second, which ends before the next one begins."""


@dataclass(frozen=True, slots=True)
class Made:
    """A record, as it is compared."""

    record_id: str
    name: str | None
    time: datetime
    names: frozenset[str]
    """What a line may call it."""
    count: int = 1
    """What it counts for: 1, or its model calls; of a record that is left, as many of them as are."""


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time in which the numbers differ."""

    start: datetime
    lines: int
    records: int
    without_record: int
    without_line: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What a comparison came to."""

    by: Literal["id", "time"]
    lines: int
    """Outputs that the file counts."""
    records: int
    """Outputs, or model calls, that records count in the same time."""
    without_record: int
    without_line: int
    lines_left: tuple[Line, ...] = ()
    """Lines that no record goes by, or that no record lies near; none where lines are sums."""
    records_left: tuple[Made, ...] = ()
    """Records that no line names, or lies near; none where lines are sums."""
    periods: tuple[Period, ...] = ()
    """By time: those that differ, in order."""

    moment: Literal["start", "end"] = "end"
    """By time: of the outputs, what lines were compared with."""
    at_edge: int = 0
    """By time: of the lines without a record, those that may go with records beyond the compared time."""

    @property
    def left_over(self) -> int:
        """On both sides."""
        return self.without_record + self.without_line

    @property
    def ok(self) -> bool:
        """Whether both agree."""
        return not self.left_over


class Window(NamedTuple):
    """What is compared, both ends included; None: without an end."""

    start: datetime | None
    end: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies within."""
        return (self.start is None or moment >= self.start) and (self.end is None or moment <= self.end)

    def wider(self, by: timedelta) -> "Window":
        """The same with room on both sides."""
        return Window(self.start and self.start - by, self.end and self.end + by)


def names_of(record_id: str, response_ids: Iterable[str] = ()) -> frozenset[str]:
    """What a line may call the record: `<trace>-<span>`, its trace, ids of the responses of its model calls."""
    key = record_id.removeprefix("rec_")
    return frozenset([key, key[:32], *response_ids])


def is_ours(text: str) -> bool:
    """Whether it is an id that only a record of ours can have."""
    return _KEY.fullmatch(text) is not None


def plain_id(text: str) -> str:
    """An id of ours or a trace, by whatever way it is written, as `names_of` has it; others stay as they are."""
    found = _KEY.fullmatch(text) or _TRACE.fullmatch(text.lower())
    return text if found is None else found[1]


def by_id(lines: Sequence[Line], made: Sequence[Made], window: Window) -> Reconciliation:
    """A line without an id, or with one that no record goes by, is an output without a record."""
    known = {name for one in made for name in one.names}
    called = {plain_id(line.id) for line in lines if line.id is not None}
    lines_left = tuple(line for line in lines if line.id is None or plain_id(line.id) not in known)
    compared = [one for one in made if window.holds(one.time) or one.names & called]
    records_left = tuple(one for one in compared if not one.names & called)
    return Reconciliation(
        by="id",
        lines=sum(line.count for line in lines),
        records=sum(one.count for one in compared),
        without_record=sum(line.count for line in lines_left),
        without_line=sum(one.count for one in records_left),
        lines_left=lines_left,
        records_left=records_left,
    )


def by_time(
    lines: Sequence[Line],
    made: Sequence[Made],
    window: Window,
    *,
    tolerance: timedelta,
    period: timedelta,
) -> Reconciliation:
    """Pairs each line with a record at most `tolerance` away; both in any order, lines without a time are passed over.

    How many are left over is certain. Which ones is not where several lie within the tolerance: those are named without
    which all others lie closest to their counterparts. Where all lines have whole seconds, each stands for its second.
    """
    theirs = sorted((line for line in lines if line.time is not None), key=_moment_of)
    mine = sorted((one for one in made for _ in range(one.count)), key=_moment_of)
    half = timedelta(0) if any(_moment_of(one).microsecond for one in theirs) else _HALF_A_SECOND
    left = unpaired(
        [(_moment_of(one) + half - _EPOCH) // _UNIT for one in theirs],
        [(_moment_of(one) - _EPOCH) // _UNIT for one in mine],
        (tolerance + half) // _UNIT,
    )
    lines_left = [theirs[position] for position in left.first]
    # Beyond the window a record may have its line in another file.
    records_left = [mine[position] for position in left.second if window.holds(mine[position].time)]
    return Reconciliation(
        by="time",
        lines=len(theirs),
        records=len(mine) - len(left.second) + len(records_left),
        without_record=len(lines_left),
        without_line=len(records_left),
        lines_left=tuple(lines_left),
        records_left=_each_once(records_left),
        periods=_periods(theirs, mine, lines_left, records_left, period),
    )


def _moment_of(one: Line | Made) -> datetime:
    assert one.time is not None  # noqa: S101 those without were left out
    return one.time


def _each_once(records: Sequence[Made]) -> tuple[Made, ...]:
    """A record that counts for several is left with as many as have no line."""
    counts = Counter(one.record_id for one in records)
    unique = {one.record_id: one for one in records}
    return tuple(replace(one, count=counts[one.record_id]) for one in unique.values())


def _periods(
    lines: Sequence[Line],
    records: Sequence[Made],
    lines_left: Sequence[Line],
    records_left: Sequence[Made],
    period: timedelta,
) -> tuple[Period, ...]:
    counts = [
        Counter(period_of(_moment_of(one), period) for one in s) for s in (lines, records, lines_left, records_left)
    ]
    return tuple(Period(start, *(count[start] for count in counts)) for start in sorted({*counts[2], *counts[3]}))


def by_period(lines: Sequence[Line], records: Sequence[datetime], period: timedelta) -> Reconciliation:
    """For lines that stand for many outputs each: sums of whole periods; lines without a time are passed over."""
    theirs: Counter[datetime] = Counter()
    for line in lines:
        if line.time is not None:
            theirs[period_of(line.time, period)] += line.count
    mine = Counter(period_of(moment, period) for moment in records)
    differing = [start for start in sorted({*theirs, *mine}) if theirs[start] != mine[start]]
    found = tuple(
        Period(
            start,
            theirs[start],
            mine[start],
            max(theirs[start] - mine[start], 0),
            max(mine[start] - theirs[start], 0),
        )
        for start in differing
    )
    return Reconciliation(
        by="time",
        lines=theirs.total(),
        records=mine.total(),
        without_record=sum(one.without_record for one in found),
        without_line=sum(one.without_line for one in found),
        periods=found,
    )


def period_of(moment: datetime, period: timedelta) -> datetime:
    """The start of the period, counted from 1970, that the moment lies in."""
    return moment - (moment - _EPOCH) % period
