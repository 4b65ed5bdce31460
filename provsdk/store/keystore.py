"""Data keys, wrapped, in a database of their own outside the store: without its row, what a key encrypted stays shut.

A key is durable before anything is encrypted with it. Backups of the store do not hold it, and without the content key,
which lives elsewhere again, it opens nothing. Format: `docs/formats/store.md`, section 5.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from provsdk.errors import FormatError, KeyUnusable, StoreError, StoreForeign, StoreTooNew, StoreUnavailable
from provsdk.ledger.keys import content_key, is_away
from provsdk.store.database import busy_for, connect, explained, make_durable, rolled_back, unavailable
from provsdk.store.encryption import DATA_KEY_BYTES, DataKey, unwrap, wrap

__all__ = ["Absent", "KeyStore"]

_APPLICATION_ID: Final = 0x7072766B
_VERSION: Final = 1
_TABLE: Final = "CREATE TABLE data_keys(subject TEXT NOT NULL PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID"

Absent = Literal["unreachable", "gone", "damaged"]
"""`unreachable`: no key store or no content key here. `gone`: the key store is here and has no such key. `damaged`: the
key store or the content key is here and is not what it should be."""

_READ_WAIT_S: Final = 1.0


class KeyStore:
    """The data keys of one log, by the subject of its entries.

    Not for use by several threads at once: the store's lock guards it.

    Args:
        state: The user's state directory.
        keys: Directory of the key files.
        origin: Of the log.
    """

    def __init__(self, state: Path, keys: Path, origin: str) -> None:
        name = hashlib.sha256(origin.encode()).hexdigest()[:16]
        self.path = state / "keystore" / f"{name}.db"
        self._keys = keys
        self._origin = origin
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    def made(self, subjects: Iterable[str], *, timeout: float) -> dict[str, DataKey]:
        """The data keys of these subjects; those that are missing are made, and durable when this returns.

        Raises:
            KeyUnusable: the content key is damaged, or missing while keys are wrapped with it; or the key store is
                damaged or cannot be written.
        """
        wanted = sorted(set(subjects))
        with self._explained():
            connection = self._connected(timeout)
            busy_for(connection, timeout)
            connection.execute("BEGIN IMMEDIATE")
            try:
                first = connection.execute("SELECT 1 FROM data_keys LIMIT 1").fetchone() is None
                wrapping = content_key(self._keys, create=first)
                found = {subject: self._one(connection, wrapping, subject) for subject in wanted}
                connection.execute("COMMIT")
            except BaseException:
                rolled_back(connection)
                raise
        return found

    def find(self, subject: str) -> DataKey | Absent:
        """The data key of a subject, or why there is none.

        Raises:
            FormatError: the key that is kept was not wrapped for that subject with this content key.
        """
        try:
            wrapping = content_key(self._keys, create=False)
        except KeyUnusable as error:
            return "unreachable" if is_away(error) else "damaged"
        if not self.path.exists():
            return "unreachable"
        try:
            with explained(self.path):
                wrapped = self._kept(subject)
        except StoreUnavailable:
            return "unreachable"
        except StoreError:
            return "damaged"
        if wrapped is None:
            return "gone"
        return DataKey(unwrap(wrapping, self._origin, subject, wrapped))

    def _kept(self, subject: str) -> bytes | None:
        if self._writer is not None:
            return self._wrapped(self._writer, subject)
        if self._reader is None:
            self._reader = connect(self.path, read_only=True)
            busy_for(self._reader, _READ_WAIT_S)
        return self._wrapped(self._reader, subject)

    def close(self) -> None:
        """Lets go of the file; it is opened again when it is needed."""
        for connection in (self._writer, self._reader):
            if connection is not None:
                connection.close()
        self._writer = self._reader = None

    def _one(self, connection: sqlite3.Connection, wrapping: bytes, subject: str) -> DataKey:
        wrapped = self._wrapped(connection, subject)
        if wrapped is not None:
            return DataKey(unwrap(wrapping, self._origin, subject, wrapped))
        key = os.urandom(DATA_KEY_BYTES)
        row = (subject, wrap(wrapping, self._origin, subject, key))
        connection.execute("INSERT INTO data_keys VALUES(?, ?)", row)
        return DataKey(key)

    def _wrapped(self, connection: sqlite3.Connection, subject: str) -> bytes | None:
        row = connection.execute("SELECT wrapped FROM data_keys WHERE subject = ?", (subject,)).fetchone()
        if row is None:
            return None
        if not isinstance(row[0], bytes):
            raise FormatError(f"the data key of {subject} is not of its form in {self.path}")
        return row[0]

    def _connected(self, timeout: float) -> sqlite3.Connection:
        if self._writer is not None and self.path.exists():
            return self._writer
        self.close()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))
        connection = connect(self.path)
        try:
            busy_for(connection, timeout)
            self._set_up(connection)
            make_durable(connection, timeout=timeout)
        except BaseException:
            rolled_back(connection)
            connection.close()
            raise
        self._writer = connection
        return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if application == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        elif application != _APPLICATION_ID:
            raise StoreForeign(f"{self.path} is no key store of provsdk")
        elif version > _VERSION:
            raise StoreTooNew(f"the key store {self.path} has version {version}; this provsdk reads up to {_VERSION}")
        connection.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """A key store that is damaged is a key that cannot be used: the log itself may be well."""
        try:
            with explained(self.path):
                yield
        except StoreUnavailable:
            raise
        except OSError as error:
            raise unavailable(self.path, error) from error
        except (StoreError, FormatError) as error:
            raise KeyUnusable(f"the key store of encrypted content cannot be used: {error}") from error
