"""The chunks of one streamed answer, folded into what the whole response would have said.

Knows the chunks of OpenAI's chat and text completions (LiteLLM's are shaped like them), the events of its Responses API
and those of Anthropic's messages, as objects or dicts, and what both clients' `stream` methods make of them. Whoever
reads the stream hands each chunk over as it passes:

    chunks = Chunks()
    for chunk in stream:
        chunks.add(chunk)
    chunks.said()       # facts of the model call, as `_responses.read` gives them of a whole response
    chunks.texts()      # what the answers say so far: content
    chunks.citations()  # what they say that they rest on

The time to the first chunk is no chunk's to tell: whoever reads the stream measures it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from provsdk.capture._citations import MAX_CITATIONS, Citation, in_annotations, in_block
from provsdk.capture._responses import (
    Said,
    ToolCall,
    anthropic_usage,
    items,
    known,
    openai_usage,
    provider_of,
    read,
    tool_call,
    word,
)
from provsdk.digest import peek

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Chunks"]

Place = tuple[Any, Any]
"""Where a piece belongs: choice, output item or block, and the piece of it."""


class _Asked:
    """A tool call while its pieces come in."""

    __slots__ = ("arguments", "call_id", "name", "pieces")

    def __init__(self) -> None:
        self.name: Any = None
        self.call_id: Any = None
        self.pieces: list[str] = []
        self.arguments: Any = None
        """What the start of the call said they are; the pieces count where any came."""


class Chunks:
    """One streamed answer. For one reader at a time; keeps texts and identifiers, no chunk. Never raises."""

    __slots__ = ("_about", "_annotated", "_cited", "_finish", "_numbered", "_texts", "_tools", "_usage", "_whole")

    def __init__(self) -> None:
        self._about: Said = {}
        self._usage: dict[str, Any] = {}
        self._finish: dict[Any, str] = {}
        self._texts: dict[Place, list[str]] = {}
        self._cited: dict[Place, list[Any]] = {}
        """What blocks of Anthropic's cite."""
        self._annotated: dict[Place, list[Any]] = {}
        """The same of texts of OpenAI's."""
        self._tools: dict[tuple[int, int, int], _Asked] = {}
        self._numbered: dict[Place, tuple[int, int, int]] = {}
        """The call that pieces of a place belong to."""
        self._whole: Said = {}
        """What the API itself says of the whole, where its last event brings that."""

    def add(self, chunk: Any) -> bool:
        """Takes the next chunk; False where it is of no kind that is known, and says nothing."""
        operation = _COMPLETIONS.get(word(peek(chunk, "object")))
        if operation is not None:
            self._add_completion(chunk, operation)
            return True
        name = word(peek(chunk, "type")) or ""
        if name == "chunk":
            return self._add_held(peek(chunk, "chunk"))
        take = _EVENTS.get(name)
        if take is not None:
            take(self, chunk)
        return take is not None or name.startswith(_EVENT_FAMILIES) or self._is_said_again(name)

    def said(self) -> Said:
        """The facts of the call so far; none where nothing was understood."""
        if not self._about:
            return {}
        finish = [self._finish[place] for place in sorted(self._finish)]
        calls = (_finished(self._tools[place]) for place in sorted(self._tools))
        tools = [call for call in calls if call is not None]
        said = {**self._about, "finish_reasons": finish, "tool_calls": tools, **self._counts()}
        return known({**said, **self._whole})

    def texts(self) -> list[str]:
        """What each answer says so far, in the order of choices and blocks."""
        return ["".join(self._texts[place]) for place in sorted(self._texts)]

    def citations(self) -> list[Citation]:
        """What the answers so far say that they rest on, answer by answer."""
        return [
            one
            for place in sorted(self._texts)
            for read_, cited in ((in_block, self._cited), (in_annotations, self._annotated))
            for one in read_("".join(self._texts[place]), cited.get(place))
        ]

    def _add_held(self, chunk: Any) -> bool:
        """A chunk in the event that the client made of it."""
        operation = _COMPLETIONS.get(word(peek(chunk, "object")))
        if operation is not None:
            self._add_completion(chunk, operation)
        return operation is not None

    def _is_said_again(self, name: str) -> bool:
        """Whether it is what a client makes of an event that has passed."""
        return bool(self._about) and (name in _MADE_OF_EVENTS or name.startswith(_MADE_OF_CHUNKS))

    def _counts(self) -> Said:
        return anthropic_usage(self._usage) if "input_tokens" in self._usage else openai_usage(self._usage)

    def _say(self, operation: str, about: Any) -> None:
        if self._about.keys() >= _ABOUT:
            return
        said = {
            "operation": operation,
            "provider": provider_of(about),
            "response_model": word(peek(about, "model")),
            "response_id": word(peek(about, "id")),
        }
        self._about.update(known(said))

    def _count(self, usage: Any) -> None:
        """Later counts replace earlier ones: both APIs count from the beginning."""
        if usage is None:
            return
        for name in _COUNTS:
            value = peek(usage, name)
            if value is not None:
                self._usage[name] = value

    def _write(self, place: Place, text: Any) -> None:
        if type(text) is str and text:
            self._texts.setdefault(place, []).append(text)

    def _cite(self, cited: dict[Place, list[Any]], place: Place, found: list[Any]) -> None:
        held = cited.setdefault(place, []) if found else []
        held += found[: MAX_CITATIONS - len(held)]

    def _ask(self, place: Place, name: Any, call_id: Any, arguments: Any) -> None:
        """A piece of a call. Some servers number all calls alike: another id with a name is another call."""
        numbered = self._numbered.get(place, (*place, 0))
        known = self._tools.get(numbered)
        if known is not None and name and call_id and known.call_id not in (None, call_id):
            numbered = (*place, numbered[2] + 1)
        self._numbered[place] = numbered
        asked = self._tools.setdefault(numbered, _Asked())
        asked.name = asked.name if name is None else name
        asked.call_id = asked.call_id or call_id
        if type(arguments) is str:
            asked.pieces.append(arguments)
        elif arguments is not None:
            asked.arguments = arguments

    # -- OpenAI's completions

    def _add_completion(self, chunk: Any, operation: str) -> None:
        self._say(operation, chunk)
        self._count(peek(chunk, "usage"))
        for choice in items(peek(chunk, "choices")):
            index, delta = _number(peek(choice, "index")), peek(choice, "delta")
            self._write((index, 0), peek(delta, "content"))
            self._write((index, 0), peek(choice, "text"))
            self._cite(self._annotated, (index, 0), items(peek(delta, "annotations")))
            reason = word(peek(choice, "finish_reason"))
            if reason is not None:
                self._finish[index] = reason
            alone = peek(delta, "function_call")
            if alone is not None:
                self._ask((index, 0), peek(alone, "name"), None, peek(alone, "arguments"))
            for asked in items(peek(delta, "tool_calls")):
                place, function = (index, _number(peek(asked, "index"))), peek(asked, "function")
                self._ask(place, peek(function, "name"), peek(asked, "id"), peek(function, "arguments"))

    # -- Anthropic's messages

    def _start_message(self, event: Any) -> None:
        message = peek(event, "message")
        self._say("chat", message)
        self._count(peek(message, "usage"))

    def _start_block(self, event: Any) -> None:
        block, place = peek(event, "content_block"), (_number(peek(event, "index")), 0)
        if word(peek(block, "type")) == "tool_use":
            self._ask(place, peek(block, "name"), peek(block, "id"), _not_text(peek(block, "input")))
        elif word(peek(block, "type")) == "text":
            self._write(place, peek(block, "text"))
            self._cite(self._cited, place, items(peek(block, "citations")))

    def _continue_block(self, event: Any) -> None:
        delta, place = peek(event, "delta"), (_number(peek(event, "index")), 0)
        if word(peek(delta, "type")) == "text_delta":
            self._write(place, peek(delta, "text"))
        elif word(peek(delta, "type")) == "input_json_delta":
            self._ask(place, None, None, peek(delta, "partial_json"))
        elif word(peek(delta, "type")) == "citations_delta":
            self._cite(self._cited, place, [peek(delta, "citation")])

    def _change_message(self, event: Any) -> None:
        reason = word(peek(peek(event, "delta"), "stop_reason"))
        if reason is not None:
            self._finish[0] = reason
        self._count(peek(event, "usage"))

    # -- OpenAI's responses

    def _start_response(self, event: Any) -> None:
        self._say("chat", peek(event, "response"))

    def _end_response(self, event: Any) -> None:
        self._start_response(event)
        self._whole = read(peek(event, "response"))

    def _continue_text(self, event: Any) -> None:
        self._write(_part_of(event), peek(event, "delta"))

    def _annotate_text(self, event: Any) -> None:
        self._cite(self._annotated, _part_of(event), [peek(event, "annotation")])

    def _start_item(self, event: Any) -> None:
        item = peek(event, "item")
        if word(peek(item, "type")) == "function_call":
            self._ask((_number(peek(event, "output_index")), 0), peek(item, "name"), peek(item, "call_id"), None)

    def _continue_arguments(self, event: Any) -> None:
        self._ask((_number(peek(event, "output_index")), 0), None, None, peek(event, "delta"))


_EVENTS: Final[dict[str, Callable[[Chunks, Any], None]]] = {
    "message_start": Chunks._start_message,  # noqa: SLF001 the table belongs to the class
    "content_block_start": Chunks._start_block,  # noqa: SLF001
    "content_block_delta": Chunks._continue_block,  # noqa: SLF001
    "message_delta": Chunks._change_message,  # noqa: SLF001
    "response.created": Chunks._start_response,  # noqa: SLF001
    "response.in_progress": Chunks._start_response,  # noqa: SLF001
    "response.completed": Chunks._end_response,  # noqa: SLF001
    "response.incomplete": Chunks._end_response,  # noqa: SLF001
    "response.failed": Chunks._end_response,  # noqa: SLF001
    "response.output_text.delta": Chunks._continue_text,  # noqa: SLF001
    "response.output_text.annotation.added": Chunks._annotate_text,  # noqa: SLF001
    "response.output_item.added": Chunks._start_item,  # noqa: SLF001
    "response.function_call_arguments.delta": Chunks._continue_arguments,  # noqa: SLF001
}

_COMPLETIONS: Final[dict[str | None, str]] = {"chat.completion.chunk": "chat", "text_completion": "text_completion"}
"""Operations by what their chunks call themselves."""

_EVENT_FAMILIES: Final = ("response.", "content_block_", "message_", "ping")
"""Events that belong to such a stream, whether or not anything is taken from them."""

_MADE_OF_EVENTS: Final = frozenset({"text", "input_json", "citation", "thinking", "signature"})
_MADE_OF_CHUNKS: Final = ("content.", "refusal.", "logprobs.", "tool_calls.function.arguments.")

_ABOUT: Final = frozenset({"response_model", "response_id"})
"""What every chunk says again; some servers begin to with the second."""

_COUNTS: Final = (
    "prompt_tokens",
    "completion_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens",
    "output_tokens",
    "output_tokens_details",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)


def _number(value: Any) -> int:
    """A position; one that says nothing stands first."""
    return value if type(value) is int else 0


def _part_of(event: Any) -> Place:
    """Output item, and part of it, that an event of the Responses API is about."""
    return _number(peek(event, "output_index")), _number(peek(event, "content_index"))


def _not_text(value: Any) -> Any:
    return None if isinstance(value, str) else value


def _finished(asked: _Asked) -> ToolCall | None:
    """The call with its arguments in the form that the whole response would give them."""
    text = "".join(asked.pieces)
    if asked.arguments is None:
        return tool_call(asked.name, asked.call_id, text)
    return tool_call(asked.name, asked.call_id, _parsed(text) if text else asked.arguments)


def _parsed(text: str) -> Any:
    """Anthropic's arguments are an object; cut short, they are the text that came."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
