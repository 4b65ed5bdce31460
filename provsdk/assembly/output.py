"""The output of a record, and what applies to the record as a whole: context, owners, retention, permissions."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from msgspec import UNSET

from provsdk import rfc3339
from provsdk.assembly.dialects.native import OutputFacts, OutputSaid, convert
from provsdk.assembly.scope import INVALID, Activity, Native, Scope
from provsdk.records.ids import is_key
from provsdk.records.record import Context, Emitter, Output, Owner, Permissions, Retention, Trace
from provsdk.vocabulary import AccessLevel, DataClassification, OwnershipRole, RetentionPeriod

__all__ = ["Made", "made"]

_CLASSES: Final = frozenset(each.value for each in DataClassification)
_ROLES: Final = tuple(each.value for each in OwnershipRole)
_PERIODS: Final = {each.value: each for each in RetentionPeriod}
_APPROVALS: Final = [each.value for each in AccessLevel if each.requires_approval]

DEFAULT_CLASS: Final = DataClassification.INTERNAL.value
DEFAULT_TENANT: Final = "default"

MAX_DAYS: Final = 365_000

_DAYS: Final = {each.value: each.days for each in RetentionPeriod}
_MINIMUM: Final = {each.value: each.minimum_retention.value for each in DataClassification}
_ENCRYPTED: Final = {each.value: each.encryption_required for each in DataClassification}
_PERMISSIONS: Final = {
    each: Permissions(encryption_required=_ENCRYPTED[each], approval_required=_APPROVALS) for each in sorted(_CLASSES)
}
_NOTHING: Final[Mapping[str, Any]] = {}


class Made(NamedTuple):
    """Everything that a record takes from its output's span."""

    output: Output
    context: Context
    ownership: list[Owner]
    retention: Retention
    permissions: Permissions
    emitter: Emitter | None
    trace: Trace


def made(native: Native, scope: Scope) -> Made:
    """What the output came to, whom it concerns, who answers for it and how long it is kept."""
    facts = native.facts
    assert isinstance(facts, OutputFacts)  # noqa: S101 the dialect made them by kind
    activity = Activity(native, scope)
    activity.connect()
    said = _with_local(activity, facts.declared)
    defaults: Any = scope.local.get("defaults") if scope.local is not None else facts.defaults
    if not isinstance(defaults, dict):
        defaults = _NOTHING
    configured = activity.word(_text(defaults.get("classification")), _CLASSES, "classification", DEFAULT_CLASS)
    classification = activity.word(said.classification, _CLASSES, "classification", configured)
    return Made(
        _output(native, activity, said, classification),
        Context(
            tenant=activity.text(said.tenant, "tenant") or DEFAULT_TENANT,
            session=activity.text(said.session, "session"),
            subjects=activity.texts(said.subjects, "subjects"),
            recipients=activity.texts(said.recipients, "recipients"),
            purpose=activity.text(said.purpose, "purpose"),
        ),
        _owners(activity, defaults.get("owner"), said.owner),
        _retention(activity, said.retention, defaults.get("retention"), classification),
        _PERMISSIONS[classification],
        _emitter(activity, facts.emitter),
        _trace(native, activity, facts.remote_parent),
    )


def _output(native: Native, activity: Activity, said: OutputSaid, classification: str) -> Output:
    value = activity.value(0)
    elements = activity.inner_of_results()
    return Output(
        output_id="out_" + native.key,
        name=activity.name,
        digest=value.digest,
        join_digest=value.join_digest,
        media_type=value.media_type,
        size_bytes=value.size_bytes,
        classification=classification,
        status=activity.status,
        error_type=activity.error_type,
        version=activity.text(said.version, "version"),
        arguments=activity.arguments(),
        started_at=rfc3339.of_ns(native.span.start_ns),
        ended_at=rfc3339.of_ns(native.span.end_ns),
        stream=activity.stream(),
        elements=elements or UNSET,
    )


def _with_local(activity: Activity, said: OutputSaid) -> OutputSaid:
    """What the process alone knows goes before what the span says."""
    local = activity.declared_at_home
    if not local:
        return said
    problems: list[tuple[str, str | None]] = []
    own = convert(local, OutputSaid, "", problems)
    for reason, detail in problems:
        activity.lacks(reason, detail)
    fields = OutputSaid.__struct_fields__
    return OutputSaid(**{name: getattr(own if name in local else said, name) for name in fields})


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _owners(activity: Activity, configured: Any, declared: Any) -> list[Owner]:
    """One agent for each role, in the order of the vocabulary; what is declared goes before what is configured."""
    if configured is None and declared is None:
        return []
    named: dict[str, str] = {}
    for said in (configured, declared):
        if isinstance(said, str):
            said = {OwnershipRole.OUTPUT_OWNER.value: said}  # noqa: PLW2901 the short form of the same
        if not isinstance(said, dict):
            continue
        for role, agent in said.items():
            if role in _ROLES and isinstance(agent, str) and agent:
                named[str(role)] = activity.text(agent, "owner") or ""
            else:
                activity.lacks(INVALID, "owner")
    return [Owner(role=role, agent=named[role]) for role in _ROLES if role in named]


def _retention(activity: Activity, declared: Any, configured: Any, classification: str) -> Retention:
    """Declared before configured before the least for the class; never less than that."""
    least = _MINIMUM[classification]
    for said, basis in ((declared, "declared"), (configured, "configured")):
        days = _days(said)
        if days is None:
            if said is not None:
                activity.lacks(INVALID, "retention")
            continue
        if not _is_longer(_DAYS[least], days):
            period = said if isinstance(said, str) else None
            secure = _PERIODS[period if period is not None else least].secure_deletion
            return Retention(period=period, days=days, basis=basis, secure_deletion=secure)
        break
    return Retention(
        period=least, days=_DAYS[least], basis="classification", secure_deletion=_PERIODS[least].secure_deletion
    )


def _days(said: Any) -> int | None:
    if isinstance(said, str):
        return _DAYS.get(said)
    return said if type(said) is int and 0 < said <= MAX_DAYS else None


def _is_longer(days: int, other: int) -> bool:
    return other >= 0 and (days < 0 or days > other)


def _emitter(activity: Activity, said: tuple[str, int] | None) -> Emitter | None:
    if said is None:
        return None
    identity, number = activity.text(said[0], "emitter"), activity.count(said[1], "emitter")
    return None if identity is None or number is None else Emitter(id=identity, number=number)


def _trace(native: Native, activity: Activity, parent: tuple[str, str | None] | None) -> Trace:
    """Where the output's span stands, and who handed the work over."""
    trace_id, span_id = native.span.trace_id, native.span.span_id
    if parent is None:
        return Trace(trace_id=trace_id, span_id=span_id)
    above, record = parent
    if not is_key(above) or not (record is None or is_key(record)):
        activity.lacks(INVALID, "remote_parent")
        return Trace(trace_id=trace_id, span_id=span_id)
    return Trace(
        trace_id=trace_id,
        span_id=span_id,
        parent_activity_id="act_" + above,
        parent_record_id=UNSET if record is None else "rec_" + record,
    )
