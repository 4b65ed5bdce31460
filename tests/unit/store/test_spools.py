"""Spools as files: whole or not at all, one owner at a time, gone when replayed, kept where something is damaged."""

import os
import subprocess
import sys
import time

import pytest

from provsdk.errors import StoreUnavailable
from provsdk.records.parts import Part
from provsdk.store.contract import Draft
from provsdk.store.spool_file import OwnSpool
from provsdk.store.spools import directory_for, left_behind, look, spooling

SEAL_KEY = b"s" * 32
LIMIT = 1_000_000


def draft(n, size=100):
    parts = (Part("header", "standard", os.urandom(size)),)
    return Draft("record.sealed", f"record/{n}/0", "emi_1", f"rec_{n}", "2026-11-26T08:00:00.000000Z", parts, False)


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def own(directory):
    made = []

    def make(emitter="emi_1", limit=LIMIT):
        made.append(OwnSpool(directory / f"{emitter}.spool", "desk", emitter, SEAL_KEY, limit))
        return made[-1]

    yield make
    for one in made:
        one.close()


def keys(file, count=100):
    return [one.draft and one.draft.key for one in file.read(count)]


def adopted(directory, origin="desk"):
    files, problems = left_behind(directory, origin, SEAL_KEY)
    assert problems == []
    return files


def test_what_is_written_is_read_in_order_and_the_file_goes_with_the_last(own, directory):
    spool = own()
    assert spool.is_new
    spool.append([draft(1), draft(2)])
    spool.append([draft(3)])

    first = spool.read(2)
    assert [one.draft.key for one in first] == ["record/1/0", "record/2/0"]
    assert spool.passed(first[-1].end) is False
    (last,) = spool.read(2)
    assert last.draft.key == "record/3/0"
    assert spool.passed(last.end) is True
    assert list(directory.iterdir()) == []
    assert spool.is_new
    spool.append([draft(4)])
    assert keys(spool) == ["record/4/0"]


def test_it_is_readable_by_its_user_only(own, directory):
    own().append([draft(1)])

    assert directory.stat().st_mode & 0o077 == 0
    assert [path.stat().st_mode & 0o777 for path in directory.iterdir()] == [0o600]


def test_a_living_process_keeps_its_spool(own, directory):
    own().append([draft(1)])

    assert adopted(directory) == []
    assert [one.held for one in look(directory)] == [True]


def test_what_was_left_behind_is_taken_over_once(own, directory):
    spool = own()
    spool.append([draft(1), draft(2)])
    spool.close()

    (left,) = adopted(directory)
    assert adopted(directory) == []
    assert (left.remaining, keys(left)) == (2, ["record/1/0", "record/2/0"])
    assert left.passed(left.read(10)[-1].end)
    assert list(directory.iterdir()) == []


def test_what_a_process_left_that_was_killed_is_taken_over(directory):
    program = f"""
import os, signal
from pathlib import Path
from provsdk.records.parts import Part
from provsdk.store.contract import Draft
from provsdk.store.spool_file import OwnSpool
spool = OwnSpool(Path({str(directory)!r}) / "emi_2.spool", "desk", "emi_2", {SEAL_KEY!r}, {LIMIT})
part = Part("header", "standard", b"x")
time = "2026-11-26T08:00:00.000000Z"
spool.append([Draft("note.added", f"k{{n}}", "a", "s", time, (part,), False) for n in range(3)])
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False, timeout=60)

    (left,) = adopted(directory)
    assert keys(left) == ["k0", "k1", "k2"]
    left.close()


def test_a_spool_of_another_log_is_left_alone_and_told(own, directory):
    spool = own()
    spool.append([draft(1)])
    spool.close()

    files, problems = left_behind(directory, "other", SEAL_KEY)

    assert files == []
    assert "of the log 'desk'" in problems[0]
    assert len(look(directory)) == 1


def test_damage_is_counted_and_the_file_is_kept_for_somebody_to_look_at(own, directory):
    spool = own()
    spool.append([draft(1), draft(2), draft(3)])
    end = spool.read(1)[0].end
    spool.close()
    (path,) = directory.iterdir()
    data = bytearray(path.read_bytes())
    data[end + 40] ^= 1
    path.write_bytes(data)

    (found,) = look(directory)
    assert (found.frames, found.damaged > 0, found.held) == (2, True, False)
    (left,) = adopted(directory)
    assert keys(left) == ["record/1/0", None, "record/3/0"]
    left.passed(left.read(10)[-1].end)

    assert [one.name for one in directory.iterdir()] == ["emi_1.spool.damaged"]
    assert [one.is_remains for one in look(directory)] == [True]
    assert adopted(directory) == []


def test_the_end_of_a_write_that_was_cut_off_is_no_damage(own, directory):
    spool = own()
    spool.append([draft(1)])
    spool.close()
    (path,) = directory.iterdir()
    with path.open("ab") as file:
        file.write(b"\xf5pvs\0\0\0")

    assert [(one.frames, one.damaged) for one in look(directory)] == [(1, 0)]
    (left,) = adopted(directory)
    assert keys(left) == ["record/1/0", None]
    left.passed(left.read(10)[-1].end)
    assert list(directory.iterdir()) == []


def test_a_damaged_beginning_is_told(own, directory):
    spool = own()
    spool.append([draft(1)])
    spool.close()
    (path,) = directory.iterdir()
    path.write_bytes(b"?" + path.read_bytes()[1:])

    assert left_behind(directory, "desk", SEAL_KEY)[1]
    assert look(directory)[0].problem is not None


def test_what_is_no_spool_at_all_is_told_and_waited_for_by_nobody(directory):
    directory.mkdir()
    os.mkfifo(directory / "emi_1.spool")
    (directory / "emi_2.spool").mkdir()

    assert [found.problem is not None for found in look(directory)] == [True, True]
    assert left_behind(directory, "desk", SEAL_KEY)[0] == []


def test_a_spool_that_a_kill_kept_from_being_whole_goes_after_an_hour(directory):
    directory.mkdir()
    for path, time_s in ((directory / "emi_1.new", 1), (directory / "emi_2.new", time.time())):
        path.write_bytes(b"")
        os.utime(path, (time_s, time_s))

    adopted(directory)

    assert [path.name for path in directory.iterdir()] == ["emi_2.new"]


def test_a_spool_that_nobody_can_read_holds_no_record_back(tmp_path):
    store, spool = tmp_path / "store", tmp_path / "spool"
    places = [directory_for(spool, store) / f"emi_{n}.spool" for n in (1, 2)]
    spools = [OwnSpool(path, "desk", path.stem, SEAL_KEY, LIMIT) for path in places]
    for one in spools:
        one.append([draft(1)])
        one.close()
    places[1].write_bytes(places[1].read_bytes()[:20] + b"damage")

    assert spooling(spool, store) == {"emi_1"}


def test_what_would_exceed_the_limit_is_refused_whole_and_what_was_there_stays(own):
    spool = own(limit=10_000)
    spool.append([draft(1, 3_000)])

    with pytest.raises(StoreUnavailable, match=r"full.*spool_bytes"):
        spool.append([draft(2), draft(3, 9_000)])

    assert keys(spool) == ["record/1/0"]
    spool.append([draft(4)])
    assert keys(spool) == ["record/1/0", "record/4/0"]


def test_the_limit_counts_what_others_have_there(own):
    own("emi_1").append([draft(1, 6_000)])

    with pytest.raises(StoreUnavailable, match="full"):
        own("emi_2", limit=10_000).append([draft(2, 6_000)])


def test_a_write_that_failed_leaves_nothing_behind(own, monkeypatch):
    spool = own()
    spool.append([draft(1)])

    def full(descriptor, data, offset, write=os.pwrite):
        write(descriptor, data[:50], offset)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(StoreUnavailable, match="No space left"):
            spool.append([draft(2)])

    assert keys(spool) == ["record/1/0"]
    spool.append([draft(3)])
    assert keys(spool) == ["record/1/0", "record/3/0"]


def test_stores_have_directories_of_their_own(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "store")

    assert directory_for(tmp_path, tmp_path / "store") != directory_for(tmp_path, tmp_path / "other")
    assert directory_for(tmp_path, tmp_path / "link") == directory_for(tmp_path, tmp_path / "store")


def test_where_there_is_no_directory_there_are_no_spools(tmp_path):
    assert look(tmp_path / "none") == []
    assert left_behind(tmp_path / "none", "desk", SEAL_KEY) == ([], [])


def test_a_spool_that_is_deleted_while_it_is_held_is_written_again(own, directory):
    spool = own()
    spool.append([draft(n) for n in range(3)])
    spool.path.unlink()

    spool.append([draft(3)])

    assert [found.frames for found in look(directory)] == [4]
    assert keys(spool) == [f"record/{n}/0" for n in range(4)]
    spool.path.unlink()
    directory.rmdir()
    spool.restore_if_gone()
    spool.close()
    (left,) = adopted(directory)
    assert keys(left) == [f"record/{n}/0" for n in range(4)]


def test_a_replayed_spool_that_cannot_be_deleted_is_begun_anew(own, directory, monkeypatch):
    spool = own()
    spool.append([draft(1)])
    with monkeypatch.context() as patched:
        patched.setattr(type(directory), "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError(1, "no")))
        spool.read(10)
        assert spool.passed(spool._size)
    assert look(directory) == []

    spool.append([draft(2)])

    spool.close()
    (left,) = adopted(directory)
    assert keys(left) == ["record/2/0"]


def test_a_spool_that_another_process_names_meanwhile_is_no_reason_to_refuse(own, directory, monkeypatch):
    first = own()
    first.append([draft(1)])
    stat = type(directory).stat

    def gone(path, **options):
        if path.name.endswith("2.spool"):
            raise FileNotFoundError(2, "renamed")
        return stat(path, **options)

    own("emi_2").append([draft(2)])
    monkeypatch.setattr(type(directory), "stat", gone)
    first.append([draft(3)])
    assert keys(first) == ["record/1/0", "record/3/0"]


def test_spools_that_cannot_be_listed_are_not_taken_for_none(directory, tmp_path, monkeypatch):
    where = directory_for(directory, tmp_path / "store")
    where.mkdir(parents=True)

    def denied(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(directory), "iterdir", denied)
    with pytest.raises(StoreUnavailable, match="Permission denied"):
        spooling(directory, tmp_path / "store")
    assert "Permission denied" in look(where)[0].problem
    assert "Permission denied" in left_behind(where, "desk", SEAL_KEY)[1][0]


def test_a_spool_that_its_owner_has_begun_anew_is_not_taken_for_the_old_one(own, directory, monkeypatch):
    """Somebody opened the old file, which was replayed then, and would delete the new one by its name."""
    spool = own()
    spool.append([draft(1)])
    opened = os.open
    moved = directory / "moved"

    def meanwhile(path, *rest, **named):
        descriptor = opened(path, *rest, **named)
        if str(path) == str(spool.path) and not moved.exists():
            spool.path.rename(moved)
            os.truncate(moved, 0)
            spool.close()
            own().append([draft(2)])
        return descriptor

    with monkeypatch.context() as patched:
        patched.setattr("provsdk.store.spools.os.open", meanwhile)
        left_behind(directory, "desk", SEAL_KEY)
    assert spool.path.exists()
