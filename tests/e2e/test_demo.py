"""`examples/ask_the_docs.py`, as `make demo` runs it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("openai", reason="the demo's client is an extra: pip install 'provsdk[demo]'")

EXAMPLES = Path(__file__).parents[2] / "examples"
QUESTIONS = 3


@pytest.fixture
def environment(tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROVSDK_", "OTEL_", "OPENAI_"))}
    return {**kept, "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def server(monkeypatch):
    """The demo's own server, as if it were somebody else's."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from _extractive_server import running

    with running() as base_url:
        yield base_url


def run(*command, cwd, environment):
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


def demo(tmp_path, environment):
    return run(sys.executable, str(EXAMPLES / "ask_the_docs.py"), cwd=tmp_path, environment=environment)


def test_it_answers_three_questions_and_shows_each_record(tmp_path, environment):
    done = demo(tmp_path, environment)

    assert done.returncode == 0, done.stderr
    assert int(re.match(r"(\d+) documents", done.stdout)[1]) >= 20
    assert "no language model answers" in done.stdout
    assert done.stdout.count("show @latest") == QUESTIONS
    assert done.stdout.count("extractive-1") >= QUESTIONS


def test_the_store_that_it_leaves_verifies_and_has_the_three_records(tmp_path, environment):
    demo(tmp_path, environment)
    provsdk = str(Path(sys.executable).with_name("provsdk"))

    verified = run(provsdk, "verify", cwd=tmp_path, environment=environment)
    listed = run(provsdk, "list", "--json", cwd=tmp_path, environment=environment)

    assert verified.returncode == 0, verified.stdout
    assert listed.stdout.count('"record_id"') == QUESTIONS


def test_the_commands_that_it_names_work(tmp_path, environment):
    shown = demo(tmp_path, environment).stdout.rpartition("Look further:\n")[2]

    commands = [line.split() for line in shown.splitlines() if line.strip()]
    assert len(commands) >= 4
    for command in commands:
        done = run(*command, cwd=tmp_path, environment=environment)

        assert done.returncode == 0, f"{command}: {done.stderr}"


def test_a_second_run_goes_on_with_the_same_store(tmp_path, environment):
    demo(tmp_path, environment)

    assert demo(tmp_path, environment).returncode == 0


def test_a_run_after_somebody_removed_the_store_works(tmp_path, environment):
    """A newcomer tidies up; the demo begins anew, and says so."""
    import shutil

    demo(tmp_path, environment)
    shutil.rmtree(tmp_path / ".provsdk")

    done = demo(tmp_path, environment)

    assert done.returncode == 0, done.stderr


def test_it_talks_to_the_model_that_openai_base_url_names(tmp_path, environment, server):
    done = demo(tmp_path, {**environment, "OPENAI_BASE_URL": server, "NO_PROXY": "127.0.0.1"})

    assert done.returncode == 0, done.stderr
    assert f"Answers come from extractive-1 at {server}" in done.stdout


def test_a_model_that_cannot_be_reached_is_said_in_one_line(tmp_path, environment):
    done = demo(tmp_path, {**environment, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "NO_PROXY": "127.0.0.1"})

    assert done.returncode == 1
    assert done.stderr.startswith("The model could not be asked:")
    assert "Traceback" not in done.stderr
