"""Outputs without a record, as a person reads them."""

from collections.abc import Sequence
from typing import Final, Protocol

from rich.console import RenderableType
from rich.table import Table

from provsdk.report import wording
from provsdk.report.layout import DOT, cell, columns, section
from provsdk.report.steps import counted

__all__ = ["absence_section", "gap_table", "headline", "limits"]

SHOWN: Final = 10
"""Gaps that stand in the report of a verification; `provsdk gaps` has all."""

RECORD_LETTERS: Final = len("rec_") + 8
"""Of the id that the record would have: as many as `provsdk show` needs to say that there is none, and why."""

_REASONS: Final = {
    "killed": "its process vanished",
    "unfinished": "still running or not sealed when its process ended",
    "queue_full": "too many waited for the store",
    "capture_failed": "capture itself failed",
    "key_conflict": "another record has its id",
}


class AbsenceLike(Protocol):
    """What is read of an output without a record."""

    @property
    def emitter_id(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def record_id(self) -> str | None: ...
    @property
    def name(self) -> str | None: ...
    @property
    def started_at(self) -> str | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def entry(self) -> int | None: ...


class AbsencesLike(Protocol):
    """What is read of what the numbers show."""

    @property
    def gaps(self) -> Sequence[AbsenceLike]: ...
    @property
    def running(self) -> int: ...
    @property
    def ended(self) -> int: ...
    @property
    def unknown(self) -> Sequence[str]: ...
    @property
    def waiting(self) -> int: ...
    @property
    def untracked(self) -> int: ...
    @property
    def problems(self) -> Sequence[str]: ...


def gap_table(gaps: Sequence[AbsenceLike]) -> Table:
    """Outputs without a record, one a line; nothing stands for a name that is not known or must not be."""
    table = columns(
        "Output",
        "Started (UTC)",
        "Why",
        "Record",
        "Number",
        "Entry",
        right=("Number", "Entry"),
        fixed=("Started (UTC)", "Record"),
    )
    for gap in gaps:
        table.add_row(
            cell(gap.name) if gap.name else cell("(no name)", "dim"),
            cell(wording.moment(gap.started_at).removesuffix(" UTC")),
            cell(_REASONS.get(gap.reason) or wording.words(gap.reason)),
            cell("(no span yet)" if gap.record_id is None else gap.record_id[:RECORD_LETTERS], "dim"),
            cell(f"{gap.number:,}"),
            cell("not yet", "yellow") if gap.entry is None else cell(gap.entry, "dim"),
        )
    return table


def headline(found: AbsencesLike) -> str:
    """How many outputs are known to have no record."""
    return f"{counted(len(found.gaps), 'output')} without a record" if found.gaps else "no output without a record"


def limits(found: AbsencesLike) -> list[str]:
    """What is not known, or not in the log yet, a sentence each."""
    said = []
    if found.ended:
        said.append(
            f"{counted(found.ended, 'process')} ended without closing and not in the log yet: the next program that "
            "opens the store sees to it"
        )
    if found.waiting:
        said.append(
            f"{counted(found.waiting, 'output')} had begun when their process ended, and may wait in its spool: "
            "`provsdk store replay` tells which have a record"
        )
    if found.unknown:
        said.append(
            f"{counted(len(found.unknown), 'emitter')} never closed and without slots here (its file is gone, it runs "
            f"without, or this is a copy): what it lost is not known: {', '.join(found.unknown[:3])}"
            + (" …" if len(found.unknown) > 3 else "")
        )
    if found.untracked:
        said.append(f"{counted(found.untracked, 'output')} ran without a slot: a missing record would not show")
    return said


def absence_section(found: AbsencesLike) -> list[RenderableType]:
    """For the report of a verification; nothing where nothing is absent."""
    said = [*([headline(found)] if found.gaps else []), *limits(found), *found.problems]
    if not said:
        return []
    lines = [cell(f"{DOT} {line}", "yellow") for line in said]
    table = [gap_table(found.gaps[-SHOWN:])] if found.gaps else []
    more = [cell("the newest; `provsdk gaps` lists all", "dim")] if len(found.gaps) > SHOWN else []
    return [section("Absent", "an output without a record is no sign of tampering", *lines, *table, *more)]
