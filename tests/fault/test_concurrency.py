"""Threads, tasks and processes that write one store: exact counts, one valid log; and what a fork must not share."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

import provsdk
from provsdk import traced_output
from provsdk.capture import _abandoned, _session
from provsdk.pipeline import _watch, running
from provsdk.store.open import open_store
from provsdk.store.verify import verify

THREADS, EACH = 8, 300
TASKS = 1_000
PROCESSES, OF_EACH = 8, 50
WAIT = 60.0
FILES = Path("/proc/self/fd")

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@traced_output("answer")
def answer(n):
    return f"the answer to question number {n}"


@traced_output("secret", classification="confidential")
def secret(n):
    return f"the secret answer to question number {n}"


@traced_output("later")
async def later(n):
    await asyncio.sleep(0)
    return f"the answer to question number {n}"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("PROVSDK_STORE")
    monkeypatch.setenv("PROVSDK_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("PROVSDK_STATE", str(tmp_path / "state"))
    yield tmp_path / "store"
    provsdk.shutdown()


def log_of(place):
    """Every entry, the records, and the numbers of outputs by their emitters, of a log that verifies."""
    store = open_store(place, keys=place.parent / "keys", state=place.parent / "state", read_only=True)
    try:
        report = verify(store)
        assert report.ok, report.findings
        entries = list(store.entries())
        records = [store.fold(one.record_id).record for one in store.summaries(newest_first=False)]
    finally:
        store.close()
    numbers = {}
    for record in records:
        numbers.setdefault(record.emitter.id, []).append(record.emitter.number)
    return entries, records, numbers


def closed_cleanly(place, entries):
    store = open_store(place, keys=place.parent / "keys", state=place.parent / "state", read_only=True)
    try:
        closed = [store.parts(one.index)[0].content for one in entries if one.kind == "emitter.closed"]
    finally:
        store.close()
    return [json.loads(one) for one in closed]


def test_threads_each_have_their_records_when_they_have_their_values(place):
    provsdk.configure(store=place, max_wait=WAIT)
    store, missing = running().store(), []

    def work(mine):
        for n in range(EACH):
            answer(mine * EACH + n)
            if n % 50 == 0 and store.stats().records < n:
                missing.append((mine, n))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert running().store().stats().records == THREADS * EACH
    provsdk.shutdown()

    entries, _, numbers = log_of(place)
    assert missing == []
    (mine,) = numbers.values()
    assert sorted(mine) == list(range(1, THREADS * EACH + 1))
    (closed,) = closed_cleanly(place, entries)
    counts = {name: closed[name] for name in ("started", "sealed", "lost", "unaccounted")}
    assert counts == {"started": THREADS * EACH, "sealed": THREADS * EACH, "lost": 0, "unaccounted": 0}


async def test_tasks_at_once_share_commits_and_none_is_missing(place):
    provsdk.configure(store=place, max_wait=WAIT)

    values = await asyncio.gather(*(later(n) for n in range(TASKS)))

    assert values == [f"the answer to question number {n}" for n in range(TASKS)]
    assert running().store().stats().records == TASKS
    provsdk.shutdown()
    assert sorted(*log_of(place)[2].values()) == list(range(1, TASKS + 1))


PROGRAM = """
import sys, provsdk
from provsdk import traced_output
@traced_output("answer")
def answer(n): return f"the answer to question number {n}"
provsdk.configure(store=sys.argv[1], max_wait=60)
for n in range(int(sys.argv[2])): answer(n)
provsdk.shutdown()
"""


def test_processes_that_begin_at_once_on_an_empty_place_write_one_log(place):
    command = [sys.executable, "-c", PROGRAM, str(place), str(OF_EACH)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES, said

    entries, records, numbers = log_of(place)
    assert len(records) == PROCESSES * OF_EACH
    assert [sorted(one) for one in numbers.values()] == [list(range(1, OF_EACH + 1))] * PROCESSES
    assert sum(one.kind == "log.opened" for one in entries) == 1
    assert sum(one.kind == "emitter.closed" for one in entries) == PROCESSES


def forked(work):
    """Runs `work` in a forked child, which ends without this process's exit handlers; its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def open_files(place):
    """Files in a directory that this process has descriptors of, or has mapped into its memory."""
    found = []
    for link in FILES.iterdir():
        with suppress(OSError):  # the one that lists the directory is gone by now
            found.append(str(link.readlink()))
    found += FILES.with_name("maps").read_text().split()
    return [target for target in found if target.startswith(f"{place}{os.sep}")]


def test_no_thread_of_ours_runs_while_the_process_forks_and_work_goes_on_after_it(place):
    provsdk.configure(store=place)
    answer(0)
    assert [one for one in threading.enumerate() if one.name.startswith("provsdk-store")]
    resume = running().before_fork()
    assert not [one for one in threading.enumerate() if one.name.startswith("provsdk-")]
    resume()
    answer(1)
    assert running().store().stats().records == 2


lists_files = pytest.mark.skipif(not FILES.is_dir(), reason="this system does not list the files of a process")


@lists_files
def test_a_forked_child_inherits_no_file_of_the_store(place):
    provsdk.configure(store=place)
    answer(0)
    assert open_files(place)

    def work():
        assert open_files(place) == []

    assert forked(work) == 0
    answer(1)
    assert open_files(place)


@contextmanager
def locked(place):
    """Another program holds SQLite's lock."""
    held = subprocess.Popen([sys.executable, "-c", HOLDER, str(place / "log.db")], stdout=subprocess.PIPE)
    held.stdout.readline()
    try:
        yield
    finally:
        held.kill()
        held.communicate()


HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(60)
"""


@lists_files
def test_a_forked_child_inherits_no_file_of_the_key_store_or_of_the_spool(place):
    provsdk.configure(store=place, capture_content="full", max_wait=0.3)
    state, keys = (place.parent / name for name in ("state", "keys"))
    secret(0)

    with locked(place):
        secret(1)
        assert {Path(file).relative_to(state).parts[0] for file in open_files(state)} == {"keystore", "spool"}

        def work():
            assert [open_files(each) for each in (place, state, keys)] == [[], [], []]
            secret(2)

        assert forked(work) == 0
    assert provsdk.flush(30)
    provsdk.configure(store=place)  # whoever comes next seals what the child left in its spool
    assert provsdk.flush(30)
    provsdk.shutdown()

    _, records, numbers = log_of(place)
    assert len(records) == 3
    assert sorted(numbers.values()) == [[1], [1, 2]]


def test_what_a_forked_child_encrypts_can_be_read_as_what_its_parent_does(place):
    provsdk.configure(store=place, capture_content="full")
    secret(0)

    def work():
        secret(1)
        assert provsdk.flush(30)

    assert forked(work) == 0
    secret(2)
    provsdk.shutdown()

    assert sorted(log_of(place)[2].values()) == [[1], [1, 2]]
    store = open_store(place, keys=place.parent / "keys", state=place.parent / "state", read_only=True)
    parts = [part for entry in store.entries_of_kind("record.sealed") for part in store.parts(entry.index)]
    store.close()
    kept = {json.loads(part.content)["content"] for part in parts if part.path.startswith("content/")}
    assert {f"the secret answer to question number {n}" for n in range(3)} <= kept
    (keys,) = (place.parent / "state" / "keystore").glob("*.db")
    with closing(sqlite3.connect(keys)) as connection:
        assert connection.execute("SELECT count(*) FROM data_keys").fetchone() == (3,)


def test_a_forked_child_seals_as_an_emitter_of_its_own_while_its_parent_goes_on(place):
    provsdk.configure(store=place)
    answer(0)
    parents = running()

    def work():
        assert running() is not parents
        for n in range(20):
            answer(n)
        provsdk.shutdown()

    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    for n in range(20):
        answer(n)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    provsdk.shutdown()

    _, records, numbers = log_of(place)
    assert len(records) == 41
    assert sorted(map(sorted, numbers.values())) == sorted([list(range(1, 22)), list(range(1, 21))])


def test_a_parent_that_ends_takes_nothing_from_its_child(place):
    """The last connection to a database in WAL mode takes the log of changes with it; a child must count as another."""
    provsdk.configure(store=place)
    answer(0)
    go_on, tell = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            answer(1)
            os.read(go_on, 1)
            for n in range(20):
                answer(n)
            code = 0 if provsdk.flush(30) else 2
        finally:
            os._exit(code)
    provsdk.shutdown()
    os.write(tell, b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    for descriptor in (go_on, tell):
        os.close(descriptor)
    assert len(log_of(place)[1]) == 22


def test_forks_while_threads_seal_harm_neither(place):
    provsdk.configure(store=place, max_wait=WAIT)
    over = threading.Event()
    made = []

    def work():
        while not over.is_set():
            answer(len(made))
            made.append(None)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()

    def child():
        for n in range(5):
            answer(n)
        assert provsdk.flush(30)

    codes = [forked(child) for _ in range(10)]
    over.set()
    for thread in threads:
        thread.join()
    provsdk.shutdown()
    assert codes == [0] * 10
    assert len(log_of(place)[1]) == len(made) + 50


def test_an_output_that_was_under_way_at_a_fork_is_sealed_once_by_the_process_that_began_it(place):
    provsdk.configure(store=place)

    @traced_output("forking")
    def forking():
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        return f"from {'the parent' if child else 'the child'}, at length enough"

    ours = os.getpid()
    value = forking()
    if os.getpid() != ours:
        os._exit(0)
    assert value.startswith("from the parent")
    provsdk.shutdown()
    (record,) = log_of(place)[1]
    assert record.output.size_bytes == len(value)


def test_a_fork_while_the_store_is_held_waits_no_longer_than_agreed(place):
    provsdk.configure(store=place)
    answer(0)
    store, go_on = running().store(), threading.Event()

    def hold():
        with store._lock:
            go_on.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    began = time.monotonic()
    assert forked(lambda: answer(1)) == 0
    assert time.monotonic() - began < 15
    go_on.set()
    holder.join()
    answer(2)
    provsdk.shutdown()
    assert len(log_of(place)[1]) == 3


LOCKS = {
    "the spans that are kept": lambda runtime: runtime._keeper._lock,
    "the provider": lambda runtime: runtime._tracers._turning,
    "the queue": lambda runtime: runtime._sealer.committer.queue._mutex,
    "the lane": lambda runtime: runtime._sealer.committer._store_lane._changed,
    "the counts": lambda runtime: _session._counting,
    "the watch": lambda runtime: _watch._beginning,
    "abandoned streams": lambda runtime: _abandoned._watch._starting,
    "slots": lambda runtime: runtime._emitter._growing,
}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_signal_or_a_finalizer_in_the_middle_of_our_work_may_call_a_traced_function(tmp_path, monkeypatch, lock):
    """It runs in the thread that it interrupts, whatever lock that thread has just taken."""
    monkeypatch.delenv("PROVSDK_STORE")
    runtime = provsdk.configure(store=tmp_path / "store", max_wait=0.5)

    @provsdk.traced_source("page")
    def load():
        return "a page that is long enough to be linked"

    @provsdk.traced_output("asked")
    def ask():
        for _ in stream():
            pass
        return load()

    @provsdk.traced_transform("stream")
    def stream():
        yield "x"

    def interrupted():
        with LOCKS[lock](runtime):
            ask()
            load()

    thread = threading.Thread(target=interrupted, daemon=True)
    thread.start()
    thread.join(30)
    try:
        assert not thread.is_alive(), "it waits for a lock that it has itself"
        assert provsdk.flush(30)
    finally:
        provsdk.shutdown()
