"""`examples/ask_the_docs.py`, as `make demo` runs it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("openai", reason="the demo's client is an extra: pip install 'provsdk[demo]'")

EXAMPLES = Path(__file__).parents[2] / "examples"
QUESTIONS = 3


def environment_in(directory):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROVSDK_", "OTEL_", "OPENAI_"))}
    return {**kept, "XDG_DATA_HOME": str(directory / "data"), "XDG_STATE_HOME": str(directory / "state")}


@pytest.fixture
def environment(tmp_path):
    return environment_in(tmp_path)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """One run in an empty directory: what it printed, and how to look at what it left."""
    directory = tmp_path_factory.mktemp("demo")
    environment = environment_in(directory)
    done = demo(directory, environment)
    assert done.returncode == 0, done.stderr
    return done.stdout, lambda *command: run(*command, cwd=directory, environment=environment)


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


def test_it_answers_three_questions_from_twenty_documents_and_more(first):
    shown, _ = first

    assert int(re.match(r"(\d+) documents", shown)[1]) >= 20
    assert "no language model answers" in shown
    assert shown.count("Linked to the output") == QUESTIONS
    assert shown.count("extractive-1") >= QUESTIONS


def test_passages_of_one_document_have_names_of_their_own(first):
    _, then = first
    provsdk = str(Path(sys.executable).with_name("provsdk"))

    for record in json.loads(then(provsdk, "list", "--json").stdout):
        sources = json.loads(then(provsdk, "sources", record["record_id"], "--json").stdout)
        names = [one["name"] for one in sources if one["type"] == "file"]

        assert len(names) > 1
        assert len({*names}) == len(names)


def test_the_store_that_it_leaves_has_the_three_records_and_verifies(first):
    _, then = first
    provsdk = str(Path(sys.executable).with_name("provsdk"))

    verified = then(provsdk, "verify")

    assert verified.returncode == 0, verified.stdout
    assert len(json.loads(then(provsdk, "list", "--json").stdout)) == QUESTIONS


def test_the_commands_that_it_names_work(first):
    shown, then = first
    commands = [line.split() for line in shown.rpartition("Look further:\n")[2].splitlines() if line.strip()]

    assert len(commands) >= 4
    for command in commands:
        done = then(*command)

        assert done.returncode == 0, f"{command}: {done.stderr}"


def test_it_goes_on_with_its_store_and_begins_anew_where_somebody_removed_it(tmp_path, environment):
    """Both are what newcomers do next."""
    provsdk = str(Path(sys.executable).with_name("provsdk"))
    assert demo(tmp_path, environment).returncode == 0

    assert demo(tmp_path, environment).returncode == 0
    listed = run(provsdk, "list", "--json", cwd=tmp_path, environment=environment)
    assert len(json.loads(listed.stdout)) == 2 * QUESTIONS

    shutil.rmtree(tmp_path / ".provsdk")
    anew = demo(tmp_path, environment)
    assert anew.returncode == 0, anew.stderr
    assert "provsdk list --store .provsdk-2" in anew.stdout


def test_it_talks_to_the_model_that_openai_base_url_names(tmp_path, environment, server):
    done = demo(tmp_path, {**environment, "OPENAI_BASE_URL": server, "NO_PROXY": "127.0.0.1"})

    assert done.returncode == 0, done.stderr
    assert f"Answers come from extractive-1 at {server}" in done.stdout


def test_a_model_that_cannot_be_reached_is_said_in_one_line(tmp_path, environment):
    done = demo(tmp_path, {**environment, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "NO_PROXY": "127.0.0.1"})

    assert done.returncode == 1
    assert done.stderr.startswith("The model could not be asked:")
    assert "Traceback" not in done.stderr
