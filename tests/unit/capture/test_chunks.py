"""A stream's chunks say what the whole response would have said, as the clients' own objects and as dicts."""

import anthropic.types
import pydantic
import pytest
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from recorded import (
    ANSWER,
    CHAT,
    CHAT_CHUNKS,
    CHAT_SAID,
    MESSAGE_EVENTS,
    MESSAGE_SAID,
    RESPONSE_EVENTS,
    RESPONSE_SAID,
)

from provsdk.capture._chunks import Chunks

CHAT_OBJECTS = [ChatCompletionChunk.model_validate(each) for each in CHAT_CHUNKS]
_response_event = pydantic.TypeAdapter(ResponseStreamEvent)
RESPONSE_OBJECTS = [_response_event.validate_python(each) for each in RESPONSE_EVENTS]
_message_event = pydantic.TypeAdapter(anthropic.types.RawMessageStreamEvent)
MESSAGE_OBJECTS = [_message_event.validate_python(each) for each in MESSAGE_EVENTS if each["type"] != "ping"]


def folded(chunks):
    found = Chunks()
    for chunk in chunks:
        found.add(chunk)
    return found


@pytest.mark.parametrize(
    ("chunks", "said"),
    [
        (CHAT_CHUNKS, CHAT_SAID),
        (CHAT_OBJECTS, {"provider": "openai", **CHAT_SAID}),
        (RESPONSE_EVENTS, RESPONSE_SAID),
        (RESPONSE_OBJECTS, {"provider": "openai", **RESPONSE_SAID}),
        (MESSAGE_EVENTS, MESSAGE_SAID),
        (MESSAGE_OBJECTS, {"provider": "anthropic", **MESSAGE_SAID}),
    ],
)
def test_a_whole_stream_says_what_the_response_says(chunks, said):
    found = folded(chunks)

    assert found.said() == said
    assert [text for text in found.texts() if text] == [ANSWER]


def test_what_came_before_a_stream_was_cut_is_said():
    found = folded(RESPONSE_EVENTS[:-1])

    assert found.said() == {
        "operation": "chat",
        "response_model": RESPONSE_SAID["response_model"],
        "response_id": "resp_68",
        "tool_calls": RESPONSE_SAID["tool_calls"],
    }
    assert folded(CHAT_CHUNKS[:2]).said() == {
        "operation": "chat",
        "response_model": CHAT["model"],
        "response_id": CHAT["id"],
    }
    assert folded(CHAT_CHUNKS[:2]).texts() == [ANSWER[:20]]


def test_arguments_that_were_cut_are_the_text_that_came():
    (call,) = folded(MESSAGE_EVENTS[:9]).said()["tool_calls"]

    assert call == ("search", "toolu_1", '{"query": "pa')


def test_a_tool_without_arguments_has_those_of_its_start():
    events = [each for each in MESSAGE_EVENTS if each.get("delta", {}).get("type") != "input_json_delta"]

    assert folded(events).said()["tool_calls"] == [("search", "toolu_1", {})]


def test_a_response_that_ends_incomplete_says_why():
    whole = {**RESPONSE_EVENTS[-1]["response"], "incomplete_details": {"reason": "max_output_tokens"}}
    last = {"type": "response.incomplete", "response": whole}

    assert folded([*RESPONSE_EVENTS[:-1], last]).said()["finish_reasons"] == ["max_output_tokens"]


def test_several_answers_and_calls_stay_apart_and_in_their_order():
    def chunk(index, content):
        choice = {"index": index, "delta": {"content": content}, "finish_reason": "stop"}
        return {"object": "chat.completion.chunk", "model": "m-1", "choices": [choice]}

    found = folded([chunk(1, "second"), chunk(0, "fi"), chunk(0, "rst")])

    assert found.texts() == ["first", "second"]
    assert found.said()["finish_reasons"] == ["stop", "stop"]


def test_calls_that_a_server_numbers_alike_are_told_apart_by_their_ids():
    def chunk(call_id, name, arguments):
        asked = {"index": 0, "id": call_id, "function": {"name": name, "arguments": arguments}}
        choice = {"index": 0, "delta": {"tool_calls": [asked]}, "finish_reason": None}
        return {"object": "chat.completion.chunk", "model": "m-1", "choices": [choice]}

    found = folded(
        [
            chunk("a", "refund", '{"order":'),
            chunk(None, None, " 1}"),
            chunk("b", "close", '{"order":'),
            chunk("b", None, " 2}"),
        ]
    )

    assert found.said()["tool_calls"] == [("refund", "a", '{"order": 1}'), ("close", "b", '{"order": 2}')]
    pieces = folded([chunk("a", "refund", '{"order":'), chunk("", None, " 1"), chunk("c", None, "}")])
    assert pieces.said()["tool_calls"] == [("refund", "a", '{"order": 1}')]


def test_what_a_client_makes_of_chunks_is_folded_once():
    events = []
    for chunk in CHAT_OBJECTS:
        events.append({"type": "chunk", "chunk": chunk, "snapshot": {}})
        events += [{"type": "content.delta", "delta": choice.delta.content} for choice in chunk.choices]
    events.append({"type": "content.done", "content": ANSWER})
    found = Chunks()

    assert all(map(found.add, events))
    assert found.said() == {"provider": "openai", **CHAT_SAID}
    assert found.texts() == [ANSWER]


def test_an_event_named_like_a_clients_is_a_value_where_no_response_began():
    assert not any(Chunks().add({"type": name}) for name in ("chunk", "content.delta", "text", "citation"))


def test_chunks_of_a_text_completion_are_folded():
    chunk = {"object": "text_completion", "id": "cmpl-1", "choices": [{"text": "a", "index": 0, "finish_reason": None}]}

    assert folded([chunk, chunk]).texts() == ["aa"]
    assert folded([chunk]).said() == {"operation": "text_completion", "response_id": "cmpl-1"}


@pytest.mark.parametrize(
    "chunk",
    [
        None,
        "text",
        b"data",
        object(),
        {"object": [], "type": {}},
        {"type": "message_start"},
        {"type": "content_block_delta", "index": [], "delta": 7},
        {"object": "chat.completion.chunk", "choices": [{"delta": {"tool_calls": [None, 7, {}]}, "index": {}}, None]},
        {"type": "response.completed", "response": None},
    ],
)
def test_a_chunk_of_another_shape_says_nothing(chunk):
    found = folded([chunk])

    assert set(found.said()) <= {"operation"}
    assert found.texts() == []


def test_a_function_that_is_asked_for_in_the_old_way_comes_in_pieces_too():
    deltas = [{"function_call": {"name": "lookup", "arguments": ""}}, {"function_call": {"arguments": '{"q"'}}]
    deltas.append({"function_call": {"arguments": ": 1}"}})
    about = {"object": "chat.completion.chunk", "id": "c", "model": "gpt"}
    (call,) = folded({**about, "choices": [{"index": 0, "delta": one}]} for one in deltas).said()["tool_calls"]
    assert (call.name, call.arguments) == ("lookup", '{"q": 1}')
