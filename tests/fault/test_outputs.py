"""What becomes of outputs when the store is locked, gone, full, cut off from its key, or the process is killed."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import pytest

import provsdk
from provsdk import traced_output
from provsdk.errors import KeyUnusable, RecordNotSealed
from provsdk.store.open import open_store
from provsdk.store.verify import verify

LONG = "a sentence that is long enough to link something"


@traced_output("answer")
def answer(n=0):
    return f"{LONG} {n}"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("PROVSDK_STORE")
    yield tmp_path / "store"
    provsdk.shutdown()


def opened(place):
    return open_store(place, keys=place.parent / "keys", state=place.parent / "state", read_only=True)


def report(place):
    store = opened(place)
    try:
        return verify(store), len(store.summaries())
    finally:
        store.close()


def gap_reasons(place):
    store = opened(place)
    found = [store.parts(entry.index)[0].content for entry in store.entries() if entry.kind == "emitter.gap"]
    store.close()
    return found


def test_a_locked_store_costs_no_more_than_max_wait_and_no_record(place):
    provsdk.configure(store=place, max_wait=0.3)
    answer(0)
    other = sqlite3.connect(place / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    assert answer(1).endswith("1")
    assert time.monotonic() - began < 2.0
    assert not provsdk.flush(0.1)
    other.execute("ROLLBACK")
    other.close()
    assert provsdk.flush(10.0)
    verified, records = report(place)
    assert verified.ok
    assert records == 2


def test_a_locked_store_is_told_where_the_configuration_says_block(place):
    provsdk.configure(store=place, max_wait=0.2, on_unavailable="block")
    other = sqlite3.connect(place / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RecordNotSealed, match="not durable"):
        answer()
    other.execute("ROLLBACK")
    other.close()
    assert provsdk.flush(10.0)
    assert report(place)[1] == 1


def test_a_store_that_was_moved_away_is_not_made_anew_and_is_used_again_when_it_is_back(place):
    provsdk.configure(store=place, max_wait=0.3)
    answer(0)
    away = place.with_name("away")
    place.rename(away)
    assert answer(1).endswith("1")
    assert not provsdk.flush(0.1)
    assert not (place / "log.db").exists()
    if place.exists():
        shutil.rmtree(place)
    away.rename(place)
    assert provsdk.flush(10.0)
    verified, records = report(place)
    assert verified.ok
    assert records == 2


def test_a_key_that_is_gone_stops_the_log_and_not_the_program(place, caplog):
    provsdk.configure(store=place, max_wait=0.3)
    answer(0)
    provsdk.shutdown()
    (key,) = (place.parent / "keys" / "logs").glob("*.key")
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(KeyUnusable):
        provsdk.configure(store=place)
    assert answer(1).endswith("1")
    key.write_bytes(b"damaged")
    with pytest.raises(KeyUnusable):
        provsdk.configure(store=place)
    key.write_bytes(kept)
    key.chmod(0o600)
    provsdk.configure(store=place)
    answer(2)
    provsdk.shutdown()
    assert report(place)[0].ok


def test_without_a_spool_a_full_queue_leaves_numbered_gaps_in_the_log(place):
    provsdk.configure(store=place, max_wait=0.1, queue_size=3, spool_bytes=0)
    other = sqlite3.connect(place / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for n in range(6):
        answer(n)
    other.execute("ROLLBACK")
    other.close()
    assert provsdk.flush(10.0)
    _, records = report(place)
    assert records == 3
    gaps = gap_reasons(place)
    assert len(gaps) == 3
    assert all(b'"reason":"queue_full"' in gap for gap in gaps)


PROGRAM = """
import os, sys, resource, signal, provsdk
from provsdk import traced_output
place = sys.argv[1]
@traced_output("answer")
def answer(n): return "x" * 2000 + str(n)
"""


def child(place, body, **arguments):
    program = PROGRAM + textwrap.dedent(body)
    environment = {name: value for name, value in os.environ.items() if name != "PROVSDK_STORE"}
    return subprocess.Popen([sys.executable, "-c", program, str(place)], env=environment, text=True, **arguments)


def test_a_full_disk_costs_no_output_and_leaves_a_sound_log(place):
    process = child(
        place,
        """
        provsdk.configure(store=place, max_wait=0.3, capture_content="full")
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
        done = [answer(n) for n in range(300)]
        assert len(done) == 300
        stuck = provsdk.flush(0.5)
        assert not stuck, stuck
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert provsdk.flush(20.0)
        provsdk.shutdown()
        """,
        stderr=subprocess.PIPE,
    )
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    verified, records = report(place)
    assert verified.ok, verified.findings
    assert records == 300


def test_kill_in_the_middle_leaves_a_sound_log_with_every_record_that_was_answered(place):
    process = child(
        place,
        """
        provsdk.configure(store=place)
        n = 0
        while True:
            answer(n); n += 1
            print(n, flush=True)
        """,
        stdout=subprocess.PIPE,
    )
    answered = 0
    while answered < 25:
        answered = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = process.communicate(timeout=30)[0].split()
    answered = int(rest[-1]) if rest and rest[-1].isdigit() else answered
    verified, records = report(place)
    assert verified.ok, verified.findings
    assert records >= answered
    provsdk.configure(store=place)
    answer()
    provsdk.shutdown()
    assert report(place)[0].ok


def test_a_hundred_megabytes_cost_no_more_than_their_digest(place):
    provsdk.configure(store=place)
    huge = "x" * 100_000_000

    @traced_output("huge")
    def echo(text):
        return text

    assert echo(huge) is huge
    store = opened(place)
    (record,) = [store.fold(one.record_id).record for one in store.summaries()]
    assert record.output.size_bytes == 100_000_000
    store.close()


def test_hostile_names_and_values_are_recorded_safely(place):
    class Hostile:
        def __eq__(self, other):
            raise ZeroDivisionError

        __hash__ = None

        def __repr__(self):
            raise ZeroDivisionError

        def __getattr__(self, name):
            raise ZeroDivisionError

    loop = []
    loop.append(loop)
    provsdk.configure(store=place)

    @traced_output(name=lambda value: "\x1b[31mred\u202e<b>\ud800[bold]")
    def odd(value):
        return value

    for value in (Hostile(), loop, "lone \ud800 surrogate " * 5, b"\xff\xfe" * 50, float("nan"), {1: {2: object()}}):
        assert odd(value) is value
    store = opened(place)
    found = [store.fold(one.record_id).record for one in store.summaries()]
    assert len(found) == 6
    for record in found:
        assert "\x1b" not in record.output.name
        assert "\u202e" not in record.output.name
    assert sum(not record.completeness.complete for record in found) == 6
    store.close()
    assert report(place)[0].ok
