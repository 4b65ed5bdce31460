"""Outputs and their slots: from the start to the seal, however many run at once; where there is no room, none."""

import logging
import os
import threading

import pytest
from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanContext

from provsdk.pipeline import _emitter, _slots
from provsdk.pipeline._emitter import Gap, ProcessEmitter
from provsdk.store.emitters import DIRECTORY, MAX_BYTES, SEGMENT_BYTES, SLOT_BYTES, decode, read_slots

PER_SEGMENT = SEGMENT_BYTES // SLOT_BYTES


def span(n):
    return SpanContext(trace_id=n, span_id=n, is_remote=False)


@pytest.fixture
def emitter(tmp_path):
    made = []

    def make(store=tmp_path, never_began=None):
        made.append(ProcessEmitter(store, never_began))
        return made[-1]

    yield make
    for one in made:
        one.leave_unless_ended()
        if one._file is not None:
            one._file.close()


def slots(emitter, tmp_path):
    """What a stranger would read after a kill."""
    return decode((tmp_path / DIRECTORY / f"{emitter.id}.slots").read_bytes())


def test_an_output_has_a_slot_from_its_start_until_it_is_settled(emitter, tmp_path):
    one = emitter()
    one.started(1, span(0xAB), "answer")

    (slot,) = slots(one, tmp_path).open
    assert (slot.number, slot.record_id, slot.name) == (1, f"rec_{0xAB:032x}-{0xAB:016x}", "answer")

    one.settled(1)
    assert slots(one, tmp_path).open == ()
    assert slots(one, tmp_path).highest == 1


def test_slots_are_used_again(emitter, tmp_path):
    one = emitter()
    for n in range(1, 5 * PER_SEGMENT):
        one.started(n, span(n), "answer")
        one.settled(n)

    data = (tmp_path / DIRECTORY / f"{one.id}.slots").read_bytes()
    assert len(data) == SEGMENT_BYTES
    assert not any(data[_slots.PAGE_BYTES :]), "one at a time, it writes to one page"
    assert slots(one, tmp_path).highest == one.started_count == 5 * PER_SEGMENT - 1


def test_the_file_grows_when_more_run_at_once_than_it_has_slots(emitter, tmp_path):
    one, many = emitter(), 3 * PER_SEGMENT
    for n in range(1, many + 1):
        one.started(n, span(n), "answer")

    assert [slot.number for slot in slots(one, tmp_path).open] == list(range(1, many + 1))
    for n in range(1, many + 1):
        one.settled(n)
    assert slots(one, tmp_path).open == ()
    assert one.untracked == 0


def test_beyond_the_bound_outputs_run_on_are_counted_and_it_is_said_once(emitter, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(_slots, "MAX_BYTES", SEGMENT_BYTES)
    one = emitter()
    for n in range(1, PER_SEGMENT + 6):
        one.started(n, span(n), "answer")

    assert len(slots(one, tmp_path).open) == PER_SEGMENT - 1
    assert one.untracked == slots(one, tmp_path).untracked == 6
    assert len(caplog.records) == 1
    assert "without slots" in caplog.text
    one.settled(1)
    one.started(PER_SEGMENT + 6, span(9), "answer")
    assert one.untracked == 6
    assert MAX_BYTES // SLOT_BYTES == 65_536


@pytest.mark.parametrize("obstacle", ["no store", "a file in its place", "no locks"])
def test_where_no_file_can_be_made_outputs_run_on_and_it_is_said_once(emitter, tmp_path, caplog, obstacle, monkeypatch):
    store = tmp_path
    if obstacle == "no store":
        store = tmp_path / "missing"
    elif obstacle == "a file in its place":
        (tmp_path / DIRECTORY).write_text("")
    else:
        monkeypatch.setattr(_slots, "lock", lambda descriptor: (_ for _ in ()).throw(OSError("no locks here")))
    one = emitter(store)
    one.open()
    for n in range(1, 10):
        one.started(n, span(n), "answer")
        one.settled(n)

    assert not one.has_slots
    assert (one.started_count, one.untracked) == (9, 9)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    if (tmp_path / DIRECTORY).is_dir():
        assert list((tmp_path / DIRECTORY).iterdir()) == []


def test_it_is_tried_again_after_a_while(emitter, tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(_emitter.time, "monotonic", lambda: now[0])
    (tmp_path / DIRECTORY).write_text("")
    one = emitter()
    one.started(1, span(1), "answer")
    (tmp_path / DIRECTORY).unlink()
    one.started(2, span(2), "answer")
    assert one.untracked == 2

    now[0] += _emitter.RETRY_S
    one.started(3, span(3), "answer")
    assert [slot.number for slot in slots(one, tmp_path).open] == [3]
    assert slots(one, tmp_path).untracked == 2


def test_a_clock_that_stands_before_1970_leaves_a_slot_taken(emitter, tmp_path, monkeypatch):
    monkeypatch.setattr(_emitter, "time_ns", lambda: -5)
    one = emitter()
    one.started(1, span(1), "answer")

    (slot,) = slots(one, tmp_path).open
    assert slot.started_at == "1970-01-01T00:00:00.000000Z"


def test_an_output_that_could_not_be_begun_is_told_and_takes_no_slot(emitter, tmp_path):
    told = []
    one = emitter(never_began=told.append)
    one.open()
    one.started(1, INVALID_SPAN_CONTEXT, "")

    assert told == [1]
    assert slots(one, tmp_path).open == ()


def test_a_gap_is_described_by_its_slot(emitter):
    one = emitter()
    one.started(4, span(0xAB), "answer")

    described = one.described(Gap(4, None, "queue_full"))
    assert (described.number, described.reason, described.name) == (4, "queue_full", "answer")
    assert described.record_id == f"rec_{0xAB:032x}-{0xAB:016x}"
    assert described.started_at.endswith("Z")
    assert one.described(Gap(5, None, "queue_full")) == Gap(5, None, "queue_full")


def test_the_file_goes_when_the_emitter_has_ended(emitter, tmp_path):
    one = emitter()
    one.started(1, span(1), "answer")
    one.settled(1)
    one.end()

    assert list((tmp_path / DIRECTORY).iterdir()) == []


def test_the_file_stays_until_what_was_under_way_at_the_end_is_settled(emitter, tmp_path):
    one = emitter()
    one.started(1, span(1), "answer")
    one.end()
    assert len(slots(one, tmp_path).open) == 1

    one.settled(1)
    assert list((tmp_path / DIRECTORY).iterdir()) == []


def test_after_it_was_let_go_of_outputs_run_on(emitter, tmp_path):
    one = emitter()
    one.started(1, span(1), "answer")
    one.leave_unless_ended()
    one.settled(1)
    one.started(2, span(2), "answer")

    assert [slot.number for slot in slots(one, tmp_path).open] == [1]


def test_threads_never_share_a_slot(emitter, tmp_path):
    one, each = emitter(), 500

    def work(start):
        for n in range(start, start + each):
            one.started(n, span(n), "answer")
            if n % 2:
                one.settled(n)

    threads = [threading.Thread(target=work, args=(1 + each * place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    left = slots(one, tmp_path).open
    assert [slot.number for slot in left] == list(range(2, 8 * each + 1, 2))
    assert all(slot.record_id == f"rec_{slot.number:032x}-{slot.number:016x}" for slot in left)
    assert one.started_count == 8 * each


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_neither_writes_into_its_parents_slots_nor_holds_its_lock(emitter, tmp_path):
    one = emitter()
    one.started(1, span(1), "answer")
    (ready, say), (may_end, ending) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ending)
        one.settled(1)
        one.started(2, span(2), "answer")
        os.write(say, b"x")
        os.read(may_end, 1)
        os._exit(0)

    os.read(ready, 1)
    one.leave_unless_ended()
    found = read_slots(tmp_path / DIRECTORY / f"{one.id}.slots")
    for descriptor in (ending, may_end, ready, say):
        os.close(descriptor)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [slot.number for slot in found.open] == [1]
