"""A store that is locked, full, gone, or does not answer at all: callers go on, and nothing is lost or sealed twice.

Every fault here is a real one: locks of other processes, file systems that are full or frozen, files that block whoever
opens them, processes that are killed.
"""

import asyncio
import fcntl
import json
import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import contextmanager, suppress
from typing import NamedTuple

import pytest

import provsdk
from provsdk import traced_output, traced_source
from provsdk.errors import RecordNotSealed
from provsdk.pipeline import running
from provsdk.store.gaps import absences
from provsdk.store.open import open_store
from provsdk.store.spools import directory_for, look
from provsdk.store.verify import verify

MAX_WAIT = 1.5
SECRET = "the-patient-is-called-Zebulon"

PROGRAM = """
import asyncio, json, os, signal, sys, threading, time
import provsdk
from provsdk import traced_output

place, settings = sys.argv[1], json.loads(sys.argv[2])
over = {}

def body(n):
    over[n] = time.monotonic()
    return "x" * 200 + str(n)

@traced_output("answer")
def answer(n): return body(n)

@traced_output("task")
async def task(n):
    await asyncio.sleep(0)
    return body(n)

@traced_output("stream")
def stream(n):
    yield "first"
    yield body(n)

@traced_output("async-stream")
async def async_stream(n):
    yield "first"
    await asyncio.sleep(0)
    yield body(n)

def waited(n):
    "Seconds since all that the user's own code does was done."
    return time.monotonic() - over[n]

def call(n):
    answer(n)
    return waited(n)

async def start(n):
    await task(n)
    return waited(n)

def read(n):
    for _ in stream(n): pass
    return waited(n)

async def read_async(n):
    async for _ in async_stream(n): pass
    return waited(n)

def in_threads(wait, threads=8, each=40):
    took = []
    def work(place):
        for n in range(each): took.append(wait(place * each + n))
    working = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    for one in working: one.start()
    for one in working: one.join()
    return shown(took)

def in_tasks(wait, tasks):
    async def all_at_once(): return await asyncio.gather(*map(wait, range(tasks)))
    return shown(asyncio.run(all_at_once()))

def met(load, *about):
    "The same, when a lane has met whatever is wrong with the store."
    took = call(-1)
    time.sleep(0.5)
    said = load(*about)
    return {**said, "calls": said["calls"] + 1, "max": max(took, said["max"])}

def shown(took):
    took.sort()
    return {"calls": len(took), "p99": took[len(took) * 99 // 100 - 1], "max": took[-1]}

def tell(**said): print(json.dumps(said), flush=True)
def hear(): return sys.stdin.readline().strip()
def state(flushed): return dict(ok=bool(flushed), pending=flushed.pending, spooled=flushed.spooled, lost=flushed.lost)

provsdk.configure(store=place, **settings)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("PROVSDK_STORE")
    monkeypatch.setenv("PROVSDK_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("PROVSDK_STATE", str(tmp_path / "state"))
    yield tmp_path / "store"
    provsdk.shutdown()


@contextmanager
def child(place, body, **settings):
    """A program that has configured itself with a store at `place`."""
    arguments = json.dumps({"max_wait": MAX_WAIT, **settings})
    environment = {name: value for name, value in os.environ.items() if name != "PROVSDK_STORE"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM + textwrap.dedent(body), str(place), arguments],
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def heard(process):
    ready, _, _ = select.select([process.stdout], [], [], 60)
    line = process.stdout.readline() if ready else "{}"
    assert line, process.stderr.read()
    return json.loads(line)


def told(process, word=""):
    process.stdin.write(word + "\n")
    process.stdin.flush()


def ended(process):
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return said


@contextmanager
def locked(place):
    """Another program holds SQLite's lock."""
    other = sqlite3.connect(place / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def opened(place):
    store = open_store(place, keys=place.parent / "keys", state=place.parent / "state", read_only=True)
    try:
        yield store
    finally:
        store.close()


def sealed(place):
    """Records in a log that verifies."""
    with opened(place) as store:
        report = verify(store)
        assert report.ok, report.findings
        return len(store.summaries())


def spools(place):
    return look(directory_for(place.parent / "state" / "spool", place))


class Load(NamedTuple):
    """Callers that all want their record."""

    calls: int
    made: str
    settings: dict[str, str] = {}  # noqa: RUF012 nobody writes to it
    most: float = MAX_WAIT
    """Seconds that 99 of 100 wait less than."""

    @property
    def body(self):
        """A program that makes them when it is told to."""
        return f"""
        tell(at=1)
        hear()
        tell(**{self.made})
        hear()
        tell(**state(provsdk.flush(30)))
        provsdk.shutdown()
        """


THREADS = Load(320, "in_threads(call)")
LOADS = {
    "threads": THREADS,
    "tasks": Load(1_000, "in_tasks(start, 1_000)"),
    "streams": Load(320, "in_threads(read)"),
    "async streams": Load(500, "in_tasks(read_async, 500)"),
    "threads that do not wait": Load(321, "met(in_threads, call)", {"durability": "batch"}, MAX_WAIT / 4),
    "tasks that do not wait": Load(1_001, "met(in_tasks, start, 1_000)", {"durability": "batch"}, MAX_WAIT / 4),
}


@pytest.fixture(params=LOADS)
def load(request):
    """Each of them."""
    return LOADS[request.param]


HOLDER = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def check_load(process, load=THREADS):
    said = heard(process)
    assert said["calls"] == load.calls
    assert said["p99"] < load.most
    assert said["max"] < load.most * 2


def check_spooled(place, load):
    """All of it is on disk when its callers have their values, but for those who do not wait."""
    if load.settings.get("durability") != "batch":
        assert sum(one.frames for one in spools(place)) >= load.calls


def test_a_locked_store_under_load(place, load):
    with child(place, load.body, **load.settings) as process:
        heard(process)
        with locked(place):
            told(process)
            check_load(process, load)
            check_spooled(place, load)
        told(process)
        assert heard(process) == {"ok": True, "pending": 0, "spooled": 0, "lost": 0}
        ended(process)
    assert sealed(place) == load.calls
    assert spools(place) == []


def test_a_process_that_was_stopped_with_the_lock_in_its_hands(place):
    with child(place, THREADS.body) as process:
        heard(process)
        holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(place / "log.db")], stdout=subprocess.PIPE)
        holder.stdout.readline()
        told(process)
        check_load(process)
        holder.kill()
        holder.communicate()
        told(process)
        assert heard(process)["ok"]
        ended(process)
    assert sealed(place) == THREADS.calls


@contextmanager
def leased(file):
    """Whoever opens the file is held in the kernel; yields the file once for each that is."""
    if not hasattr(fcntl, "F_SETLEASE"):
        pytest.skip("leases on files are Linux's")
    held = []
    before = signal.signal(signal.SIGIO, lambda *_: held.append(file))
    descriptor = os.open(file, os.O_RDWR)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield held
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGIO, before)


def test_a_system_call_that_does_not_return(place, load):
    with child(place, load.body, **load.settings) as process:
        heard(process)
        (memory,) = (place.parent / "state" / "memory").glob("log-*")
        with leased(memory) as held:
            told(process)
            check_load(process, load)
            check_spooled(place, load)
            assert held == [memory]
        told(process)
        assert heard(process) == {"ok": True, "pending": 0, "spooled": 0, "lost": 0}
        ended(process)
    assert sealed(place) == load.calls


@pytest.fixture
def mounted(tmp_path):
    """Mounts a file system for the store, where that is allowed."""
    points = []

    def mount(*arguments):
        point = tmp_path / "mounted"
        point.mkdir()
        done = subprocess.run(["mount", *arguments, str(point)], check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
        points.append(point)
        return point

    yield mount
    provsdk.shutdown()
    for point in points:
        subprocess.run(["umount", str(point)], check=False)


@pytest.mark.skipif(not shutil.which("mkfs.ext4") or not shutil.which("fsfreeze"), reason="needs mkfs.ext4, fsfreeze")
def test_a_disk_that_stands_still(place, mounted, tmp_path):
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(16_000_000)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    point = mounted("-o", "loop", str(image))
    elsewhere = tmp_path / "slots"  # a page that is mapped from a frozen disk cannot be written to
    elsewhere.mkdir()
    (point / "store").mkdir()
    (point / "store" / "emitters").symlink_to(elsewhere)
    with child(point / "store", THREADS.body) as process:
        heard(process)
        frozen = subprocess.run(["fsfreeze", "-f", str(point)], check=False, capture_output=True, text=True)
        if frozen.returncode:
            pytest.skip(f"a file system cannot be frozen here: {frozen.stderr.strip()}")
        try:
            told(process)
            check_load(process)
        finally:
            subprocess.run(["fsfreeze", "-u", str(point)], check=True)
        told(process)
        assert heard(process) == {"ok": True, "pending": 0, "spooled": 0, "lost": 0}
        ended(process)
    with opened_elsewhere(point / "store", place) as store:
        assert verify(store).ok
        assert len(store.summaries()) == THREADS.calls


@contextmanager
def opened_elsewhere(store, place):
    found = open_store(store, keys=place.parent / "keys", state=place.parent / "state", read_only=True)
    try:
        yield found
    finally:
        found.close()


def fill(path):
    """Leaves no room on a file system."""
    with path.open("wb", buffering=0) as ballast, suppress(OSError):
        while ballast.write(b"0" * 4096) == 4096:
            pass


@pytest.mark.parametrize("spooled_there_too", [False, True])
def test_a_full_disk_under_load_and_one_that_has_room_again(place, mounted, load, spooled_there_too):
    """Where the spool is on that disk too, nothing is lost that memory holds."""
    point = mounted("-t", "tmpfs", "-o", "size=2m", "none")
    settings = {"spool": str(point / "spool")} if spooled_there_too else {"capture_content": "full"}
    with child(point / "store", load.body, **settings, **load.settings) as process:
        heard(process)
        fill(point / "ballast")
        told(process)
        check_load(process, load)
        (point / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", str(point)], check=True)
        told(process)
        assert heard(process) == {"ok": True, "pending": 0, "spooled": 0, "lost": 0}
        ended(process)
    with opened_elsewhere(point / "store", place) as store:
        assert verify(store).ok
        assert len(store.summaries()) == load.calls


def test_a_worker_forked_on_a_full_disk_and_killed_has_its_records_and_is_told_to_have_no_slots(place, mounted):
    """There is no room for its slots: what it had begun when it was killed cannot be named, and that is said."""
    point = mounted("-t", "tmpfs", "-o", "size=2m", "none")
    body = """
        tell(at=1); hear()
        pid = os.fork()  # lets go of the store, which makes some room
        if not pid:
            tell(forked=1); hear()
            for n in range(5): answer(n)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(pid, 0)
        tell(killed=1); hear()
        provsdk.shutdown()
    """
    store = point / "store"
    with child(store, body) as process:
        heard(process)
        told(process)
        heard(process)
        fill(point / "ballast")
        told(process)
        heard(process)
        (point / "ballast").unlink()
        told(process)
        ended(process)
    provsdk.configure(store=store)
    assert provsdk.flush(30)
    provsdk.shutdown()
    with opened_elsewhere(store, place) as log:
        assert verify(log).ok
        assert len(log.summaries()) == 5
        (emitter,) = {log.fold(one.record_id).record.emitter.id for one in log.summaries()}
        assert absences(log, store).unknown == (emitter,)


def test_a_full_spool_and_a_full_queue_are_numbered_gaps_and_hold_nobody_up(place, load):
    with child(place, load.body, spool_bytes=60_000, queue_size=50, **load.settings) as process:
        heard(process)
        with locked(place):
            told(process)
            check_load(process, load)
        told(process)
        said = heard(process)
        assert said["ok"]
        assert said["lost"] > 0
        ended(process)
    assert sealed(place) + said["lost"] == load.calls
    with opened(place) as store:
        gaps = [entry for entry in store.entries() if entry.kind == "emitter.gap"]
        assert len(gaps) == said["lost"]


def test_who_is_killed_while_the_store_is_away_loses_nothing_that_was_answered(place):
    body = """
        tell(at=1); hear()
        n = 0
        while True:
            answer(n); n += 1
            tell(n=n)
    """
    with child(place, body) as process:
        heard(process)
        with locked(place):
            told(process)
            answered = 0
            while answered < 60:
                answered = heard(process)["n"]
            process.send_signal(signal.SIGKILL)
            for line in process.communicate()[0].splitlines():
                answered = json.loads(line)["n"] if line.endswith("}") else answered
        assert [one.held for one in spools(place)] == [False]
    provsdk.configure(store=place)
    assert provsdk.flush(30)
    provsdk.shutdown()
    assert sealed(place) >= answered
    assert spools(place) == []


def test_what_several_processes_left_is_sealed_by_the_next_one(place):
    provsdk.configure(store=place)
    provsdk.shutdown()
    body = """
        tell(at=1); hear()
        for n in range(20): answer(n)
        provsdk.shutdown()
        tell(done=1)
    """
    processes = [child(place, body) for _ in range(3)]
    running_ones = [one.__enter__() for one in processes]
    try:
        for process in running_ones:
            heard(process)
        with locked(place):
            for process in running_ones:
                told(process)
            for process in running_ones:
                heard(process)
        assert [one.held for one in spools(place)] == [False] * 3
    finally:
        for one in processes:
            one.__exit__(None, None, None)
    provsdk.configure(store=place)
    assert provsdk.flush(30)
    assert sealed(place) == 60
    with opened(place) as store:
        entries = list(store.entries())
    for entry in entries:
        if entry.kind == "record.sealed":
            first = next(one.index for one in entries if one.kind == "emitter.opened" and one.actor == entry.actor)
            assert first < entry.index


def test_a_program_that_ends_while_its_store_hangs_ends(place):
    body = """
        tell(at=1); hear()
        answer(1)
        tell(answered=1)
    """
    with child(place, body) as process:
        heard(process)
        (memory,) = (place.parent / "state" / "memory").glob("log-*")
        with leased(memory) as held:
            told(process)
            heard(process)
            process.wait(timeout=20)
            assert process.returncode == 0
            assert held == [memory]
    provsdk.configure(store=place)
    assert provsdk.flush(30)
    assert sealed(place) == 1


def test_captured_content_does_not_lie_in_the_spool_to_be_read(place):
    provsdk.configure(store=place, capture_content="full", max_wait=0.3, classification="restricted")

    @traced_output("patient")
    def patient(text):
        return text

    patient("first")
    with locked(place):
        patient(SECRET)
        assert provsdk.flush(0.5).spooled == 1
        data = b"".join(one.path.read_bytes() for one in spools(place))
    assert data
    assert SECRET.encode() not in data
    assert provsdk.flush(30)
    with opened(place) as store:
        record_id = store.resolve("@latest")
        (entry,) = store.entries_about(record_id)
        contents = [part.content for part in store.parts(entry.index) if part.path.startswith("content/")]
    assert any(SECRET.encode() in content for content in contents)


def test_doctor_and_replay_see_what_was_left(place, tmp_path):
    provsdk.configure(store=place)
    provsdk.shutdown()
    with child(place, "tell(at=1); hear(); answer(1); tell(n=1); hear()") as process:
        heard(process)
        with locked(place):
            told(process)
            heard(process)
            process.kill()
            process.wait()

    def cli(*words):
        command = [sys.executable, "-c", "from provsdk.cli import main; main()", "--store", str(place), *words]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    checks = json.loads(cli("doctor", "--json").stdout)["checks"]
    (found,) = [one for one in checks if one["area"] == "spool"]
    assert found["state"] == "finding"
    assert "process that has ended" in found["text"]
    assert "provsdk store replay" in found["remedy"]
    replayed = cli("store", "replay", "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout)["sealed"] == 1
    assert sealed(place) == 1
    checks = json.loads(cli("doctor", "--json").stdout)["checks"]
    assert [one["state"] for one in checks if one["area"] == "spool"] == ["ok"]


def test_doctor_says_what_of_ours_failed_in_a_process_that_has_ended(place):
    body = """
        from provsdk.capture import _guard
        from provsdk.pipeline import running
        committer = running()._sealer.committer
        work = committer._work
        def broken(): raise ZeroDivisionError
        committer._work = work._replace(on_sealed=broken)
        assert answer(1).endswith("1")
        committer._work = work
        _guard.report("take 'x' of an output", ValueError(), about="Zebulon")
        provsdk.shutdown()
    """
    with child(place, body) as process:
        ended(process)
    command = [sys.executable, "-c", "from provsdk.cli import main; main()", "--store", str(place), "doctor", "--json"]
    checks = json.loads(subprocess.run(command, check=False, capture_output=True, text=True, timeout=60).stdout)[
        "checks"
    ]
    texts = [one["text"] for one in checks if one["area"] == "host"]
    assert any("do the work of provsdk-store (ZeroDivisionError" in text for text in texts)
    assert any("take 'x' of an output (ValueError" in text for text in texts)
    assert not any("Zebulon" in text for text in texts)
    assert sealed(place) == 1


def test_one_output_may_want_to_be_told(place):
    provsdk.configure(store=place, max_wait=0.3)

    @traced_output("careful", on_unavailable="block")
    def careful():
        return "value"

    @traced_output("easy")
    def easy():
        return "value"

    assert (careful(), easy()) == ("value", "value")
    with locked(place):
        with pytest.raises(RecordNotSealed, match="locked"):
            careful()
        assert easy() == "value"
    assert provsdk.flush(30)
    assert sealed(place) == 4
    assert running().flush(1).lost == 0


@traced_output("coroutine")
async def in_a_coroutine():
    return "x"


async def in_a_block():
    async with traced_output("block") as out:
        out.set_result("x")


async def in_a_stream():
    @traced_output("stream")
    async def stream():
        yield "x"

    assert [chunk async for chunk in stream()] == ["x"]


async def in_a_failure():
    @traced_output("failure")
    async def failure():
        raise KeyError

    with suppress(KeyError):
        await failure()


@pytest.mark.parametrize("call", [in_a_coroutine, in_a_block, in_a_stream, in_a_failure])
async def test_the_loop_goes_on_while_a_traced_call_waits_for_its_record(place, call):
    provsdk.configure(store=place, max_wait=1.0, spool_bytes=0)
    await call()
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    with locked(place):
        ticking = asyncio.create_task(tick())
        await call()
        ticking.cancel()
    assert ticks > 10


def test_flush_says_what_is_where(place):
    """Of 61 outputs one is in the log, some are in the spool, some in memory, and for the rest there is no room."""

    @traced_output("answer")
    def answer(n):
        return f"the answer {n}"

    provsdk.configure(store=place, max_wait=0.3, spool_bytes=60_000, queue_size=5)
    answer(0)
    with locked(place):
        for n in range(60):
            answer(n)
        found = provsdk.flush(0.3)
        assert not found
        assert found.pending + found.spooled + found.lost == 60
        assert min(found.pending, found.spooled, found.lost) > 0
        assert found.gaps == found.lost
    later = provsdk.flush(20)
    assert later
    assert (later.pending, later.spooled, later.gaps, later.lost) == (0, 0, 0, found.lost)


def test_flush_is_false_while_a_record_is_in_memory_only(place):
    @traced_output("answer")
    def answer():
        return "x"

    provsdk.configure(store=place, max_wait=0.3, spool_bytes=0)
    answer()
    with locked(place):
        answer()
        found = provsdk.flush(0.3)
        assert (bool(found), found.pending, found.spooled, found.gaps) == (False, 1, 0, 0)
    assert provsdk.flush(20)


def test_flush_says_how_many_calls_that_ended_late_are_in_no_record(place):
    def early():
        with traced_output("early") as out:
            source = traced_source("late")
            source.__enter__().set_result("y" * 40)
            out.set_result("x")
        return source

    provsdk.configure(store=place, max_wait=0.3, spool_bytes=0, queue_size=2)
    sources = [early() for _ in range(6)]
    assert provsdk.flush(20)
    with locked(place):
        for source in sources:
            source.__exit__(None, None, None)
        found = provsdk.flush(0.3)
        assert found.late_lost > 3
        assert found.late_lost + found.pending == 6
    assert provsdk.flush(20)
