"""stale: on a real store with real files."""

import json
from pathlib import Path

import pytest

import provsdk
from provsdk import traced_output, traced_source

TEXT = "Parcels are kept for fourteen days, then they go back to whoever sent them."


@pytest.fixture
def make(home):
    """Makes an output that rests on a file."""
    path = home / "handbook.txt"

    def make(text):
        path.write_text(text)

        @traced_source(type="file", location=str(path))
        def handbook():
            return path.read_text()

        provsdk.configure()
        traced_output("answer")(lambda: "It says: " + handbook())()
        provsdk.shutdown()
        return path

    return make


def test_a_file_that_was_changed_or_is_gone(run, make):
    path = make(TEXT)
    assert "Of 1 source, 0 changed" in run("stale").stderr
    assert json.loads(run("stale", "--json").stdout) == []

    path.write_text("another text")
    result = run("stale", code=1)
    assert "has changed" in result.stdout
    assert "Of 1 source, 1 changed since, or are gone or old: 1 record rest on what they were" in " ".join(
        result.stderr.split()
    )
    assert run("stale", "--offline").stdout == ""

    path.unlink()
    assert "is gone" in run("stale", code=1).stdout


def test_what_another_record_loaded_since(run, make):
    make(TEXT)
    make(TEXT + " Or so.")

    (one,) = json.loads(run("stale", "--offline", "--json", code=1).stdout)
    assert (one["why"], len(one["records"]), Path(one["location"]).name) == ("newer", 1, "handbook.txt")
