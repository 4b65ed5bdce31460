"""What the store does not take goes to the spool, and from there into the log: in order, once."""

import random
import threading
import time

import anyio
import anyio.to_thread
import pytest

from provsdk.capture import _guard
from provsdk.errors import FormatError, KeyConflict, KeyUnusable, NotFound, RecordNotSealed, StoreUnavailable
from provsdk.pipeline._backlog import Backlog
from provsdk.pipeline._sealer import Sealer, Work
from provsdk.records.parts import Part
from provsdk.store.contract import Draft
from provsdk.store.spool_file import OwnSpool
from provsdk.store.spools import left_behind, look

SEAL_KEY = b"s" * 32
SOON = 10.0


class Log:
    """A log that knows its keys, can refuse, and can hang."""

    def __init__(self):
        self.keys = []
        self.error = None
        self.hanging = threading.Event()
        self.hanging.set()
        self.asked = threading.Event()

    def append(self, drafts, timeout):
        self.asked.set()
        assert self.hanging.wait(SOON)
        if self.error is not None:
            raise self.error
        self.keys += [draft.key for draft in drafts if draft.key not in self.keys]
        return [draft.key for draft in drafts]


def context(n):
    return type("Context", (), {"trace_id": n, "span_id": n})


def draft(n, size=10):
    parts = (Part("header", "standard", random.randbytes(size)),)
    return Draft("record.sealed", f"record/{n}/0", "emi_1", f"rec_{n}", "2026-11-26T08:00:00.000000Z", parts, False)


def key(n):
    return f"record/{n}/0"


def settles(condition):
    deadline = time.monotonic() + SOON
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def sealer(log, directory):
    made = []

    def make(
        emitter="emi_1",
        limit=1_000_000,
        draft=draft,
        opening=(),
        max_wait=1.0,
        **changed,
    ):
        own = OwnSpool(directory / f"{emitter}.spool", "desk", emitter, SEAL_KEY, limit)
        work = Work(
            draft=lambda claim, _: (draft(claim.number, claim.facts.get("size", 10)),),
            append=log.append,
            forget=lambda record_id: None,
            gap_draft=lambda gap: Draft("emitter.gap", f"gap/{gap.number}/{gap.reason}", "a", "s", "t", (), False),
            on_sealed=lambda: None,
            settled=lambda number: None,
            replayed=changed.pop("replayed", lambda: None),
            is_placed=changed.pop("is_placed", lambda _: True),
            place=changed.pop("place", lambda _: None),
        )
        arguments = {"durability": "sync", "on_unavailable": "proceed", "queue_size": 100, **changed}
        made.append(Sealer(work, max_wait=max_wait, backlog=Backlog(own, lambda: opening), **arguments))
        return made[-1]

    yield make
    log.hanging.set()
    for one in made:
        one.stop()
        one.committer.backlog.close()


def output(one, n, **facts):
    return one.ticket(context(n), {"number": n, **facts})


def test_what_the_store_cannot_take_is_on_disk_when_the_caller_goes_on(sealer, log, directory):
    log.error = StoreUnavailable("locked")
    one = sealer()

    assert output(one, 1).wait() is False

    assert [found.frames for found in look(directory)] == [1]
    assert (one.committer.pending, one.committer.spooled) == (0, 1)


def test_it_is_sealed_when_the_store_is_back_in_order_and_once(sealer, log, directory):
    log.error = StoreUnavailable("locked")
    one = sealer()
    for n in range(1, 8):
        output(one, n).wait()
    log.error = None

    assert one.committer.drain(SOON)

    assert log.keys == [key(n) for n in range(1, 8)]
    assert (one.committer.sealed, one.committer.losses.count) == (7, 0)
    assert list(directory.iterdir()) == []


def test_it_is_sealed_without_anybody_asking(sealer, log):
    log.error = StoreUnavailable("locked")
    one = sealer()
    output(one, 1).wait()
    log.error = None
    assert settles(lambda: log.keys == [key(1)])


@pytest.mark.parametrize("error", [StoreUnavailable("full"), KeyUnusable("content.key is missing"), OSError(5, "EIO")])
def test_every_reason_why_the_store_cannot_be_used_leads_to_the_spool(sealer, log, error):
    log.error = error
    one = sealer()
    output(one, 1).wait()
    assert one.committer.spooled == 1


def test_a_store_that_hangs_holds_nobody_up_and_what_it_has_in_hand_is_spooled_too(sealer, log, directory):
    one = sealer(max_wait=0.4)
    log.hanging.clear()
    tickets = [output(one, n) for n in (1, 2, 3)]
    began = time.monotonic()

    assert tickets[2].wait() is False

    assert time.monotonic() - began < SOON / 2
    assert settles(lambda: sum(found.frames for found in look(directory)) == 3)
    assert output(one, 4).wait() is False
    assert settles(lambda: sum(found.frames for found in look(directory)) == 4)
    log.hanging.set()
    assert one.committer.drain(SOON)
    assert sorted(log.keys) == [key(n) for n in (1, 2, 3, 4)]
    assert one.committer.sealed == 4


def test_where_neither_store_nor_spool_answers_only_the_first_wait(sealer, log, monkeypatch):
    go_on = threading.Event()
    one = sealer(max_wait=0.4)
    monkeypatch.setattr(OwnSpool, "append", lambda spool, drafts: go_on.wait(SOON) and None)
    log.hanging.clear()
    for n in (1, 2):
        output(one, n).wait()
    began = time.monotonic()

    assert [output(one, n).wait() for n in range(3, 30)] == [False] * 27

    assert time.monotonic() - began < 0.4
    go_on.set()


def test_a_full_spool_leaves_the_rest_in_memory_and_beyond_that_numbered_gaps(sealer, log):
    log.error = StoreUnavailable("locked")
    one = sealer(limit=3_000, queue_size=2)
    for n in range(1, 8):
        output(one, n, size=600).wait()
    committer = one.committer
    assert committer.spooled > 0
    assert committer.pending == 2
    assert committer.spooled + committer.pending + committer.losses.count == 7
    lost, log.error = committer.losses.count, None

    assert committer.drain(SOON)

    assert sum(one.startswith("record/") for one in log.keys) == 7 - lost
    assert sum(one.startswith("gap/") and one.endswith("queue_full") for one in log.keys) == lost


def test_what_a_process_left_is_sealed_by_the_next_with_what_opens_its_emitter(sealer, log, directory):
    log.error = StoreUnavailable("locked")
    opening = Draft("emitter.opened", "emitter/emi_1/opened", "emi_1", "emi_1", "t", (), False)
    first = sealer(opening=(opening,))
    for n in (1, 2):
        output(first, n).wait()
    first.stop()
    first.committer.backlog.close()
    log.error = None

    second = sealer(emitter="emi_2")
    second.committer.backlog.adopt(left_behind(directory, "desk", SEAL_KEY)[0])
    assert second.committer.spooled == 3
    second.committer.wake()

    assert settles(lambda: log.keys == ["emitter/emi_1/opened", key(1), key(2)])
    assert second.committer.drain(SOON)
    assert list(directory.iterdir()) == []
    assert second.committer.sealed == 0  # they are the other's


def test_what_is_already_in_the_log_is_not_put_there_again(sealer, log, directory):
    log.error = StoreUnavailable("locked")
    one = sealer()
    output(one, 1).wait()
    log.error, log.keys = None, [key(1)]  # it had been committed, and the answer was lost
    assert one.committer.drain(SOON)
    assert log.keys == [key(1)]
    assert one.committer.sealed == 1


def test_at_the_end_what_is_in_memory_goes_to_the_spool_with_the_gaps(sealer, log, directory):
    log.error = StoreUnavailable("locked")
    one = sealer(queue_size=2, durability="batch")
    for n in (1, 2, 3):
        output(one, n)
    one.committer.put_away(SOON)
    assert (one.committer.pending, len(one.committer.losses.gaps)) == (0, 0)
    assert sum(found.frames for found in look(directory)) == 3


def test_a_late_extension_does_not_go_before_its_record(sealer, log):
    log.error = StoreUnavailable("locked")
    one = sealer()
    output(one, 1).wait()
    log.error = None
    record_id = f"rec_{1:032x}-{1:016x}"
    one.late(None, {"record_id": record_id, "number": 2})
    assert one.committer.drain(SOON)
    assert log.keys == [key(1), key(2)]


def test_nor_does_it_while_its_record_is_being_written_to_the_spool(sealer, log, monkeypatch):
    writing, go_on = threading.Event(), threading.Event()
    append = OwnSpool.append

    def slow(spool, drafts):
        writing.set()
        assert go_on.wait(SOON)
        append(spool, drafts)

    monkeypatch.setattr(OwnSpool, "append", slow)
    log.error = StoreUnavailable("locked")
    one = sealer()
    caller = threading.Thread(target=output(one, 1).wait)
    caller.start()
    assert writing.wait(SOON)
    log.error = None
    one.late(None, {"record_id": f"rec_{1:032x}-{1:016x}", "number": 2})
    output(one, 3)
    assert settles(lambda: log.keys == [key(3)])

    go_on.set()
    caller.join()

    assert one.committer.drain(SOON)
    assert log.keys == [key(3), key(1), key(2)]


def test_nor_does_it_go_to_the_spool_while_the_store_has_its_record_in_hand(sealer, log, directory):
    log.error = StoreUnavailable("locked")
    one = sealer(max_wait=SOON)
    output(one, 1).wait()
    log.asked.clear()
    log.hanging.clear()
    waiting = output(one, 2)  # taken by the store's next try
    one.committer.urge(time.monotonic() + SOON)
    assert log.asked.wait(SOON)
    one.late(None, {"record_id": waiting.record_id, "number": 3})
    output(one, 4)
    assert settles(lambda: sum(found.frames for found in look(directory)) == 2)

    log.hanging.set()

    assert settles(lambda: sum(found.frames for found in look(directory)) == 4)
    log.error = None
    assert one.committer.drain(SOON)
    assert log.keys == [key(1), key(4), key(2), key(3)]


def test_nor_does_it_go_to_the_log_where_the_spool_with_its_record_cannot_be_read(sealer, log, monkeypatch):
    log.error = StoreUnavailable("locked")
    one = sealer()
    first = output(one, 1)
    first.wait()
    log.error = None
    with monkeypatch.context() as broken:
        broken.setattr(OwnSpool, "read", lambda spool, count: (_ for _ in ()).throw(OSError(5, "EIO")))
        one.late(None, {"record_id": first.record_id, "number": 2})
        assert not one.committer.drain(1.0)
        assert output(one, 3).wait() is True
        assert log.keys == [key(3)]
    one.committer._replay_at = 0.0
    assert one.committer.drain(SOON)
    assert log.keys == [key(3), key(1), key(2)]


def test_a_store_that_did_not_take_what_was_spooled_is_not_asked_again_at_once(sealer, log, directory):
    """Or a caller would wait for two refusals, which is longer than `max_wait`."""
    log.error = StoreUnavailable("locked")
    one = sealer()
    output(one, 1).wait()
    asked = 0

    def append(drafts, timeout):
        nonlocal asked
        asked += 1
        output(one, 1 + asked)  # comes while the store is asked
        raise StoreUnavailable("locked")

    one.committer._work = one.committer._work._replace(append=append)
    one.committer._retry_at = 0.0
    one.committer._seal()
    assert asked == 1
    assert settles(lambda: one.committer.spooled == 2)


def test_an_extension_that_is_lost_costs_neither_its_record_nor_a_gap(sealer, log):
    forgotten = []
    log.error = StoreUnavailable("locked")
    one = sealer(queue_size=1, limit=1)
    one.committer.losses._forget = forgotten.append
    first = output(one, 1)
    first.wait()
    one.late(None, {"record_id": first.record_id, "number": 2})

    assert forgotten == [], "the spans of the record are still needed"
    assert (one.committer.losses.count, len(one.committer.losses.gaps)) == (0, 0)
    one.committer._spool_retry_at = 0.0
    log.error = None
    assert one.committer.drain(SOON)
    assert log.keys == [key(1)]
    log.error = StoreUnavailable("locked")
    output(one, 3)
    one.late(None, {"record_id": first.record_id, "number": 4})
    assert forgotten == [first.record_id], "nobody will take them any more"


def test_an_extension_of_a_record_long_past_waits_for_the_store_and_holds_nobody_up(sealer, log, directory):
    known = set()
    asked = threading.Event()

    def place(record_id):
        asked.set()
        log.append((), 1.0)
        known.add(record_id)

    one = sealer(max_wait=0.5, is_placed=known.__contains__, place=place)
    log.hanging.clear()
    one.late(None, {"record_id": "rec_long-past", "number": 1})
    assert asked.wait(SOON)

    waiting = [output(one, n) for n in (2, 3)]
    assert [each.wait() for each in waiting] == [False, False]

    assert settles(lambda: sum(found.frames for found in look(directory)) == 2)
    assert one.committer.pending == 1
    log.hanging.set()
    assert one.committer.drain(SOON)
    assert sorted(log.keys) == [key(1), key(2), key(3)]


def test_an_extension_of_a_record_that_is_nowhere_is_lost_without_a_gap(sealer, log, caplog):
    def place(record_id):
        raise NotFound("there is no record")

    one = sealer(is_placed=lambda _: False, place=place)
    one.late(None, {"record_id": "rec_x", "number": 1})
    assert one.committer.drain(SOON)
    assert (log.keys, one.committer.losses.count) == ([], 0)
    assert "rec_x is not in the log: there is no such record" in caplog.text


def test_who_waits_for_a_store_that_began_to_hang_later_has_its_record_in_the_spool_when_it_goes_on(sealer, log):
    one = sealer(max_wait=2.0)
    append = log.append

    def slow_then_hanging(drafts, timeout):
        time.sleep(0.2)
        answers = append(drafts, timeout)
        log.hanging.clear()
        return answers

    one.committer._work = one.committer._work._replace(append=slow_then_hanging)
    output(one, 1)
    one.committer.wake()
    assert settles(lambda: one.committer._appending_since < float("inf"))
    second = output(one, 2)
    assert second.wait() is False
    assert second.spooled


def test_who_wants_to_be_told_is_told_and_it_is_in_the_spool_all_the_same(sealer, log):
    log.error = StoreUnavailable("disk full")
    one = sealer(on_unavailable="block")
    with pytest.raises(RecordNotSealed, match="disk full"):
        output(one, 1).wait()
    assert settles(lambda: one.committer.spooled == 1)


def test_one_output_may_want_to_be_told_while_the_others_go_on(sealer, log):
    log.error = StoreUnavailable("disk full")
    one = sealer()
    key_of_2 = f"{2:032x}-{2:016x}"
    assert output(one, 1).wait() is False
    with pytest.raises(RecordNotSealed):
        output(one, 2, spans={key_of_2: {"declared": {"on_unavailable": "block"}}}).wait()
    assert output(one, 3).wait() is False


def test_one_output_may_go_on_where_all_others_want_to_be_told(sealer, log):
    log.error = StoreUnavailable("disk full")
    one = sealer(on_unavailable="block")
    spans = {f"{1:032x}-{1:016x}": {"declared": {"on_unavailable": "proceed"}}}
    assert output(one, 1, spans=spans).wait() is False


def test_who_wants_to_be_told_has_the_store_tried_whatever_it_said_before(sealer, log):
    log.error = StoreUnavailable("locked")
    one = sealer(on_unavailable="block")
    with pytest.raises(RecordNotSealed):
        output(one, 1).wait()
    one.committer._retry_at = time.monotonic() + 3_600
    log.error = None
    assert output(one, 2).wait() is True


def test_a_draft_that_cannot_be_an_entry_keeps_no_other_out_of_the_log(sealer, log):
    append = log.append

    def picky(drafts, timeout):
        if any(one.key == key(2) for one in drafts):
            raise FormatError("entry: too long")
        return append(drafts, timeout)

    log.append = picky
    one = sealer()
    tickets = [output(one, n) for n in (1, 2, 3)]
    assert [ticket.wait() for ticket in tickets] == [True, False, True]
    assert one.committer.drain(SOON)
    assert log.keys == [key(1), key(3), "gap/2/capture_failed"]


def test_nor_does_it_when_it_was_spooled(sealer, log, directory):
    log.error = StoreUnavailable("locked")
    one = sealer()
    for n in (1, 2, 3):
        output(one, n).wait()
    append = log.append

    def picky(drafts, timeout):
        if any(one.key == key(2) for one in drafts):
            raise FormatError("entry: too long")
        return append(drafts, timeout)

    log.error, one.committer._work = None, one.committer._work._replace(append=picky)
    assert one.committer.drain(SOON)
    assert log.keys == [key(1), key(3), "gap/2/capture_failed"]


def test_a_conflict_in_a_spool_is_a_gap_and_no_overwrite(sealer, log):
    log.error = StoreUnavailable("locked")
    one = sealer()
    output(one, 1).wait()
    append = log.append

    def stands_there(drafts, timeout):
        append(drafts, timeout)
        return [KeyConflict("stands there") if draft.key == key(1) else draft.key for draft in drafts]

    log.error, one.committer._work = None, one.committer._work._replace(append=stands_there)
    assert one.committer.drain(SOON)
    assert "gap/1/key_conflict" in log.keys


def test_a_spool_that_cannot_be_read_keeps_nothing_new_from_the_log(sealer, log, monkeypatch):
    log.error = StoreUnavailable("locked")
    one = sealer()
    output(one, 1).wait()
    before = _guard.failures["replay a spool", "OSError"]

    def broken(spool, count):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(OwnSpool, "read", broken)
    log.error = None
    one.committer.drain(1.0)
    assert output(one, 2).wait() is True
    assert log.keys == [key(2)]
    assert one.committer.spooled == 1
    assert _guard.failures["replay a spool", "OSError"] > before


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_the_loop_goes_on_while_the_store_hangs(sealer, log, loop):
    one = sealer(max_wait=0.4)
    log.hanging.clear()
    ticks, answers = 0, []

    async def tick():
        nonlocal ticks
        while True:
            await anyio.sleep(0.005)
            ticks += 1

    async def caller(n):
        answers.append(await output(one, n))

    async def main():
        async with anyio.create_task_group() as ticking:
            ticking.start_soon(tick)
            async with anyio.create_task_group() as callers:
                for n in range(50):
                    callers.start_soon(caller, n)
            ticking.cancel_scope.cancel()

    anyio.run(main, backend=loop)
    assert answers == [False] * 50
    assert ticks > 10
    log.hanging.set()
    assert one.committer.drain(SOON)
    assert len(log.keys) == 50


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_an_async_caller_goes_on_when_its_record_is_durable(sealer, log, loop):
    one = sealer(max_wait=SOON)
    log.hanging.clear()

    async def main():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, lambda: log.asked.wait(SOON) and log.hanging.set())
            assert await output(one, 1) is True

    began = time.monotonic()
    anyio.run(main, backend=loop)
    assert time.monotonic() - began < SOON / 2
    assert log.keys == [key(1)]


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_an_async_caller_that_is_cancelled_loses_nothing(sealer, log, loop):
    one = sealer(max_wait=SOON)
    log.hanging.clear()

    async def main():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.await_for, output(one, 1))
            await anyio.to_thread.run_sync(log.asked.wait, SOON)
            tasks.cancel_scope.cancel()
        assert tasks.cancel_scope.cancelled_caught

    anyio.run(main, backend=loop)
    log.hanging.set()
    assert settles(lambda: log.keys == [key(1)])


def test_a_coroutine_that_no_loop_runs_waits_as_a_function_does(sealer, log):
    one = sealer()
    coroutine = one.await_for(output(one, 1))
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    assert end.value.value is True


def test_what_was_under_way_at_a_fork_is_left_to_the_parent(sealer, log, directory):
    log.error = StoreUnavailable("locked")
    one = sealer(on_unavailable="block")
    with pytest.raises(RecordNotSealed):
        output(one, 1).wait()
    assert settles(lambda: one.committer.spooled == 1)

    one.committer.disown()

    assert output(one, 2).wait() is False
    assert sum(found.frames for found in look(directory)) == 1


def test_an_extension_that_was_known_when_it_was_taken_and_is_not_any_more_holds_up_no_spool(sealer, log, directory):
    """What else is in the same write may have pushed its record out of memory."""
    log.error = StoreUnavailable("locked")
    known = iter([True])
    one = sealer(is_placed=lambda _: next(known, False))
    output(one, 1).wait()
    one.late(None, {"record_id": "rec_long-past", "number": 2})
    second = output(one, 3)
    second.wait()
    assert second.spooled
    assert [found.frames for found in look(directory)] == [2]
    assert one.committer.pending == 1


def test_what_came_late_takes_no_more_than_half_of_the_queue(sealer, log):
    log.error = StoreUnavailable("locked")
    one = sealer(queue_size=10, limit=1, is_placed=lambda _: False)
    for n in range(20):
        one.late(None, {"record_id": f"rec_{n}", "number": n})
    for n in range(5):
        output(one, 100 + n)
    assert one.committer.pending == 10
    assert one.committer.losses.count == 0


def test_an_extension_whose_record_is_made_in_the_same_commit_asks_nobody(sealer, log):
    def place(record_id):
        raise NotFound("nobody has sealed it")

    known = set()
    one = sealer(is_placed=known.__contains__, place=place)
    first = output(one, 1)
    one.late(None, {"record_id": first.record_id, "number": 2})
    assert one.committer.drain(SOON)
    assert log.keys == [key(1), key(2)]


def test_what_was_in_a_spool_that_was_damaged_meanwhile_is_a_gap_and_not_waited_for(sealer, log, directory):
    log.error = StoreUnavailable("locked")
    one = sealer()
    for n in range(1, 4):
        output(one, n).wait()
    (found,) = look(directory)
    data = bytearray(found.path.read_bytes())
    data[len(data) // 2] ^= 255
    found.path.write_bytes(bytes(data))
    log.error = None

    assert one.committer.drain(SOON)

    assert (one.committer.spooled, one.committer.losses.count, one.committer.sealed) == (0, 1, 2)
    assert any(each.startswith("gap/") for each in log.keys)


def test_what_opens_the_emitter_is_spooled_first_also_after_a_write_that_failed(sealer, log, directory, monkeypatch):
    log.error = StoreUnavailable("locked")
    opening = Draft("emitter.opened", "emitter/1/opened", "emi_1", "emi_1", "2026-11-26T08:00:00.000000Z", (), False)
    one = sealer(opening=(opening,), limit=1_000_000)
    with monkeypatch.context() as full:
        full.setattr(OwnSpool, "_refuse_beyond_limit", lambda *_: (_ for _ in ()).throw(OSError(28, "No space")))
        output(one, 1).wait()
    one.committer._spool_retry_at = 0.0
    output(one, 2).wait()
    log.error = None
    assert one.committer.drain(SOON)
    assert log.keys == ["emitter/1/opened", key(1), key(2)]
