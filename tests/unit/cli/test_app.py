"""The frame: help, mistakes, exit codes, pipes, and how little is loaded."""

import json
import os
import subprocess
import sys

import pytest

from provsdk.cli.app import COMMANDS, cli


def process(*arguments, **options):
    command = [sys.executable, "-c", "from provsdk.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


def test_help_lists_every_command(run):
    text = run("--help").stdout

    assert [name for name in COMMANDS if f"\n  {name} " not in text] == []


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(run, name):
    assert "Usage: provsdk" in run(name, "--help").stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_help_in_one_line_is_the_commands_own(name):
    command = cli.get_command(None, name)

    assert command is not None
    assert str(command.help).split("\n")[0] == COMMANDS[name][1]


def test_a_mistyped_command_is_answered_with_the_nearest(run):
    assert "Did you mean 'verify'?" in run("verfy", code=2).stderr


def test_an_unknown_option_is_wrong_usage(run):
    assert "--colour" in run("list", "--colour", code=2).stderr


@pytest.mark.parametrize("url", ["postgres://db/x", "https://example.org/x", "sqlite://host/x"])
def test_a_store_of_another_kind_is_wrong_usage(run, url):
    result = run("list", "--store", url, code=2)

    assert "sqlite" in result.stderr
    assert result.stdout == ""


def test_a_wrong_configuration_is_wrong_usage(run, monkeypatch):
    monkeypatch.setenv("PROVSDK_STOER", "x")

    assert "PROVSDK_STOER" in run("list", code=2).stderr


@pytest.mark.parametrize(
    "command", [["list"], ["show", "@latest"], ["verify"], ["audit"], ["store", "stats"], ["rebuild"]]
)
def test_without_a_store_it_says_what_to_do(run, command):
    result = run(*command, code=3)

    assert "provsdk init" in result.stderr
    assert result.stdout == ""


def test_reading_makes_no_store(run, home):
    run("list", code=3)

    assert list(home.iterdir()) == []


def test_the_version_is_said(run):
    assert run("--version").stdout.startswith("provsdk, version ")


def test_help_loads_neither_the_sdk_nor_a_database_nor_rich():
    code = (
        "import sys, json\nfrom provsdk.cli.app import cli\n"
        "try:\n    cli(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = set(json.loads(done.stderr))
    heavy = {"rich", "sqlite3", "cryptography", "msgspec", "opentelemetry.sdk", "wrapt", "structlog", "provsdk.store"}
    assert loaded & heavy == set()


def test_a_closed_pipe_is_no_error_to_speak_of(home):
    """As with any tool: the reader has seen enough."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-c", "from provsdk.cli import main; main()", "doctor", "--json"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )

    assert done.returncode == 141
    assert done.stderr == ""


def test_a_narrow_encoding_is_no_error(home):
    done = process("doctor", env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})

    assert done.stdout.isascii()
    assert "Traceback" not in done.stderr
