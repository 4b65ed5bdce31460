"""What goes back to what: lineage over edges, and the links that are inferred where none was seen.

Receiving is not shaping: `used` says that an activity was given a value, not that the value reached the result. So
lineage follows `wasDerivedFrom` where the value could be examined and something was found in it; only where nothing was
does it fall back to what the value's activity used, and says so. That a value repeats words of another one does not say
that nothing else shaped it: a quotation is a step of its own, and lineage falls back beside it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from msgspec import UNSET

from provsdk import rfc3339
from provsdk.records.record import Edge, ModelCall, Source
from provsdk.vocabulary import Basis, OutputStatus, Relation

__all__ = [
    "USED",
    "Arrow",
    "Causes",
    "Step",
    "edges",
    "inferred",
    "nested_outputs",
    "reached",
    "without_inferred",
]

USED: Final = Relation.USED.value
GENERATED: Final = Relation.WAS_GENERATED_BY.value
DERIVED: Final = Relation.WAS_DERIVED_FROM.value
ENCLOSING: Final = Basis.ENCLOSING.value
QUOTATION: Final = Basis.QUOTATION.value

_COMPLETED: Final = OutputStatus.COMPLETED.value

Arrow = tuple[str, str, str, str]
"""(from, to, relation, basis): an edge while it is worked with."""


class Step(NamedTuple):
    """One step back: from a value to a cause of it."""

    cause: str
    relation: str
    """`wasDerivedFrom`, or `used` where lineage falls back."""
    basis: str
    activity: str | None
    """For `used`: the activity that was given the cause."""


class Causes:
    """The steps back from each value."""

    __slots__ = ("_derived", "_inferred", "_made_by", "_quoted", "_used")

    def __init__(self, arrows: Iterable[Arrow], beside: Iterable[Arrow] = ()) -> None:
        """Of edges within records, and of those between them, which say nothing of how a value was made."""
        self._derived: dict[str, list[Arrow]] = defaultdict(list)
        self._inferred: dict[str, list[Arrow]] = defaultdict(list)
        self._quoted: dict[str, list[Arrow]] = defaultdict(list)
        self._made_by: dict[str, list[str]] = defaultdict(list)
        self._used: dict[str, list[Arrow]] = defaultdict(list)
        for arrow in arrows:
            effect, cause, relation, basis = arrow
            if relation == GENERATED:
                self._made_by[effect].append(cause)
            elif relation == USED:
                self._used[effect].append(arrow)
            elif relation == DERIVED:
                kept = {ENCLOSING: self._inferred, QUOTATION: self._quoted}.get(basis, self._derived)
                kept[effect].append(arrow)
        for arrow in beside:
            self._quoted[arrow[0]].append(arrow)

    def ids(self, value: str) -> list[str]:
        """The values one step back by lineage, inferred links left out."""
        found, quoted = self._derived.get(value), self._quoted.get(value, ())
        if found is None:
            used = self._used
            found = [arrow for activity in self._made_by.get(value, ()) for arrow in used.get(activity, ())]
        return [arrow[1] for arrow in (*found, *quoted)]

    def values(self) -> set[str]:
        """Every value that goes back to another one, or was made."""
        return {*self._derived, *self._inferred, *self._quoted, *self._made_by}

    def outputs(self) -> set[str]:
        """The outputs among the values that something made."""
        return {value for value in self._made_by if value.startswith("out_")}

    def steps(self, value: str) -> list[Step]:
        """The steps back, inferred ones last."""
        found = [Step(cause, DERIVED, basis, None) for _, cause, _, basis in self._derived.get(value, ())]
        if not found:
            found = [
                Step(cause, USED, basis, activity)
                for activity in self._made_by.get(value, ())
                for _, cause, _, basis in self._used.get(activity, ())
            ]
        seen = (*self._quoted.get(value, ()), *self._inferred.get(value, ()))
        return found + [Step(cause, DERIVED, basis, None) for _, cause, _, basis in seen]


def reached(causes: Causes, start: str) -> set[str]:
    """Every value that `start` goes back to by lineage, itself too; inferred links are not followed."""
    seen = {start}
    waiting = [start]
    while waiting:
        for cause in causes.ids(waiting.pop()):
            if cause not in seen:
                seen.add(cause)
                waiting.append(cause)
    return seen


def inferred(
    arrows: Iterable[Arrow], output_id: str, ended_at: str, sources: Sequence[Source], calls: Sequence[ModelCall]
) -> list[Arrow]:
    """The links from an output to what was loaded or made within its span, where lineage does not lead there.

    All that is known of these is that they were there when the output was made. So there is none for a load or a model
    call that failed or was given up before anything of it came, and none for one that came after the output had ended:
    neither can have shaped it. Of a model's stream the first chunk counts. A source or a call is led to where one of
    its values is.
    """
    causes = Causes(arrows)
    found = reached(causes, output_id)
    links = [
        (output_id, source.source_id, DERIVED, ENCLOSING)
        for source in sources
        if source.source_id not in found
        and _gave_something(source)
        and source.retrieved_at <= ended_at
        and not any(element.entity_id in found for element in source.elements)
    ]
    for call in calls:
        made = [each.entity_id for each in call.results if each.media_type is not None]
        if made and _gave_something(call) and _began_to_give(call) <= ended_at and found.isdisjoint(made):
            links.append((output_id, made[0], DERIVED, ENCLOSING))
    return links + [(output_id, nested, DERIVED, ENCLOSING) for nested in causes.outputs() - found]


def _gave_something(step: Source | ModelCall) -> bool:
    """It came to its end, or chunks of it were delivered before."""
    return step.status == _COMPLETED or (step.stream is not UNSET and step.stream.chunks > 0)


def _began_to_give(call: ModelCall) -> str:
    """When the first of it was there: of a stream its first chunk."""
    if call.stream is UNSET or call.stream.first_chunk_us is None:
        return call.ended_at
    first = datetime.fromisoformat(call.started_at) + timedelta(microseconds=call.stream.first_chunk_us)
    return min(rfc3339.of(first), call.ended_at)


def nested_outputs(arrows: Iterable[Arrow], output_id: str) -> set[str]:
    """Outputs that were made within this one; each has a record of its own and stands here as a value."""
    return {
        value
        for value, _, relation, _ in arrows
        if relation == GENERATED and value.startswith("out_") and value != output_id
    }


def without_inferred(flow: Iterable[Edge]) -> dict[Arrow, Edge]:
    """The edges of a record that were seen or declared."""
    return {(edge.from_, edge.to, edge.relation, edge.basis): edge for edge in flow if edge.basis != ENCLOSING}


def edges(arrows: Iterable[Arrow], known: Mapping[Arrow, Edge] = MappingProxyType({})) -> list[Edge]:
    """The arrows as a record holds them: in an order that does not depend on theirs.

    Args:
        arrows: All of them.
        known: Those of which more is known than that they are there.
    """
    return [
        known.get(arrow) or Edge(from_=arrow[0], to=arrow[1], relation=arrow[2], basis=arrow[3])
        for arrow in sorted(arrows)
    ]
