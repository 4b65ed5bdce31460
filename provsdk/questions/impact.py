"""What rests on a source: the outputs that used it, those for which it cannot be ruled out, and the rest. Pure but for
the `Reader`.
"""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from provsdk.errors import NotFound, StoreDamaged
from provsdk.questions.across import Joined, downstream, join_of, values_of
from provsdk.questions.effects import rests_on
from provsdk.questions.links import UNLINKED, Link, rank, spread
from provsdk.questions.reader import Reader
from provsdk.records.flow import Arrow, Causes
from provsdk.records.ids import parse_id
from provsdk.records.record import ProvenanceRecord, Source
from provsdk.vocabulary import Basis, CompletenessReason, Relation

__all__ = ["MAX_INCOMPLETE", "Asked", "Doubt", "Hit", "Impact", "impact"]

MAX_INCOMPLETE: Final = 5_000
"""Incomplete records that are read for one answer."""

_DERIVED: Final = Relation.WAS_DERIVED_FROM.value
_DIGEST: Final = Basis.DIGEST.value

MAX_GIVEN: Final = 10_000
"""Outputs within others that were handed the source."""

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


UNREADABLE: Final = "the record cannot be read"
RESTING: Final = "it goes back to an output for which it cannot be ruled out"


class Asked(NamedTuple):
    """Which source: one that fits any of these."""

    ids: tuple[str, ...] = ()
    """Of sources, in records that hold them."""
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
    known: bool
    """Whether any record has such a source, as far as it or the store's views say."""
    cut: bool
    """More records belong here than are read for one answer."""


@dataclass(frozen=True, slots=True)
class _Holders:
    """The records that loaded the source."""

    records: dict[str, ProvenanceRecord]
    sources: dict[str, list[Source]]
    unreadable: tuple[str, ...]
    """Ids of those that views know of and that cannot be read."""


def impact(reader: Reader, asked: Asked) -> Impact:
    """The outputs that rest on a source, each once, in the order in which they were found: nearest to it first."""
    waiting = reader.incomplete(MAX_INCOMPLETE + 1)
    incomplete = {record_id: _read(reader, record_id) for record_id in waiting[:MAX_INCOMPLETE]}
    holders = _holders(reader, asked, incomplete)
    given = _given(reader, holders, asked)
    joined = downstream(reader, [*holders.records.values(), *(each.record for each in given.values())])
    reached = _reached(joined, holders, asked, given.values())
    through = _ways(joined, [*holders.records, *given])
    groups: dict[Literal["used", "possible", "unlinked"], list[Hit]] = {"used": [], "possible": [], "unlinked": []}
    for record in joined.records:
        link = reached.get(record.output.output_id, UNLINKED)
        held = holders.sources.get(record.record_id, ())
        versions = {source.version for source in held if source.version is not None}
        hit = Hit(record, link, through.get(record.record_id, ()), tuple(sorted(versions)))
        groups[_group(link)].append(hit)
    told = {hit.record.record_id for hit in (*groups["used"], *groups["possible"])}
    doubts = _doubts(incomplete, (*holders.unreadable, *joined.unreadable))
    untold = [found for one in doubts if one not in told and (found := incomplete.get(one)) is not None]
    resting = _resting(reader, untold)
    doubts |= {record_id: doubt for record_id, doubt in resting.items() if record_id not in doubts}
    return Impact(
        sources=_distinct(source for each in holders.sources.values() for source in each),
        used=tuple(groups["used"]),
        possible=tuple(groups["possible"]),
        doubtful=tuple(doubt for record_id, doubt in doubts.items() if record_id not in told),
        unlinked=tuple(
            hit
            for hit in groups["unlinked"]
            if hit.record.record_id in holders.records and hit.record.record_id not in doubts
        ),
        known=bool(holders.records or holders.unreadable),
        cut=joined.cut or len(waiting) > MAX_INCOMPLETE,
    )


@dataclass(frozen=True, slots=True)
class _Given:
    """An output within another one that was handed the source, and did not load it itself."""

    record: ProvenanceRecord
    arrows: frozenset[Arrow]
    """From its arguments, and what is in them, to what they are in the output around it."""

    def stands_for(self, arrow: Arrow) -> bool:
        """Whether that edge says no more than that the value was among many that it was handed: its own record says
        what became of it.
        """
        alone = {each.entity_id for each in self.record.output.arguments if each.element_of is None}
        mine = [one for one in self.arrows if one[1] == arrow[1]]
        return arrow[0] == self.record.output.output_id and bool(mine) and alone.isdisjoint(one[0] for one in mine)


def _given(reader: Reader, holders: _Holders, asked: Asked) -> dict[str, _Given]:
    """The outputs within those that loaded the source to which they handed it on, and so forth, by ids of records."""
    found: dict[str, _Given] = {}
    waiting = [(record, _of_record(holders.sources[record_id], asked)) for record_id, record in holders.records.items()]
    while waiting and len(found) < MAX_GIVEN:
        outer, values = waiting.pop()
        joins = {value_id: join for value_id, join in values_of(outer) if value_id in values and join is not None}
        for edge in outer.flow:
            inner_id = f"rec_{edge.from_.removeprefix('out_')}"
            if edge.to not in joins or not edge.from_.startswith("out_") or inner_id in (outer.record_id, *found):
                continue
            inner = None if inner_id in holders.records else _read(reader, inner_id)
            if inner is None:
                continue
            same = {
                (each.entity_id, value_id, _DERIVED, _DIGEST)
                for each in inner.output.arguments
                for value_id, join in joins.items()
                if join_of(each) == join
            }
            if same:
                found[inner_id] = _Given(inner, frozenset(same))
                waiting.append((inner, frozenset(one[0] for one in same)))
    return found


def _of_record(sources: Iterable[Source], asked: Asked) -> frozenset[str]:
    return frozenset(value for source in sources for value in _values(source, asked))


def _reached(joined: Joined, holders: _Holders, asked: Asked, given: Iterable[_Given]) -> dict[str, Link]:
    """The link of each value that goes back to the source.

    Where a part of a source is asked about, and only its whole or another part is linked, that part may have been used
    with it; and one whose version is not stated may be of the version that is asked about.
    """
    by_output = {each.record.output.output_id: each for each in given}
    flow = (arrow for arrow in joined.flow() if (one := by_output.get(arrow[0])) is None or not one.stands_for(arrow))
    causes = Causes(flow, [*joined.joins, *(arrow for each in given for arrow in each.arrows)])
    sources = [source for each in holders.sources.values() for source in each]
    reached = spread(causes, [value for source in sources for value in _values(source, asked)])
    for value, link in spread(causes, [value for source in sources for value in _all_of(source)]).items():
        reached[value] = min((reached.get(value, UNLINKED), replace(link, strength="inferred")), key=rank)
    return reached


def _group(link: Link) -> Literal["used", "possible", "unlinked"]:
    if link.strength in {"observed", "declared"}:
        return "used"
    return "unlinked" if link.strength == "none" else "possible"


def _holders(reader: Reader, asked: Asked, incomplete: Mapping[str, ProvenanceRecord | None]) -> _Holders:
    """Those that views lead to, and those of which views may not know; each is read, and so speaks for itself."""
    uses = [use for join in asked.joins for use in reader.uses_of(join)]
    uses += [use for place in asked.places for use in reader.uses_at(place)]
    ids = [use.record_id for use in uses]
    ids += [one for source_id in asked.ids for one in reader.records_of_trace(parse_id(source_id).trace_id)]
    found, unreadable = _Holders({}, {}, ()), []
    for record_id in dict.fromkeys((*ids, *(one for one, record in incomplete.items() if record is not None))):
        record = incomplete[record_id] if record_id in incomplete else _read(reader, record_id)
        if record is None:
            unreadable.append(record_id)
            continue
        matching = [source for source in record.sources if _fits(source, asked)]
        if matching:
            found.records[record_id], found.sources[record_id] = record, matching
    return replace(found, unreadable=tuple(unreadable))


def _read(reader: Reader, record_id: str) -> ProvenanceRecord | None:
    try:
        return reader.fold(record_id).record
    except (NotFound, StoreDamaged):
        return None


def _fits(source: Source, asked: Asked) -> bool:
    whole = _is_whole(source, asked) or (source.version is None and _stands_at(source, asked.places))
    return whole or bool(_contents(source).keys() & set(asked.joins))


def _is_whole(source: Source, asked: Asked) -> bool:
    """Whether all of the source is asked about, and not a content within it."""
    if source.source_id in asked.ids or source.join_digest in asked.joins:
        return True
    return asked.version in {None, source.version} and _stands_at(source, asked.places)


def _stands_at(source: Source, places: Iterable[str]) -> bool:
    named = [name for name in (source.location, source.name) if name is not None]
    return any(name == place or fnmatch.fnmatchcase(name, place) for name in named for place in places)


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
    """What of the source is asked about."""
    if _is_whole(source, asked):
        return _all_of(source)
    return [value for join, values in _contents(source).items() if join in asked.joins for value in values]


def _all_of(source: Source) -> list[str]:
    return [source.source_id, *(element.entity_id for element in source.elements)]


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


def _doubts(incomplete: Mapping[str, ProvenanceRecord | None], unreadable: Iterable[str]) -> dict[str, Doubt]:
    """The records that cannot be read, and those that miss something that may have been the source."""
    doubts = {one: Doubt(one, None, None, (UNREADABLE,)) for one in unreadable}
    for record_id, record in incomplete.items():
        if record is None:
            doubts[record_id] = Doubt(record_id, None, None, (UNREADABLE,))
            continue
        reasons = dict.fromkeys(one.reason for one in record.completeness.reasons if one.reason in _HIDING)
        if reasons:
            doubts[record_id] = _doubt(record, reasons)
    return doubts


def _resting(reader: Reader, doubtful: Sequence[ProvenanceRecord]) -> dict[str, Doubt]:
    """The outputs that go back to one of those."""
    joined = downstream(reader, doubtful)
    reached = spread(Causes(joined.flow(), joined.joins), [record.output.output_id for record in doubtful])
    resting = [record for record in joined.records if record.output.output_id in reached]
    return {record.record_id: _doubt(record, (RESTING,)) for record in resting}


def _doubt(record: ProvenanceRecord, reasons: Iterable[str]) -> Doubt:
    return Doubt(record.record_id, record.output.name, record.generated_at, tuple(reasons))


def _distinct(sources: Iterable[Source]) -> tuple[Source, ...]:
    return tuple({(one.location, one.name, one.version, one.join_digest): one for one in sources}.values())
