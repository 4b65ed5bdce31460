"""A process is killed at a random moment, again and again: each output has its record, or is a gap that is named.

`make kills` does so 200 times.
"""

import os
import subprocess
import sys
import textwrap

import msgspec
import pytest

import provsdk
from provsdk.store.emitters import slot_files
from provsdk.store.gaps import absences
from provsdk.store.open import open_store
from provsdk.store.verify import verify

KILLS = int(os.environ.get("KILLS", "15"))
THREADS = 4
SEED = 20261126

# Forks a child per kill, so that none pays for importing; every third may be killed before it is set up. A child says
# `S <record id>` when its function runs, and `R <record id>` when its caller has the value.
NURSERY = textwrap.dedent("""
    import os, random, signal, sys, threading, time
    import provsdk
    from provsdk.capture._otel import current_activity

    place, durability, (kills, threads, seed) = sys.argv[1], sys.argv[2], map(int, sys.argv[3:])
    chance = random.Random(seed)
    provsdk.configure  # loaded before the first fork

    @provsdk.traced_source(type="file")
    def load(n):
        return f"a page that is long enough to be linked, number {n}"

    @provsdk.traced_output("kill-answer")
    def answer(n):
        record_id = current_activity().scope.record_id
        os.write(1, f"S {record_id}\\n".encode())
        load(n)
        if n % 3 == 0:
            time.sleep(0.002)
        return record_id

    def work(place_in_line):
        n = place_in_line
        while True:
            os.write(1, f"R {answer(n)}\\n".encode())
            n += 1

    def child(ready):
        provsdk.configure(store=place, durability=durability)
        os.write(ready, b"x")
        for one in range(threads):
            threading.Thread(target=work, args=(one,), daemon=True).start()
        time.sleep(60)

    for kill in range(kills):
        reading, ready = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                child(ready)
            finally:
                os._exit(3)
        os.close(ready)
        if kill % 3:
            os.read(reading, 1)
        os.close(reading)
        time.sleep(chance.uniform(0.0, 0.3))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status), f"the child ended by itself: {status}"
""")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("PROVSDK_STORE")
    yield tmp_path / "store"
    provsdk.shutdown()


def opened(place):
    return open_store(place, keys=place.parent / "keys", state=place.parent / "state", read_only=True)


def killed(place, kills, *, durability="sync"):
    """What the children said: ids of outputs that started, and of those whose value reached the caller."""
    kept = {name: value for name, value in os.environ.items() if name != "PROVSDK_STORE"}
    done = subprocess.run(
        [sys.executable, "-c", NURSERY, str(place), durability, str(kills), str(THREADS), str(SEED)],
        env=kept,
        capture_output=True,
        text=True,
        timeout=60 + 2 * kills,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    started = {line[1] for line in lines if line[0] == "S"}
    returned = {line[1] for line in lines if line[0] == "R"}
    return started, returned


def sealed_of(store):
    found = {}
    for summary in store.summaries():
        record = store.fold(summary.record_id).record
        found[record.record_id] = (record.emitter.id, record.emitter.number)
    return found


def test_every_output_has_its_record_or_is_a_gap_with_its_name(place):
    provsdk.configure(store=place)  # the log and its keys are there before the children meet in it
    provsdk.shutdown()

    started, returned = killed(place, KILLS)

    store = opened(place)
    sealed, found = sealed_of(store), absences(store, place)
    store.close()
    gaps = {gap.record_id: gap for gap in found.gaps}
    print(  # noqa: T201 `make kills` shows it
        f"{KILLS} kills: {len(started)} started, {len(returned)} returned, {len(sealed)} sealed, {len(gaps)} gaps"
    )
    assert returned, "no child came far enough to show anything"
    assert returned <= sealed.keys(), "a value reached its caller without a record"
    assert started <= sealed.keys() | gaps.keys(), "an output vanished"
    assert not sealed.keys() & gaps.keys(), "a record that was sealed after all is no gap"
    assert len(gaps) <= THREADS * KILLS
    assert {gap.name for gap in gaps.values()} <= {"kill-answer"}
    assert {gap.reason for gap in gaps.values()} <= {"killed"}
    assert all(gap.started_at for gap in gaps.values())
    assert found.running == 0
    numbers = [*sealed.values(), *((gap.emitter_id, gap.number) for gap in gaps.values())]
    assert len(numbers) == len(set(numbers)), "a number was given out twice"

    recovers(place, gaps.keys())


def test_what_a_batch_had_not_written_yet_is_a_gap_too(place):
    """A caller may have a value whose record is lost: that is what `batch` means, and it is told."""
    provsdk.configure(store=place)
    provsdk.shutdown()

    started, returned = killed(place, max(KILLS // 5, 1), durability="batch")

    store = opened(place)
    sealed, gaps = sealed_of(store), {gap.record_id for gap in absences(store, place).gaps}
    store.close()
    assert returned - sealed.keys(), "the kills came too late to lose anything"
    assert started <= sealed.keys() | gaps
    assert not sealed.keys() & gaps

    recovers(place, gaps)


def recovers(place, gaps):
    """The next opener puts into the log what the slots said, and once."""
    for _ in range(2):
        provsdk.configure(store=place)
        provsdk.shutdown()
    store = opened(place)
    found, report = absences(store, place), verify(store)
    opened_ids = [entry.subject for entry in store.entries_of_kind("emitter.opened")]
    closed = {entry.subject: entry for entry in store.entries_of_kind("emitter.closed")}
    numbers = {one: msgspec.json.decode(store.parts(entry.index)[0].content) for one, entry in closed.items()}
    store.close()
    assert report.ok, report.findings
    assert {gap.record_id for gap in found.gaps} == set(gaps)
    assert all(gap.entry is not None for gap in found.gaps)
    assert (found.ended, found.unknown, found.untracked, found.problems) == (0, (), 0, ())
    assert sorted(opened_ids) == sorted(closed)
    assert sum(one["lost"] for one in numbers.values()) == len(gaps)
    assert slot_files(place) == []
