"""Questions that a record can answer by itself. Pure: no clock, no store."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from msgspec import UNSET

from provsdk.records.flow import Arrow, Causes, Step, nested_outputs, reached
from provsdk.records.record import Entity, ModelCall, PolicyCheck, ProvenanceRecord, Source, Transformation
from provsdk.vocabulary import Basis, CheckResult, OwnershipRole
from provsdk.vocabulary import freshness as freshness_of_age

__all__ = [
    "Lineage",
    "SourcesReached",
    "all_checks_passed",
    "blocking_failures",
    "current_owner",
    "freshness",
    "lineage",
    "lineage_across",
    "lineage_depth",
    "mean_reliability",
    "sources_reached",
]

MAX_NODES: Final = 10_000
"""Nodes of a lineage tree; beyond, values are named and not followed."""

_FAILED: Final = frozenset({CheckResult.FAIL.value, CheckResult.ERROR.value})
_RAN: Final = frozenset({CheckResult.PASS.value, CheckResult.FAIL.value, CheckResult.ERROR.value})


class SourcesReached(NamedTuple):
    """Source ids by how the output is linked to them, each in the order of the record."""

    reached: tuple[str, ...]
    """Lineage leads there: by edges that were seen or declared, with a fallback to `used` where nothing better was."""
    enclosing: tuple[str, ...]
    """Nothing better is known than that it was loaded within the output's span."""
    unlinked: tuple[str, ...]
    """Its load failed, or ended after the output had."""


class Lineage(NamedTuple):
    """A value and what it goes back to."""

    value_id: str
    kind: str
    """`output`, `source`, `element` (of a source), `argument`, `result`, `chunk`, `value`, or `nested output`."""
    name: str | None
    step: Step | None
    """How the value above goes back to this one; None at the start. `used` in it: lineage fell back."""
    causes: tuple["Lineage", ...]
    cut: bool
    """There is more: it stands elsewhere in the tree, or beyond the depth that was asked for."""


def all_checks_passed(record: ProvenanceRecord) -> bool:
    """None failed or broke, and at least one ran: one that was skipped or waived did not."""
    results = [check.result for check in record.policy_checks]
    return not _FAILED.intersection(results) and not _RAN.isdisjoint(results)


def blocking_failures(record: ProvenanceRecord) -> list[PolicyCheck]:
    """The checks that failed or broke and withhold the output."""
    return [check for check in record.policy_checks if check.blocking and check.result in _FAILED]


def current_owner(record: ProvenanceRecord) -> str | None:
    """Who answers for the output: its owner, else who is accountable in another role."""
    by_role = {owner.role: owner.agent for owner in record.ownership}
    accountable = sorted(
        (role for role in OwnershipRole if role.accountable), key=lambda role: (role.notification_priority, role)
    )
    return next((by_role[role.value] for role in accountable if role.value in by_role), None)


def mean_reliability(record: ProvenanceRecord) -> float | None:
    """Mean score of the sources, a default of policy and no evidence; None where there are none."""
    scores = [source.reliability for source in record.sources]
    return sum(scores) / len(scores) if scores else None


def freshness(record: ProvenanceRecord) -> dict[str, float]:
    """Score of each source by its id, from its age when the output was made."""
    made = datetime.fromisoformat(record.generated_at)
    return {each.source_id: freshness_of_age(_age(each, made)) for each in record.sources}


def _age(source: Source, made: datetime) -> timedelta:
    return made - datetime.fromisoformat(source.modified_at or source.retrieved_at)


def sources_reached(record: ProvenanceRecord) -> SourcesReached:
    """Which sources lineage leads to from the output, and which are only known to have been there."""
    arrows = [(edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow]
    found = reached(Causes(arrows), record.output.output_id)
    inferred = {cause for _, cause, _, basis in arrows if basis == Basis.ENCLOSING.value}
    groups: tuple[list[str], list[str], list[str]] = ([], [], [])
    for source in record.sources:
        ids = {source.source_id, *(element.entity_id for element in source.elements)}
        groups[0 if ids & found else 1 if ids & inferred else 2].append(source.source_id)
    return SourcesReached(*map(tuple, groups))


def lineage_depth(record: ProvenanceRecord) -> int:
    """Steps on the longest path back from the output; a cycle counts each of its values once."""
    causes = Causes((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)
    component, order = _components(causes, record.output.output_id)
    sizes: dict[int, int] = {}
    for value in component:
        sizes[component[value]] = sizes.get(component[value], 0) + 1
    longest: dict[int, int] = {}
    for value in order:  # what a component goes back to comes before it
        mine = component[value]
        beyond = [longest[component[s.cause]] + 1 for s in causes.steps(value) if component[s.cause] != mine]
        longest[mine] = max(longest.get(mine, sizes[mine] - 1), max(beyond, default=0) + sizes[mine] - 1)
    return longest[component[record.output.output_id]]


def _components(causes: Causes, start: str) -> tuple[dict[str, int], list[str]]:
    """Strongly connected components (Tarjan, without recursion), by value, and the values with causes first."""
    number: dict[str, int] = {start: 0}
    low: dict[str, int] = {start: 0}
    component: dict[str, int] = {}
    order: list[str] = []
    stack = [start]
    work = [(start, iter([step.cause for step in causes.steps(start)]))]
    while work:
        value, left = work[-1]
        cause = next(left, None)
        if cause is None:
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[value])
            if low[value] == number[value]:
                members = stack[stack.index(value) :]
                del stack[-len(members) :]
                component.update(dict.fromkeys(members, number[value]))
                order.extend(members)
        elif cause not in number:
            number[cause] = low[cause] = len(number)
            stack.append(cause)
            work.append((cause, iter([step.cause for step in causes.steps(cause)])))
        elif cause not in component:
            low[value] = min(low[value], number[cause])
    return component, order


def lineage(record: ProvenanceRecord, start: str | None = None, depth: int = -1) -> Lineage:
    """What a value of the record goes back to, as a tree.

    Args:
        record: the record, folded or not.
        start: id of the value; the output where it is None.
        depth: steps to follow; -1: to the end.

    A value that stands in the tree already is named again and not followed again, so cycles end.
    """
    arrows = ((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)
    return lineage_across([record], arrows, start, depth)


def lineage_across(
    records: Sequence[ProvenanceRecord], arrows: Iterable[Arrow], start: str | None = None, depth: int = -1
) -> Lineage:
    """The same over several records, the first of which is asked about, and the edges within and between them."""
    names: dict[str, tuple[str, str | None]] = {}
    for record in reversed(records):
        names.update(_names(record))
    for record in records[1:]:
        output = record.output
        names[output.output_id] = (names[output.output_id][0], output.name)
        for part in () if output.elements is UNSET else output.elements:
            place = (part.name or "").removeprefix("json").removeprefix(".")
            names[part.entity_id] = ("output", f"{output.name}{_place(place)}" if place else output.name)
    return _Tree(names, Causes(arrows)).grow(start or records[0].output.output_id, depth)


class _Tree:
    """Breadth first, so that a value stands in full where it is nearest to the start."""

    def __init__(self, names: Mapping[str, tuple[str, str | None]], causes: Causes) -> None:
        self._causes = causes
        self._names = names

    def grow(self, start: str, depth: int) -> Lineage:
        placed: list[tuple[str, Step | None, list[int], bool]] = [(start, None, [], False)]
        seen = {start}
        level = [0]
        while level:
            following = []
            for position in level:
                value, step, below, _ = placed[position]
                for each in self._causes.steps(value):
                    if depth == 0 or len(placed) >= MAX_NODES:
                        placed[position] = (value, step, below, True)
                        break
                    known = each.cause in seen
                    seen.add(each.cause)
                    below.append(len(placed))
                    placed.append((each.cause, each, [], known and bool(self._causes.steps(each.cause))))
                    if not known:
                        following.append(len(placed) - 1)
            level, depth = following, depth - 1
        return self._built(placed)

    def _built(self, placed: list[tuple[str, Step | None, list[int], bool]]) -> Lineage:
        built: list[Lineage] = []
        for value, step, below, cut in reversed(placed):  # what is below was placed later
            kind, name = self._names.get(value, ("value", None))
            causes = tuple(built[len(placed) - 1 - position] for position in below)
            built.append(Lineage(value, kind, name, step, causes, cut))
        return built[-1]


def _names(record: ProvenanceRecord) -> dict[str, tuple[str, str | None]]:
    found: dict[str, tuple[str, str | None]] = {}
    made: list[Transformation | ModelCall] = [*record.transformations, *record.model_calls]
    for step in made:
        streamed = step.stream is not UNSET
        found.update({**_results(step.results, step.name, streamed), **_arguments(step.arguments, step.name)})
    for check in record.policy_checks:
        found.update(_arguments(check.arguments, check.name))
    found.update(_arguments(record.output.arguments, record.output.name))
    for source in record.sources:
        found.update(_arguments(source.arguments, source.name))
        for element in source.elements:
            found[element.entity_id] = ("element", f"{source.name}: {element.name}" if element.name else source.name)
        found[source.source_id] = ("source", source.name)
    arrows = ((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)
    found.update(dict.fromkeys(nested_outputs(arrows, record.output.output_id), ("nested output", None)))
    found[record.output.output_id] = ("output", record.output.name)
    return found


def _arguments(values: list[Entity], given_to: str) -> dict[str, tuple[str, str | None]]:
    """An argument without a name of its own goes by the name of the step that it was given to."""
    return {
        value.entity_id: ("argument", value.name) if value.name else ("unnamed argument", given_to)
        for value in values
        if _is_told_here(value)
    }


def _results(values: list[Entity], made_by: str, streamed: bool) -> dict[str, tuple[str, str | None]]:  # noqa: FBT001 one of two ways
    """A result goes by the name of the step that made it, and a part of one by its place there too.

    The numbers that chunks go by count the values of the step, and are no places.
    """
    return {
        value.entity_id: ("chunk", made_by)
        if streamed and value.name and value.name.isdecimal()
        else ("result", f"{made_by}{_place(value.name)}" if value.name else made_by)
        for value in values
        if _is_told_here(value)
    }


def _place(name: str) -> str:
    """`[1].title` for what is at `1.title`, `: text` for what has a name of its own."""
    first, *rest = name.split(".")
    if not first.isdecimal():
        return f": {name}"
    return f"[{first}]" + "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in rest)


def _is_told_here(value: Entity) -> bool:
    """A value that was only handed on keeps the name that it has elsewhere."""
    return value.media_type is not None or value.name is not None
