"""The real clients of OpenAI and Anthropic, against a server that replays recorded answers: what their records say."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anthropic
import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import provsdk
from provsdk import traced_model_call, traced_output
from provsdk.capture._chunks import Chunks

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes" / "model_apis"))

from recorded import (
    ANSWER,
    CHAT,
    CHAT_CHUNKS,
    CHAT_SAID,
    MESSAGE,
    MESSAGE_EVENTS,
    MESSAGE_SAID,
    RESPONSE,
    RESPONSE_EVENTS,
    RESPONSE_SAID,
)

WHOLE = {"/v1/chat/completions": CHAT, "/v1/responses": RESPONSE, "/v1/messages": MESSAGE}
STREAMED = {"/v1/chat/completions": CHAT_CHUNKS, "/v1/responses": RESPONSE_EVENTS, "/v1/messages": MESSAGE_EVENTS}


class Replay(BaseHTTPRequestHandler):
    """Answers each path with its recording; refuses as many requests before as it was told to."""

    refusals = 0

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if Replay.refusals:
            Replay.refusals -= 1
            self.answer(503, "application/json", b"{}")
        elif asked.get("stream"):
            events = "".join(
                f"event: {e.get('type', 'message')}\ndata: {json.dumps(e)}\n\n" for e in STREAMED[self.path]
            )
            self.answer(200, "text/event-stream", f"{events}data: [DONE]\n\n".encode())
        else:
            self.answer(200, "application/json", json.dumps(WHOLE[self.path]).encode())

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("retry-after-ms", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Replay)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    Replay.refusals = 0


@pytest.fixture
def gpt(address):
    with openai.DefaultHttpxClient(trust_env=False) as direct:
        yield openai.OpenAI(base_url=f"{address}/v1", api_key="none", http_client=direct, max_retries=2)


@pytest.fixture
def claude(address):
    with anthropic.DefaultHttpxClient(trust_env=False) as direct:
        yield anthropic.Anthropic(base_url=address, api_key="none", http_client=direct, max_retries=2)


ASKED = [{"role": "user", "content": "How long is a parcel kept, and where?"}]


def recorded_call(records, call, text, **settings):
    """The model call in the record of an output that returns the text of what `call` returns."""

    @traced_model_call("call")
    def traced(**settings):
        return call(**settings)

    assert traced_output("answer")(lambda: text(traced(**settings)))() == ANSWER
    (record,) = records
    return record, record.model_calls[0]


def agrees(call, said):
    names = set(said) - {"tool_calls"}
    assert {name: getattr(call, name) for name in names} == {name: said[name] for name in names}
    assert [(each.name, each.tool_call_id) for each in call.tool_calls] == [each[:2] for each in said["tool_calls"]]
    assert all(each.arguments.digest.startswith("sha256:") for each in call.tool_calls)


def is_linked(record):
    made = {each.entity_id for each in record.model_calls[0].results}
    return any(
        edge.from_ == record.output.output_id and edge.to in made and edge.basis in {"identity", "digest"}
        for edge in record.flow
    )


def test_a_chat_completion_of_the_real_client(gpt, provsdk_records):
    record, call = recorded_call(
        provsdk_records,
        lambda **settings: gpt.chat.completions.create(messages=ASKED, **settings),
        lambda completion: completion.choices[0].message.content,
        model="gpt-5-mini",
        temperature=0.2,
        seed=7,
    )

    agrees(call, {"provider": "openai", "model": "gpt-5-mini", **CHAT_SAID})
    assert call.parameters == {"temperature": 0.2, "seed": 7}
    assert is_linked(record)
    assert record.completeness.complete


def test_a_response_of_the_real_client(gpt, provsdk_records):
    record, call = recorded_call(
        provsdk_records,
        lambda **settings: gpt.responses.create(input="How long?", **settings),
        lambda response: response.output_text,
        model="gpt-5-mini",
    )

    agrees(call, {"provider": "openai", **RESPONSE_SAID})
    assert is_linked(record)
    assert record.completeness.complete


def test_a_message_of_the_real_client(claude, provsdk_records):
    record, call = recorded_call(
        provsdk_records,
        lambda **settings: claude.messages.create(messages=ASKED, **settings),
        lambda message: message.content[0].text,
        model="claude-recorded",
        max_tokens=400,
    )

    agrees(call, {"provider": "anthropic", **MESSAGE_SAID})
    assert call.parameters == {"max_tokens": 400}
    assert is_linked(record)
    assert record.completeness.complete


def test_a_raw_response_of_the_real_client_knows_how_often_it_was_tried_again(gpt, provsdk_records):
    Replay.refusals = 2

    def raw(**settings):
        found = gpt.chat.completions.with_raw_response.create(messages=ASKED, **settings)
        found.parse()
        return found

    _, call = recorded_call(
        provsdk_records, raw, lambda found: found.parse().choices[0].message.content, model="gpt-5-mini"
    )

    assert call.retries == 2
    agrees(call, {**CHAT_SAID, "retries": 2})


def test_streams_of_the_real_clients_say_the_same(gpt, claude):
    def folded(stream):
        found = Chunks()
        with stream:
            for chunk in stream:
                found.add(chunk)
        return found.said()

    chat = gpt.chat.completions.create(model="m", messages=ASKED, stream=True)
    response = gpt.responses.create(model="m", input="How long?", stream=True)
    message = claude.messages.create(model="m", messages=ASKED, max_tokens=400, stream=True)

    assert folded(chat) == {"provider": "openai", **CHAT_SAID}
    assert folded(response) == {"provider": "openai", **RESPONSE_SAID}
    assert folded(message) == {"provider": "anthropic", **MESSAGE_SAID}


def test_opentelemetrys_attributes_arrive_where_the_users_spans_go(gpt):
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provsdk.configure(tracer_provider=provider)

    traced_model_call("call")(lambda model: gpt.chat.completions.create(model=model, messages=ASKED))("gpt-5-mini")

    (span,) = exporter.get_finished_spans()
    assert span.attributes["gen_ai.operation.name"] == "chat"
    assert span.attributes["gen_ai.request.model"] == "gpt-5-mini"
    assert span.attributes["gen_ai.usage.input_tokens"] == CHAT_SAID["input_tokens"]
    assert span.attributes["gen_ai.response.finish_reasons"] == ("tool_calls",)
    json.loads(span.to_json())
    provider.shutdown()


def text_of_chat(stream):
    return "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices)


def text_of_message(stream):
    return "".join(
        event.delta.text for event in stream if getattr(event, "delta", None) and hasattr(event.delta, "text")
    )


def text_of_response(stream):
    return "".join(event.delta for event in stream if event.type == "response.output_text.delta")


STREAMS = {
    "chat": (lambda gpt, _: gpt.chat.completions.create, text_of_chat, {"messages": ASKED}, CHAT_SAID),
    "message": (
        lambda _, claude: claude.messages.create,
        text_of_message,
        {"messages": ASKED, "max_tokens": 9},
        MESSAGE_SAID,
    ),
    "response": (lambda gpt, _: gpt.responses.create, text_of_response, {"input": "How long?"}, RESPONSE_SAID),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_a_traced_stream_says_what_its_chunks_say_and_its_text_is_linked(gpt, claude, kind, provsdk_records):
    client, text_of, asked, said = STREAMS[kind]
    call = traced_model_call("call")(client(gpt, claude))

    assert traced_output("answer")(lambda: text_of(call(model="m", stream=True, **asked)))() == ANSWER
    (record,) = provsdk_records
    (found,) = record.model_calls
    agrees(found, said)
    assert found.parameters["stream"] is True
    assert found.stream.first_chunk_us > 0
    assert is_linked(record)
    assert [each.name for each in found.results if each.role == "element"] == ["text"]
    assert record.completeness.complete


def test_a_stream_that_is_closed_early_says_what_came(gpt, provsdk_records):
    call = traced_model_call("call")(gpt.chat.completions.create)

    def first():
        with call(model="m", messages=ASKED, stream=True) as stream:
            return [next(stream) for _ in range(2)][-1].choices[0].delta.content

    assert traced_output("answer")(first)() == ANSWER[:20]
    (found,) = provsdk_records[0].model_calls
    assert (found.status, found.response_id, found.finish_reasons) == ("closed_early", CHAT["id"], [])


def reasons_of(record):
    return [each.detail for each in record.completeness.reasons]


READINGS = {
    "events": text_of_message,
    "its text": lambda stream: "".join(stream.text_stream),
    "a method": lambda stream: stream.get_final_text(),
}


@pytest.mark.parametrize("way", READINGS)
def test_a_stream_that_a_manager_opens_is_traced_however_it_is_read(claude, way, provsdk_records):
    call = traced_model_call("call")(claude.messages.stream)

    def whole():
        with call(model="m", messages=ASKED, max_tokens=9) as stream:
            return READINGS[way](stream)

    assert traced_output("answer")(whole)() == ANSWER
    (record,) = provsdk_records
    (found,) = record.model_calls
    assert found.status == "completed"
    agrees(found, {"provider": "anthropic", **MESSAGE_SAID})
    assert is_linked(record)
    if way == "a method":
        assert reasons_of(record) == ["call: stream: it may have been read by a method of its own"]
    else:
        assert record.completeness.complete
        assert found.stream.chunks > 1


def test_a_stream_of_a_manager_that_is_left_early_is_closed_early(claude, provsdk_records):
    call = traced_model_call("call")(claude.messages.stream)

    def first():
        with call(model="m", messages=ASKED, max_tokens=9) as stream:
            for text in stream.text_stream:
                return text
        return None

    traced_output("answer")(first)()
    (found,) = provsdk_records[0].model_calls
    assert (found.status, found.stream.chunks) == ("closed_early", 1)
    assert (found.response_id, found.finish_reasons) == (MESSAGE["id"], [])


def text_of_chat_events(stream):
    return "".join(event.delta for event in stream if event.type == "content.delta")


OPENAIS_READINGS = {
    "chat, its events": ("chat", text_of_chat_events),
    "chat, a method": ("chat", lambda stream: stream.get_final_completion().choices[0].message.content),
    "response, its events": ("response", text_of_response),
    "response, a method": ("response", lambda stream: stream.get_final_response().output_text),
}
OPENAIS_MANAGERS = {
    "chat": (lambda gpt: gpt.chat.completions.stream, {"messages": ASKED}, CHAT_SAID),
    "response": (lambda gpt: gpt.responses.stream, {"input": "How long?"}, RESPONSE_SAID),
}


@pytest.mark.parametrize("way", OPENAIS_READINGS)
def test_a_manager_of_openais_client_is_traced_however_its_stream_is_read(gpt, way, provsdk_records):
    kind, text_of = OPENAIS_READINGS[way]
    method, asked, said = OPENAIS_MANAGERS[kind]
    call = traced_model_call("call")(method(gpt))

    def whole():
        with call(model="m", **asked) as stream:
            return text_of(stream)

    assert traced_output("answer")(whole)() == ANSWER
    (record,) = provsdk_records
    (found,) = record.model_calls
    assert found.status == "completed"
    agrees(found, {"provider": "openai", **said})
    assert is_linked(record)
    by_method = ["call: stream: it may have been read by a method of its own"]
    assert reasons_of(record) == (by_method if way.endswith("a method") else [])
    assert [each.name for each in found.results if each.role == "element"] == ["text"]


def test_a_manager_of_openais_client_that_is_left_early_says_what_came(gpt, provsdk_records):
    call = traced_model_call("call")(gpt.chat.completions.stream)

    def first():
        with call(model="m", messages=ASKED) as stream:
            for event in stream:
                if event.type == "content.delta" and event.delta:
                    return event.delta
        return None

    assert traced_output("answer")(first)() == ANSWER[:20]
    (found,) = provsdk_records[0].model_calls
    assert (found.status, found.response_id, found.finish_reasons) == ("closed_early", CHAT["id"], [])


@pytest.fixture
async def async_gpt(address):
    async with openai.DefaultAsyncHttpxClient(trust_env=False) as direct:
        yield openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none", http_client=direct, max_retries=2)


@pytest.fixture
async def async_claude(address):
    async with anthropic.DefaultAsyncHttpxClient(trust_env=False) as direct:
        yield anthropic.AsyncAnthropic(base_url=address, api_key="none", http_client=direct, max_retries=2)


async def read(stream):
    return [chunk async for chunk in stream]


@pytest.mark.parametrize("kind", STREAMS)
async def test_a_stream_of_an_async_client_says_what_its_chunks_say(async_gpt, async_claude, kind, provsdk_records):
    client, text_of, asked, said = STREAMS[kind]
    call = traced_model_call("call")(client(async_gpt, async_claude))

    @traced_output("answer")
    async def whole():
        return text_of(await read(await call(model="m", stream=True, **asked)))

    assert await whole() == ANSWER
    (record,) = provsdk_records
    (found,) = record.model_calls
    agrees(found, said)
    assert found.stream.first_chunk_us > 0
    assert is_linked(record)
    assert [each.name for each in found.results if each.role == "element"] == ["text"]
    assert record.completeness.complete


@pytest.mark.parametrize("kind", STREAMS)
async def test_a_stream_that_came_at_the_third_try_says_so(gpt, claude, async_gpt, async_claude, kind, provsdk_records):
    client, text_of, asked, _ = STREAMS[kind]
    call = traced_model_call("call")(client(gpt, claude))
    later = traced_model_call("later")(client(async_gpt, async_claude))

    @traced_output("answer")
    async def both():
        Replay.refusals = 2
        text_of(call(model="m", stream=True, **asked))
        Replay.refusals = 1
        text_of(await read(await later(model="m", stream=True, **asked)))

    await both()

    assert [each.retries for each in provsdk_records[0].model_calls] == [2, 1]


def test_retries_that_were_said_stay_as_they_were_said(gpt, provsdk_records):
    Replay.refusals = 1
    call = traced_model_call("call", retries=7)(gpt.chat.completions.create)
    traced_output("answer")(lambda: text_of_chat(call(model="m", messages=ASKED, stream=True)))()
    assert provsdk_records[0].model_calls[0].retries == 7


async def test_a_stream_of_an_async_client_that_is_left_early_says_what_came(async_gpt, provsdk_records):
    call = traced_model_call("call")(async_gpt.chat.completions.create)

    @traced_output("answer")
    async def first():
        async with await call(model="m", messages=ASKED, stream=True) as stream:
            async for chunk in stream:
                if chunk.choices[0].delta.content:
                    return chunk.choices[0].delta.content
        return None

    assert await first() == ANSWER[:20]
    (found,) = provsdk_records[0].model_calls
    assert (found.status, found.response_id, found.finish_reasons) == ("closed_early", CHAT["id"], [])


async def final_chat(stream):
    return (await stream.get_final_completion()).choices[0].message.content


async def final_response(stream):
    return (await stream.get_final_response()).output_text


async def final_message(stream):
    return await stream.get_final_text()


def by_events(text_of):
    async def reading(stream):
        return text_of(await read(stream))

    return reading


async def its_texts(stream):
    return "".join(await read(stream.text_stream))


MESSAGES = ({"messages": ASKED, "max_tokens": 9}, MESSAGE_SAID)
ASYNC_MANAGERS = {
    "chat, its events": (by_events(text_of_chat_events), *OPENAIS_MANAGERS["chat"]),
    "chat, a method": (final_chat, *OPENAIS_MANAGERS["chat"]),
    "response, its events": (by_events(text_of_response), *OPENAIS_MANAGERS["response"]),
    "response, a method": (final_response, *OPENAIS_MANAGERS["response"]),
    "message, its events": (by_events(text_of_message), lambda claude: claude.messages.stream, *MESSAGES),
    "message, its text": (its_texts, lambda claude: claude.messages.stream, *MESSAGES),
    "message, a method": (final_message, lambda claude: claude.messages.stream, *MESSAGES),
}


@pytest.mark.parametrize("way", ASYNC_MANAGERS)
async def test_a_manager_of_an_async_client_is_traced_however_its_stream_is_read(
    async_gpt, async_claude, way, provsdk_records
):
    reading, method, asked, said = ASYNC_MANAGERS[way]
    call = traced_model_call("call")(method(async_claude if way.startswith("message") else async_gpt))

    @traced_output("answer")
    async def whole():
        async with call(model="m", **asked) as stream:
            return await reading(stream)

    assert await whole() == ANSWER
    (record,) = provsdk_records
    (found,) = record.model_calls
    assert found.status == "completed"
    agrees(found, said)
    assert is_linked(record)
    by_method = ["call: stream: it may have been read by a method of its own"]
    assert reasons_of(record) == (by_method if way.endswith("a method") else [])
