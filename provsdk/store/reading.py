"""Reading parts back: from a stored blob to what a part says, or why it says nothing."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from provsdk.errors import FormatError
from provsdk.ledger.entries import Entry
from provsdk.ledger.reader import EntryPart
from provsdk.records.parts import join, join_extension
from provsdk.records.record import Extension, ProvenanceRecord
from provsdk.store.encryption import DataKey
from provsdk.store.keystore import Absent
from provsdk.store.packing import Erased, Open, Packed, Sealed, Shared, unpack
from provsdk.store.views import Rows, project

__all__ = ["FindKey", "Said", "derived_rows", "entry_parts", "is_protected", "read_pack", "rows_without_key", "said_by"]

FindKey = Callable[[str], "DataKey | Absent"]
"""Subject → its data key, or why there is none."""

_CONTENT: Final = "content/"


def read_pack(connection: sqlite3.Connection, index: int, seal_key: bytes | None = None) -> list[Packed]:
    """The parts of the entry at `index`, as they are stored; none where nothing is stored for it.

    Raises:
        FormatError: what is stored is damaged.
    """
    row = connection.execute("SELECT pack FROM parts WHERE idx = ?", (index,)).fetchone()
    if row is None:
        return []
    if not isinstance(row[0], bytes):
        raise FormatError("parts: the column `pack` holds no bytes")
    return unpack(row[0], index=index, seal_key=seal_key)


def entry_parts(
    connection: sqlite3.Connection, entry: Entry, packed: Iterable[Packed], find_key: FindKey, *, strict: bool = False
) -> list[EntryPart]:
    """The parts of an entry, read as far as they can be.

    Args:
        connection: To the store.
        entry: Whose parts they are.
        packed: As they are stored.
        find_key: Asked once, if a part is encrypted.
        strict: A data key that is gone from a key store that is there is an error, not a locked part; and so is a key
            store or a content key that is there and damaged.

    Raises:
        FormatError: a part, or its data key, is damaged.
    """
    key: DataKey | Absent | None = None
    read = []
    for part in packed:
        if isinstance(part, Sealed) and key is None:
            key = find_key(entry.subject)
            if strict and key == "gone":
                raise FormatError(
                    f"the data key of {entry.subject} is gone, and no entry says that it was destroyed; if it was "
                    "written with another `state` directory (PROVSDK_STATE), look with that one"
                )
            if strict and key == "damaged":
                raise FormatError(f"the key store or the content key that encrypts {entry.subject} is damaged")
        read.append(_read(connection, entry.id, part, key))
    return read


def _read(connection: sqlite3.Connection, entry_id: str, part: Packed, key: DataKey | Absent | None) -> EntryPart:
    match part:
        case Open():
            return EntryPart(part.path, part.retention, None, "open", part.salt, part.content)
        case Shared():
            content = _shared(connection, part)
            return EntryPart(part.path, part.retention, None, "open", part.salt, content)
        case Sealed():
            if not isinstance(key, DataKey):
                return EntryPart(part.path, part.retention, part.commitment, "locked")
            salt, content = key.open(entry_id, part.path, part.ciphertext)
            return EntryPart(part.path, part.retention, part.commitment, "open", salt, content)
        case Erased():
            return EntryPart(part.path, part.retention, part.commitment, "erased", erased_by=part.by)


def _shared(connection: sqlite3.Connection, part: Shared) -> bytes:
    row = connection.execute("SELECT bytes FROM shared WHERE digest = ?", (part.digest,)).fetchone()
    if row is None:
        raise FormatError(f"part {part.path!r}: its shared bytes are missing")
    if not isinstance(row[0], bytes) or hashlib.sha256(row[0]).digest() != part.digest:
        raise FormatError(f"part {part.path!r}: its shared bytes are not those of their digest")
    return row[0]


def is_protected(packed: Iterable[Packed]) -> bool:
    """Whether an entry's parts are encrypted; captured content says nothing, for it always is."""
    return any(isinstance(part, Sealed) and not part.path.startswith(_CONTENT) for part in packed)


@dataclass(frozen=True, slots=True)
class Said:
    """What an entry's parts say, for views and reports."""

    what: ProvenanceRecord | Extension | None
    """None if the entry is about something else, or a part that it takes cannot be read."""
    locked: bool
    """Whether such a part is locked."""


def said_by(entry: Entry, parts: Iterable[EntryPart]) -> Said:
    """The record or extension in an entry's parts.

    Raises:
        FormatError: nothing is locked or erased, and yet the parts do not make one.
    """
    if entry.kind not in {"record.sealed", "record.extended"}:
        return Said(None, locked=False)
    needed = [part for part in parts if not part.path.startswith(_CONTENT)]
    if any(part.state == "locked" for part in needed):
        return Said(None, locked=True)
    contents: Mapping[str, bytes] = {part.path: part.content for part in needed if part.content is not None}
    try:
        return Said(join(contents) if entry.kind == "record.sealed" else join_extension(contents), locked=False)
    except FormatError:
        if any(part.state == "erased" for part in needed):
            return Said(None, locked=False)
        raise


def rows_without_key(index: int, entry: Entry) -> Rows:
    """What an entry whose parts are locked adds to the views, as far as it follows from the log alone: `audit`, and a
    record's row without the counts and the join digest.
    """
    return project(index, entry, None, protected=True)


def derived_rows(connection: sqlite3.Connection, index: int, entry: Entry, find_key: FindKey) -> Rows | None:
    """What the entry adds to the views; None if a part that this takes is locked.

    Raises:
        FormatError: its parts are damaged.
    """
    packed = read_pack(connection, index)
    said = said_by(entry, entry_parts(connection, entry, packed, find_key))
    if said.locked:
        return None
    return project(index, entry, said.what, protected=is_protected(packed))
