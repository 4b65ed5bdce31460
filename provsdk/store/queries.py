"""What a store is asked, as functions of a connection."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from provsdk import canonical
from provsdk.errors import FormatError, NotFound, StoreDamaged
from provsdk.ledger.entries import Entry, decode
from provsdk.ledger.reader import EntryPart
from provsdk.records.fold import fold
from provsdk.records.record import Extension, ProvenanceRecord
from provsdk.store.contract import Folded, LogEntry, PartState, Stats, StoredPart, Summary, Use
from provsdk.store.reading import FindKey, entry_parts, read_pack, said_by
from provsdk.store.views import OUTPUT, join_of, output_id_of

__all__ = [
    "AT_ONCE",
    "Page",
    "entries",
    "entries_about",
    "entries_of_kind",
    "entry_at",
    "folded",
    "incomplete",
    "outputs_of",
    "outputs_with",
    "parts",
    "records_of_trace",
    "resolve",
    "stats",
    "summaries",
    "uses_at",
    "uses_of",
]

AT_ONCE: Final = 256
"""Entries read by one statement."""

_CANDIDATES: Final = 5
_NO_STOP: Final = 2**63 - 1

_RECORDS: Final = "FROM records JOIN audit USING(idx)"
"""The view of records with the ids of the records, which are the subjects of their entries."""


def entries(connection: sqlite3.Connection, start: int, stop: int | None) -> list[LogEntry]:
    """The first `AT_ONCE` entries from `start` up to before `stop`."""
    rows = connection.execute(
        "SELECT idx, bytes FROM entries WHERE idx >= ? AND idx < ? ORDER BY idx LIMIT ?",
        (start, _NO_STOP if stop is None else stop, AT_ONCE),
    )
    return [_log_entry(index, _decoded(index, data)) for index, data in rows]


def entries_about(connection: sqlite3.Connection, subject: str) -> list[LogEntry]:
    """Entries with that subject, in log order."""
    rows = connection.execute(
        "SELECT idx, bytes FROM entries WHERE idx IN (SELECT idx FROM audit WHERE subject = ?) ORDER BY idx", (subject,)
    )
    return [_log_entry(index, _decoded(index, data)) for index, data in rows]


def entries_of_kind(connection: sqlite3.Connection, kinds: Sequence[str]) -> list[LogEntry]:
    """Entries of any of those kinds, in log order."""
    marks = ", ".join("?" * len(kinds))
    rows = connection.execute(
        f"SELECT idx, bytes FROM entries WHERE idx IN (SELECT idx FROM audit WHERE kind IN ({marks})) ORDER BY idx",  # noqa: S608 question marks only
        kinds,
    )
    return [_log_entry(index, _decoded(index, data)) for index, data in rows]


def entry_at(connection: sqlite3.Connection, index: int) -> Entry:
    """One entry.

    Raises:
        NotFound: there is none.
        StoreDamaged: it is damaged.
    """
    row = connection.execute("SELECT bytes FROM entries WHERE idx = ?", (index,)).fetchone()
    if row is None:
        raise NotFound(f"there is no entry {index}")
    return _decoded(index, row[0])


def parts(connection: sqlite3.Connection, index: int, find_key: FindKey) -> list[StoredPart]:
    """The parts of an entry, sorted by path."""
    read = _parts(connection, index, entry_at(connection, index), find_key)
    return [StoredPart(part.path, part.retention, part.state, part.content) for part in read]


def resolve(connection: sqlite3.Connection, name: str) -> str:
    """Record id for a record id, an output id, a unique prefix of either, or `@latest`.

    `PREFIX..INFIX` is a prefix too: of an id that begins with PREFIX and whose span begins with INFIX. It tells apart
    records that share a trace.
    """
    name = name.strip()
    if name == "@latest":
        row = connection.execute(f"SELECT subject, idx {_RECORDS} ORDER BY idx DESC LIMIT 1").fetchone()
        if row is None:
            raise NotFound("there is no record yet")
        _refuse_forged(connection, *row)
        return str(row[0])
    found = _starting(connection, "subject", f"rec_{name[4:]}" if name.startswith("out_") else name)
    if name.startswith("out_"):
        found = [one for one in found if one[1] is None] + _starting(connection, "output_id", name)
    if len(found) > 1:
        found = [one for one in found if name in one] or found
    if len(found) != 1:
        raise _not_one(name, [one[0] for one in found])
    return found[0][0]


def _starting(connection: sqlite3.Connection, column: str, prefix: str) -> list[tuple[str, str | None]]:
    prefix, _, infix = prefix.partition("..")
    if not prefix:
        return []
    beyond = prefix[:-1] + chr(min(ord(prefix[-1]) + 1, 0x10FFFF))
    rows = connection.execute(
        f"SELECT subject, output_id, idx {_RECORDS} WHERE {column} >= ? AND {column} < ? "
        f"AND substr({column}, instr({column}, '-') + 1, ?) = ? ORDER BY idx LIMIT ?",
        (prefix, beyond, len(infix), infix, _CANDIDATES + 1),
    ).fetchall()
    for record_id, _, index in rows:
        _refuse_forged(connection, record_id, index)
    return [(record_id, output_id) for record_id, output_id, _ in rows]


def _refuse_forged(connection: sqlite3.Connection, record_id: object, index: int) -> None:
    """That a row of the view `records` is of an entry that seals that record.

    Raises:
        StoreDamaged: it is not.
    """
    row = connection.execute("SELECT bytes FROM entries WHERE idx = ?", (index,)).fetchone()
    entry = None if row is None else _decoded(index, row[0])
    if entry is None or (entry.kind, entry.subject) != ("record.sealed", record_id):
        raise StoreDamaged(
            f"the view of records names {record_id!r} at entry {index}, which does not seal it: the view was changed. "
            "`provsdk verify --all` says what else was; `provsdk rebuild` derives the views again"
        )


def _not_one(name: str, candidates: list[str]) -> NotFound:
    if not candidates:
        return NotFound(f"there is no record {name!r}")
    more = " and more" if len(candidates) > _CANDIDATES else ""
    return NotFound(f"more than one record {_begins(name)}: {', '.join(candidates[:_CANDIDATES])}{more}")


def _begins(name: str) -> str:
    return f"goes by {name!r}" if ".." in name else f"begins with {name!r}"


_INCOMPLETE: Final = f"SELECT subject, idx {_RECORDS} WHERE complete IS NOT 1"
_EXTENDED_RECORDS: Final = f"""SELECT subject, idx {_RECORDS}
    WHERE subject IN (SELECT subject FROM audit WHERE kind = 'record.extended')"""  # noqa: S608 as above

_SUMMARY: Final = f"""SELECT idx, subject, output_id, name, status, generated_at, classification, sources,
    transformations, model_calls, policy_checks, complete, protected,
    EXISTS(SELECT 1 FROM audit AS other WHERE other.subject = audit.subject AND other.kind = 'record.extended')
    {_RECORDS}"""  # noqa: S608 a statement of ours


class Page(NamedTuple):
    """Which records of all."""

    limit: int | None
    newest_first: bool
    beyond: int | None
    """From the one that follows this entry, in that order."""


def summaries(connection: sqlite3.Connection, page: Page, find_key: FindKey) -> list[Summary]:
    """Records in log order or the reverse; of protected ones what can be decrypted."""
    order, sign = ("DESC", "<") if page.newest_first else ("ASC", ">")
    start = (_NO_STOP if page.newest_first else -1) if page.beyond is None else page.beyond
    rows = connection.execute(
        f"{_SUMMARY} WHERE idx {sign} ? ORDER BY idx {order} LIMIT ?", (start, -1 if page.limit is None else page.limit)
    ).fetchall()
    return [_summary(connection, row, find_key) for row in rows]


def _summary(connection: sqlite3.Connection, row: tuple[Any, ...], find_key: FindKey) -> Summary:
    index, record_id, output_id, name, status, generated_at, classification, *counts, complete, protected, extended = (
        row
    )
    complete = None if complete is None else bool(complete)
    if protected or extended:
        whole = folded(connection, record_id, find_key).record if extended else None
        record = whole or said_by_entry(connection, index, find_key)
        if isinstance(record, ProvenanceRecord):
            counts = [
                len(record.sources),
                len(record.transformations),
                len(record.model_calls),
                len(record.policy_checks),
            ]
            output_id, name, status = record.output.output_id, record.output.name, record.output.status
            generated_at, classification = record.generated_at, record.output.classification
            complete = record.completeness.complete
    return Summary(
        record_id=record_id,
        output_id=output_id or output_id_of(record_id),
        name=name,
        status=status,
        generated_at=generated_at,
        classification=classification,
        sources=counts[0] or 0,
        transformations=counts[1] or 0,
        model_calls=counts[2] or 0,
        policy_checks=counts[3] or 0,
        complete=complete,
        entry=index,
    )


def outputs_of(connection: sqlite3.Connection, join_digest: str) -> list[str]:
    """Ids of the records whose output has that join digest, in log order."""
    rows = connection.execute(f"SELECT subject {_RECORDS} WHERE output_join = ? ORDER BY idx", (join_of(join_digest),))
    return [subject for (subject,) in rows]


def outputs_with(connection: sqlite3.Connection, join_digest: str) -> list[str]:
    """Ids of the records whose output has that join digest within it, in log order."""
    within = "SELECT subject FROM elements JOIN audit USING(idx) WHERE value_join = ? AND n = ? ORDER BY idx"
    return [subject for (subject,) in connection.execute(within, (join_of(join_digest), OUTPUT))]


_USES: Final = """SELECT DISTINCT subject, idx, type, name, version, location FROM sources JOIN audit USING(idx)
    WHERE {} ORDER BY idx, n"""


def uses_of(connection: sqlite3.Connection, join_digest: str) -> list[Use]:
    """Where a source, or a content within one, has that join digest."""
    within = "(idx, n) IN (SELECT idx, n FROM elements WHERE value_join = ?)"
    join = join_of(join_digest)
    whole = connection.execute(_USES.format("value_join = ?"), (join,)).fetchall()
    found = {Use(*row) for row in (*whole, *connection.execute(_USES.format(within), (join,)))}
    return sorted(found, key=_by_entry)


def uses_at(connection: sqlite3.Connection, place: str) -> list[Use]:
    """Where a source has that location or name, or one that the pattern fits."""
    asked = [("=", place)]
    if any(mark in place for mark in "*?["):
        asked.append(("GLOB", place.replace("[!", "[^")))  # as SQLite writes what is not to be
    found = {
        Use(*row)
        for how, wanted in asked
        for column in ("location", "name")
        for row in connection.execute(_USES.format(f"{column} {how} ?"), (wanted,))
    }
    return sorted(found, key=_by_entry)


def _by_entry(use: Use) -> tuple[int, str, str, str]:
    return use.entry, use.location or "", use.name or "", use.version or ""


def records_of_trace(connection: sqlite3.Connection, trace_id: str) -> list[str]:
    """Ids of the records of a trace, in log order."""
    rows = connection.execute(
        f"SELECT subject {_RECORDS} WHERE subject >= ? AND subject < ? ORDER BY idx",
        (f"rec_{trace_id}-", f"rec_{trace_id}."),
    )
    return [subject for (subject,) in rows]


def incomplete(connection: sqlite3.Connection, limit: int | None) -> list[str]:
    """Ids of the records that may miss something: that say so, were extended, or of which views cannot know."""
    found: dict[int, str] = {}
    for statement in (_INCOMPLETE, _EXTENDED_RECORDS):
        rows = connection.execute(f"{statement} ORDER BY idx LIMIT ?", (-1 if limit is None else limit,))
        found.update((index, subject) for subject, index in rows)
    return [found[index] for index in sorted(found)][:limit]


def said_by_entry(connection: sqlite3.Connection, index: int, find_key: FindKey) -> ProvenanceRecord | Extension | None:
    """The record or extension that the entry at `index` holds, where it can be read."""
    entry = entry_at(connection, index)
    return _said(index, entry, _parts(connection, index, entry, find_key))


def folded(connection: sqlite3.Connection, record_id: str, find_key: FindKey) -> Folded:
    """The record with its extensions folded in."""
    about = entries_about(connection, record_id)
    if not any(entry.kind == "record.sealed" for entry in about):
        raise NotFound(f"there is no record {record_id!r}")
    record: ProvenanceRecord | None = None
    extensions: list[Extension] = []
    unreadable: list[tuple[int, str, PartState]] = []
    notes: list[dict[str, Any]] = []
    readable = True
    for log_entry in about:
        entry = entry_at(connection, log_entry.index)
        read = _parts(connection, log_entry.index, entry, find_key)
        unreadable += [(log_entry.index, part.path, part.state) for part in read if part.state != "open"]
        said = _said(log_entry.index, entry, read)
        if entry.kind in {"record.sealed", "record.extended"} and said is None:
            readable = False
        if isinstance(said, ProvenanceRecord):
            record = said
        elif said is not None:
            extensions.append(said)
        notes += _notes(log_entry, read)
    whole = fold(record, extensions) if record is not None and readable else None
    return Folded(record_id, whole, tuple(about), tuple(unreadable), tuple(notes))


def _notes(entry: LogEntry, read: Iterable[EntryPart]) -> list[dict[str, Any]]:
    if entry.kind != "note.added":
        return []
    found = []
    for part in read:
        if part.path == "note" and part.content is not None:
            said = _json(entry.index, part.content)
            found.append({"time": entry.time, "author": said.get("author"), "text": said.get("text")})
    return found


def _json(index: int, content: bytes) -> dict[str, Any]:
    try:
        said = canonical.parse(content)
    except FormatError as error:
        raise _damaged(index, error) from error
    return said if isinstance(said, dict) else {}


def stats(connection: sqlite3.Connection, path: Path) -> Stats:
    """Sizes: of files, of the content of log and parts; what remains of the database is counted as views."""
    log = _sum(connection, "SELECT sum(length(bytes) + length(seal)) FROM entries")
    log += _sum(connection, "SELECT sum(length(hashes)) FROM tiles")
    parts = _sum(connection, "SELECT sum(length(pack)) FROM parts") + _sum(
        connection, "SELECT sum(length(bytes)) FROM shared"
    )
    pages = _sum(connection, "PRAGMA page_count") - _sum(connection, "PRAGMA freelist_count")
    first, last = connection.execute("SELECT min(idx), max(idx) FROM records").fetchone()
    underway = path.with_name(f"{path.name}-wal")
    sizes = [file.stat().st_size if file.exists() else 0 for file in (path, underway)]
    return Stats(
        entries=_sum(connection, "SELECT count(*) FROM entries"),
        records=_sum(connection, "SELECT count(*) FROM records"),
        first_record_at=None if first is None else entry_at(connection, first).time,
        last_record_at=None if last is None else entry_at(connection, last).time,
        bytes_total=sum(sizes),
        bytes_log=log,
        bytes_parts=parts,
        bytes_views=max(pages * _sum(connection, "PRAGMA page_size") - log - parts, 0),
        bytes_underway=sizes[1],
    )


def _sum(connection: sqlite3.Connection, statement: str) -> int:
    return int(connection.execute(statement).fetchone()[0] or 0)


def _parts(connection: sqlite3.Connection, index: int, entry: Entry, find_key: FindKey) -> list[EntryPart]:
    try:
        return entry_parts(connection, entry, read_pack(connection, index), find_key)
    except FormatError as error:
        raise _damaged(index, error) from error


def _said(index: int, entry: Entry, read: Iterable[EntryPart]) -> ProvenanceRecord | Extension | None:
    try:
        return said_by(entry, read).what
    except FormatError as error:
        raise _damaged(index, error) from error


def _decoded(index: int, data: object) -> Entry:
    try:
        return decode(data if isinstance(data, bytes) else b"")
    except FormatError as error:
        raise _damaged(index, error) from error


def _damaged(index: int, error: FormatError) -> StoreDamaged:
    return StoreDamaged(f"entry {index} is damaged: {error}. `provsdk verify --all` says what else is")


def _log_entry(index: int, entry: Entry) -> LogEntry:
    return LogEntry(
        index=index,
        id=entry.id,
        kind=entry.kind,
        time=entry.time,
        key=entry.key,
        actor=entry.actor,
        subject=entry.subject,
        body=entry.body,
    )
