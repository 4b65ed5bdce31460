"""Streams on a real store: the record is there when the stream's end reaches its reader."""

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
import types

import pytest
from client_stream import AsyncChunks, Chunks

import provsdk
from provsdk import traced_model_call, traced_output
from provsdk.digest import digest, plain
from provsdk.pipeline import running

WORDS = ["the first ", "words of ", "an answer"]


@traced_output("answer")
def answer(words=WORDS):
    yield from words


@pytest.fixture(autouse=True)
def _configured():
    provsdk.configure(service="streams")


def records():
    store = running().store()
    return [store.fold(one.record_id).record for one in store.summaries(newest_first=False)]


def test_the_record_is_durable_when_the_end_reaches_the_reader():
    stream = answer()
    for n, _ in enumerate(stream, 1):
        assert len(records()) == 0, n
    (record,) = records()
    assert (record.output.status, record.output.stream.chunks) == ("completed", 3)
    assert record.output.digest == plain(digest("".join(WORDS)))
    assert record.output.media_type == "text/plain"


def test_the_record_of_a_closed_stream_is_durable_when_close_returns():
    stream = answer()
    next(stream)
    stream.close()
    (record,) = records()
    assert (record.output.status, record.output.size_bytes) == ("closed_early", len(WORDS[0]))


async def test_an_async_stream_seals_without_blocking_the_loop():
    @traced_output("later")
    async def later():
        for word in WORDS:
            yield word

    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    assert [word async for word in later()] == WORDS
    ticking.cancel()
    assert ticks > 2
    assert [record.output.status for record in records()] == ["completed"]


def test_a_dropped_stream_is_sealed_soon():
    stream = answer()
    next(stream)
    del stream
    gc.collect()
    for _ in range(500):
        if records():
            break
        provsdk.flush()
        threading.Event().wait(0.01)
    assert [record.output.status for record in records()] == ["abandoned"]


def test_a_models_stream_and_the_output_made_of_it_are_linked():
    @traced_model_call("model", model="m")
    def model():
        yield from WORDS

    @traced_output("answer")
    def outer():
        return "".join(model())

    outer()
    (record,) = records()
    (call,) = record.model_calls
    assert call.stream.chunks == 3
    assert call.results[0].digest == record.output.digest
    # 28 bytes: too short to be linked by equal content, but no other call answered that.
    made_of = [edge for edge in record.flow if edge.relation == "wasDerivedFrom"]
    assert [(edge.to, edge.basis) for edge in made_of] == [(call.results[0].entity_id, "containment")]


def test_streams_that_are_open_at_the_end_of_the_process_are_abandoned(tmp_path):
    program = textwrap.dedent("""
        import provsdk
        from provsdk import traced_output
        provsdk.configure(service="streams")

        @traced_output("answer")
        def answer():
            yield "one"
            yield "two"

        kept = answer()
        next(kept)
    """)
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

    (record,) = records()
    assert (record.output.status, record.output.stream.chunks) == ("abandoned", 1)
    assert running().store().fold(record.record_id).entries


@types.coroutine
def suspended():
    yield "until it is closed"


async def test_a_coroutine_that_is_closed_in_a_running_loop_is_closed_and_recorded():
    @traced_output("cut short")
    async def cut_short():
        await suspended()

    async def block():
        async with traced_output("block"):
            await suspended()

    for function in (cut_short, block):
        called = function()
        called.send(None)
        called.close()

    await asyncio.to_thread(running().flush, 10)
    assert [record.output.status for record in records()] == ["cancelled"] * 2


def test_an_abandoned_stream_is_sealed_though_nobody_waits_for_it():
    stream = answer()
    next(stream)
    del stream
    gc.collect()

    until = time.monotonic() + 10
    while not records() and time.monotonic() < until:
        time.sleep(0.01)
    assert [record.output.status for record in records()] == ["abandoned"]


def test_what_runs_on_when_provsdk_is_shut_down_says_that_it_is_not_known_what_came_after():
    @traced_output("in flight")
    def in_flight():
        provsdk.shutdown()
        provsdk.configure(service="another")
        return "an answer"

    stream = answer()
    next(stream)
    in_flight()
    assert list(stream) == WORDS[1:]
    assert provsdk.flush(10)

    said = {record.output.name: record for record in records()}
    assert said["answer"].output.stream.chunks == 1
    for name in ("answer", "in flight"):
        assert [one.reason for one in said[name].completeness.reasons] == ["span_missing"], name


def test_a_stream_that_nobody_can_read_on_lacks_nothing():
    stream = answer()
    next(stream)
    del stream
    gc.collect()
    assert provsdk.flush(10)
    assert records()[0].completeness.complete


@traced_output("object")
def opened():
    return Chunks(WORDS)


@traced_output("object")
async def opened_later():
    return AsyncChunks(WORDS)


@traced_output("failing")
def failing():
    yield WORDS[0]
    raise KeyError


@traced_output("failing")
async def failing_later():
    yield WORDS[0]
    raise KeyError


@traced_output("later")
async def later():
    for word in WORDS:
        yield word


async def left_block():
    with opened() as stream:
        next(stream)


async def left_async_block():
    async with await opened_later() as stream:
        await anext(stream)


async def closed_object():
    stream = await opened_later()
    await anext(stream)
    await stream.close()


async def closed_generator():
    stream = later()
    await anext(stream)
    await stream.aclose()


async def failed():
    with pytest.raises(KeyError):
        list(failing())


async def failed_later():
    with pytest.raises(KeyError):
        [word async for word in failing_later()]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (left_block, "closed_early"),
        (left_async_block, "closed_early"),
        (closed_object, "closed_early"),
        (closed_generator, "closed_early"),
        (failed, "failed"),
        (failed_later, "failed"),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
async def test_the_record_is_durable_when_any_other_end_reaches_the_reader(end, status):
    await end()
    (record,) = records()  # nobody has flushed
    assert (record.output.status, record.output.stream.chunks) == (status, 1)


def test_a_stream_that_is_dropped_within_a_cycle_is_sealed_when_it_is_collected():
    holder = types.SimpleNamespace(stream=answer())
    holder.itself = holder
    next(holder.stream)
    del holder
    gc.collect()
    assert provsdk.flush(10)
    assert [record.output.status for record in records()] == ["abandoned"]


def test_a_stream_that_was_open_at_a_fork_is_the_parents(tmp_path):
    """The child drops one, reads another to its end, and closes a third: all three go on in the parent."""
    streams = [answer() for _ in range(3)]
    for stream in streams:
        next(stream)
    child = os.fork()
    if not child:
        streams.pop(0)
        list(streams.pop(0))
        streams.pop(0).close()
        gc.collect()
        os._exit(0 if provsdk.flush(5) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for stream in streams:
        assert list(stream) == WORDS[1:]
    assert [(one.output.status, one.output.stream.chunks) for one in records()] == [("completed", 3)] * 3
