"""Records are handed over at least once, in log order, and a failing exporter loses nothing."""

import json

import pytest

from provsdk.errors import ExportError, KeyUnusable
from provsdk.export.delivery import Cursor, deliver, read, sealed


class Collector:
    """Takes records; refuses as often as it is told to."""

    def __init__(self, refusals=0):
        self.taken = []
        self.refusals = refusals

    def export(self, batch):
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError("the other side is away")
        self.taken += [(item.record.record_id, item.revision, item.entry) for item in batch]

    def close(self):
        pass


@pytest.fixture
def cursor(tmp_path):
    return Cursor(tmp_path / "transit", "collector")


def test_records_come_in_log_order(log, cursor):
    log.seal("rec_a")
    log.add("emitter.opened", "emitter/1", "emi_1")
    log.seal("rec_b")
    collector = Collector()

    assert deliver(collector, cursor, log) == 2
    assert collector.taken == [("rec_a", 0, 1), ("rec_b", 0, 3)]


def test_what_was_handed_over_does_not_come_again(log, cursor, tmp_path):
    log.seal("rec_a")
    deliver(Collector(), cursor, log)
    log.seal("rec_b")
    collector = Collector()

    deliver(collector, Cursor(tmp_path / "transit", "collector"), log)

    assert collector.taken == [("rec_b", 0, 2)]


def test_an_extended_record_comes_again_with_its_revision(log, cursor):
    log.seal("rec_a")
    log.seal("rec_a", revision=1)
    collector = Collector()

    deliver(collector, cursor, log)

    assert collector.taken == [("rec_a", 0, 1), ("rec_a", 1, 2)]


def test_a_batch_is_at_most_so_long(log, cursor):
    for number in range(5):
        log.seal(f"rec_{number}")
    sizes = []
    collector = Collector()
    collector.export = lambda batch: sizes.append(len(batch))

    deliver(collector, cursor, log, batch=2)

    assert sizes == [2, 2, 1]


def test_a_refused_batch_comes_again(log, cursor):
    log.seal("rec_a")
    collector = Collector(refusals=1)
    with pytest.raises(ExportError, match="1 records from entry 1 on: ConnectionError") as refused:
        deliver(collector, cursor, log)

    deliver(collector, cursor, log)

    assert isinstance(refused.value.__cause__, ConnectionError)
    assert collector.taken == [("rec_a", 0, 1)]


def test_earlier_batches_stay_handed_over_when_a_later_one_is_refused(log, cursor):
    log.seal("rec_a")
    log.seal("rec_b")
    collector = Collector()
    refuse_second = iter([False, True])
    taken = collector.export

    def export(batch):
        if next(refuse_second, False):
            raise TimeoutError
        taken(batch)

    collector.export = export
    with pytest.raises(ExportError):
        deliver(collector, cursor, log, batch=1)
    deliver(collector, cursor, log, batch=1)

    assert collector.taken == [("rec_a", 0, 1), ("rec_b", 0, 2)]


def test_a_record_that_was_erased_is_passed_over(log, cursor):
    log.seal("rec_a")
    log.seal("rec_b")
    log.unreadable["rec_a"] = "erased"
    collector = Collector()

    deliver(collector, cursor, log)

    assert collector.taken == [("rec_b", 0, 2)]


def test_a_record_whose_key_is_away_is_not_passed_over(log, cursor):
    log.seal("rec_a")
    log.unreadable["rec_a"] = "locked"
    collector = Collector()
    with pytest.raises(KeyUnusable, match="rec_a is encrypted"):
        deliver(collector, cursor, log)

    log.unreadable.clear()
    deliver(collector, cursor, log)

    assert collector.taken == [("rec_a", 0, 1)]


def test_while_one_delivers_the_others_leave_it_to_them(log, cursor, tmp_path):
    log.seal("rec_a")
    collector = Collector()

    with cursor.claimed() as mine:
        assert mine
        assert deliver(collector, Cursor(tmp_path / "transit", "collector"), log) == 0

    assert deliver(collector, cursor, log) == 1


def test_a_log_started_anew_begins_from_its_start(log, other_log, cursor):
    log.seal("rec_a")
    deliver(Collector(), cursor, log)
    other_log.seal("rec_b")
    collector = Collector()

    deliver(collector, cursor, other_log)

    assert collector.taken == [("rec_b", 0, 1)]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"log": "0197-first", "next": "7"}',
        b'{"next": -1, "log": "0197-first"}',
        b'{"next": 3, "log": "0197-first"}',
        b'{"next": 1000000000000, "log": "0197-first"}',
        b'{"next": 99999999999999999999999, "log": "0197-first"}',
    ],
)
def test_a_damaged_cursor_repeats_rather_than_loses(log, cursor, tmp_path, damage):
    log.seal("rec_a")
    deliver(Collector(), cursor, log)
    (tmp_path / "transit" / "exporter-collector.json").write_bytes(damage)
    collector = Collector()

    deliver(collector, cursor, log)

    assert collector.taken == [("rec_a", 0, 1)]


def test_the_cursor_is_never_written_through_a_link(log, cursor, tmp_path):
    log.seal("rec_a")
    mine = tmp_path / "mine"
    mine.write_text("precious")
    transit = tmp_path / "transit"
    transit.mkdir()
    for name in ("exporter-collector.json", "exporter-collector.new"):
        (transit / name).symlink_to(mine)

    deliver(Collector(), cursor, log)

    assert mine.read_text() == "precious"
    assert not (transit / "exporter-collector.json").is_symlink()
    assert cursor.position("0197-first") == 2
    assert {file.name for file in transit.iterdir()} == {
        "exporter-collector.json",
        "exporter-collector.new",
        "exporter-collector.lock",
    }


def test_its_lock_is_not_made_through_a_link(log, cursor, tmp_path):
    (tmp_path / "transit").mkdir()
    (tmp_path / "transit" / "exporter-collector.lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="exporter-collector"):
        deliver(Collector(), cursor, log)
    assert not (tmp_path / "elsewhere").exists()


def test_the_cursor_is_small_and_plain(log, cursor, tmp_path):
    log.seal("rec_a")

    deliver(Collector(), cursor, log)

    state = json.loads((tmp_path / "transit" / "exporter-collector.json").read_text())
    assert state == {"v": 1, "log": "0197-first", "next": 2}


def test_one_record_is_handed_over_at_its_newest_revision(log):
    log.seal("rec_a")
    log.seal("rec_a", revision=1)
    log.add("note.added", "note/rec_a/1", "rec_a")

    item = sealed(log.fold("rec_a"), "0197-first")

    assert item is not None
    assert (item.entry, item.revision) == (2, 1)


def test_an_empty_log_gives_nothing(log, cursor):
    log.rows.clear()

    assert deliver(Collector(), cursor, log) == 0
    assert list(read(log, 0, "")) == []
