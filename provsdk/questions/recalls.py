"""Recalls: the answer to what rests on a source, frozen as a list of work, and what became of each output. Pure.

A recall is an entry that names the records; what is done about one of them, or all, is another entry. Owners and
recipients are those of the records, which do not change.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import msgspec

from provsdk.errors import FormatError
from provsdk.questions.impact import Impact

__all__ = ["CLOSED", "OPENED", "PATH", "Closing", "Item", "Opening", "Recall", "frozen", "of_record", "recalls"]

OPENED: Final = "recall.opened"
CLOSED: Final = "recall.closed"
PATH: Final = "recall"
"""Of the part that says it."""

State = Literal["open", "closed", "superseded"]


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """A record that a recall names."""

    record_id: str
    strength: str
    """How its output was linked to the source: `observed`, `declared`, `given` or `inferred`."""
    basis: str | None


class Opening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a `recall.opened` entry says."""

    recall_id: str
    source: str
    """As it was asked for."""
    reason: str
    author: str | None
    records: list[Recalled]
    doubtful: list[str]
    """Ids of records for which it could not be ruled out."""
    cut: bool
    """More belonged there than were read."""


class Closing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a `recall.closed` entry says."""

    recall_id: str
    records: list[str]
    note: str | None
    author: str | None
    superseded_by: str | None
    """The record of the output that stands in its place."""


@dataclass(frozen=True, slots=True)
class Item:
    """One output of a recall, and what became of it."""

    record_id: str
    strength: str
    basis: str | None
    state: State
    note: str | None
    superseded_by: str | None
    closed_at: str | None


@dataclass(frozen=True, slots=True)
class Recall:
    """A recall as it stands."""

    recall_id: str
    source: str
    reason: str
    author: str | None
    opened_at: str
    items: tuple[Item, ...]
    doubtful: tuple[str, ...]
    cut: bool

    @property
    def is_open(self) -> bool:
        """Whether something is left to do."""
        return any(item.state == "open" for item in self.items)


class _Entry(Protocol):
    @property
    def index(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def time(self) -> str: ...


class _Part(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def content(self) -> bytes | None: ...


class _Log(Protocol):
    def entries_of_kind(self, *kinds: str) -> Sequence[_Entry]: ...
    def parts(self, index: int) -> Sequence[_Part]: ...


def frozen(recall_id: str, source: str, reason: str, author: str | None, found: Impact) -> Opening:
    """The recall of what rests on a source now: what used it, and what may have."""
    return Opening(
        recall_id=recall_id,
        source=source,
        reason=reason,
        author=author,
        records=[
            Recalled(record_id=hit.record.record_id, strength=hit.link.strength, basis=hit.link.basis)
            for hit in (*found.used, *found.possible)
        ],
        doubtful=[doubt.record_id for doubt in found.doubtful],
        cut=found.cut,
    )


def recalls(log: _Log) -> tuple[Recall, ...]:
    """Every recall of a log as it stands, in the order in which they were opened.

    Raises:
        FormatError: an entry of a recall cannot be read.
    """
    opened: dict[str, tuple[str, Opening]] = {}
    closed: dict[str, list[tuple[str, Closing]]] = {}
    for entry in log.entries_of_kind(OPENED, CLOSED):
        content = next((part.content for part in log.parts(entry.index) if part.path == PATH), None)
        if content is None:  # erased, or its key is not here
            continue
        try:
            if entry.kind == OPENED:
                opening = msgspec.json.decode(content, type=Opening)
                opened[opening.recall_id] = entry.time, opening
            else:
                closing = msgspec.json.decode(content, type=Closing)
                closed.setdefault(closing.recall_id, []).append((entry.time, closing))
        except msgspec.MsgspecError as error:
            raise FormatError(f"entry {entry.index}: not a recall: {error}") from error
    return tuple(_standing(time, one, closed.get(one.recall_id, ())) for time, one in opened.values())


def _standing(time: str, opening: Opening, closings: Iterable[tuple[str, Closing]]) -> Recall:
    last: dict[str, tuple[str, Closing]] = {}
    for at, closing in closings:
        last |= dict.fromkeys(closing.records, (at, closing))
    return Recall(
        recall_id=opening.recall_id,
        source=opening.source,
        reason=opening.reason,
        author=opening.author,
        opened_at=time,
        items=tuple(_item(one, last) for one in opening.records),
        doubtful=tuple(opening.doubtful),
        cut=opening.cut,
    )


def _item(recalled: Recalled, last: Mapping[str, tuple[str, Closing]]) -> Item:
    found = last.get(recalled.record_id)
    if found is None:
        return Item(recalled.record_id, recalled.strength, recalled.basis, "open", None, None, None)
    at, closing = found
    state: State = "closed" if closing.superseded_by is None else "superseded"
    return Item(recalled.record_id, recalled.strength, recalled.basis, state, closing.note, closing.superseded_by, at)


def of_record(found: Iterable[Recall], record_id: str) -> list[tuple[Recall, Item]]:
    """The recalls that name a record, with what became of it in each."""
    return [(recall, item) for recall in found for item in recall.items if item.record_id == record_id]
