"""What the response of a model API says of its call, told by its shape: no package of any API is imported.

Knows OpenAI's chat completions, text completions, embeddings and responses, Anthropic's messages, LiteLLM's responses,
which are shaped like the first, Ollama's, and the raw responses of the first two clients: as objects, or as dicts of
the same shape; and a dict of any shape that has a `usage` in their words. Reads what is stored (`provsdk.digest.peek`),
so it runs none of the response's own code and never touches a stream.

Identifiers are taken only where they look like some: no blank, printable ASCII. What an answer says is never taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from provsdk.digest import peek

__all__ = [
    "Said",
    "ToolCall",
    "answers_of",
    "anthropic_usage",
    "asked",
    "count",
    "finish_of_response",
    "items",
    "known",
    "openai_usage",
    "provider_of",
    "read",
    "retries_of_stream",
    "texts_of",
    "tool_call",
    "whole_of",
    "word",
]

Said = dict[str, Any]
"""Facts of a model call by their names; what is not known is left out."""

MAX_ITEMS: Final = 16_384
"""Choices, tool calls and blocks that are looked at."""

_WORD: Final = re.compile(r"[!-~]{1,256}").fullmatch
_SMALL_NUMBER: Final = re.compile(r"[0-9]{1,4}").fullmatch
_RETRY_HEADER: Final = "x-stainless-retry-count"
_PACKAGES: Final = frozenset({"openai", "anthropic"})
_CALLS: Final = frozenset({"function_call", "custom_tool_call", "tool_use"})
"""Items of a response and blocks of a message that ask for a tool of the caller's; the provider's own are none."""


class ToolCall(NamedTuple):
    """A tool that the model asked for."""

    name: str
    id: str | None
    arguments: Any
    """As the API gives them: OpenAI's as JSON text, Anthropic's as an object. Content: only a digest of it moves on."""


def read(response: Any) -> Said:
    """The facts that a response holds; none of a value that is no response, or of a stream. Never raises."""
    kind = _kind_of(response)
    if kind is None:
        return {}
    return known({"provider": provider_of(response), "retries": _retries(response), **_READ[kind](response)})


def _kind_of(response: Any) -> str | None:
    """Which kind of response it is, by what it calls itself; a dict or a fake may say nothing and have the shape."""
    kind = word(peek(response, "object"))
    if kind in {"response", "chat.completion", "text_completion"}:
        return kind
    if kind is None and _has_choices(response):
        return "chat.completion"
    if kind == "list" and word(peek(response, "model")) and peek(response, "usage") is not None:
        return "embeddings"
    if word(peek(response, "type")) == "message" and word(peek(response, "role")) == "assistant":
        return "message"
    if type(peek(response, "_parsed_by_type")) is dict:
        return "raw"
    if type(response) is dict and any(openai_usage(response.get("usage")).values()):
        return "usage"
    return "ollama" if word(peek(response, "model")) and count(peek(response, "eval_count")) is not None else None


def answers_of(response: Any) -> tuple[str, Any] | None:
    """The field of a response that holds its answers, and what it holds; None of what is no response."""
    kind = _kind_of(response)
    name = _ANSWERS.get(kind) if kind is not None else None
    return None if name is None else (name, peek(response, name))


def whole_of(stream: Any) -> Any:
    """The response that a client's stream puts together of its chunks, as far as it has come; None where it does not.

    What it is read through, text by text or by a method of its own, need not tell.
    """
    for names in _WHOLES:
        held = stream
        for name in names:
            held = peek(held, name)
        if held is not None:
            return held
    return None


def texts_of(response: Any) -> list[str]:
    """What each answer of a response says: content."""
    said = [peek(peek(choice, "message"), "content") for choice in items(peek(response, "choices"))]
    blocks = items(peek(response, "content"))
    for item in items(peek(response, "output")):
        blocks += items(peek(item, "content"))
    said += [peek(block, "text") for block in blocks]
    return [text for text in said if type(text) is str and text]


def known(said: Said) -> Said:
    """The facts that say something."""
    return {name: value for name, value in said.items() if value is not None and value != []}


def word(value: Any) -> str | None:
    """An identifier as plain text; None where it is none."""
    if not issubclass(type(value), str):
        return None
    text = str.__str__(value)
    return text if _WORD(text) else None


def count(value: Any) -> int | None:
    """A count from 0 that a record can hold."""
    return value if type(value) is int and 0 <= value < 2**53 else None


def items(value: Any) -> list[Any]:
    """The items of a list or a tuple; none of anything else."""
    return list(value[:MAX_ITEMS]) if type(value) in (list, tuple) else []


def provider_of(response: Any) -> str | None:
    """Whose API it is, as LiteLLM says or the package of the response's class; unknown of a dict."""
    through = word(peek(peek(response, "_hidden_params"), "custom_llm_provider"))
    root = (word(type(response).__module__) or "").partition(".")[0]
    return through or (root if root in _PACKAGES else None)


def tool_call(name: Any, call_id: Any, arguments: Any) -> ToolCall | None:
    """The call, where it has a name."""
    named = word(name)
    return None if named is None else ToolCall(named, word(call_id), arguments)


def asked(call: Any) -> ToolCall | None:
    """A tool call as any of the APIs writes it, or as a plain mapping of `name`, `id` and `arguments`."""
    if isinstance(call, ToolCall):
        return call
    for kind, content in (("function", "arguments"), ("custom", "input")):
        held = peek(call, kind)
        if held is not None:
            return tool_call(peek(held, "name"), peek(call, "id"), peek(held, content))
    arguments = peek(call, "arguments")
    return tool_call(
        peek(call, "name"),
        peek(call, "call_id") or peek(call, "id"),
        peek(call, "input") if arguments is None else arguments,
    )


def openai_usage(usage: Any) -> Said:
    """Tokens as OpenAI counts them: what was cached is part of what was sent. LiteLLM adds Anthropic's names."""
    sent = _either(usage, "prompt_tokens", "input_tokens")
    came = _either(usage, "completion_tokens", "output_tokens")
    of_sent = _detail(usage, "prompt_tokens_details", "input_tokens_details")
    of_came = _detail(usage, "completion_tokens_details", "output_tokens_details")
    return {
        "input_tokens": sent,
        "output_tokens": came,
        "cache_read_tokens": _first(_either(of_sent, "cached_tokens"), _either(usage, "cache_read_input_tokens")),
        "cache_write_tokens": _first(
            _either(of_sent, "cache_write_tokens", "cache_creation_tokens"),
            _either(usage, "cache_creation_input_tokens"),
        ),
        "reasoning_tokens": _either(of_came, "reasoning_tokens"),
    }


def anthropic_usage(usage: Any) -> Said:
    """Tokens as Anthropic counts them: what was cached stands beside `input_tokens`, and is added to it here."""
    read_, written = _either(usage, "cache_read_input_tokens"), _either(usage, "cache_creation_input_tokens")
    sent = _either(usage, "input_tokens")
    return {
        "input_tokens": None if sent is None else sent + (read_ or 0) + (written or 0),
        "output_tokens": _either(usage, "output_tokens"),
        "cache_read_tokens": read_,
        "cache_write_tokens": written,
        "reasoning_tokens": _either(peek(usage, "output_tokens_details"), "thinking_tokens"),
    }


def finish_of_response(response: Any) -> list[str]:
    """Why a response of the Responses API ended: its status, or what left it incomplete."""
    reason = word(peek(peek(response, "incomplete_details"), "reason")) or word(peek(response, "status"))
    return [] if reason is None else [reason]


def _about(response: Any) -> Said:
    return {"response_model": word(peek(response, "model")), "response_id": word(peek(response, "id"))}


def _has_choices(response: Any) -> bool:
    """Whether something that does not say what it is has the choices of a chat completion."""
    choices = items(peek(response, "choices"))
    if not choices or peek(choices[0], "message") is None:
        return False
    return word(peek(choices[0], "finish_reason")) is not None


def _completion(response: Any) -> Said:
    choices = items(peek(response, "choices"))
    reasons = [word(peek(choice, "finish_reason")) for choice in choices]
    is_text = word(peek(response, "object")) == "text_completion"
    return {
        "operation": "text_completion" if is_text else "chat",
        **_about(response),
        "finish_reasons": [reason for reason in reasons if reason is not None],
        "tool_calls": _calls([each for choice in choices for each in _asked_by(peek(choice, "message"))]),
        **openai_usage(peek(response, "usage")),
    }


def _asked_by(message: Any) -> list[Any]:
    """The tool calls of a chat completion's message: `function_call` is from before there could be several."""
    alone = peek(message, "function_call")
    return [*items(peek(message, "tool_calls")), *([] if alone is None else [alone])]


def _calls(found: list[Any]) -> list[ToolCall]:
    return [call for each in found if (call := asked(each)) is not None]


def _asking(held: Any) -> list[Any]:
    """The items or blocks of an answer that ask for a tool."""
    return [each for each in items(held) if word(peek(each, "type")) in _CALLS]


def _response(response: Any) -> Said:
    return {
        "operation": "chat",
        **_about(response),
        "finish_reasons": finish_of_response(response),
        "tool_calls": _calls(_asking(peek(response, "output"))),
        **openai_usage(peek(response, "usage")),
    }


def _message(response: Any) -> Said:
    reason = word(peek(response, "stop_reason"))
    return {
        "operation": "chat",
        **_about(response),
        "finish_reasons": [] if reason is None else [reason],
        "tool_calls": _calls(_asking(peek(response, "content"))),
        **anthropic_usage(peek(response, "usage")),
    }


def _raw(response: Any) -> Said:
    """A client's raw response: what it was parsed to, where it was."""
    parsed = list(peek(response, "_parsed_by_type").values())
    return read(parsed[0]) if len(parsed) == 1 else {}


def _embeddings(response: Any) -> Said:
    return {"operation": "embeddings", **_about(response), **openai_usage(peek(response, "usage"))}


def _bare(response: Any) -> Said:
    """A dict of somebody's own that counts tokens as one of these APIs does."""
    reason = word(peek(response, "finish_reason")) or word(peek(response, "stop_reason"))
    return {
        **_about(response),
        "finish_reasons": [] if reason is None else [reason],
        **_bare_usage(peek(response, "usage")),
    }


def _bare_usage(usage: Any) -> Said:
    """As Anthropic counts, where it is said in its words only."""
    is_anthropics = peek(usage, "input_tokens") is not None and peek(usage, "prompt_tokens") is None
    has_cached = any(
        peek(usage, name) is not None for name in ("cache_read_input_tokens", "cache_creation_input_tokens")
    )
    return anthropic_usage(usage) if is_anthropics and has_cached else openai_usage(usage)


def _ollama(response: Any) -> Said:
    reason = word(peek(response, "done_reason"))
    return {
        "response_model": word(peek(response, "model")),
        "finish_reasons": [] if reason is None else [reason],
        "tool_calls": _calls(items(peek(peek(response, "message"), "tool_calls"))),
        "input_tokens": count(peek(response, "prompt_eval_count")),
        "output_tokens": count(peek(response, "eval_count")),
    }


_READ: Final[dict[str, Callable[[Any], Said]]] = {
    "chat.completion": _completion,
    "embeddings": _embeddings,
    "message": _message,
    "ollama": _ollama,
    "raw": _raw,
    "response": _response,
    "text_completion": _completion,
    "usage": _bare,
}

_WHOLES: Final = (
    *(
        (f"_{name}__final_message_snapshot",)
        for name in ("MessageStream", "AsyncMessageStream", "BetaMessageStream", "BetaAsyncMessageStream")
    ),
    ("_state", "_ChatCompletionStreamState__current_completion_snapshot"),
    ("_state", "_completed_response"),
    ("_state", "_ResponseStreamState__current_snapshot"),
)
"""Where Anthropic's and OpenAI's clients keep it, by the names of attributes on the way."""

_ANSWERS: Final = {
    "chat.completion": "choices",
    "embeddings": "data",
    "message": "content",
    "response": "output",
    "text_completion": "choices",
}


def _retries(response: Any) -> int | None:
    """How often the call was tried again: a raw response knows, and LiteLLM's router notes it."""
    taken = count(peek(response, "retries_taken"))
    headers = peek(peek(response, "_hidden_params"), "additional_headers")
    return taken if taken is not None else count(peek(headers, "x-litellm-attempted-retries"))


def retries_of_stream(stream: Any) -> int | None:
    """How often a client asked again until it had this stream: the request of its response says so in a header."""
    if type(stream).__module__.partition(".")[0] not in _PACKAGES:
        return None
    try:
        said = stream.response.request.headers.get(_RETRY_HEADER)
    except Exception:  # a client of another version, or one that somebody made otherwise
        return None
    return int(said) if isinstance(said, str) and _SMALL_NUMBER(said) else None


def _either(held: Any, *names: str) -> int | None:
    return _first(*(count(peek(held, name)) for name in names))


def _first(*counts: int | None) -> int | None:
    return next((each for each in counts if each is not None), None)


def _detail(usage: Any, *names: str) -> Any:
    return next((held for name in names if (held := peek(usage, name)) is not None), None)
