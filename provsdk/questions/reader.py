"""What is asked of a store: the part of its contract that these questions need."""

from collections.abc import Sequence
from typing import Protocol

from provsdk.records.record import ProvenanceRecord

__all__ = ["ReadRecord", "Reader"]


class ReadRecord(Protocol):
    """A record with its extensions folded in."""

    @property
    def record(self) -> ProvenanceRecord | None:
        """None where it cannot be read."""
        ...


class SourceUse(Protocol):
    """A source of a record, as views have it; None where they cannot say."""

    @property
    def record_id(self) -> str: ...
    @property
    def type(self) -> str | None: ...
    @property
    def name(self) -> str | None: ...
    @property
    def version(self) -> str | None: ...
    @property
    def location(self) -> str | None: ...


class Reader(Protocol):
    """A store."""

    def fold(self, record_id: str) -> ReadRecord:
        """The record."""
        ...

    def outputs_of(self, join_digest: str) -> list[str]:
        """Ids of the records whose output has that join digest."""
        ...

    def outputs_with(self, join_digest: str) -> list[str]:
        """Ids of the records whose output has that join digest within it."""
        ...

    def uses_of(self, join_digest: str) -> Sequence[SourceUse]:
        """Where a source, or a content within one, has that join digest."""
        ...

    def uses_at(self, place: str) -> Sequence[SourceUse]:
        """Where a source has that location or name, or one that the pattern fits."""
        ...

    def records_of_trace(self, trace_id: str) -> list[str]:
        """Ids of the records of a trace."""
        ...

    def incomplete(self, limit: int | None = None) -> list[str]:
        """Ids of the records that may miss something."""
        ...
