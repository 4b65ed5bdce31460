"""Sources that have changed since, and what rests on them: for a terminal and as JSON."""

from collections.abc import Sequence
from typing import Any, Final

from rich.console import RenderableType

from provsdk.questions.stale import Stale
from provsdk.report import wording
from provsdk.report.layout import Shortened, cell, columns

__all__ = ["stale_json", "stale_table"]

_WHY: Final = {
    "gone": "is gone",
    "changed": "has changed",
    "newer": "another content was loaded since",
    "old": "due for a refresh, by its age",
}
_STYLES: Final = {"gone": "bold red", "changed": "bold red"}


def stale_table(found: Sequence[Stale]) -> RenderableType:
    """A line for each source, those that most records rest on first."""
    table = columns(
        "Records", "Source", "Version", "Location", "Why", "Loaded (UTC)", right=("Records",), fixed=("Records",)
    )
    for one in found:
        source = one.source
        table.add_row(
            cell(f"{len(one.records):,}"),
            cell(source.name, limit=80),
            cell(source.version or "unknown"),
            Shortened(source.location) if source.location else cell(""),
            cell(_WHY[one.why], _STYLES.get(one.why, "yellow")),
            cell(wording.moment(source.retrieved_at).removesuffix(" UTC")[: len("2026-11-24 03:16")]),
        )
    return table


def stale_json(found: Sequence[Stale]) -> list[dict[str, Any]]:
    """The same as JSON values."""
    return [
        {
            "name": one.source.name,
            "type": one.source.type,
            "location": one.source.location,
            "version": one.source.version,
            "retrieved_at": one.source.retrieved_at,
            "tenant": one.place.tenant,
            "why": one.why,
            "records": list(one.records),
        }
        for one in found
    ]
