"""The dialect of our own spans: `provsdk.facts` as typed values (`docs/formats/spans.md`).

Nothing here raises, whatever a span carries. What cannot be read is left out and named as a problem; the rest is kept.
"""

import json
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec

from provsdk import semconv
from provsdk.assembly.spans import SpanData
from provsdk.vocabulary import CompletenessReason

__all__ = [
    "CheckFacts",
    "CheckSaid",
    "EntityFact",
    "Facts",
    "ItemSaid",
    "ModelFacts",
    "ModelSaid",
    "OutputFacts",
    "OutputSaid",
    "Problem",
    "PromptSaid",
    "Ref",
    "SourceFacts",
    "SourceSaid",
    "StreamFact",
    "ToolCallSaid",
    "TransformationFacts",
    "TransformationSaid",
    "convert",
    "read_facts",
]

Problem = tuple[str, str | None]
"""A `CompletenessReason`, and which field."""

Ref = int | str
"""A span's own value by its number, or any value by its id; `out` on an output's span."""

INVALID: Final = CompletenessReason.INVALID_FACT.value
LOST: Final = CompletenessReason.FACTS_LOST.value

MAX_PIECES: Final = 4_096
"""Numbered spans that the facts of one span may be cut into."""

VERSION: Final = 1


class _Struct(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    pass


class EntityFact(_Struct, frozen=True):
    """A value that an activity was given or made."""

    n: int
    role: str
    name: str | None = None
    join: str | None = None
    plain: str | None = None
    size: int | None = None
    media: str | None = None
    of: int | None = None


class StreamFact(_Struct, frozen=True):
    """How much of a stream was delivered."""

    chunks: int
    boundary: str
    first_us: int | None = None
    undelivered: int | None = None
    disconnected: bool | None = None


class OutputSaid(_Struct, frozen=True):
    """What may be declared of an output; session and below stay in the process."""

    version: str | None = None
    classification: str | None = None
    retention: str | int | None = None
    tenant: str | None = None
    session: str | None = None
    subjects: list[str] = []
    recipients: list[str] = []
    purpose: str | None = None
    owner: dict[str, str] | str | None = None


class SourceSaid(_Struct, frozen=True):
    """What may be declared of a source; owner stays in the process."""

    version: str | None = None
    location: str | None = None
    modified_at: str | None = None
    classification: str | None = None
    reliability: float | int | None = None
    parameters: dict[str, Any] = {}
    owner: str | None = None


class ItemSaid(_Struct, frozen=True):
    """What is declared of one of the sources that one load brought; None: as for the load."""

    n: int
    name: str | None = None
    type: str | None = None
    version: str | None = None
    location: str | None = None
    modified_at: str | None = None
    classification: str | None = None
    reliability: float | int | None = None
    parameters: dict[str, Any] | None = None


class TransformationSaid(_Struct, frozen=True):
    """What may be declared of a transformation."""

    version: str | None = None
    parameters: dict[str, Any] = {}


class PromptSaid(_Struct, frozen=True):
    """The template that a model call's prompt was made from."""

    name: str
    version: str | None = None
    n: int | None = None
    """Number of the value that the template is."""


class ToolCallSaid(_Struct, frozen=True):
    """A tool that the model asked for."""

    name: str
    id: str | None = None
    n: int | None = None
    """Number of the value that the arguments are."""


class ModelSaid(_Struct, frozen=True):
    """What may be declared of a model call, or was seen of it."""

    operation: str | None = None
    provider: str | None = None
    model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    version: str | None = None
    parameters: dict[str, Any] = {}
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    time_to_first_chunk_s: float | int | None = None
    finish_reasons: list[str] = []
    retries: int | None = None
    tool_calls: list[ToolCallSaid] = []
    prompt_template: PromptSaid | None = None


class CheckSaid(_Struct, frozen=True):
    """What may be declared of a policy check; reasons stay in the process."""

    result: str | None = None
    blocking: bool | None = None
    version: str | None = None
    parameters: dict[str, Any] = {}
    reasons: list[str] = []
    stage: str | None = None
    mode: str | None = None


class Facts(_Struct, frozen=True):
    """What every span's facts may hold."""

    v: int = VERSION
    status: str | None = None
    name: str | None = None
    """Of the call, where somebody gave its span another one."""
    error: str | None = None
    by_hand: bool = False
    type: str | None = None
    entities: list[EntityFact] = []
    used: list[tuple[Ref, str]] = []
    derived: list[tuple[Ref, Ref, str]] = []
    returned: list[str] = []
    nested: list[str] = []
    missing: list[tuple[str, str | None]] = []
    stream: StreamFact | None = None


class OutputFacts(Facts, frozen=True):
    """Facts of an output."""

    declared: OutputSaid = OutputSaid()
    emitter: tuple[str, int] | None = None
    remote_parent: tuple[str, str | None] | None = None
    """Keys of the activity in another process that handed the work over, and of the output that it worked for."""
    defaults: dict[str, str | int] = {}
    """Configured classification and retention, for whoever assembles the record elsewhere."""
    calls: list[str] = []
    """Spans of the traced calls within the output: by span id, or `<trace>-<span>` where the trace is another one."""


class SourceFacts(Facts, frozen=True):
    """Facts of a load."""

    declared: SourceSaid = SourceSaid()
    each: bool = False
    items: list[ItemSaid] = []
    checksums: list[tuple[int, str, str, str | None]] = []
    """Of values by number: algorithm, a `ChecksumResult`, and why nothing was compared."""


class TransformationFacts(Facts, frozen=True):
    """Facts of a transformation."""

    declared: TransformationSaid = TransformationSaid()


class ModelFacts(Facts, frozen=True):
    """Facts of a model call."""

    declared: ModelSaid = ModelSaid()


class CheckFacts(Facts, frozen=True):
    """Facts of a policy check."""

    declared: CheckSaid = CheckSaid()


_KINDS: Final[Mapping[str, type[Facts]]] = {
    semconv.KIND_OUTPUT: OutputFacts,
    semconv.KIND_SOURCE: SourceFacts,
    semconv.KIND_TRANSFORMATION: TransformationFacts,
    semconv.KIND_MODEL_CALL: ModelFacts,
    semconv.KIND_POLICY_CHECK: CheckFacts,
}
_DECODE: Final[Mapping[str, Callable[[str], Facts]]] = {
    kind: msgspec.json.Decoder(facts).decode for kind, facts in _KINDS.items()
}


def read_facts(kind: str, span: SpanData, pieces: Mapping[int, str]) -> tuple[Facts, list[Problem]]:
    """The facts of a native span, and what of them could not be read.

    Args:
        kind: one of the KIND_ values of `semconv`; decides what `declared` may hold.
        span: the native span.
        pieces: the texts of its `provsdk.facts` child spans by their position; empty where it has none.
    """
    text = span.attributes.get(semconv.FACTS)
    if text is None:
        text = _gathered(span.attributes.get(semconv.FACTS_PARTS), pieces)
    if not isinstance(text, str):
        return _KINDS[kind](), [(LOST, None)]
    try:
        facts = _DECODE[kind](text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
        return _read_what_can_be(_KINDS[kind], text)
    return facts, [] if facts.v == VERSION else [(INVALID, "v")]


def _gathered(count: Any, pieces: Mapping[int, str]) -> str | None:
    if type(count) is not int or not 0 < count <= MAX_PIECES or any(n not in pieces for n in range(count)):
        return None
    return "".join(pieces[n] for n in range(count))


def _read_what_can_be(kind: type[Facts], text: str) -> tuple[Facts, list[Problem]]:
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict):
        return kind(), [(LOST, None)]
    problems: list[Problem] = []
    facts = convert(raw, kind, "", problems)
    if facts.v != VERSION:
        problems.append((INVALID, "v"))
    return facts, problems


def convert(raw: Mapping[str, Any], kind: type[Any], prefix: str, problems: list[Problem]) -> Any:
    """A struct of `kind`, with every field of `raw` that fits; those that do not are named in `problems`.

    Raises:
        ValueError: a field that the struct cannot do without does not fit or is not there.
    """
    kept: dict[str, Any] = {}
    for name, hint in _hints(kind).items():  # type: ignore[arg-type] # types are hashable
        if name in raw:
            try:
                kept[name] = msgspec.convert(raw[name], hint)
            except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError):
                problems.append((INVALID, prefix + name))
                _keep_what_fits(raw[name], name, hint, kept, prefix, problems)
    try:
        return kind(**kept)
    except TypeError:
        raise ValueError("a field is missing") from None


def _keep_what_fits(raw: Any, name: str, hint: Any, kept: dict[str, Any], prefix: str, problems: list[Problem]) -> None:
    """Of a struct the fields, of a list the items that fit."""
    if isinstance(raw, dict) and isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        kept[name] = convert(raw, hint, f"{prefix}{name}.", problems)
    elif isinstance(raw, list) and get_origin(hint) is list:
        kept[name] = _items_that_fit(raw, get_args(hint)[0], f"{prefix}{name}.", problems)


def _items_that_fit(raw: list[Any], hint: Any, prefix: str, problems: list[Problem]) -> list[Any]:
    fitting = []
    for item in raw:
        try:
            if isinstance(item, dict) and isinstance(hint, type) and issubclass(hint, msgspec.Struct):
                fitting.append(convert(item, hint, prefix, problems))
            else:
                fitting.append(msgspec.convert(item, hint))
        except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError):
            continue
    return fitting


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind)
