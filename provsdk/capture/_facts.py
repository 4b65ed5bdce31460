"""What a span carries: the facts of its call as JSON (`docs/formats/spans.md`), written when somebody reads them."""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.trace import set_span_in_context

from provsdk import semconv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from provsdk.capture._flow import Ref
    from provsdk.capture._session import Activity
    from provsdk.digest import JoinKey, Measured

__all__ = ["Entity", "SpanFacts", "missing_of", "write_facts"]

MAX_SHORT_PARTS: Final = 32
"""Values, derivations and the like of a call whose text fits into one attribute."""

MAX_SHORT_TEXT: Final = 4_000
"""Characters of all that was declared of it; each may become twelve in ASCII."""

MAX_SHORT_FACTS: Final = 16
"""Facts that it has, and values in each."""

_FEW_CHARACTERS: Final = frozenset({int, float, bool, type(None)})
_HOLDERS: Final = frozenset({dict, list, tuple})

Entity = tuple[int, str, str | None, "Measured", int | None]
"""Number, role, name, measure, and number of the value that it is an element of; a plain tuple, one for each value."""


def _json_encoder() -> Callable[[Any], str]:
    """An encoder made once: `JSONEncoder.encode` makes a new C encoder for each text, at the cost of the text."""
    plain = json.JSONEncoder(check_circular=False, separators=(",", ":"))
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return plain.encode
    text = json.encoder.encode_basestring_ascii
    chunks = make(None, plain.default, text, None, ":", ",", False, False, True)
    return lambda value: "".join(chunks(value, 0))


_encode_json: Final = _json_encoder()
_quoted: Final = json.encoder.encode_basestring_ascii


def missing_of(measured: Measured, name: str | None) -> tuple[str, str | None]:
    """The completeness reason for a value that could not be digested: why, and of which type, never what it is."""
    reason = "value_too_large" if (measured.problem or "").startswith("too large") else "value_not_digestible"
    return reason, f"{name or 'value'}: {measured.problem}"


class SpanFacts(NamedTuple):
    """What one call says, in parts. It holds no value of the user's, so it may wait for whoever reads the span."""

    key: str
    kind: str
    record_id: str | None
    parent: str | None
    name: str | None
    """Of the call, where its span has another one."""
    status: str
    error: str | None
    extra: Mapping[str, Any]
    emitter: tuple[str, int] | None
    """Of an output: the process, and its number there."""
    tenant: str | None
    defaults: Mapping[str, Any] | None
    declared: Mapping[str, Any]
    calls: Sequence[str]
    entities: Sequence[Entity]
    used: Sequence[tuple[Ref, str]]
    derived: Sequence[tuple[Ref, str, str]]
    nested: Sequence[str]
    missing: Sequence[tuple[str, str | None]]
    join: JoinKey | None

    def is_short(self) -> bool:
        """Whether the text certainly fits into one attribute, seen without writing it."""
        parts = len(self.entities) + len(self.used) + len(self.derived) + len(self.calls)
        parts += len(self.nested) + len(self.missing)
        if self.extra or self.declared:
            return parts <= MAX_SHORT_PARTS and _length(self.extra) + _length(self.declared) <= MAX_SHORT_TEXT
        return parts <= MAX_SHORT_PARTS

    def lost(self) -> SpanFacts:
        """The same call where all else that it said cannot be written."""
        missing = (*self.missing, ("capture_failed", "facts"))
        return self._replace(extra={}, declared={}, calls=(), entities=(), used=(), derived=(), missing=missing)

    def attributes(self) -> dict[str, str | int]:
        """Everything that stands on the span, the text in one piece."""
        return {**self.ids(), semconv.FACTS: self.text()}

    def ids(self) -> dict[str, str | int]:
        """What stands on the span beside the text."""
        said: dict[str, str | int] = {semconv.KIND: self.kind}
        if self.record_id is not None:
            said[semconv.RECORD_ID] = self.record_id
        if self.parent is not None:
            said[semconv.PARENT] = self.parent
        return said

    def text(self) -> str:
        """The facts as one JSON text, in ASCII."""
        pieces = [f'{{"v":1,"status":"{self.status}"']
        if self.name is not None:
            pieces.append(f',"name":{_quoted(self.name)}')
        if self.extra:
            pieces.append("," + _encode_json(self.extra)[1:-1])
        if self.error is not None:
            pieces.append(f',"error":{_quoted(self.error)}')
        if self.entities:
            pieces.append(f',"entities":[{",".join([_entity(each, self.join) for each in self.entities])}]')
        for name, said in (
            ("emitter", self.emitter),
            ("defaults", self.defaults),
            ("calls", self._calls()),
            ("declared", self.declared if self.tenant is None else {"tenant": self.tenant, **self.declared}),
            ("used", self.used),
            ("derived", self.derived),
            ("nested", self.nested),
            ("missing", self.missing),
        ):
            if said:
                pieces.append(f',"{name}":{_encode_json(said)}')
        pieces.append("}")
        return "".join(pieces)

    def _calls(self) -> list[str]:
        """The calls within an output by their span ids, and by the trace too where that is another one."""
        trace = self.key[:33]
        return [each[33:] if each.startswith(trace) else each for each in self.calls]


_NOTHING: Final[Mapping[str, Any]] = {}
"""In place of an empty mapping: what waits to be read holds as little as can be."""

_span_facts: Final = tuple.__new__
"""Makes them without the function that named tuples have for it: this is on the path of every call."""


def _entity(entity: Entity, join: JoinKey | None) -> str:
    """An entity as JSON. Written out by hand: there may be tens of thousands, and all but the name is ours."""
    n, role, name, measured, element_of = entity
    named = "" if name is None else f',"name":{_quoted(name)}'
    joined = "" if join is None or measured.digest is None else f',"join":"{join.join(measured.digest)}"'
    sized = "" if measured.size_bytes is None else f',"size":{measured.size_bytes}'
    of = "" if element_of is None else f',"of":{element_of}'
    return f'{{"n":{n},"role":"{role}"{named}{joined}{sized},"media":"{measured.media_type}"{of}}}'


def _length(facts: Mapping[str, Any] | Sequence[Any], levels: int = 2) -> float:
    """Characters of facts and of what they hold; infinite where that is not seen at a glance."""
    if not facts:
        return 0
    if len(facts) > MAX_SHORT_FACTS or not levels:
        return inf
    length: float = 0
    for fact in (*facts, *facts.values()) if isinstance(facts, dict) else facts:
        kind = type(fact)
        if kind is str:
            length += len(fact)
        elif kind in _FEW_CHARACTERS:
            length += 24
        else:
            length += _length(fact, levels - 1) if kind in _HOLDERS else inf
    return length


def write_facts(activity: Activity) -> None:
    """Puts on the span what its call says: the facts where it can wait with their text, else attributes.

    A text that is too long for one attribute goes into numbered child spans.
    """
    facts, span = _said(activity), activity.span
    says = getattr(span, "says", None)
    if says is not None and facts.is_short():
        says(facts)
        return
    text, said = facts.text(), facts.ids()
    if len(text) <= semconv.FACTS_LIMIT_BYTES:
        said[semconv.FACTS] = text
    else:
        said[semconv.FACTS_PARTS] = _write_pieces(activity, text)
    getattr(span, "write", span.set_attributes)(said)


def _said(activity: Activity) -> SpanFacts:
    """What the activity has to say at its end. What comes later must not be in it: other calls of the output go on."""
    number, scope, parent, origin = activity.number, activity.scope, activity.parent, activity.origin
    settings, emitter, tenant, defaults = activity.ports.settings, None, None, None
    if number is not None:
        emitter, tenant, defaults = (activity.ports.emitter.id, number), settings.tenant, settings.defaults
    return _span_facts(
        SpanFacts,
        (
            activity.key,
            activity.kind,
            scope.record_id if scope is not None else None,
            parent.key if parent is not None else origin.activity if origin is not None else None,
            activity.name if getattr(activity.span, "name", activity.name) != activity.name else None,
            activity.status,
            activity.error,
            activity.extra or _NOTHING,
            emitter,
            tenant,
            defaults,
            activity.declared or _NOTHING,
            tuple(scope.calls) if scope is not None and number is not None else (),
            tuple(activity.entities),
            tuple(activity.used) if activity.used else (),
            tuple(activity.derived) if activity.derived else (),
            activity.nested,
            activity.missing,
            settings.join,
        ),
    )


def _write_pieces(activity: Activity, text: str) -> int:
    """The text is ASCII, so a cut anywhere is a cut between characters."""
    limit = semconv.FACTS_LIMIT_BYTES
    pieces = [text[start : start + limit] for start in range(0, len(text), limit)]
    tracer, context = activity.ports.tracers.tracer(), set_span_in_context(activity.span)
    for position, piece in enumerate(pieces):
        attributes: dict[str, str | int] = {
            semconv.PARENT: activity.key,
            semconv.FACTS_PART: position,
            semconv.FACTS: piece,
        }
        if activity.scope is not None:
            attributes[semconv.RECORD_ID] = activity.scope.record_id
        tracer.start_span(semconv.FACTS_SPAN, context, attributes=attributes).end()
    return len(pieces)
