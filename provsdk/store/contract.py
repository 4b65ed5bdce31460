"""What every store promises: durability, concurrency, consistency, retry and errors of each method.

Drivers share this contract and its test suite, not code.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from provsdk.errors import KeyConflict
from provsdk.records.parts import Part
from provsdk.records.record import ProvenanceRecord

__all__ = ["Draft", "Folded", "LogEntry", "PartState", "Sealed", "Stats", "Store", "StoredPart", "Summary", "Use"]

PartState = Literal["open", "locked", "erased"]
"""`open`: readable. `locked`: encrypted, and its key is not reachable. `erased`: bytes and salt are gone."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it has an index, an id and commitments."""

    kind: str
    """`record.sealed`, `record.extended`, `emitter.opened`, `note.added` …"""
    key: str
    """The idempotency key, for instance `record/<record id>/0`."""
    actor: str
    """A pseudonym."""
    subject: str
    """A pseudonym, or a random id such as a record id."""
    time: str
    parts: tuple[Part, ...]
    protected: bool
    """Encrypt every part; `content/…` parts are encrypted always."""
    record: ProvenanceRecord | None = None
    """The record that the parts were cut from, where the caller has it at hand: saves decoding them for the views."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry that is on disk."""

    index: int
    duplicate: bool
    """The same key with the same content was there already: nothing was appended."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry as the log holds it."""

    index: int
    id: str
    kind: str
    time: str
    key: str
    actor: str
    subject: str
    body: str
    """SHA-256 of the canonical manifest, lower-case hex."""


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part as the store holds it."""

    path: str
    retention: str
    state: PartState
    content: bytes | None
    """Canonical bytes; None unless `state` is `open`."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of `list`."""

    record_id: str
    output_id: str
    name: str | None
    """None where the record is protected and its key is not reachable."""
    status: str | None
    generated_at: str | None
    classification: str | None
    sources: int
    """Extensions included, as in all below."""
    transformations: int
    model_calls: int
    policy_checks: int
    complete: bool | None
    entry: int
    """Index of the `record.sealed` entry."""


@dataclass(frozen=True, slots=True)
class Use:
    """A source of a record, as the views have it: whoever needs to be sure reads the record."""

    record_id: str
    entry: int
    """Index of the entry that says so: the record's, or an extension's."""
    type: str | None
    """None where the record is protected, as all below."""
    name: str | None
    version: str | None
    location: str | None


@dataclass(frozen=True, slots=True)
class Folded:
    """A record with its extensions folded in, and where each fact stands in the log."""

    record_id: str
    record: ProvenanceRecord | None
    """None where a part that it needs cannot be read."""
    entries: tuple[LogEntry, ...]
    """Every entry about the record, in log order."""
    unreadable: tuple[tuple[int, str, PartState], ...]
    """(entry index, path, state) of parts that cannot be read."""
    notes: tuple[dict[str, Any], ...]
    """`{time, author, text}` of each `note.added` entry, in log order."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Sizes, in bytes, and the rate that they were reached at."""

    entries: int
    records: int
    first_record_at: str | None
    last_record_at: str | None
    bytes_total: int
    """Of the files; with what is on its way into them."""
    bytes_log: int
    bytes_parts: int
    bytes_views: int
    bytes_underway: int
    """Of the file that writers append to until it is taken over; it is there while they run, and used again."""


class Store(Protocol):
    """One log with its parts and views.

    Objects are safe to use from several threads; any number of processes may have the same store open. After `fork`
    the child must open it again (`pipeline` does).
    """

    @property
    def origin(self) -> str:
        """The log's name, from entry 0."""
        ...

    def append(self, drafts: Sequence[Draft], *, timeout: float) -> list[Sealed | KeyConflict]:
        """Appends the drafts in order, in one transaction, and signs a checkpoint over them.

        Durable: when it returns, all of them survive a crash of process and machine; when it raises, none was
        appended. Concurrency: waits at most `timeout` seconds for other writers. Consistency: the frontier is read
        inside the transaction and compared with the signed checkpoint and with the memory outside the store first.
        Retry: safe, because keys are idempotent. A draft whose key stands there with other content is left out and
        answered with its `KeyConflict`; the others are appended.

        Raises:
            StoreUnavailable: locked for longer than `timeout`, full, read-only, gone.
            StoreDamaged: the store contradicts its checkpoint or the memory outside (`StoreRolledBack`).
            KeyUnusable: the signing key or an encryption key is missing or damaged.
        """
        ...

    def size(self) -> int:
        """Number of entries."""
        ...

    def checkpoint(self) -> str:
        """The newest signed checkpoint, as a signed note."""
        ...

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[LogEntry]:
        """Entries from `start` up to before `stop`, in log order."""
        ...

    def entries_about(self, subject: str) -> list[LogEntry]:
        """Entries with that subject, in log order."""
        ...

    def entries_of_kind(self, *kinds: str) -> list[LogEntry]:
        """Entries of any of those kinds, in log order."""
        ...

    def parts(self, index: int) -> list[StoredPart]:
        """The parts of an entry, sorted by path."""
        ...

    def resolve(self, name: str) -> str:
        """Record id for a record id, an output id, a unique prefix of either, `PREFIX..INFIX`, or `@latest`.

        Raises:
            NotFound: none, or more than one; the message names up to five candidates.
        """
        ...

    def summaries(
        self, *, limit: int | None = None, newest_first: bool = True, beyond: int | None = None
    ) -> list[Summary]:
        """Records in log order or the reverse; from the one that follows the entry `beyond` in that order."""
        ...

    def outputs_of(self, join_digest: str) -> list[str]:
        """Ids of the records whose output has that join digest, in log order."""
        ...

    def outputs_with(self, join_digest: str) -> list[str]:
        """Ids of the records whose output has that join digest within it, in log order."""
        ...

    def uses_of(self, join_digest: str) -> list[Use]:
        """Where a source, or a content within one, has that join digest; each record once per entry, in log order."""
        ...

    def uses_at(self, place: str) -> list[Use]:
        """Where a source has that location or name, or one that the pattern fits, in log order.

        Patterns are of `*`, `?`, `[ab]` and `[!ab]`.
        Protected records are not found by these.
        """
        ...

    def records_of_trace(self, trace_id: str) -> list[str]:
        """Ids of the records of a trace, in log order."""
        ...

    def incomplete(self, limit: int | None = None) -> list[str]:
        """Ids of the records that may miss something, in log order: that say so, were extended, or are protected."""
        ...

    def fold(self, record_id: str) -> Folded:
        """The record with its extensions folded in.

        Raises:
            NotFound: there is no such record.
        """
        ...

    def rebuild(self) -> dict[str, int]:
        """Drops every view and derives it again from log and parts, in one transaction; rows by view."""
        ...

    def stats(self) -> Stats:
        """Sizes and rate."""
        ...

    def close(self) -> None:
        """Lets go of files. Idempotent."""
        ...
