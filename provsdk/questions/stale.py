"""Which records rest on sources that have changed since. Pure: what is there now is told by whoever fetched it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from provsdk.questions.links import links
from provsdk.records.record import ProvenanceRecord, Source
from provsdk.vocabulary import OutputStatus, SourceType, freshness, needs_refresh

__all__ = ["Place", "Stale", "Why", "newest", "stale", "uses"]

Why = Literal["changed", "gone", "newer", "old"]
"""`changed` or `gone`: as it was fetched now. `newer`: another record has loaded another content of it since. `old`:
nothing else is known, and its age makes it due for a refresh.
"""

_ORDER: Final[tuple[Why, ...]] = ("gone", "changed", "newer", "old")
_SAME_FOR_ALL: Final = frozenset({SourceType.FILE.value, SourceType.REFERENCE.value})

_SAID_ONCE: Final = frozenset({SourceType.USER_INPUT.value, SourceType.MODEL_OUTPUT.value})
"""What somebody said is what they said then."""

_FETCHED: Final[Mapping[str | None, Why]] = {"changed": "changed", "gone": "gone"}

_COMPLETED: Final = OutputStatus.COMPLETED.value


class Place(NamedTuple):
    """What is the same source, whatever its content: where it is, or its name, and what was asked of it there."""

    tenant: str
    type: str
    place: str
    name: str
    asked: str
    """Parameters and arguments of the load, as far as they are known."""


class Use(NamedTuple):
    """A record that rests on a source."""

    record_id: str
    source: Source


@dataclass(frozen=True, slots=True)
class Stale:
    """A source, and the records that rest on what it was."""

    place: Place
    source: Source
    """As it was loaded last by one of these."""
    why: Why
    records: tuple[str, ...]
    """In the order in which they loaded it."""


def uses(records: Iterable[ProvenanceRecord]) -> dict[Place, list[Use]]:
    """The sources that records rest on, by place, oldest load first; none that did not reach the output at all."""
    found: dict[Place, list[Use]] = {}
    for record in records:
        linked = links(record)
        for source in record.sources:
            if source.type in _SAID_ONCE or source.status != _COMPLETED:
                continue
            if linked[source.source_id].strength != "none":
                place = Place(record.context.tenant, source.type, source.location or "", source.name, _asked(source))
                found.setdefault(place, []).append(Use(record.record_id, source))
    for each in found.values():
        each.sort(key=lambda use: use.source.retrieved_at)
    return found


def _asked(source: Source) -> str:
    given = sorted((one.name or one.role, one.join_digest or one.digest or "") for one in source.arguments)
    return json.dumps([source.parameters, given], sort_keys=True, default=str)


def newest(found: Mapping[Place, list[Use]]) -> dict[Place, Source]:
    """Each source as it was loaded last: what is compared with what is there now."""
    return {place: each[-1].source for place, each in found.items()}


def stale(found: Mapping[Place, list[Use]], fetched: Mapping[Place, str], now: datetime) -> tuple[Stale, ...]:
    """The sources that have changed since, those that most records rest on first.

    Args:
        found: as `uses` gives them.
        fetched: of those that were fetched again, what became of the newest content: `changed`, `gone`, or else.
        now: with an offset.
    """
    groups: dict[tuple[Place, Why], list[Use]] = {}
    for place, each in found.items():
        for use in each:
            why = _why(use.source, each[-1].source, fetched.get(place), now)
            if why is not None:
                groups.setdefault((place, why), []).append(use)
    told = [
        Stale(place, these[-1].source, why, tuple(dict.fromkeys(use.record_id for use in these)))
        for (place, why), these in groups.items()
    ]
    return tuple(sorted(told, key=lambda one: (-len(one.records), _ORDER.index(one.why), one.place)))


def _why(source: Source, last: Source, fetched: str | None, now: datetime) -> Why | None:
    if _is_another(source, last):
        return "newer"
    if fetched in _FETCHED:
        return _FETCHED[fetched]
    age = now - datetime.fromisoformat(source.modified_at or source.retrieved_at)
    return "old" if needs_refresh(freshness(max(age, timedelta(0)))) else None


def _is_another(source: Source, last: Source) -> bool:
    """Whether another content was loaded since: by its stated version, or, of what is the same for whoever asks, by its
    digest. A search answers what it is asked, and nobody else can tell that from a change.
    """
    if source.version != last.version:
        return True
    content, since = (one.join_digest or one.digest for one in (source, last))
    return source.type in _SAME_FOR_ALL and content is not None and since is not None and content != since
