"""The store in one SQLite file: the transaction that appends, and what is read.

One connection, used by one thread at a time: a lock guards it, and everything that belongs to it. Other processes are
kept apart by SQLite's own lock.
"""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from provsdk.errors import (
    FormatError,
    KeyConflict,
    StoreDamaged,
    StoreError,
    StoreForeign,
    StoreTooNew,
    StoreUnavailable,
)
from provsdk.ledger.keys import LogKey, log_key
from provsdk.store import queries
from provsdk.store.appending import insert_rows, place
from provsdk.store.contract import Draft, Folded, LogEntry, Sealed, Stats, StoredPart, Summary, Use
from provsdk.store.database import Identity, busy_for, connect, explained, identity, make_durable, present, rolled_back
from provsdk.store.encryption import DataKey
from provsdk.store.keystore import Absent, KeyStore
from provsdk.store.layout import DATABASE, accused, check_version, missing, stated_origin
from provsdk.store.memory import LOCK_WAIT_S, Memory, Opened
from provsdk.store.rebuilding import rebuild
from provsdk.store.sealing import Prepared, prepare, subjects_to_encrypt
from provsdk.store.tip import Tip, read_tip, refuse_other_log

__all__ = ["SqliteStore"]

_log: Final = logging.getLogger("provsdk")

_READ_WAIT_S: Final = 5.0


class SqliteStore:
    """A `provsdk.store.contract.Store` in a directory; `provsdk.store.open.open_store` makes them.

    Args:
        directory: The store's, where `log.db` is.
        keys: Directory of the key files.
        state: The user's state directory, for the memory and the key store.
        read_only: Nothing can be appended.
        outdated: One whose views are those of an older version is opened too, to derive them again.

    Raises:
        StoreError: the file is missing, foreign, too new, damaged or cannot be opened.
    """

    def __init__(self, directory: Path, *, keys: Path, state: Path, read_only: bool, outdated: bool = False) -> None:
        self.directory = directory
        self.path = directory / DATABASE
        self.keys = keys
        self.state = state
        self.read_only = read_only
        self._outdated = outdated
        self.memory = Memory(state, directory)
        self._lock = threading.RLock()
        self._pid = os.getpid()
        # All below belongs to whoever holds the lock.
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity = ()
        self._origin: str | None = None
        self._log_key: LogKey | None = None
        self._keystore: KeyStore | None = None
        self._tip: Tip | None = None
        self._closed = False
        self._behind = False
        with self._lock:
            self._live()

    # -- the connection

    def _live(self) -> sqlite3.Connection:
        """The connection, opened again where another file stands at the path now."""
        if self._closed:
            raise StoreUnavailable(f"the store at {self.directory} is closed; open it again")
        if os.getpid() != self._pid:
            raise StoreUnavailable(
                f"the store at {self.directory} was opened before this process was forked; open it again in the child"
            )
        if self._connection is not None:
            if identity(self.path) == self._identity:
                return self._connection
            self._disconnect()
        if not present(self.path):
            raise missing(self.directory, self.memory)
        with self._explained():
            self._connection = self._opened()
        self._identity = identity(self.path)
        return self._connection

    def _opened(self) -> sqlite3.Connection:
        connection = connect(self.path, read_only=self.read_only)
        try:
            check_version(connection, self.path, outdated=self._outdated)
            if not self.read_only:
                make_durable(connection)
            busy_for(connection, _READ_WAIT_S)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with explained(self.path):
                yield
        except (StoreForeign, StoreTooNew) as error:
            raise accused(error, self.memory) from error

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._keystore is not None:
            self._keystore.close()
        self._connection = self._tip = self._origin = self._keystore = None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._explained():
            yield self._live()

    # -- what belongs to the log

    @property
    def origin(self) -> str:
        """The log's name, from entry 0.

        Raises:
            StoreDamaged: entry 0 does not say it, and nothing is remembered of this path outside.
        """
        with self._reading() as connection:
            return self._origin_of(connection)

    def _origin_of(self, connection: sqlite3.Connection) -> str:
        if self._origin is None:
            try:
                self._origin = stated_origin(connection)
            except (FormatError, sqlite3.DatabaseError) as error:
                known = self.memory.of_path()
                if known is not None:
                    return known.origin
                if not isinstance(error, FormatError):
                    raise
                raise StoreDamaged(f"the store at {self.path} is damaged: {error}; restore it from a backup") from error
        return self._origin

    def stated_origin(self) -> str:
        """The log's name, as entry 0 has it and nothing else.

        Raises:
            StoreDamaged: it has none.
        """
        with self._reading() as connection:
            try:
                return stated_origin(connection)
            except FormatError as error:
                raise StoreDamaged(f"the store at {self.path} is damaged: {error}") from error

    def _key(self, connection: sqlite3.Connection) -> LogKey:
        if self._log_key is None or self._log_key.signer.name != self._origin_of(connection):
            self._log_key = log_key(self.keys, self._origin_of(connection), create=False)
        return self._log_key

    def keystore(self, origin: str) -> KeyStore:
        """The key store of the log with that origin."""
        with self._lock:
            if self._keystore is None:
                self._keystore = KeyStore(self.state, self.keys, origin)
            return self._keystore

    def _find_key(self, connection: sqlite3.Connection, subject: str) -> DataKey | Absent:
        return self.keystore(self._origin_of(connection)).find(subject)

    # -- appending

    def append(self, drafts: Sequence[Draft], *, timeout: float) -> list[Sealed | KeyConflict]:
        """Appends the drafts in one transaction; see `Store.append`."""
        if self.read_only:
            raise StoreUnavailable(f"the store at {self.directory} was opened to be read only")
        deadline = time.monotonic() + timeout
        if not self._lock.acquire(timeout=max(timeout, 0.0)):
            raise StoreUnavailable(f"the store at {self.directory} is busy: another thread held it for {timeout} s")
        try:
            with self._explained():
                connection = self._live()
                return self._append(connection, drafts, deadline)
        finally:
            self._lock.release()

    def _append(
        self, connection: sqlite3.Connection, drafts: Sequence[Draft], deadline: float
    ) -> list[Sealed | KeyConflict]:
        busy_for(connection, deadline - time.monotonic())
        origin = self._origin_of(connection)
        with self.memory.opened(origin) as memory:
            for known in memory.known():
                refuse_other_log(self.path, origin, known)
            key = self._key(connection)
            prepared = prepare(drafts, self._data_keys(origin, drafts, deadline))
            busy_for(connection, deadline - time.monotonic())
            answers, tip = self._committed(connection, prepared, key, memory)
            self._tip = tip
            self._remember(memory, tip)
        return answers

    def _data_keys(self, origin: str, drafts: Sequence[Draft], deadline: float) -> Mapping[str, DataKey]:
        """Those that the drafts need, on disk: what is encrypted with a key that a crash takes could never be read."""
        subjects = subjects_to_encrypt(drafts)
        return self.keystore(origin).made(subjects, timeout=max(deadline - time.monotonic(), 0)) if subjects else {}

    def _committed(
        self, connection: sqlite3.Connection, prepared: Sequence[Prepared], key: LogKey, memory: Opened
    ) -> tuple[list[Sealed | KeyConflict], Tip]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            tip = read_tip(connection, self.path, key.signer.key, memory.known(), self._tip)
            append = place(connection, prepared, tip.frontier.size, lambda subject: self._find_key(connection, subject))
            if append.fresh:
                tip = insert_rows(connection, tip, append.fresh, key)
            connection.execute("COMMIT")
        except BaseException:
            rolled_back(connection)
            raise
        return append.answers, tip

    def _remember(self, memory: Opened, tip: Tip) -> None:
        try:
            # Whoever is held up once is not held up again by the same: the next tries cost nothing.
            wait = 0.0 if self._behind else LOCK_WAIT_S
            memory.remember(tip.frontier.size, tip.frontier.root(), wait=wait)
        except (OSError, StoreError) as error:
            # The entries are durable: to raise now would say the opposite. The next append tries again.
            if not self._behind:
                _log.warning("the memory outside the store is behind: %s", error)
            self._behind = True
        else:
            self._behind = False

    # -- reading

    def size(self) -> int:
        """Number of entries."""
        with self._reading() as connection:
            return int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])

    def checkpoint(self) -> str:
        """The newest signed checkpoint."""
        with self._reading() as connection:
            row = connection.execute("SELECT note FROM checkpoint").fetchone()
            if row is None or not isinstance(row[0], str):
                raise StoreDamaged(f"the store at {self.path} has no checkpoint. Run `provsdk verify`")
            return str(row[0])

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[LogEntry]:
        """Entries from `start` up to before `stop`, in log order."""
        while True:
            with self._reading() as connection:
                some = queries.entries(connection, start, stop)
            yield from some
            if len(some) < queries.AT_ONCE:
                return
            start = some[-1].index + 1

    def entries_about(self, subject: str) -> list[LogEntry]:
        """Entries with that subject, in log order."""
        with self._reading() as connection:
            return queries.entries_about(connection, subject)

    def entries_of_kind(self, *kinds: str) -> list[LogEntry]:
        """Entries of any of those kinds, in log order."""
        with self._reading() as connection:
            return queries.entries_of_kind(connection, kinds)

    def parts(self, index: int) -> list[StoredPart]:
        """The parts of an entry, sorted by path."""
        with self._reading() as connection:
            return queries.parts(connection, index, lambda subject: self._find_key(connection, subject))

    def resolve(self, name: str) -> str:
        """Record id for a record id, an output id, a unique prefix of either, or `@latest`."""
        with self._reading() as connection:
            return queries.resolve(connection, name)

    def summaries(
        self, *, limit: int | None = None, newest_first: bool = True, beyond: int | None = None
    ) -> list[Summary]:
        """Records in log order or the reverse."""
        with self._reading() as connection:
            page = queries.Page(limit, newest_first, beyond)
            return queries.summaries(connection, page, lambda subject: self._find_key(connection, subject))

    def outputs_of(self, join_digest: str) -> list[str]:
        """Ids of the records whose output has that join digest."""
        with self._reading() as connection:
            return queries.outputs_of(connection, join_digest)

    def outputs_with(self, join_digest: str) -> list[str]:
        """Ids of the records whose output has that join digest within it."""
        with self._reading() as connection:
            return queries.outputs_with(connection, join_digest)

    def uses_of(self, join_digest: str) -> list[Use]:
        """Where a source, or a content within one, has that join digest."""
        with self._reading() as connection:
            return queries.uses_of(connection, join_digest)

    def uses_at(self, place: str) -> list[Use]:
        """Where a source has that location or name."""
        with self._reading() as connection:
            return queries.uses_at(connection, place)

    def records_of_trace(self, trace_id: str) -> list[str]:
        """Ids of the records of a trace."""
        with self._reading() as connection:
            return queries.records_of_trace(connection, trace_id)

    def incomplete(self, limit: int | None = None) -> list[str]:
        """Ids of the records that may miss something."""
        with self._reading() as connection:
            return queries.incomplete(connection, limit)

    def fold(self, record_id: str) -> Folded:
        """The record with its extensions folded in."""
        with self._reading() as connection:
            return queries.folded(connection, record_id, lambda subject: self._find_key(connection, subject))

    def stats(self) -> Stats:
        """Sizes and rate."""
        with self._reading() as connection:
            return queries.stats(connection, self.path)

    def rebuild(self) -> dict[str, int]:
        """Derives every view again, in one transaction; rows by view."""
        if self.read_only:
            raise StoreUnavailable(f"the store at {self.directory} was opened to be read only")
        with self._reading() as connection:
            return rebuild(connection, lambda subject: self._find_key(connection, subject))

    # -- before a fork, and at the end

    def suspend(self, *, timeout: float) -> bool:
        """Lets go of files and keeps every other thread from the store until `resume`, which the same thread calls.

        Args:
            timeout: Seconds that whoever uses the store may take to end that; False when they took longer.
        """
        if not self._lock.acquire(timeout=timeout):
            return False
        if os.getpid() == self._pid:
            self._disconnect()
        return True

    def resume(self) -> None:
        """Ends `suspend`: the next use opens the files again."""
        self._lock.release()

    def close(self) -> None:
        """Lets go of files. Idempotent."""
        with self._lock:
            self._closed = True
            if os.getpid() != self._pid:
                return  # a connection must not cross a fork, not even to be closed
            self._disconnect()
