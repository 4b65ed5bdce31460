"""Loads, transformations, model calls and checks: from a native span to what a record holds of it."""

from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from provsdk import rfc3339
from provsdk.assembly.dialects.native import (
    CheckFacts,
    ItemSaid,
    ModelFacts,
    ModelSaid,
    SourceFacts,
    SourceSaid,
    TransformationFacts,
)
from provsdk.assembly.scope import INVALID, Activity, Native, Scope
from provsdk.assembly.text import MAX_TEXT, clean
from provsdk.checksum import ALGORITHMS, algorithm_of
from provsdk.checksum import parse as parse_checksum
from provsdk.records.ids import is_value_id, position
from provsdk.records.record import (
    Checksum,
    Entity,
    Finding,
    ModelCall,
    PolicyCheck,
    Prompt,
    Source,
    ToolCall,
    Transformation,
)
from provsdk.vocabulary import (
    Basis,
    CheckResult,
    ChecksumResult,
    ComplianceCheckType,
    DataClassification,
    OutputStatus,
    SourceType,
    TransformationType,
)

__all__ = ["model_call", "policy_check", "sources", "transformation"]

T = TypeVar("T")

_SOURCE_TYPES: Final = {each.value: (each.reliability, each.requires_verification) for each in SourceType}
_SOURCE_WORDS: Final = frozenset(_SOURCE_TYPES)
_TRANSFORMATIONS: Final = frozenset(each.value for each in TransformationType)
_CHECKS: Final = {each.value: each.blocking for each in ComplianceCheckType}
_CHECK_WORDS: Final = frozenset(_CHECKS)
_RESULTS: Final = frozenset(each.value for each in CheckResult)
_CHECKSUM_RESULTS: Final = frozenset(each.value for each in ChecksumResult)
_CLASSES: Final = frozenset(each.value for each in DataClassification)

_LEAST_SOURCE: Final = SourceType.EXTERNAL.value
"""What an untyped source is taken for: the type that promises least."""

_LEAST_TRANSFORMATION: Final = TransformationType.DERIVE.value
_LEAST_CHECK: Final = ComplianceCheckType.POLICY_COMPLIANCE.value

_STAGES: Final = frozenset({"source", "model", "return", "chunk"})
_MODES: Final = frozenset({"block", "warn", "record"})
_MAX_PLACE: Final = 2**53

_MAX_SECONDS: Final = 2**31

_COMPLETED: Final = OutputStatus.COMPLETED.value
_SKIPPED: Final = CheckResult.SKIPPED.value
_ERROR: Final = CheckResult.ERROR.value

_IDENTITY: Final = Basis.IDENTITY.value
_EXPLICIT: Final = Basis.EXPLICIT.value


def sources(native: Native, scope: Scope) -> list[Source]:
    """The source that a load brought, or the sources, where each item of its result is one."""
    facts = native.facts
    assert isinstance(facts, SourceFacts)  # noqa: S101 the dialect made them by kind
    activity = Activity(native, scope)
    activity.connect(is_activity=not facts.by_hand)
    said = _with_what_stayed_home(activity, facts.declared)
    retrieved_at = rfc3339.of_ns(native.span.end_ns)
    took_us = max(native.span.end_ns // 1_000 - native.span.start_ns // 1_000, 0)
    results = activity.made() if facts.each else ()
    if not results:
        inside = activity.inner_of_results() + activity.declared()
        return [_source(activity, activity.value(0), facts.type, said, retrieved_at, took_us, inside, n=0)]
    items = {item.n: item for item in facts.items}
    elements: dict[str | None, list[Entity]] = {}
    for element in activity.inner():
        elements.setdefault(element.element_of, []).append(element)
    return [
        _source(
            activity, each, facts.type, said, retrieved_at, took_us, elements.get(each.entity_id, []),
            items.get(position(each.entity_id)), n=position(each.entity_id),
        )
        for each in results
    ]  # fmt: skip


def _source(  # noqa: PLR0913, PLR0917 one for each place that a source's fields come from
    activity: Activity,
    value: Entity,
    type_: str | None,
    said: SourceSaid,
    retrieved_at: str,
    took_us: int,
    elements: list[Entity],
    item: ItemSaid | None = None,
    *,
    n: int,
) -> Source:
    name: str | None = activity.name
    if item is not None:
        said = _overridden(said, item)
        type_ = item.type or type_
        name = activity.text(item.name, "items.name") or name
    kind = activity.word(type_, _SOURCE_WORDS, "type", _LEAST_SOURCE)
    reliability, requires_verification = _SOURCE_TYPES[kind]
    by_hand = activity.facts.by_hand
    return Source(
        source_id=value.entity_id,
        activity_id=None if by_hand else activity.activity_id,
        type=kind,
        retrieved_at=retrieved_at,
        name=name or activity.name,
        version=activity.text(said.version, "version"),
        location=activity.text(said.location, "location", MAX_TEXT),
        digest=value.digest,
        join_digest=value.join_digest,
        media_type=value.media_type,
        size_bytes=value.size_bytes,
        modified_at=_moment(activity, said.modified_at),
        classification=activity.word(said.classification, _CLASSES, "classification", "") or None,
        owner=activity.text(said.owner, "owner"),
        reliability=_score(activity, said.reliability, reliability),
        requires_verification=requires_verification,
        parameters=activity.parameters(said.parameters),
        arguments=activity.arguments(told_of=False),
        elements=elements,
        basis=_EXPLICIT if by_hand else _IDENTITY,
        status=activity.status,
        error_type=activity.error_type,
        checksum=_checksum(activity, n) if activity.facts.checksums else msgspec.UNSET,  # type: ignore[attr-defined] # of a source
        stream=activity.stream(),
        took_us=msgspec.UNSET if by_hand else took_us,
    )


def _checksum(activity: Activity, n: int) -> Checksum | msgspec.UnsetType:
    """What came of the checksum that was stated of the n-th value; what was stated is known only to the process."""
    facts = activity.facts
    assert isinstance(facts, SourceFacts)  # noqa: S101 the dialect made them by kind
    for number, algorithm, result, why in facts.checksums:
        if number != n:
            continue
        if algorithm not in ALGORITHMS or result not in _CHECKSUM_RESULTS:
            activity.lacks(INVALID, "checksums")
            continue
        return Checksum(
            algorithm=algorithm,
            stated=_stated(activity, n, algorithm),
            result=result,
            why=activity.text(why, "checksums"),
        )
    return msgspec.UNSET


def _stated(activity: Activity, n: int, algorithm: str) -> str | None:
    local = activity.local.get("checksums")
    stated = local.get(n) if isinstance(local, dict) else None
    try:
        found = parse_checksum(stated) if isinstance(stated, str) else None
    except ValueError:
        found = None
    if stated is None or (found is not None and algorithm_of(found) == algorithm):
        return found
    activity.lacks(INVALID, "checksums")
    return None


def _with_what_stayed_home(activity: Activity, said: SourceSaid) -> SourceSaid:
    kept = ((name, activity.declared_at_home.get(name)) for name in ("owner", "location"))
    texts = {name: text for name, text in kept if isinstance(text, str)}
    return msgspec.structs.replace(said, **texts) if texts else said


_ITEM_FIELDS: Final = ("version", "location", "modified_at", "classification", "reliability", "parameters")


def _overridden(said: SourceSaid, item: ItemSaid) -> SourceSaid:
    own: dict[str, Any] = {name: value for name in _ITEM_FIELDS if (value := getattr(item, name)) is not None}
    return msgspec.structs.replace(said, **own) if own else said


def _moment(activity: Activity, said: str | None) -> str | None:
    if said is None or rfc3339.is_written(said):
        return said
    activity.lacks(INVALID, "modified_at")
    return None


def _score(activity: Activity, said: float | None, default: float) -> float:
    if said is None:
        return default
    if not 0 <= said <= 1:
        activity.lacks(INVALID, "reliability")
        return default
    return int(said) if said == int(said) else said


def transformation(native: Native, scope: Scope) -> Transformation:
    """A step that made values out of values."""
    facts = native.facts
    assert isinstance(facts, TransformationFacts)  # noqa: S101 the dialect made them by kind
    activity = Activity(native, scope)
    activity.connect()
    return Transformation(
        transformation_id=activity.activity_id,
        name=activity.name,
        type=activity.word(facts.type, _TRANSFORMATIONS, "type", _LEAST_TRANSFORMATION),
        version=activity.text(facts.declared.version, "version"),
        parameters=activity.parameters(facts.declared.parameters),
        started_at=rfc3339.of_ns(native.span.start_ns),
        ended_at=rfc3339.of_ns(native.span.end_ns),
        status=activity.status,
        error_type=activity.error_type,
        arguments=activity.arguments(),
        results=_results(activity),
        stream=activity.stream(),
    )


def model_call(native: Native, scope: Scope) -> ModelCall:
    """A call of a model."""
    facts = native.facts
    assert isinstance(facts, ModelFacts)  # noqa: S101 the dialect made them by kind
    activity = Activity(native, scope)
    activity.connect()
    said = facts.declared
    return ModelCall(
        model_call_id=activity.activity_id,
        name=activity.name,
        provider=activity.text(said.provider, "provider"),
        model=activity.text(said.model, "model"),
        response_model=activity.text(said.response_model, "response_model"),
        response_id=activity.text(said.response_id, "response_id"),
        version=activity.text(said.version, "version"),
        parameters=activity.parameters(said.parameters),
        input_tokens=activity.count(said.input_tokens, "input_tokens"),
        output_tokens=activity.count(said.output_tokens, "output_tokens"),
        finish_reasons=activity.texts(said.finish_reasons, "finish_reasons"),
        started_at=rfc3339.of_ns(native.span.start_ns),
        ended_at=rfc3339.of_ns(native.span.end_ns),
        status=activity.status,
        error_type=activity.error_type,
        arguments=activity.arguments(),
        results=_results(activity),
        operation=_or_unset(activity.text(said.operation, "operation")),
        cache_read_tokens=_or_unset(activity.count(said.cache_read_tokens, "cache_read_tokens")),
        cache_write_tokens=_or_unset(activity.count(said.cache_write_tokens, "cache_write_tokens")),
        reasoning_tokens=_or_unset(activity.count(said.reasoning_tokens, "reasoning_tokens")),
        time_to_first_chunk_s=_seconds(activity, said.time_to_first_chunk_s),
        retries=_or_unset(activity.count(said.retries, "retries")),
        tool_calls=_tool_calls(activity, said),
        prompt=_prompt(activity, said),
        stream=activity.stream(),
    )


def _or_unset(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value


def _seconds(activity: Activity, said: float | None) -> float | UnsetType:
    if said is None:
        return UNSET
    if not 0 <= said < _MAX_SECONDS:
        activity.lacks(INVALID, "time_to_first_chunk_s")
        return UNSET
    return int(said) if said == int(said) else round(said, 6)


def _tool_calls(activity: Activity, said: ModelSaid) -> list[ToolCall] | UnsetType:
    found = [
        ToolCall(
            name=activity.text(each.name, "tool_calls.name") or "",
            tool_call_id=activity.text(each.id, "tool_calls.id"),
            arguments=_held(activity, each.n, "tool_calls.n"),
        )
        for each in said.tool_calls
    ]
    return found or UNSET


def _prompt(activity: Activity, said: ModelSaid) -> Prompt | UnsetType:
    prompt = said.prompt_template
    if prompt is None:
        return UNSET
    return Prompt(
        name=activity.text(prompt.name, "prompt_template.name") or "",
        version=activity.text(prompt.version, "prompt_template.version"),
        template=_held(activity, prompt.n, "prompt_template.n"),
    )


def _held(activity: Activity, n: int | None, field: str) -> Entity | None:
    """The value that a fact holds; none where its number means nothing."""
    found = None if n is None else activity.found(n)
    if found is None and n is not None:
        activity.lacks(INVALID, field)
    return found


def _results(activity: Activity) -> list[Entity]:
    """What a step made, and what it handed on: a value that is known already keeps its id."""
    made = activity.results()
    if not activity.facts.returned:
        return made
    known = [value_id for value_id in activity.facts.returned if is_value_id(value_id)]
    if len(known) < len(activity.facts.returned):
        activity.lacks(INVALID, "returned")
    return made + [Entity(entity_id=value_id, role="result") for value_id in known]


def policy_check(native: Native, scope: Scope) -> PolicyCheck:
    """A policy check and its verdict. One that says nothing of its verdict was skipped, one that broke is an error."""
    facts = native.facts
    assert isinstance(facts, CheckFacts)  # noqa: S101 the dialect made them by kind
    activity = Activity(native, scope)
    activity.connect()
    said = facts.declared
    kind = activity.word(facts.type, _CHECK_WORDS, "type", _LEAST_CHECK)
    completed = activity.status == _COMPLETED
    unsaid = _SKIPPED if completed else _ERROR
    if said.result is None and completed:
        activity.lacks(INVALID, "result")
    return PolicyCheck(
        check_id=activity.activity_id,
        name=activity.name,
        type=kind,
        result=activity.word(said.result, _RESULTS, "result", unsaid),
        reasons=activity.texts(_reasons(activity, said.reasons), "reasons"),
        blocking=_CHECKS[kind] if said.blocking is None else said.blocking,
        version=activity.text(said.version, "version"),
        parameters=activity.parameters(said.parameters),
        started_at=rfc3339.of_ns(native.span.start_ns),
        ended_at=rfc3339.of_ns(native.span.end_ns),
        status=activity.status,
        error_type=activity.error_type,
        arguments=activity.arguments(),
        stage=activity.word(said.stage, _STAGES, "stage", "") or msgspec.UNSET,
        mode=activity.word(said.mode, _MODES, "mode", "") or msgspec.UNSET,
        findings=_findings(activity) or msgspec.UNSET,
        got=_said_at_home(activity, "got"),
        expected=_said_at_home(activity, "expected"),
    )


def _findings(activity: Activity) -> list[Finding]:
    """The places that a check found, which stay in the process; those that are none are left out."""
    said = activity.declared_at_home.get("findings")
    found = []
    for each in said if isinstance(said, list) else ():
        match each:
            case [str(kind), int(start), int(end), str(place)] if 0 <= start <= end < _MAX_PLACE:
                found.append(Finding(kind=clean(kind), start=start, end=end, place=clean(place)))
            case _:
                activity.lacks(INVALID, "findings")
    return found


def _said_at_home(activity: Activity, name: str) -> str | msgspec.UnsetType:
    said = activity.declared_at_home.get(name)
    return msgspec.UNSET if said is None else activity.text(said, name) or msgspec.UNSET


def _reasons(activity: Activity, on_span: list[str]) -> list[str]:
    said = activity.declared_at_home.get("reasons")
    return [each for each in said if isinstance(each, str)] if isinstance(said, list) else on_span
