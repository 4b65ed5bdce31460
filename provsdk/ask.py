"""Questions of a log, for programs: the answers of the command line as typed values.

    with provsdk.ask.open_log() as log:
        record = log.record("@latest")
        for hit in log.impact("docs/handbook.md").used:
            print(hit.record.output.name, hit.link.basis)

It reads, and appends nothing. A record is named by its id, a unique prefix of it, its output's id, or `@latest`.
"""

import hashlib
import json
import os
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self

from provsdk.config import load
from provsdk.digest import MIN_LINKABLE_BYTES, JoinKey, file_digest, measure, plain
from provsdk.errors import NotFound, StoreDamaged, StoreUnavailable, UsageError
from provsdk.ledger.keys import digest_key
from provsdk.questions.across import downstream, join_of, upstream
from provsdk.questions.diff import Difference, diff
from provsdk.questions.effects import Effect, effects
from provsdk.questions.filters import Filter
from provsdk.questions.impact import Asked, Impact, impact
from provsdk.questions.links import Strength, at_least
from provsdk.questions.reader import Reader
from provsdk.questions.recalls import Recall, of_record, recalls
from provsdk.questions.stale import Stale, stale, uses
from provsdk.questions.why import Sentence, why
from provsdk.records.graph import Lineage, lineage_across
from provsdk.records.ids import is_value_id, parse_id
from provsdk.records.record import ProvenanceRecord
from provsdk.store.contract import Store, Summary
from provsdk.store.open import open_store

__all__ = ["BYTES", "LEAST", "TEXT", "Basis", "Filter", "Log", "is_text_of", "matching", "open_log", "rests_on"]

Basis = Literal["observed", "declared", "any"]
"""The least that a step has to be: seen; that, or said by somebody; or anything."""

LEAST: Final[Mapping[str, Strength]] = {"observed": "observed", "declared": "declared", "any": "inferred"}
"""The weakest link that is followed for each."""

TEXT: Final = "text/plain"
BYTES: Final = "application/octet-stream"
_VALUES: Final[dict[str, Callable[[str], Any]]] = {TEXT: str, BYTES: str.encode}
"""What a text stands for, by the media type of the output; else it is JSON."""

READ_AT_ONCE: Final = 500
"""Summaries."""

MAX_TEXT_BYTES: Final = 64 * 1024 * 1024
"""A larger file is looked up by its bytes alone, not as the text that programs may have read from it."""

_PLAIN: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_JOIN: Final = re.compile(r"hmac-sha256:[0-9a-f]{16}:[0-9a-f]{64}")


def open_log(store: str | Path | None = None) -> "Log":
    """The log of the configured store, or of another one; close it, or use it in a `with` block.

    Raises:
        ConfigError: the configuration is wrong.
        StoreError: there is no such store, or it cannot be read.
    """
    config = load({} if store is None else {"store": str(store)}, os.environ, Path.cwd())
    return Log(open_store(config.store, keys=config.keys, state=config.state, read_only=True), config.keys)


class Log:
    """A log that is read.

    Args:
        store: an open store.
        keys: directory of the key files; digests of content are looked up under its digest key.
    """

    def __init__(self, store: Store, keys: Path) -> None:
        self._store = store
        self._keys = keys

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of files. Idempotent."""
        self._store.close()

    def records(self, wanted: Filter | None = None, *, newest_first: bool = True) -> Iterator[Summary]:
        """A summary of each record that is wanted, read page by page: take as many as are needed."""
        return matching(self._store, wanted or Filter(), newest_first=newest_first)

    def record(self, name: str) -> ProvenanceRecord:
        """The record with its extensions folded in.

        Raises:
            NotFound: there is none of that name, or more than one.
            StoreUnavailable: it is encrypted and its key is not reachable, or was erased.
        """
        record = self._store.fold(self._store.resolve(name)).record
        if record is None:
            raise StoreUnavailable(f"{name} cannot be read: it is encrypted and its key is not here, or was erased")
        return record

    def lineage(self, name: str, *, depth: int = -1, basis: Basis = "any") -> Lineage:
        """What the record's output goes back to, as a tree, from record to record; *depth* steps of it, or all.

        Raises:
            NotFound, StoreUnavailable: as `record`.
        """
        joined = upstream(self._store, self.record(name))
        return lineage_across(joined.records, at_least(joined.arrows(), LEAST[basis]), depth=depth)

    def effects(self, name: str, *, depth: int = -1, basis: Basis = "any") -> tuple[Effect, ...]:
        """What goes back to the record's output: the outputs of other records, each with those that go back to it.

        Raises:
            NotFound, StoreUnavailable: as `record`.
        """
        return effects(downstream(self._store, [self.record(name)]), depth, least=LEAST[basis])

    def impact(self, source: str | Path) -> Impact:
        """What rests on a source: a file, a location, name or pattern (with `@VERSION`), a digest, or a source's id.

        Raises:
            NotFound: no record has such a source.
            KeyUnusable: the digest key is not here, and the source is to be found by its content.
        """
        found = rests_on(self._store, self._keys, str(source))
        if not found.known:
            raise NotFound(f"no record in this store has a source {str(source)!r}")
        return found

    def diff(self, first: str, second: str) -> tuple[Difference, ...]:
        """What was not the same when two outputs were made, the likeliest cause first.

        Raises:
            NotFound, StoreUnavailable: as `record`.
        """
        return diff(self.record(first), self.record(second))

    def stale(self) -> tuple[Stale, ...]:
        """Sources of which records rest on another content than was loaded last, or that are due for a refresh.

        Nothing is fetched: what is there now, `provsdk stale` tells.
        """
        records = (record for one in self.records(newest_first=False) if (record := self._readable(one)) is not None)
        return stale(uses(records), {}, datetime.now(UTC))

    def _readable(self, summary: Summary) -> ProvenanceRecord | None:
        try:
            return self._store.fold(summary.record_id).record
        except StoreDamaged:  # as in `matching`
            return None

    def recalls(self) -> tuple[Recall, ...]:
        """Every recall as it stands, in the order in which they were opened."""
        return recalls(self._store)

    def is_recalled(self, name: str) -> bool:
        """Whether a recall names the record and nobody has said yet what became of it, or it was superseded.

        Raises:
            NotFound: there is no such record.
        """
        found = of_record(self.recalls(), self._store.resolve(name))
        return any(item.state != "closed" for _, item in found)

    def why(self, name: str, text: str) -> tuple[Sentence, ...]:
        """Each sentence of the record's output with the sources that support it.

        Args:
            name: of the record.
            text: what its output came to; of a structured one its JSON.

        Raises:
            NotFound, StoreUnavailable: as `record`.
            UsageError: the output came to something else.
        """
        record = self.record(name)
        if not is_text_of(record, text, self._keys):
            raise UsageError(f"that is not the text that {record.record_id} came to")
        return why(record, text)


class _Summaries(Protocol):
    def summaries(
        self, *, limit: int | None = None, newest_first: bool = True, beyond: int | None = None
    ) -> list[Summary]: ...
    def fold(self, record_id: str) -> Any: ...


def matching(store: _Summaries, wanted: Filter, *, newest_first: bool) -> Iterator[Summary]:
    """The summaries of the records that are wanted, page after page."""
    beyond: int | None = None
    while page := store.summaries(limit=READ_AT_ONCE, newest_first=newest_first, beyond=beyond):
        beyond = page[-1].entry
        for summary in page:
            if wanted.fits_summary(summary) and (not wanted.reads_records or _fits(store, summary, wanted)):
                yield summary


def _fits(store: _Summaries, summary: Summary, wanted: Filter) -> bool:
    try:
        record = store.fold(summary.record_id).record
    except StoreDamaged:  # what `verify` is for; the others are there all the same
        return False
    return record is not None and wanted.fits_record(record)


def rests_on(reader: Reader, keys: Path, source: str) -> Impact:
    """What rests on the source that somebody means: as its name stands, else as a name with `@VERSION`.

    Args:
        reader: a store.
        keys: directory of its key files.
        source: as it was written.

    Raises:
        KeyUnusable: its content is meant, and the digest key is not here.
    """
    found = impact(reader, _asked_about(reader, keys, source))
    place, at, version = _text(source).rpartition("@")
    if not found.known and at and place and version:
        return impact(reader, Asked(places=(place,), version=version))
    return found


def _asked_about(reader: Reader, keys: Path, source: str) -> Asked:
    if _JOIN.fullmatch(source):
        return Asked(joins=(source,))
    plain = _PLAIN.fullmatch(source)
    if plain is not None:
        return Asked(joins=(_joined(keys, bytes.fromhex(plain[1])),))
    if source.startswith("ent_") and is_value_id(source):
        return Asked(ids=(source,), joins=_joins_of(reader, source))
    path = Path(source)
    if os.path.isfile(path):  # noqa: PTH113 it takes a name that is too long for one of no file
        joins = dict.fromkeys(_joined(keys, digest) for digest in _digests(path))
        return Asked(joins=tuple(joins), places=tuple(_literal(_text(place)) for place in _places(source, path)))
    return Asked(places=(_text(source),))


def _text(source: str) -> str:
    """Bytes of a name that are no text, as records have them."""
    return re.sub("[\ud800-\udfff]", "\ufffd", source)


def is_text_of(record: ProvenanceRecord, text: str, keys: Path) -> bool:
    """Whether the record's output is that text, or what that JSON says, by its digest.

    Args:
        record: of the output.
        text: that it may be; of a structured output its JSON, written in any way.
        keys: directory of the key files, for records that have no plain digest.

    Raises:
        KeyUnusable: such a record, and the digest key is not here.
    """
    output = record.output
    try:
        value = _VALUES.get(output.media_type or "", json.loads)(text)
    except (ValueError, RecursionError):
        return False
    measured = measure(value)
    if measured.digest is None:
        return False
    if output.digest is not None:
        return output.digest == plain(measured.digest)
    return output.join_digest == _joined(keys, measured.digest)


def _places(source: str, path: Path) -> list[str]:
    """How programs that ran here may have named a file."""
    found = [source]
    for each in (path, path.absolute(), path.resolve()):
        found.append(str(each))
        if each.is_absolute():
            found.append(each.as_uri())
            below = [each.relative_to(top) for top in (Path.cwd(), Path.cwd().resolve()) if top in each.parents]
            found += [name for one in below for name in (str(one), f"./{one}")]
    return list(dict.fromkeys(found))


def _digests(path: Path) -> list[bytes]:
    """Of a file's bytes, and of its text as programs read it; none of so little that its content says nothing."""
    size = path.stat().st_size
    if size < MIN_LINKABLE_BYTES:
        return []
    found = [file_digest(path)]
    if size <= MAX_TEXT_BYTES:
        data = path.read_bytes()
        for each in (data, data.removeprefix(BOM_UTF8)):
            ends = each.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # as text mode has them
            found += [hashlib.sha256(text).digest() for text in (each, ends, ends.strip())]
        found += _said_by(data)
    return found


def _said_by(data: bytes) -> list[bytes]:
    """The digest of what a JSON file says, which programs may have loaded in place of its text."""
    try:
        said = measure(json.loads(data))
    except (ValueError, RecursionError):
        return []
    return [said.digest] if said.digest is not None and (said.size_bytes or 0) >= MIN_LINKABLE_BYTES else []


def _literal(place: str) -> str:
    """A path whose brackets are no pattern."""
    return re.sub(r"([*?[])", r"[\1]", place)


def _joined(keys: Path, digest: bytes) -> str:
    return JoinKey(digest_key(keys, create=False)).join(digest)


def _joins_of(reader: Reader, source_id: str) -> tuple[str, ...]:
    """What the record that has this source knows its content as."""
    records = (reader.fold(record_id).record for record_id in reader.records_of_trace(parse_id(source_id).trace_id))
    sources = (source for record in records if record is not None for source in record.sources)
    return tuple(join for one in sources if one.source_id == source_id and (join := join_of(one)) is not None)
