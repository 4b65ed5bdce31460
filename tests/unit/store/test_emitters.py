"""Files of slots: whose process is alive, whose is dead, and what is no such file. The bytes: tests/vectors."""

import os
import subprocess
import sys

import pytest

from provsdk.errors import FormatError, StoreUnavailable
from provsdk.pipeline._slots import SlotFile
from provsdk.store.emitters import DIRECTORY, HEADER, MAGIC, MAX_BYTES, claimed, read_slots, slot_files

EMITTER = "emi_" + "0" * 31 + "1"


@pytest.fixture
def path(tmp_path):
    (tmp_path / DIRECTORY).mkdir()
    return tmp_path / DIRECTORY / f"{EMITTER}.slots"


def file_of(emitter):
    return HEADER.pack(MAGIC, bytes.fromhex(emitter.removeprefix("emi_")), 1, 0, 0) + bytes(64)


def test_a_file_is_that_of_a_dead_process_once_nobody_has_its_lock(tmp_path):
    file = SlotFile(tmp_path, EMITTER, 1)

    assert slot_files(tmp_path) == [file.path]
    assert read_slots(file.path) is None
    file.close()
    assert read_slots(file.path).emitter_id == EMITTER


def test_who_claims_a_file_has_it_alone(path):
    path.write_bytes(file_of(EMITTER))

    with claimed(path) as mine, claimed(path) as other:
        assert mine.emitter_id == EMITTER
        assert other is None


def test_several_may_read_at_once(path):
    path.write_bytes(file_of(EMITTER))
    descriptor = os.open(path, os.O_RDONLY)
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_SH)

    assert read_slots(path) is not None
    os.close(descriptor)


def test_a_file_that_is_gone_is_no_error(path):
    assert read_slots(path) is None
    with claimed(path) as slots:
        assert slots is None


def test_a_file_that_somebody_removed_while_it_was_open_is_not_claimed(path, monkeypatch):
    path.write_bytes(file_of(EMITTER))
    real = os.open

    def opened(*arguments):
        descriptor = real(*arguments)
        path.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", opened)
    with claimed(path) as slots:
        assert slots is None


def test_a_file_under_the_name_of_another_emitter_is_told(path):
    path.write_bytes(file_of("emi_" + "0" * 31 + "2"))

    with pytest.raises(FormatError, match="under another name"):
        read_slots(path)


def test_a_file_that_is_damaged_is_told_with_its_path(path):
    path.write_bytes(b"something else")

    with pytest.raises(FormatError, match=str(path)):
        read_slots(path)


def test_a_file_that_is_larger_than_one_can_be_is_not_read_whole(path):
    with path.open("wb") as file:
        file.write(file_of(EMITTER))
        file.truncate(MAX_BYTES * 1000)

    with pytest.raises(FormatError, match="longer"):
        read_slots(path)


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_what_is_no_file_at_all_is_told_and_not_waited_for(path, kind):
    path.mkdir() if kind == "directory" else os.mkfifo(path)

    with pytest.raises((FormatError, StoreUnavailable), match=str(path)):
        read_slots(path)


def test_a_link_is_not_followed(path, tmp_path):
    (tmp_path / "elsewhere").write_bytes(file_of(EMITTER))
    path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StoreUnavailable, match=str(path)):
        read_slots(path)


def test_other_files_beside_it_are_none_of_ours(path):
    for name in ("notes.txt", f".{EMITTER}.new", "emi_1.slots", f"{EMITTER}.slots.bak"):
        path.with_name(name).write_bytes(b"")

    assert slot_files(path.parents[1]) == []


def test_no_directory_means_no_files(tmp_path):
    assert slot_files(tmp_path) == []


def test_the_lock_goes_with_a_process_that_is_killed(tmp_path):
    program = f"""
import os, pathlib, signal
from provsdk.pipeline._slots import SlotFile
file = SlotFile(pathlib.Path({str(tmp_path)!r}), {EMITTER!r}, 1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    (path,) = slot_files(tmp_path)

    assert read_slots(path).emitter_id == EMITTER
