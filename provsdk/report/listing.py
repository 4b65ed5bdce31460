"""Records as a table: one line each."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from rich.table import Table
from rich.text import Text

from provsdk.questions.filters import Summarised
from provsdk.report import wording
from provsdk.report.layout import UNSURE, cell, columns, status_style

__all__ = ["FULL_IDS_FROM_WIDTH", "any_incomplete", "left_out", "record_table"]

FULL_IDS_FROM_WIDTH: Final = 140
"""From this width on, ids are shown whole; below, by the names that are given."""

SECONDS_FROM_WIDTH: Final = 100

NAMES_FROM_WIDTH: Final = 45
"""From this width on, a record's name stays on one line."""

OUTPUT_AT_LEAST: Final = 13
"""Columns that an output's name has at least, if it is that long."""

MARK: Final = 1
"""Columns that `!` takes, or the lack of it."""

GAP: Final = 2
"""Blanks between columns."""

_COUNTS: Final = ("Src", "Transf", "Models", "Checks")
_TITLES: Final = ("Record", "Output", "Made (UTC)", "Status", "Class", *_COUNTS, "")
_LEFT_OUT_FIRST: Final = ("Class", "Transf", "Checks", "Models", "Src", "Made (UTC)", "Status")


class SummaryLike(Summarised, Protocol):
    """What is read of a record's summary."""

    @property
    def record_id(self) -> str: ...
    @property
    def sources(self) -> int: ...
    @property
    def transformations(self) -> int: ...
    @property
    def model_calls(self) -> int: ...
    @property
    def policy_checks(self) -> int: ...


def record_table(summaries: Sequence[SummaryLike], names: Mapping[str, str], *, width: int) -> Table:
    """The records, with *names* for their ids. Columns that do not fit are left out; name and `!` never are."""
    rows = _rows(summaries, names, width)
    titles = _that_fit(rows, width)
    wrapped = {"Output"} if width >= NAMES_FROM_WIDTH else {"Output", "Record"}
    table = columns(*titles, right=_COUNTS, fixed=[title for title in titles if title not in wrapped])
    for row in rows:
        table.add_row(*(row[title] for title in titles))
    return table


def left_out(summaries: Sequence[SummaryLike], names: Mapping[str, str], *, width: int) -> list[str]:
    """Titles of the columns that the table has no room for."""
    shown = _that_fit(_rows(summaries, names, width), width)
    return [title for title in _TITLES if title and title not in shown]


def any_incomplete(summaries: Sequence[SummaryLike]) -> bool:
    """Whether the table marks a record with `!`."""
    return any(item.complete is False for item in summaries)


def _rows(summaries: Sequence[SummaryLike], names: Mapping[str, str], width: int) -> list[dict[str, Text]]:
    whole = width >= FULL_IDS_FROM_WIDTH
    rows = [_cells(item, item.record_id if whole else names.get(item.record_id, item.record_id)) for item in summaries]
    if width < SECONDS_FROM_WIDTH:
        for row in rows:
            row["Made (UTC)"].truncate(len("2026-11-24 03:16"))
    return rows


def _cells(item: SummaryLike, name: str) -> dict[str, Text]:
    return {
        "Record": cell(name, "cyan"),
        "Output": cell("(encrypted)", "dim") if item.name is None else cell(item.name, limit=80),
        "Made (UTC)": cell(wording.moment(item.generated_at).removesuffix(" UTC")),
        "Status": cell(item.status and wording.words(item.status), status_style(item.status)),
        "Class": cell(item.classification),
        "Src": _number(item.sources),
        "Transf": _number(item.transformations),
        "Models": _number(item.model_calls),
        "Checks": _number(item.policy_checks),
        "": Text(UNSURE, style="yellow") if item.complete is False else Text(),
    }


def _that_fit(rows: Sequence[Mapping[str, Text]], width: int) -> list[str]:
    """Titles of the columns that a screen of that width has room for."""
    needed = {title: max([len(title), *(row[title].cell_len for row in rows)]) for title in _TITLES}
    needed["Output"] = min(needed["Output"], OUTPUT_AT_LEAST)
    marked = any(row[""].plain for row in rows)
    needed[""] = MARK
    titles = [title for title in _TITLES if title or marked]
    for title in _LEFT_OUT_FIRST:
        if sum(needed[one] + GAP for one in titles) - GAP <= width:
            break
        titles.remove(title)
    return titles


def _number(count: int) -> Text:
    return cell(count, "" if count else "dim")
