"""A process is killed at a random moment, again and again: each output has its record, or is a gap that is named.

`make kills` does so 200 times, and 200 times under each fault of the store and for each way and sampler of a program
that has no line of code for it.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

import provsdk
from provsdk.store.emitters import slot_files
from provsdk.store.gaps import absences
from provsdk.store.open import open_store
from provsdk.store.spools import directory_for, look, spooling
from provsdk.store.verify import verify

KILLS = int(os.environ.get("KILLS", "10"))
THREADS = 4
NAMES = {"kill-answer", "kill-task", "kill-stream", "kill-async-stream"}
"""Of the outputs: each thread makes a kind of its own."""
AT_ONCE = 6
"""Outputs of one child: one of the threads has three tasks."""
SEED = 20261126
ROUND = 25
"""Kills in a row."""

MAX_WAIT = 1.0
HEALTHY = {"healthy": 0.3}
"""Seconds of a child's life."""
REFUSES = {"healthy": 0.1, "away": 0.3, "back": 0.3}
"""With a store that says at once that it cannot."""
HOLDS_UP = {"healthy": 0.1, "away": 1.6, "back": 0.6}
"""With one that is waited for before the spool is tried."""
SHORT = {"healthy": 0.2}

BIN = Path(sys.executable).parent
NOBODY = "http://127.0.0.1:9/v1/traces"


class Said(NamedTuple):
    """Record ids that the children told."""

    started: set[str]
    returned: set[str]
    let_go: set[str]
    """Their callers have the value and waited for the whole of `max_wait`: no record was promised to them."""


class Found(NamedTuple):
    """What the log says afterwards."""

    sealed: dict[str, tuple[str, int]]
    """Emitter and number by record id."""
    names: set[str]
    """Of the outputs that are sealed."""
    gaps: dict[str, object]


class Command(NamedTuple):
    """Runs the children's program, and has it recorded; by default the program does that itself."""

    words: tuple[str, ...] = ()
    variables: dict[str, str] = {}  # noqa: RUF012 nobody writes to it
    parent: str | None = None
    """The span of another process that all work is below, as `traceparent` says it."""


PLAIN = Command()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("PROVSDK_STORE")
    yield tmp_path / "store"
    provsdk.shutdown()


@pytest.fixture
def small_disk(place):
    """A tmpfs, which can be made as small as what is on it."""
    point = place.parent / "small"
    point.mkdir()
    options = ["-t", "tmpfs", "-o", "size=2g", "none"]
    done = subprocess.run(["mount", *options, str(point)], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    yield point
    provsdk.shutdown()
    subprocess.run(["umount", str(point)], check=False)


def opened(store, place):
    return open_store(store, keys=place.parent / "keys", state=place.parent / "state", read_only=True)


def begun(store):
    """The log and its keys are there before the children meet in it."""
    provsdk.configure(store=store)
    provsdk.shutdown()


def killed(store, kills, *, fault=None, times=HEALTHY, command=PLAIN, **settings):
    """What the children said; now and then, one that opens the store lives for as long as it has something to do."""
    said = Said(set(), set(), set())
    for before in range(0, kills, ROUND):
        if before:
            recover(store, **settings)
        some = killed_in_a_row(store, min(ROUND, kills - before), SEED + before, fault, times, command, settings)
        said = Said(*(one | more for one, more in zip(said, some, strict=True)))
    return said


def killed_in_a_row(store, kills, seed, fault, times, command, settings):  # noqa: PLR0917 a test may say as much
    settings = {"durability": "sync", "max_wait": MAX_WAIT, **settings}
    about = {
        "store": str(store),
        "kills": kills,
        "threads": THREADS,
        "seed": seed,
        "settings": None if command.words else settings,
        "fault": fault,
        "times": times,
        "parent": command.parent,
    }
    environment = {name: value for name, value in os.environ.items() if name != "PROVSDK_STORE"}
    if command.words:
        said = {f"PROVSDK_{name.upper()}": str(value) for name, value in {"store": store, **settings}.items()}
        environment |= {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **said, **command.variables}
    done = subprocess.run(
        [*command.words, sys.executable, str(Path(__file__).with_name("nursery.py")), json.dumps(about)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60 + 4 * kills,
        check=False,
    )
    assert done.returncode == (-signal.SIGKILL if command.words else 0), done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    return Said(*({line[1] for line in lines if line[0] == word} for word in "SRL"))


def recover(store, **settings):
    """The next opener seals what the children left in spools and slots; the second one has nothing to do."""
    for _ in range(2):
        provsdk.configure(store=store, **settings)
        assert provsdk.flush(60)
        provsdk.shutdown()


def found(store, place):
    log = opened(store, place)
    records = [log.fold(summary.record_id).record for summary in log.summaries()]
    sealed = {record.record_id: (record.emitter.id, record.emitter.number) for record in records}
    gaps = {gap.record_id: gap for gap in absences(log, store, lambda: spooling(spool(place), store)).gaps}
    log.close()
    return Found(sealed, {record.output.name for record in records}, gaps)


def spool(place):
    return place.parent / "state" / "spool"


def tell(what, said, log):
    print(  # noqa: T201 `make kills` shows it
        f"{what}: {KILLS} kills, {len(said.started)} started, {len(said.returned)} returned, "
        f"{len(said.let_go)} let go, {len(log.sealed)} sealed, {len(log.gaps)} gaps"
    )


def check_gaps(said, log):
    assert not log.sealed.keys() & log.gaps.keys(), "a record that was sealed after all is no gap"
    assert log.gaps.keys().isdisjoint(said.returned)
    assert {gap.name for gap in log.gaps.values()} <= NAMES
    assert {gap.reason for gap in log.gaps.values()} <= {"killed"}
    assert all(gap.started_at for gap in log.gaps.values())
    numbers = [*log.sealed.values(), *((gap.emitter_id, gap.number) for gap in log.gaps.values())]
    assert len(numbers) == len(set(numbers)), "a number was given out twice"


def check_log(store, place, gaps):
    """The log verifies, accounts for every emitter, and nothing is left beside it."""
    log = opened(store, place)
    absent, report = absences(log, store), verify(log)
    opened_ids = [entry.subject for entry in log.entries_of_kind("emitter.opened")]
    closed = {entry.subject: entry for entry in log.entries_of_kind("emitter.closed")}
    numbers = {one: msgspec.json.decode(log.parts(entry.index)[0].content) for one, entry in closed.items()}
    extended = {entry.subject for entry in log.entries_of_kind("record.extended")}
    sealed = {entry.subject for entry in log.entries_of_kind("record.sealed")}
    log.close()
    assert report.ok, report.findings
    assert {gap.record_id for gap in absent.gaps} == set(gaps)
    assert all(gap.entry is not None for gap in absent.gaps)
    assert (absent.running, absent.ended, absent.unknown, absent.untracked, absent.problems) == (0, 0, (), 0, ())
    assert sorted(opened_ids) == sorted(closed)
    assert sum(one["lost"] for one in numbers.values()) == len(gaps)
    assert extended <= sealed, "an extension of a record that is not there"
    assert slot_files(store) == []


def test_every_output_has_its_record_or_is_a_gap_with_its_name(place):
    begun(place)

    said = killed(place, KILLS)

    log = found(place, place)
    tell("a healthy store", said, log)
    assert said.returned, "no child came far enough to show anything"
    assert said.returned <= log.sealed.keys(), "a value reached its caller without a record"
    assert said.started <= log.sealed.keys() | log.gaps.keys(), "an output vanished"
    check_gaps(said, log)
    assert len(log.gaps) <= AT_ONCE * KILLS
    assert log.names == NAMES
    recover(place)
    check_log(place, place, log.gaps)


def test_what_a_batch_had_not_written_yet_is_a_gap_too(place):
    """A caller may have a value whose record is lost: that is what `batch` means, and it is told."""
    begun(place)

    said = killed(place, max(KILLS // 5, 1), durability="batch")

    log = found(place, place)
    assert said.returned - log.sealed.keys(), "the kills came too late to lose anything"
    assert said.started <= log.sealed.keys() | log.gaps.keys()
    assert not log.sealed.keys() & log.gaps.keys()
    recover(place)
    check_log(place, place, log.gaps)


def check_fault(what, store, place, said, **settings):
    recover(store, **settings)
    log = found(store, place)
    tell(what, said, log)
    assert said.returned, "no child came far enough to show anything"
    assert said.returned <= log.sealed.keys(), "a value reached its caller without a record"
    assert said.started <= log.sealed.keys() | log.gaps.keys(), "an output vanished"
    check_gaps(said, log)
    check_log(store, place, log.gaps)
    assert look(directory_for(spool(place), store)) == []


@pytest.mark.parametrize("fault", ["locked", "hung"])
def test_a_store_that_holds_everybody_up_and_comes_back(place, fault):
    begun(place)
    said = killed(place, KILLS, fault=fault, times=HOLDS_UP)
    check_fault(f"a {fault} store", place, place, said)


def test_a_full_disk_that_has_room_again(place, small_disk):
    store = small_disk / "store"
    begun(store)
    said = killed(store, KILLS, fault="full", times=REFUSES)
    check_fault("a full disk", store, place, said)


def test_a_full_disk_for_store_and_spool_where_outputs_block(place, small_disk):
    store, settings = small_disk / "store", {"spool": str(small_disk / "spool"), "on_unavailable": "block"}
    begun(store)
    said = killed(store, KILLS, fault="full", times=REFUSES, **settings)
    check_fault("a full disk for store and spool", store, place, said, **settings)


# Without a line of code: the children are forked, and their parent is killed too.

WAYS = {
    "opentelemetry-instrument": Command(
        ("opentelemetry-instrument",),
        {
            "OTEL_TRACES_EXPORTER": "provsdk,otlp",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": NOBODY,
            "OTEL_BSP_SCHEDULE_DELAY": "20",
        },
    ),
    "provsdk trace": Command(("provsdk", "trace", "--")),
}
SEEN, DROPPED = ("app",), ("span_unsampled",)
SAMPLED = {
    "everything": ({"OTEL_TRACES_SAMPLER": "always_on"}, None, {SEEN}),
    "nothing": ({"OTEL_TRACES_SAMPLER": "always_off"}, None, {DROPPED}),
    "a tenth": (
        {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"},
        None,
        {SEEN, DROPPED},
    ),
    "a remote parent that is not": (
        {"OTEL_TRACES_SAMPLER": "parentbased_always_on"},
        f"00-{'a' * 32}-{'b' * 16}-00",
        {DROPPED},
    ),
}


@pytest.mark.parametrize("sampled", SAMPLED)
@pytest.mark.parametrize("way", WAYS)
def test_a_program_without_a_line_of_code_for_it_loses_no_more_whatever_is_sampled(place, way, sampled):
    pytest.importorskip("opentelemetry.distro")
    variables, parent, seen = SAMPLED[sampled]
    command = WAYS[way]._replace(variables={**WAYS[way].variables, **variables}, parent=parent)
    begun(place)

    said = killed(place, KILLS, times=SHORT, command=command)

    check_fault(f"{way}, sampled is {sampled}", place, place, said)
    assert what_they_say_of_the_foreign_span(place) == seen


def what_they_say_of_the_foreign_span(place):
    """The integration that a record names, or that the sampler dropped it: what all of them say."""
    log = opened(place, place)
    records = [log.fold(one.record_id).record for one in log.summaries()]
    log.close()
    assert {tuple(one.name for one in record.sources) for record in records} == {("load",)}
    missed = [[one.reason for one in record.completeness.reasons if one.reason in DROPPED] for record in records]
    return {(*record.capture.integrations, *why) for record, why in zip(records, missed, strict=True)}
