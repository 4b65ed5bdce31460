"""Citations: those that a program states, and those that the APIs of models return."""

import anthropic.types
import msgspec
import openai.types.responses
import pydantic
import pytest

from provsdk import cite, traced_model_call, traced_output, traced_source
from provsdk.capture._chunks import Chunks
from provsdk.capture._citations import Citation, citations_of
from provsdk.questions.links import links
from provsdk.questions.why import why
from provsdk.testing import captured_records

HANDBOOK = "A parcel that nobody fetches is kept for twelve days, then it goes back to whoever sent it."
TERMS = "Returns are free within thirty days of the delivery, as long as the seal is unbroken."
ANSWER = "After not quite two weeks the parcel leaves us, dear customer."
URL = "https://example.org/terms"


@traced_source(type="file", name="handbook")
def load():
    return str(HANDBOOK.encode(), "utf-8")


@traced_source(type="file", name="terms")
def terms():
    return str(TERMS.encode(), "utf-8")


def record_of(body, **settings):
    with captured_records(**settings) as records:
        traced_output("answer")(body)()
    return records[-1]


def cited(record):
    """Name of the source, and places, of each declared edge."""
    names = {one.source_id: one.name for one in record.sources}
    found = [edge for edge in record.flow if edge.basis == "explicit"]
    return [(names[edge.to], [] if edge.spans is msgspec.UNSET else edge.spans) for edge in found]


# -- by hand


def test_what_a_program_cites_is_a_declared_edge_with_its_places():
    def body():
        handbook, _ = load(), terms()
        return cite(ANSWER, handbook, (6, 28), source_span=(0, 53))

    record = record_of(body)

    assert cited(record) == [("handbook", [(6, 28, 0, 53)])]
    strength = {one.name: links(record)[one.source_id].strength for one in record.sources}
    assert strength["handbook"] == "declared"
    assert strength["terms"] not in {"observed", "declared"}
    (sentence,) = why(record, ANSWER)
    assert [(one.source, one.basis, one.start, one.end) for one in sentence.supports] == [
        ("handbook", "explicit", 6, 28)
    ]
    assert record.completeness.complete


def test_without_places_the_value_rests_on_the_source():
    record = record_of(lambda: cite(ANSWER, load()))
    assert cited(record) == [("handbook", [])]


def test_several_places_of_one_source_are_one_edge():
    def body():
        handbook = load()
        cite(ANSWER, handbook, (0, 5))
        return cite(ANSWER, handbook, (10, 20))

    assert cited(record_of(body)) == [("handbook", [(0, 5, 0, len(HANDBOOK)), (10, 20, 0, len(HANDBOOK))])]


def test_a_part_that_goes_into_the_output_may_cite_too():
    def body():
        part = cite(f"{ANSWER} Indeed it does.", load())
        return f"Dear customer! {part} Yours, the desk."

    record = record_of(body)
    assert cited(record) == [("handbook", [])]
    assert next(iter(links(record).values())).strength == "declared"


@pytest.mark.parametrize("span", [(5, 5), (-1, 3), (0, 10_000), (0,), "ab", (0.0, 3.0), (False, True)])
def test_a_wrong_place_is_said_and_cites_nothing(span):
    record = record_of(lambda: cite(ANSWER, load(), span))
    assert cited(record) == []
    (reason,) = record.completeness.reasons
    assert (reason.reason, "cite: a span" in reason.detail) == ("invalid_fact", True)


def test_a_source_that_nobody_loaded_and_a_value_like_many_others_are_said():
    reasons = record_of(lambda: cite(ANSWER, TERMS)).completeness.reasons
    assert ["cite: a source that the output does not know" in one.detail for one in reasons] == [True]
    reasons = record_of(lambda: cite("Yes.", load())).completeness.reasons
    assert ["cannot be told from others" in one.detail for one in reasons] == [True]


def test_outside_any_output_and_unconfigured_it_hands_the_value_back():
    assert cite(ANSWER, HANDBOOK) is ANSWER


# -- of the APIs

ANTHROPIC = {
    "type": "message",
    "role": "assistant",
    "id": "msg_1",
    "model": "claude",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
    "content": [
        {"type": "text", "text": "Dear customer, as to parcels: "},
        {
            "type": "text",
            "text": ANSWER,
            "citations": [
                {
                    "type": "char_location",
                    "cited_text": HANDBOOK[:53],
                    "document_index": 0,
                    "document_title": "Handbook",
                    "start_char_index": 0,
                    "end_char_index": 53,
                },
                {
                    "type": "web_search_result_location",
                    "cited_text": "Parcels go back after twelve days.",
                    "url": URL,
                    "title": "Terms",
                    "encrypted_index": "x",
                },
            ],
        },
    ],
}
OPENAI = {
    "object": "response",
    "id": "resp_1",
    "model": "gpt",
    "status": "completed",
    "output": [
        {
            "type": "message",
            "id": "m",
            "role": "assistant",
            "status": "completed",
            "content": [
                {
                    "type": "output_text",
                    "text": ANSWER,
                    "annotations": [
                        {"type": "url_citation", "url": URL, "title": "Terms", "start_index": 6, "end_index": 28},
                        {"type": "file_citation", "file_id": "file-1", "filename": "terms.pdf", "index": 3},
                    ],
                }
            ],
        }
    ],
}
CHAT = {
    "object": "chat.completion",
    "id": "c",
    "model": "gpt",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {
                "role": "assistant",
                "content": ANSWER,
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"url": URL, "title": "Terms", "start_index": 6, "end_index": 28},
                    }
                ],
            },
        }
    ],
}
UMLAUTS = "Für Pakete gilt: nach zwölf Tagen gehen sie zurück."
GEMINI = {
    "candidates": [
        {
            "content": {"parts": [{"text": UMLAUTS}], "role": "model"},
            "groundingMetadata": {
                "groundingChunks": [{"web": {"uri": URL, "title": "Terms"}}, {"retrievedContext": {"text": HANDBOOK}}],
                "groundingSupports": [
                    {
                        "segment": {"startIndex": 18, "endIndex": len(UMLAUTS.encode()), "text": UMLAUTS[17:]},
                        "groundingChunkIndices": [0, 1, 7],
                    }
                ],
            },
        }
    ]
}


@pytest.mark.parametrize(
    ("response", "found"),
    [
        (
            ANTHROPIC,
            [
                Citation(ANSWER, (0, len(ANSWER)), HANDBOOK[:53], None, "Handbook"),
                Citation(ANSWER, (0, len(ANSWER)), "Parcels go back after twelve days.", URL, "Terms"),
            ],
        ),
        (
            OPENAI,
            [
                Citation(ANSWER, (6, 28), None, URL, "Terms"),
                Citation(ANSWER, (0, len(ANSWER)), None, "file-1", "terms.pdf"),
            ],
        ),
        (CHAT, [Citation(ANSWER, (6, 28), None, URL, "Terms")]),
        (
            GEMINI,
            [
                Citation(UMLAUTS, (17, len(UMLAUTS)), None, URL, "Terms"),
                Citation(UMLAUTS, (17, len(UMLAUTS)), HANDBOOK, None, None),
            ],
        ),
    ],
    ids=["Anthropic", "OpenAI's responses", "OpenAI's chat", "Gemini"],
)
def test_the_citations_of_an_api_are_read_by_their_shape(response, found):
    assert citations_of(response) == found


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        {},
        {"content": "text"},
        {"content": [{"text": 3, "citations": [{}]}, {"text": "x", "citations": "no"}]},
        {"output": [{"content": [{"text": "x", "annotations": [{"type": "url_citation"}, None]}]}]},
        {"choices": [None, {"message": None}]},
        {"candidates": [{"grounding_metadata": {"grounding_supports": [{"segment": {"part_index": 9}}, {}]}}]},
    ],
)
def test_a_value_of_another_shape_cites_nothing(value):
    assert citations_of(value) == []


CLIENTS = {
    "Anthropic": (anthropic.types.Message.model_validate(ANTHROPIC), lambda found: found.content[1].text),
    "OpenAI": (
        openai.types.responses.Response.model_construct(
            **{**OPENAI, "output": [openai.types.responses.ResponseOutputMessage.model_validate(OPENAI["output"][0])]}
        ),
        lambda found: found.output[0].content[0].text,
    ),
    "a mapping": (ANTHROPIC, lambda found: found["content"][1]["text"]),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_what_a_response_cites_is_a_declared_edge_of_its_answer(client):
    response, answer = CLIENTS[client]

    @traced_model_call
    def ask(prompt):
        return response

    record = record_of(lambda: answer(ask(f"Answer from this: {load()}")))

    said = dict(cited(record))
    by_location = {one.location: one for one in record.sources if one.name == "citation"}
    assert by_location[URL].type == "external"
    if client == "OpenAI":
        assert by_location["file-1"].type == "reference"
        assert sorted(spans for _, spans in cited(record)) == [[(0, len(ANSWER), 0, 0)], [(6, 28, 0, 0)]]
    else:
        assert said["handbook"] == [(0, len(ANSWER), 0, 53)]
        strengths = {one.name: links(record)[one.source_id].strength for one in record.sources}
        assert strengths == {"handbook": "declared", "citation": "declared"}
    (sentence,) = why(record, ANSWER)
    assert {one.basis for one in sentence.supports} == {"explicit"}
    assert sentence.verdict == "supported" or client == "OpenAI"


def pieces(text):
    return [text[at : at + 20] for at in range(0, len(text), 20)]


def anthropic_events():
    """As the API streams that message: a citation comes before the words that rest on it, or between them."""
    yield {"type": "message_start", "message": {**ANTHROPIC, "content": [], "stop_reason": None, "stop_sequence": None}}
    for index, block in enumerate(ANTHROPIC["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
        deltas = [{"type": "text_delta", "text": text} for text in pieces(block["text"])]
        deltas[1:1] = [{"type": "citations_delta", "citation": one} for one in block.get("citations", ())]
        yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 20}}
    yield {"type": "message_stop"}


def openai_events():
    """Cut before the event that brings the whole response."""
    part = OPENAI["output"][0]["content"][0]
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    yield {"type": "response.created", "sequence_number": 0, "response": {**OPENAI, "output": []}}
    for n, text in enumerate(pieces(part["text"])):
        kind = "response.output_text.delta"
        yield {"type": kind, **place, "delta": text, "logprobs": [], "sequence_number": n + 1}
    for n, one in enumerate(part["annotations"]):
        kind = "response.output_text.annotation.added"
        yield {"type": kind, **place, "annotation_index": n, "annotation": one, "sequence_number": n + 50}


def chat_chunks():
    """As LiteLLM and gateways stream them."""
    message = CHAT["choices"][0]["message"]
    deltas = [*({"content": text} for text in pieces(ANSWER)), {"annotations": message["annotations"]}]
    for delta in deltas:
        yield {**CHAT, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}


def said_by(event):
    delta = event.get("delta") or (event["choices"][0]["delta"] if "choices" in event else "")
    return delta if isinstance(delta, str) else delta.get("text") or delta.get("content") or ""


message_event = pydantic.TypeAdapter(anthropic.types.RawMessageStreamEvent)
response_event = pydantic.TypeAdapter(openai.types.responses.ResponseStreamEvent)


@pytest.mark.parametrize(
    ("events", "text", "found"),
    [
        (
            anthropic_events,
            "".join(block["text"] for block in ANTHROPIC["content"]),
            [("citation", [(0, len(ANSWER), 0, 34)]), ("handbook", [(0, len(ANSWER), 0, 53)])],
        ),
        (openai_events, ANSWER, [("citation", [(0, len(ANSWER), 0, 0)]), ("citation", [(6, 28, 0, 0)])]),
        (chat_chunks, ANSWER, [("citation", [(6, 28, 0, 0)])]),
    ],
    ids=["Anthropic", "OpenAI's responses", "OpenAI's chat"],
)
def test_what_a_stream_cites_is_a_declared_edge_of_what_it_said(events, text, found):
    @traced_model_call
    def ask(prompt):
        yield from events()

    def body():
        answer = "".join(map(said_by, ask(f"Answer from this: {load()}")))
        assert answer == text
        return answer

    record = record_of(body)

    assert sorted(cited(record)) == found
    (sentence,) = why(record, text)
    assert {one.basis for one in sentence.supports} == {"explicit"}
    assert record.completeness.complete


def test_the_events_of_the_clients_cite_as_their_dicts_do():
    for adapter, events in ((message_event, anthropic_events), (response_event, openai_events)):
        whole, of_dicts = Chunks(), Chunks()
        for event in events():
            of_dicts.add(event)
            if event["type"] != "response.created":
                whole.add(adapter.validate_python(event))
        assert len(of_dicts.citations()) == 2
        assert whole.citations() == of_dicts.citations()


def test_the_blocks_of_an_answer_that_are_put_together_keep_what_they_cite():
    @traced_model_call
    def ask(prompt):
        return ANTHROPIC

    whole = "".join(block["text"] for block in ANTHROPIC["content"])
    record = record_of(lambda: "".join(block["text"] for block in ask(f"Answer from this: {load()}")["content"]))

    (sentence,) = why(record, whole)
    at = whole.index(ANSWER)
    assert {(one.source, one.start, one.end) for one in sentence.supports if one.basis == "explicit"} == {
        ("handbook", at, len(whole)),
        ("citation", at, len(whole)),
    }


def test_places_that_are_not_in_the_answer_are_left_out():
    wrong = [
        {**OPENAI["output"][0]["content"][0]["annotations"][0], "start_index": a, "end_index": b}
        for a, b in [(30, 3), (50, 5000)]
    ]
    part = {**OPENAI["output"][0]["content"][0], "annotations": wrong}

    @traced_model_call
    def ask(prompt):
        return {**OPENAI, "output": [{**OPENAI["output"][0], "content": [part]}]}

    record = record_of(lambda: ask(f"Answer from this: {load()}")["output"][0]["content"][0]["text"])
    assert cited(record) == [("citation", [])]


def test_a_citation_of_what_nobody_loaded_is_said():
    @traced_model_call
    def ask(prompt):
        return {
            **ANTHROPIC,
            "content": [{**ANTHROPIC["content"][1], "citations": [{"cited_text": "never loaded at all"}]}],
        }

    record = record_of(lambda: ask(f"Answer from this: {load()}")["content"][0]["text"])
    assert cited(record) == []
    (reason,) = record.completeness.reasons
    assert reason.detail.endswith("ask: citations: a source that the output does not know")


def test_neither_words_of_a_title_or_a_quotation_nor_the_place_go_onto_a_span(plug, kept):
    @traced_model_call
    def ask(prompt):
        return ANTHROPIC

    traced_output("answer")(lambda: ask("Where do parcels go? " * 3)["content"][1]["text"])()
    written = "".join(f"{span.name}{dict(span.attributes)}" for span in kept.spans)
    for word in ("Terms", "Handbook", "twelve days", URL):
        assert word not in written
