"""The durable port: callers share commits, waiting is bounded, nothing that can be kept is lost."""

import asyncio
import logging
import threading
import time
from types import SimpleNamespace

import pytest

from provsdk.errors import KeyConflict, RecordNotSealed, StoreUnavailable
from provsdk.pipeline import _committer
from provsdk.pipeline._sealer import Sealer, Work
from provsdk.pipeline._unsaid import UNSAID


class Log:
    """A log in memory that can be slow, locked, or refuse."""

    def __init__(self):
        self.commits = []
        self.error = None
        self.slow_s = 0.0
        self.conflicts = set()
        self.lock = threading.Lock()

    def append(self, drafts, timeout):
        with self.lock:
            time.sleep(min(self.slow_s, timeout))
            if self.error is not None:
                raise self.error
            self.commits.append([draft.key for draft in drafts])
            return [KeyConflict("stands there") if draft.key in self.conflicts else draft.key for draft in drafts]

    @property
    def keys(self):
        return [key for commit in self.commits for key in commit]


def draft(key, size=0):
    return SimpleNamespace(key=key, parts=(SimpleNamespace(content=b"x" * size),))


def context(n):
    return SimpleNamespace(trace_id=n, span_id=n)


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def sealer(log):
    made = []

    def make(**changed):
        work = {
            "draft": lambda claim, _: (draft(claim.number, claim.facts.get("size", 0)),),
            "append": log.append,
            "forget": lambda record_id: None,
            "gap_draft": lambda gap: draft(("gap", gap.number, gap.reason)),
            "on_sealed": lambda: None,
            "settled": lambda number: None,
            "replayed": lambda: None,
        }
        work.update({name: changed.pop(name) for name in list(changed) if name in work})
        arguments = {"durability": "sync", "max_wait": 0.3, "on_unavailable": "proceed", "queue_size": 100, **changed}
        made.append(Sealer(Work(**work), **arguments))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def settles(condition, within_s=5.0):
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_who_waits_has_a_durable_record(sealer, log):
    assert sealer().ticket(context(1), {"number": 1}).wait() is True
    assert log.keys == [1]


def test_concurrent_callers_share_commits(sealer, log):
    """Who comes while a commit is under way waits for the next one, with all others."""
    one, answers = sealer(max_wait=30.0), []
    log.lock.acquire()  # the first commit does not get on
    tickets = [one.ticket(context(n), {"number": n}) for n in range(1, 41)]
    threads = [threading.Thread(target=lambda ticket=ticket: answers.append(ticket.wait())) for ticket in tickets]
    for thread in threads:
        thread.start()
    log.lock.release()
    for thread in threads:
        thread.join()

    assert answers == [True] * 40
    assert sorted(log.keys) == list(range(1, 41))
    assert len(log.commits) <= 2


def test_what_is_more_than_one_commit_takes_is_sealed_in_the_next_ones_at_once(sealer, log, monkeypatch):
    monkeypatch.setattr(_committer, "COMMIT_SIZE", 2)
    monkeypatch.setattr(_committer, "BATCH_WINDOW_S", 60.0)
    one = sealer(max_wait=5.0)
    tickets = [one.ticket(context(n), {"number": n}) for n in range(1, 6)]

    assert tickets[-1].wait() is True
    assert log.commits == [[1, 2], [3, 4], [5]]


def test_a_gap_that_was_noted_during_a_commit_is_sealed_with_the_next_one_at_once(sealer, log, monkeypatch):
    """Without waiting for the window after which a lane looks for gaps."""
    monkeypatch.setattr(_committer, "BATCH_WINDOW_S", 60.0)
    one = sealer(max_wait=5.0, draft=lambda claim, _: 1 / 0 if claim.number == 1 else (draft(claim.number),))
    lost, kept = (one.ticket(context(n), {"number": n}) for n in (1, 2))

    assert kept.wait() is True
    assert settles(lambda: log.commits == [[2], [("gap", 1, "capture_failed")]])
    assert lost.lost


async def test_async_callers_do_not_block_the_loop(sealer, log):
    log.slow_s = 0.1
    one = sealer(max_wait=5.0)
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    ticking = asyncio.create_task(tick())
    assert await one.ticket(context(1), {"number": 1}) is True
    ticking.cancel()
    assert ticks >= 3


def test_waiting_is_bounded_and_what_could_not_be_sealed_is_sealed_later(sealer, log, caplog):
    log.error = StoreUnavailable("locked by another process")
    one = sealer()
    with caplog.at_level(logging.WARNING, "provsdk"):
        assert one.ticket(context(1), {"number": 1}).wait() is False
    assert "locked by another process" in caplog.text
    log.error = None
    assert settles(lambda: log.keys == [1])
    assert one.committer.pending == 0


def test_while_the_store_is_down_callers_do_not_wait_again_and_again(sealer, log):
    log.error, log.slow_s = StoreUnavailable("down"), 0.2
    one = sealer()
    one.ticket(context(1), {"number": 1}).wait()
    one.committer._retry_at = time.monotonic() + 60
    began = time.monotonic()
    assert one.ticket(context(2), {"number": 2}).wait() is False
    assert time.monotonic() - began < 0.1
    assert one.committer.pending == 2


def test_block_raises_what_is_wrong(sealer, log):
    log.error = StoreUnavailable("disk full")
    with pytest.raises(RecordNotSealed, match=r"disk full.*stays queued"):
        sealer(on_unavailable="block").ticket(context(1), {"number": 1}).wait()


def test_a_full_queue_makes_numbered_gaps_with_their_reason(sealer, log):
    log.error = StoreUnavailable("down")
    one = sealer(queue_size=2, max_wait=0.05)
    for n in (1, 2, 3, 4):
        one.ticket(context(n), {"number": n}).wait()
    assert (one.committer.pending, one.committer.losses.count) == (2, 2)
    log.error = None
    assert one.committer.drain(5.0)
    assert log.keys == [1, 2, ("gap", 3, "queue_full"), ("gap", 4, "queue_full")]


def test_the_spans_of_a_lost_output_are_let_go(sealer, log):
    forgotten = []
    one = sealer(queue_size=1, forget=forgotten.append)
    for n in (1, 2):
        one.ticket(context(n), {"number": n})
    assert forgotten == [f"rec_{2:032x}-{2:016x}"]


def test_the_queue_is_bounded_in_bytes_too(sealer, log, monkeypatch):
    monkeypatch.setattr("provsdk.pipeline._queue.QUEUE_BYTES", 1_000)
    log.error = StoreUnavailable("down")
    one = sealer(max_wait=0.05)
    for n in (1, 2, 3):
        one.ticket(context(n), {"number": n, "size": 400})
    one.committer.drain(0.05)
    assert (one.committer.pending, one.committer.losses.count) == (2, 1)


def test_what_came_late_and_found_no_room_is_said_in_its_record_and_counted(sealer, log, caplog):
    said = []
    log.error = StoreUnavailable("down")
    one = sealer(queue_size=4, max_wait=0.05, draft=lambda claim, _: said.append(claim.facts) or (draft(len(said)),))
    for _ in range(3):
        one.late(context(1), {"record_id": "rec_1"})
    one.late(context(2), {"record_id": "rec_2"})
    one.late(context(3), {"record_id": "rec_3"})
    one.late(context(3), {"record_id": "rec_3"})
    assert one.committer.losses.unsaid.count == 3
    assert "rec_3 is not in the log: queue_full" in caplog.text
    log.error = None
    assert one.committer.drain(5.0)
    assert said[-2:] == [{UNSAID: 1}, {UNSAID: 2}]
    assert (one.committer.losses.count, one.committer.losses.unsaid.count) == (0, 3)


def test_an_output_that_cannot_be_assembled_costs_the_others_nothing(sealer, log):
    def assemble(claim, _):
        if claim.number == 2:
            raise ZeroDivisionError
        return (draft(claim.number),)

    one = sealer(draft=assemble)
    tickets = [one.ticket(context(n), {"number": n}) for n in (1, 2, 3)]
    assert [ticket.wait() for ticket in tickets] == [True, False, True]
    assert one.committer.drain(5.0)
    assert log.keys == [1, 3, ("gap", 2, "capture_failed")]


def test_a_key_conflict_is_a_gap_and_no_overwrite(sealer, log, caplog):
    log.conflicts = {1}
    one = sealer()
    with caplog.at_level(logging.ERROR, "provsdk"):
        assert one.ticket(context(1), {"number": 1}).wait() is False
    assert one.committer.drain(5.0)
    assert ("gap", 1, "key_conflict") in log.keys


def test_batch_returns_at_once_and_seals_within_its_window(sealer, log):
    one = sealer(durability="batch")
    began = time.monotonic()
    for n in range(10):
        one.ticket(context(n), {"number": n}).wait()
    assert time.monotonic() - began < 0.15
    assert settles(lambda: sorted(log.keys) == list(range(10)))
    assert len(log.commits) <= 3


def test_threads_are_made_with_the_first_work_and_end_with_the_sealer(sealer, log):
    def threads():
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("provsdk-")]

    assert settles(lambda: threads() == [])
    one = sealer()
    assert threads() == []
    for n in (1, 2):
        one.ticket(context(n), {"number": n}).wait()
    assert threads() == ["provsdk-store"]
    one.stop()
    assert settles(lambda: threads() == [])


def test_an_interrupt_in_a_commit_loses_nothing(sealer, log):
    class Interrupt(BaseException):
        pass

    one = sealer()
    one.stop()  # no thread of its own any more: the caller does the work, and may be interrupted in it
    tickets = [one.ticket(context(n), {"number": n}) for n in (1, 2, 3)]
    log.error = Interrupt()
    with pytest.raises(Interrupt):
        tickets[0].wait()
    assert one.committer.pending == 3
    log.error = None
    assert tickets[0].wait() is True
    assert log.keys == [1, 2, 3]


async def test_without_a_thread_to_wait_in_an_async_caller_waits_itself(sealer, log):
    one = sealer()
    one.stop()
    assert await one.ticket(context(1), {"number": 1}) is True


def test_where_no_thread_can_be_had_the_caller_does_the_work(sealer, log, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    log.error = StoreUnavailable("down")
    one = sealer(max_wait=0.05)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert one.ticket(context(1), {"number": 1}).wait() is False
        log.error = None
        assert one.committer.drain(1.0)
        assert one.ticket(context(2), {"number": 2}).wait() is True
    assert log.keys == [1, 2]


def test_nothing_more_is_begun_while_a_fork_waits_and_all_of_it_afterwards(sealer, log):
    """Busy callers would keep the store in use for ever."""
    one = sealer()

    def append(drafts, timeout):
        one.committer._is_resting = True  # as `rest` does, in the thread that is about to fork
        one.ticket(context(len(log.commits) + 2), {"number": len(log.commits) + 2})
        return log.append(drafts, timeout)

    one.ticket(context(1), {"number": 1})
    work = one.committer._work
    one.committer._work = work._replace(append=append)
    one.committer._seal()
    assert (log.keys, one.committer.pending) == ([1], 1)

    one.committer._work = work
    one.committer.rest(1.0)
    assert one.committer.wake(), "what is asked for meanwhile is done afterwards"
    assert log.keys == [1]
    one.committer.resume()
    assert settles(lambda: log.keys == [1, 2])
