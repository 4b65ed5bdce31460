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

    assert "give its text with --text FILE" in run("why", "@latest", code=3).stderr
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


def test_bytes_are_given_as_the_text_that_they_are(run):
    provsdk.configure(service="why")
    data = traced_output("answer")(
        lambda: json.dumps({"answer": "Ten days and no longer, so it says here."}).encode()
    )()
    Path("answer.json").write_bytes(data)
    (sentence,) = json.loads(run("why", "@latest", "--text", "answer.json", "--json").stdout)["sentences"]
    assert (sentence["field"], sentence["verdict"]) == ("/answer", "unsupported")


def test_line_ends_of_an_editor_make_no_other_text(run):
    provsdk.configure(service="why")
    text = traced_output("answer")(lambda: "One sentence that is long enough.\nAnother sentence here.\n")()
    for written in (text.replace("\n", "\r\n"), text.removesuffix("\n").replace("\n", "\r\n") + "\r\n"):
        Path("answer.txt").write_bytes(written.encode())
        told = json.loads(run("why", "@latest", "--text", "answer.txt", "--json").stdout)["sentences"]
        assert [one["text"] for one in told] == ["One sentence that is long enough.", "Another sentence here."]


def test_another_text_is_a_finding(run, made):
    made()
    Path("other.txt").write_text("something else")

    assert "is not what rec_" in run("why", "@latest", "--text", "other.txt", code=1).stderr


@pytest.mark.parametrize("settings", [{}, {"capture_content": "full"}], ids=["given", "kept"])
def test_a_structured_output_is_told_field_by_field(run, home, settings):
    provsdk.configure(**settings)
    traced_output("form")(lambda: {"rules": [{"text": f"So: {load()}"}], "greeting": "Have a nice day."})()
    provsdk.shutdown()
    Path("form.json").write_text(
        json.dumps({"rules": [{"text": f"So: {POLICY}"}], "greeting": "Have a nice day."}, indent=2)
    )
    given = ("--text", "form.json") if not settings else ()

    said = json.loads(run("why", "@latest", *given, "--json").stdout)["sentences"]

    assert [(one["field"], one["verdict"]) for one in said] == [
        ("/rules/0/text", "supported"),
        ("/greeting", "too short"),
    ]
    (support,) = said[0]["supports"]
    assert said[0]["text"][support["start"] : support["end"]] == POLICY
    screen = run("why", "@latest", *given).stdout
    assert "/rules/0/text" in screen
    page = run("why", "@latest", *given, "--format", "html").stdout
    assert "<b>/greeting</b>" in page
    Path("other.json").write_text('{"rules": []}')
    assert "is not what rec_" in run("why", "@latest", "--text", "other.json", code=1).stderr


@pytest.mark.parametrize("form", [lambda value: value, json.dumps, lambda value: [value["quote"], value["verdict"]]])
def test_a_field_that_is_a_source_says_nothing_of_the_others(run, home, form):
    provsdk.configure(capture_content="full")
    verdict = "The moon is made of cheese, as everybody here agrees."
    traced_output("form")(lambda: form({"quote": load(), "verdict": verdict}))()
    provsdk.shutdown()

    said = json.loads(run("why", "@latest", "--json").stdout)["sentences"]

    assert {one["text"]: one["verdict"] for one in said} == {POLICY: "supported", verdict: "unsupported"}


def test_an_output_that_is_a_source_as_a_whole_is_supported_in_each_field(run, home):
    @traced_source(name="form")
    def form():
        return {"rule": POLICY, "more": "And another rule of which nobody knows."}

    provsdk.configure(capture_content="full")
    traced_output("form")(form)()
    provsdk.shutdown()

    said = json.loads(run("why", "@latest", "--json").stdout)["sentences"]
    assert [one["verdict"] for one in said] == ["supported"] * 2


def test_an_answer_that_is_json_is_told_field_by_field_too(run, home):
    provsdk.configure(capture_content="full")
    traced_output("form")(lambda: json.dumps({"text": f"{load()}\nAnd more."}))()
    provsdk.shutdown()

    said = json.loads(run("why", "@latest", "--json").stdout)["sentences"]

    assert [(one["field"], one["verdict"], one["text"]) for one in said] == [
        ("/text", "supported", POLICY),
        ("/text", "too short", "And more."),
    ]


def test_what_has_no_text_is_told(run, made):
    provsdk.configure()
    traced_output("numbers")(lambda: [1, 2, 3])()
    provsdk.shutdown()
    Path("bad.txt").write_bytes(b"\xff")

    assert "give its value as JSON with --text FILE" in run("why", "@latest", code=3).stderr
    assert "not UTF-8 at byte 1" in run("why", "@latest", "--text", "bad.txt", code=3).stderr


def test_the_page_marks_each_sentence_and_holds_no_markup_of_the_text(run, made):
    made()

    page = run("why", "@latest", "--text", "answer.txt", "--format", "html").stdout

    assert page.startswith("<!doctype html>")
    assert '<span class="supported"' in page
    assert '<span class="unsupported"' in page
    assert "<mark>" in page
    assert "too-short" in page
    assert "&lt;policy&gt;" in page
    assert "<day>" not in page
    assert "<policy>" not in page


LONG = "Before it stand other words. " * 10 + POLICY + " <After it> stand more of them." * 10


@pytest.mark.parametrize(
    "loaded",
    [LONG, ["something else", LONG], {"page": {"text": LONG}}, [{"a.b": LONG}]],
    ids=["text", "list", "field", "a key with a dot"],
)
def test_the_page_shows_the_words_of_sources_that_were_kept_with_some_around_them(run, loaded):
    provsdk.configure(capture_content="full")
    fetch = traced_source(type="api", name="rules")(lambda: loaded)
    traced_output("answer")(lambda: ANSWER if fetch() else "")()
    provsdk.shutdown()

    page = run("why", "@latest", "--format", "html").stdout

    quoted = f"other words. <mark>{POLICY[:-1]}</mark>. &lt;After it&gt;"
    assert page.count(quoted) == (0 if "a.b" in str(loaded) else 1)
    assert page.count("<blockquote>… ") == page.count(" …</blockquote>") == page.count(quoted)


def test_the_page_shows_no_words_of_sources_that_were_not_kept(run, made):
    made()

    page = run("why", "@latest", "--text", "answer.txt", "--format", "html").stdout

    assert "<blockquote>" not in page
    assert f"<mark>{POLICY}</mark>" in page


def test_each_field_of_a_source_quotes_itself_only(run):
    second = "The office is open from nine to five on all days but Sundays."
    provsdk.configure(capture_content="full")
    fetch = traced_source(type="api", name="faq")(lambda: {"a": POLICY, "b": second})
    traced_output("answer")(lambda: f"So: {fetch()['a']} And: {fetch()['b']}")()
    provsdk.shutdown()

    page = run("why", "@latest", "--format", "html").stdout

    items = [item for item in page.split("<li")[1:] if "<blockquote>" in item]
    assert [(item.count("<blockquote>"), "Refunds" in item, "The office" in item) for item in items] in (
        [(1, True, False), (1, False, True)],
        [(1, False, True), (1, True, False)],
    )
