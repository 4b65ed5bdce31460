"""The words of a record and what their values mean: reliability, retention, order, enforcement.

Every enum is a `StrEnum`, so a member is its value wherever text is wanted. Values are for ever; what they mean is a
default of policy in this version of the vocabulary, which every record names.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from provsdk.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

__all__ = [
    "REFRESH_BELOW",
    "STANDARD_CHECKS",
    "VOCABULARY_VERSION",
    "AccessLevel",
    "Basis",
    "CheckResult",
    "ChecksumResult",
    "CompletenessReason",
    "ComplianceCheckType",
    "DataClassification",
    "IntegrityStatus",
    "LineageDepth",
    "OutputStatus",
    "OwnershipRole",
    "PolicyCategory",
    "Relation",
    "RetentionPeriod",
    "SourceType",
    "StreamBoundary",
    "TransformationType",
    "TrustLevel",
    "action",
    "freshness",
    "needs_refresh",
    "parse",
]

VOCABULARY_VERSION: Final = "1"

_E = TypeVar("_E", bound=StrEnum)


class _Ordered(StrEnum):
    """Members in the order that they are written in, lowest first; text that names a member compares as that member."""

    @property
    def level(self) -> int:
        """Position in the order, from 0."""
        return list(type(self)).index(self)

    def _level_of(self, other: object) -> int:
        # Text must not fall back to the alphabet, where "public" comes after "internal".
        for member in type(self):
            if member == other:
                return member.level
        raise TypeError(f"{type(self).__name__} has no order with this {type(other).__name__}")

    def __lt__(self, other: object) -> bool:
        return self.level < self._level_of(other)

    def __le__(self, other: object) -> bool:
        return self.level <= self._level_of(other)

    def __gt__(self, other: object) -> bool:
        return self.level > self._level_of(other)

    def __ge__(self, other: object) -> bool:
        return self.level >= self._level_of(other)


class RetentionPeriod(StrEnum):
    """How long something is kept. A policy may give a number of days of its own instead."""

    EPHEMERAL = "ephemeral"
    SHORT_TERM = "short_term"
    STANDARD = "standard"
    LONG_TERM = "long_term"
    PERMANENT = "permanent"
    REGULATORY = "regulatory"

    @property
    def days(self) -> int:
        """Days; -1: for ever."""
        return _RETENTION_DAYS[self]

    @property
    def secure_deletion(self) -> bool:
        """Whether an erasure has to reach file, log and key before it counts."""
        return self in _SECURELY_DELETED


_RETENTION_DAYS: Final[Mapping[str, int]] = {
    RetentionPeriod.EPHEMERAL: 1,
    RetentionPeriod.SHORT_TERM: 30,
    RetentionPeriod.STANDARD: 90,
    RetentionPeriod.LONG_TERM: 365,
    RetentionPeriod.PERMANENT: -1,
    RetentionPeriod.REGULATORY: 2555,
}
_SECURELY_DELETED: Final = frozenset({RetentionPeriod.REGULATORY, RetentionPeriod.STANDARD, RetentionPeriod.LONG_TERM})


class SourceType(StrEnum):
    """What kind of thing a source is."""

    USER_INPUT = "user_input"
    DATABASE = "database"
    API = "api"
    FILE = "file"
    MODEL_OUTPUT = "model_output"
    CACHE = "cache"
    COMPUTED = "computed"
    EXTERNAL = "external"
    INTERNAL = "internal"
    REFERENCE = "reference"

    @property
    def reliability(self) -> float:
        """Score from 0 to 1: a default of policy, never evidence."""
        return _SOURCES[self][0]

    @property
    def retention(self) -> RetentionPeriod:
        """How long such a source is kept unless something longer is asked for."""
        return _SOURCES[self][1]

    @property
    def requires_verification(self) -> bool:
        """Whether somebody should compare it with something else before relying on it."""
        return _SOURCES[self][2]


_SOURCES: Final[Mapping[str, tuple[float, RetentionPeriod, bool]]] = {
    SourceType.USER_INPUT: (0.7, RetentionPeriod.STANDARD, True),
    SourceType.DATABASE: (0.95, RetentionPeriod.LONG_TERM, False),
    SourceType.API: (0.85, RetentionPeriod.SHORT_TERM, True),
    SourceType.FILE: (0.9, RetentionPeriod.LONG_TERM, False),
    SourceType.MODEL_OUTPUT: (0.75, RetentionPeriod.STANDARD, True),
    SourceType.CACHE: (0.9, RetentionPeriod.EPHEMERAL, False),
    SourceType.COMPUTED: (0.95, RetentionPeriod.STANDARD, False),
    SourceType.EXTERNAL: (0.6, RetentionPeriod.SHORT_TERM, True),
    SourceType.INTERNAL: (0.9, RetentionPeriod.LONG_TERM, False),
    SourceType.REFERENCE: (0.85, RetentionPeriod.PERMANENT, False),
}


class TransformationType(StrEnum):
    """What a step does to values."""

    NONE = "none"
    FILTER = "filter"
    AGGREGATE = "aggregate"
    ENRICH = "enrich"
    NORMALIZE = "normalize"
    VALIDATE = "validate"
    SANITIZE = "sanitize"
    FORMAT = "format"
    MERGE = "merge"
    DERIVE = "derive"

    @property
    def complexity(self) -> int:
        """Score from 0 to 10: how much of the result is the step's own doing."""
        return _COMPLEXITY[self]

    @property
    def reversible(self) -> bool:
        """Whether what went in can be told from what came out and the step's parameters."""
        return self in _REVERSIBLE

    @property
    def preserves_lineage(self) -> bool:
        """Whether parts of the result still belong to single parts of what went in."""
        return self not in _MIXING


_COMPLEXITY: Final[Mapping[str, int]] = {
    TransformationType.NONE: 0,
    TransformationType.FILTER: 2,
    TransformationType.AGGREGATE: 5,
    TransformationType.ENRICH: 6,
    TransformationType.NORMALIZE: 3,
    TransformationType.VALIDATE: 2,
    TransformationType.SANITIZE: 3,
    TransformationType.FORMAT: 2,
    TransformationType.MERGE: 7,
    TransformationType.DERIVE: 8,
}
_REVERSIBLE: Final = frozenset({TransformationType.FILTER, TransformationType.FORMAT, TransformationType.NORMALIZE})
_MIXING: Final = frozenset({TransformationType.AGGREGATE, TransformationType.MERGE})


class DataClassification(_Ordered):
    """How sensitive something is; ordered, lowest first."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"
    TOP_SECRET = "top_secret"  # noqa: S105 a word of the vocabulary, no password

    @property
    def minimum_retention(self) -> RetentionPeriod:
        """A record of this class is never kept shorter."""
        return _CLASSES[self][0]

    @property
    def encryption_required(self) -> bool:
        """Whether every part of such a record is encrypted at rest."""
        return _CLASSES[self][1]


_CLASSES: Final[Mapping[str, tuple[RetentionPeriod, bool]]] = {
    DataClassification.PUBLIC: (RetentionPeriod.SHORT_TERM, False),
    DataClassification.INTERNAL: (RetentionPeriod.STANDARD, False),
    DataClassification.CONFIDENTIAL: (RetentionPeriod.LONG_TERM, True),
    DataClassification.RESTRICTED: (RetentionPeriod.REGULATORY, True),
    DataClassification.TOP_SECRET: (RetentionPeriod.PERMANENT, True),
}


class AccessLevel(_Ordered):
    """What somebody may do with a record; ordered, and each level includes those below it."""

    NONE = "none"
    READ = "read"
    EXPORT = "export"
    MODIFY = "modify"
    DELETE = "delete"
    ADMIN = "admin"

    def includes(self, other: AccessLevel | str) -> bool:
        """Whether who has this level may do what `other` allows."""
        return self >= parse(AccessLevel, other)

    @property
    def can_read(self) -> bool:
        """May see the record."""
        return self >= AccessLevel.READ

    @property
    def can_export(self) -> bool:
        """May carry the record out of the store."""
        return self >= AccessLevel.EXPORT

    @property
    def can_modify(self) -> bool:
        """May add to what is known of the record; what was sealed stays as it is."""
        return self >= AccessLevel.MODIFY

    @property
    def can_delete(self) -> bool:
        """May have parts of the record erased."""
        return self >= AccessLevel.DELETE

    @property
    def requires_approval(self) -> bool:
        """Whether somebody else has to agree each time."""
        return self >= AccessLevel.DELETE


class OwnershipRole(StrEnum):
    """In which role somebody answers for an output."""

    OUTPUT_OWNER = "output_owner"
    SYSTEM_OWNER = "system_owner"
    DATA_STEWARD = "data_steward"
    MODEL_OWNER = "model_owner"
    POLICY_OWNER = "policy_owner"
    COMPLIANCE_OFFICER = "compliance_officer"
    REQUESTOR = "requestor"
    APPROVER = "approver"

    @property
    def notification_priority(self) -> int:
        """Who is told first; 1 before 5."""
        return _PRIORITIES[self]

    @property
    def accountable(self) -> bool:
        """Whether the role answers for the output itself, not for something that went into it."""
        return self in _ACCOUNTABLE


_PRIORITIES: Final[Mapping[str, int]] = {
    OwnershipRole.OUTPUT_OWNER: 1,
    OwnershipRole.SYSTEM_OWNER: 2,
    OwnershipRole.DATA_STEWARD: 3,
    OwnershipRole.MODEL_OWNER: 4,
    OwnershipRole.POLICY_OWNER: 5,
    OwnershipRole.COMPLIANCE_OFFICER: 2,
    OwnershipRole.REQUESTOR: 1,
    OwnershipRole.APPROVER: 3,
}
_ACCOUNTABLE: Final = frozenset({OwnershipRole.OUTPUT_OWNER, OwnershipRole.SYSTEM_OWNER, OwnershipRole.APPROVER})


class ComplianceCheckType(StrEnum):
    """What a policy check looks at."""

    PII_SCAN = "pii_scan"
    CONTENT_FILTER = "content_filter"
    ACCESS_CONTROL = "access_control"
    RATE_LIMIT = "rate_limit"
    DATA_CLASSIFICATION = "data_classification"
    POLICY_COMPLIANCE = "policy_compliance"
    SECURITY_SCAN = "security_scan"
    AUDIT_REQUIREMENT = "audit_requirement"

    @property
    def blocking(self) -> bool:
        """Whether a failure withholds the output."""
        return self in _BLOCKING

    @property
    def logged(self) -> bool:
        """Whether the verdict is recorded: always."""
        return True


_BLOCKING: Final = frozenset(
    {
        ComplianceCheckType.PII_SCAN,
        ComplianceCheckType.CONTENT_FILTER,
        ComplianceCheckType.ACCESS_CONTROL,
        ComplianceCheckType.SECURITY_SCAN,
    }
)

STANDARD_CHECKS: Final = (
    ComplianceCheckType.PII_SCAN,
    ComplianceCheckType.CONTENT_FILTER,
    ComplianceCheckType.ACCESS_CONTROL,
    ComplianceCheckType.RATE_LIMIT,
    ComplianceCheckType.DATA_CLASSIFICATION,
    ComplianceCheckType.SECURITY_SCAN,
)
"""The six checks that an output is expected to go through."""


class CheckResult(StrEnum):
    """The verdict of a policy check."""

    PASS = "pass"  # noqa: S105 a verdict, no password
    FAIL = "fail"
    ERROR = "error"
    """The check itself could not be carried out."""
    SKIPPED = "skipped"
    WAIVED = "waived"
    """Somebody who may do so let it pass."""

    @property
    def failed(self) -> bool:
        """Whether it stands against "all checks passed"; a check that broke does, as one that failed."""
        return self in {CheckResult.FAIL, CheckResult.ERROR}


class OutputStatus(StrEnum):
    """How a traced call ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    """The function raised."""
    CANCELLED = "cancelled"
    CLOSED_EARLY = "closed_early"
    """The caller closed a stream before its end."""
    ABANDONED = "abandoned"
    """A stream was dropped unfinished."""
    BLOCKED = "blocked"
    """A check withheld the output."""
    PENDING = "pending"


class StreamBoundary(StrEnum):
    """Where the delivery of a stream was seen."""

    GENERATOR = "generator"
    """Chunks count as delivered when they left the generator, or the stream object of a client."""
    ASGI = "asgi"
    """Chunks count as delivered when the web server took them."""


class PolicyCategory(StrEnum):
    """What a policy is about."""

    DATA_PROTECTION = "data_protection"
    SAFETY = "safety"
    AUTHORIZATION = "authorization"
    ACCESS = "access"
    COMPLIANCE = "compliance"
    SECURITY = "security"
    USAGE = "usage"
    RETENTION = "retention"

    @property
    def enforcement(self) -> Literal["strict", "moderate"]:
        """How firmly such a policy is held to."""
        return "moderate" if self in {PolicyCategory.USAGE, PolicyCategory.RETENTION} else "strict"


class ChecksumResult(StrEnum):
    """What comparing a source with the checksum that is stated of it came to."""

    VERIFIED = "verified"
    """The same."""
    MISMATCH = "mismatch"
    """Another: what was loaded is not what was stated. A finding."""
    NOT_COMPARED = "not_compared"
    """What was loaded has no bytes to compare."""


class IntegrityStatus(StrEnum):
    """What checking a record's proofs came to."""

    VERIFIED = "verified"
    """Every check that was made succeeded; always shown with its `TrustLevel`."""
    UNVERIFIED = "unverified"
    """Not checked."""
    TAMPERED = "tampered"
    """A check failed."""
    EXPIRED = "expired"
    """Its key was revoked or ran out."""
    PENDING = "pending"
    """Not yet sealed."""

    @property
    def trustworthy(self) -> bool:
        """Whether to rely on it; only `verified` is."""
        return self is IntegrityStatus.VERIFIED


class TrustLevel(_Ordered):
    """What integrity rests on; ordered, lowest first."""

    CONSISTENT = "consistent"
    """The store agrees with itself."""
    SIGNED = "signed"
    """A key that is kept elsewhere signed it."""
    ANCHORED = "anchored"
    """A witness or a timestamp outside this machine covers it."""


class LineageDepth(StrEnum):
    """How far back a question of lineage goes."""

    IMMEDIATE = "immediate"
    PARENT = "parent"
    FULL = "full"
    COMPLETE = "complete"

    @property
    def generations(self) -> int:
        """Steps; -1: to the end."""
        return _GENERATIONS[self]


_GENERATIONS: Final[Mapping[str, int]] = {
    LineageDepth.IMMEDIATE: 1,
    LineageDepth.PARENT: 2,
    LineageDepth.FULL: 5,
    LineageDepth.COMPLETE: -1,
}


class Relation(StrEnum):
    """An edge's relation, from effect to cause; the words of W3C PROV."""

    USED = "used"
    """Activity to entity: it was given the value."""
    WAS_GENERATED_BY = "wasGeneratedBy"
    """Entity to activity."""
    WAS_DERIVED_FROM = "wasDerivedFrom"
    """Entity to entity: the value shaped it."""


class Basis(StrEnum):
    """How an edge is known."""

    IDENTITY = "identity"
    """The very same object."""
    DIGEST = "digest"
    """Equal content."""
    CONTAINMENT = "containment"
    """One content stands inside the other."""
    QUOTATION = "quotation"
    """The output repeats words of it."""
    EXPLICIT = "explicit"
    """The user's code, a model API or a foreign instrumentation said so."""
    ENCLOSING = "enclosing"
    """Nothing better is known than that it was loaded within the output's span."""

    @property
    def strength(self) -> Literal["observed", "declared", "inferred"]:
        """What the basis is worth; never shown as more."""
        return _STRENGTHS.get(self, "observed")


_STRENGTHS: Final[Mapping[str, Literal["declared", "inferred"]]] = {
    Basis.EXPLICIT: "declared",
    Basis.ENCLOSING: "inferred",
}


class CompletenessReason(StrEnum):
    """Why a record does not know something. A closed list; `Missing.detail` says which field, activity or value."""

    PROCESS_ONLY = "process_only"
    """Only the process that made the output could know it, and the record was assembled from spans elsewhere."""
    DIGEST_UNAVAILABLE = "digest_unavailable"
    """The digest key could not be reached, so no join digest was made: size and type only."""
    VALUE_NOT_DIGESTIBLE = "value_not_digestible"
    """The value is of a type, or holds one, that has no digest: equal content cannot be recognised."""
    VALUE_TOO_LARGE = "value_too_large"
    """The value is beyond the bounds of digesting; its size and type are recorded where they could be told."""
    BOUND_REACHED = "bound_reached"
    """A bound on depth, width or number of values was hit while looking for what flowed: edges may be missing."""
    INVALID_FACT = "invalid_fact"
    """Something that was declared does not fit its field and was left out."""
    FACTS_LOST = "facts_lost"
    """A span says that it carries more facts than arrived, or they could not be read."""
    SPAN_MISSING = "span_missing"
    """A span is referred to by others and did not arrive, or had not ended when the record was sealed."""
    SPAN_UNSAMPLED = "span_unsampled"
    """Spans of other instrumentations within the output were dropped by the user's sampler: what they saw is lost."""
    LATE_FACTS = "late_facts"
    """Something of the output ended after the record was sealed; it is in an extension."""
    HANDED_OVER = "handed_over"
    """Work went to another process, in the way that the detail says: what it did there is not in this record."""
    RESPONSE_UNREAD = "response_unread"
    """A client's stream gave something of which no id, end and token counts could be read: its form is not known."""
    CONTENT_NOT_KEPT = "content_not_kept"
    """Content was to be captured and could not be kept."""
    CAPTURE_FAILED = "capture_failed"
    """A fault of provsdk's own kept it from noting something; the traced function was not affected."""
    NAME_CHANGED = "name_changed"
    """A name held characters that are unsafe to print, or was too long, and was changed."""
    ATTRIBUTES_DROPPED = "attributes_dropped"
    """A span, ours or another instrumentation's, came without some of its attributes or events, or with values cut:
    somebody's limits did that."""
    UNREAD_PART = "unread_part"
    """A part of the record could not be read: it is encrypted and its key is not reachable, or it was erased."""


def parse(enum: type[_E], value: Any, where: str | None = None) -> _E:
    """The member that `value` names: a member, or its value in any case.

    Args:
        enum: the enumeration.
        value: what somebody wrote.
        where: what the value was given for, for the message.

    Raises:
        UsageError: it names none; the message gives the value, its place and the allowed ones.
    """
    if type(value) is enum:
        return value
    if isinstance(value, str):
        lowered = value.strip().lower()
        for member in enum:
            if member.value.lower() == lowered:
                return member
    allowed = ", ".join(member.value for member in enum)
    shown = repr(value[:40]) if isinstance(value, str) else f"a value of type {type(value).__name__}"
    place = f"{where}: " if where else ""
    raise UsageError(f"{place}{shown} is no {_spoken(enum)}; allowed: {allowed}")


def _spoken(enum: type[StrEnum]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", enum.__name__).lower()


REFRESH_BELOW: Final = 0.5
"""A source whose freshness is below this should be fetched again."""

_HOUR_S: Final = 3_600
_FRESHNESS: Final = ((_HOUR_S, 1.0), (24 * _HOUR_S, 0.9), (7 * 24 * _HOUR_S, 0.7), (30 * 24 * _HOUR_S, 0.5))


def freshness(age: timedelta) -> float:
    """Score from 0 to 1 for a source of that age.

    Under 1 hour 1.0, under 24 hours 0.9, under a week 0.7, under 30 days 0.5, else 0.3. A negative age, where two
    clocks disagree, counts as none.
    """
    seconds = age.total_seconds()
    return next((score for limit, score in _FRESHNESS if seconds < limit), 0.3)


def needs_refresh(score: float) -> bool:
    """Whether a source of that freshness should be fetched again."""
    return score < REFRESH_BELOW


def action(
    check_type: ComplianceCheckType | str, result: CheckResult | str, mode: Literal["block"] | None = None
) -> Literal["proceed", "warn", "block"]:
    """What a check's verdict means for the output.

    A pass or a waiver proceeds; a failure, or a check that broke, blocks where its type or its policy (`mode`) is
    blocking; everything else, a skipped check too, warns.

    Raises:
        UsageError: an unknown check type, result or mode.
    """
    kind, verdict = parse(ComplianceCheckType, check_type), parse(CheckResult, result)
    if mode not in {None, "block"}:
        raise UsageError(f"mode: {mode!r} is no mode of a policy; allowed: block")
    if verdict in {CheckResult.PASS, CheckResult.WAIVED}:
        return "proceed"
    if verdict.failed and (kind.blocking or mode == "block"):
        return "block"
    return "warn"
