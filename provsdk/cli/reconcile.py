"""Compares records with a count that somebody else made: what was never instrumented has no number, but has a line."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from provsdk import rfc3339
from provsdk.cli.app import FINDING
from provsdk.cli.counts import FORMATS, MAX_LINE_BYTES, Count, Line, Wanted, read_count
from provsdk.cli.moments import moment_of
from provsdk.cli.place import as_json, opened, store_option
from provsdk.cli.reconciling import (
    Made,
    Reconciliation,
    Window,
    by_id,
    by_period,
    by_time,
    is_ours,
    names_of,
    period_of,
    plain_id,
)
from provsdk.cli.terminal import print_json, remark, show
from provsdk.cli.usage_report import REQUESTS_FIELD
from provsdk.errors import FormatError, UsageError

if TYPE_CHECKING:
    from provsdk.store.contract import Store, Summary

__all__ = ["reconcile"]

_YEAR_S = 366 * 86_400

TOLERANCE_S = 60.0

EDGE = timedelta(seconds=5)
"""How far outside of the compared time a record may lie that goes with a line, where no tolerance is asked for: what is
further belongs to lines of other files, and would stand in for outputs that have none."""

A_SECOND = timedelta(seconds=1)
"""What a line of whole seconds stands for."""

LONGEST = timedelta(hours=1)
"""How long an output may have run that is looked for by its start."""

MAX_BEGUN = 50_000
"""Records that are read for when their outputs began."""

SHOWN = 50
"""Findings that are shown where a person reads; all with --json."""


@click.command("reconcile")
@click.option("--against", metavar="FILE", required=True, help="The count: a file, or - for stdin.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Of the file; else as its first line looks.")
@click.option("--id", "id_field", metavar="FIELD", help="Holds a record, output, trace or response id, or traceparent.")
@click.option("--time", "time_field", metavar="FIELD", help="Holds the time of a line.")
@click.option("--count", "count_field", metavar="FIELD", help="Holds how many outputs a line stands for.")
@click.option("--only", metavar="REGEX", help="Lines in which this is not found do not count.")
@click.option("--name", metavar="NAME", help="Only records of outputs of this name.")
@click.option("--unit", type=click.Choice(["outputs", "model-calls"]), help="What a line counts. [outputs]")
@click.option("--since", metavar="TIME", help="Compare from here; else from the first line's time.")
@click.option("--until", metavar="TIME", help="Compare to here; else to the last line's time.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, _YEAR_S),
    help="Seconds between line and record. [60; 5 beyond the first and last line]",
)
@click.option("--period", type=click.FloatRange(1, _YEAR_S), help="Seconds to count in. [3600, or what FILE counts in]")
@store_option
@as_json
def reconcile(against: str, store: str | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001 click's options
    """Compare records with an independent count.

    FILE is an access log, JSON lines, CSV with a line of names, or a usage report of a model provider. Where its lines
    have ids, outputs are compared one by one; else they are counted by time. Exits 1 where the two differ.
    """
    wanted = Wanted(
        format=options["format_"],
        id_field=options["id_field"],
        time_field=options["time_field"],
        count_field=options["count_field"],
        only=_pattern(options["only"]),
    )
    count = _read(against, wanted)
    with opened(store) as log:
        found = _compared(log, count, wanted, options)
    _print(found, count, as_json=as_json)
    if not found.ok:
        click.get_current_context().exit(FINDING)


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise click.UsageError(f"--only: not a regular expression: {error}") from None


def _read(against: str, wanted: Wanted) -> Count:
    try:
        with _file(against) as file:
            count = read_count(_lines(file), wanted)
    except FormatError as error:
        raise FormatError(f"{against}, {error}") from None
    if not count.lines:
        raise UsageError(f"{against}: no line counts" + (" (--only leaves none)" if count.left_out else ""))
    return count


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Each line, of one that is too long only as much as shows that: a file without line ends is not read whole."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        yield line


@contextmanager
def _file(against: str) -> Iterator[IO[bytes]]:
    if against == "-":
        yield sys.stdin.buffer
    else:
        with Path(against).open("rb") as file:
            yield file


def _compared(log: "Store", count: Count, wanted: Wanted, options: dict[str, Any]) -> Reconciliation:
    ids = [line.id for line in count.lines if line.id is not None]
    by_ids = bool(ids) or wanted.id_field is not None
    if not by_ids and any(line.time is None for line in count.lines):
        raise UsageError("the lines have neither an id nor all of them a time that is known: name one, --id or --time")
    sums = count.counted_by is not None
    if options["unit"] is None and count.counted_by == REQUESTS_FIELD:
        options = options | {"unit": "model-calls"}
    period = _period(options["period"], count.lines)
    window = _window(options, count.lines, period if sums else None)
    lines = tuple(line for line in count.lines if line.time is None or window.holds(line.time))
    if by_ids:
        made = list(_made(log, Window(None, None), options))  # a line may be written long after its output was made
        made = _with_responses(log, made, ids)
        if wanted.id_field is not None or _are_known(ids, made) or any(line.time is None for line in lines):
            return by_id(lines, made, window)
        remark("The ids in the lines are no ids of records: compared by time. --id says which member is one.")
    if sums:
        made = list(_made(log, window, options))
        return by_period(lines, [one.time for one in made for _ in range(one.count)], period)
    return _by_time(log, lines, window, options, period)


def _by_time(
    log: "Store", lines: Sequence[Line], window: Window, options: dict[str, Any], period: timedelta
) -> Reconciliation:
    """Beside the end of each output, as most servers write a line then; or its start, where fewer are left over so.

    Some write a line when a response begins, and a stream may take minutes from there.
    """
    asked = options["tolerance"]
    tolerance = timedelta(seconds=TOLERANCE_S if asked is None else asked)
    second = timedelta(0) if any(line.time and line.time.microsecond for line in lines) else A_SECOND
    near = window.wider((min(tolerance, EDGE) if asked is None else tolerance) + second)

    def compared(made: Iterable[Made]) -> Reconciliation:
        return by_time(lines, list(made), window, tolerance=tolerance, period=period)

    made = list(_made(log, window.wider(tolerance + second), options))
    found = compared(one for one in made if near.holds(one.time))
    if found.ok:
        return found
    begun = list(islice(_begun(log, near, options), MAX_BEGUN))
    if len(begun) < MAX_BEGUN:
        beside_starts = compared(begun)
        if beside_starts.left_over < found.left_over:
            return replace(beside_starts, moment="start")
    return replace(found, at_edge=max(found.without_record - compared(made).without_record, 0))


def _are_known(ids: list[str], made: list[Made]) -> bool:
    """Whether one of the ids at least is a record's: a gateway has ids of its own under the same names."""
    known = {name for one in made for name in one.names}
    return any(is_ours(one) or plain_id(one) in known for one in ids)


def _period(seconds: float | None, lines: Sequence[Line]) -> timedelta:
    """As was asked for, else an hour; never less than what a line of the file counts in."""
    widths = [line.end - line.time for line in lines if line.end is not None and line.time is not None]
    widest = max(widths, default=timedelta(0))
    if seconds is None:
        return max(widest, timedelta(hours=1))
    if timedelta(seconds=seconds) < widest:
        raise UsageError(
            f"--period {seconds:g}: the file counts in {widest.total_seconds():g} seconds, and not in less"
        )
    return timedelta(seconds=seconds)


def _window(options: dict[str, Any], lines: Sequence[Line], period: timedelta | None) -> Window:
    """As was asked for, else from the first line to the last; where lines are sums, all the time that they count."""
    try:
        since, until = (None if options[key] is None else moment_of(options[key]) for key in ("since", "until"))
    except FormatError as error:
        raise click.UsageError(f"--since, --until: {error}") from None
    counted = [_counted_time(line.time, line.end, period) for line in lines if line.time is not None]
    first = min((start for start, _ in counted), default=None)
    last = max((end for _, end in counted), default=None)
    return Window(since or first, until or last)


def _counted_time(start: datetime, end: datetime | None, period: timedelta | None) -> tuple[datetime, datetime]:
    if period is None:
        return start, start
    if end is None:
        start = period_of(start, period)
        end = start + period
    return start, end - timedelta(microseconds=1)


def _made(log: "Store", window: Window, options: dict[str, Any]) -> Iterator[Made]:
    """The records within the window."""
    for summary in log.summaries(newest_first=False):
        moment = _time_of(log, summary)
        if window.holds(moment) and options["name"] in {None, summary.name}:
            weight = summary.model_calls if options["unit"] == "model-calls" else 1
            yield Made(summary.record_id, summary.name, moment, names_of(summary.record_id), weight)


def _begun(log: "Store", window: Window, options: dict[str, Any]) -> Iterator[Made]:
    """The records of outputs that ran within the window, with the time when they began; as far as they can be read."""
    for one in _made(log, Window(window.start, window.end and window.end + LONGEST), options):
        record = log.fold(one.record_id).record
        if record is not None:
            begun = moment_of(record.output.started_at)
            if window.end is None or begun <= window.end:
                yield replace(one, time=begun)


def _with_responses(log: "Store", made: list[Made], ids: list[str]) -> list[Made]:
    """Ids of responses stand inside of records, which are read only where a line has an id that is no other."""
    known = {name for one in made for name in one.names}
    if all(is_ours(one) or plain_id(one) in known for one in ids):
        return made
    return [replace(one, names=one.names | names_of(one.record_id, _responses(log, one.record_id))) for one in made]


def _time_of(log: "Store", summary: "Summary") -> datetime:
    """When the output was made; where that is encrypted, when it was sealed."""
    if summary.generated_at is not None:
        return moment_of(summary.generated_at)
    return moment_of(next(log.entries(summary.entry, summary.entry + 1)).time)


def _responses(log: "Store", record_id: str) -> list[str]:
    record = log.fold(record_id).record
    return [] if record is None else [call.response_id for call in record.model_calls if call.response_id]


def _print(found: Reconciliation, count: Count, *, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(found, count))
        return
    from provsdk.report.reconciliation import differences  # noqa: PLC0415 `--json` needs none of it
    from provsdk.report.steps import counted  # noqa: PLC0415 as above

    for table in differences(found, SHOWN):
        show(table)
    remark(
        f"{found.lines:,} counted in the file ({count.format}, by {found.by}), {found.records:,} by records in the "
        f"same time: {found.without_record:,} without a record, {found.without_line:,} without a line."
    )
    if found.moment == "start":
        remark("Each line beside the start of an output: fewer are left over than beside the ends.")
    if found.at_edge:
        remark(
            f"{counted(found.at_edge, 'line')} without a record may go with records beyond the compared time: "
            f"--tolerance {TOLERANCE_S:.0f} takes those for theirs."
        )
    if count.left_out:
        remark(f"{counted(count.left_out, 'line')} left out by --only.")


def _as_json(found: Reconciliation, count: Count) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "format": count.format,
        "by": found.by,
        "moment": found.moment,
        "lines": found.lines,
        "left_out": count.left_out,
        "records": found.records,
        "without_record": found.without_record,
        "without_line": found.without_line,
        "at_edge": found.at_edge,
        "lines_left": [
            {"line": one.number, "time": _text(one.time), "id": one.id, "count": one.count} for one in found.lines_left
        ],
        "records_left": [
            {"record_id": one.record_id, "name": one.name, "time": _text(one.time), "count": one.count}
            for one in found.records_left
        ],
        "periods": [
            {
                "start": _text(one.start),
                "lines": one.lines,
                "records": one.records,
                "without_record": one.without_record,
                "without_line": one.without_line,
            }
            for one in found.periods
        ],
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339.of(moment)
