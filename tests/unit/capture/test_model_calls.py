"""A traced model call says what its arguments and its response show, unless somebody declared otherwise."""

import json
import time

import pytest
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from recorded import (
    ANSWER,
    ARGUMENTS,
    CHAT,
    CHAT_CHUNKS,
    CHAT_SAID,
    MESSAGE,
    MESSAGE_EVENTS,
    RESPONSE,
    litellm_response,
)

from provsdk import Prompt, traced_model_call, traced_output, traced_transform
from provsdk.digest import JoinKey, digest
from provsdk.errors import UsageError

TEMPLATE = "Answer from these pages only, and politely: {pages}"
PROMPT = "What is to be answered, long enough to be told apart?"


class RegistryPrompt:
    """As Langfuse's prompt objects are."""

    def __init__(self):
        self.name, self.version, self.prompt, self.config = "support", 7, TEMPLATE, {}


def declared_of(kept, name="chat"):
    return kept.said(name)["declared"]


def in_output(call, *args, **kwargs):
    traced_output("out")(lambda: call(*args, **kwargs))()


class TestSeen:
    def test_the_response_fills_the_facts(self, plug, kept):
        in_output(traced_model_call("chat")(lambda: ChatCompletion.model_validate(CHAT)))

        said = declared_of(kept)
        assert {name: said[name] for name in CHAT_SAID if name != "tool_calls"} == {
            name: value for name, value in CHAT_SAID.items() if name != "tool_calls"
        }
        assert said["provider"] == "openai"

    async def test_the_response_of_a_coroutine_function_does_too(self, plug, kept):
        @traced_model_call("chat")
        async def chat():
            return MESSAGE

        await chat()

        assert declared_of(kept)["response_model"] == "claude-sonnet-4-5"

    def test_the_result_of_a_block_and_of_a_call_said_by_hand_do_too(self, plug, kept):
        with traced_output("out") as out:
            with traced_model_call("chat") as call:
                call.set_result(CHAT)
            out.add_model_call("by hand", response=MESSAGE)

        assert declared_of(kept)["response_id"] == "chatcmpl-C9x2"
        assert declared_of(kept, "by hand")["response_id"] == "msg_01"

    def test_what_is_declared_goes_before_what_is_seen(self, plug, kept):
        @traced_model_call("chat", provider="acme", input_tokens=lambda result: 7, response_id="mine")
        def chat():
            return CHAT

        chat()
        with traced_model_call("block") as call:
            call.set(output_tokens=9)
            call.set_result(CHAT)

        said = declared_of(kept)
        assert (said["provider"], said["input_tokens"], said["response_id"]) == ("acme", 7, "mine")
        assert said["output_tokens"] == CHAT_SAID["output_tokens"]
        assert declared_of(kept, "block")["output_tokens"] == 9

    def test_steps_that_are_no_model_calls_read_no_response(self, plug, kept):
        traced_output("out")(lambda: CHAT)()

        assert declared_of(kept, "out") == {"tenant": "default"}

    def test_facts_can_be_declared_where_nothing_shows_them(self, plug, kept):
        @traced_model_call(
            "chat",
            operation="generate_content",
            cache_read_tokens=1,
            cache_write_tokens=2,
            reasoning_tokens=3,
            time_to_first_chunk_s=0.1234567,
            retries=4,
        )
        def chat():
            return PROMPT

        chat()

        assert declared_of(kept) == {
            "operation": "generate_content",
            "cache_read_tokens": 1,
            "cache_write_tokens": 2,
            "reasoning_tokens": 3,
            "time_to_first_chunk_s": 0.123457,
            "retries": 4,
        }


class TestFlow:
    @pytest.mark.parametrize(
        ("response", "text", "name"),
        [
            (
                ChatCompletion.model_validate(CHAT),
                lambda one: one.choices[0].message.content,
                "choices.0.message.content",
            ),
            (Response.model_validate(RESPONSE), lambda one: one.output[1].content[0].text, "output.1.content.0.text"),
            (Response.model_validate(RESPONSE), lambda one: one.output_text, "output.1.content.0.text"),
            (litellm_response(), lambda one: one.choices[0].message.content, "choices.0.message.content"),
            (MESSAGE, lambda one: one["content"][0]["text"], "content.0.*"),
        ],
    )
    def test_an_output_that_returns_the_text_of_a_response_goes_back_to_the_call(
        self, plug, kept, response, text, name
    ):
        @traced_model_call("chat")
        def chat():
            return response

        @traced_output("out")
        def answer():
            return text(chat())

        assert answer() == ANSWER
        ((effect, cause, basis),) = kept.said("out")["derived"]
        element = next(one for one in kept.said("chat")["entities"] if kept.id_of("chat", one["n"]) == cause)
        assert (effect, element["name"], element["of"]) == ("out", name, 0)
        assert basis in {"identity", "digest"}
        assert "missing" not in kept.said("chat")

    def test_the_arguments_of_a_tool_call_are_known_where_they_go_on(self, plug, kept):
        @traced_model_call("chat")
        def chat():
            return ChatCompletion.model_validate(CHAT)

        @traced_output("out")
        def answer():
            return chat().choices[0].message.tool_calls[0].function.arguments

        answer()

        assert kept.said("out")["derived"][0][2] == "identity"
        assert "missing" not in kept.said("out")

    def test_what_stands_beside_the_answers_is_no_value_that_flows(self, plug, kept):
        in_output(traced_model_call("chat")(lambda: Response.model_validate(RESPONSE)))

        names = [one["name"] for one in kept.said("chat")["entities"] if one["role"] == "element"]
        assert all(name.startswith("output.") for name in names)

    def test_a_dict_that_is_no_response_is_looked_into_as_ever(self, plug, kept):
        in_output(traced_model_call("chat")(lambda: {"text": ANSWER, "id": PROMPT}))

        assert len([one for one in kept.said("chat")["entities"] if one["role"] == "element"]) == 2


class TestRequest:
    def test_settings_among_the_arguments_are_the_parameters(self, plug, kept):
        @traced_model_call("chat")
        def chat(messages, *, model, temperature=1.0, top_p=None, **more):
            return PROMPT

        tool = {"type": "function", "function": {"name": "search", "description": "looks", "parameters": {}}}
        in_output(
            chat,
            [{"role": "user", "content": PROMPT}],
            model="gpt-5-mini",
            seed=7,
            stop=["END"],
            tools=[tool],
            tool_choice={"type": "function", "function": {"name": "search"}},
            reasoning={"effort": "low"},
            response_format={"type": "json_schema", "json_schema": {"name": "verdict", "schema": {}}},
            user="anna@example.org",
            metadata={"case": "4711"},
            max_tokens=object(),
        )

        (parameters,) = [one["declared"]["parameters"] for one in kept.facts[0]["spans"].values() if "declared" in one]
        assert parameters == {
            "temperature": 1.0,
            "seed": 7,
            "stop": ["END"],
            "tools": [{"name": "search", "digest": "sha256:" + digest(tool).hex()}],
            "tool_choice": "search",
            "reasoning": {"effort": "low"},
            "response_format": "verdict",
        }
        assert declared_of(kept) == {"model": "gpt-5-mini"}

    def test_declared_parameters_and_model_stand_alone(self, plug, kept):
        @traced_model_call("chat", model="mine", parameters={"beam": 4})
        def chat(model="theirs", temperature=0.5):
            return PROMPT

        in_output(chat)

        (local,) = [one["declared"] for one in kept.facts[0]["spans"].values() if "declared" in one]
        assert local == {"parameters": {"beam": 4}}
        assert declared_of(kept) == {"model": "mine"}

    def test_a_class_that_the_answer_must_follow_is_named(self, plug, kept):
        class Verdict:
            pass

        in_output(traced_model_call("chat")(lambda response_format: PROMPT), response_format=Verdict)

        assert "Verdict" in str(kept.facts[0]["spans"])

    def test_tools_are_settings_and_not_looked_into(self, plug, kept):
        tools = [{"name": f"tool{n}", "input_schema": {"type": "object", "properties": {}}} for n in range(50)]

        in_output(traced_model_call("chat")(lambda tools: PROMPT), tools=tools)

        assert [one["name"] for one in kept.said("chat")["entities"] if one["role"] != "result"] == ["tools"]


class TestToolCalls:
    def test_a_tool_call_is_its_name_its_id_and_the_digest_of_its_arguments(self, plug, kept):
        in_output(traced_model_call("chat")(lambda: ChatCompletion.model_validate(CHAT)))

        ((call),) = declared_of(kept)["tool_calls"]
        value = next(one for one in kept.said("chat")["entities"] if one["n"] == call["n"])
        assert (call["name"], call["id"]) == ("search", "call_1")
        assert (value["role"], value["size"]) == ("tool_call", len(ARGUMENTS))
        assert value["join"] == JoinKey(b"k" * 32).join(digest(ARGUMENTS))
        assert "parcel kept" not in json.dumps([dict(span.attributes) for span in kept.spans])

    def test_tool_calls_can_be_declared(self, plug, kept):
        @traced_model_call("chat", tool_calls=lambda result: [{"name": "search", "id": "1", "arguments": {"q": 1}}])
        def chat():
            return PROMPT

        in_output(chat)

        assert declared_of(kept)["tool_calls"][0]["name"] == "search"

    @pytest.mark.parametrize("wrong", ["search", [], [{}], [{"id": "1"}], 7])
    def test_what_is_no_tool_call_is_refused(self, wrong):
        with pytest.raises(UsageError, match="wants a list of tool calls"):
            traced_model_call("chat", tool_calls=wrong)(lambda: None)


class TestPrompts:
    def test_a_template_is_its_name_its_version_and_its_digest(self, plug, kept):
        @traced_model_call("chat", prompt_template=Prompt("support", "7", TEMPLATE))
        def chat():
            return PROMPT

        in_output(chat)

        said = declared_of(kept)["prompt_template"]
        value = next(one for one in kept.said("chat")["entities"] if one["n"] == said["n"])
        assert (said["name"], said["version"]) == ("support", "7")
        assert value["join"] == JoinKey(b"k" * 32).join(digest(TEMPLATE))
        assert TEMPLATE not in json.dumps([dict(span.attributes) for span in kept.spans])

    @pytest.mark.parametrize(
        "prompt",
        [
            lambda: Prompt("support", 7, [{"role": "system", "content": TEMPLATE}]),
            {"name": "support", "version": "7", "template": TEMPLATE},
            RegistryPrompt(),
        ],
    )
    def test_a_rule_a_mapping_and_the_prompt_of_a_registry_are_taken(self, plug, kept, prompt):
        in_output(traced_model_call("chat", prompt_template=prompt)(lambda: PROMPT))

        said = declared_of(kept)["prompt_template"]
        assert (said["name"], said["version"], "n" in said) == ("support", "7", True)

    def test_a_template_without_its_text_is_a_name(self, plug, kept):
        in_output(traced_model_call("chat", prompt_template=Prompt("support"))(lambda: PROMPT))

        assert declared_of(kept)["prompt_template"] == {"name": "support"}

    def test_it_is_said_of_a_call_that_failed_too(self, plug, kept):
        @traced_model_call("chat", prompt_template=Prompt("support", "7", TEMPLATE))
        def chat(temperature):
            raise TimeoutError

        with pytest.raises(TimeoutError):
            in_output(chat, 0.5)

        assert declared_of(kept)["prompt_template"]["name"] == "support"

    def test_its_text_is_kept_only_where_content_is_kept(self, plug, kept):
        call = traced_model_call("chat", prompt_template=Prompt("support", "7", TEMPLATE))(lambda: PROMPT)
        in_output(call)
        traced_output("kept", capture_content="full")(call)()

        assert [TEMPLATE.encode() in str(facts).encode() for facts in kept.facts] == [False, True]

    @pytest.mark.parametrize("wrong", ["support", Prompt(7), Prompt("a", 1.5), {"version": "7"}])
    def test_what_is_no_template_is_refused_without_being_quoted(self, wrong):
        with pytest.raises(UsageError, match=r"wants a provsdk\.Prompt") as caught:
            traced_model_call("chat", prompt_template=wrong)(lambda: None)
        assert "support" not in str(caught.value)

    def test_the_text_is_not_in_its_representation(self):
        assert TEMPLATE not in repr(Prompt("support", "7", TEMPLATE))


class TestConventions:
    def test_the_span_says_its_facts_in_opentelemetrys_words_too(self, plug, kept):
        @traced_model_call("chat", prompt_template=Prompt("support", "7", TEMPLATE), time_to_first_chunk_s=0.25)
        def chat(model, temperature, top_p, seed, max_completion_tokens):
            return ChatCompletion.model_validate(CHAT)

        in_output(chat, "gpt-5-mini", 0.2, 1, 7, 400)

        said = {name: value for name, value in kept.span("chat").attributes.items() if name.startswith("gen_ai.")}
        assert said == {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5-mini",
            "gen_ai.request.temperature": 0.2,
            "gen_ai.request.top_p": 1,
            "gen_ai.request.seed": 7,
            "gen_ai.request.max_tokens": 400,
            "gen_ai.response.model": "gpt-5-mini-2026-08-07",
            "gen_ai.response.id": "chatcmpl-C9x2",
            "gen_ai.response.finish_reasons": ("tool_calls",),
            "gen_ai.response.time_to_first_chunk": 0.25,
            "gen_ai.usage.input_tokens": 1_312,
            "gen_ai.usage.output_tokens": 58,
            "gen_ai.usage.cache_read.input_tokens": 1_024,
            "gen_ai.usage.reasoning.output_tokens": 32,
            "gen_ai.prompt.name": "support",
            "gen_ai.prompt.version": "7",
        }

    def test_what_is_not_known_is_left_out(self, plug, kept):
        traced_model_call("chat", parameters={"temperature": "low", "seed": True})(lambda: PROMPT)()

        assert [name for name in kept.span("chat").attributes if name.startswith("gen_ai.")] == []

    def test_outside_any_output_there_are_no_values_and_the_facts_are_said(self, plug, kept):
        traced_model_call("chat", prompt_template=Prompt("support", "7", TEMPLATE))(lambda: CHAT)()

        assert declared_of(kept)["prompt_template"] == {"name": "support", "version": "7"}
        assert declared_of(kept)["tool_calls"] == [{"name": "search", "id": "call_1"}]


class TestStreams:
    def test_the_chunks_of_a_generator_say_the_facts_and_are_no_values_by_themselves(self, plug, kept):
        @traced_model_call("chat")
        def chat():
            yield from CHAT_CHUNKS

        @traced_output("out")
        def answer():
            return "".join(choice["delta"].get("content") or "" for chunk in chat() for choice in chunk["choices"])

        assert answer() == ANSWER
        said = kept.said("chat")
        assert {name: said["declared"][name] for name in ("response_id", "input_tokens", "finish_reasons")} == {
            name: CHAT_SAID[name] for name in ("response_id", "input_tokens", "finish_reasons")
        }
        roles = [(one["role"], one.get("name")) for one in said["entities"]]
        assert roles == [("result", None), ("element", "text"), ("tool_call", "search")]
        text = next(one["n"] for one in said["entities"] if one.get("name") == "text")
        assert kept.said("out")["derived"] == [["out", kept.id_of("chat", text), "digest"]]
        assert kept.span("chat").attributes["gen_ai.response.time_to_first_chunk"] >= 0

    def test_it_is_the_first_chunk_that_the_time_is_of(self, plug, kept):
        """What it takes from one chunk to the next is many times the time to the first."""

        @traced_model_call("chat")
        def chat():
            yield CHAT_CHUNKS[0]
            for chunk in CHAT_CHUNKS[1:3]:
                time.sleep(0.3)
                yield chunk

        @traced_output("out")
        def answer():
            return str(len(list(chat())))

        answer()
        assert kept.said("chat")["stream"]["first_us"] < 300_000

    async def test_those_of_an_async_generator_do_too(self, plug, kept):
        @traced_model_call("chat", response_id="mine")
        async def chat():
            for event in MESSAGE_EVENTS:
                yield event

        assert len([event async for event in chat()]) == len(MESSAGE_EVENTS)
        assert declared_of(kept)["response_model"] == "claude-sonnet-4-5"
        assert declared_of(kept)["response_id"] == "mine"

    def test_a_stream_that_fails_says_what_came_until_then(self, plug, kept):
        @traced_model_call("chat")
        def chat():
            yield from CHAT_CHUNKS[:2]
            raise TimeoutError

        with pytest.raises(TimeoutError):
            list(chat())

        assert kept.said("chat")["status"] == "failed"
        assert declared_of(kept)["response_id"] == CHAT["id"]

    def test_streams_of_other_steps_are_not_taken_for_a_models(self, plug, kept):
        @traced_transform("step")
        def step():
            yield from CHAT_CHUNKS

        traced_output("out")(lambda: len(list(step())))()

        assert "declared" not in kept.said("step")
        assert len([one for one in kept.said("step")["entities"] if one["role"] == "element"]) == len(CHAT_CHUNKS)


def test_a_fault_while_the_facts_are_settled_costs_those_facts_only(plug, kept, monkeypatch):
    monkeypatch.setattr("provsdk.capture._session.Activity.told", lambda *_: 1 / 0)
    call = traced_model_call("chat", provider="acme", prompt_template=Prompt("support", "7", TEMPLATE))(lambda: PROMPT)

    in_output(call)

    assert declared_of(kept) == {"provider": "acme"}
    assert kept.said("chat")["missing"] == [["capture_failed", "facts of the model call"]]
