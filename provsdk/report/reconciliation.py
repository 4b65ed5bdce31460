"""What an independent count and the records differ in, as a person reads it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.console import RenderableType

from provsdk.report.layout import Shortened, cell, columns, section

__all__ = ["differences"]


def differences(found: Any, at_most: int) -> Iterator[RenderableType]:
    """A section for each kind of finding, with at most so many lines; nothing where both agree.

    Args:
        found: `lines_left`, `records_left` and `periods`, as a comparison gives them.
        at_most: Lines of a section.
    """
    certain = "" if found.by == "id" else "by time: of several at once the likeliest"
    if found.lines_left:
        hint = _hint(found.lines_left, at_most, certain)
        yield section("Outputs without a record", hint, _lines(found.lines_left[:at_most]))
    if found.records_left:
        hint = _hint(found.records_left, at_most, certain)
        yield section("Records without a line", hint, _made(found.records_left[:at_most]))
    if found.periods:
        yield section("Where the numbers differ", _hint(found.periods, at_most), _periods(found.periods[:at_most]))


def _hint(rows: Sequence[Any], at_most: int, said: str = "") -> str:
    more = f"the first {at_most:,} of {len(rows):,}; all with --json" if len(rows) > at_most else ""
    return "; ".join(filter(None, (said, more)))


def _lines(rows: Sequence[Any]) -> RenderableType:
    table = columns("Line", "Time (UTC)", "Id", "Counts", right=("Line", "Counts"), fixed=("Time (UTC)",))
    for row in rows:
        named = Shortened(row.id) if row.id else cell("(no id)", "dim")
        table.add_row(cell(f"{row.number:,}"), cell(_moment(row.time)), named, cell(f"{row.count:,}"))
    return table


def _made(rows: Sequence[Any]) -> RenderableType:
    table = columns("Record", "Output", "Made (UTC)", fixed=("Made (UTC)",))
    for row in rows:
        named = cell(row.name, limit=80) if row.name else cell("(encrypted)", "dim")
        table.add_row(Shortened(row.record_id, "cyan"), named, cell(_moment(row.time)))
    return table


def _periods(rows: Sequence[Any]) -> RenderableType:
    titles = ("From (UTC)", "Lines", "Records", "Without a record", "Without a line")
    table = columns(*titles, right=titles[1:], fixed=("From (UTC)",))
    for row in rows:
        numbers = (row.lines, row.records, row.without_record, row.without_line)
        table.add_row(cell(_moment(row.start)), *(cell(f"{number:,}") for number in numbers))
    return table


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"
