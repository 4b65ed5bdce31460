"""Why two outputs differ, as a person reads it and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import RenderableType

from provsdk.questions.diff import KINDS, Difference
from provsdk.report.layout import cell, columns, section

__all__ = ["diff_json", "diff_screen"]


def diff_screen(found: Sequence[Difference], first: str, second: str) -> Iterator[RenderableType]:
    """A section for each kind of difference, the likeliest cause first.

    Args:
        found: what differs.
        first: name of the first record.
        second: and of the second.
    """
    for kind in KINDS:
        rows = [one for one in found if one.kind == kind]
        if rows:
            table = columns("What", first, second)
            for one in rows:
                table.add_row(cell(one.what), _side(one.first), _side(one.second))
            yield section(f"{kind.capitalize()}  {len(rows):,}", "", table)


def _side(value: str | None) -> RenderableType:
    return cell("not there", "dim") if value is None else cell(value, limit=200)


def diff_json(found: Sequence[Difference], first: str, second: str) -> dict[str, Any]:
    """The same as JSON values."""
    return {"first": first, "second": second, "differences": [one._asdict() for one in found]}
