"""Forks children that make outputs of every kind at once, and kills each at a random moment. Run by `test_kills.py`.

    python nursery.py '{"store": …, "kills": …, "threads": …, "seed": …, "settings": {…}, "fault": …, "times": {…},
                        "parent": …}'

Each thread of a child makes one kind: calls, streams, tasks of a loop, streams of a loop. A child says `S <record id>`
when its function runs, `R <record id>` when its caller has the value (of a stream: its end), and `L <record id>` where
the call took so long that its caller was let go without a record being promised. Nothing is imported after the first
fork, so that none of them pays for that.

With a fault, the store goes away while the child works, and comes back; the child may be killed at any time.

Without settings, whoever started this has configured it, and in the end it kills itself as it killed its children. With
a parent, as `traceparent` says it, all work is below that span of another process.
"""

import asyncio
import fcntl
import itertools
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

import provsdk
from provsdk.capture._otel import current_activity
from provsdk.errors import RecordNotSealed
from provsdk.pipeline import running

ROOM_BYTES = 2**31
"""A small disk's size while it is not full."""

TASKS = 3
"""Of a loop, at the same time."""

CALLER_WAITS = 0.95
"""Share of `max_wait` after which a caller is let go."""

WORDS = os.dup(1)
"""What is said goes there; what an exporter prints must not stand in the middle of it."""


@provsdk.traced_source(type="file")
def load(n):
    return f"a page that is long enough to be linked, number {n}"


@provsdk.traced_transform
def summarise(page):
    time.sleep(0.001)
    return page.upper()


def steps(n):
    record_id = current_activity().scope.record_id
    say("S", record_id)
    page = load(n)
    trace.get_tracer("app").start_span("step").end()
    if n % 7 == 0:  # ends after its output: an extension of the record
        threading.Thread(target=provsdk.bind(summarise), args=(page,), daemon=True).start()
    return record_id


@provsdk.traced_output("kill-answer")
def answer(n):
    record_id = steps(n)
    if n % 3 == 0:
        time.sleep(0.002)
    return record_id


@provsdk.traced_output("kill-task")
async def answer_of_a_task(n):
    record_id = steps(n)
    if n % 3 == 0:
        await asyncio.sleep(0.002)
    return record_id


@provsdk.traced_output("kill-stream")
def stream(n):
    yield steps(n)
    for word in ("and", "so", "on"):
        time.sleep(0.001)
        yield word


@provsdk.traced_output("kill-async-stream")
async def stream_of_a_loop(n):
    yield steps(n)
    for word in ("and", "so", "on"):
        await asyncio.sleep(0.001)
        yield word


def say(word, record_id):
    os.write(WORDS, f"{word} {record_id}\n".encode())


@contextmanager
def told(patience):
    """Takes the record id of an output whose value has reached its caller, and says so."""
    began = time.monotonic()
    reached = []
    with suppress(RecordNotSealed):
        yield reached.append
        say("R" if time.monotonic() - began < patience else "L", reached[0])


def calls(first, patience):
    for n in itertools.count(first):
        with told(patience) as reached:
            reached(answer(n))


def streams(first, patience):
    for n in itertools.count(first):
        with told(patience) as reached:
            record_id, *_ = stream(n)
            reached(record_id)


async def tasks(first, patience):
    async def one(start):
        for n in itertools.count(start):
            with told(patience) as reached:
                reached(await answer_of_a_task(n))

    async with asyncio.TaskGroup() as group:
        for task in range(TASKS):
            group.create_task(one(first + task))


async def streams_of_a_loop(first, patience):
    for n in itertools.count(first):
        with told(patience) as reached:
            record_id, *_ = [chunk async for chunk in stream_of_a_loop(n)]
            reached(record_id)


KINDS = (
    calls,
    streams,
    lambda *about: asyncio.run(tasks(*about)),
    lambda *about: asyncio.run(streams_of_a_loop(*about)),
)


def work(first, patience, parent):
    context.attach(TraceContextTextMapPropagator().extract({"traceparent": parent} if parent else {}))
    KINDS[first % len(KINDS)](first, patience)


def child(ready, store, threads, settings, parent):
    if settings is not None:
        provsdk.configure(store=store, **settings)
    os.write(ready, b"x")
    begin(threads, parent)
    time.sleep(60)


def begin(threads, parent):
    patience = CALLER_WAITS * running().config.max_wait
    for one in range(threads):
        threading.Thread(target=work, args=(one, patience, parent), daemon=True).start()


@contextmanager
def locked(store):
    """Another program holds SQLite's lock."""
    other = sqlite3.connect(store / "log.db", isolation_level=None, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def hung(store):
    """Whoever opens the log's memory is held in the kernel, and whoever appends opens it."""
    (memory,) = (store.parent / "state" / "memory").glob("log-*")
    descriptor = os.open(memory, os.O_RDWR)
    try:
        for _ in range(10_000):
            try:
                fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
                break
            except BlockingIOError:  # somebody has it open
                time.sleep(0.0001)
        else:
            raise TimeoutError("no moment at which nobody had the memory open")
        yield
    finally:
        os.close(descriptor)


@contextmanager
def full(store):
    """The file system of the store, and of whatever else is there, becomes as small as what is on it."""
    disk = store.parent
    while True:  # somebody may write between asking and shrinking
        found = os.statvfs(disk)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        if resized(disk, used).returncode == 0:
            break
    try:
        yield
    finally:
        resized(disk, ROOM_BYTES).check_returncode()


def resized(disk, size):
    return subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=False, capture_output=True)


FAULTS = {"locked": locked, "hung": hung, "full": full}


def main(*, store, kills, threads, seed, settings, fault, times, parent):
    os.dup2(2, 1)
    signal.signal(signal.SIGIO, lambda *_: None)  # the kernel says that somebody waits for a lease
    chance = random.Random(seed)
    for kill in range(kills):
        reading, ready = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                child(ready, store, threads, settings, parent)
            finally:
                os._exit(3)
        os.close(ready)
        if fault or kill % 3:  # the others may be killed before they are set up
            os.read(reading, 1)
        os.close(reading)
        time.sleep(chance.uniform(0.0, times["healthy"]))
        if fault:
            killed_at = chance.uniform(0.0, times["away"] + times["back"])
            with FAULTS[fault](Path(store)):
                time.sleep(min(killed_at, times["away"]))
                if killed_at < times["away"]:
                    os.kill(pid, signal.SIGKILL)
            time.sleep(max(killed_at - times["away"], 0.0))
        if not fault or killed_at >= times["away"]:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status), f"the child ended by itself: {status}"
    if settings is None:
        begin(threads, parent)
        time.sleep(chance.uniform(0.0, times["healthy"]))
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
