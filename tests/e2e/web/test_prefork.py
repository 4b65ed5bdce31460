"""gunicorn with --preload: each worker is an emitter of its own, whatever was sealed before it was forked."""

import http.client
import json
import time
from contextlib import suppress
from pathlib import Path

import pytest

from provsdk.store.gaps import absences
from provsdk.store.open import open_store
from provsdk.store.verify import verify

pytest.importorskip("gunicorn")

APP = Path(__file__).with_name("prefork_app.py")
ENOUGH_S = 20.0


@pytest.fixture
def ask(get):
    """Asks a server at a port; what it says of its worker."""

    def asked(port, question):
        return json.loads(get(port, "/", question=question))

    return asked


def until_each_has_answered(ask, port, workers):
    """Asks until so many workers have answered; all that they said, by worker."""
    said, deadline = {}, time.monotonic() + ENOUGH_S
    while len(said) < workers and time.monotonic() < deadline:
        one = ask(port, f"question {len(said)}")
        said.setdefault(one["worker"], []).append(one)
    assert len(said) == workers
    return said


@pytest.fixture
def log(tmp_path):
    """The store that the server has left, and it verifies."""
    opened = []

    def found():
        places = {name: tmp_path / name for name in ("keys", "state")}
        opened.append(open_store(tmp_path / ".provsdk", **places, read_only=True))
        report = verify(opened[-1])
        assert report.ok, report.findings
        return opened[-1]

    yield found
    for store in opened:
        store.close()


def emitters(log):
    """The names and numbers of sealed outputs by emitter, in the order of the log."""
    found = {}
    for summary in log.summaries(newest_first=False):
        record = log.fold(summary.record_id).record
        found.setdefault(record.emitter.id, []).append((record.output.name, record.emitter.number))
    return list(found.values())


def test_each_worker_is_an_emitter_and_inherits_no_file(prefork, ask, log, tmp_path):
    with prefork(APP) as port:
        said = until_each_has_answered(ask, port, 2)

    assert {Path(file).relative_to(tmp_path).parts[0] for file in kept(said, "parent_had")} == {".provsdk", "state"}
    assert kept(said, "inherited") == set()
    masters, *workers = emitters(log())
    assert masters == [("warm-up", 1)]
    assert sorted(workers) == sorted([("answer", n + 1) for n in range(len(each))] for each in said.values())


def kept(said, what):
    return {file for answers in said.values() for one in answers for file in one[what]}


def test_all_of_them_are_closed_in_order_when_the_server_stops(prefork, ask, log, tmp_path):
    with prefork(APP) as port:
        until_each_has_answered(ask, port, 2)

    found = absences(log(), tmp_path / ".provsdk")
    assert (found.gaps, found.running, found.ended, found.unknown, found.problems) == ((), 0, 0, (), ())
    assert list((tmp_path / ".provsdk" / "emitters").iterdir()) == []


def test_of_a_worker_that_was_killed_the_next_one_tells_what_is_missing(prefork, ask, log, tmp_path):
    with prefork(APP) as port:
        before = until_each_has_answered(ask, port, 2)
        with suppress(http.client.HTTPException, ConnectionError):
            ask(port, "death")
        after = until_each_has_answered(ask, port, 2)
        assert len(after.keys() - before.keys()) == 1
        gaps = absences(log(), tmp_path / ".provsdk").gaps

    (gap,) = gaps
    assert (gap.name, gap.reason) == (None, "killed")
    assert gap.entry is not None
    assert len(emitters(log())) == 4
