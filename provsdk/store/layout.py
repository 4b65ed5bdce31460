"""What a store's directory holds, and how one tells that a database in it is a store of this version."""

import sqlite3
from pathlib import Path
from typing import Final

from provsdk import canonical
from provsdk.errors import (
    FormatError,
    StoreDamaged,
    StoreError,
    StoreForeign,
    StoreOutdated,
    StoreRolledBack,
    StoreTooNew,
    StoreUnavailable,
)
from provsdk.store.database import foreign, is_sqlite
from provsdk.store.memory import Memory
from provsdk.store.packing import Open
from provsdk.store.reading import read_pack
from provsdk.store.schema import APPLICATION_ID, SCHEMA_VERSION

__all__ = ["DATABASE", "GITIGNORE", "accused", "check_version", "is_blank", "missing", "stated_origin"]

DATABASE: Final = "log.db"
GITIGNORE: Final = ".gitignore"


def is_blank(connection: sqlite3.Connection) -> bool:
    """Whether the database is one that nothing was ever written to."""
    application, version = _marks(connection)
    return application == version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0


def check_version(connection: sqlite3.Connection, path: Path, *, outdated: bool = False) -> None:
    """That this is a store, and one that this version reads.

    Args:
        connection: to the database.
        path: of it.
        outdated: one whose views are those of an older version will do.

    Raises:
        StoreForeign: it is something else.
        StoreTooNew: a newer version wrote it.
        StoreOutdated: its views are those of an older version.
    """
    application, version = _marks(connection)
    if application != APPLICATION_ID:
        if not is_sqlite(path):
            raise foreign(path)
        what = "an empty database" if is_blank(connection) else "an SQLite database of something else"
        raise StoreForeign(f"{path} is {what}, not a provsdk store; name another place with `store`")
    if 0 < version < SCHEMA_VERSION:
        if outdated:
            return
        raise StoreOutdated(
            f"the store at {path} has version {version}, and this provsdk reads version {SCHEMA_VERSION}: stop the "
            f"programs that write to it and run `provsdk rebuild --store {path.parent}`, which derives its views "
            "again; log and parts stay as they are"
        )
    if version != SCHEMA_VERSION:
        raise StoreTooNew(
            f"the store at {path} has version {version}; this provsdk reads version {SCHEMA_VERSION}. "
            "Upgrade it: pip install -U provsdk"
        )


def accused(error: StoreForeign | StoreTooNew, memory: Memory) -> StoreError:
    """What to say of a file that cannot be opened as a store: a mistake, or, where a log is known to be, a finding."""
    try:
        known = memory.of_path()
    except StoreDamaged as damage:
        return StoreDamaged(f"{error}. And {damage}")
    except StoreUnavailable:
        return error
    if known is None or known.size == 0:
        return error
    return StoreDamaged(
        f"{error}. The log {known.origin} was there, with {known.size:,} entries ({known.file} remembers it): if "
        "nothing else was put there on purpose, the file was changed or replaced; restore it from a backup"
    )


def missing(directory: Path, memory: Memory) -> StoreError:
    """What to say where no database is."""
    known = memory.of_path()
    if known is None or known.size == 0:
        return StoreUnavailable(
            f"there is no store at {directory}; make one with `provsdk init`, or name another place"
        )
    return StoreRolledBack(
        f"the store at {directory} is gone: the log {known.origin!r} was there, with {known.size} "
        f"{'entry' if known.size == 1 else 'entries'}. Restore {directory / DATABASE}; or, to give that log up and "
        f"begin a new one there, run `provsdk init --new-log --store {directory}`"
    )


def stated_origin(connection: sqlite3.Connection) -> str:
    """The log's name, as entry 0 gives it.

    Raises:
        FormatError: it gives none.
    """
    parts = [part for part in read_pack(connection, 0) if isinstance(part, Open) and part.path == "log"]
    said = canonical.parse(parts[0].content) if parts else None
    origin = said.get("origin") if isinstance(said, dict) else None
    if not isinstance(origin, str):
        raise FormatError("entry 0 does not say whose log this is")
    return origin


def _marks(connection: sqlite3.Connection) -> tuple[int, int]:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    return application, connection.execute("PRAGMA user_version").fetchone()[0]
