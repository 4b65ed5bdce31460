"""What a report of a record says, as data: the same for a terminal and for a page.

Pure: nothing here reads a clock, a store or an environment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from provsdk.questions.links import Link, links
from provsdk.questions.recalls import Item, Recall
from provsdk.records.record import ProvenanceRecord, Source
from provsdk.report.nested import Nested
from provsdk.report.steps import Step, microseconds_between, parse_time, steps
from provsdk.vocabulary import IntegrityStatus, freshness, needs_refresh

__all__ = [
    "Custody",
    "Integrity",
    "LogLine",
    "Report",
    "SourceLine",
    "retained_until",
    "source_lines",
    "summarise",
]


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source, with what follows from it."""

    number: int
    source: Source
    link: Link
    freshness: float
    """0.0 to 1.0, from its age when the output was made."""
    stale: bool


@dataclass(frozen=True, slots=True)
class Integrity:
    """What a verification found, never without its level."""

    status: IntegrityStatus
    level: str | None
    """A `TrustLevel`; None where nothing was verified."""
    key: str | None
    """Name of the key that signed the checkpoint."""
    checked: int
    not_checked: int
    first_wrong: tuple[int, str] | None
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogLine:
    """An entry about the record."""

    index: int
    kind: str
    time: str


@dataclass(frozen=True, slots=True)
class Custody:
    """Through whose hands the record went, and where it stands now."""

    origin: str
    entries: tuple[LogLine, ...]
    log_size: int
    notes: tuple[dict[str, Any], ...] = ()
    unreadable: tuple[tuple[int, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that `show` says."""

    record: ProvenanceRecord
    sources: tuple[SourceLine, ...]
    steps: tuple[Step, ...]
    duration_us: int
    kept_until: datetime | None
    """None: for ever."""
    integrity: Integrity
    custody: Custody
    nested: int = 0
    """Outputs that were made within this one."""
    recalls: tuple[tuple[Recall, Item], ...] = ()
    """Recalls that name it, and what became of it in each."""


def summarise(
    record: ProvenanceRecord,
    integrity: Integrity,
    custody: Custody,
    nested: Sequence[Nested] = (),
    recalls: Sequence[tuple[Recall, Item]] = (),
) -> Report:
    """Everything that is worth saying of one record, and of the outputs within it as far as somebody looked them up."""
    return Report(
        record=record,
        sources=source_lines(record),
        steps=steps(record, nested),
        duration_us=microseconds_between(record.output.started_at, record.output.ended_at),
        kept_until=retained_until(record),
        integrity=integrity,
        custody=custody,
        nested=len(nested),
        recalls=tuple(recalls),
    )


def retained_until(record: ProvenanceRecord) -> datetime | None:
    """When the record may go; None where it is kept for ever."""
    days = record.retention.days
    try:
        return None if days < 0 else parse_time(record.generated_at) + timedelta(days=days)
    except OverflowError:
        return None


def source_lines(record: ProvenanceRecord) -> tuple[SourceLine, ...]:
    """The sources with their links and their freshness when the output was made."""
    linked = links(record)
    made = parse_time(record.generated_at)
    found = []
    for number, source in enumerate(record.sources, 1):
        age = made - parse_time(source.modified_at or source.retrieved_at)
        score = freshness(max(age, timedelta(0)))
        found.append(SourceLine(number, source, linked[source.source_id], score, needs_refresh(score)))
    return tuple(found)
