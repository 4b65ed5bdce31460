"""The settings of a model call, as its arguments say them: a closed list of names that model APIs share.

What is asked is never among them: no messages, no prompts, no system texts, no metadata, and of tools the names and the
digests of their definitions only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from provsdk.capture._responses import items, word
from provsdk.digest import measure, peek, plain

__all__ = ["SETTINGS", "model_of", "settings_of"]

MAX_TEXT: Final = 256

Reading = Callable[[Any], Any]


def settings_of(arguments: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The settings among the arguments of a call, as JSON values; what has another shape is left out."""
    found = {name: SETTINGS[name](value) for name, value in arguments if name in SETTINGS and value is not None}
    return {name: value for name, value in found.items() if value is not None}


def model_of(arguments: Iterable[tuple[str, Any]]) -> str | None:
    """The model that the call asks for."""
    return next((word(value) for name, value in arguments if name == "model"), None)


def _scalar(value: Any) -> Any:
    """A number, a flag or one word. Clients' marks for `not given` are none of these."""
    return value if type(value) in (bool, int, float) else word(value)


def _stops(value: Any) -> list[str] | None:
    texts = [value] if type(value) is str else items(value)
    return [text[:MAX_TEXT] for text in texts if type(text) is str] or None


def _scalars(value: Any) -> Any:
    """The plain values of a small mapping, as `reasoning` and `thinking` are."""
    if type(value) is not dict:
        return _scalar(value)
    return {name: said for name, each in value.items() if word(name) and (said := _scalar(each)) is not None} or None


def _tools(value: Any) -> list[dict[str, str]] | None:
    """Of each tool its name, and the digest of its definition: whether it changed can be told, what it says cannot."""
    return [_tool(each) for each in items(value)] or None


def _tool(definition: Any) -> dict[str, str]:
    digest = measure(definition).digest
    said = {} if digest is None else {"digest": plain(digest)}
    name = _named(definition)
    return said if name is None else {"name": name, **said}


def _named(value: Any) -> str | None:
    """The name of a tool, or of a choice of one: beside its type, or inside what the type names."""
    inside = next((held for kind in ("function", "custom") if (held := peek(value, kind)) is not None), None)
    return word(peek(value, "name")) or word(peek(inside, "name")) or word(peek(value, "type"))


def _tool_choice(value: Any) -> str | None:
    return word(value) or _named(value)


def _format(value: Any) -> str | None:
    """The name of the class or schema that the answer must follow, else the kind of format."""
    if isinstance(value, type):
        return word(value.__qualname__)
    return word(peek(peek(value, "json_schema"), "name")) or word(peek(value, "type"))


_SCALARS: Final = (
    "encoding_format",
    "dimensions",
    "frequency_penalty",
    "logprobs",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "max_tool_calls",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "reasoning_effort",
    "seed",
    "service_tier",
    "stream",
    "temperature",
    "top_k",
    "top_logprobs",
    "top_p",
    "truncation",
    "verbosity",
)

SETTINGS: Final[dict[str, Reading]] = {
    **dict.fromkeys(_SCALARS, _scalar),
    "reasoning": _scalars,
    "response_format": _format,
    "stop": _stops,
    "stop_sequences": _stops,
    "thinking": _scalars,
    "tool_choice": _tool_choice,
    "tools": _tools,
}
"""The arguments that are settings, and how each is read."""
