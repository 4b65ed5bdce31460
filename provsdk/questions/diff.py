"""Why two outputs differ: what was not the same when they were made, the likeliest cause first. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from msgspec import UNSET

from provsdk.digest import MIN_LINKABLE_BYTES
from provsdk.records.flow import USED, Causes, reached
from provsdk.records.record import Entity, ModelCall, PolicyCheck, ProvenanceRecord, Source, Transformation

__all__ = ["KINDS", "Difference", "diff"]

Kind = Literal[
    "input", "sources", "prompt", "model", "settings", "steps", "code", "environment", "checks", "not linked", "output"
]

KINDS: Final[tuple[Kind, ...]] = (
    "input", "sources", "prompt", "model", "settings", "steps", "code", "environment", "checks", "not linked", "output",
)  # fmt: skip
"""In the order of likely cause: what went in, what it was made of, what the model was asked, then how it was made; what
lineage does not lead to in either record comes after that."""

_CODE: Final = ("code.", "vcs.", "container.image.")


class Difference(NamedTuple):
    """One thing that was not the same."""

    kind: Kind
    what: str
    first: str | None
    """Of the first record; None where it has no such thing."""
    second: str | None


def diff(first: ProvenanceRecord, second: ProvenanceRecord) -> tuple[Difference, ...]:
    """What differs in how two outputs were made, and whether they are the same; the likeliest cause first.

    Texts are compared by their digests and shown by them: records hold no content.
    """
    mine, theirs = _Flow(first), _Flow(second)
    found = [
        *_unlinked_aside(_values("input", "", first.output.arguments, second.output.arguments), mine, theirs),
        *_unlinked_aside(_sources(first.sources, second.sources), mine, theirs),
        *_given(mine, theirs),
        *_calls(first.model_calls, second.model_calls),
        *_steps(mine, theirs),
        *_environment(first.environment, second.environment),
        *_checks(first.policy_checks, second.policy_checks),
        *_output(first, second),
    ]
    return tuple(sorted(found, key=lambda one: KINDS.index(one.kind)))


class _Flow:
    """What lineage knows in one record."""

    def __init__(self, record: ProvenanceRecord) -> None:
        self.record = record
        self._causes = Causes((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)
        self._used: dict[str | None, list[str]] = {}
        for edge in record.flow:
            if edge.relation == USED:
                self._used.setdefault(edge.from_, []).append(edge.to)
        self.prompts = {value for call in record.model_calls for value in self._used.get(call.model_call_id, ())}
        """Values that model calls were given."""
        back = reached(self._causes, record.output.output_id)
        self._names = {
            one.name or one.role for one in record.output.arguments if one.entity_id in back or _is_small(one)
        }
        self._names |= {_place(one) for one in record.sources if back & _values_of(one) or _is_small(one)}
        self.is_known = len(back) > 1

    def reaches(self, what: str) -> bool:
        """Whether lineage leads to an argument of that name, or a source of that place; small ones may flow unseen."""
        return not self.is_known or what in self._names

    def given(self, call: ModelCall) -> set[tuple[str, str]]:
        """The sources that came into a model call, by place and name."""
        values = [*self._used.get(call.model_call_id, ()), *(one.entity_id for one in call.arguments)]
        back = {one for value in values for one in reached(self._causes, value)}
        return {(_place(one), one.name) for one in self.record.sources if back & _values_of(one)}


def _is_small(value: Entity | Source) -> bool:
    return value.size_bytes is None or value.size_bytes < MIN_LINKABLE_BYTES


def _place(source: Source) -> str:
    return source.location or source.name


def _values_of(source: Source) -> set[str]:
    return {source.source_id, *(one.entity_id for one in source.elements)}


def _unlinked_aside(found: Iterable[Difference], mine: _Flow, theirs: _Flow) -> Iterator[Difference]:
    for one in found:
        is_linked = mine.reaches(one.what) or theirs.reaches(one.what)
        yield one if is_linked else one._replace(kind="not linked", what=f"{one.kind}: {one.what}")


def _given(mine: _Flow, theirs: _Flow) -> Iterator[Difference]:
    """Which of the sources that both records have came into each model call."""
    loaded = ({(_place(one), one.name) for one in each.record.sources} for each in (mine, theirs))
    common = set.intersection(*loaded)
    first, second = _by_name(mine.record.model_calls), _by_name(theirs.record.model_calls)
    for name in first.keys() & second.keys():
        for a, b in zip(first[name], second[name], strict=False):
            one, other = mine.given(a) & common, theirs.given(b) & common
            if one != other:
                told = (", ".join(sorted(name for _, name in each)) or "none" for each in (one, other))
                yield Difference("prompt", f"{name}: sources in it", *told)


def _differ(kind: Kind, what: str, first: object, second: object) -> Iterator[Difference]:
    if first != second:
        yield Difference(kind, what, _shown(first), _shown(second))


def _shown(value: object) -> str | None:
    if value is None or value is UNSET:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _measure(value: Entity | None) -> str | None:
    """A value by its digest, shortened as on every screen, and its size."""
    if value is None:
        return None
    digest = value.digest or value.join_digest
    name = digest.rpartition(":")[2][:12] if digest else value.media_type or "not known"
    return f"{name} ({value.size_bytes} B)" if value.size_bytes is not None else name


def _same(first: Entity, second: Entity) -> bool:
    """By a digest that both have; without one, nothing says that they differ."""
    for name in ("join_digest", "digest"):
        one, other = getattr(first, name), getattr(second, name)
        if one is not None and other is not None and one.rpartition(":")[0] == other.rpartition(":")[0]:
            return bool(one == other)
    return (first.media_type, first.size_bytes) == (second.media_type, second.size_bytes)


def _values(kind: Kind, of: str, first: Sequence[Entity], second: Sequence[Entity]) -> Iterator[Difference]:
    """Arguments by their names; the elements in them are theirs."""
    mine, theirs = ({one.name or one.role: one for one in each if one.element_of is None} for each in (first, second))
    for name in dict.fromkeys([*mine, *theirs]):
        a, b = mine.get(name), theirs.get(name)
        if a is None or b is None or not _same(a, b):
            yield Difference(kind, f"{of}{name}", _measure(a), _measure(b))


def _sources(first: Sequence[Source], second: Sequence[Source]) -> Iterator[Difference]:
    mine, theirs = _by_place(first), _by_place(second)
    for place in dict.fromkeys([*mine, *theirs]):
        for a, b in _matched(mine.get(place, []), theirs.get(place, [])):
            if a is None or b is None:
                yield Difference("sources", place, _version(a) if a else None, _version(b) if b else None)
            elif a.version != b.version or not _same(_value(a), _value(b)):
                yield Difference("sources", place, _version(a), _version(b))


def _by_place(sources: Sequence[Source]) -> dict[str, list[Source]]:
    found: dict[str, list[Source]] = {}
    for source in sources:
        found.setdefault(_place(source), []).append(source)
    return found


def _matched(first: Sequence[Source], second: Sequence[Source]) -> Iterator[tuple[Source | None, Source | None]]:
    """Sources of one place, each with the one most like it: the same content, else the same name, else the next."""
    mine, theirs = list(first), list(second)
    for alike in (_identity, _name_of):
        others: dict[Any, list[Source]] = {}
        for b in theirs:
            others.setdefault(alike(b), []).append(b)
        pairs = [(a, others[alike(a)].pop(0)) for a in mine if others.get(alike(a))]
        yield from pairs
        taken = {id(one) for pair in pairs for one in pair}
        mine, theirs = ([one for one in each if id(one) not in taken] for each in (mine, theirs))
    yield from _paired(mine, theirs)


def _identity(source: Source) -> tuple[object, ...]:
    return source.name, source.version, source.join_digest or source.digest, source.media_type, source.size_bytes


def _name_of(source: Source) -> str:
    return source.name


def _paired(first: Sequence[Any], second: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """In their order; what the longer one has more goes with nothing."""
    for position in range(max(len(first), len(second))):
        yield first[position] if position < len(first) else None, second[position] if position < len(second) else None


def _value(source: Source) -> Entity:
    return Entity(
        entity_id=source.source_id,
        role="result",
        digest=source.digest,
        join_digest=source.join_digest,
        media_type=source.media_type,
        size_bytes=source.size_bytes,
    )


def _version(source: Source) -> str:
    measure = _measure(_value(source))
    return f"version {source.version}, {measure}" if source.version is not None else f"{measure}"


def _calls(first: Sequence[ModelCall], second: Sequence[ModelCall]) -> Iterator[Difference]:
    mine, theirs = _by_name(first), _by_name(second)
    for name in dict.fromkeys([*mine, *theirs]):
        pairs = list(_paired(mine.get(name, []), theirs.get(name, [])))
        for number, (a, b) in enumerate(pairs, 1):
            of = name if len(pairs) == 1 else f"{name} {number}"
            if a is None or b is None:
                yield Difference("model", of, a and _model(a), b and _model(b))
            else:
                yield from _call(of, a, b)


def _call(of: str, a: ModelCall, b: ModelCall) -> Iterator[Difference]:
    yield from _template(of, a, b)
    yield from _values("prompt", f"{of}: ", a.arguments, b.arguments)
    yield from _differ("model", of, _model(a), _model(b))
    yield from _differ("model", f"{of}: what answered", a.response_model, b.response_model)
    for name in sorted(a.parameters.keys() | b.parameters.keys()):
        yield from _differ("settings", f"{of}: {name}", a.parameters.get(name), b.parameters.get(name))
    yield from _differ("model", f"{of}: status", a.status, b.status)
    yield from _differ("model", f"{of}: finish reasons", a.finish_reasons, b.finish_reasons)


def _template(of: str, a: ModelCall, b: ModelCall) -> Iterator[Difference]:
    mine, theirs = (None if one.prompt is UNSET else one.prompt for one in (a, b))
    for name in ("name", "version"):
        yield from _differ("prompt", f"{of}: template's {name}", getattr(mine, name, None), getattr(theirs, name, None))
    texts = [None if one is None else one.template for one in (mine, theirs)]
    if (texts[0] is None) != (texts[1] is None) or (texts[0] and texts[1] and not _same(texts[0], texts[1])):
        yield Difference("prompt", f"{of}: template's text", _measure(texts[0]), _measure(texts[1]))


def _model(call: ModelCall) -> str:
    return f"{call.provider}/{call.model}" if call.provider else f"{call.model or 'not known'}"


def _by_name(steps: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for step in steps:
        found.setdefault(step.name, []).append(step)
    return found


def _steps(first: _Flow, second: _Flow) -> Iterator[Difference]:
    yield from _how(first.record.transformations, second.record.transformations)
    mine, theirs = _by_name(first.record.transformations), _by_name(second.record.transformations)
    for name in mine.keys() & theirs.keys():
        for a, b in zip(mine[name], theirs[name], strict=False):
            yield from _values("steps", f"{name}: ", a.arguments, b.arguments)
            is_prompt = any(one.entity_id in first.prompts for one in a.results)
            one, other = _whole(a.results), _whole(b.results)
            if one is not None and other is not None and not _same(one, other):
                kind: Kind = "prompt" if is_prompt else "steps"
                yield Difference(kind, f"{name}: what it made", _measure(one), _measure(other))


def _whole(results: Sequence[Entity]) -> Entity | None:
    return next((one for one in results if one.element_of is None), None)


def _how(first: Sequence[Transformation], second: Sequence[Transformation]) -> Iterator[Difference]:
    counts = [Counter(step.name for step in steps) for steps in (first, second)]
    for name in dict.fromkeys(step.name for step in (*first, *second)):
        yield from _differ("steps", f"{name}: how often", counts[0][name], counts[1][name])
    mine, theirs = _by_name(first), _by_name(second)
    for name in mine.keys() & theirs.keys():
        for a, b in zip(mine[name], theirs[name], strict=False):
            yield from _differ("steps", f"{name}: version", a.version, b.version)
            for one in sorted(a.parameters.keys() | b.parameters.keys()):
                yield from _differ("settings", f"{name}: {one}", a.parameters.get(one), b.parameters.get(one))


def _environment(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted(first.keys() | second.keys()):
        kind: Kind = "code" if name.startswith(_CODE) else "environment"
        yield from _differ(kind, name.removeprefix("code."), first.get(name), second.get(name))


def _checks(first: Sequence[PolicyCheck], second: Sequence[PolicyCheck]) -> Iterator[Difference]:
    mine, theirs = _by_name(first), _by_name(second)
    for name in dict.fromkeys([*mine, *theirs]):
        for a, b in _paired(mine.get(name, []), theirs.get(name, [])):
            yield from _differ("checks", name, a and a.result, b and b.result)
            if a is not None and b is not None:
                yield from _differ("checks", f"{name}: version", a.version, b.version)


def _output(first: ProvenanceRecord, second: ProvenanceRecord) -> Iterator[Difference]:
    a, b = first.output, second.output
    yield from _differ("output", "name", a.name, b.name)
    yield from _differ("output", "status", a.status, b.status)
    yield from _differ("code", "version of the output's function", a.version, b.version)
    mine, theirs = (
        Entity(
            entity_id=one.output_id,
            role="result",
            digest=one.digest,
            join_digest=one.join_digest,
            media_type=one.media_type,
            size_bytes=one.size_bytes,
        )
        for one in (a, b)
    )
    if not _same(mine, theirs):
        yield Difference("output", "value", _measure(mine), _measure(theirs))
