"""Records as a table: one line each."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from rich.table import Table
from rich.text import Text

from provsdk.report import wording
from provsdk.report.layout import UNSURE, cell, columns, status_style

__all__ = ["FULL_IDS_FROM_WIDTH", "record_table"]

FULL_IDS_FROM_WIDTH: Final = 140
"""From this width on, ids are shown whole; below, as the shortest prefix that is unique in the store."""


WIDE_FROM_WIDTH: Final = 100

_COUNTS: Final = ("Src", "Steps", "Models", "Checks")
_WIDE: Final = ("Record", "Output", "Made (UTC)", "Status", "Class", *_COUNTS, "")
_WIDE_ONLY: Final = frozenset({"Class", "Steps", "Checks"})


class SummaryLike(Protocol):
    """What is read of a record's summary."""

    @property
    def record_id(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def status(self) -> str | None: ...
    @property
    def generated_at(self) -> str | None: ...
    @property
    def classification(self) -> str | None: ...
    @property
    def sources(self) -> int: ...
    @property
    def transformations(self) -> int: ...
    @property
    def model_calls(self) -> int: ...
    @property
    def policy_checks(self) -> int: ...
    @property
    def complete(self) -> bool | None: ...


def record_table(summaries: Sequence[SummaryLike], names: Mapping[str, str], *, width: int) -> Table:
    """The records, with *names* for their ids. Narrow screens leave out the class, two counts and the seconds."""
    wide, whole = width >= WIDE_FROM_WIDTH, width >= FULL_IDS_FROM_WIDTH
    titles = _WIDE if wide else tuple(title for title in _WIDE if title not in _WIDE_ONLY)
    table = columns(*titles, right=_COUNTS, fixed=tuple(title for title in titles if title != "Output"), wide="Output")
    for item in summaries:
        cells = {
            "Record": cell(item.record_id if whole else names.get(item.record_id, item.record_id), "cyan"),
            "Output": cell("(encrypted)", "dim") if item.name is None else cell(item.name, limit=80),
            "Made (UTC)": cell(wording.moment(item.generated_at).removesuffix(" UTC")[: None if wide else 16]),
            "Status": cell(item.status and wording.words(item.status), status_style(item.status)),
            "Class": cell(item.classification),
            "Src": _number(item.sources),
            "Steps": _number(item.transformations),
            "Models": _number(item.model_calls),
            "Checks": _number(item.policy_checks),
            "": Text(UNSURE, style="yellow") if item.complete is False else Text(),
        }
        table.add_row(*(cells[title] for title in titles))
    return table


def _number(count: int) -> Text:
    return cell(count, "" if count else "dim")
