"""The provenance record, as `docs/formats/records.md` describes it: frozen values, no behaviour that touches the world.

Times are RFC 3339 in UTC with microseconds and `Z`. Digests are `sha256:<hex>` (of the value itself, known only in the
process that saw it) and `hmac-sha256:<key id>:<hex>` (the join digest). None means: not known.
"""

from typing import Any

import msgspec

SCHEMA_VERSION = "1"


class Struct(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The settings that all parts of a record share. Trees of JSON values: no cycles to collect."""


class Trace(Struct, frozen=True):
    """Where the output's span stands."""

    trace_id: str
    span_id: str
    parent_activity_id: str | msgspec.UnsetType = msgspec.UNSET
    """The activity in another process that handed the work over; not there where none did."""
    parent_record_id: str | msgspec.UnsetType = msgspec.UNSET
    """The record that it stands in; not there where it stands in none."""


class Entity(Struct, frozen=True):
    """A value that flowed, and was no source: an argument, a result, an element of one."""

    entity_id: str
    role: str
    """`argument`, `result`, `element`, `declared`, `template` or `tool_call`."""
    name: str | None = None
    """Name of the parameter, key or position, where it has one."""
    digest: str | None = None
    join_digest: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    element_of: str | None = None


class Stream(Struct, frozen=True):
    """How much of a value that was delivered in chunks reached whoever read it; digest and size are of that."""

    chunks: int
    """Delivered."""
    boundary: str
    """A `StreamBoundary`: where delivery was seen."""
    first_chunk_us: int | None
    """Microseconds from the start to the first chunk; None where there was none."""
    undelivered: int | msgspec.UnsetType = msgspec.UNSET
    """Chunks that left the generator and that the server did not take."""
    disconnected: bool | msgspec.UnsetType = msgspec.UNSET
    """The client went away before the end, as far as the server told."""


class Output(Struct, frozen=True):
    """What a `traced_output` call came to: its value, or its failure."""

    output_id: str
    name: str
    digest: str | None
    join_digest: str | None
    media_type: str | None
    size_bytes: int | None
    classification: str
    status: str
    """An `OutputStatus`."""
    error_type: str | None
    """Qualified name of the exception's class, never its message."""
    version: str | None
    arguments: list[Entity]
    """What the function was called with."""
    started_at: str
    ended_at: str
    stream: Stream | msgspec.UnsetType = msgspec.UNSET
    elements: list[Entity] | msgspec.UnsetType = msgspec.UNSET
    """What stands in the value: others may load it by itself. Not there where nothing does."""


class Checksum(Struct, frozen=True):
    """What comparing a source with the checksum that is stated of it came to, when it was loaded."""

    algorithm: str
    """`sha256`, `sha512`, `blake2b`, or `md5`, which is weak."""
    stated: str | None
    """`<algorithm>:<hex>`; None where only the process that loaded it could know."""
    result: str
    """A `ChecksumResult`."""
    why: str | None
    """Why nothing was compared."""


class Source(Struct, frozen=True):
    """Something that was loaded or declared: a document, rows, an API's answer, what a user typed."""

    source_id: str
    """The entity id of its value."""
    activity_id: str | None
    """The load; None where the source was declared."""
    type: str
    """A `SourceType`."""
    retrieved_at: str
    name: str
    version: str | None
    location: str | None
    digest: str | None
    join_digest: str | None
    media_type: str | None
    size_bytes: int | None
    modified_at: str | None
    classification: str | None
    owner: str | None
    reliability: float | int
    """A default of policy by type unless somebody said otherwise; never evidence."""
    requires_verification: bool
    parameters: dict[str, Any]
    arguments: list[Entity]
    elements: list[Entity]
    """Values inside the source's value that are entities of their own."""
    basis: str
    """`explicit` where somebody declared it by hand, else `identity`: we saw it being loaded."""
    status: str
    error_type: str | None
    checksum: Checksum | msgspec.UnsetType = msgspec.UNSET
    """Left out where none was stated."""
    stream: Stream | msgspec.UnsetType = msgspec.UNSET
    took_us: int | msgspec.UnsetType = msgspec.UNSET
    """Microseconds that the load took, up to `retrieved_at`; not there where it was declared."""


class Transformation(Struct, frozen=True):
    """A step that made values out of values."""

    transformation_id: str
    name: str
    type: str
    """A `TransformationType`."""
    version: str | None
    parameters: dict[str, Any]
    started_at: str
    ended_at: str
    status: str
    error_type: str | None
    arguments: list[Entity]
    results: list[Entity]
    stream: Stream | msgspec.UnsetType = msgspec.UNSET


class Prompt(Struct, frozen=True):
    """The template that a model call's prompt was made from."""

    name: str
    version: str | None
    template: Entity | None
    """Its text or its messages, before anything was filled in."""


class ToolCall(Struct, frozen=True):
    """A tool that the model asked for."""

    name: str
    tool_call_id: str | None
    arguments: Entity | None
    """What it was to be called with, as the API gives it: JSON text or an object."""


class ModelCall(Struct, frozen=True):
    """A call of a model."""

    model_call_id: str
    name: str
    provider: str | None
    model: str | None
    response_model: str | None
    response_id: str | None
    version: str | None
    parameters: dict[str, Any]
    input_tokens: int | None
    output_tokens: int | None
    finish_reasons: list[str]
    started_at: str
    ended_at: str
    status: str
    error_type: str | None
    arguments: list[Entity]
    results: list[Entity]
    operation: str | msgspec.UnsetType = msgspec.UNSET
    """`chat`, `text_completion`, `embeddings` or another word of OpenTelemetry's conventions."""
    cache_read_tokens: int | msgspec.UnsetType = msgspec.UNSET
    """Of `input_tokens`, those that were read from a cache."""
    cache_write_tokens: int | msgspec.UnsetType = msgspec.UNSET
    """Of `input_tokens`, those that were written to a cache."""
    reasoning_tokens: int | msgspec.UnsetType = msgspec.UNSET
    """Of `output_tokens`, those that were spent on reasoning."""
    time_to_first_chunk_s: float | int | msgspec.UnsetType = msgspec.UNSET
    """From the start of the call, in seconds, to the microsecond, as declared; of a traced stream, `stream` says it."""
    retries: int | msgspec.UnsetType = msgspec.UNSET
    """How often the call was tried again; 0: it went well at once."""
    tool_calls: list[ToolCall] | msgspec.UnsetType = msgspec.UNSET
    prompt: Prompt | msgspec.UnsetType = msgspec.UNSET
    stream: Stream | msgspec.UnsetType = msgspec.UNSET


class Finding(Struct, frozen=True):
    """A place where a check found something; never what stands there."""

    kind: str
    start: int
    """In the text, in characters (code points)."""
    end: int
    place: str
    """Of the text, in a value that holds several: a JSON Pointer (RFC 6901); empty where it is the value."""


class PolicyCheck(Struct, frozen=True):
    """A policy check and its verdict."""

    check_id: str
    name: str
    type: str
    """A `ComplianceCheckType`."""
    result: str
    """A `CheckResult`."""
    reasons: list[str]
    blocking: bool
    version: str | None
    parameters: dict[str, Any]
    started_at: str
    ended_at: str
    status: str
    error_type: str | None
    arguments: list[Entity]
    stage: str | msgspec.UnsetType = msgspec.UNSET
    """What it stood before: `source`, `model`, `return` or `chunk`; not there where the program called it itself."""
    mode: str | msgspec.UnsetType = msgspec.UNSET
    """What its failure leads to: `block`, `warn` or `record`."""
    findings: list[Finding] | msgspec.UnsetType = msgspec.UNSET
    got: str | msgspec.UnsetType = msgspec.UNSET
    expected: str | msgspec.UnsetType = msgspec.UNSET


class Edge(Struct, frozen=True, rename={"from_": "from"}):
    """One arrow, from effect to cause, with how we know it."""

    from_: str
    to: str
    relation: str
    """A `Relation`."""
    basis: str
    """A `Basis`."""
    coverage: float | msgspec.UnsetType = msgspec.UNSET
    """Where content was compared: how much of the cause stands in the effect, by its characters, 0 to 1; of a
    quotation, how much of the effect stands in the cause, by its words."""
    spans: list[tuple[int, int, int, int]] | msgspec.UnsetType = msgspec.UNSET
    """Where: start and end in the effect, start and end in the cause, in characters (code points)."""
    fields: dict[str, list[tuple[int, int, int, int]]] | msgspec.UnsetType = msgspec.UNSET
    """In place of `spans`, of an effect that has fields: those in the text of each, by its JSON Pointer (RFC 6901)."""


class Context(Struct, frozen=True):
    """Whom the output concerns and who got it."""

    tenant: str
    session: str | None
    subjects: list[str]
    recipients: list[str]
    purpose: str | None


class Owner(Struct, frozen=True):
    """Who answers for the output, in which role."""

    role: str
    """An `OwnershipRole`."""
    agent: str


class Retention(Struct, frozen=True):
    """How long the record is kept."""

    period: str | None
    """A `RetentionPeriod`; None where a policy gives a number of days of its own."""
    days: int
    """-1: for ever."""
    basis: str
    """`classification`, `configured` or `declared`."""
    secure_deletion: bool


class Permissions(Struct, frozen=True):
    """What is asked of whoever handles the record."""

    encryption_required: bool
    approval_required: list[str]
    """The `AccessLevel`s that need an approval."""


class Emitter(Struct, frozen=True):
    """One process as a source of numbered outputs."""

    id: str
    number: int


class Capture(Struct, frozen=True):
    """How the record came about."""

    path: str
    """`process`: sealed in the process that made the output; `receiver`: assembled elsewhere from its spans."""
    integrations: list[str]


class Missing(Struct, frozen=True):
    """One thing that the record does not know."""

    reason: str
    """A `CompletenessReason`."""
    detail: str | None
    """Which field, activity or parameter; never content."""


class Completeness(Struct, frozen=True):
    """What the record misses."""

    complete: bool
    reasons: list[Missing]


class ProvenanceRecord(Struct, frozen=True):
    """Everything that is known of one output."""

    schema_version: str
    vocabulary_version: str
    record_id: str
    generated_at: str
    trace: Trace
    output: Output
    sources: list[Source]
    transformations: list[Transformation]
    model_calls: list[ModelCall]
    policy_checks: list[PolicyCheck]
    flow: list[Edge]
    context: Context
    ownership: list[Owner]
    retention: Retention
    permissions: Permissions
    environment: dict[str, str]
    emitter: Emitter | None
    capture: Capture
    completeness: Completeness


class Extension(Struct, frozen=True):
    """What became known of an output after its record was sealed: more of the same, and nothing that replaces.

    Its `flow` holds observed and declared edges only; what is inferred is inferred anew when it is folded in.
    """

    record_id: str
    revision: int
    """1 for the first extension in the log; 0 until it has its place there."""
    sources: list[Source]
    transformations: list[Transformation]
    model_calls: list[ModelCall]
    policy_checks: list[PolicyCheck]
    flow: list[Edge]
    missing: list[Missing]
