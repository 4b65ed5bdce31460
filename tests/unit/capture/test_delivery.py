"""Streams behind a web server: delivered is what the server took, whoever reads ahead in between."""

import asyncio
import gc
import html
import json

import pytest

from provsdk import traced_output
from provsdk.asgi import DeliveryMiddleware
from provsdk.digest import digest, plain
from provsdk.errors import RecordNotSealed

WORDS = ["the first ", "words of ", "an answer"]


@traced_output("answer")
async def answer(words=WORDS):
    for word in words:
        yield word


async def respond(app, *, send=None):
    """Serves one request; answers the messages that reached the server."""
    reached = []

    async def receive():
        return {"type": "http.disconnect"}

    async def taken(message):
        reached.append(message)

    await DeliveryMiddleware(app)({"type": "http"}, receive, send or taken)
    return reached


def body(content, *, more=True):
    data = content if isinstance(content, bytes) else str(content).encode()
    return {"type": "http.response.body", "body": data, "more_body": more}


END = body(b"", more=False)


async def reads_ahead(scope, receive, send):
    """As FastAPI does for server-sent events: the last chunk is on its way when the stream is at its end."""
    stream, ahead = answer(), asyncio.Queue(1)

    async def produce():
        async for word in stream:
            await ahead.put(word)
        await ahead.put(None)

    producing = asyncio.create_task(produce())
    while (word := await ahead.get()) is not None:
        await send(body(word))
    await producing
    await send(END)


def stream_of(kept):
    said = kept.said("answer")
    return said["status"], said["stream"]["chunks"], said["stream"]["boundary"], said["stream"].get("undelivered")


def digest_of(kept):
    context = kept.span("answer").context
    return plain(kept.facts[-1]["spans"][f"{context.trace_id:032x}-{context.span_id:016x}"]["plain"][0])


async def test_what_was_read_ahead_is_in_the_record_when_the_response_ends(plug, kept):
    sealed_at = []

    async def send(message):
        sealed_at.append(len(kept.facts))

    await respond(reads_ahead, send=send)

    assert stream_of(kept) == ("completed", 3, "asgi", 0)
    assert digest_of(kept) == plain(digest("".join(WORDS)))
    assert sealed_at == [0, 0, 0, 1], "the record is sealed before the end of the response leaves"


async def test_a_stream_that_is_read_whole_for_the_response_is_delivered_with_it(plug, kept):
    async def app(scope, receive, send):
        whole = "".join([word async for word in answer()])
        assert not kept.facts
        await send(body(whole, more=False))

    await respond(app)
    assert stream_of(kept) == ("completed", 3, "asgi", 0)
    assert digest_of(kept) == plain(digest("".join(WORDS)))


@pytest.mark.parametrize("words", [["x" * 200_000, "the end of it"], [f"word number {n}, " for n in range(500)]])
async def test_however_much_of_it_the_server_took_before_the_client_went_counts_as_delivered(plug, kept, words):
    async def app(scope, receive, send):
        ahead = [word async for word in answer([*words, "what is not sent"])]
        for word in ahead[:-1]:
            await send(body(word))

    await respond(app)
    assert stream_of(kept) == ("closed_early", len(words), "asgi", 1)
    assert digest_of(kept) == plain(digest("".join(words)))


async def test_a_stream_whose_words_are_not_in_the_response_went_to_whoever_read_it(plug, kept):
    async def app(scope, receive, send):
        assert len([word async for word in answer()]) == 3
        await send(body("I can not answer that.", more=False))

    await respond(app)
    assert stream_of(kept) == ("completed", 3, "generator", None)
    assert digest_of(kept) == plain(digest("".join(WORDS)))


async def test_of_a_stream_that_the_response_holds_in_part_nobody_can_tell_what_was_delivered(plug, kept):
    async def app(scope, receive, send):
        words = [word async for word in answer()]
        await send(body("".join(words[:2]), more=False))

    await respond(app)
    assert stream_of(kept) == ("completed", 3, "generator", None)


@pytest.mark.parametrize(
    "framed",
    [
        lambda text: "".join(f"data: {line}\r\n" for line in text.split("\n")) + "\r\n",
        html.escape,
        lambda text: text.strip() or " ",
        lambda text: json.dumps({"delta": text}),
    ],
    ids=["lines", "html", "stripped", "json"],
)
async def test_how_chunks_are_framed_and_escaped_is_the_frameworks(plug, kept, framed):
    tokens = ["Hello", " <world>", ":\n\n", "* first\n", '* "second"', " one"]

    async def app(scope, receive, send):
        stream, ahead = answer(tokens), []
        async for token in stream:
            if ahead:
                await send(body(framed(ahead.pop())))
            ahead.append(token)
        await send(body(framed(ahead.pop())))
        await send(END)

    await respond(app)
    assert stream_of(kept) == ("completed", len(tokens), "asgi", 0)
    assert digest_of(kept) == plain(digest("".join(tokens)))


async def test_a_stream_that_something_else_is_streamed_beside_is_not_kept_waiting(plug, kept):
    """Or all of it would be held for as long as the response takes."""

    async def app(scope, receive, send):
        stream = answer(f"saved {n}" for n in range(5_000))
        async for _ in stream:
            await send(body("."))
            assert len(stream.provsdk_reading._waiting) <= 1_024
        await send(END)

    await respond(app)
    assert stream_of(kept) == ("completed", 5_000, "generator", None)


async def test_of_two_streams_in_one_response_each_has_what_is_its_own(plug, kept):
    async def app(scope, receive, send):
        first, second = answer(["one ", "two "]), traced_output("other")(answer.__wrapped__)(["1 ", "2 "])
        for stream in (first, second):
            await anext(stream)
            await anext(stream)
        await send(body("one "))
        await first.aclose()
        await second.aclose()

    await respond(app)
    assert stream_of(kept) == ("closed_early", 1, "asgi", 1)
    assert kept.said("other")["stream"]["chunks"] == 0


async def test_the_last_message_may_say_nothing(plug, kept):
    async def app(scope, receive, send):
        await send(body("".join([word async for word in answer()])))
        await send({"type": "http.response.body"})

    await respond(app)
    assert stream_of(kept) == ("completed", 3, "asgi", 0)


async def test_a_response_without_a_body_delivers_nothing(plug, kept):
    async def taken(message):
        pass

    await DeliveryMiddleware(reads_ahead)({"type": "http", "method": "HEAD"}, None, taken)
    assert stream_of(kept) == ("completed", 3, "generator", None)


async def test_a_response_that_fails_delivers_nothing_more(plug, kept):
    async def app(scope, receive, send):
        stream = answer()
        await send(body(await anext(stream)))
        assert len([word async for word in stream]) == 2
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        await respond(app)
    assert stream_of(kept) == ("closed_early", 1, "asgi", 2)
    assert digest_of(kept) == plain(digest(WORDS[0]))


async def test_a_stream_that_nobody_reads_on_ends_with_the_response_that_was_cut_off(plug, kept):
    """As a generator that a server reads in a thread, and drops: a collector may find it much later."""
    streams = []

    async def app(scope, receive, send):
        streams.append(answer())
        await send(body(await anext(streams[0])))
        await receive()

    await respond(app)
    assert stream_of(kept) == ("closed_early", 1, "asgi", 0)
    assert kept.said("answer")["stream"]["disconnected"]
    assert [word async for word in streams[0]] == WORDS[1:]
    assert len(kept.facts) == 1


async def test_closing_or_dropping_a_stream_at_its_end_does_not_end_it_before_the_response(plug, kept):
    async def app(scope, receive, send):
        stream = answer()
        words = [word async for word in stream]
        await stream.aclose()
        assert [word async for word in stream] == []
        del stream
        gc.collect()
        await send(body("".join(words), more=False))

    await respond(app)
    assert stream_of(kept) == ("completed", 3, "asgi", 0)
    assert len(kept.facts) == 1


async def test_a_stream_after_the_response_is_no_part_of_it(plug, kept):
    async def app(scope, receive, send):
        await send(END)
        assert "".join([word async for word in answer()]) == "".join(WORDS)

    await respond(app)
    assert stream_of(kept) == ("completed", 3, "generator", None)


async def test_a_stream_that_outlives_its_response_ends_by_itself(plug, kept):
    async def app(scope, receive, send):
        stream = answer()
        await anext(stream)
        await send(END)
        async for _ in stream:
            pass

    await respond(app)
    assert stream_of(kept) == ("completed", 3, "generator", None)


@pytest.mark.parametrize(
    ("chunks", "sent", "delivered"),
    [
        (["one ", "two ", "three"], ["one "], 1),
        (["one ", "two ", "three"], ["one ", "two "], 2),
        (["one ", "two ", "three"], ["one two "], 2),
        (["the", "the", "the"], ["data: the"], 1),
        (["data: the", "data: ", "the"], ["data: the"], 1),
        (["a\n", 'b"', "c"], ['"a\\n"', '"b\\""'], 2),
        (["one ", "two ", "three"], [b"\x1f\x8b packed"], 1),
        ([b"one ", b"two ", b"three"], [b"data: one \n\n"], 1),
        ([{"n": 1}, {"n": 2}, {"n": 3}], ["{}", "{}"], 2),
    ],
)
async def test_of_what_was_read_ahead_only_that_counts_which_the_server_took(plug, kept, chunks, sent, delivered):
    async def app(scope, receive, send):
        stream = answer(chunks)
        for _ in chunks:
            await anext(stream)
        for one in sent:
            await send(body(one))
        await stream.aclose()

    await respond(app)
    assert stream_of(kept) == ("closed_early", delivered, "asgi", len(chunks) - delivered)


async def test_a_record_that_must_be_sealed_keeps_the_end_of_the_response_back(plug, kept, monkeypatch):
    class Refused:
        def __await__(self):
            raise RecordNotSealed("the store is away")
            yield

    monkeypatch.setattr(type(kept), "ticket", lambda *_: Refused())
    reached = []

    async def send(message):
        reached.append(message)

    with pytest.raises(RecordNotSealed):
        await respond(reads_ahead, send=send)
    assert END not in reached


@pytest.mark.parametrize("form", ["bytearray", "memoryview", "mapping"])
async def test_a_chunk_is_what_it_was_when_it_left_though_its_memory_is_used_again(plug, kept, form):
    @traced_output("numbers")
    def numbers():
        memory, row = bytearray(40), {"n": [0]}
        for n in range(3):
            memory[:] = str(n).encode() * 40
            row["n"][0] = n
            yield {"bytearray": memory, "memoryview": memoryview(memory), "mapping": row}[form]

    def sent(chunk):
        return json.dumps(chunk).encode() if form == "mapping" else bytes(chunk)

    async def ahead(scope, receive, send):
        for chunk in [sent(chunk) for chunk in numbers()]:
            await send(body(chunk))
        await send(END)

    await respond(ahead)

    (plain_,) = kept.facts[0]["spans"].values()
    whole = [{"n": [n]} for n in range(3)] if form == "mapping" else b"".join(str(n).encode() * 40 for n in range(3))
    assert plain(plain_["plain"][0]) == plain(digest(whole))
    assert kept.said("numbers")["stream"]["chunks"] == 3


async def test_a_server_that_tells_of_the_end_tells_of_no_client_that_went(plug, kept):
    async def app(scope, receive, send):
        stream = answer()
        await send(body(await anext(stream)))
        await send(END)
        await receive()  # as a framework does that listens for the client while it streams
        app.stream = stream  # somebody holds it still

    await respond(app)
    await app.stream.aclose()

    said = kept.said("answer")
    assert said["status"] == "closed_early"
    assert not said["stream"].get("disconnected")


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (["★★★★☆ ", "👍👍👍"], "The rating is not shown."),
        (["a", "n"], "No answer was found."),
        (["Delete", " the", " file", "."], "DELETE THE FILE."),
        (["\n\n", " "], "Something else."),
    ],
)
async def test_what_was_not_sent_was_not_delivered_through_the_server(plug, kept, words, sent):
    async def app(scope, receive, send):
        async for _ in answer(words):
            pass
        await send(body(sent))
        await send(END)

    await respond(app)

    assert stream_of(kept)[2] == "generator"


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (["★★★★☆ ", "👍👍👍"], json.dumps({"rating": "★★★★☆ 👍👍👍"})),
        (["★★★★☆ ", "👍👍👍"], "<p>★★★★☆ 👍👍👍</p>"),
        (["Say ", '"yes"', "\n", "& go"], json.dumps(['Say "yes"\n& go'])),
        (["Say ", '"yes"', " & go"], html.escape('Say "yes" & go')),
        (["* the first\n", "* and another"], "<ul><li>the first</li><li>and another</li></ul>"),
        (["the first", "\n\n"], "the first"),
        (["wor", "ds"], "words"),
    ],
)
async def test_what_was_sent_was_delivered_however_it_was_written(plug, kept, words, sent):
    async def app(scope, receive, send):
        async for _ in answer(words):
            pass
        await send(body(sent))
        await send(END)

    await respond(app)

    assert stream_of(kept) == ("completed", len(words), "asgi", 0)
