"""What goes wrong around a store: it says what, where and what to do, writes nothing by half, and opens again."""

import importlib.util
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from provsdk.errors import (
    ConfigError,
    KeyUnusable,
    StoreDamaged,
    StoreForeign,
    StoreOutdated,
    StoreRolledBack,
    StoreTooNew,
    StoreUnavailable,
    UsageError,
)
from provsdk.store.open import open_store
from provsdk.store.verify import verify

SAMPLES_PATH = Path(__file__).parents[1] / "unit" / "store" / "samples.py"


def _samples():
    spec = importlib.util.spec_from_file_location("provsdk_fault_samples", SAMPLES_PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


samples = _samples()

WRITER = textwrap.dedent("""
    import importlib.util, sys
    from provsdk.store.open import open_store
    spec = importlib.util.spec_from_file_location("samples", {samples!r})
    samples = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(samples)
    store = open_store({store!r}, keys={keys!r}, state={state!r}, origin="example.org/log", create=True)
    for n in range({times}):
        drafts = [samples.draft(samples.record(protected=n % 3 == 2), content=b"x" * 100) for _ in range(3)]
        store.append(drafts, timeout=30)
        print(store.size(), flush=True)
""")


@pytest.fixture
def places(tmp_path):
    return {"place": tmp_path / "store", "keys": tmp_path / "keys", "state": tmp_path / "state"}


@pytest.fixture
def store(places):
    store = open_store(**places, origin="example.org/log", create=True)
    store.append([draft() for _ in range(3)], timeout=5)
    yield store
    store.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 KB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", place]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk takes root's rights")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.fixture
def unwritable(request):
    """Makes the directory of a store with three records unwritable: by its mode, or, for root, by its file system."""

    def fill(places):
        store = open_store(**places, create=True)
        store.append([draft() for _ in range(3)], timeout=5)
        store.close()

    @contextmanager
    def by_file_system(places):
        disk = request.getfixturevalue("small_disk")
        places["place"] = disk / "store"
        fill(places)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        yield

    @contextmanager
    def by_mode(places):
        fill(places)
        (places["place"] / "log.db").chmod(0o400)
        places["place"].chmod(0o500)
        yield
        places["place"].chmod(0o700)

    return by_file_system if os.geteuid() == 0 else by_mode


def draft():
    return samples.draft(samples.record())


def code(places, times=100_000):
    names = {name: str(path) for name, path in places.items()}
    return WRITER.format(
        samples=str(SAMPLES_PATH), store=names["place"], keys=names["keys"], state=names["state"], times=times
    )


def assert_whole(places):
    """It opens again, verifies, and takes more."""
    store = open_store(**places)
    report = verify(store)
    assert report.ok, report.findings
    store.append([draft()], timeout=10)
    store.close()
    return report


class TestProcesses:
    def test_that_are_killed_while_they_commit_leave_a_whole_log_with_everything_they_were_told_is_durable(
        self, places
    ):
        running = [
            subprocess.Popen([sys.executable, "-c", code(places)], stdout=subprocess.PIPE, text=True) for _ in range(3)
        ]
        told = []
        for turn, process in enumerate(running):
            told += [int(process.stdout.readline()) for _ in range(4 + turn)]
            time.sleep(0.003 * turn)
            process.send_signal(signal.SIGKILL)
        for process in running:
            told += [int(line) for line in process.stdout.read().splitlines()]
            process.wait()
            process.stdout.close()

        store = open_store(**places)
        size = store.size()
        store.close()

        assert size >= max(told)
        assert_whole(places)

    def test_that_open_a_new_store_and_write_at_once_make_one_log_of_all_their_records(self, places):
        running = [
            subprocess.Popen([sys.executable, "-c", code(places, 10)], stdout=subprocess.DEVNULL) for _ in range(4)
        ]

        assert [process.wait() for process in running] == [0] * 4
        store = open_store(**places)
        assert (store.size(), store.stats().records) == (121, 120)
        store.close()
        assert_whole(places)

    def test_a_forked_child_is_told_to_open_the_store_again(self, store):
        child = os.fork()
        if child == 0:
            try:
                store.append([draft()], timeout=1)
            except StoreUnavailable as error:
                os._exit(0 if "fork" in str(error) else 1)
            except BaseException:
                os._exit(2)
            os._exit(3)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert store.append([draft()], timeout=5)


class TestTheDisk:
    def test_that_is_full_is_told_and_what_could_not_be_written_goes_in_later(self, store, places):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        drafts = [draft() for _ in range(200)]
        limit = (places["place"] / "log.db-wal").stat().st_size + 50_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(StoreUnavailable, match=str(places["place"])):
                store.append(drafts, timeout=5)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert store.size() == 4
        assert verify(store).ok
        assert store.append(drafts, timeout=5)[-1].index == 203

    def test_a_really_full_one_is_told_too(self, places, small_disk):
        places["place"] = small_disk / "store"
        store = open_store(**places, create=True)
        with pytest.raises(StoreUnavailable, match="full"):  # noqa: PT012 which of them fails is the disk's to say
            for _ in range(100):
                store.append([draft() for _ in range(10)], timeout=5)

        assert verify(store).ok
        store.close()

    def test_that_cannot_be_written_is_told_and_the_store_can_still_be_read(self, places, unwritable):
        with unwritable(places):
            with pytest.raises(StoreUnavailable, match="cannot be written") as caught:
                open_store(**places)
            store = open_store(**places, read_only=True)
            assert len(store.summaries()) == 3
            assert verify(store).ok
            store.close()
        assert str(places["place"]) in str(caught.value)


class TestTheFile:
    def test_locked_for_longer_than_one_would_wait_is_told_in_time(self, store, places):
        with closing(sqlite3.connect(places["place"] / "log.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            start = time.monotonic()
            with pytest.raises(StoreUnavailable, match="locked by another process"):
                store.append([draft()], timeout=0.3)
            took = time.monotonic() - start
            other.execute("ROLLBACK")

        assert 0.2 < took < 1.5
        assert store.append([draft()], timeout=5)

    def test_of_the_keys_locked_for_longer_than_one_would_wait_is_told_in_time(self, store, places):
        store.append([samples.draft(samples.record(protected=True))], timeout=5)
        store.close()
        (path,) = (places["state"] / "keystore").glob("*.db")
        again = open_store(**places)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            start = time.monotonic()
            with pytest.raises(StoreUnavailable, match="locked by another process"):
                again.append([samples.draft(samples.record(protected=True))], timeout=0.3)
            took = time.monotonic() - start

        assert 0.2 < took < 1.5
        assert again.size() == 5
        again.close()

    def test_of_another_program_is_left_alone(self, places):
        places["place"].mkdir()
        path = places["place"] / "log.db"
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE customers(name)")
        before = path.read_bytes()

        for create in (False, True):
            with pytest.raises(StoreForeign, match="something else"):
                open_store(**places, create=create)
        assert path.read_bytes() == before

    @pytest.mark.parametrize("data", [os.urandom(50_000), b"x", b"{}" * 3000])
    def test_of_random_bytes_is_no_store(self, places, data):
        places["place"].mkdir()
        (places["place"] / "log.db").write_bytes(data)

        for create in (False, True):
            with pytest.raises(StoreForeign, match="no SQLite file"):
                open_store(**places, create=create)
        assert (places["place"] / "log.db").read_bytes() == data

    @pytest.mark.parametrize("kept", [0, 50, 100, 4096, 9000, -4096])
    def test_cut_off_is_damaged_or_gone_and_is_never_appended_to(self, store, places, kept):
        store.close()
        path = places["place"] / "log.db"
        path.write_bytes(path.read_bytes()[:kept])
        before = path.read_bytes()

        with pytest.raises(StoreDamaged, match="store"):
            open_store(**places, create=True).append([draft()], timeout=5)
        assert path.read_bytes()[100:] == before[100:]

    def test_of_a_newer_version_is_left_alone(self, store, places, tmp_path):
        store.close()
        with closing(sqlite3.connect(places["place"] / "log.db")) as newer:
            newer.execute("PRAGMA user_version = 3")

        for options in ({}, {"create": True}, {"read_only": True}):
            with pytest.raises(StoreTooNew, match="Upgrade"):
                open_store(**{**places, "state": tmp_path / "nothing remembered"}, **options)
            with pytest.raises(StoreDamaged, match=r"Upgrade.*4 entries"):
                open_store(**places, **options)

    def test_of_an_older_version_is_rebuilt_and_not_before(self, store, places):
        size, before = store.size(), store.summaries()
        store.close()
        with closing(sqlite3.connect(places["place"] / "log.db")) as older:
            older.execute("DROP TABLE elements")
            older.execute("DROP INDEX sources_name")
            older.execute("PRAGMA user_version = 1")

        for options in ({}, {"create": True}, {"read_only": True}):
            with pytest.raises(StoreOutdated, match="run `provsdk rebuild --store"):
                open_store(**places, **options)
        with closing(open_store(**places, outdated=True)) as outdated:
            outdated.rebuild()

        with closing(open_store(**places)) as rebuilt:
            assert (rebuilt.size(), rebuilt.summaries()) == (size, before)
            assert verify(rebuilt).ok

    @pytest.mark.parametrize("mark", ["application_id", "user_version"])
    def test_whose_marks_were_changed_where_a_log_is_known_is_damaged(self, store, places, mark):
        with closing(sqlite3.connect(places["place"] / "log.db")) as other:
            other.execute(f"PRAGMA {mark} = 7")

        assert not verify(store).ok
        store.close()
        for options in ({}, {"create": True}, {"read_only": True}):
            with pytest.raises(StoreDamaged, match="4 entries") as caught:
                open_store(**places, **options)
            assert "provsdk verify" not in str(caught.value)

    @pytest.mark.parametrize("data", [bytes(40_000), b"x" * 40_000])
    def test_that_was_overwritten_where_a_log_is_known_is_damaged(self, store, places, data):
        path = places["place"] / "log.db"
        store.close()
        for file in places["place"].glob("log.db-*"):
            file.unlink()
        path.write_bytes(data)

        for options in ({}, {"create": True}, {"read_only": True}):
            with pytest.raises(StoreDamaged, match="4 entries") as caught:
                open_store(**places, **options)
            assert "provsdk verify" not in str(caught.value)

    def test_with_garbage_in_the_middle_is_found_by_verify_and_ends_in_no_other_error(self, store, places):
        store.append([draft() for _ in range(20)], timeout=5)
        store.close()
        path = places["place"] / "log.db"
        data = bytearray(path.read_bytes())
        for page in range(1, len(data) // 4096):
            damaged = bytearray(data)
            damaged[page * 4096 : page * 4096 + 64] = os.urandom(64)
            path.write_bytes(damaged)
            try:
                found = open_store(**places, read_only=True)
                assert not verify(found).ok
                found.close()
            except StoreDamaged:
                pass

    def test_that_a_killed_process_left_empty_or_blank_is_made_a_store(self, places):
        places["place"].mkdir()
        path = places["place"] / "log.db"
        for blank in (b"", None):
            if blank is None:
                with closing(sqlite3.connect(path)) as connection:
                    connection.execute("PRAGMA journal_mode = WAL")
            else:
                path.write_bytes(blank)
                with pytest.raises(StoreUnavailable, match="provsdk init"):
                    open_store(**places)
        store = open_store(**places, create=True)

        assert verify(store).ok
        store.close()


class TestTheDirectory:
    def test_that_is_missing_holds_no_store(self, places):
        with pytest.raises(StoreUnavailable, match="provsdk init"):
            open_store(**places)
        assert not places["place"].exists()

    def test_that_was_deleted_is_not_made_anew_in_silence(self, store, places):
        import shutil

        store.close()
        shutil.rmtree(places["place"])

        for options in ({}, {"create": True}, {"create": True, "origin": "example.org/new"}, {"read_only": True}):
            with pytest.raises(StoreRolledBack, match="4 entries") as caught:
                open_store(**places, **options)
        assert "provsdk init --new-log" in str(caught.value)
        assert not places["place"].exists()

    def test_that_is_deleted_while_the_store_is_open_loses_nothing_in_silence(self, store, places):
        import shutil

        shutil.rmtree(places["place"])

        with pytest.raises(StoreRolledBack, match="is gone"):
            store.append([draft()], timeout=5)
        with pytest.raises(StoreRolledBack, match="is gone"):
            store.size()

    def test_replaced_by_a_link_to_another_store_is_found(self, store, places, tmp_path):
        other = open_store(**{**places, "place": tmp_path / "other"}, origin="example.org/other", create=True)
        other.append([draft() for _ in range(5)], timeout=5)
        other.close()
        store.close()
        places["place"].rename(tmp_path / "aside")
        places["place"].symlink_to(tmp_path / "other")
        again = open_store(**places)

        report = verify(again)
        assert not report.ok
        assert report.level == "consistent"
        assert report.first_wrong[0] == 0
        with pytest.raises(StoreRolledBack, match=r"example\.org/log"):
            again.append([draft()], timeout=5)
        again.close()

    def test_reached_through_a_link_is_the_same_store(self, store, places, tmp_path):
        store.close()
        (tmp_path / "link").symlink_to(tmp_path)
        linked = open_store(**{**places, "place": tmp_path / "link" / "store"}, create=True)
        linked.append([draft()], timeout=5)

        assert verify(linked).level == "signed"
        assert verify(linked).ok
        linked.close()
        assert_whole(places)

    def test_reached_through_a_link_and_gone_is_not_made_anew(self, store, places, tmp_path):
        import shutil

        store.close()
        (tmp_path / "link").symlink_to(tmp_path)
        shutil.rmtree(places["place"])

        with pytest.raises(StoreRolledBack, match="is gone"):
            open_store(**{**places, "place": tmp_path / "link" / "store"}, create=True)

    def test_that_cannot_be_made_is_told(self, places, tmp_path):
        (tmp_path / "file").write_text("")
        places["place"] = tmp_path / "file" / "store"

        with pytest.raises(StoreUnavailable, match="file"):
            open_store(**places, create=True)

    def test_of_the_state_that_cannot_be_made_is_told_before_anything_is_appended(self, store, places, tmp_path):
        store.close()
        (tmp_path / "taken").write_text("")
        places["state"] = tmp_path / "taken" / "state"
        again = open_store(**places)

        with pytest.raises(StoreUnavailable, match="`state`"):
            again.append([draft()], timeout=5)
        assert again.size() == 4
        again.close()


class TestTheKey:
    def test_that_is_missing_stops_appending_and_nothing_else(self, store, places):
        store.close()
        (path,) = (places["keys"] / "logs").iterdir()
        path.unlink()
        again = open_store(**places, create=True)

        with pytest.raises(KeyUnusable, match=str(path)):
            again.append([draft()], timeout=5)
        assert len(again.summaries()) == 3
        assert verify(again).level == "consistent"
        again.close()

    def test_that_is_damaged_is_told(self, store, places):
        store.close()
        (path,) = (places["keys"] / "logs").iterdir()
        path.write_text("garbage")
        again = open_store(**places)

        with pytest.raises(KeyUnusable, match="damaged"):
            again.append([draft()], timeout=5)
        for report in (verify(again), verify(again, again.resolve("@latest"))):
            assert not report.ok
            assert [step.number for step in report.steps if not step.ok] == [8]
            assert str(path) in report.findings[0]
        again.close()

    def test_of_another_log_by_that_name_does_not_sign_this_one(self, store, places, tmp_path):
        store.close()
        places["keys"] = tmp_path / "other keys"
        (tmp_path / "other").mkdir()
        other = {"keys": places["keys"], "state": tmp_path / "other"}
        open_store(tmp_path / "another", **other, origin="example.org/log", create=True).close()
        again = open_store(**places)

        with pytest.raises(StoreDamaged, match="signature"):
            again.append([draft()], timeout=5)
        again.close()


class TestWhatIsAskedFor:
    def test_an_origin_that_is_not_the_logs_is_told(self, store, places):
        with pytest.raises(ConfigError, match=r"example\.org/other"):
            open_store(**places, origin="example.org/other")

    def test_a_second_log_of_a_name_that_is_known_is_refused(self, store, places, tmp_path):
        places["place"] = tmp_path / "second"

        with pytest.raises(StoreRolledBack, match="4 entries"):
            open_store(**places, origin="example.org/log", create=True)
        assert not places["place"].exists()

    @pytest.mark.parametrize("place", ["postgresql://localhost/log", "mysql://x"])
    def test_a_kind_of_store_that_there_is_not_is_told(self, places, place):
        with pytest.raises(UsageError, match=place.partition(":")[0]):
            open_store(**{**places, "place": place})

    def test_a_closed_store_says_so(self, store):
        store.close()

        with pytest.raises(StoreUnavailable, match="closed"):
            store.size()


def test_a_log_whose_making_was_killed_in_the_middle_of_a_write_is_made_by_the_next(tmp_path):
    """A journal lies beside the database, and has to be rolled back before anything can be said of it."""
    place = tmp_path / "made"
    place.mkdir()
    killed = """
        import os, signal, sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("PRAGMA cache_size=1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE t(x)")
        connection.execute("INSERT INTO t VALUES (zeroblob(1000000))")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(killed), str(place / "log.db")], check=False)
    assert (place / "log.db-journal").stat().st_size

    store = open_store(place, keys=tmp_path / "keys", state=tmp_path / "state", create=True)
    assert store.size() == 1
    assert verify(store).ok
    store.close()
