"""A lane: one thread that works when woken, and whose work may fail or hang without anybody else noticing."""

import threading
import time

import pytest

from provsdk.capture import _guard
from provsdk.pipeline._lane import Lane

SOON = 10.0


@pytest.fixture
def lane():
    made = []

    def make(work):
        made.append(Lane("provsdk-test", work))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_it_works_when_it_is_woken(lane):
    done = threading.Event()
    assert lane(done.set).wake()
    assert done.wait(SOON)


def test_its_work_says_when_it_is_due_again(lane):
    delays, done = [0.01, 0.01, None], threading.Event()

    def work():
        delay = delays.pop(0)
        if not delays:
            done.set()
        return delay

    lane(work).wake()
    assert done.wait(SOON)


def test_an_earlier_wish_beats_a_later_one(lane):
    done = threading.Event()
    one = lane(done.set)
    one.wake(3_600)
    one.wake(0.01)
    one.wake(3_600)
    assert done.wait(SOON)


def test_who_waits_has_work_that_began_after_the_call(lane):
    first, go_on = threading.Event(), threading.Event()
    begun = []

    def work():
        begun.append(len(begun))
        if len(begun) == 1:
            first.set()
            go_on.wait(SOON)

    one = lane(work)
    one.wake()
    assert first.wait(SOON)
    threading.Timer(0.05, go_on.set).start()
    assert one.run(SOON)
    assert begun == [0, 1]


def test_who_waits_for_work_that_hangs_waits_no_longer_than_agreed(lane):
    go_on = threading.Event()
    began = time.monotonic()
    assert not lane(lambda: go_on.wait(SOON) and None).run(0.05)
    assert time.monotonic() - began < SOON / 2
    go_on.set()


@pytest.mark.parametrize("kind", [ZeroDivisionError, SystemExit])
def test_work_that_fails_is_counted_logged_once_and_ends_nothing(lane, caplog, kind):
    calls = []

    def work():
        calls.append(None)
        raise kind

    one = lane(work)
    before = _guard.failures["do the work of provsdk-test", kind.__name__]
    assert one.run(SOON)
    assert one.run(SOON)
    assert len(calls) == 2
    assert _guard.failures["do the work of provsdk-test", kind.__name__] == before + 2
    assert caplog.text.count(kind.__name__) <= 1


def test_where_no_thread_can_be_had_who_waits_does_the_work(lane, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    workers = []
    one = lane(lambda: workers.append(threading.current_thread()))
    assert not one.wake()
    assert one.run(SOON)
    assert workers == [threading.current_thread()]


def test_what_was_stopped_begins_nothing(lane):
    calls = []
    one = lane(lambda: calls.append(None))
    one.run(SOON)
    one.stop()
    assert not one.wake()
    assert len(calls) == 1
