"""A process has ended for us, and goes on: daemon threads, exit handlers, threads that outlive the main one."""

import os
import subprocess
import sys
import textwrap
from contextlib import closing

import pytest

from provsdk.store.gaps import absences
from provsdk.store.open import open_store
from provsdk.store.verify import verify

PROLOGUE = """
import atexit, os, sys, threading, time
import provsdk
from provsdk import traced_output
from provsdk.capture._otel import current_activity

def say(word, record_id): os.write(1, f"{word} {record_id}\\n".encode())

@traced_output("late")
def late():
    record_id = current_activity().scope.record_id
    say("S", record_id)
    return record_id

def made(): say("R", late())
"""


@pytest.fixture
def run(tmp_path):
    """Runs a program; what it said, and the log that it left."""

    def run(body, **variables):
        places = {f"PROVSDK_{name.upper()}": str(tmp_path / name) for name in ("store", "keys", "state")}
        environment = {**{k: v for k, v in os.environ.items() if k != "PROVSDK_STORE"}, **places, **variables}
        done = subprocess.run(
            [sys.executable, "-c", PROLOGUE + textwrap.dedent(body)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        lines = [line.split() for line in done.stdout.splitlines()]
        said = {word: {line[1] for line in lines if line[0] == word} for word in "SR"}
        store = open_store(tmp_path / "store", keys=tmp_path / "keys", state=tmp_path / "state", read_only=True)
        with closing(store):
            report = verify(store)
            assert report.ok, report.findings
            sealed = {one.record_id for one in store.summaries()}
            gaps = {gap.record_id: gap.name for gap in absences(store, tmp_path / "store").gaps}
        return said, sealed, gaps, done.stderr

    return run


@pytest.mark.parametrize("lingers", [False, True], ids=["ends at once", "lingers in a handler of the program"])
def test_what_daemon_threads_make_while_the_process_ends_has_a_record_or_is_a_gap(run, lingers):
    said, sealed, gaps, _ = run(
        f"""
        if {lingers}: atexit.register(lambda: time.sleep(0.4))  # runs after ours
        provsdk.configure()
        def loop():
            while True: made()
        for _ in range(2): threading.Thread(target=loop, daemon=True).start()
        time.sleep(0.2)
        """
    )
    assert said["R"] <= sealed
    assert said["S"] <= sealed | gaps.keys()
    assert set(gaps.values()) <= {"late"}
    assert len(gaps) <= 2


def test_an_exit_handler_that_runs_after_ours_has_its_output_recorded(run):
    said, sealed, gaps, _ = run("atexit.register(made); provsdk.configure(); made()")
    assert said["R"] == sealed
    assert len(sealed) == 2
    assert gaps == {}


def test_a_program_that_shut_it_down_itself_makes_no_more_records(run):
    said, sealed, _, _ = run("provsdk.configure(); made(); provsdk.shutdown(); traced_output('untraced')(lambda: 1)()")
    assert said["R"] == sealed
    assert len(sealed) == 1


def test_a_thread_that_outlives_the_main_one_may_be_the_first_to_make_an_output(run):
    said, sealed, _, complaints = run(
        """
        def later():
            threading.main_thread().join()
            made()
        threading.Thread(target=later).start()
        """
    )
    assert complaints == ""
    assert said["R"] == sealed
    assert len(sealed) == 1
