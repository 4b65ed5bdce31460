"""Verification of a store: the procedure of the log (`provsdk.ledger.verify`, steps 1 to 9), and what a store adds.

10. Database: it has this version's tables, indexes and nothing else; SQLite finds it intact; every blob of parts
    belongs to an entry, every shared content to a part.
11. Views: each row is the one that follows from log and parts, and there is no other.
"""

from contextlib import suppress
from dataclasses import dataclass

from provsdk.errors import FormatError, KeyUnusable, NotFound, StoreDamaged, StoreForeign, StoreTooNew, UsageError
from provsdk.ledger.entries import decode
from provsdk.ledger.findings import Step
from provsdk.ledger.keys import LogKey, is_away, log_key
from provsdk.ledger.reader import EntryRow, Remembered
from provsdk.ledger.verify import Outcome, verify_entries, verify_log
from provsdk.store.checks import Checked, check_database, check_views
from provsdk.store.contract import Store
from provsdk.store.keystore import KeyStore
from provsdk.store.layout import accused
from provsdk.store.reader import StoreReader
from provsdk.store.sqlite import SqliteStore
from provsdk.vocabulary import TrustLevel

__all__ = ["Step", "VerifyReport", "verify"]


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification came to."""

    ok: bool
    """Whether nothing was found wrong. It says nothing without `level`."""
    level: TrustLevel
    """How far `ok` goes: `consistent` with itself, or `signed` by the log's key, which is kept outside the store."""
    steps: tuple[Step, ...]
    first_wrong: tuple[int, str] | None
    """The lowest index of an entry that is wrong or missing, and what is wrong there; None if there is none, or if no
    single entry can be named."""
    findings: tuple[str, ...]
    """Everything that is wrong, at most 100 of each step."""


def verify(store: Store, record_id: str | None = None) -> VerifyReport:
    """Verifies the whole store, or the entries of one record.

    Everything is computed again from the bytes as they stand, in one read transaction; writers are not held up. The
    log's key comes from the directory of keys, by the name that is remembered outside the store for this path, else by
    the one that entry 0 gives: whoever replaces the log cannot choose the key that it is checked with.

    Args:
        store: An open store.
        record_id: Only what is about this record: its entries, their parts and views, and that they stand in the tree
            of the newest checkpoint.

    Raises:
        NotFound: no entry is about `record_id`, and nothing is wrong with the log that could have hidden it.
        StoreError: the store cannot be read at all, or the memory outside cannot.
        UsageError: a store that this version cannot verify.
    """
    if not isinstance(store, SqliteStore):
        raise UsageError(f"{type(store).__name__} is no store that this version verifies")
    origin, remembered = _outside(store)
    key = _key(store, origin)
    keystore = KeyStore(store.state, store.keys, origin or "")
    try:
        reader = StoreReader(store.path, remembered, keystore.find, key.seal_key if isinstance(key, LogKey) else None)
    except (StoreForeign, StoreTooNew) as error:
        raise accused(error, store.memory) from error
    try:
        return _verified(reader, store, key, keystore, record_id)
    finally:
        reader.close()
        keystore.close()


def _verified(
    reader: StoreReader, store: SqliteStore, key: LogKey | str | None, keystore: KeyStore, record_id: str | None
) -> VerifyReport:
    verifier, seal_key = (key.signer.key, key.seal_key) if isinstance(key, LogKey) else (None, None)
    fault = key if isinstance(key, str) else None
    if record_id is None:
        outcome = verify_log(reader, key=verifier, seal_key=seal_key, key_fault=fault)
        own = [check_database(reader.connection, store.path), check_views(reader.connection, store.path, keystore.find)]
    else:
        indexes = _about(reader, record_id)
        outcome = verify_entries(reader, indexes, key=verifier, seal_key=seal_key, key_fault=fault)
        if not indexes and outcome.ok:
            raise NotFound(f"there is no entry about {record_id!r}")
        own = [check_views(reader.connection, store.path, keystore.find, indexes)]
    return _report(outcome, own)


def _report(outcome: Outcome, own: list[Checked]) -> VerifyReport:
    named = [(index, what) for checked in own for index, what in checked.findings if index is not None]
    if outcome.first_wrong is not None:
        named.insert(0, outcome.first_wrong)
    return VerifyReport(
        ok=outcome.ok and not any(checked.wrong for checked in own),
        level=TrustLevel.SIGNED if outcome.signed else TrustLevel.CONSISTENT,
        steps=(*outcome.steps, *(checked.step() for checked in own)),
        first_wrong=min(named, key=lambda one: one[0], default=None),
        findings=(
            *(finding.what for finding in outcome.findings),
            *(what for checked in own for _, what in checked.findings),
        ),
    )


def _outside(store: SqliteStore) -> tuple[str | None, tuple[Remembered, ...] | StoreDamaged]:
    """The log's name, and what is remembered of it and of its place."""
    stated = _stated(store)
    try:
        here = store.memory.of_path()
        origin = stated if here is None else here.origin
        known = store.memory.known(origin)
    except StoreDamaged as error:
        return stated, error
    return origin, tuple(one.remembered() for one in known)


def _stated(store: SqliteStore) -> str | None:
    try:
        return store.stated_origin()
    except StoreDamaged:
        return None


def _key(store: SqliteStore, origin: str | None) -> LogKey | str | None:
    """The log's key; None where it is not here, and what is wrong with it where it is."""
    if origin is None:
        return None
    try:
        return log_key(store.keys, origin, create=False)
    except KeyUnusable as error:
        return None if is_away(error) else str(error)
    except UsageError:
        return None


def _about(reader: StoreReader, record_id: str) -> list[int]:
    """The entries about a record, found in the log itself: a view could have been made to hide one."""
    name = record_id.encode(errors="surrogatepass")
    found: list[int] = []
    # Where the entries cannot be read to the end, step 1 says so.
    with suppress(StoreDamaged):
        found.extend(row.index for row in reader.entries() if name in row.data and _is_about(row, record_id))
    return found


def _is_about(row: EntryRow, record_id: str) -> bool:
    try:
        return decode(row.data).subject == record_id
    except FormatError:
        return True  # what says its name and cannot be read is not to be passed over
