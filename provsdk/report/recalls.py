"""Recalls as lists of work, for a terminal and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from provsdk.questions.recalls import Item, Recall
from provsdk.records.record import ProvenanceRecord
from provsdk.report import wording
from provsdk.report.impact import output_words
from provsdk.report.layout import UNSURE, cell, columns, joined, section

__all__ = ["recall_cell", "recall_json", "recall_screen", "recall_table"]

_STYLES: Final = {"open": "yellow", "closed": "green", "superseded": "green"}


def recall_table(found: Sequence[Recall]) -> RenderableType:
    """A line for each recall."""
    table = columns("Recall", "Source", "Reason", "Opened (UTC)", "Open", "Of", right=("Open", "Of"), fixed=("Recall",))
    for one in found:
        table.add_row(
            cell(one.recall_id[: len("rcl_") + 8], "cyan"),
            cell(one.source, limit=80),
            cell(one.reason, limit=200),
            cell(wording.moment(one.opened_at).removesuffix(" UTC")[: len("2026-11-24 03:16")]),
            cell(f"{sum(item.state == 'open' for item in one.items):,}", "yellow" if one.is_open else "green"),
            cell(f"{len(one.items):,}"),
        )
    return table


def recall_screen(
    found: Recall, records: Mapping[str, ProvenanceRecord | None], shorts: Mapping[str, str]
) -> RenderableType:
    """One recall as a list of work.

    Args:
        found: the recall.
        records: those that it names; None of those that cannot be read.
        shorts: names of them.
    """
    table = columns("Record", "Output", "How", "Owner", "For", "State", fixed=("Record", "Output"))
    for item in found.items:
        record = records.get(item.record_id)
        table.add_row(
            cell(shorts.get(item.record_id, item.record_id), "cyan"),
            cell("(cannot be read)", "dim") if record is None else cell(output_words(record), limit=60),
            cell(item.strength if item.basis is None else f"{item.strength}: {item.basis}"),
            cell("" if record is None else ", ".join(owner.agent for owner in record.ownership), limit=80),
            cell("" if record is None else ", ".join(record.context.recipients), limit=80),
            _state(item, shorts),
        )
    note = f"{wording.moment(found.opened_at)}{f' by {found.author}' if found.author else ''}"
    return section(f"{found.recall_id}  {found.source}", note, cell(found.reason), Text(), table)


def _state(item: Item, shorts: Mapping[str, str]) -> Text:
    by = None if item.superseded_by is None else f"by {shorts.get(item.superseded_by, item.superseded_by)}"
    return joined([cell(item.state, _STYLES[item.state]), by, item.note])


def recall_cell(found: Sequence[tuple[Recall, Item]]) -> Text | None:
    """For the report of a record that a recall names."""
    if not found:
        return None
    told = [
        cell(
            f"{UNSURE if item.state == 'open' else ''} {item.state}: {recall.reason} ({recall.recall_id[:12]})".strip(),
            _STYLES[item.state],
        )
        for recall, item in found
    ]
    return joined(told)


def recall_json(found: Recall) -> dict[str, Any]:
    """A recall as JSON values."""
    said: dict[str, Any] = msgspec.to_builtins(found)
    return {**said, "is_open": found.is_open}
