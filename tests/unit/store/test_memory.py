"""The memory outside: it grows, it is found by origin and by path, and it never claims what was not committed."""

import os
import stat
import threading

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

    assert [(one.size, one.path) for one in moved.known("log")] == [(4, moved._store)] * 2
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
