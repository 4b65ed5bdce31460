"""The log as a person reads it: entries, what a verification found, sizes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from provsdk.report import wording
from provsdk.report.layout import BAD, DOT, GOOD, UNSURE, Shortened, cell, columns, joined, pairs
from provsdk.report.steps import counted
from provsdk.report.summary import Integrity
from provsdk.vocabulary import IntegrityStatus

__all__ = ["counts", "entry_table", "sizes", "verification"]


class EntryLike(Protocol):
    """What is read of a log's entry."""

    @property
    def index(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def time(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def body(self) -> str: ...


class StepLike(Protocol):
    """What is read of a step of a verification."""

    @property
    def number(self) -> int: ...
    @property
    def title(self) -> str: ...
    @property
    def ok(self) -> bool: ...
    @property
    def checked(self) -> int: ...
    @property
    def not_checked(self) -> int: ...
    @property
    def detail(self) -> str | None: ...


class VerificationLike(Protocol):
    """What is read of a verification."""

    @property
    def ok(self) -> bool: ...
    @property
    def level(self) -> Any: ...
    @property
    def steps(self) -> Sequence[StepLike]: ...
    @property
    def first_wrong(self) -> tuple[int, str] | None: ...
    @property
    def findings(self) -> Iterable[object]: ...


def entry_table(entries: Iterable[EntryLike]) -> Table:
    """Entries, one a line."""
    table = columns(
        "Entry", "Time (UTC)", "Kind", "Subject", "Body", right=("Entry",), fixed=("Time (UTC)", "Kind", "Body")
    )
    for entry in entries:
        table.add_row(
            cell(entry.index),
            cell(wording.moment(entry.time).removesuffix(" UTC")),
            cell(entry.kind),
            Shortened(entry.subject, "dim"),
            cell(entry.body[:8] + "…", "dim"),
        )
    return table


def verification(report: VerificationLike, subject: str, key: str | None) -> RenderableType:
    """The verdict first, with its level; then the numbered steps, and what they could not check."""
    status = IntegrityStatus.VERIFIED if report.ok else IntegrityStatus.TAMPERED
    unchecked = sum(step.not_checked for step in report.steps)
    verdict = Integrity(
        status, str(report.level.value), key, 0, unchecked, report.first_wrong, tuple(map(str, report.findings))
    )
    style, mark = ("bold green", GOOD) if report.ok else ("bold red", BAD)
    rows = columns("", "Step", "", "Checked", right=("Checked",), fixed=("",))
    for step in report.steps:
        rows.add_row(*_step(step))
    more = [cell(f"{BAD} {finding}", "red") for finding in report.findings]
    shut = [cell(f"{UNSURE} {unchecked:,} not checked; not counted as valid", "yellow")] if unchecked else []
    numbers = {step.number for step in report.steps}
    beyond = [cell(f"step {number} looks at the whole store: provsdk verify", "dim") for number in _absent(numbers)]
    return Group(
        cell(f"{mark} {wording.integrity(verdict)}", style),
        cell(subject, "dim"),
        Text(),
        rows,
        *beyond,
        *([Text(), *more] if more else []),
        *([Text(), *shut] if shut else []),
    )


def _absent(numbers: Collection[int]) -> list[int]:
    """Steps between others that were not made, as they are not about one record."""
    return [number for number in range(1, max(numbers, default=0)) if number not in numbers]


def _step(step: StepLike) -> list[RenderableType]:
    if not step.ok:
        word, style = f"{BAD} FAILED", "bold red"
    elif not step.checked and step.not_checked:
        word, style = f"{UNSURE} not checked", "yellow"
    elif not step.checked:
        word, style = f"{DOT} nothing yet", "dim"
    else:
        word, style = f"{GOOD} ok", "green"
    left = f"{step.not_checked:,} not checked" if step.not_checked else None
    detail = joined([left, step.detail])
    title: RenderableType = Group(cell(step.title), detail) if detail.plain else cell(step.title)
    return [cell(step.number, "dim"), title, cell(word, style), cell(f"{step.checked:,}")]


def counts(title: str, number: str, rows: Mapping[str, int]) -> Table:
    """Names with a number each."""
    table = columns(title, number, right=(number,))
    for name, count in rows.items():
        table.add_row(cell(name), cell(f"{count:,}"))
    return table


def sizes(found: Any, path: str, origin: str, **rates: Any) -> RenderableType:
    """Sizes of a store, what a record takes, and what a month takes at the present rate."""
    per_record, month, measured = rates["bytes_per_record"], rates["gb_per_month"], rates["measured_seconds"]
    rows: list[tuple[str, RenderableType]] = [
        ("store", cell(path)),
        ("log", cell(f"{origin}, {counted(found.entries, 'entry')}, {counted(found.records, 'record')}")),
        ("on disk", cell(wording.size(found.bytes_total))),
        ("of it", cell(", ".join(f"{name} {wording.size(size)}" for name, size in _shares(found)))),
        ("per record", cell(wording.size(per_record) or "no records yet")),
    ]
    if month is not None:
        a_day = f"at {rates['records_per_day']:,.0f} records a day"
        rows.append(("per month", cell(f"{month:.3g} GB, {a_day} (seen over {_over(measured)})")))
    elif measured is not None:
        text = f"too short to judge: the records were made within {_over(measured)}, and it takes an hour"
        rows.append(("per month", cell(text)))
    return pairs(rows)


def _over(seconds: float) -> str:
    return wording.duration(int(seconds * 1_000_000))


def _shares(found: Any) -> list[tuple[str, int]]:
    rest = "views" if found.records else "the database itself"
    shares = [("log", found.bytes_log), ("parts", found.bytes_parts), (rest, found.bytes_views)]
    return [*shares, ("on its way there", found.bytes_underway)] if found.bytes_underway else shares
