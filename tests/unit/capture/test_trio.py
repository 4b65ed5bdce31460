"""The same in trio: what a nursery, a worker thread or an async generator does is part of the output around it."""

import logging
from contextlib import aclosing

import pytest
import trio
import trio.lowlevel

from provsdk import semconv, traced_output, traced_source, traced_transform
from provsdk.capture._otel import current_activity

LONG = "a sentence that is long enough to link something"


@traced_source("load")
async def load():
    await trio.lowlevel.checkpoint()
    return LONG


@traced_transform("shorten")
def shorten(text):
    return text[:30]


@pytest.fixture
def captured(plug, kept, caplog):
    caplog.set_level(logging.WARNING)
    yield kept
    assert [record.getMessage() for record in caplog.records] == []


def records_of(kept, name):
    return [span.attributes.get(semconv.RECORD_ID) for span in kept.spans if span.name == name]


def test_what_a_nursery_and_worker_threads_do_is_part_of_the_output(captured):
    @traced_output("out")
    async def out():
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(load)
                nursery.start_soon(trio.to_thread.run_sync, shorten, LONG)
        return LONG

    async def main():
        assert await out() == LONG
        assert current_activity() is None
        await load()

    trio.run(main)
    (record,) = records_of(captured, "out")
    assert records_of(captured, "load") == [record] * 3 + [None]
    assert records_of(captured, "shorten") == [record] * 3


def test_outputs_that_run_side_by_side_do_not_mix(captured):
    @traced_output("out")
    async def out(n):
        await load()
        return f"{LONG} {n}"

    async def main():
        async with trio.open_nursery() as nursery:
            for n in range(20):
                nursery.start_soon(out, n)

    trio.run(main)
    assert sorted(records_of(captured, "load")) == sorted(records_of(captured, "out"))
    assert len(set(records_of(captured, "out"))) == 20


def test_a_cancelled_call_is_recorded_as_cancelled(captured):
    @traced_output("out")
    async def out():
        await trio.sleep_forever()

    async def main():
        with trio.move_on_after(0.01) as scope:
            await out()
        assert scope.cancelled_caught

    trio.run(main)
    assert captured.said("out")["status"] == "cancelled"


@pytest.mark.parametrize(
    ("taken", "status"), [(3, "completed"), (1, "closed_early")], ids=["read to its end", "left in the middle"]
)
def test_an_async_generator_ends_as_it_was_read(captured, taken, status):
    @traced_output("out")
    async def out():
        for n in range(3):
            await trio.lowlevel.checkpoint()
            yield f"{n} {LONG}"

    async def main():
        async with aclosing(out()) as stream:
            for _ in range(taken):
                await anext(stream)
                assert current_activity() is None
            if taken == 3:
                await anext(stream, None)

    trio.run(main)
    assert captured.said("out")["status"] == status
    assert captured.said("out")["stream"]["chunks"] == taken
