"""The database's tables, and how one tells that a database has them and nothing else.

Every column is checked by `verify`: hashed into the log, signed, sealed, or derived again and compared. So there are no
counters, no times of last use, no state of exporters.
"""

import sqlite3
from typing import Final

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "VIEWS", "create", "create_views", "differences"]

APPLICATION_ID: Final = 0x70727673
"""`prvs`, in the header of the file: what tells a store from other SQLite files."""

SCHEMA_VERSION: Final = 2
"""`user_version` of the file: counts up when tables change. From 1 on only views did, which can be derived again."""

_LOG: Final = """
CREATE TABLE entries(idx INTEGER PRIMARY KEY, bytes BLOB NOT NULL, seal BLOB NOT NULL);
CREATE TABLE tiles(level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY(level, idx))
    WITHOUT ROWID;
CREATE TABLE checkpoint(id INTEGER PRIMARY KEY CHECK(id = 1), note TEXT NOT NULL);
CREATE TABLE parts(idx INTEGER PRIMARY KEY, pack BLOB NOT NULL);
CREATE TABLE shared(digest BLOB NOT NULL PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;
"""

_VIEWS: Final = """
CREATE TABLE audit(idx INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, key TEXT);
CREATE INDEX audit_key ON audit(key) WHERE key IS NOT NULL;
CREATE INDEX audit_subject ON audit(subject);
CREATE INDEX audit_kind ON audit(kind);
CREATE TABLE records(idx INTEGER PRIMARY KEY, output_id TEXT, name TEXT, status TEXT, generated_at TEXT,
    classification TEXT, sources INTEGER, transformations INTEGER, model_calls INTEGER, policy_checks INTEGER,
    complete INTEGER, protected INTEGER NOT NULL, output_join BLOB);
CREATE TABLE sources(idx INTEGER NOT NULL, n INTEGER NOT NULL, type TEXT, name TEXT, version TEXT, location TEXT,
    value_join BLOB, PRIMARY KEY(idx, n)) WITHOUT ROWID;
CREATE TABLE elements(idx INTEGER NOT NULL, n INTEGER NOT NULL, value_join BLOB NOT NULL,
    PRIMARY KEY(idx, n, value_join)) WITHOUT ROWID;
CREATE INDEX records_incomplete ON records(idx) WHERE complete IS NOT 1;
CREATE INDEX records_output_join ON records(output_join) WHERE output_join IS NOT NULL;
CREATE INDEX sources_value_join ON sources(value_join) WHERE value_join IS NOT NULL;
CREATE INDEX sources_location ON sources(location) WHERE location IS NOT NULL;
CREATE INDEX sources_name ON sources(name) WHERE name IS NOT NULL;
CREATE INDEX elements_value_join ON elements(value_join);
CREATE TABLE edges(idx INTEGER PRIMARY KEY, arrows TEXT NOT NULL);
"""

VIEWS: Final = ("audit", "records", "sources", "elements", "edges")
"""The tables that are functions of the others."""


def create(connection: sqlite3.Connection) -> None:
    """Makes the tables in an empty database, inside the transaction that is open."""
    for statement in _statements(_LOG):
        connection.execute(statement)
    create_views(connection)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def create_views(connection: sqlite3.Connection) -> None:
    """Makes the views, empty; those that are there are dropped, whatever they look like."""
    for name in VIEWS:
        connection.execute(f"DROP TABLE IF EXISTS {name}")
    for statement in _statements(_VIEWS):
        connection.execute(statement)


def differences(connection: sqlite3.Connection) -> list[str]:
    """What the database has besides this version's tables and indexes, lacks of them, or has in another form."""
    expected = sqlite3.connect(":memory:")
    try:
        create(expected)
        wanted, found = _objects(expected), _objects(connection)
    finally:
        expected.close()
    names = sorted(wanted.keys() | found.keys(), key=str)
    return [_difference(name, name in wanted, name in found) for name in names if wanted.get(name) != found.get(name)]


def _difference(name: tuple[str, str], wanted: bool, found: bool) -> str:  # noqa: FBT001 a table of two by two
    kind, of = name
    if not wanted:
        return f"{kind} {of!r} does not belong there"
    return f"{kind} {of!r} has been changed" if found else f"{kind} {of!r} is missing"


def _objects(connection: sqlite3.Connection) -> dict[tuple[str, str], tuple[str, str | None]]:
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
    return {(kind, name): (table, sql) for kind, name, table, sql in rows}


def _statements(script: str) -> list[str]:
    return [statement.strip() for statement in script.split(";") if statement.strip()]
