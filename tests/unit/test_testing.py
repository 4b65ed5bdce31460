"""The aids for other people's tests, and the plugin that keeps their tests out of real stores."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

import provsdk
from provsdk.testing import CountingIds, captured_records

pytest_plugins = ["pytester"]


@provsdk.traced_source("handbook", type="file")
def load():
    return "A parcel is kept for ten days. " * 3


@provsdk.traced_output
def answer(question):
    return f"{question} {load()}"


class TestCapturedRecords:
    def test_they_are_records_of_what_was_traced_in_the_block(self):
        with captured_records() as records:
            answer("How long?")

        assert [source.name for source in records[0].sources] == ["handbook"]

    def test_they_grow_while_the_block_runs(self):
        with captured_records() as records:
            assert len(records) == 0
            answer("How long?")
            assert len(records) == 1
            answer("How much?")
            assert len(records) == 2

    def test_they_can_be_read_after_the_block_and_hold_what_was_made_in_it(self):
        with captured_records() as records:
            answer("How long?")
        answer("Not any more.")

        assert len(records) == 1

    def test_they_come_in_log_order(self):
        with captured_records() as records:
            with provsdk.traced_output("first"):
                pass
            with provsdk.traced_output("second"):
                pass

        assert [record.output.name for record in records] == ["first", "second"]

    def test_a_loop_over_them_ends_whatever_it_makes(self):
        with captured_records() as records:
            answer("How long?")
            for _ in itertools.islice(records, 5):
                answer("And then?")

            assert len(records) == 2

    def test_settings_are_those_of_configure(self):
        with captured_records(owner="ana@example.org", classification="confidential") as records:
            answer("How long?")

        assert records[0].output.classification == "confidential"
        assert [owner.agent for owner in records[0].ownership] == ["ana@example.org"]

    def test_ids_can_count(self):
        with captured_records(counting_ids=True) as records:
            answer("How long?")
            answer("How much?")

        assert [record.trace.trace_id for record in records] == [f"{n:032x}" for n in (1, 2)]

    def test_afterwards_nothing_is_plugged_in(self, monkeypatch):
        monkeypatch.delenv("PROVSDK_STORE")
        with captured_records():
            pass

        with provsdk.traced_output("answer") as out:
            assert out.record_id is None


def test_counting_ids_count_from_one():
    ids = CountingIds()

    assert [ids.generate_trace_id(), ids.generate_trace_id(), ids.generate_span_id()] == [1, 2, 1]


class TestPlugin:
    def test_store_keys_and_state_are_below_tmp_path(self, tmp_path):
        for name in ("PROVSDK_STORE", "PROVSDK_KEYS", "PROVSDK_STATE"):
            assert Path(os.environ[name]).is_relative_to(tmp_path)

    def test_a_test_without_tmp_path_has_a_place_that_is_not_made_before_it_is_used(self):
        assert not Path(os.environ["PROVSDK_STORE"]).parent.exists()

    def test_what_a_test_records_stays_in_its_own_directory(self, tmp_path):
        answer("How long?")

        assert (tmp_path / ".provsdk" / "log.db").exists()

    def test_tests_do_not_see_each_other(self, pytester):
        """In a project of its own: two tests that record, one that configures, one that does not."""
        pytester.makepyfile("""
            import provsdk

            def test_one():
                provsdk.configure(service="one")
                with provsdk.traced_output("answer"):
                    pass

            def test_two(provsdk_records):
                assert len(provsdk_records) == 0

            def test_three():
                from provsdk.capture import ports
                assert ports._plugged is None
        """)

        pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=3)

    def test_what_was_configured_before_the_test_stays(self, pytester):
        """A session-wide fixture that configures is the project's own business."""
        pytester.makepyfile("""
            import provsdk, pytest

            @pytest.fixture(scope="session", autouse=True)
            def configured(tmp_path_factory):
                places = {one: str(tmp_path_factory.mktemp(one)) for one in ("keys", "state")}
                yield provsdk.configure(store=str(tmp_path_factory.mktemp("s") / "store"), **places)
                provsdk.shutdown()

            @pytest.mark.parametrize("n", [1, 2])
            def test_it_is_there(n, configured):
                with provsdk.traced_output("answer") as out:
                    assert out.record_id
                configured.flush(5)
                assert configured.store().stats().records == n
        """)

        pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_a_project_that_configures_itself_on_import_does_not_write_into_its_store(pytester_like):
    """Collection imports the program before any test runs: that must not reach a real store either."""
    done, project = pytester_like(
        program="import provsdk\nprovsdk.configure()\n@provsdk.traced_output\ndef out(): return 'x' * 40\n",
        test="from program import out\ndef test_it():\n    assert out()\n",
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert not (project / ".provsdk").exists()


def test_records_follow_a_program_that_configures_itself_in_the_test(pytester_like):
    done, _ = pytester_like(
        program="import provsdk\n@provsdk.traced_output\ndef out():\n    return 'x' * 40\n",
        test=(
            "import provsdk\nfrom program import out\n"
            "def test_it(provsdk_records):\n"
            "    provsdk.configure(service='app')\n"
            "    out()\n"
            "    assert [one.output.name for one in provsdk_records] == ['out']\n"
        ),
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.fixture
def pytester_like(tmp_path):
    """Runs pytest in a project of its own, as a user would."""

    def run(program, test):
        project = tmp_path / "project"
        project.mkdir()
        (project / "program.py").write_text(program)
        (project / "test_program.py").write_text(test)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PROVSDK_")}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            cwd=project,
            env={**kept, "PYTHONPATH": str(project)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done, project

    return run
