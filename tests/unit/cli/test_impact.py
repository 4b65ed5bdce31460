"""impact: on a real store; the source by every way to name it."""

import json
from pathlib import Path

import pytest

import provsdk
from provsdk import traced_output, traced_source

README = "wrapt/README.rst"
TEXT = "Parcels are kept for fourteen days, then they go back to whoever sent them."


@pytest.fixture
def three(seal, numbered):
    records = [numbered(number) for number in (1, 2, 3)]
    seal(*records)
    return records


@pytest.fixture
def handbook(home):
    """A program that loads a file, within the project."""
    Path("docs").mkdir()
    Path("docs/hand[1].txt").write_text(TEXT)

    @traced_source(type="file", location="docs/hand[1].txt", name="handbook")
    def load():
        return Path("docs/hand[1].txt").read_text()

    provsdk.configure()
    traced_output("kept")(lambda: "It says: " + load())()
    traced_output("other")(lambda: "an answer that rests on nothing that was loaded")()
    provsdk.shutdown()


@pytest.mark.parametrize("name", [README, f"{README}@2.5.2", "wrapt/*", "/usr/lib/python3.11/*/METADATA"])
def test_a_source_by_name_version_and_pattern(run, three, name):
    result = run("impact", name)

    assert "Outputs that may have used it  3" in result.stdout
    assert "given to a step" in " ".join(result.stdout.split())
    assert "version 2.5.2" in " ".join(result.stdout.split())
    assert "0 other outputs" in result.stderr


def test_another_version_or_name_is_not_found(run, three):
    for name in (f"{README}@1", "nothing"):
        assert "no record in this store has a source" in run("impact", name, code=1).stderr


def test_an_id_that_no_record_has_is_not_found(run, three, build):
    assert "no record in this store has a source" in run("impact", build.entity(99, 0), code=1).stderr


@pytest.mark.parametrize("name", ["docs/hand[1].txt", "./docs/hand[1].txt", "handbook"])
def test_the_file_itself(run, handbook, name):
    result = run("impact", name)

    assert "Outputs that used it  1" in result.stdout
    assert "observed: containment" in result.stdout
    assert "1 other output" in result.stderr


def test_a_file_that_was_moved_is_known_by_its_content(run, handbook, tmp_path):
    moved = tmp_path / "moved.txt"
    Path("docs/hand[1].txt").rename(moved)
    said = json.loads(run("impact", str(moved), "--json").stdout)
    assert [hit["name"] for hit in said["used"]] == ["kept"]
    assert (said["records"], said["gaps"]) == (2, 0)

    moved.write_text("something else")
    assert "neither by this content nor by this location" in run("impact", str(moved), code=1).stderr


@pytest.mark.parametrize("read", [str.strip, json.loads], ids=["without its line end", "parsed"])
def test_a_file_is_known_by_what_programs_read_of_it(run, home, read):
    Path("rules.json").write_text('{"rule": "A parcel is kept for ten days, not longer."}\n')
    load = traced_source(type="file", name="rules")(lambda: read(Path("rules.json").read_text()))
    provsdk.configure()
    traced_output("kept")(lambda: f"Our rules: {load()}")()
    provsdk.shutdown()
    Path("rules.json").rename("moved.json")

    assert json.loads(run("impact", "moved.json", "--json").stdout)["sources"] != []


def test_a_source_by_its_digest_and_by_its_id(run, handbook):
    import hashlib

    digest = hashlib.sha256(TEXT.encode()).hexdigest()
    (source,) = [s for s in json.loads(run("sources", "--json").stdout) if s["name"] == "handbook"]
    (hit,) = json.loads(run("impact", f"sha256:{digest}", "--json").stdout)["used"]
    record = json.loads(run("show", hit["record_id"], "--json").stdout)

    assert source["location"] == "docs/hand[1].txt"
    for name in (digest, record["sources"][0]["source_id"], record["sources"][0]["join_digest"]):
        assert json.loads(run("impact", name, "--json").stdout)["used"] == [hit]
