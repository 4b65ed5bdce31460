"""An interrupt may come in the middle of anything of ours: it goes through, and what it cuts short is recorded.

As the interpreter looks for signals where a function begins and where one of C has returned, an interrupt is raised at
each of these places in turn, over the whole of a traced call.
"""

import asyncio
import ctypes
import functools
import gc
import signal
import sqlite3
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

import provsdk
from provsdk.capture import _abandoned, _guard
from provsdk.capture._otel import current_activity
from provsdk.store.open import open_store

OURS = str(Path(provsdk.__file__).parent)


@provsdk.traced_source(type="file")
def load(n):
    return f"a page that is long enough to be linked, number {n}"


@provsdk.traced_transform
def summarise(page):
    return page.upper() + " and more of it"


@provsdk.traced_model_call
def chat(prompt):
    return {"model": "m", "choices": [{"message": {"content": prompt[:40]}}]}


ran = []
"""Record ids of the outputs whose function was at work."""


def at_work():
    activity = current_activity()
    ran.append(activity and activity.scope.record_id)


@provsdk.traced_output
def answer(n):
    at_work()
    return [load(n), summarise(load(n)), chat(load(n))]


@provsdk.traced_output
def refuse(n):
    at_work()
    raise ValueError(n)


@provsdk.traced_output
async def aanswer(n):
    at_work()
    await asyncio.sleep(0)
    return summarise(load(n))


@provsdk.traced_output
def tell(n):
    at_work()
    yield from load(n).split()


@provsdk.traced_output
async def atell(n):
    at_work()
    for word in load(n).split():
        yield word


def by_coroutine(n):
    asyncio.run(aanswer(n))


def by_failure(n):
    with suppress(ValueError):
        refuse(n)


def by_stream(n):
    for _ in tell(n):
        pass


def by_stream_that_is_closed(n):
    words = tell(n)
    next(words)
    words.close()


def by_async_stream(n):
    async def read():
        async for _ in atell(n):
            pass

    asyncio.run(read())


def by_block(n):
    with provsdk.traced_output("block") as output:
        at_work()
        output.set_result(summarise(load(n)))


CALLS = {
    "a function": (answer, 11),
    "a function that fails": (by_failure, 1),
    "a coroutine": (by_coroutine, 2),
    "a stream": (by_stream, 3),
    "a stream that is closed": (by_stream_that_is_closed, 2),
    "an async stream": (by_async_stream, 3),
    "a block": (by_block, 3),
}
"""With the places from one interrupt to the next."""


def is_the_interpreters(frame):
    """It lets nothing out of finalizers, and asks nobody any more where the end of a block could not begin."""
    if frame.f_code.co_name == "__exit__":
        return True
    while frame is not None and frame.f_code.co_name != "__del__":
        frame = frame.f_back
    return frame is not None


class InterruptAt:
    """Interrupts at the place of that number."""

    def __init__(self, number):
        self.left = number

    def __call__(self, frame, event, _):
        is_ours = event in ("call", "c_return") and frame.f_code.co_filename.startswith(OURS)
        if is_ours and not is_the_interpreters(frame):
            self.left -= 1
            if not self.left:
                sys.setprofile(None)
                raise KeyboardInterrupt


def interrupted(call, number):
    """Calls it, interrupted at that place; False where it has no so many."""
    interrupt = InterruptAt(number)
    sys.setprofile(interrupt)
    try:
        call(number)
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return interrupt.left <= 0


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("PROVSDK_STORE")
    ran.clear()
    _guard.failures.clear()
    provsdk.configure(store=tmp_path / "store", max_wait=5.0)
    yield tmp_path
    provsdk.shutdown()


def sealed(place):
    with closing(open_store(place / "store", keys=place / "keys", state=place / "state", read_only=True)) as log:
        return {summary.record_id for summary in log.summaries()}


@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", CALLS)
def test_an_interrupt_anywhere_costs_no_record_and_leaves_nothing_behind(place, kind):
    call, step = CALLS[kind]
    call(0)
    number = 1
    while interrupted(call, number):
        assert current_activity() is None, number
        number += step
    assert number > 100
    gc.collect()
    answer(0)
    assert provsdk.flush(30)
    assert not _guard.failures
    begun = [record_id for record_id in ran if record_id is not None]
    assert len(begun) > number // step // 3, "most were interrupted when the function had begun"
    assert set(begun) <= sealed(place)


class TookTooLong(Exception):
    pass


class Clock:
    """A handler that is an object's method."""

    def ring(self, *_):
        raise TookTooLong


@pytest.fixture
def alarm():
    def ring(*_):
        raise TookTooLong

    def once(*_):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        raise TookTooLong

    @functools.wraps(ring)
    def wrapped(*given):
        raise TookTooLong

    handlers = {"a function": ring, "a method": Clock().ring, "one that stands no longer": once, "a wrapper": wrapped}
    before = signal.getsignal(signal.SIGALRM)

    def rings(seconds, handler):
        signal.signal(signal.SIGALRM, handlers[handler])
        signal.setitimer(signal.ITIMER_REAL, seconds)

    yield rings
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("handler", ["a function", "a method", "one that stands no longer", "a wrapper"])
@pytest.mark.parametrize("call", [answer, by_failure, by_coroutine, by_stream])
def test_a_timeout_of_the_programs_goes_through_while_a_record_is_waited_for(place, alarm, call, handler):
    call(1)
    with closing(sqlite3.connect(place / "store" / "log.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        alarm(0.3, handler)
        with pytest.raises(TookTooLong):
            call(2)
        holder.execute("ROLLBACK")
    assert current_activity() is None
    assert provsdk.flush(30)
    assert set(ran) <= sealed(place)
    assert not _guard.failures


def test_a_timeout_of_the_programs_goes_through_while_a_value_is_read(place, alarm):
    class Slow(dict):
        """Read as it is stored; large enough to take its time."""

    value = Slow({str(n): [n] * 9 for n in range(9_000)})
    call = provsdk.traced_output("large")(lambda: [value] * 9)

    def again_and_again():
        until = time.monotonic() + 20
        while time.monotonic() < until:
            call()

    alarm(0.005, "a function")
    with pytest.raises(TookTooLong):
        again_and_again()
    assert provsdk.flush(30)
    assert not _guard.failures


@pytest.mark.parametrize("call", [answer, by_failure, by_stream])
def test_a_timeout_that_another_thread_sets_goes_through_while_a_record_is_waited_for(place, call):
    caught = []

    def work():
        try:
            call(2)
        except TookTooLong:
            caught.append(True)

    call(1)
    with closing(sqlite3.connect(place / "store" / "log.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.3)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(TookTooLong))
        thread.join(30)
        holder.execute("ROLLBACK")
    assert caught
    assert provsdk.flush(30)
    assert set(ran) <= sealed(place)


async def test_a_task_that_is_cancelled_while_a_record_is_waited_for_is_cancelled_there(place):
    """As while the function itself runs: whoever cancels finds out at once, and the record is sealed all the same."""
    done = []

    async def work():
        try:
            done.append(await aanswer(1))
        finally:
            done.append("left")

    with closing(sqlite3.connect(place / "store" / "log.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(work())
        await asyncio.sleep(0.3)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task
        holder.execute("ROLLBACK")
    assert done == ["left"]
    assert provsdk.flush(30)
    assert set(ran) <= sealed(place)


@provsdk.traced_output("slow")
async def slow(seconds, error=None):
    await anyio.sleep(seconds)
    if error is not None:
        raise error
    return "done"


@provsdk.traced_output("slow stream")
async def slow_stream(seconds):
    yield "begun"
    await anyio.sleep(seconds)
    yield "done"


async def read_slowly(seconds):
    return [chunk async for chunk in slow_stream(seconds)]


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@pytest.mark.parametrize("call", [slow, read_slowly])
@pytest.mark.parametrize("held", [False, True], ids=["a healthy store", "a locked store"])
def test_a_cancel_scope_cancels_what_is_within_it_and_nothing_after_it(place, call, held, loop):
    async def main():
        for seconds in (0.0, 60.0):
            with anyio.move_on_after(0.05) as scope:
                await call(seconds)
            assert scope.cancelled_caught is (held or seconds > 1)
            await anyio.lowlevel.checkpoint()
        with pytest.raises(TimeoutError), anyio.fail_after(0.05):
            await call(60.0)
        if loop == "asyncio":
            assert asyncio.current_task().cancelling() == 0

    with closing(sqlite3.connect(place / "store" / "log.db", isolation_level=None)) as holder:
        if held:
            holder.execute("BEGIN IMMEDIATE")
        anyio.run(main, backend=loop)
        if held:
            holder.execute("ROLLBACK")
    assert provsdk.flush(30)


async def test_a_timeout_leaves_nothing_behind_wherever_it_strikes(place):
    """The function ends at about the time at which it is cancelled; the next wait is nobody's business."""

    async def one(seconds):
        try:
            async with asyncio.timeout(0.05):
                await slow(seconds)
        except TimeoutError:
            pass
        assert asyncio.current_task().cancelling() == 0
        await asyncio.sleep(0)
        return True

    for _ in range(10):
        assert all(await asyncio.gather(*(one(0.04 + n * 0.002) for n in range(10))))


async def within_two_timeouts():
    async with asyncio.timeout(0.3), asyncio.timeout(0.1):
        await slow(60.0)


async def test_timeouts_around_each_other_strike_both_while_a_record_is_waited_for(place):
    with closing(sqlite3.connect(place / "store" / "log.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(TimeoutError):
            await within_two_timeouts()
        assert asyncio.current_task().cancelling() == 0
        await asyncio.sleep(0)
        holder.execute("ROLLBACK")


async def test_an_interrupt_of_a_cancelled_call_whose_record_is_waited_for_goes_through(place):
    coroutine = slow(60.0)
    with closing(sqlite3.connect(place / "store" / "log.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        coroutine.send(None)
        coroutine.throw(asyncio.CancelledError())
        with pytest.raises(KeyboardInterrupt):
            coroutine.throw(KeyboardInterrupt())
        holder.execute("ROLLBACK")


async def test_an_error_whose_record_is_waited_for_gives_way_to_a_cancellation_as_in_any_clean_up(place):
    with closing(sqlite3.connect(place / "store" / "log.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(slow(0.0, ValueError("mine")))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        holder.execute("ROLLBACK")
    context = caught.value
    while context is not None and not isinstance(context, ValueError):
        context = context.__context__
    assert context is not None


async def test_a_timeout_around_a_call_whose_record_is_waited_for_is_one(place):
    async def work():
        async with asyncio.timeout(0.3):
            await aanswer(1)
            await asyncio.sleep(60)

    with closing(sqlite3.connect(place / "store" / "log.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(TimeoutError):
            await work()
        holder.execute("ROLLBACK")
    assert asyncio.current_task().cancelling() == 0


def test_an_interrupt_while_a_thread_of_ours_is_started_leaves_the_next_one_to_be_started(place, monkeypatch):
    start = threading.Thread.start

    def interrupts(thread):
        monkeypatch.setattr(threading.Thread, "start", start)
        raise KeyboardInterrupt

    _abandoned.rest()
    monkeypatch.setattr(threading.Thread, "start", interrupts)
    with pytest.raises(KeyboardInterrupt):
        by_stream(1)
    words = tell(2)
    next(words)
    del words
    assert provsdk.flush(30)
    assert set(filter(None, ran)) <= sealed(place)
    _abandoned.rest()


def test_an_interrupt_between_what_is_due_and_its_ring_leaves_no_lane_asleep(place, monkeypatch):
    runtime = provsdk.configure(store=place / "store", max_wait=5.0)
    answer(0)
    lane = runtime._sealer.committer._store_lane
    ring = lane._ring

    def interrupts():
        monkeypatch.setattr(lane, "_ring", ring)
        raise KeyboardInterrupt

    monkeypatch.setattr(lane, "_ring", interrupts)
    with pytest.raises(KeyboardInterrupt):
        answer(1)
    began = time.monotonic()
    answer(2)
    assert time.monotonic() - began < 4.0, "it was sealed, and not waited for in vain"
    assert provsdk.flush(30)
    assert set(ran) <= sealed(place)
