"""The memory outside: it grows, it is found by origin and by path, and it never claims what was not committed."""

import fcntl
import os
import stat
import threading
import time

import pytest

from provsdk.errors import StoreDamaged
from provsdk.store.memory import Memory


@pytest.fixture
def memory(tmp_path):
    memory = Memory(tmp_path / "state", tmp_path / "store")
    memory.prepare("log")
    return memory


def test_before_the_first_commit_it_knows_nothing(memory):
    assert memory.known("log") == []


def test_it_is_found_by_origin_and_by_path(memory, tmp_path):
    memory.remember("log", 3, b"r" * 32)

    assert [(one.origin, one.size, one.root) for one in memory.known("log")] == [("log", 3, b"r" * 32)] * 2
    assert Memory(tmp_path / "state", tmp_path / "moved").of_origin("log").path == os.path.realpath(tmp_path / "store")
    assert Memory(tmp_path / "state", tmp_path / "moved").of_path() is None


def test_it_never_shrinks(memory):
    memory.remember("log", 12, b"n" * 32)
    memory.remember("log", 10, b"o" * 32)

    assert {(one.size, one.root) for one in memory.known("log")} == {(12, b"n" * 32)}


def test_writers_at_once_leave_the_newest(memory):
    def work(start):
        for size in range(start, 400, 4):
            memory.remember("log", size, size.to_bytes(32))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {(one.size, one.root) for one in memory.known("log")} == {(399, (399).to_bytes(32))}


def test_a_store_that_moved_is_known_by_its_origin_and_remembered_at_its_new_path(memory, tmp_path):
    memory.remember("log", 3, b"r" * 32)
    moved = Memory(tmp_path / "state", tmp_path / "elsewhere, with a longer name than before")
    moved.prepare("log")
    moved.remember("log", 4, b"s" * 32)

    assert [(one.size, one.path) for one in moved.known("log")] == [(4, moved._places[0])] * 2
    back = Memory(tmp_path / "state", tmp_path / "store")
    back.remember("log", 5, b"t" * 32)
    assert [(one.size, one.path) for one in back.known("log")] == [(5, str(tmp_path / "store"))] * 2


def test_its_files_are_its_owners_and_small(memory, tmp_path):
    memory.remember("log", 3, b"r" * 32)
    files = list((tmp_path / "state" / "memory").iterdir())

    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "state" / "memory").stat().st_mode) == 0o700
    assert all(file.read_bytes().index(b"\n") < 512 for file in files)


@pytest.mark.parametrize("damage", [b"x", b"provsdk-memory/v1 3 ab\n{}\n", b"\xff" * 200])
def test_a_damaged_file_is_named(memory, tmp_path, damage):
    memory.remember("log", 3, b"r" * 32)
    memory.of_path().file.write_bytes(damage)

    with pytest.raises(StoreDamaged, match="path-"):
        memory.known("log")


def test_a_file_that_another_process_holds_is_passed_over_in_time_and_the_others_are_written(memory):
    memory.remember("log", 3, b"r" * 32)
    with memory.of_origin("log").file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        start = time.monotonic()
        with pytest.raises(BlockingIOError, match="another process holds it"):
            memory.remember("log", 4, b"s" * 32)
        took = time.monotonic() - start

    assert 0.15 < took < 1
    assert (memory.of_origin("log").size, memory.of_path().size) == (3, 4)
    memory.remember("log", 4, b"s" * 32)
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
    linked.prepare("log")
    linked.remember("log", 3, b"r" * 32)

    assert {one.path for one in linked.known("log")} == {
        str(tmp_path / "link" / "store"),
        str(tmp_path / "real" / "store"),
    }
    direct = Memory(tmp_path / "state", tmp_path / "real" / "store")
    direct.remember("log", 4, b"s" * 32)
    assert {one.size for one in direct.known("log")} == {4}
    assert linked.forget_path().size == 3
    assert (linked.of_path(), direct.of_path()) == (None, None)
