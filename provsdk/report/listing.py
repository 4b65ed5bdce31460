"""Records as a table: one line each."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from rich.table import Table
from rich.text import Text

from provsdk.report import wording
from provsdk.report.layout import UNSURE, cell, columns, status_style

__all__ = ["FULL_IDS_FROM_WIDTH", "record_table"]

FULL_IDS_FROM_WIDTH = 140
"""From this width on, ids are shown whole; below, as the shortest prefix that is unique in the store."""


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
    """The records, with *names* for their ids, fitting *width* columns."""
    numbers = ("Src", "Steps", "Models", "Checks")
    titles = ("Record", "Output", "Made (UTC)", "Status", "Class", *numbers, "")
    table = columns(*titles, right=numbers, fixed=("Record", "Made (UTC)", "Status", "Class", ""), wide="Output")
    for item in summaries:
        table.add_row(
            cell(item.record_id if width >= FULL_IDS_FROM_WIDTH else names.get(item.record_id, item.record_id), "cyan"),
            cell("(encrypted)", "dim") if item.name is None else cell(item.name, limit=80),
            cell(wording.moment(item.generated_at).removesuffix(" UTC")),
            cell(item.status, status_style(item.status)),
            cell(item.classification),
            *(_number(count) for count in (item.sources, item.transformations, item.model_calls, item.policy_checks)),
            Text(UNSURE, style="yellow") if item.complete is False else Text(),
        )
    return table


def _number(count: int) -> Text:
    return cell(count, "" if count else "dim")
