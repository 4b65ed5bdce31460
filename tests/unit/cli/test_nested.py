"""Outputs within an output share a trace: how they are named, found, and shown with the record around them."""

import json
import sqlite3

import pytest

from provsdk.records.record import Permissions

TRACE = "0" * 7 + "1" + "0" * 23 + "1"
OUTER, INNER = f"rec_{TRACE}-00f067aa0ba902b7", f"rec_{TRACE}-1111111111111111"


@pytest.fixture
def nest(seal, numbered, build):
    """An output, and one made within it, as two records of one trace."""

    def nest(**changes):
        outer = numbered(1)
        inside = INNER.replace("rec_", "out_")
        made = build.edges(
            (inside, inside.replace("out_", "act_"), "wasGeneratedBy", "identity"),
            (outer.output.output_id, inside, "wasDerivedFrom", "identity"),
        )
        outer = build.changed(outer, flow=[*outer.flow, *made], sources=[])
        output = build.changed(outer.output, output_id=inside, name="summary", started_at=build.at(15_000))
        inner = build.changed(numbered(1), record_id=INNER, output=output, flow=[], **changes)
        seal(inner, outer)

    return nest


@pytest.mark.parametrize("width", ["60", "80", "100", "120"])
def test_list_keeps_names_and_marks_at_any_width(run, nest, monkeypatch, width):
    nest()
    monkeypatch.setenv("COLUMNS", width)

    result = run("list")

    lines = [line.split() for line in result.stdout.splitlines()]
    assert [line[:2] for line in lines] == [
        ["Record", "Output"],
        ["rec_00000001..00f067", "answer-1"],
        ["rec_00000001..111111", "summary"],
    ]
    assert [line[-1] for line in lines[1:]] == ["!", "!"]
    assert all(len(line) <= int(width) for line in result.stdout.splitlines())
    assert "!: the record says that something is missing" in result.stderr


def test_a_name_that_is_listed_is_found_though_the_others_are_not_listed(run, nest):
    nest()
    name = run("list", "--limit", "1").stdout.splitlines()[1].split()[0]

    assert json.loads(run("show", name, "--json").stdout)["record_id"] == OUTER


@pytest.mark.parametrize("name", ["rec_00000001..1111", "out_00000001..1", f"rec_{TRACE}..{'1' * 16}", "rec_..11"])
def test_a_record_goes_by_prefix_and_span(run, nest, name):
    nest()

    assert json.loads(run("show", name, "--json").stdout)["record_id"] == INNER


def test_prefix_and_span_name_a_protected_record_too(run, nest):
    nest(permissions=Permissions(encryption_required=True, approval_required=[]))

    assert json.loads(run("show", "out_00000001..11", "--json").stdout)["record_id"] == INNER


@pytest.mark.parametrize("name", ["rec_00000001..", "out_00000001..", "rec_00000001..%", "..11", "rec_00000001..22"])
def test_a_name_that_is_not_one_records_is_answered_with_candidates(run, nest, name):
    nest()

    error = run("show", name, code=1).stderr
    assert OUTER in error
    assert INNER in error


def test_show_has_a_step_for_the_output_within(run, nest):
    nest()

    text = run("show", OUTER).stdout

    step = next(line.split() for line in text.splitlines() if "summary" in line)
    assert step[1:3] == ["summary", "output"]
    assert "rec_00000001..111111" in step
    assert "no sources of its own · 1 output made within it" in text


def test_lineage_names_the_output_within_and_its_record(run, nest):
    nest()

    assert "nested output summary · rec_00000001..111111 · observed: identity" in run("lineage", OUTER).stdout
    tree = json.loads(run("lineage", OUTER, "--json").stdout)
    assert [cause["record_id"] for cause in tree["causes"] if cause["kind"] == "nested output"] == [INNER]


def test_sources_points_to_those_of_the_output_within(run, nest):
    nest()

    assert "1 output made within it: `provsdk lineage` follows" in " ".join(run("sources", OUTER).stderr.split())


def test_an_output_within_that_cannot_be_read_is_named_by_its_record(run, nest, tmp_path):
    nest(permissions=Permissions(encryption_required=True, approval_required=[]))
    (tmp_path / "home/.local/share/provsdk/keys/content.key").rename(tmp_path / "away.key")

    step = next(line.split() for line in run("show", OUTER).stdout.splitlines() if "(encrypted)" in line)
    assert "rec_00000001..111111" in step


def test_a_damaged_record_within_does_not_hide_the_one_around_it(run, nest, home, monkeypatch):
    nest()
    monkeypatch.setenv("COLUMNS", "120")
    connection = sqlite3.connect(home / ".provsdk" / "log.db")
    connection.execute("update entries set bytes = x'00' where idx = 1")
    connection.commit()
    connection.close()

    assert "damaged · see `provsdk verify --all`" in run("show", OUTER, code=None).stdout


def test_an_output_within_whose_record_is_elsewhere_is_said_to_be(run, seal, numbered, build, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    inside = "out_" + "1" * 32 + "-" + "2" * 16
    edge = build.edges((inside, inside.replace("out_", "act_"), "wasGeneratedBy", "identity"))
    seal(build.changed(numbered(1), flow=[*numbered(1).flow, *edge]))

    assert "record not in this store" in run("show", "@latest").stdout
