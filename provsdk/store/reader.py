"""The store as the verification procedure reads it: bytes, of one moment, with as little interpretation as possible."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from provsdk.errors import StoreDamaged
from provsdk.ledger.entries import decode
from provsdk.ledger.reader import EntryPart, EntryRow, Remembered
from provsdk.store.database import connect, explained
from provsdk.store.reading import FindKey, entry_parts, read_pack

__all__ = ["StoreReader"]


class StoreReader:
    """A `provsdk.ledger.reader.Reader` over a connection of its own, inside one read transaction.

    Args:
        path: Of the database.
        remembered: What is known from outside, read before this is made, so that no commit in between makes the store
            look old; or why it cannot be read.
        find_key: Data keys.
        seal_key: Checks that the blobs of parts are those that were sealed.

    Raises:
        StoreError: the database cannot be opened.
    """

    def __init__(
        self, path: Path, remembered: Sequence[Remembered] | StoreDamaged, find_key: FindKey, seal_key: bytes | None
    ) -> None:
        self._path = path
        self._remembered = remembered
        self._find_key = find_key
        self._seal_key = seal_key
        with explained(path):
            self.connection = connect(path, read_only=True)
            # Text that is no UTF-8 is text that differs, and is named where it stands.
            self.connection.text_factory = _text
            try:
                self.connection.execute("BEGIN")
                self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except BaseException:
                self.connection.close()
                raise

    def close(self) -> None:
        """Ends the transaction."""
        self.connection.close()

    def entries(self) -> Iterator[EntryRow]:
        """All entries by rising index."""
        with explained(self._path):
            for index, data, seal in self.connection.execute("SELECT idx, bytes, seal FROM entries ORDER BY idx"):
                yield _entry_row(index, data, seal)

    def entry(self, index: int) -> EntryRow | None:
        """One entry, None if there is none."""
        row = self._one("SELECT idx, bytes, seal FROM entries WHERE idx = ?", index)
        return None if row is None else _entry_row(*row)

    def parts(self, index: int) -> Sequence[EntryPart]:
        """The parts of an entry."""
        row = self.entry(index)
        if row is None:
            return ()
        with explained(self._path):
            packed = read_pack(self.connection, index, self._seal_key)
            return entry_parts(self.connection, decode(row.data), packed, self._find_key, strict=True)

    def tile(self, level: int, index: int) -> bytes:
        """The stored bytes of a tile, empty if there is none."""
        row = self._one("SELECT hashes FROM tiles WHERE level = ? AND idx = ?", level, index)
        if row is None:
            return b""
        if not isinstance(row[0], bytes):
            raise StoreDamaged(f"tile {level}/{index}: the column `hashes` holds no bytes")
        return row[0]

    def tile_ids(self) -> list[tuple[int, int]]:
        """(level, index) of every stored tile."""
        rows = self._all("SELECT level, idx FROM tiles")
        for row in rows:
            if not all(isinstance(number, int) for number in row):
                raise StoreDamaged(f"a tile is stored at {row!r}")
        return [(level, index) for level, index in rows]

    def checkpoint(self) -> str:
        """The newest checkpoint."""
        rows = self._all("SELECT id, note FROM checkpoint")
        if len(rows) != 1 or rows[0][0] != 1 or not isinstance(rows[0][1], str):
            raise StoreDamaged(f"expected one checkpoint, found {len(rows)} rows")
        return str(rows[0][1])

    def remembered(self) -> Sequence[Remembered]:
        """Checkpoints remembered outside."""
        if isinstance(self._remembered, StoreDamaged):
            raise self._remembered
        return self._remembered

    def _one(self, statement: str, *values: int) -> tuple[Any, ...] | None:
        rows = self._all(statement, *values)
        return rows[0] if rows else None

    def _all(self, statement: str, *values: int) -> list[tuple[Any, ...]]:
        with explained(self._path):
            return self.connection.execute(statement, values).fetchall()


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def _entry_row(index: object, data: object, seal: object) -> EntryRow:
    # What is no bytes is no entry and no seal: as empty bytes it fails every check at its own place.
    return EntryRow(
        index if isinstance(index, int) else -1,
        data if isinstance(data, bytes) else b"",
        seal if isinstance(seal, bytes) else b"",
    )
