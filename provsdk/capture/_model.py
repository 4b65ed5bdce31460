"""A model call beyond what every step has: what its arguments and its response say of it, where nobody declared it.

What is declared goes before what is seen, always.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from provsdk import semconv
from provsdk.capture import _guard
from provsdk.capture._binding import EXTRA
from provsdk.capture._citations import citations_of
from provsdk.capture._inputs import has_unseen_texts
from provsdk.capture._plan import Plan, put, say
from provsdk.capture._request import SETTINGS, model_of, settings_of
from provsdk.capture._responses import read, texts_of
from provsdk.digest import measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provsdk.capture._chunks import Chunks
    from provsdk.capture._citations import Citation
    from provsdk.capture._scope import Scope
    from provsdk.capture._session import Activity

__all__ = ["note_chunks", "note_request", "note_response", "note_seen", "settle"]

_ASKED: Final = SETTINGS.keys() | {"model"}

_SAID_BY_RESPONSES: Final = frozenset(
    {"response_model", "response_id", "finish_reasons", "input_tokens", "output_tokens", "tool_calls"}
)

_HOLDING: Final = ("prompt_template", "tool_calls")
"""Facts that hold values, which become entities before they are written."""


def note_request(
    activity: Activity, plan: Plan, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    """Notes the settings among the arguments of the call, the model, and whether it may be given what nobody saw."""
    given = {name.removeprefix(EXTRA): value for name, value in plan.signature.pairs(instance, args, kwargs)}
    if not given or plan.function is None or has_unseen_texts(plan.function, instance):
        activity.has_unseen = True
    asked = {name: value for name, value in {**plan.signature.defaults, **given}.items() if name in _ASKED}
    if not asked:
        return
    model = model_of(asked.items())
    if model is not None and "model" not in activity.declared:
        put(activity, "model", model)
    settings = settings_of(asked.items())
    if settings and "parameters" not in activity.local:
        put(activity, "parameters", settings)


def note_response(activity: Activity, response: Any) -> None:
    """Notes what the call's result says of it, where it is the response of a model API."""
    note_seen(activity, read(response))
    if activity.scope is not None:
        _note_citations(activity, activity.scope, citations_of(response))


def _note_citations(activity: Activity, scope: Scope, cited: list[Citation]) -> None:
    """Notes what answers are said to rest on: values that the output knows, or the model's sources."""
    beside: dict[str, str] = {}
    made = f"ent_{activity.key}-0"
    for one in cited:
        answer = scope.registry.find(one.answer, measure(one.answer))
        effect = answer.id if answer is not None else made
        cause, source_span = _quoted_in(scope, made, one)
        if cause is None and one.location is not None:
            if one.location not in beside:
                beside[one.location] = _source_of_the_model(activity, one)
            cause, source_span = beside[one.location], (0, len(one.quoted or ""))
        if cause is None:
            activity.lacks("invalid_fact", "citations: a source that the output does not know")
        elif cause != effect:
            start, end = one.span
            is_place = answer is not None and 0 <= start < end <= len(one.answer)
            activity.rests_on(effect, cause, ((start, end, *source_span),) if is_place else ())


def _quoted_in(scope: Scope, made: str, cited: Citation) -> tuple[str | None, tuple[int, int]]:
    """The first value that the output knew, and the model did not make, which has the quoted words; sources first."""
    words = (cited.quoted or "").strip()
    held = scope.registry.held() if words else []
    for entity_id, value, _, kind, of in sorted(held, key=lambda one: one[3] != semconv.KIND_SOURCE):
        if isinstance(value, str) and kind != semconv.KIND_OUTPUT and made not in {entity_id, of}:
            at = value.find(words)
            if at >= 0:
                return entity_id, (at, at + len(words))
    return None, (0, 0)


def _source_of_the_model(activity: Activity, cited: Citation) -> str:
    """What the provider looked up by itself is a source of its own, known by its place; its title is content."""
    source = Plan.of(semconv.KIND_SOURCE, "citation", {}, None).open(activity.ports, None, (), {})
    source.extra["by_hand"] = True
    source.local["location"] = cited.location  # of a response: content, and no span is to carry it
    say(source, "type", "external" if "://" in (cited.location or "") else "reference")
    if cited.quoted is not None:  # a text of its own: the one in the response was made by the model
        source.made(cited.quoted.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass"))
    source.close()
    return f"ent_{source.key}-0"


def note_chunks(activity: Activity, chunks: Chunks, whole: Any, *, is_digested: bool) -> bool:
    """Notes what a stream said of the call, what its answers say (their digests) and cite. False where it said nothing.

    Args:
        activity: the model call.
        chunks: what was folded of those that passed.
        whole: the response that the client put together, where it did.
        is_digested: all that was read passed, so that the stream's own value is known.
    """
    said = {**chunks.said(), **read(whole)}
    is_declared = bool(_SAID_BY_RESPONSES & activity.declared.keys())
    note_seen(activity, said)
    texts = chunks.texts()
    for text in texts_of(whole) if not texts and not is_digested else texts:
        activity.answered(text)
    if activity.scope is not None:
        _note_citations(activity, activity.scope, chunks.citations() or citations_of(whole))
    return is_declared or bool(said)


def note_seen(activity: Activity, said: Mapping[str, Any]) -> None:
    """Notes facts that were read off the call, where its user said none."""
    for name, value in said.items():
        if name not in activity.declared:
            put(activity, name, value)


def settle(activity: Activity) -> None:
    """Turns what the facts hold of values into entities, and says the facts in OpenTelemetry's words."""
    try:
        _enter_values(activity)
        _write_attributes(activity)
    except Exception as error:
        for name in _HOLDING:
            activity.declared.pop(name, None)
        activity.lacks("capture_failed", "facts of the model call")
        _guard.report(f"settle a {activity.kind}", error, activity.ports)


def _enter_values(activity: Activity) -> None:
    declared = activity.declared
    prompt, calls = declared.get("prompt_template"), declared.get("tool_calls")
    if prompt is not None and "template" in prompt:  # else it was entered, and an interrupt came
        declared["prompt_template"] = _without_value(activity, prompt, "template", "template")
    if calls and not isinstance(calls[0], dict):
        declared["tool_calls"] = [_without_value(activity, call._asdict(), "arguments", "tool_call") for call in calls]


def _without_value(activity: Activity, said: dict[str, Any], key: str, role: str) -> dict[str, Any]:
    """The fact with the number of an entity in place of the value."""
    kept = {name: value for name, value in said.items() if name != key and value is not None}
    number = None if said[key] is None else activity.told(role, said["name"], said[key])
    return kept if number is None else {**kept, "n": number}


def _write_attributes(activity: Activity) -> None:
    """For whoever looks at traces: the facts under the names of OpenTelemetry's conventions for generative AI."""
    write, declared = activity.span.set_attribute, activity.declared
    for name, attribute in semconv.GEN_AI.items():
        value = declared.get(name)
        if value is not None and value != []:
            write(attribute, tuple(value) if type(value) is list else value)
    first_us = activity.extra.get("stream", {}).get("first_us")
    if first_us is not None and "time_to_first_chunk_s" not in declared:
        write(semconv.GEN_AI["time_to_first_chunk_s"], first_us / 1_000_000)
    parameters = activity.local.get("parameters")
    if parameters:
        for name, attribute in semconv.GEN_AI_REQUEST.items():
            if type(parameters.get(name)) in (int, float):
                write(attribute, parameters[name])
    prompt = declared.get("prompt_template")
    if prompt is not None:
        write(semconv.GEN_AI_PROMPT_NAME, prompt["name"])
        if "version" in prompt:
            write(semconv.GEN_AI_PROMPT_VERSION, prompt["version"])
