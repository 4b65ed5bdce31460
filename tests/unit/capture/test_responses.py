"""What a response says of its call, as the clients' own objects, as dicts, and as anything else."""

import copy
from types import SimpleNamespace
from unittest.mock import MagicMock, Mock

import anthropic.types
import pytest
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from recorded import (
    ANSWER,
    ARGUMENTS,
    CHAT,
    CHAT_SAID,
    EMBEDDINGS,
    MESSAGE,
    MESSAGE_SAID,
    RESPONSE,
    RESPONSE_SAID,
    litellm_response,
)

from provsdk.capture._responses import answers_of, asked, read


class TestResponses:
    def test_a_chat_completion_of_openai_is_read(self):
        assert read(ChatCompletion.model_validate(CHAT)) == {"provider": "openai", **CHAT_SAID}

    def test_a_response_of_openai_is_read(self):
        assert read(Response.model_validate(RESPONSE)) == {"provider": "openai", **RESPONSE_SAID}

    def test_a_message_of_anthropic_is_read_and_what_was_cached_counts_as_sent(self):
        assert read(anthropic.types.Message.model_validate(MESSAGE)) == {"provider": "anthropic", **MESSAGE_SAID}

    def test_a_response_of_litellm_is_read_with_its_provider_and_its_retries(self):
        assert read(litellm_response(retries=2)) == {
            "operation": "chat",
            "provider": "anthropic",
            "response_model": "claude-sonnet-4-5",
            "response_id": "chatcmpl-4140715f-4ff4-4df5-835f-9998f2c01b02",
            "finish_reasons": ["stop"],
            "input_tokens": 1_312,
            "output_tokens": 58,
            "cache_read_tokens": 1_024,
            "cache_write_tokens": 200,
            "retries": 2,
        }

    def test_a_dict_of_ones_own_that_counts_tokens_is_read(self):
        usage = {"prompt_tokens": 12, "completion_tokens": 5}
        said = {"text": "an answer", "model": "small-1", "finish_reason": "stop", "usage": usage}
        assert read(said) == {
            "response_model": "small-1",
            "finish_reasons": ["stop"],
            "input_tokens": 12,
            "output_tokens": 5,
        }
        assert read({"text": "an answer", "usage": {"bytes": 3}}) == {}
        cached = {"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 100}
        assert read({"text": "an answer", "usage": cached})["input_tokens"] == 103

    def test_a_response_of_ollama_is_read(self):
        call = {"function": {"name": "weather", "arguments": {"city": "Bern"}}}
        said = {
            "model": "llama3.2",
            "message": {"role": "assistant", "content": "", "tool_calls": [call]},
            "done_reason": "stop",
            "prompt_eval_count": 26,
            "eval_count": 298,
        }
        found = read(said)
        assert [each.name for each in found.pop("tool_calls")] == ["weather"]
        assert found == {
            "response_model": "llama3.2",
            "finish_reasons": ["stop"],
            "input_tokens": 26,
            "output_tokens": 298,
        }

    def test_embeddings_are_read(self):
        assert read(CreateEmbeddingResponse.model_validate(EMBEDDINGS)) == {
            "operation": "embeddings",
            "provider": "openai",
            "response_model": "text-embedding-3-small",
            "input_tokens": 8,
        }

    def test_a_text_completion_is_read(self):
        body = {"object": "text_completion", "id": "cmpl-1", "choices": [{"text": ANSWER, "finish_reason": "stop"}]}

        assert read(body) == {"operation": "text_completion", "response_id": "cmpl-1", "finish_reasons": ["stop"]}

    @pytest.mark.parametrize(("body", "said"), [(CHAT, CHAT_SAID), (RESPONSE, RESPONSE_SAID), (MESSAGE, MESSAGE_SAID)])
    def test_a_dict_says_the_same_but_for_the_provider(self, body, said):
        assert read(body) == said

    def test_what_left_a_response_incomplete_is_why_it_ended(self):
        body = {**RESPONSE, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}

        assert read(Response.model_validate(body))["finish_reasons"] == ["max_output_tokens"]

    def test_every_choice_says_why_it_ended(self):
        body = copy.deepcopy(CHAT)
        body["choices"].append({**body["choices"][0], "index": 1, "finish_reason": "length"})

        assert read(body)["finish_reasons"] == ["tool_calls", "length"]

    def test_a_tool_that_takes_free_text_is_a_tool_call_too(self):
        call = {"id": "call_2", "type": "custom", "custom": {"name": "run", "input": "print(1)"}}

        assert asked(call) == ("run", "call_2", "print(1)")

    def test_a_raw_response_knows_its_retries_and_what_it_was_parsed_to(self):
        raw = SimpleNamespace(retries_taken=1, _parsed_by_type={ChatCompletion: ChatCompletion.model_validate(CHAT)})

        said = read(raw)

        assert (said["retries"], said["response_id"]) == (1, "chatcmpl-C9x2")

    def test_a_raw_response_that_was_not_parsed_is_not_parsed_by_us(self):
        raw = MagicMock(retries_taken=1, _parsed_by_type={})

        assert read(raw) == {"retries": 1}
        raw.parse.assert_not_called()


class TestAnythingElse:
    @pytest.mark.parametrize(
        "value",
        [
            None,
            ANSWER,
            b"bytes",
            7,
            [],
            {},
            [CHAT],
            (1, 2),
            object(),
            Mock(),
            MagicMock(),
            type,
            lambda: None,
            CHAT["usage"],
        ],
    )
    def test_what_is_no_response_says_nothing(self, value):
        assert read(value) == {}
        assert answers_of(value) is None

    def test_a_fake_with_the_shape_of_a_chat_completion_is_read(self):
        message = SimpleNamespace(content=ANSWER, tool_calls=None)
        fake = SimpleNamespace(choices=[SimpleNamespace(message=message, finish_reason="stop")], model="m-1")
        mock = Mock(choices=[Mock(message=Mock(content=ANSWER), finish_reason="stop")])

        assert read(fake) == {"operation": "chat", "response_model": "m-1", "finish_reasons": ["stop"]}
        assert read(mock) == {"operation": "chat", "finish_reasons": ["stop"]}

    @pytest.mark.parametrize("wrong", [None, [], {}, "text", -1, True, 2**60, 1.5, object()])
    def test_a_field_of_another_type_is_left_out(self, wrong):
        said = read({**CHAT, "usage": wrong, "id": wrong, "model": wrong, "choices": wrong})

        assert set(said) <= {"operation", "response_id", "response_model"}
        assert read({**CHAT, "usage": {**CHAT["usage"], "prompt_tokens": wrong}}).get("input_tokens") is None

    @pytest.mark.parametrize("wrong", [[], {}, set(), object(), 7, ["chat.completion"]])
    def test_a_mark_of_another_type_is_no_mark(self, wrong):
        assert read({"object": wrong, "type": wrong, "role": wrong}) == {}
        assert read({**RESPONSE, "output": [{"type": wrong}], "usage": None}).get("tool_calls") is None

    def test_attributes_that_raise_or_are_computed_are_left_alone(self):
        class Hostile:
            def __getattribute__(self, name):
                raise AssertionError(name)

        class Lazy:
            object = "chat.completion"

            @property
            def choices(self):
                raise AssertionError("evaluated")

        assert read(Hostile()) == {}
        assert read(Lazy()) == {"operation": "chat"}

    def test_a_stream_that_nobody_has_read_is_left_unread(self):
        class Stream:
            object = "chat.completion"

            def __init__(self):
                self.choices = iter([1, 2])
                self.read = False

            def __iter__(self):
                self.read = True
                yield CHAT

        stream = Stream()

        assert read(stream) == {"operation": "chat"}
        assert (next(stream.choices), stream.read) == (1, False)

    @pytest.mark.parametrize("text", ["two words", "naïve", "", "x" * 257, "line\nbreak"])
    def test_what_does_not_look_like_an_identifier_is_not_taken_for_one(self, text):
        body = copy.deepcopy(CHAT)
        body.update(id=text, model=text)
        body["choices"][0]["finish_reason"] = text
        body["choices"][0]["message"]["tool_calls"][0]["function"]["name"] = text

        assert text not in str(read(body)) or not text
        assert "tool_calls" not in read(body)

    def test_what_an_answer_says_is_never_taken(self):
        said = {**read(CHAT), **read(RESPONSE)}

        assert ANSWER not in str(said)
        assert RESPONSE["instructions"] not in str(said)

    @pytest.mark.parametrize(
        ("body", "name"), [(CHAT, "choices"), (RESPONSE, "output"), (MESSAGE, "content"), (EMBEDDINGS, "data")]
    )
    def test_the_answers_of_a_response_stand_in_one_field(self, body, name):
        assert answers_of(body) == (name, body[name])

    def test_arguments_are_kept_as_the_api_gives_them(self):
        assert read(CHAT)["tool_calls"][0].arguments == ARGUMENTS
        assert read(MESSAGE)["tool_calls"][0].arguments == {"query": "parcels", "limit": 4}


def test_a_function_that_is_asked_for_in_the_old_way_is_a_tool_call():
    message = {"role": "assistant", "content": None, "function_call": {"name": "lookup", "arguments": "{}"}}
    choice = {"index": 0, "finish_reason": "function_call", "message": message}
    said = read({"object": "chat.completion", "id": "c", "model": "gpt", "choices": [choice]})
    assert [(call.name, call.arguments) for call in said["tool_calls"]] == [("lookup", "{}")]
