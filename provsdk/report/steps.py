"""The activities of a record in the order of their starts, whatever their kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from msgspec import UNSET

from provsdk.records.record import ModelCall, PolicyCheck, ProvenanceRecord, Source, Transformation
from provsdk.report.nested import Nested
from provsdk.vocabulary import Basis

__all__ = ["Kind", "Step", "counted", "microseconds_between", "parse_time", "steps", "tokens"]

Kind = Literal["load", "declared", "transform", "model call", "check", "output"]

_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Step:
    """One activity."""

    activity_id: str | None
    kind: Kind
    name: str
    type: str | None
    """What the vocabulary calls it; None for a model call and for an output within this one."""
    offset_us: int | None
    """Microseconds from the output's start to this one's; None where that is not known."""
    duration_us: int | None
    """None where only one moment is known."""
    status: str
    error_type: str | None
    outcome: str
    """What came of it, in a few words."""


def parse_time(text: str) -> datetime:
    """A record's time (RFC 3339, UTC) as an aware datetime; the epoch where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _EPOCH
    return moment if moment.tzinfo else _EPOCH


def microseconds_between(earlier: str, later: str) -> int:
    """From one of a record's times to another."""
    difference = parse_time(later) - parse_time(earlier)
    return (difference.days * 86_400 + difference.seconds) * 1_000_000 + difference.microseconds


def steps(record: ProvenanceRecord, nested: Sequence[Nested] = ()) -> tuple[Step, ...]:
    """Every activity, and each output within this one. One load that gave several sources is one step."""
    start = record.output.started_at
    found = [
        *_loads(record.sources, start),
        *(_transformation(item, start) for item in record.transformations),
        *(_model_call(item, start) for item in record.model_calls),
        *(_check(item, start) for item in record.policy_checks),
        *(_output(item, start) for item in nested),
    ]
    return tuple(sorted(found, key=_place))


def _place(step: Step) -> tuple[bool, int, str, str]:
    return step.offset_us is None, step.offset_us or 0, step.activity_id or "", step.name


def counted(number: int, noun: str) -> str:
    """`1 source`, `2 sources`, `2 entries`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}es" if noun.endswith("ss") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def tokens(call: ModelCall) -> str:
    """`1,312 tokens in, 58 out`; what is not known is left out. Cached and reasoning tokens are within these."""
    known = [
        (call.input_tokens, "tokens in"),
        (call.output_tokens, "out" if call.input_tokens is not None else "tokens out"),
    ]
    return ", ".join(f"{number:,} {word}" for number, word in known if number is not None)


def _loads(sources: list[Source], start: str) -> list[Step]:
    groups: dict[str, list[tuple[int, Source]]] = {}
    for number, source in enumerate(sources, 1):
        groups.setdefault(source.activity_id or source.source_id, []).append((number, source))
    return [_load([source for _, source in group], [number for number, _ in group], start) for group in groups.values()]


def _load(group: list[Source], numbers: list[int], start: str) -> Step:
    first = group[0]
    took = None if first.took_us is UNSET else first.took_us
    kind: Kind = "declared" if first.basis == Basis.EXPLICIT else "load"
    values = sum(len(source.elements) for source in group)
    inside = f", {counted(values, 'value')} inside" if values else ""
    return Step(
        activity_id=first.activity_id,
        kind=kind,
        name=first.name if len(group) == 1 else f"{first.name} and {len(group) - 1} more",
        type=first.type,
        offset_us=microseconds_between(start, first.retrieved_at) - (took or 0),
        duration_us=took,
        status=first.status,
        error_type=first.error_type,
        outcome=_numbered(numbers) + inside,
    )


def _numbered(numbers: list[int]) -> str:
    """`source 3`, `sources 1-20`, `sources 1, 4`: the numbers that the list of sources gives them."""
    if len(numbers) == 1:
        return f"source {numbers[0]}"
    if numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"sources {numbers[0]}-{numbers[-1]}"
    return "sources " + ", ".join(map(str, numbers))


def _transformation(item: Transformation, start: str) -> Step:
    return Step(
        activity_id=item.transformation_id,
        kind="transform",
        name=item.name,
        type=item.type,
        offset_us=microseconds_between(start, item.started_at),
        duration_us=microseconds_between(item.started_at, item.ended_at),
        status=item.status,
        error_type=item.error_type,
        outcome="",
    )


def _model_call(item: ModelCall, start: str) -> Step:
    return Step(
        activity_id=item.model_call_id,
        kind="model call",
        name=item.name,
        type=None,
        offset_us=microseconds_between(start, item.started_at),
        duration_us=microseconds_between(item.started_at, item.ended_at),
        status=item.status,
        error_type=item.error_type,
        outcome=tokens(item),
    )


def _output(item: Nested, start: str) -> Step:
    ended = item.started_at is not None and item.ended_at is not None
    return Step(
        activity_id=item.output_id.replace("out_", "act_", 1),
        kind="output",
        name=item.name or ("(encrypted)" if item.record_id else f"{item.output_id[:12]}…"),
        type=None,
        offset_us=None if item.started_at is None else microseconds_between(start, item.started_at),
        duration_us=microseconds_between(str(item.started_at), str(item.ended_at)) if ended else None,
        status=item.status or "completed",
        error_type=item.error_type,
        outcome=item.short or item.record_id or "record not in this store",
    )


def _check(item: PolicyCheck, start: str) -> Step:
    return Step(
        activity_id=item.check_id,
        kind="check",
        name=item.name,
        type=item.type,
        offset_us=microseconds_between(start, item.started_at),
        duration_us=microseconds_between(item.started_at, item.ended_at),
        status=item.status,
        error_type=item.error_type,
        outcome=item.result,
    )
