"""Whatever order tasks enter and leave in, nothing is logged, and what comes after belongs where it belongs."""

import asyncio
import contextvars
import gc
import json
import logging
import threading

import pytest
from opentelemetry import context as otel_context

from provsdk import semconv, traced_output, traced_source, traced_transform
from provsdk.capture._otel import current_activity

LONG = "a sentence that is long enough to link something"


@traced_source("load")
def load():
    return LONG


@pytest.fixture
def silent(caplog):
    """No "created in a different Context", from nobody."""
    caplog.set_level(logging.DEBUG)
    yield
    assert [record.getMessage() for record in caplog.records if record.name != "asyncio"] == []


@pytest.fixture
def captured(plug, kept, silent):
    return kept


def records_of(kept, name):
    return [span.attributes.get(semconv.RECORD_ID) for span in kept.spans if span.name == name]


def record_of(kept, name):
    (found,) = records_of(kept, name)
    return found


async def test_a_block_may_be_entered_in_one_task_and_left_in_another(captured):
    block = traced_output("out")

    async def enter():
        block.__enter__()

    async def leave():
        block.__exit__(None, None, None)

    await asyncio.create_task(enter())
    await asyncio.create_task(leave())

    assert current_activity() is None
    load()
    assert record_of(captured, "load") is None


async def test_the_task_that_entered_goes_on_outside_the_block_that_another_one_left(captured):
    block = traced_output("out")
    entered, left = asyncio.Event(), asyncio.Event()

    async def enters():
        block.__enter__()
        entered.set()
        await left.wait()
        load()

    task = asyncio.create_task(enters())
    await entered.wait()
    block.__exit__(None, None, None)
    left.set()
    await task

    assert record_of(captured, "load") is None
    assert captured.late_facts == []


async def test_the_task_that_left_goes_on_in_the_output_that_was_around_the_block(captured):
    inner = traced_output("inner")

    async def leaves():
        inner.__exit__(None, None, None)
        load()

    with traced_output("outer") as outer:
        inner.__enter__()
        await asyncio.create_task(leaves())
        load()
        assert records_of(captured, "load") == [outer.record_id] * 2


async def test_a_task_that_was_started_in_a_block_still_works_for_it_when_another_task_has_left_it(captured):
    block = traced_output("out")
    may_load = asyncio.Event()

    async def works():
        await may_load.wait()
        load()

    record_id = block.__enter__().record_id
    task = asyncio.create_task(works())
    await asyncio.create_task(leaves(block))
    may_load.set()
    await task

    assert record_of(captured, "load") == record_id
    assert [facts["record_id"] for facts in captured.late_facts] == [record_id]


async def leaves(block):
    block.__exit__(None, None, None)


async def test_an_async_generator_that_the_event_loop_closes_leaves_nothing_behind(captured):
    async def chunks():
        with traced_output("out") as out:
            out.use(LONG)
            yield 1
            yield 2

    async def reads_one():
        async for _ in chunks():
            break
        gc.collect()
        await asyncio.sleep(0.01)
        load()

    await asyncio.create_task(reads_one())

    assert captured.span("out").end_time is not None
    assert record_of(captured, "load") is None


def test_blocks_of_one_context_that_are_left_in_the_order_of_entry(captured):
    """The outer one takes the inner one with it: what comes then belongs to neither."""
    first, second = traced_output("first"), traced_transform("second")
    first.__enter__()
    handle = second.__enter__()
    first.__exit__(None, None, None)
    load()
    second.__exit__(None, None, None)
    load()

    assert handle.record_id == record_of(captured, "first")
    assert records_of(captured, "load") == [None, None]
    assert current_activity() is None


def test_what_a_call_leaves_open_inside_itself_is_not_current_after_it(captured):
    """As in a worker of a web server, where the next request comes in the same thread."""

    def reads():
        with traced_source("opened"):
            yield

    suspended = []

    @traced_output("out")
    def answer():
        suspended.append(reads())
        next(suspended[0])

    answer()
    load()
    assert list(suspended[0]) == []
    load()

    assert records_of(captured, "load") == [None, None]
    assert [facts["record_id"] for facts in captured.late_facts] == [record_of(captured, "out")]


@pytest.mark.parametrize("is_async", [False, True])
async def test_what_a_call_makes_current_for_its_caller_stays_so_until_that_takes_it_back(captured, is_async):
    """As hooks of frameworks do: one attaches, another one detaches."""

    @traced_transform("begin")
    def begin():
        load()
        return otel_context.attach(otel_context.set_value("theirs", 1))

    @traced_transform("begin")
    async def begin_later():
        return otel_context.attach(otel_context.set_value("theirs", 1))

    @traced_output("out")
    async def answer():
        token = await begin_later() if is_async else begin()
        assert otel_context.get_value("theirs") == 1
        assert current_activity().name == "out"
        load()
        otel_context.detach(token)
        assert otel_context.get_value("theirs") is None
        load()
        return token

    await answer()
    assert current_activity() is None
    outside = await begin_later() if is_async else begin()
    assert otel_context.get_value("theirs") == 1
    assert current_activity() is None
    otel_context.detach(outside)
    assert current_activity() is None, "though the call was current when that was attached"
    load()

    mine = record_of(captured, "out")
    within = [span for span in captured.spans if span.attributes.get(semconv.RECORD_ID) == mine and span.name == "load"]
    assert len(within) == (2 if is_async else 3)
    assert records_of(captured, "load")[-1] is None


def test_two_generators_that_take_turns(captured):
    def steps(name):
        with traced_output(name) as out:
            yield out.record_id
            yield None

    one, two = steps("one"), steps("two")
    ids = [next(one), next(two)]
    for generator in (one, two):
        assert list(generator) == [None]
    load()

    assert ids == [record_of(captured, "one"), record_of(captured, "two")]
    assert record_of(captured, "load") is None


@pytest.mark.parametrize("drop", ["in a loop that is left", "by its name"])
def test_a_generator_that_is_dropped_takes_back_what_it_made_current(captured, drop):
    """As it does without us, where its reader lets go of it."""

    def chunks():
        token = otel_context.attach(otel_context.set_value("theirs", 1))
        try:
            yield "a"
            load()
            yield "b"
        finally:
            otel_context.detach(token)

    def read(stream):
        if drop == "by its name":
            next(stream)
            assert otel_context.get_value("theirs") == 1
            del stream
            return
        for _ in stream:
            break
        del stream

    mine = otel_context.attach(otel_context.set_value("mine", 1))
    try:
        for function in (chunks, traced_output("out")(chunks)):
            read(function())
            assert otel_context.get_value("theirs") is None
            assert otel_context.get_value("mine") == 1
            assert current_activity() is None
    finally:
        otel_context.detach(mine)
    load()
    assert record_of(captured, "load") is None


def test_a_block_may_be_left_in_another_thread(captured):
    block = traced_output("out")
    block.__enter__()
    thread = threading.Thread(target=block.__exit__, args=(None, None, None))
    thread.start()
    thread.join()
    load()

    assert record_of(captured, "load") is None


def test_a_block_may_be_left_in_a_copied_context(captured):
    block = traced_output("out")
    block.__enter__()
    contextvars.copy_context().run(block.__exit__, None, None, None)
    load()

    assert record_of(captured, "load") is None


def test_a_copied_context_carries_the_output(captured):
    @traced_output("out")
    def answer():
        thread = threading.Thread(target=contextvars.copy_context().run, args=(load,))
        thread.start()
        thread.join()

    answer()

    assert record_of(captured, "load") == record_of(captured, "out")


async def test_tasks_and_task_groups_and_worker_threads_carry_the_output(captured):
    async def loads():
        load()

    @traced_output("out")
    async def answer():
        await asyncio.create_task(loads())
        await asyncio.to_thread(load)
        await asyncio.gather(loads(), loads())
        async with asyncio.TaskGroup() as group:
            group.create_task(loads())

    await answer()

    assert records_of(captured, "load") == [record_of(captured, "out")] * 5
    assert captured.missing() == []


async def test_a_thousand_tasks_in_any_order_are_each_their_own(captured):
    @traced_output(name=lambda n: f"out-{n}")
    async def answer(n):
        await asyncio.sleep((n * 7919 % 13) / 1000)
        return (await asyncio.gather(asyncio.to_thread(load), loads(n)))[0]

    async def loads(n):
        await asyncio.sleep((n * 104729 % 11) / 1000)
        load()

    await asyncio.gather(*(answer(n) for n in range(1000)))

    found = records_of(captured, "load")
    assert len(found) == 2000
    assert sorted(found) == sorted(2 * [record_of(captured, f"out-{n}") for n in range(1000)])
    assert [captured.missing(n) for n in range(len(captured.facts))] == [[]] * 1000


def test_one_block_object_may_be_entered_by_many_threads_at_once(captured):
    block, said = traced_output("out"), []

    def enters():
        for _ in range(200):
            with block as out:
                load()
                said.append(out.record_id)

    threads = [threading.Thread(target=enters) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(said)) == 1600
    assert sorted(records_of(captured, "load")) == sorted(said) == sorted(records_of(captured, "out"))


def test_what_the_user_attached_around_an_output_is_current_again_after_it(captured):
    token = otel_context.attach(otel_context.set_value("theirs", "value"))

    @traced_output("out")
    def answer():
        return otel_context.get_value("theirs")

    assert answer() == "value"
    assert otel_context.get_value("theirs") == "value"
    otel_context.detach(token)


async def test_each_of_several_tasks_leaves_its_own_of_one_block(captured):
    """Though something else is open in it: as where a module keeps one block object for all requests."""
    request = traced_output("request")

    def chunks(n):
        with traced_transform("render"):
            yield f"{LONG} {n}"
            yield "rest"

    async def handle(n):
        async with request as out:
            rendered = chunks(n)
            first = next(rendered)  # `render` is open from here on
            await asyncio.sleep(0.01 * (4 - n))
            out.set_result(first * n)
        rendered.close()

    await asyncio.gather(*(handle(n) for n in (1, 2, 3)))

    sizes = [
        json.loads(span.attributes[semconv.FACTS])["entities"][-1]["size"]
        for span in captured.spans
        if span.name == "request"
    ]
    assert sorted(sizes) == [len(f"{LONG} 1") * n for n in (1, 2, 3)]
