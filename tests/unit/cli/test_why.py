"""why: on a real store, with content that was kept and with content that is given."""

import json
from pathlib import Path

import pytest

import provsdk
from provsdk import traced_output, traced_source

POLICY = "Refunds are paid within 30 days of purchase, whatever the reason for it may be."
ANSWER = "Of our policy: " + POLICY + " Have a nice <day> & a good one."


@traced_source(type="file", name="<policy>")
def load():
    return POLICY


@pytest.fixture
def made(home):
    def made(**settings):
        provsdk.configure(**settings)
        traced_output("answer")(lambda: ANSWER.replace(POLICY, load()))()
        provsdk.shutdown()
        Path("answer.txt").write_text(ANSWER + "\n")

    return made


def test_the_text_is_given_where_its_content_was_not_kept(run, made):
    made()

    assert "give the text with --text FILE" in run("why", "@latest", code=3).stderr
    result = run("why", "@latest", "--text", "answer.txt")
    assert "<policy> (containment)" in result.stdout
    assert "no source, by its words" in result.stdout
    assert "2 sentences: 1 supported, 0 in part, 1 unsupported" in " ".join(result.stderr.split())


def test_captured_content_is_read_by_itself(run, made):
    made(capture_content="full")

    said = json.loads(run("why", "@latest", "--json").stdout)
    assert [one["verdict"] for one in said["sentences"]] == ["supported", "unsupported"]
    (support,) = said["sentences"][0]["supports"]
    assert ANSWER[support["start"] : support["end"]] == POLICY[support["source_start"] : support["source_end"]]


def test_another_text_is_a_finding(run, made):
    made()
    Path("other.txt").write_text("something else")

    assert "is not what rec_" in run("why", "@latest", "--text", "other.txt", code=1).stderr


def test_what_is_no_text_is_told(run, made):
    provsdk.configure()
    traced_output("numbers")(lambda: [1, 2, 3])()
    provsdk.shutdown()
    Path("bad.txt").write_bytes(b"\xff")

    assert "its output is no text, but application/json" in run("why", "@latest", code=3).stderr
    assert "not UTF-8 at byte 1" in run("why", "@latest", "--text", "bad.txt", code=3).stderr


def test_the_page_marks_each_sentence_and_holds_no_markup_of_the_text(run, made):
    made()

    page = run("why", "@latest", "--text", "answer.txt", "--format", "html").stdout

    assert page.startswith("<!doctype html>")
    assert '<span class="supported"' in page
    assert '<span class="unsupported"' in page
    assert "&lt;policy&gt;" in page
    assert "<day>" not in page
    assert "<policy>" not in page
