"""SQLite files: how they are opened, and what their errors mean to the caller.

WAL with `synchronous=FULL`: a commit is one fsync of the log of changes, after which it survives a crash of process and
machine. `secure_delete` overwrites what is deleted.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from provsdk.errors import StoreDamaged, StoreForeign, StoreUnavailable, UsageError

__all__ = [
    "Identity",
    "busy_for",
    "connect",
    "explained",
    "foreign",
    "identity",
    "is_sqlite",
    "make_durable",
    "present",
    "rolled_back",
    "unavailable",
]

MAGIC: Final = b"SQLite format 3\0"

_UNAVAILABLE: Final = {
    sqlite3.SQLITE_BUSY: "it is locked by another process; try again, or look for a program that holds it",
    sqlite3.SQLITE_LOCKED: "it is locked by another process; try again, or look for a program that holds it",
    sqlite3.SQLITE_PROTOCOL: "it is locked by another process; try again, or look for a program that holds it",
    sqlite3.SQLITE_READONLY: "it cannot be written; give this user the right to write to the file and its directory",
    sqlite3.SQLITE_PERM: "this user may not use it; give the right to read and write the file and its directory",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; is it there, and may this user read and write its directory?",
    sqlite3.SQLITE_FULL: "the disk is full; free some space, nothing was written by half",
    sqlite3.SQLITE_IOERR: "reading or writing it failed; is the disk full, or gone?",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
    sqlite3.SQLITE_INTERRUPT: "the work was interrupted",
    sqlite3.SQLITE_NOLFS: "the file is larger than this system allows",
}
_DAMAGED: Final = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_SCHEMA,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_RANGE,
    }
)
_NOT_UTF_8: Final = "Could not decode to UTF-8"
_BUSY_AT_OPEN_S: Final = 5.0
_BUSY_PAUSE_S: Final = 0.005

Identity = tuple[tuple[int, int] | None, ...]


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection to a database file, which is made where it is missing unless `read_only`.

    Transactions are begun and ended by the caller. Nothing is written yet: the file may be somebody else's, and whoever
    knows that it is not calls `make_durable`. A read-only file that nobody can be writing to is read as it is.

    Raises:
        sqlite3.Error: to be put into words by `explained`.
    """
    if not read_only:
        return _connection(path, "mode=rwc")
    connection = _connection(path, "mode=ro")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        # A log of changes cannot be set up beside the file here; without one, the file is all there is.
        if os.access(path.parent, os.W_OK) or path.with_name(f"{path.name}-wal").exists():
            raise
        return _connection(path, "mode=ro&immutable=1")
    except BaseException:
        connection.close()
        raise
    return connection


def _connection(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?{mode}"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_AT_OPEN_S, isolation_level=None, check_same_thread=False)


def make_durable(connection: sqlite3.Connection, *, timeout: float = _BUSY_AT_OPEN_S) -> None:
    """Sets how it is written: every commit survives a crash, what is deleted is overwritten."""
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    _enter_wal(connection, timeout)
    connection.execute("PRAGMA synchronous = FULL")


def _enter_wal(connection: sqlite3.Connection, timeout: float) -> None:
    # Of processes that switch a new file to WAL at once, all but one are told at once that it is locked: there SQLite
    # does not wait, whatever its timeout is.
    deadline = time.monotonic() + timeout
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_BUSY_PAUSE_S)


def busy_for(connection: sqlite3.Connection, seconds: float) -> None:
    """How long statements wait for other processes."""
    connection.execute(f"PRAGMA busy_timeout = {max(int(seconds * 1000), 0)}")


def identity(path: Path) -> Identity:
    """Which files stand at the path and beside it: they differ when a database was deleted, moved or replaced."""
    found: list[tuple[int, int] | None] = []
    for name in (str(path), f"{path}-wal"):
        try:
            state = os.stat(name)  # noqa: PTH116 asked at every use of a store: a Path for each would take longer than it
            found.append((state.st_dev, state.st_ino))
        except OSError:
            found.append(None)
    return tuple(found)


def rolled_back(connection: sqlite3.Connection) -> None:
    """Ends a transaction that failed; whatever that says, the first error is the one to tell."""
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def unavailable(path: Path, error: OSError) -> StoreUnavailable:
    """What an error of the file system means."""
    return StoreUnavailable(f"the store at {path} cannot be used: {error.filename or path}: {error.strerror or error}")


def foreign(path: Path) -> StoreForeign:
    """What to say of a file that is something else altogether."""
    return StoreForeign(f"{path} is no SQLite file, so no provsdk store; name another place with `store`")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns errors of SQLite about the file at `path` into those of provsdk.

    Raises:
        StoreUnavailable: locked, read-only, full, unreadable: it may work later.
        StoreForeign: not an SQLite file.
        StoreDamaged: an SQLite file that contradicts itself, or has not the tables that it should have.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _explanation(path, error) from error


def _explanation(path: Path, error: sqlite3.Error) -> Exception:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None and str(error).startswith(_NOT_UTF_8):
        code = sqlite3.SQLITE_CORRUPT  # said by Python, which has no code for it
    primary = None if code is None else code & 0xFF
    if primary == sqlite3.SQLITE_CANTOPEN and present(path) and not os.access(path.parent, os.W_OK):
        primary = sqlite3.SQLITE_READONLY  # what is missing is the right to write the log of changes beside it
    if primary in _UNAVAILABLE:
        return StoreUnavailable(f"the store at {path} cannot be used: {_UNAVAILABLE[primary]} (SQLite: {error})")
    if primary == sqlite3.SQLITE_NOTADB and not is_sqlite(path):
        return foreign(path)
    if primary in _DAMAGED or primary == sqlite3.SQLITE_NOTADB:
        return StoreDamaged(
            f"the store at {path} is damaged (SQLite: {_printable(error)}); restore the file from a backup"
        )
    if primary == sqlite3.SQLITE_TOOBIG:
        return UsageError(f"{path}: something is larger than SQLite stores in one place (SQLite: {error})")
    return StoreUnavailable(f"the store at {path} cannot be used (SQLite: {error}); open it again")


def _printable(error: sqlite3.Error) -> str:
    # What Python says of text that is no UTF-8 ends with that text, and messages carry no content.
    return str(error).partition(" with text ")[0].encode(errors="backslashreplace").decode()


def present(path: Path) -> bool:
    """Whether a file with something in it is there: an empty one is what a process leaves that was killed making it."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def is_sqlite(path: Path) -> bool:
    """Whether the file begins as SQLite files do."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False
