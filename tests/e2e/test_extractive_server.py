"""The demo's stand-in for a model speaks the protocol, as far as the real client looks."""

from pathlib import Path

import pytest

openai = pytest.importorskip("openai", reason="the demo's client is an extra: pip install 'provsdk[demo]'")

EXAMPLES = Path(__file__).parents[2] / "examples"
PROMPT = """Answer from these passages only.

[1] parcels
A parcel is kept for ten days at the counter. The counter opens at nine.

[2] letters
Letters are never kept for longer than a single day. Stamps are sold out.

Question: How long is a parcel kept?"""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import _extractive_server

    return _extractive_server


@pytest.fixture
def client(server):
    with server.running() as base_url, openai.DefaultHttpxClient(trust_env=False) as direct:
        yield openai.OpenAI(base_url=base_url, api_key="none", http_client=direct, max_retries=0)


def ask(client, **options):
    return client.chat.completions.create(
        model="extractive-1", messages=[{"role": "user", "content": PROMPT}], temperature=0, **options
    )


def test_it_answers_with_the_sentence_that_fits_and_names_its_passage(client):
    answer = ask(client).choices[0]

    assert answer.message.content.startswith("A parcel is kept for ten days at the counter. [1]")
    assert answer.finish_reason == "stop"


def test_a_stream_says_the_same_in_pieces_and_ends_with_the_usage(client):
    whole = ask(client)

    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)

    assert text == whole.choices[0].message.content
    assert len(chunks) > 3
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_it_says_so_when_no_passage_fits(server):
    assert server.answer("[1] parcels\nA parcel is kept for ten days.\n\nQuestion: Zebras?") == server.NOT_FOUND


def test_it_lists_its_model(client, server):
    assert [model.id for model in client.models.list()] == [server.MODEL]


def test_a_request_that_is_none_is_refused(client):
    with pytest.raises(openai.BadRequestError):
        client.post("/chat/completions", body={"model": "extractive-1"}, cast_to=object)


def test_another_path_is_not_found(client):
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="extractive-1", input="text")
