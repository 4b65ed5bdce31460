"""From spans and local facts to records: a pure function of both, whatever the order and however often they came.

A record's scope is what its output's span and the spans that carry its record id say. Spans of a record whose output's
span is not among them are an extension of it. Nothing is read from the process that assembles.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from provsdk import semconv
from provsdk.assembly import process_only
from provsdk.assembly.activities import model_call, policy_check, sources, transformation
from provsdk.assembly.dialects.native import INVALID, OutputFacts, read_facts
from provsdk.assembly.output import made
from provsdk.assembly.scope import Native, Scope
from provsdk.assembly.spans import SpanData, distinct
from provsdk.assembly.text import clean
from provsdk.records.flow import edges, inferred
from provsdk.records.fold import called_key, checked_key, completeness, made_key, source_key
from provsdk.records.ids import KEY_LENGTH, is_key
from provsdk.records.parts import Part, content_part, retention_of
from provsdk.records.record import (
    SCHEMA_VERSION,
    Capture,
    Completeness,
    Extension,
    Missing,
    ModelCall,
    PolicyCheck,
    ProvenanceRecord,
    Source,
    Transformation,
)
from provsdk.vocabulary import VOCABULARY_VERSION, CompletenessReason

__all__ = ["Assembled", "Assembly", "assemble"]

T = TypeVar("T")

_SPAN_MISSING: Final = CompletenessReason.SPAN_MISSING.value
_SPAN_DIGITS: Final = 16
_PROCESS_ONLY: Final = (CompletenessReason.PROCESS_ONLY.value, process_only.SUMMARY)

_STEPS: Final = frozenset(
    {semconv.KIND_SOURCE, semconv.KIND_TRANSFORMATION, semconv.KIND_MODEL_CALL, semconv.KIND_POLICY_CHECK}
)


_COMPLETE: Final = Completeness(complete=True, reasons=[])
_NO_PIECES: Final[Mapping[int, str]] = {}


class Assembled(NamedTuple):
    """A record, and the captured content of its values."""

    record: ProvenanceRecord
    contents: tuple[Part, ...]


class Assembly(NamedTuple):
    """What spans came to, in the order of record ids."""

    records: tuple[Assembled, ...]
    extensions: tuple[Extension, ...]
    """Of records whose output's span was not among the spans; `revision` is 0 until the log gives them their place."""


class _Steps(NamedTuple):
    sources: list[Source]
    transformations: list[Transformation]
    model_calls: list[ModelCall]
    policy_checks: list[PolicyCheck]


def assemble(spans: Iterable[SpanData], local: Mapping[str, Mapping[str, Any]]) -> Assembly:
    """The records and extensions that the spans make.

    Args:
        spans: ended spans, ours and others, in any order, each any number of times.
        local: by record id, what stayed in the process that made the output; empty where that is another one.
    """
    records, extensions = [], []
    scopes = _scopes(spans)
    for record_id in sorted(scopes):
        natives = scopes[record_id]
        found = local.get(record_id)
        scope = Scope(found if isinstance(found, Mapping) else None)
        output = next((each for each in natives if each.kind == semconv.KIND_OUTPUT), None)
        if output is None:
            extensions.append(_extension(record_id, natives, scope))
        else:
            records.append(_record(record_id, output, natives, scope))
    return Assembly(tuple(records), tuple(extensions))


def _scopes(spans: Iterable[SpanData]) -> dict[str, list[Native]]:
    """Our spans by the record that they belong to; what belongs to none is left out."""
    ours: list[tuple[str, str, str, SpanData]] = []
    pieces: dict[str, dict[int, str]] = {}
    known: set[str] = set()
    for key, span in distinct(spans).items():
        attributes = span.attributes
        kind = attributes.get(semconv.KIND)
        if kind == semconv.KIND_OUTPUT:
            ours.append(("rec_" + key, kind, key, span))
        elif isinstance(kind, str) and kind in _STEPS:
            record_id = attributes.get(semconv.RECORD_ID)
            if isinstance(record_id, str) and (record_id in known or _is_record_id(record_id)):
                known.add(record_id)
                ours.append((record_id, kind, key, span))
        elif semconv.FACTS_PART in attributes:
            _take_piece(attributes, pieces)
    scopes: dict[str, list[Native]] = {}
    for record_id, kind, key, span in ours:
        facts, problems = read_facts(kind, span, pieces.get(key, _NO_PIECES))
        scopes.setdefault(record_id, []).append(Native(span, kind, key, facts, problems))
    return scopes


def _is_record_id(text: str) -> bool:
    return text.startswith("rec_") and is_key(text[4:])


def _take_piece(attributes: Mapping[str, Any], pieces: dict[str, dict[int, str]]) -> None:
    parent, position = attributes.get(semconv.PARENT), attributes[semconv.FACTS_PART]
    text = attributes.get(semconv.FACTS)
    if isinstance(parent, str) and type(position) is int and isinstance(text, str):
        of = pieces.setdefault(parent, {})
        of[position] = max(text, of.get(position, ""))  # two that differ: chosen by what they say, not by order


def _steps(natives: list[Native], scope: Scope) -> _Steps:
    steps = _Steps([], [], [], [])
    for native in natives:
        kind = native.kind
        if kind == semconv.KIND_SOURCE:
            steps.sources.extend(sources(native, scope))
        elif kind == semconv.KIND_TRANSFORMATION:
            steps.transformations.append(transformation(native, scope))
        elif kind == semconv.KIND_MODEL_CALL:
            steps.model_calls.append(model_call(native, scope))
        elif kind == semconv.KIND_POLICY_CHECK:
            steps.policy_checks.append(policy_check(native, scope))
    _sort(steps.sources, source_key)
    _sort(steps.transformations, made_key)
    _sort(steps.model_calls, called_key)
    _sort(steps.policy_checks, checked_key)
    return steps


def _sort(items: list[T], key: Callable[[T], tuple[str, str, int]]) -> None:
    if len(items) > 1:
        items.sort(key=key)


def _record(record_id: str, output: Native, natives: list[Native], scope: Scope) -> Assembled:
    about = made(output, scope)
    steps = _steps(natives, scope)
    scope.settle()
    value = about.output
    links = inferred(scope.arrows, value.output_id, value.ended_at, steps.sources, steps.model_calls)
    record = ProvenanceRecord(
        schema_version=SCHEMA_VERSION,
        vocabulary_version=VOCABULARY_VERSION,
        record_id=record_id,
        generated_at=value.ended_at,
        trace=about.trace,
        output=value,
        sources=steps.sources,
        transformations=steps.transformations,
        model_calls=steps.model_calls,
        policy_checks=steps.policy_checks,
        flow=edges([*scope.arrows, *links], scope.told),
        context=about.context,
        ownership=about.ownership,
        retention=about.retention,
        permissions=about.permissions,
        environment=_environment(scope, output.span),
        emitter=about.emitter,
        capture=_capture(scope),
        completeness=_completeness(natives, scope),
    )
    return Assembled(record, _contents(scope, retention_of(record)))


def _extension(record_id: str, natives: list[Native], scope: Scope) -> Extension:
    steps = _steps(natives, scope)
    scope.settle()
    return Extension(
        record_id=record_id,
        revision=0,
        sources=steps.sources,
        transformations=steps.transformations,
        model_calls=steps.model_calls,
        policy_checks=steps.policy_checks,
        flow=edges(scope.arrows, scope.told),
        missing=_completeness(natives, scope).reasons,
    )


def _completeness(natives: list[Native], scope: Scope) -> Completeness:
    """What the spans say is missing, and the spans that are spoken of and did not come."""
    said = scope.missing
    if scope.local is None:
        said.add(_PROCESS_ONLY)
    present = {each.key for each in natives}
    absent = {value[4 : 4 + KEY_LENGTH] for value in scope.named if value.startswith("ent_")} - present
    for native in natives:
        if isinstance(native.facts, OutputFacts):
            absent.update(_calls(native, native.facts, scope) - present)
        parent = native.span.attributes.get(semconv.PARENT)
        if parent in present or native.kind == semconv.KIND_OUTPUT:
            continue
        if isinstance(parent, str) and is_key(parent):
            absent.add(parent)
    if absent:
        said.update((_SPAN_MISSING, "act_" + key) for key in absent)
    if not said:
        return _COMPLETE
    missing = [Missing(reason=reason, detail=detail) for reason, detail in said]
    return completeness(missing, {"act_" + key for key in present})


def _calls(output: Native, facts: OutputFacts, scope: Scope) -> set[str]:
    """The spans of the traced calls that ran within the output."""
    trace = output.span.trace_id
    keys = {each if len(each) > _SPAN_DIGITS else f"{trace}-{each}" for each in facts.calls}
    known = {each for each in keys if is_key(each)}
    if known != keys:
        scope.missing.add((INVALID, clean(f"{output.span.name}: calls")))
    return known


def _environment(scope: Scope, span: SpanData) -> dict[str, str]:
    """What the process said of itself; where it could not, what its resource says."""
    said = scope.local.get("environment") if scope.local is not None else None
    if not isinstance(said, dict):
        said = {name: span.resource[name] for name in semconv.FROM_RESOURCE if name in span.resource}
    return dict(_clean_texts(tuple([each for each in said.items() if type(each[0]) is str and type(each[1]) is str])))


@lru_cache(maxsize=64)
def _clean_texts(items: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """One process has one environment: most records have the same one in common."""
    return {clean(name): clean(value) for name, value in items}


def _capture(scope: Scope) -> Capture:
    if scope.local is None or scope.local.get("path") != "process":
        return Capture(path="receiver", integrations=[])
    said = scope.local.get("integrations")
    names = {clean(each) for each in said if isinstance(each, str)} if isinstance(said, (list, tuple)) else set()
    return Capture(path="process", integrations=sorted(names))


def _contents(scope: Scope, retention: str) -> tuple[Part, ...]:
    kept = sorted(set(scope.contents)) if scope.contents else ()
    return tuple(content_part(n, retention, *content) for n, content in enumerate(kept))
