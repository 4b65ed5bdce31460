"""The log's newest state, read inside the transaction that appends to it and compared with everything that is known."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from provsdk.errors import FormatError, StoreDamaged, StoreRolledBack
from provsdk.ledger import checkpoint as checkpoints
from provsdk.ledger import tiles
from provsdk.ledger.merkle import HASH_BYTES, Frontier
from provsdk.ledger.note import VerifierKey, open_note
from provsdk.store.memory import Known

__all__ = ["Tip", "read_tip", "refuse_other_log", "tile_reader"]

_FULL = tiles.WIDTH * HASH_BYTES


@dataclass(frozen=True, slots=True)
class Tip:
    """What an append begins with."""

    note: str
    """The signed checkpoint."""
    frontier: Frontier
    edge: Mapping[tuple[int, int], bytes]
    """Partial tiles at the tree's right edge, as far as this process wrote or checked them itself."""

    def grown(self, note: str, frontier: Frontier, changed: Mapping[tuple[int, int], bytes]) -> "Tip":
        """The tip after an append that changed those tiles."""
        edge = {place: hashes for place, hashes in {**self.edge, **changed}.items() if len(hashes) < _FULL}
        return Tip(note, frontier, edge)


def tile_reader(connection: sqlite3.Connection, edge: Mapping[tuple[int, int], bytes]) -> tiles.ReadTile:
    """Tiles from what is known, else from the database; empty where there is none."""

    def read(level: int, index: int) -> bytes:
        known = edge.get((level, index))
        if known is not None:
            return known
        row = connection.execute("SELECT hashes FROM tiles WHERE level = ? AND idx = ?", (level, index)).fetchone()
        return row[0] if row is not None and isinstance(row[0], bytes) else b""

    return read


def read_tip(
    connection: sqlite3.Connection, path: Path, key: VerifierKey, memory: Iterable[Known], before: Tip | None
) -> Tip:
    """The tip, checked: by its signature, against the tree, and against the memory outside.

    Args:
        connection: Inside a write transaction.
        path: Of the database, for messages.
        key: The log's; its name is the origin.
        memory: What is remembered outside.
        before: What this process wrote last; what is the same byte for byte is not checked again.

    Raises:
        StoreDamaged: the store contradicts its checkpoint, or the checkpoint its signature.
        StoreRolledBack: the store is older than what is remembered, or another log than that.
    """
    row = connection.execute("SELECT note FROM checkpoint WHERE id = 1").fetchone()
    note = row[0] if row is not None else None
    tip = before
    if tip is None or note != tip.note:
        tip = _signed(connection, path, key, note)
    last = connection.execute("SELECT max(idx) FROM entries").fetchone()[0]
    if last != tip.frontier.size - 1:
        found = "none" if last is None else f"{last + 1}"
        raise _damaged(path, f"its checkpoint covers {tip.frontier.size} entries, found {found}")
    for known in memory:
        _compare(connection, path, key.name, tip, known)
    return tip


def _signed(connection: sqlite3.Connection, path: Path, key: VerifierKey, note: object) -> Tip:
    if not isinstance(note, str):
        raise _damaged(path, "its checkpoint is missing")
    read = tile_reader(connection, {})
    try:
        signed = checkpoints.parse(open_note(note, [key]).text)
        frontier = tiles.frontier(signed.size, read)
    except FormatError as error:
        raise _damaged(path, str(error)) from error
    if signed.origin != key.name:
        raise _damaged(path, f"its checkpoint is of the log {signed.origin!r}; expected {key.name!r}")
    if frontier.root() != signed.root:
        raise _damaged(path, f"its tiles have root {frontier.root().hex()}, its checkpoint {signed.root.hex()}")
    return Tip(note, frontier, {})


def refuse_other_log(path: Path, origin: str, known: Known | None) -> None:
    """That the log at `path` is the one that is remembered there.

    Raises:
        StoreRolledBack: it is another one.
    """
    if known is not None and known.origin != origin:
        raise StoreRolledBack(
            f"the store at {path.parent} holds the log {origin!r}; {known.file} remembers {known.origin!r} there, with "
            f"{known.size} entries. Restore that one; or, if it was replaced on purpose, delete {known.file}"
        )


def _compare(connection: sqlite3.Connection, path: Path, origin: str, tip: Tip, known: Known) -> None:
    size = tip.frontier.size
    refuse_other_log(path, origin, known)
    if known.size > size:
        raise StoreRolledBack(
            f"the store at {path.parent} has {size} entries; {known.file} remembers {known.size}. It is an older copy: "
            "restore the newest one. If the newer entries are lost for good, keep this copy and start a new log in "
            "another place"
        )
    if _root_of(known.size, size, tip, lambda: tile_reader(connection, tip.edge)) != known.root:
        raise StoreRolledBack(
            f"the first {known.size} entries of the store at {path.parent} are not those that {known.file} remembers: "
            "it was continued from an older copy, or tampered with. Run `provsdk verify`; restore the right one"
        )


def _root_of(known: int, size: int, tip: Tip, read: Callable[[], tiles.ReadTile]) -> bytes | None:
    if known == size:
        return tip.frontier.root()
    try:
        return tiles.frontier(known, read()).root()
    except FormatError:
        return None


def _damaged(path: Path, what: str) -> StoreDamaged:
    return StoreDamaged(f"the store at {path} is damaged: {what}. Nothing is appended to it. Run `provsdk verify`")
