"""What a span carries and what stays home: the facts of an activity as JSON on its span (`docs/formats/spans.md`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import set_span_in_context

from provsdk import semconv

if TYPE_CHECKING:
    from collections.abc import Callable

    from provsdk.capture._flow import Ref
    from provsdk.capture._session import Activity
    from provsdk.digest import Measured

__all__ = ["derivation", "entity", "missing_of", "use", "write_facts"]


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


def entity(n: int, role: str, name: str | None, join: str | None, measured: Measured, element_of: int | None) -> str:
    """An entity as JSON. Written out by hand: it is on the path of every value, and all but the name is ours."""
    named = "" if name is None else f',"name":{_quoted(name)}'
    joined = "" if join is None else f',"join":"{join}"'
    sized = "" if measured.size_bytes is None else f',"size":{measured.size_bytes}'
    of = "" if element_of is None else f',"of":{element_of}'
    return f'{{"n":{n},"role":"{role}"{named}{joined}{sized},"media":"{measured.media_type}"{of}}}'


def use(ref: Ref, basis: str) -> str:
    """A pair of `used` as JSON; ids need no escapes."""
    return f'[{ref},"{basis}"]' if isinstance(ref, int) else f'["{ref}","{basis}"]'


def derivation(effect: Ref, cause: str, basis: str) -> str:
    """A triple of `derived` as JSON."""
    return f'[{effect},"{cause}","{basis}"]' if isinstance(effect, int) else f'["{effect}","{cause}","{basis}"]'


def _text(activity: Activity) -> str:
    """The facts as one JSON text, in ASCII."""
    pieces = [f'{{"v":1,"status":"{activity.status}"{_named(activity)}']
    if activity.extra:
        pieces.append("," + _encode_json(activity.extra)[1:-1])
    if activity.error is not None:
        pieces.append(f',"error":{_quoted(activity.error)}')
    if activity.number is not None:
        pieces.append(f',"emitter":["{activity.ports.emitter.id}",{activity.number}]')
        if activity.ports.settings.defaults:
            pieces.append(f',"defaults":{_encode_json(dict(activity.ports.settings.defaults))}')
        if activity.scope is not None and activity.scope.calls:
            pieces.append(f',"calls":{_encode_json(_calls(activity.key, activity.scope.calls))}')
    pieces.append(_declared(activity))
    for name, texts in (("entities", activity.entities), ("used", activity.used), ("derived", activity.derived)):
        if texts:
            pieces.append(f',"{name}":[{",".join(texts)}]')
    if activity.nested:
        pieces.append(f',"nested":{_encode_json(activity.nested)}')
    if activity.missing:
        pieces.append(f',"missing":{_encode_json(activity.missing)}')
    pieces.append("}")
    return "".join(pieces)


def _named(activity: Activity) -> str:
    """The call's name, where the program or a processor has given its span another one."""
    return "" if getattr(activity.span, "name", activity.name) == activity.name else f',"name":{_quoted(activity.name)}'


def _calls(key: str, calls: list[str]) -> list[str]:
    """The calls within an output by their span ids, and by the trace too where that is another one."""
    trace = key[:33]
    return [each[33:] if each.startswith(trace) else each for each in calls]


def _declared(activity: Activity) -> str:
    """What was declared; of an output also its tenant, which is all that most outputs have here."""
    declared = activity.declared
    if activity.number is not None and "tenant" not in declared:
        tenant = activity.ports.settings.tenant
        if not declared:
            return f',"declared":{{"tenant":{_quoted(tenant)}}}'
        declared = {**declared, "tenant": tenant}
    return f',"declared":{_encode_json(declared)}' if declared else ""


def write_facts(activity: Activity) -> None:
    """Puts the attributes on the span; facts that are too long go into numbered child spans."""
    said: dict[str, str | int] = {semconv.KIND: activity.kind}
    if activity.scope is not None:
        said[semconv.RECORD_ID] = activity.scope.record_id
    if activity.parent is not None:
        said[semconv.PARENT] = activity.parent.key
    elif activity.origin is not None:
        said[semconv.PARENT] = activity.origin.activity
    text = _text(activity)
    if len(text) <= semconv.FACTS_LIMIT_BYTES:
        said[semconv.FACTS] = text
    else:
        said[semconv.FACTS_PARTS] = _write_pieces(activity, text)
    activity.span.set_attributes(said)


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
