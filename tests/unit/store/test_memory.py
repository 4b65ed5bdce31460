"""The memory outside: it grows, it is found by origin and by path, and it never claims what was not committed."""

import fcntl
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from provsdk.errors import StoreDamaged, StoreRolledBack
from provsdk.store import memory_file
from provsdk.store.memory import Memory


def open_files():
    return [os.path.realpath(one) for one in Path("/proc/self/fd").iterdir()]


def remember(memory, size, root):
    with memory.opened("log") as files:
        files.remember(size, root)


@pytest.fixture
def memory(tmp_path):
    memory = Memory(tmp_path / "state", tmp_path / "store")
    with memory.opened("log"):
        return memory


def test_before_the_first_commit_it_knows_nothing(memory):
    assert memory.known("log") == []


def test_it_is_found_by_origin_and_by_path(memory, tmp_path):
    remember(memory, 3, b"r" * 32)

    assert [(one.origin, one.size, one.root) for one in memory.known("log")] == [("log", 3, b"r" * 32)] * 2
    assert Memory(tmp_path / "state", tmp_path / "moved").of_origin("log").path == os.path.realpath(tmp_path / "store")
    assert Memory(tmp_path / "state", tmp_path / "moved").of_path() is None


def test_it_never_shrinks(memory):
    remember(memory, 12, b"n" * 32)
    remember(memory, 10, b"o" * 32)

    assert {(one.size, one.root) for one in memory.known("log")} == {(12, b"n" * 32)}


def test_writers_at_once_leave_the_newest(memory):
    def work(start):
        for size in range(start, 400, 4):
            remember(memory, size, size.to_bytes(32))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {(one.size, one.root) for one in memory.known("log")} == {(399, (399).to_bytes(32))}


def test_a_store_that_moved_is_known_by_its_origin_and_remembered_at_its_new_path(memory, tmp_path):
    remember(memory, 3, b"r" * 32)
    elsewhere = tmp_path / "elsewhere, with a longer name than before"
    moved = Memory(tmp_path / "state", elsewhere)
    remember(moved, 4, b"s" * 32)

    assert [(one.size, one.path) for one in moved.known("log")] == [(4, os.path.realpath(elsewhere))] * 2
    back = Memory(tmp_path / "state", tmp_path / "store")
    remember(back, 5, b"t" * 32)
    assert [(one.size, one.path) for one in back.known("log")] == [(5, str(tmp_path / "store"))] * 2


def test_its_files_are_its_owners_and_small(memory, tmp_path):
    remember(memory, 3, b"r" * 32)
    files = list((tmp_path / "state" / "memory").iterdir())

    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "state" / "memory").stat().st_mode) == 0o700
    assert all(file.read_bytes().index(b"\n") < 512 for file in files)


@pytest.mark.parametrize("damage", [b"x", b"provsdk-memory/v1 3 ab\n{}\n", b"\xff" * 200])
def test_a_damaged_file_is_named(memory, tmp_path, damage):
    remember(memory, 3, b"r" * 32)
    memory.of_path().file.write_bytes(damage)

    with pytest.raises(StoreDamaged, match="path-"):
        memory.known("log")


def test_a_file_that_another_process_holds_is_passed_over_in_time_and_the_others_are_written(memory):
    remember(memory, 3, b"r" * 32)
    with memory.of_origin("log").file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        start = time.monotonic()
        with pytest.raises(BlockingIOError, match="another process holds it"):
            remember(memory, 4, b"s" * 32)
        took = time.monotonic() - start

    assert 0.15 < took < 1
    assert (memory.of_origin("log").size, memory.of_path().size) == (3, 4)
    remember(memory, 4, b"s" * 32)
    assert memory.of_origin("log").size == 4


def test_an_append_is_not_held_up_by_who_holds_the_memory_and_says_so_once(opened, samples, caplog):
    store = opened()
    with store.memory.of_path().file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        start = time.monotonic()
        for n in range(3):
            store.append([samples.note_draft("x", key=f"note/{n}")], timeout=5)
        took = time.monotonic() - start

    assert took < 1.5
    assert store.size() == 4
    assert [record.message for record in caplog.records if "behind" in record.message] == [caplog.records[0].message]
    store.append([samples.note_draft("x", key="note/3")], timeout=5)
    assert store.memory.of_path().size == 5


def test_a_store_reached_by_a_link_is_remembered_by_both_paths(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    linked = Memory(tmp_path / "state", tmp_path / "link" / "store")
    remember(linked, 3, b"r" * 32)

    assert {one.path for one in linked.known("log")} == {
        str(tmp_path / "link" / "store"),
        str(tmp_path / "real" / "store"),
    }
    direct = Memory(tmp_path / "state", tmp_path / "real" / "store")
    remember(direct, 4, b"s" * 32)
    assert {one.size for one in direct.known("log")} == {4}
    assert linked.forget_path().size == 3
    assert (linked.of_path(), direct.of_path()) == (None, None)


def test_each_file_is_decoded_once_and_again_only_when_others_wrote_it(opened, samples, monkeypatch):
    decoded = []
    decode = memory_file._decoded
    monkeypatch.setattr(memory_file, "_decoded", lambda file, data: decoded.append(file) or decode(file, data))
    first, second = opened(), opened()
    for n, (store, times) in enumerate([(first, 2), (first, 0), (second, 2), (first, 2), (first, 0)]):
        decoded.clear()
        store.append([samples.note_draft("x", key=f"note/{n}")], timeout=5)

        assert len(decoded) == len(set(decoded)) == times


@pytest.mark.parametrize("of_path", [True, False])
def test_a_file_that_is_damaged_between_two_appends_stops_the_second(opened, samples, of_path):
    store = opened()
    store.append([samples.note_draft("x", key="note/0")], timeout=5)
    known = store.memory.of_path() if of_path else store.memory.of_origin(store.origin)
    known.file.write_bytes(known.file.read_bytes()[:-1])

    with pytest.raises(StoreDamaged, match=known.file.name):
        store.append([samples.note_draft("x", key="note/1")], timeout=5)
    assert store.size() == 2


def test_files_that_vanish_between_two_appends_are_made_again(opened, samples):
    store = opened()
    store.append([samples.note_draft("x", key="note/0")], timeout=5)
    before = store.memory.known(store.origin)
    for known in before:
        known.file.unlink()
    before[0].file.parent.rmdir()
    store.append([samples.note_draft("x", key="note/1")], timeout=5)

    assert [(one.file, one.size) for one in store.memory.known(store.origin)] == [(one.file, 3) for one in before]


def test_a_file_that_names_another_log_between_two_appends_stops_the_second(opened, samples):
    store = opened()
    store.append([samples.note_draft("x", key="note/0")], timeout=5)
    file = store.memory.of_path().file
    file.write_text(file.read_text().replace(store.origin, "another-log"))

    with pytest.raises(StoreRolledBack, match="remembers 'another-log' there"):
        store.append([samples.note_draft("x", key="note/1")], timeout=5)


def test_what_another_process_committed_before_the_transaction_began_is_seen_in_it(memory, tmp_path):
    other = Memory(tmp_path / "state", tmp_path / "store")
    with memory.opened("log") as files:
        assert files.known() == []
        remember(other, 7, b"r" * 32)

        assert [one.size for one in files.known()] == [7, 7]


def test_its_files_are_nobodys_after_an_append(memory, tmp_path):
    """Neither open, which a forked child would inherit, nor locked."""
    with memory.opened("log") as files:
        files.remember(3, b"r" * 32)
        for file in (tmp_path / "state" / "memory").iterdir():
            with file.open("rb") as free:
                fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)

    assert not [one for one in open_files() if "memory" in one]


def test_a_log_that_the_state_directory_knows_nothing_of_is_opened_with_a_warning(opened, places, caplog):
    """Its encrypted records have their keys elsewhere, and a rollback before now cannot be told."""
    opened().close()
    another = places["state"].with_name("another")

    opened(state=another).close()
    assert f"nothing is known of the log example.org/log in {another}" in caplog.text

    caplog.clear()
    opened().close()
    assert caplog.text == ""


def test_a_file_is_written_in_one_step_also_where_it_says_less_than_before(tmp_path, monkeypatch):
    """A kill between two steps would leave it damaged, and with it a log that nobody may append to."""
    long, short = tmp_path / ("long" * 20), tmp_path / "s"
    with Memory(tmp_path / "state", long).opened("log") as files:
        files.remember(5, b"r" * 32)
    before = Memory(tmp_path / "state", long).of_origin("log").file.stat().st_size
    monkeypatch.setattr(os, "ftruncate", lambda *_: pytest.fail("a second step"))

    with Memory(tmp_path / "state", short).opened("log") as files:
        files.remember(6, b"s" * 32)

    known = Memory(tmp_path / "state", short).of_origin("log")
    assert (known.size, known.path, known.file.stat().st_size) == (6, str(short), before)
