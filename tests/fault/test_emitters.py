"""Processes that end in every way but the orderly one, and what the next opener of the store makes of them."""

import json
import os
import subprocess
import sys
import textwrap
import time
from types import SimpleNamespace

import msgspec
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

import provsdk
from provsdk import traced_output
from provsdk.errors import StoreUnavailable
from provsdk.pipeline import _recovery
from provsdk.store.emitters import claimed, slot_files
from provsdk.store.gaps import absences
from provsdk.store.open import open_store
from provsdk.store.spool import read_about
from provsdk.store.verify import verify

PROGRAM = """
import os, sys, signal, threading, time, provsdk
from provsdk import traced_output
place = sys.argv[1]
@traced_output("answer")
def answer(then=lambda: None):
    then()
    return "x" * 100
def die(): os.kill(os.getpid(), signal.SIGKILL)
def running(*outputs):
    # Starts outputs that do not end; comes back when all of them run.
    begun = threading.Barrier(len(outputs) + 1)
    def then(): begun.wait(); time.sleep(60)
    for one in outputs: threading.Thread(target=one, args=(then,), daemon=True).start()
    begun.wait()
"""


@traced_output("answer")
def answer():
    return "x" * 100


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("PROVSDK_STORE")
    yield tmp_path / "store"
    provsdk.shutdown()


@pytest.fixture
def provsdk_command(place):
    """Runs the command line; answers what it says, to results and to people."""

    def run(*arguments):
        command = [sys.executable, "-c", "from provsdk.cli import main; main()", *arguments]
        done = subprocess.run(
            command,
            env={**os.environ, "PROVSDK_STORE": str(place), "COLUMNS": "400"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if "--json" not in arguments else subprocess.PIPE,
            check=False,
        )
        return done.stdout

    return run


def start(place, body):
    kept = {name: value for name, value in os.environ.items() if name != "PROVSDK_STORE"}
    program = PROGRAM + textwrap.dedent(body)
    return subprocess.Popen(
        [sys.executable, "-W", "error::ResourceWarning", "-c", program, str(place)],
        env=kept,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(place, body, *, code=-9):
    process = start(place, body)
    out, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    return out


def opened(place):
    return open_store(place, keys=place.parent / "keys", state=place.parent / "state")


def recovered(place):
    """A program opens the store and ends."""
    provsdk.configure(store=place)
    provsdk.shutdown()


def told(place):
    """What the log says of each emitter that did not end in order: kinds in log order, and what they hold."""
    store = opened(place)
    found = {}
    for entry in store.entries_of_kind("emitter.opened", "emitter.gap", "emitter.closed"):
        said = msgspec.json.decode(store.parts(entry.index)[0].content)
        found.setdefault(entry.subject, []).append((entry.kind.removeprefix("emitter."), said))
    report = verify(store)
    store.close()
    assert report.ok, report.findings
    return [
        entries
        for entries in found.values()
        if not any(said.get("by") == "exit" and said["sealed"] == said["started"] for _, said in entries)
    ]


def seen(place):
    store = opened(place)
    found = absences(store, place)
    store.close()
    return found


KILLED = "provsdk.configure(store=place); answer(); answer(); answer(die)"


def test_a_gap_names_the_output_its_number_its_start_and_why(place):
    run(place, KILLED)
    (before,) = seen(place).gaps

    recovered(place)

    ((_, (kind, gap), (_, closed)),) = told(place)
    assert (kind, gap["number"], gap["name"], gap["reason"]) == ("gap", 3, "answer", "killed")
    assert (gap["record_id"], gap["started_at"]) == (before.record_id, before.started_at)
    assert closed == {"emitter_id": gap["emitter_id"], "by": "recovery", "started": 3, "lost": 1, "untracked": 0}
    assert [one.entry for one in seen(place).gaps] == [5]


def test_a_kill_in_the_middle_of_a_stream_leaves_a_gap(place):
    out = run(
        place,
        """
        @traced_output("streamed")
        def streamed():
            yield "first"
            yield "second"
        provsdk.configure(store=place)
        for chunk in streamed():
            print(chunk, flush=True)
            die()
        """,
    )
    assert out == "first\n"

    recovered(place)

    (gap,) = seen(place).gaps
    assert (gap.name, gap.reason) == ("streamed", "killed")


def test_a_process_that_was_killed_between_outputs_left_no_gap(place):
    run(place, "provsdk.configure(store=place); answer(); die()")
    assert seen(place).ended == 1

    recovered(place)

    (((_, _), (kind, closed)),) = told(place)
    assert (kind, closed["by"], closed["started"], closed["lost"]) == ("closed", "recovery", 1, 0)
    assert seen(place).ended == 0


def test_a_record_that_was_sealed_before_its_slot_was_free_is_no_gap(place):
    run(
        place,
        """
        from provsdk.pipeline._emitter import ProcessEmitter
        ProcessEmitter.settled = lambda self, number: die()
        provsdk.configure(store=place)
        answer()
        """,
    )
    assert seen(place).gaps == ()

    recovered(place)

    assert [[kind for kind, _ in entries] for entries in told(place)] == [["opened", "closed"]]


def test_several_openers_at_once_make_one_entry_of_each(place):
    run(place, "provsdk.configure(store=place); running(*[answer] * 20); die()")

    openers = [start(place, "provsdk.configure(store=place); provsdk.shutdown()") for _ in range(4)]
    for one in openers:
        assert one.wait(60) == 0, one.stderr.read()
        one.communicate()

    (entries,) = told(place)
    assert [kind for kind, _ in entries] == ["opened", *["gap"] * 20, "closed"]
    assert sorted(said["number"] for kind, said in entries if kind == "gap") == list(range(1, 21))


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_recovery_that_broke_off_is_completed_by_the_next(place, after, monkeypatch):
    run(place, "provsdk.configure(store=place); running(*[answer] * 2); die()")
    monkeypatch.setattr(_recovery, "AT_ONCE", 1)
    store = opened(place)
    left = after

    class Breaking:
        def __getattr__(self, name):
            return getattr(store, name)

        def append(self, drafts, *, timeout):
            nonlocal left
            if not left:
                raise StoreUnavailable("the store is gone")
            left -= 1
            return store.append(drafts, timeout=timeout)

    _recovery.recover(Breaking(), place, float("inf"))
    store.close()
    assert seen(place).ended == 1
    assert len(seen(place).gaps) == 2

    recovered(place)

    (entries,) = told(place)
    assert [kind for kind, _ in entries] == ["opened", "gap", "gap", "closed"]


def test_a_recovery_ends_with_its_time_in_the_middle_of_a_file_and_the_next_one_goes_on(place, monkeypatch):
    run(place, "provsdk.configure(store=place); running(*[answer] * 5); die()")
    store = opened(place)
    now = iter([0.0, 0.0, 0.0, 0.5, 9.0, 9.0])
    with monkeypatch.context() as patched:
        patched.setattr(_recovery, "AT_ONCE", 2)
        patched.setattr(_recovery, "time", SimpleNamespace(monotonic=lambda: next(now, 9.0)))
        _recovery.recover(store, place, 1.0)
    store.close()
    assert seen(place).ended == 1
    assert len(seen(place).gaps) == 5
    recovered(place)
    (entries,) = told(place)
    assert [kind for kind, _ in entries] == ["opened", *["gap"] * 5, "closed"]


def test_an_emitter_that_begins_while_others_are_looked_for_is_not_unknown(place):
    run(place, KILLED)
    store = opened(place)

    def meanwhile():
        provsdk.configure(store=place)
        answer()
        return ()

    assert absences(store, place, meanwhile).unknown == ()
    store.close()


def test_a_file_that_could_not_be_removed_changes_nothing_the_second_time(place, monkeypatch, caplog):
    run(place, KILLED)
    with monkeypatch.context() as patched:
        patched.setattr(type(place), "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "denied")))
        provsdk.configure(store=place)
    assert "denied" in caplog.text
    provsdk.shutdown()
    before = told(place)

    recovered(place)

    assert told(place) == before
    assert list((place / "emitters").iterdir()) == []


def test_a_damaged_file_is_told_and_holds_up_no_other(place, caplog):
    run(place, KILLED)
    damaged = place / "emitters" / ("emi_" + "0" * 32 + ".slots")
    damaged.write_bytes(b"something else")

    recovered(place)

    assert str(damaged) in caplog.text
    assert len(seen(place).gaps) == 1
    assert str(damaged) in seen(place).problems[0]


def test_a_file_that_cannot_be_read_is_told_and_holds_up_no_other(place, caplog):
    run(place, KILLED)
    other = place / "emitters" / ("emi_" + "0" * 32 + ".slots")
    other.symlink_to("elsewhere")  # never followed; as good as another user's file

    recovered(place)

    assert str(other) in caplog.text
    (gap,) = seen(place).gaps
    assert gap.entry is not None


def test_a_file_that_a_kill_kept_from_being_whole_goes_after_an_hour(place):
    run(place, KILLED)
    old, new = (place / "emitters" / f".emi_{n * 32}.new" for n in "01")
    for path, age_s in ((old, 3_700), (new, 0)):
        path.write_bytes(b"")
        os.utime(path, (time.time() - age_s,) * 2)

    recovered(place)

    assert (old.exists(), new.exists()) == (False, True)


def test_a_process_whose_records_wait_elsewhere_is_left_alone(place):
    run(place, KILLED)
    store = opened(place)
    (emitter,) = {gap.emitter_id for gap in absences(store, place).gaps}

    _recovery.recover(store, place, float("inf"), lambda: {emitter})

    waiting = absences(store, place, lambda: {emitter})
    assert (waiting.gaps, waiting.waiting) == ((), 1)
    assert len(absences(store, place).gaps) == 1
    assert store.entries_of_kind("emitter.gap") == []
    store.close()


def test_whether_records_wait_elsewhere_is_asked_once_the_process_is_known_to_be_dead(place):
    """Until then it may have begun a spool."""
    run(place, KILLED)
    store = opened(place)
    (path,) = slot_files(place)
    asked = []

    def spooling():
        with claimed(path) as slots:
            asked.append(slots)
        return ()

    _recovery.recover(store, place, float("inf"), spooling)

    assert asked == [None]  # somebody has claimed it: who asks
    store.close()


SPOOLED = """
import sqlite3
provsdk.configure(store=place, max_wait=0.5)
answer()
with sqlite3.connect(place + "/log.db", isolation_level=None) as other:
    other.execute("BEGIN EXCLUSIVE")
    answer(); answer()
    print(provsdk.flush(1).spooled)
    answer(die)
"""
"""Two outputs whose records wait in a spool, and one that was killed."""


def spool_of(place):
    (path,) = (place.parent / "state" / "spool").glob("*/*.spool")
    return path


@pytest.fixture
def spooled(place):
    assert run(place, SPOOLED) == "2\n"
    return place


def test_what_a_killed_process_spooled_is_no_gap_and_what_it_did_not_is_not_hidden(spooled, provsdk_command):
    found = json.loads(provsdk_command("gaps", "--json"))

    assert (found["gaps"], found["waiting"]) == ([], 3)
    for command in ("gaps", "verify", "doctor"):
        assert "3 outputs had begun when their process ended, and may wait in its spool" in provsdk_command(command)


def test_once_it_was_replayed_its_gaps_are_in_the_log_without_another_start(spooled):
    provsdk.configure(store=spooled)
    assert provsdk.flush()

    (gap,) = seen(spooled).gaps
    assert (gap.number, gap.reason) == (4, "killed")
    assert gap.entry is not None
    assert list((spooled / "emitters").glob("emi_*")) == [running_slots(spooled)]


def running_slots(place):
    return place / "emitters" / f"{provsdk.pipeline.running()._emitter.id}.slots"


def test_replay_by_hand_does_that_too(spooled, provsdk_command):
    provsdk_command("store", "replay")

    (gap,) = seen(spooled).gaps
    assert (gap.number, gap.entry is not None) == (4, True)
    assert slot_files(spooled) == []


@pytest.mark.parametrize("damage", ["beginning", "frames", "gone"])
def test_what_stood_in_a_damaged_spool_is_a_gap(spooled, damage):
    spool = spool_of(spooled)
    data = spool.read_bytes()
    if damage == "gone":
        spool.unlink()
    else:
        at = 20 if damage == "beginning" else len(data) // 2
        spool.write_bytes(data[:at] + b"damage" + data[at + 6 :])
    provsdk.configure(store=spooled)
    provsdk.flush()

    lost = {"beginning": {2, 3, 4}, "gone": {2, 3, 4}}.get(damage)
    numbers = {gap.number for gap in seen(spooled).gaps}
    assert all(gap.entry is not None for gap in seen(spooled).gaps)
    assert numbers == lost if lost else {4} < numbers < {2, 3, 4, 5}
    assert provsdk.flush()


def test_a_spool_that_nothing_was_written_to_holds_nothing_back(spooled):
    spool = spool_of(spooled)
    start = read_about(lambda offset, length: spool.read_bytes()[offset : offset + length])[1]
    spool.write_bytes(spool.read_bytes()[:start])

    recovered(spooled)

    assert {gap.number for gap in seen(spooled).gaps} == {2, 3, 4}
    assert not spool.exists()


def test_a_worker_that_takes_the_place_of_one_that_was_killed_seals_what_that_one_spooled(place):
    out = run(
        place,
        """
        import sqlite3
        provsdk.configure(store=place, max_wait=0.5)
        answer()
        def worker(work):
            pid = os.fork()
            if pid == 0:
                work()
                os._exit(0)
            os.waitpid(pid, 0)
        def spools():
            other = sqlite3.connect(place + "/log.db", isolation_level=None)
            other.execute("BEGIN EXCLUSIVE")
            answer(); answer()
            print(provsdk.flush(1).spooled, flush=True)
            die()
        def replays():
            answer()
            print(bool(provsdk.flush(20)), flush=True)
        worker(spools)
        worker(replays)
        """,
        code=0,
    )
    assert out == "2\nTrue\n"
    store = opened(place)
    assert len(store.entries_of_kind("record.sealed")) == 4
    store.close()
    assert seen(place).gaps == ()


def test_an_output_that_still_ran_when_the_process_ended_in_order_is_a_gap(place):
    run(
        place,
        """
        provsdk.configure(store=place)
        answer()
        running(answer)
        """,
        code=0,
    )

    recovered(place)

    ((_, (_, closed), (kind, gap)),) = told(place)
    assert (closed["by"], closed["started"], closed["sealed"], closed["unaccounted"]) == ("exit", 2, 1, 1)
    assert (kind, gap["number"], gap["reason"]) == ("gap", 2, "unfinished")


def test_what_could_not_be_sealed_before_the_end_is_a_gap(place):
    run(
        place,
        """
        provsdk.configure(store=place, max_wait=0.1, spool_bytes=0)
        os.rename(place, place + ".away")
        answer()
        import provsdk.pipeline._runtime as runtime
        runtime.EXIT_S = 0.2
        provsdk.shutdown()
        os.rename(place + ".away", place)
        """,
        code=0,
    )

    recovered(place)

    ((_, (kind, gap), _),) = told(place)
    assert (kind, gap["number"], gap["reason"]) == ("gap", 1, "unfinished")


def test_the_name_of_an_output_of_an_encrypted_class_stands_nowhere(place):
    run(
        place,
        """
        @traced_output("secret-declared", classification="restricted")
        def declared(then): then()
        @traced_output("public-declared", classification="public")
        def public(then): then()
        @traced_output("secret-by-default")
        def by_default(then): then()
        provsdk.configure(store=place, classification="confidential")
        running(declared, public, by_default)
        die()
        """,
    )
    (file,) = (place / "emitters").iterdir()
    assert b"secret" not in file.read_bytes()

    recovered(place)

    assert {gap.name for gap in seen(place).gaps} == {None, "public-declared"}
    assert all(gap.record_id and gap.started_at for gap in seen(place).gaps)


def test_a_name_that_would_drive_a_terminal_is_harmless_in_the_log(place):
    run(
        place,
        """
        @traced_output("\\x1b[31mred\\u202e")
        def odd():
            die()
        provsdk.configure(store=place)
        odd()
        """,
    )

    recovered(place)

    (gap,) = seen(place).gaps
    assert gap.name == "\ufffd[31mred\ufffd"


def test_where_no_slots_can_be_made_outputs_are_recorded_and_the_emitter_says_so(place, caplog):
    recovered(place)
    (place / "emitters").rmdir()
    (place / "emitters").write_text("in the way")
    provsdk.configure(store=place)
    answer()
    provsdk.shutdown()

    assert "without slots" in caplog.text
    store = opened(place)
    assert len(store.summaries()) == 1
    said = [msgspec.json.decode(store.parts(e.index)[0].content) for e in store.entries_of_kind("emitter.opened")]
    assert [one["slots"] for one in said] == [True, False]
    closed = msgspec.json.decode(store.parts(store.entries_of_kind("emitter.closed")[-1].index)[0].content)
    assert closed["untracked"] == 1
    store.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 96 KB: room for one segment of slots."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", place]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk takes root's rights")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_costs_slots_and_no_output(small_disk):
    """A page that a mapping has and the disk has no room for would end the process with SIGBUS."""
    out = run(
        small_disk,
        """
        from pathlib import Path
        from provsdk.pipeline._emitter import ProcessEmitter
        from opentelemetry.trace import SpanContext
        one, other = ProcessEmitter(Path(place)), ProcessEmitter(Path(place))
        for n in range(1, 2000):
            one.started(n, SpanContext(1, 1, False), "answer")
        other.open()
        print(one.untracked, other.has_slots, len(os.listdir(place + "/emitters")))
        """,
        code=0,
    )

    assert out.split() == ["976", "False", "1"]


def test_thousands_of_outputs_that_run_at_once_have_a_slot_each(place):
    out = run(
        place,
        """
        import asyncio
        from pathlib import Path
        from provsdk.store.emitters import decode
        @traced_output("task")
        async def task(begun, go):
            begun.release()
            await go.wait()
        async def main():
            begun, go = asyncio.Semaphore(0), asyncio.Event()
            tasks = [asyncio.create_task(task(begun, go)) for _ in range(3000)]
            for _ in tasks: await begun.acquire()
            (file,) = Path(place, "emitters").iterdir()
            print(len(decode(file.read_bytes()).open))
            go.set()
            await asyncio.gather(*tasks)
        provsdk.configure(store=place, max_wait=60)
        asyncio.run(main())
        provsdk.shutdown()
        print(len(os.listdir(place + "/emitters")))
        """,
        code=0,
    )

    assert out.split() == ["3000", "0"]
    assert seen(place).gaps == ()
    store = opened(place)
    assert store.stats().records == 3000
    store.close()


def test_an_output_that_capture_could_not_begin_is_a_gap(place, monkeypatch):
    provsdk.configure(store=place)
    from provsdk.capture._plan import Plan

    with monkeypatch.context() as patched:
        patched.setattr(Plan, "open", lambda *_: (_ for _ in ()).throw(ZeroDivisionError))
        assert answer() == "x" * 100
    provsdk.shutdown()

    (gap,) = seen(place).gaps
    assert (gap.number, gap.record_id, gap.reason) == (1, None, "capture_failed")


class OneId(RandomIdGenerator):
    def generate_span_id(self):
        return 5

    def generate_trace_id(self):
        return 7


def test_outputs_whose_ids_are_taken_are_gaps_though_the_record_of_that_id_is_there(place):
    provsdk.configure(store=place, tracer_provider=TracerProvider(id_generator=OneId(), shutdown_on_exit=False))
    for _ in range(3):
        answer()
    assert provsdk.flush(10).lost == 2
    provsdk.shutdown()

    assert [(gap.number, gap.reason) for gap in seen(place).gaps] == [(2, "key_conflict"), (3, "key_conflict")]


def test_a_full_queue_leaves_gaps_with_name_and_time(place):
    import sqlite3
    from contextlib import closing

    provsdk.configure(store=place, max_wait=0.1, queue_size=1, spool_bytes=0)
    with closing(sqlite3.connect(place / "log.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            answer()
        other.execute("ROLLBACK")
    assert provsdk.flush(10.0)
    provsdk.shutdown()

    assert [(gap.name, gap.reason) for gap in seen(place).gaps] == [("answer", "queue_full")] * 2
    assert all(gap.started_at and gap.record_id for gap in seen(place).gaps)


def test_a_clock_that_goes_backwards_hides_nothing(place):
    run(
        place,
        """
        import itertools
        from provsdk.pipeline import _emitter
        ticks = itertools.count(time.time_ns(), -3_600_000_000_000)
        time.time_ns = _emitter.time_ns = lambda: next(ticks)
        provsdk.configure(store=place)
        answer()
        answer(die)
        """,
    )

    recovered(place)

    (gap,) = seen(place).gaps
    assert (gap.number, gap.name) == (2, "answer")


def test_a_deleted_file_of_slots_is_told(place):
    run(place, KILLED)
    (file,) = (place / "emitters").iterdir()
    file.unlink()

    recovered(place)

    assert seen(place).gaps == ()
    assert seen(place).unknown == (file.stem,)


class TestForks:
    def test_workers_that_end_without_exit_handlers_are_closed_by_the_next_opener(self, place):
        run(
            place,
            """
            provsdk.configure(store=place)
            for _ in range(3):
                pid = os.fork()
                if not pid:
                    answer(); answer()
                    os._exit(0)
                os.waitpid(pid, 0)
            """,
            code=0,
        )

        recovered(place)

        entries = told(place)
        assert [[kind for kind, _ in one] for one in entries] == [["opened", "closed"]] * 3
        assert [one[-1][1] for one in entries] == [
            {"emitter_id": one[0][1]["emitter_id"], "by": "recovery", "started": 2, "lost": 0, "untracked": 0}
            for one in entries
        ]

    def test_a_worker_that_is_killed_in_its_first_output_is_opened_and_closed_with_a_gap_between(self, place):
        run(
            place,
            """
            provsdk.configure(store=place)
            pid = os.fork()
            if not pid:
                answer(die)
            os.waitpid(pid, 0)
            """,
            code=0,
        )

        recovered(place)

        ((opened_, gap, closed),) = told(place)
        assert [opened_[0], gap[0], closed[0]] == ["opened", "gap", "closed"]
        assert (gap[1]["number"], gap[1]["name"], gap[1]["reason"]) == (1, "answer", "killed")

    def test_a_killed_parent_is_told_while_its_workers_live(self, place):
        process = start(
            place,
            """
            provsdk.configure(store=place)
            answer()
            reading, writing = os.pipe()
            pid = os.fork()
            if not pid:
                answer()
                os.write(writing, b"x")
                time.sleep(60)
            os.read(reading, 1)
            print(pid, flush=True)
            answer(die)
            """,
        )
        worker = int(process.stdout.readline())
        assert process.wait(60) == -9
        try:
            found = seen(place)
            assert (found.running, found.ended) == (1, 1)
            assert [(gap.number, gap.name) for gap in found.gaps] == [(2, "answer")]

            recovered(place)

            assert (seen(place).running, seen(place).ended) == (1, 0)
        finally:
            os.kill(worker, 9)
            process.stdout.close()
            process.stderr.close()

    @pytest.mark.parametrize("end", ["normal", "killed"])
    def test_multiprocessing_workers_are_emitters_like_others(self, place, end):
        run(
            place,
            f"""
            import multiprocessing
            def work(n):
                answer()
                answer({"die" if end == "killed" else ""})
            provsdk.configure(store=place)
            workers = [multiprocessing.get_context("fork").Process(target=work, args=(n,)) for n in range(3)]
            for one in workers: one.start()
            for one in workers: one.join()
            """,
            code=0,
        )

        recovered(place)

        lost = [one[-1][1]["lost"] for one in told(place)]
        assert lost == ([1, 1, 1] if end == "killed" else []), "others close in order, though no exit handler runs"
        store = opened(place)
        assert len(store.summaries()) == (3 if end == "killed" else 6)
        store.close()

    def test_a_forked_worker_sees_to_those_who_died_before_it(self, place):
        out = run(
            place,
            """
            import json
            provsdk.configure(store=place)
            for then in (die, lambda: None):
                pid = os.fork()
                if not pid:
                    answer(then)
                    os._exit(0)
                os.waitpid(pid, 0)
            print(json.dumps(len(os.listdir(place + "/emitters"))))
            """,
            code=0,
        )

        # The parent's own and the last worker's; what the first one left is in the log.
        assert json.loads(out) == 2
        assert [gap.entry is not None for gap in seen(place).gaps] == [True]
