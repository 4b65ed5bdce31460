"""The inventory: every source that the records of a store rest on, once each, with how many rest on it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from rich.console import Group, RenderableType

from provsdk.records.record import Checksum, ProvenanceRecord, Source
from provsdk.report import wording
from provsdk.report.layout import Shortened, cell, columns, joined
from provsdk.report.steps import parse_time
from provsdk.report.verdicts import Verdict, verdict_cell, verdict_json
from provsdk.vocabulary import ChecksumResult, OutputStatus, freshness, needs_refresh

__all__ = ["InventoryLine", "inventory", "inventory_json", "inventory_screen"]

RELIABILITY: Final = "Rel.: reliability, default of policy for the type, not evidence"
FRESHNESS: Final = "Fresh: 1.0 to 0.3, by its age now; below 0.5 (!) it is due for a refresh"


@dataclass(frozen=True, slots=True)
class InventoryLine:
    """One source, as it was when it was last loaded, and what rests on it."""

    number: int
    source: Source
    tenant: str
    record_id: str
    """The newest record that rests on it."""
    records: int
    first_at: str
    contents: int
    """How many different contents were seen of it."""
    mismatches: int
    """In how many records it does not have the checksum that was stated of it."""
    freshness: float
    """0.0 to 1.0, from its age now."""
    stale: bool


@dataclass(slots=True)
class _Seen:
    source: Source
    record_id: str
    first_at: str
    records: set[str] = field(default_factory=set)
    contents: set[str] = field(default_factory=set)
    mismatches: set[str] = field(default_factory=set)

    def take(self, other: "_Seen") -> None:
        """Takes what was seen of the same source by another name."""
        self.first_at = min(self.first_at, other.first_at)
        if other.source.retrieved_at >= self.source.retrieved_at:
            self.source, self.record_id = other.source, other.record_id
        self.records |= other.records
        self.contents |= other.contents
        self.mismatches |= other.mismatches


_Identity = tuple[str, ...]


def inventory(records: Iterable[ProvenanceRecord], now: datetime) -> tuple[InventoryLine, ...]:
    """Every source once, those that most records rest on first.

    A source is the same by type, location and version; without a location, by content. Where one record has several
    names for one of these, they are several sources: pages of a directory, passages of a file. Tenants share none.
    Loads that failed brought no source.
    """
    named: dict[tuple[_Identity, str], _Seen] = {}
    several: set[_Identity] = set()
    for record in records:
        names: dict[_Identity, str] = {}
        for source in record.sources:
            if source.status == OutputStatus.COMPLETED:
                identity = _identity(record.context.tenant, source)
                if names.setdefault(identity, source.name) != source.name:
                    several.add(identity)
                _count(named, (identity, source.name), record, source)
    ordered = sorted(_told_apart(named, several), key=lambda one: (-len(one[1].records), one[1].source.name, one[0]))
    return tuple(_line(number, identity[0], each, now) for number, (identity, each) in enumerate(ordered, 1))


def _told_apart(
    named: dict[tuple[_Identity, str], _Seen], several: set[_Identity]
) -> Iterator[tuple[_Identity, _Seen]]:
    """By name, where one record has several names for the same; else what goes by several names is one."""
    merged: dict[_Identity, _Seen] = {}
    for (identity, name), seen in named.items():
        if identity in several:
            yield (*identity, name), seen
        elif identity in merged:
            merged[identity].take(seen)
        else:
            merged[identity] = seen
    yield from merged.items()


def _identity(tenant: str, source: Source) -> _Identity:
    if source.location:
        return (tenant, "at", source.type, source.location, source.version or "")
    content = source.join_digest or source.digest
    if content:
        return (tenant, "of", source.type, content)
    return (tenant, "named", source.type, source.name, source.version or "")


def _count(
    seen: dict[tuple[_Identity, str], _Seen], of: tuple[_Identity, str], record: ProvenanceRecord, source: Source
) -> None:
    known = seen.get(of)
    if known is None:
        known = seen[of] = _Seen(source, record.record_id, source.retrieved_at)
    known.first_at = min(known.first_at, source.retrieved_at)
    if source.retrieved_at >= known.source.retrieved_at:
        known.source, known.record_id = source, record.record_id
    known.records.add(record.record_id)
    content = source.join_digest or source.digest
    if content:
        known.contents.add(content)
    if isinstance(source.checksum, Checksum) and source.checksum.result == ChecksumResult.MISMATCH:
        known.mismatches.add(record.record_id)


def _line(number: int, tenant: str, seen: _Seen, now: datetime) -> InventoryLine:
    source = seen.source
    age = now - parse_time(source.modified_at or source.retrieved_at)
    score = freshness(max(age, timedelta(0)))
    return InventoryLine(
        number=number,
        source=source,
        tenant=tenant,
        record_id=seen.record_id,
        records=len(seen.records),
        first_at=seen.first_at,
        contents=len(seen.contents),
        mismatches=len(seen.mismatches),
        freshness=score,
        stale=needs_refresh(score),
    )


_FROM_SOURCE: Final = (
    "name",
    "type",
    "version",
    "location",
    "digest",
    "join_digest",
    "media_type",
    "size_bytes",
    "modified_at",
    "reliability",
    "requires_verification",
)


def inventory_json(line: InventoryLine, verdict: Verdict | None) -> dict[str, Any]:
    """The source as it was last loaded, and what follows from all its loads."""
    source = line.source
    checksum = source.checksum if isinstance(source.checksum, Checksum) else None
    return {
        **{name: getattr(source, name) for name in _FROM_SOURCE},
        "tenant": line.tenant,
        "record_id": line.record_id,
        "records": line.records,
        "first_retrieved_at": line.first_at,
        "last_retrieved_at": source.retrieved_at,
        "contents": line.contents,
        "checksum": None if checksum is None else msgspec.to_builtins(checksum),
        "mismatches": line.mismatches,
        "freshness": line.freshness,
        "needs_refresh": line.stale,
        **({} if verdict is None else {"check": verdict_json(verdict)}),
    }


def inventory_screen(lines: Iterable[InventoryLine], verdicts: dict[int, Verdict]) -> RenderableType:
    """One row a source; with verdicts, what fetching it again came to."""
    titles = ("#", "Source", "Type", "Version", "Fresh", "Rel.", "Records", *(["Now"] if verdicts else []))
    table = columns(*titles, right=("#", "Fresh", "Rel.", "Records"), fixed=("Type",))
    for line in lines:
        source = line.source
        table.add_row(
            cell(line.number, "dim"),
            _named(line),
            cell(wording.words(source.type), limit=16),
            cell(source.version, limit=24) if source.version else cell("unknown", "dim"),
            cell(f"{line.freshness:.1f}{'!' if line.stale else ''}", "yellow" if line.stale else ""),
            cell(f"{source.reliability:.2f}"),
            cell(f"{line.records:,}"),
            *([verdict_cell(verdicts[line.number])] if verdicts else []),
        )
    return Group(table, cell(RELIABILITY, "dim"), cell(FRESHNESS, "dim"))


def _named(line: InventoryLine) -> RenderableType:
    source = line.source
    tenant = None if line.tenant == "default" else f"of {line.tenant}"
    changed = f"{line.contents} contents" if line.contents > 1 else None
    wrong = cell(f"checksum MISMATCH in {line.mismatches:,}", "bold red") if line.mismatches else None
    name = joined([cell(source.name), tenant, changed, wrong])
    if not source.location or source.location == source.name:
        return name
    return Group(name, Shortened(source.location, "dim"))
