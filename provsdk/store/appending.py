"""What happens inside the transaction that appends: places, seals, tiles, rows, views, checkpoint."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from provsdk.errors import FormatError, KeyConflict
from provsdk.ledger import log, tiles
from provsdk.ledger.entries import decode
from provsdk.ledger.keys import LogKey
from provsdk.ledger.reader import EntryPart
from provsdk.records.parts import Part
from provsdk.records.record import Extension, ProvenanceRecord
from provsdk.store.contract import Draft, Sealed
from provsdk.store.packing import sealed_pack
from provsdk.store.reading import FindKey, entry_parts, read_pack, said_by
from provsdk.store.sealing import Prepared
from provsdk.store.tip import Tip, tile_reader
from provsdk.store.views import INSERTS, project, subject_of_key

__all__ = ["Append", "insert_rows", "place"]

_NAMES_AT_ONCE: Final = 500
"""Names looked for by one statement: SQLite takes at least 999 parameters."""


@dataclass(slots=True)
class Append:
    """What an append comes to before it is committed."""

    answers: list[Sealed | KeyConflict] = field(default_factory=list)
    """One for each draft, in order."""
    fresh: list[Prepared] = field(default_factory=list)
    """Those that get a place in the log."""


def place(connection: sqlite3.Connection, prepared: Sequence[Prepared], size: int, find_key: FindKey) -> Append:
    """Gives each draft its index, or the one that its key has already, or says that the key has other content.

    Args:
        connection: Inside the transaction.
        prepared: Drafts in order.
        size: Number of entries before.
        find_key: Data keys, to compare with what is stored encrypted.
    """
    stored = _stored(connection, [one.draft.key for one in prepared])
    seen: dict[str, tuple[int, Draft]] = {}
    append = Append()
    for one in prepared:
        draft = one.draft
        if draft.key in seen:
            index, earlier = seen[draft.key]
            same = _same(draft, earlier.kind, earlier.subject, earlier.parts)
        elif draft.key in stored:
            index = stored[draft.key]
            same = _same_as_stored(connection, draft, index, find_key)
        else:
            index = size + len(append.fresh)
            seen[draft.key] = (index, draft)
            append.fresh.append(one)
            append.answers.append(Sealed(index, duplicate=False))
            continue
        append.answers.append(Sealed(index, duplicate=True) if same else _conflict(draft.key, index))
    return append


def insert_rows(connection: sqlite3.Connection, tip: Tip, fresh: Sequence[Prepared], key: LogKey) -> Tip:
    """Writes entries, parts, tiles, views and the new checkpoint; the tip after them."""
    appended = log.append(tip.frontier, [one.encoded for one in fresh], seal_key=key.seal_key)
    placed = list(zip(appended.rows, fresh, strict=True))
    connection.executemany(
        "INSERT INTO entries VALUES(?, ?, ?)", [(row.index, row.entry, row.seal) for row in appended.rows]
    )
    connection.executemany(
        "INSERT INTO parts VALUES(?, ?)",
        [(row.index, sealed_pack(key.seal_key, row.index, one.packed)) for row, one in placed],
    )
    shared = {digest: content for one in fresh for digest, content in one.shared.items()}
    connection.executemany("INSERT OR IGNORE INTO shared VALUES(?, ?)", sorted(shared.items()))
    _insert_views(connection, [(row.index, one) for row, one in placed])
    changed = tiles.update(
        tip.frontier.size, [row.leaf_hash for row in appended.rows], tile_reader(connection, tip.edge)
    )
    connection.executemany(
        "INSERT OR REPLACE INTO tiles VALUES(?, ?, ?)",
        [(level, index, hashes) for (level, index), hashes in changed.items()],
    )
    note = log.checkpoint_note(key.signer.name, appended.frontier, key.signer)
    connection.execute("INSERT OR REPLACE INTO checkpoint VALUES(1, ?)", (note,))
    return tip.grown(note, appended.frontier, changed)


def _insert_views(connection: sqlite3.Connection, placed: Sequence[tuple[int, Prepared]]) -> None:
    projected = [project(index, one.entry, _said(one), protected=one.draft.protected) for index, one in placed]
    for view, rows in zip(INSERTS, zip(*projected, strict=True), strict=True):
        connection.executemany(INSERTS[view], chain.from_iterable(rows))


def _said(one: Prepared) -> ProvenanceRecord | Extension | None:
    if one.draft.record is not None:
        return one.draft.record
    parts = [EntryPart(part.path, part.retention, None, "open", None, part.content) for part in one.draft.parts]
    return said_by(one.entry, parts).what


def _stored(connection: sqlite3.Connection, keys: Sequence[str]) -> Mapping[str, int]:
    """The keys among these that the log has, each with the index of its entry."""
    found = dict(_looked_up(connection, "SELECT key, min(idx) FROM audit WHERE key IN ({}) GROUP BY key", keys))
    implied = {subject: key for key in keys if (subject := subject_of_key(key)) is not None}
    statement = "SELECT subject, min(idx) FROM audit WHERE subject IN ({}) AND key IS NULL GROUP BY subject"
    for subject, index in _looked_up(connection, statement, list(implied)):
        key = implied[subject]
        found[key] = min(index, found.get(key, index))
    return found


def _looked_up(connection: sqlite3.Connection, statement: str, names: Sequence[str]) -> Iterator[tuple[str, int]]:
    for start in range(0, len(names), _NAMES_AT_ONCE):
        some = names[start : start + _NAMES_AT_ONCE]
        yield from connection.execute(statement.format(", ".join("?" * len(some))), some)


def _same_as_stored(connection: sqlite3.Connection, draft: Draft, index: int, find_key: FindKey) -> bool:
    row = connection.execute("SELECT bytes FROM entries WHERE idx = ?", (index,)).fetchone()
    if row is None:
        return False
    try:
        entry = decode(row[0])
        parts = entry_parts(connection, entry, read_pack(connection, index), find_key)
    except FormatError:
        return False
    if entry.key != draft.key:
        return False
    kept = {part.path: part for part in parts}
    erased = [part for part in draft.parts if part.path in kept and kept[part.path].state == "erased"]
    stored = [Part(part.path, part.retention, part.content) for part in parts if part.content is not None]
    return _same(draft, entry.kind, entry.subject, [*stored, *erased])


def _same(draft: Draft, kind: str, subject: str, parts: Sequence[Part]) -> bool:
    return (draft.kind, draft.subject) == (kind, subject) and sorted(draft.parts, key=_path) == sorted(parts, key=_path)


def _path(part: Part) -> str:
    return part.path


def _conflict(key: str, index: int) -> KeyConflict:
    return KeyConflict(
        f"entry {index} has the key {key!r} and other content, or content that cannot be read here to compare; it was "
        "left as it is, and nothing was appended"
    )
