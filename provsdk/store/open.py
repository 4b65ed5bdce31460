"""Opens a store, and makes one where there is none: a directory, a database in it, and a log with its first entry."""

import logging
import os
import secrets
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from provsdk import canonical, rfc3339
from provsdk.digest import JoinKey
from provsdk.errors import ConfigError, StoreError, StoreForeign, StoreRolledBack, StoreTooNew, UsageError
from provsdk.ledger.keys import digest_key, log_key
from provsdk.ledger.merkle import Frontier
from provsdk.records.parts import Part
from provsdk.store import schema
from provsdk.store.appending import insert_rows
from provsdk.store.contract import Draft
from provsdk.store.database import connect, explained, is_sqlite, make_durable, present, rolled_back, unavailable
from provsdk.store.layout import DATABASE, GITIGNORE, accused, check_version, is_blank, missing
from provsdk.store.memory import Memory, Opened
from provsdk.store.sealing import prepare
from provsdk.store.sqlite import SqliteStore
from provsdk.store.tip import Tip

__all__ = ["directory_of", "give_up", "open_store"]

_SCHEME: Final = "sqlite:"
_log: Final = logging.getLogger("provsdk")


def open_store(  # noqa: PLR0913 each stands for itself
    place: str | Path,
    *,
    keys: str | Path,
    state: str | Path,
    origin: str | None = None,
    create: bool = False,
    read_only: bool = False,
    outdated: bool = False,
) -> SqliteStore:
    """Opens the store at `place`.

    Args:
        place: Its directory, or `sqlite:<directory>`.
        keys: Directory of the key files; keys that a new log needs are made there.
        state: Directory for what is remembered of logs outside their stores, and for wrapped data keys.
        origin: Name of the log; a random one if None and the log is made. Where there is a log it must be its name.
        create: Make a store where there is none.
        read_only: Nothing will be appended; `create` is of no effect then.
        outdated: One whose views are those of an older version is opened too, to derive them again.

    Raises:
        StoreUnavailable: there is none and not `create`; it cannot be read or written; it is locked.
        StoreRolledBack: there was one, and it is gone; or there was a log of that origin elsewhere.
        StoreForeign, StoreTooNew: the file is no store, or of a newer version, where no log is remembered.
        StoreOutdated: its views are those of an older version.
        StoreDamaged: it contradicts itself, or cannot be opened as a store where a log is remembered.
        KeyUnusable: a key is damaged, or cannot be made.
        ConfigError: the log there has another origin.
        UsageError: the origin cannot be a log's name; the URL is of a kind of store that this version has not.
    """
    directory, keys, state = directory_of(place), Path(keys), Path(state)
    if not read_only and create:
        try:
            _make(directory, keys, state, origin)
        except (StoreForeign, StoreTooNew) as error:
            raise accused(error, Memory(state, directory)) from error
    elif not present(directory / DATABASE):
        raise missing(directory, Memory(state, directory))
    store = SqliteStore(directory, keys=keys, state=state, read_only=read_only, outdated=outdated)
    try:
        if origin is not None:
            _check_origin(store, origin)
        if not read_only:
            _warn_of_another_state(store, Memory(state, directory), state)
    except BaseException:
        store.close()
        raise
    return store


def _warn_of_another_state(store: SqliteStore, memory: Memory, state: Path) -> None:
    with suppress(StoreError):  # an append will tell
        if memory.of_origin(store.origin) is None:
            _log.warning(
                "nothing is known of the log %s in %s: whether it was rolled back before now cannot be told, and what "
                "is encrypted from now on has its keys there. If another directory was meant, set `state` to that one",
                store.origin,
                state,
            )


def give_up(place: str | Path, *, state: str | Path, origin: str | None = None) -> str | None:
    """Gives up the log that was at `place` and is gone, so that `open_store` may begin a new one there; its name.

    Args:
        place: Where it was.
        state: Directory of what is remembered.
        origin: Name that the new log is to have; a random one if None.

    Raises:
        UsageError: it is not gone: there is a database at that place.
        StoreRolledBack: a log of the name that the new one is to have is known; nothing was given up.
    """
    directory = directory_of(place)
    if present(directory / DATABASE):
        raise UsageError(f"there is a store at {directory}; move it away before you begin a new log in its place")
    memory = Memory(Path(state), directory)
    if origin is not None:
        _refuse_to_repeat(memory, origin)
    known = memory.forget_path()
    return None if known is None or known.size == 0 else known.origin


def _check_origin(store: SqliteStore, origin: str) -> None:
    if store.origin != origin:
        raise ConfigError(
            f"the store at {store.directory} holds the log {store.origin!r}, and `origin` is {origin!r}: set `origin` "
            "to that name or leave it out, or name another place with `store`"
        )


def directory_of(place: str | Path) -> Path:
    """The directory that a path or `sqlite:` URL names.

    Raises:
        UsageError: a URL of another kind.
    """
    if isinstance(place, Path):
        return place
    if place.startswith(_SCHEME):
        return Path(unquote(place.removeprefix(_SCHEME).removeprefix("//")))
    if "://" in place:
        kind = place.partition(":")[0]
        raise UsageError(f"a store is a directory or sqlite:<directory>; this version has no store of kind {kind!r}")
    return Path(place)


def _make(directory: Path, keys: Path, state: Path, origin: str | None) -> None:
    """Makes what is missing; processes that do so at once end with one log, whose entry 0 the first of them wrote."""
    path = directory / DATABASE
    memory = Memory(state, directory)
    if present(path) and not _is_unfinished(path):
        return
    _refuse_to_replace(directory, memory, origin)
    _make_directory(directory)
    with explained(path):
        connection = connect(path)
        try:
            make_durable(connection)
            connection.execute("BEGIN IMMEDIATE")
            if is_blank(connection):
                tip, name = _begin_log(connection, keys, origin or f"provsdk-{secrets.token_hex(8)}")
                with memory.opened(name) as opened:
                    connection.execute("COMMIT")
                    _remember(opened, tip)
            else:
                connection.execute("ROLLBACK")
                check_version(connection, path)
        except BaseException:
            rolled_back(connection)
            raise
        finally:
            connection.close()


def _remember(memory: Opened, tip: Tip) -> None:
    try:
        memory.remember(tip.frontier.size, tip.frontier.root())
    except (OSError, StoreError) as error:
        _log.warning("the memory outside the store is behind: %s", error)  # the log is there; the next append notes it


def _is_unfinished(path: Path) -> bool:
    """Whether it is a database without anything in it: whoever was to make a store of it was killed."""
    with explained(path):
        connection = connect(path)  # to be written to: a journal that was left has to be rolled back first
        try:
            return is_blank(connection) and (is_sqlite(path) or not path.stat().st_size)
        finally:
            connection.close()


def _refuse_to_replace(directory: Path, memory: Memory, origin: str | None) -> None:
    here = memory.of_path()
    if here is not None and here.size:
        raise missing(directory, memory)
    if origin is not None:
        _refuse_to_repeat(memory, origin)


def _refuse_to_repeat(memory: Memory, origin: str) -> None:
    known = memory.of_origin(origin)
    if known is not None and known.size:
        raise StoreRolledBack(
            f"the log {origin!r} is known: it is at {known.path}, with {known.size} entries, and a second one by that "
            f"name would contradict it. Choose another `origin`; or, if it was given up, delete {known.file}"
        )


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = directory / GITIGNORE
        if not ignore.exists():
            ignore.write_text("*\n", encoding="ascii")
        os.close(os.open(directory / DATABASE, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))
    except OSError as error:
        raise unavailable(directory, error) from error


def _begin_log(connection: sqlite3.Connection, keys: Path, origin: str) -> tuple[Tip, str]:
    key = log_key(keys, origin, create=True)
    said = {
        "origin": origin,
        "log_key": key.signer.vkey,
        "digest_key_id": JoinKey(digest_key(keys, create=True)).key_id,
        "recovery_key": None,
    }
    draft = Draft(
        kind="log.opened",
        key="log",
        actor=origin,
        subject=origin,
        time=rfc3339.now(),
        parts=(Part("log", "permanent", canonical.canonical(said)),),
        protected=False,
    )
    schema.create(connection)
    return insert_rows(connection, Tip("", Frontier(), {}), prepare([draft], {}), key), origin
