"""Steps 10 and 11 of `provsdk.store.verify`: the database itself, and its views."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from provsdk.errors import FormatError, StoreDamaged
from provsdk.ledger.entries import Entry, decode
from provsdk.ledger.findings import MAX_FINDINGS, Step
from provsdk.store.database import explained
from provsdk.store.packing import Shared
from provsdk.store.reading import FindKey, derived_rows, read_pack, rows_without_key
from provsdk.store.schema import APPLICATION_ID, SCHEMA_VERSION, VIEWS, differences
from provsdk.store.views import JOIN_BYTES, Rows, are_arrows

__all__ = ["Checked", "check_database", "check_views"]

DATABASE_STEP: Final = 10
VIEWS_STEP: Final = 11

_TITLES: Final = {
    DATABASE_STEP: "the database holds what it should and nothing else",
    VIEWS_STEP: "views follow from log and parts",
}
_COUNTS: Final = slice(6, 10)
_JOIN: Final = 12
"""Columns of `records` that only the key can tell."""

_ORDERED: Final = {
    "audit": "SELECT * FROM audit WHERE idx = ?",
    "records": "SELECT * FROM records WHERE idx = ?",
    "sources": "SELECT * FROM sources WHERE idx = ? ORDER BY n",
    "elements": "SELECT * FROM elements WHERE idx = ? ORDER BY n, value_join",
    "edges": "SELECT * FROM edges WHERE idx = ?",
}


@dataclass(slots=True)
class Checked:
    """How one of these steps goes."""

    number: int
    checked: int = 0
    not_checked: int = 0
    reason: str = ""
    wrong: int = 0
    findings: list[tuple[int | None, str]] = field(default_factory=list)
    """(index of the entry that is wrong, or None; what is wrong), at most `MAX_FINDINGS`."""

    def found(self, index: int | None, what: str) -> None:
        """Something is wrong."""
        self.wrong += 1
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append((index, what))

    @contextmanager
    def guarded(self, path: Path) -> Iterator[None]:
        """A database that contradicts itself here is a finding, not the end of the procedure."""
        try:
            with explained(path):
                yield
        except StoreDamaged as error:
            self.found(None, str(error))

    def step(self) -> Step:
        """The sum of it."""
        detail = self.reason if self.not_checked else ""
        if self.findings:
            detail = self.findings[0][1] + (f" (and {self.wrong - 1} more)" if self.wrong > 1 else "")
        return Step(self.number, _TITLES[self.number], not self.wrong, self.checked, self.not_checked, detail)


def check_database(connection: sqlite3.Connection, path: Path) -> Checked:
    """Step 10."""
    checked = Checked(DATABASE_STEP)
    with checked.guarded(path):
        checked.checked += 1
        for difference in differences(connection):
            checked.found(None, f"{path}: {difference}")
        for mark, expected in (("application_id", APPLICATION_ID), ("user_version", SCHEMA_VERSION)):
            found = connection.execute(f"PRAGMA {mark}").fetchone()[0]
            if found != expected:
                checked.found(None, f"{path}: its {mark} is {found}, expected {expected}")
    with checked.guarded(path):
        checked.checked += 1
        for (message,) in connection.execute(f"PRAGMA integrity_check({MAX_FINDINGS})"):
            if message != "ok":
                checked.found(None, f"{path}: {message}")
    with checked.guarded(path):
        for (index,) in connection.execute("SELECT idx FROM parts WHERE idx NOT IN (SELECT idx FROM entries)"):
            checked.found(index, f"parts are stored for entry {index}, which is not there")
    with checked.guarded(path):
        _check_shared(connection, checked)
    return checked


def _check_shared(connection: sqlite3.Connection, checked: Checked) -> None:
    digests = {row[0] for row in connection.execute("SELECT digest FROM shared")}
    checked.checked += len(digests)
    unused = set(digests)
    for (index,) in connection.execute("SELECT idx FROM parts").fetchall():
        try:
            unused -= {part.digest for part in read_pack(connection, index) if isinstance(part, Shared)}
        except FormatError:
            continue  # found by step 5
    for digest in unused:
        name = digest.hex() if isinstance(digest, bytes) else repr(digest)
        checked.found(None, f"shared bytes {name} belong to no part")


def check_views(
    connection: sqlite3.Connection, path: Path, find_key: FindKey, indexes: Iterable[int] | None = None
) -> Checked:
    """Step 11, for the whole store or for some entries."""
    checked = Checked(VIEWS_STEP)
    whole = indexes is None
    with checked.guarded(path):
        listed = [row[0] for row in connection.execute("SELECT idx FROM entries ORDER BY idx")]
        keys: dict[str, int] = {}
        for index in listed if indexes is None else indexes:
            entry = _entry(connection, index)
            if entry is None:
                continue  # found by step 1
            first = keys.setdefault(entry.key, index)
            if first != index:
                checked.found(index, f"entry {index} has the key {entry.key!r}, which entry {first} has")
            _check_entry(connection, index, entry, find_key, checked)
    if whole:
        for view in VIEWS:
            with checked.guarded(path):
                _check_extra(connection, view, checked)
    return checked


def _entry(connection: sqlite3.Connection, index: int) -> Entry | None:
    row = connection.execute("SELECT bytes FROM entries WHERE idx = ?", (index,)).fetchone()
    try:
        return decode(row[0]) if row is not None and isinstance(row[0], bytes) else None
    except FormatError:
        return None


def _check_entry(connection: sqlite3.Connection, index: int, entry: Entry, find_key: FindKey, checked: Checked) -> None:
    try:
        expected = derived_rows(connection, index, entry, find_key)
    except FormatError as error:
        checked.found(index, f"entry {index}: its rows cannot be derived: {error}")
        return
    if expected is None:
        checked.not_checked += 1
        checked.reason = "encrypted, and the key is not at hand"
        _check_locked(connection, index, rows_without_key(index, entry), checked)
        return
    for view in VIEWS:
        checked.checked += 1
        _compare(view, index, connection.execute(_ORDERED[view], (index,)).fetchall(), expected, checked)


def _check_locked(connection: sqlite3.Connection, index: int, expected: Rows, checked: Checked) -> None:
    """What can be said of the rows of an entry whose parts are locked: all but counts, join digests and edges."""
    rows = {view: connection.execute(_ORDERED[view], (index,)).fetchall() for view in VIEWS}
    checked.checked += len(VIEWS)
    _compare("audit", index, rows["audit"], expected, checked)
    records = rows["records"]
    counts = [value for row in records for value in row[_COUNTS]]
    joins = [row[_JOIN] for row in records] + [row[-1] for view in ("sources", "elements") for row in rows[view]]
    masked = [
        (*row[: _COUNTS.start], *(None,) * len(row[_COUNTS]), *row[_COUNTS.stop : _JOIN], None) for row in records
    ]
    _compare("records", index, masked, expected, checked)
    if not all(value is None or (isinstance(value, int) and value >= 0) for value in counts) or not all(
        value is None or (isinstance(value, bytes) and len(value) == JOIN_BYTES) for value in joins
    ):
        checked.found(index, f"entry {index}: a count or join digest in the views has not its form")
    if [row[1] for row in rows["sources"]] != list(range(len(rows["sources"]))):
        checked.found(index, f"entry {index}: the rows of the view 'sources' are not numbered from 0 without a gap")
    if any(row[1] not in range(-len(records), len(rows["sources"])) for row in rows["elements"]):
        checked.found(index, f"entry {index}: the view 'elements' has rows of a source that the view 'sources' has not")
    if records and records[0][_COUNTS.start] not in {None, len(rows["sources"])}:
        checked.found(index, f"entry {index}: the view 'sources' has not as many rows as the view 'records' counts")
    if any(value is not None for row in rows["sources"] for value in row[2:-1]):
        checked.found(index, f"entry {index}: the view 'sources' says what only the key could have told")
    if not all(are_arrows(row[1]) for row in rows["edges"]):
        checked.found(index, f"entry {index}: the view 'edges' has a row that is not of its form")


def _compare(view: str, index: int, stored: list[tuple[Any, ...]], expected: Rows, checked: Checked) -> None:
    wanted = list(getattr(expected, view))
    # 1 and 1.0 are equal to Python, and are not the same row.
    if list(map(_typed, stored)) != list(map(_typed, wanted)):
        what = (
            "differs from what follows from the log"
            if len(stored) == len(wanted)
            else (f"has {len(stored)} rows, expected {len(wanted)}")
        )
        checked.found(index, f"entry {index}: the view {view!r} {what}")


def _typed(row: tuple[Any, ...]) -> tuple[tuple[type, Any], ...]:
    return tuple((type(value), value) for value in row)


def _check_extra(connection: sqlite3.Connection, view: str, checked: Checked) -> None:
    rows = connection.execute(f"SELECT idx FROM {view} WHERE idx NOT IN (SELECT idx FROM entries)")  # noqa: S608 a name of ours
    for (index,) in rows:
        checked.found(
            index if isinstance(index, int) else None,
            f"the view {view!r} has rows of entry {index!r}, which is not there",
        )
