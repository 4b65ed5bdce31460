"""What rests on a source: the outputs that used it, those for which it cannot be ruled out, and the rest. Pure but for
the `Reader`.
"""

import fnmatch
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from provsdk.errors import NotFound, StoreDamaged
from provsdk.questions.across import Joined, downstream
from provsdk.questions.effects import rests_on
from provsdk.questions.links import Link, best, reach
from provsdk.questions.reader import Reader
from provsdk.records.flow import Causes
from provsdk.records.record import ProvenanceRecord, Source
from provsdk.vocabulary import CompletenessReason

__all__ = ["MAX_INCOMPLETE", "Asked", "Doubt", "Hit", "Impact", "impact"]

MAX_INCOMPLETE: Final = 5_000
"""Incomplete records that are read for one answer."""

_HIDING: Final = frozenset(
    reason.value
    for reason in (
        CompletenessReason.BOUND_REACHED,
        CompletenessReason.CAPTURE_FAILED,
        CompletenessReason.FACTS_LOST,
        CompletenessReason.HANDED_OVER,
        CompletenessReason.SPAN_MISSING,
        CompletenessReason.SPAN_UNSAMPLED,
        CompletenessReason.UNREAD_PART,
        CompletenessReason.VALUE_NOT_DIGESTIBLE,
        CompletenessReason.VALUE_TOO_LARGE,
        CompletenessReason.DIGEST_UNAVAILABLE,
    )
)
"""Reasons for which a source, or its way to the output, may be missing from a record."""


class Asked(NamedTuple):
    """Which source: one that fits any of these."""

    joins: tuple[str, ...] = ()
    """Join digests of its content, or of a content within it."""
    places: tuple[str, ...] = ()
    """Locations, names, or patterns of either."""
    version: str | None = None
    """As it was stated when it was loaded; of those found by their place."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An output that goes back to the source, or may."""

    record: ProvenanceRecord
    link: Link
    """The strongest way from the output to the source, through other outputs where there are any."""
    through: tuple[str, ...]
    """Ids of the records in between, nearest to the source first; none where the output's own record loaded it."""
    versions: tuple[str, ...]
    """Of the source, as far as this record states them."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """An output whose record misses something that may have been the source."""

    record_id: str
    name: str | None
    """None where the record cannot be read, as `generated_at`."""
    generated_at: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What rests on a source."""

    sources: tuple[Source, ...]
    """What was found, each place, version and content once."""
    used: tuple[Hit, ...]
    """It reached these, as far as somebody saw or said so."""
    possible: tuple[Hit, ...]
    """It was loaded for these, and whether it shaped them was not seen."""
    doubtful: tuple[Doubt, ...]
    """Their records miss something that may have been it."""
    unlinked: tuple[Hit, ...]
    """It was to be loaded for these, and nothing of it came."""
    cut: bool
    """More records belong here than are read for one answer."""


def impact(reader: Reader, asked: Asked) -> Impact:
    """The outputs that rest on a source, each once, in the order in which they were found: nearest to it first."""
    found: dict[str, ProvenanceRecord] = {}
    held: dict[str, list[Source]] = {}
    values: list[str] = []
    for record in _records(reader, asked):
        matching = [source for source in record.sources if _fits(source, asked)]
        if matching:
            found[record.record_id], held[record.record_id] = record, matching
            values.extend(value for source in matching for value in _values(source, asked))
    joined = downstream(reader, found.values())
    causes = Causes(joined.arrows())
    through = _ways(joined, found)
    groups: dict[Literal["used", "possible", "unlinked"], list[Hit]] = {"used": [], "possible": [], "unlinked": []}
    for record in joined.records:
        link = best(reach(causes, record.output.output_id), values)
        versions = {source.version for source in held.get(record.record_id, ()) if source.version is not None}
        hit = Hit(record, link, through.get(record.record_id, ()), tuple(sorted(versions)))
        groups[_group(link)].append(hit)
    told = {record.record_id for record in joined.records}
    doubtful, more = _doubts(reader, told)
    return Impact(
        sources=_distinct(source for each in held.values() for source in each),
        used=tuple(groups["used"]),
        possible=tuple(groups["possible"]),
        doubtful=doubtful,
        unlinked=tuple(groups["unlinked"]),
        cut=joined.cut or more,
    )


def _group(link: Link) -> Literal["used", "possible", "unlinked"]:
    if link.strength in {"observed", "declared"}:
        return "used"
    return "unlinked" if link.strength == "none" else "possible"


def _records(reader: Reader, asked: Asked) -> Iterator[ProvenanceRecord]:
    """Those that views lead to; each is read, and so speaks for itself."""
    uses = [use for join in asked.joins for use in reader.uses_of(join)]
    uses += [use for place in asked.places for use in reader.uses_at(place)]
    for record_id in dict.fromkeys(use.record_id for use in uses):
        record = _read(reader, record_id)
        if record is not None:
            yield record


def _read(reader: Reader, record_id: str) -> ProvenanceRecord | None:
    try:
        return reader.fold(record_id).record
    except (NotFound, StoreDamaged):
        return None


def _fits(source: Source, asked: Asked) -> bool:
    return bool(_contents(source).keys() & set(asked.joins)) or _stands_at(source, asked)


def _stands_at(source: Source, asked: Asked) -> bool:
    if asked.version is not None and source.version != asked.version:
        return False
    named = [name for name in (source.location, source.name) if name is not None]
    return any(name == place or fnmatch.fnmatchcase(name, place) for name in named for place in asked.places)


def _contents(source: Source) -> dict[str, list[str]]:
    """Ids of the values by their join digests."""
    found: dict[str, list[str]] = {}
    for value_id, join in (
        (source.source_id, source.join_digest),
        *((element.entity_id, element.join_digest) for element in source.elements),
    ):
        if join is not None:
            found.setdefault(join, []).append(value_id)
    return found


def _values(source: Source, asked: Asked) -> list[str]:
    """What of the source is asked about: all of it, or the content that was named."""
    if _stands_at(source, asked):
        return [source.source_id, *(element.entity_id for element in source.elements)]
    return [value for join, values in _contents(source).items() if join in asked.joins for value in values]


def _ways(joined: Joined, start: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The shortest way from a record that loaded the source to each of the others, by record ids."""
    holders = rests_on(joined)
    outputs = {record.record_id: record.output.output_id for record in joined.records}
    ways: dict[str, tuple[str, ...]] = dict.fromkeys(start, ())
    level = list(ways)
    while level:
        following = []
        for record_id in level:
            for other in holders.get(outputs[record_id], {}):
                if other not in ways:
                    ways[other] = (*ways[record_id], record_id)
                    following.append(other)
        level = following
    return ways


def _doubts(reader: Reader, told: set[str]) -> tuple[tuple[Doubt, ...], bool]:
    waiting = reader.incomplete(MAX_INCOMPLETE + len(told) + 1)
    found = []
    for record_id in [one for one in waiting if one not in told][:MAX_INCOMPLETE]:
        record = _read(reader, record_id)
        if record is None:
            found.append(Doubt(record_id, None, None, ("the record cannot be read",)))
            continue
        reasons = dict.fromkeys(one.reason for one in record.completeness.reasons if one.reason in _HIDING)
        if reasons:
            found.append(Doubt(record_id, record.output.name, record.generated_at, tuple(reasons)))
    return tuple(found), len(set(waiting) - told) > MAX_INCOMPLETE


def _distinct(sources: Iterable[Source]) -> tuple[Source, ...]:
    return tuple({(one.location, one.name, one.version, one.join_digest): one for one in sources}.values())
