"""Work in other processes for real: its outputs name who sent it, and the sender's record says that it went away."""

import os
import re
import shlex
import subprocess
import sys
import textwrap
from contextlib import closing

import pytest
from msgspec import UNSET

from provsdk.store.gaps import absences
from provsdk.store.open import open_store
from provsdk.store.verify import verify

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

PROLOGUE = """
import asyncio, concurrent.futures, json, multiprocessing, os, subprocess, sys, threading, time
import provsdk
from provsdk import traced_output, traced_source

LONG = "a sentence that is long enough to link something"

@traced_source("load")
def load(_=None): return LONG

@traced_output("inner")
def inner(_=None): return load() + "!"

def work(_=None): inner()

def nothing(_=None): pass

@traced_output("stream")
def stream():
    yield LONG
    yield LONG

def leaves_a_stream():
    provsdk.configure()
    globals()["held"] = stream()
    next(held)

def work_longer():
    def working():
        for _ in range(3):
            time.sleep(0.1)
            work()
    threading.Thread(target=working).start()

def in_thread(function=work):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()

@traced_output("outer")
def outer(function, *args): return function(*args)

def start(context, target):
    process = context.Process(target=target)
    process.start()
    process.join()
    assert process.exitcode == 0

class Working(multiprocessing.get_context("spawn").Process):
    def run(self): work()

def forked(function):
    child = os.fork()
    if not child:
        function()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a program that other processes can import, and gives its records by name."""
    environment = {name: value for name, value in os.environ.items() if name not in {"TRACEPARENT", "TRACESTATE"}}
    (tmp_path / "program.py").touch()

    def run(main, said="", **variables):
        body = f"{PROLOGUE}\nif __name__ == '__main__':\n{textwrap.indent(textwrap.dedent(main), '    ')}"
        (tmp_path / "program.py").write_text(body, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "program.py"],
            check=False,
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(tmp_path), **variables},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(said, done.stderr.strip()), done.stderr
        return records(tmp_path)

    return run


def records(place):
    store = open_store(place / ".provsdk", keys=place / "keys", state=place / "state", read_only=True)
    try:
        assert verify(store).ok
        found = {}
        for summary in store.summaries(newest_first=False):
            record = store.fold(summary.record_id).record
            found.setdefault(record.output.name, []).append(record)
        return found
    finally:
        store.close()


def handed_over(record):
    return sorted(each.detail for each in record.completeness.reasons if each.reason == "handed_over")


def assert_linked(found, how):
    """The inner record names the outer one and shares its trace; the outer one says in which ways work went away."""
    (inner,), (outer,) = found["inner"], found["outer"]
    assert inner.trace.parent_record_id == outer.record_id
    assert inner.trace.parent_activity_id == outer.record_id.replace("rec_", "act_")
    assert inner.trace.trace_id == outer.trace.trace_id
    assert inner.emitter.id != outer.emitter.id
    assert [source.name for source in inner.sources] == ["load"]
    assert inner.completeness.complete
    assert outer.sources == []
    assert handed_over(outer) == [f"outer: {each}" for each in how]


ALONE = [sys.executable, "-c", "import program; program.work()"]
WAYS = {
    "ProcessPoolExecutor, fork": (
        """
        with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            outer(lambda: pool.submit(work).result())
        """,
        ["process pool"],
    ),
    "ProcessPoolExecutor, spawn": (
        """
        with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            outer(lambda: pool.submit(work).result())
        """,
        ["process pool"],
    ),
    "ProcessPoolExecutor.map": (
        """
        with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            outer(lambda: list(pool.map(work, [1])))
        """,
        ["process pool"],
    ),
    "run_in_executor": (
        """
        async def main():
            with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
                await asyncio.get_running_loop().run_in_executor(pool, work)
        outer(lambda: asyncio.run(main()))
        """,
        ["process pool"],
    ),
    "Pool, fork": (
        """
        with multiprocessing.get_context("fork").Pool(1) as pool:
            outer(lambda: pool.map(work, [1]))
        """,
        ["process pool"],
    ),
    "Pool, spawn": (
        """
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            outer(lambda: pool.apply_async(work).get())
        """,
        ["process pool"],
    ),
    "Process, fork": ('outer(start, multiprocessing.get_context("fork"), work)', ["process"]),
    "Process, spawn": ('outer(start, multiprocessing.get_context("spawn"), work)', ["process"]),
    "Process, forkserver": ('outer(start, multiprocessing.get_context("forkserver"), work)', ["process"]),
    "a class of process": (
        "outer(lambda: (process := Working(), process.start(), process.join()))",
        ["process"],
    ),
    "a thread in a process": ('outer(start, multiprocessing.get_context("fork"), in_thread)', ["process"]),
    "os.fork": ("outer(forked, work)", ["fork"]),
    "a thread after os.fork": ("outer(forked, in_thread)", ["fork"]),
    "subprocess": (f"outer(lambda: subprocess.run({ALONE}, check=True))", ["subprocess"]),
    "asyncio's subprocess": (
        f"""
        async def main():
            process = await asyncio.create_subprocess_exec(*{ALONE})
            assert await process.wait() == 0
        outer(lambda: asyncio.run(main()))
        """,
        ["subprocess"],
    ),
    "subprocess with an environment of its own": (
        f"""
        kept = {{name: value for name, value in os.environ.items() if name.startswith(("PROVSDK_", "PYTHON"))}}
        outer(lambda: subprocess.run({ALONE}, env={{**kept, **provsdk.environment()}}, check=True))
        """,
        ["subprocess"],
    ),
    "a message": (
        """
        receiver = "import json, sys, program, provsdk\\nwith provsdk.extract(json.loads(sys.argv[1])): program.work()"
        def send():
            headers = {}
            provsdk.inject(headers)
            subprocess.run([sys.executable, "-c", receiver, json.dumps(headers)], env={**os.environ}, check=True)
        outer(send)
        """,
        ["message", "subprocess, not linked"],
    ),
    "a bound function that is pickled": (
        """
        import pickle, program
        receiver = "import pickle, sys; pickle.loads(bytes.fromhex(sys.argv[1]))()"
        def send():
            job = pickle.dumps(provsdk.bind(program.work)).hex()
            subprocess.run([sys.executable, "-c", receiver, job], env={**os.environ}, check=True)
        outer(send)
        """,
        ["pickle", "subprocess, not linked"],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_output_in_another_process_names_the_one_that_sent_it(run, way):
    main, how = WAYS[way]

    assert_linked(run(main), how)


@pytest.mark.parametrize("way", ["Process, fork", "Process, spawn", "Pool, spawn", "subprocess", "a message"])
def test_without_spans_in_the_users_tracing_too(run, way):
    main, how = WAYS[way]

    assert_linked(run(main, PROVSDK_EXPORT_SPANS="none"), how)


def assert_not_linked(found, how):
    """The inner record names nobody; the outer one says that it cannot be found from there."""
    (inner,), (outer,) = found["inner"], found["outer"]
    assert inner.trace.trace_id != outer.trace.trace_id
    assert not isinstance(inner.trace.parent_activity_id, str)
    assert handed_over(outer) == [f"outer: {each}, not linked" for each in how]


@pytest.mark.parametrize(
    "way",
    [
        "Process, spawn",
        "Process, forkserver",
        "a class of process",
        "ProcessPoolExecutor, spawn",
        "ProcessPoolExecutor, fork",
        "run_in_executor",
        "Pool, spawn",
        "Pool, fork",
        "subprocess",
        "asyncio's subprocess",
    ],
)
def test_switched_off_a_child_is_told_nothing_and_the_record_says_so(run, way):
    main, how = WAYS[way]

    assert_not_linked(run(main, PROVSDK_PROPAGATE_PROCESSES="false"), how)


SHELL = f"cd . && {shlex.join(ALONE)}"
UNTOLD = {
    "os.system": f"outer(lambda: os.system({SHELL!r}))",
    "os.posix_spawn": f"outer(lambda: os.waitpid(os.posix_spawn({ALONE[0]!r}, {ALONE}, dict(os.environ)), 0))",
    "os.spawnv": f"outer(lambda: os.spawnv(os.P_WAIT, {ALONE[0]!r}, {ALONE}))",
    "an environment of its own": f"outer(lambda: subprocess.run({ALONE}, env=dict(os.environ), check=True))",
}


@pytest.mark.parametrize("way", UNTOLD)
def test_a_child_that_cannot_be_told_is_not_linked_and_the_record_says_so(run, way):
    assert_not_linked(run(UNTOLD[way]), ["subprocess"])


def test_a_program_that_a_forked_child_becomes_leaves_a_word_too(run):
    """The child was forked, and knew; the program that it became does not."""
    found = run(f"outer(forked, lambda: os.execv({ALONE[0]!r}, {ALONE}))")

    assert not isinstance(found["inner"][0].trace.parent_activity_id, str)
    assert handed_over(found["outer"][0]) == ["outer: fork"]


def test_a_program_that_uvloop_starts_is_linked_though_uvloop_forks_by_itself(run):
    assert_linked(
        run(
            f"""
            import uvloop
            async def main():
                process = await asyncio.create_subprocess_exec(*{ALONE})
                assert await process.wait() == 0
                shell = await asyncio.create_subprocess_shell("true")
                assert await shell.wait() == 0
            outer(lambda: uvloop.run(main()))
            """
        ),
        ["fork", "subprocess"],
    )


@pytest.mark.parametrize("variables", [{}, {"PROVSDK_PROPAGATE_PROCESSES": "false"}], ids=["its own", "switched off"])
def test_a_program_that_uvloop_starts_untold_is_said_not_to_be_linked(run, variables):
    environment = "None" if variables else "dict(os.environ)"
    found = run(
        f"""
        import uvloop
        async def main():
            process = await asyncio.create_subprocess_exec(*{ALONE}, env={environment})
            assert await process.wait() == 0
        outer(lambda: uvloop.run(main()))
        """,
        **variables,
    )
    assert handed_over(found["outer"][0]) == ["outer: fork", "outer: subprocess, not linked"]


def test_an_output_that_becomes_another_program_is_a_gap_with_its_name(run, tmp_path):
    run(f"provsdk.configure(); outer(lambda: os.execv({ALONE[0]!r}, {ALONE}))", said=".* have no record: 1 .*")

    store = open_store(tmp_path / ".provsdk", keys=tmp_path / "keys", state=tmp_path / "state", read_only=True)
    with closing(store):
        (gap,) = absences(store, tmp_path / ".provsdk").gaps
    assert gap.name == "outer"


def test_switched_off_a_forked_child_still_knows_what_it_was_forked_in(run):
    main, _ = WAYS["Process, fork"]

    assert_linked(run(main, PROVSDK_PROPAGATE_PROCESSES="false"), ["fork"])


def test_a_step_in_a_child_without_an_output_is_no_part_of_the_parents_record(run):
    found = run('outer(start, multiprocessing.get_context("fork"), load)')

    assert found["outer"][0].sources == []
    assert handed_over(found["outer"][0]) == ["outer: process"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("within", [True, False], ids=["within an output", "outside"])
def test_a_child_that_inherits_no_memory_is_configured_as_its_parent_is(run, method, within):
    """`configure` was called where only the parent comes by."""
    pool = f'concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("{method}"))'
    process = f'multiprocessing.get_context("{method}").Process'
    found = run(
        f"""
        import os
        provsdk.shutdown()
        provsdk.configure(store=os.environ.pop("PROVSDK_STORE", ".provsdk"), tenant="branch", durability="batch")
        def main():
            with {pool} as pool:
                pool.submit(work).result()
            process = {process}(target=work)
            process.start(); process.join()
        outer(main) if {within} else main()
        """
    )
    assert [record.context.tenant for record in found["inner"]] == ["branch", "branch"]
    assert all(record.trace.parent_record_id for record in found["inner"]) is within


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_thread_that_its_process_waits_for_is_recorded_to_its_end(run, method):
    found = run(f'outer(load); start(multiprocessing.get_context("{method}"), work_longer)')
    assert len(found["inner"]) == 3


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_that_configures_itself_ends_what_it_left_open(run, method):
    found = run(
        f"""
        process = multiprocessing.get_context("{method}").Process(target=leaves_a_stream)
        process.start(); process.join()
        """
    )
    (record,) = found["stream"]
    assert (record.output.status, record.output.stream.chunks) == ("abandoned", 1)


def test_the_workers_of_a_pool_are_nobodys(run):
    """The pool starts its processes within the first output; a job from outside is not taken for that one's."""
    found = run(
        """
        for method in ("fork", "spawn"):
            with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
                outer(lambda: pool.submit(nothing).result())
                pool.submit(work).result()
        made = []
        outer(lambda: made.append(multiprocessing.get_context("fork").Pool(1)))
        with made[0] as pool:
            pool.apply(work)
        """
    )

    outers = {record.trace.trace_id for record in found["outer"]}
    assert len(found["inner"]) == 3
    for record in found["inner"]:
        assert record.trace.trace_id not in outers
        assert not isinstance(record.trace.parent_activity_id, str)


def test_the_workers_that_joblib_uses_again_work_for_whoever_hands_in_the_job(run):
    found = run(
        """
        import joblib, program
        def jobs(): return joblib.Parallel(n_jobs=2)(joblib.delayed(program.work)(n) for n in range(3))
        outer(jobs)
        traced_output("second")(jobs)()
        program.inner()
        """
    )

    (first,), (second,) = found["outer"], found["second"]
    sent_by = [record.trace.parent_record_id for record in found["inner"]]
    assert sorted(map(str, sent_by)) == sorted(map(str, [*[first.record_id] * 3, *[second.record_id] * 3, UNSET]))
    assert handed_over(first)[0] == "outer: process pool"
    assert handed_over(second) == ["second: process pool"]


def test_the_worker_that_anyio_uses_again_works_for_whoever_hands_in_the_job(run):
    found = run(
        """
        import anyio.to_process, program
        async def jobs():
            for name in ("first", "second"):
                @traced_output(name)
                async def sends(): await anyio.to_process.run_sync(program.work)
                await sends()
        anyio.run(jobs)
        """
    )

    (first,), (second,) = found["first"], found["second"]
    assert [record.trace.parent_record_id for record in found["inner"]] == [first.record_id, second.record_id]
    assert handed_over(first) == ["first: process pool", "first: subprocess"]
    assert handed_over(second) == ["second: process pool"]


def test_functions_of_the_main_module_stay_traced_in_workers_of_joblib(run):
    found = run(
        """
        import joblib
        @traced_output("of main")
        def of_main(n): return f"{n}: {load()}"
        outer(lambda: joblib.Parallel(n_jobs=2)(joblib.delayed(of_main)(n) for n in range(3)))
        """
    )

    (outer,) = found["outer"]
    assert [record.trace.parent_record_id for record in found["of main"]] == [outer.record_id] * 3


def test_prefork_workers_are_emitters_of_their_own(run):
    """A server that configures, opens nothing, forks its workers and lets each of them make outputs."""
    found = run(
        """
        provsdk.configure()
        outer(load)
        children = []
        for _ in range(4):
            child = os.fork()
            if not child:
                for _ in range(25): outer(in_thread, load)
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
        outer(load)
        """
    )

    by_emitter = {}
    for record in found["outer"]:
        by_emitter.setdefault(record.emitter.id, []).append(record.emitter.number)
    assert sorted(sorted(numbers) for numbers in by_emitter.values()) == [[1, 2], *([list(range(1, 26))] * 4)]
    assert all(record.completeness.complete for record in found["outer"])
    assert all(len(record.sources) == 1 for record in found["outer"])
    assert not any(isinstance(record.trace.parent_activity_id, str) for record in found["outer"])


def test_an_output_that_is_forked_in_its_middle_is_sealed_once_by_the_parent(run):
    """The child goes on as if it were the parent, returns from the traced call, and makes outputs of its own."""
    found = run(
        """
        @traced_output("forks")
        def forks():
            load()
            child = os.fork()
            load()
            return child
        child = forks()
        if not child:
            inner()
            provsdk.shutdown()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        inner()
        """
    )

    (record,) = found["forks"]
    assert len(record.sources) == 2
    assert handed_over(record) == ["forks: fork"]
    children = [one for one in found["inner"] if one.emitter.id != record.emitter.id]
    assert len(children) == 1
    assert len(found["inner"]) == 2


def test_a_thread_of_the_parent_may_hold_our_lock_when_another_one_forks(run):
    """A lock that was held at the fork would stay held in the child for ever."""
    found = run(
        """
        import signal
        from provsdk.capture import _session
        provsdk.configure(propagate_threads=False)
        def counts():
            signal.alarm(20)
            traced_output("inner")(in_thread)(load)
        with _session._counting:
            forked(counts)
        """
    )

    (inner,) = found["inner"]
    assert [each.detail for each in inner.completeness.reasons] == ["1 traced calls ran meanwhile outside any output"]
