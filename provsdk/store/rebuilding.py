"""Views derived again from log and parts."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from provsdk.errors import FormatError, KeyUnusable, StoreDamaged
from provsdk.ledger.entries import decode
from provsdk.store.database import rolled_back
from provsdk.store.reading import FindKey, derived_rows
from provsdk.store.schema import SCHEMA_VERSION, VIEWS, create_views
from provsdk.store.views import INSERTS

__all__ = ["rebuild"]

_NAMED: Final = 3


def rebuild(connection: sqlite3.Connection, find_key: FindKey) -> dict[str, int]:
    """Drops every view and derives it again, in one transaction; rows by view.

    Raises:
        KeyUnusable: records are encrypted whose keys are not reachable, so that their rows would be lost.
        StoreDamaged: an entry or its parts are damaged.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        create_views(connection)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        locked = _fill(connection, find_key)
        _refuse_loss(locked)
        connection.execute("COMMIT")
    except BaseException:
        rolled_back(connection)
        raise
    return {view: int(connection.execute(f"SELECT count(*) FROM {view}").fetchone()[0]) for view in VIEWS}  # noqa: S608 names of ours


def _refuse_loss(locked: Sequence[int]) -> None:
    if locked:
        raise KeyUnusable(
            f"{len(locked)} entries are encrypted and their keys are not reachable (entry "
            f"{', '.join(map(str, locked[:_NAMED]))}{' …' if len(locked) > _NAMED else ''}): rebuilding would lose "
            "their rows. Nothing was changed; put the key files back (`keys`, `state`) and try again"
        )


def _fill(connection: sqlite3.Connection, find_key: FindKey) -> list[int]:
    locked = []
    for (index,) in connection.execute("SELECT idx FROM entries ORDER BY idx").fetchall():
        data = connection.execute("SELECT bytes FROM entries WHERE idx = ?", (index,)).fetchone()[0]
        try:
            rows = derived_rows(connection, index, decode(data), find_key)
        except (FormatError, TypeError) as error:
            raise StoreDamaged(
                f"entry {index} is damaged: {error}. Nothing was changed; run `provsdk verify`"
            ) from error
        if rows is None:
            locked.append(index)
            continue
        for view, statement in INSERTS.items():
            connection.executemany(statement, getattr(rows, view))
    return locked
