"""Whether content is kept: as configured, as the output says, as the source says."""

import json
from dataclasses import dataclass

import pytest
from openai.types.chat import ChatCompletion
from recorded import ANSWER, CHAT

from provsdk import declare_source, traced_output, traced_source
from provsdk.errors import UsageError

QUESTION = "a question that is long enough to be told apart"
PAGE = "a page of the handbook that is long enough to be told apart"


def contents(kept, name=None):
    """The texts that were kept, of the record that ended last."""
    found = [content for one in kept.facts[-1]["spans"].values() for content in one.get("content", ())]
    return sorted(data.decode() for _, _, data in found)


def run(output=None, source=None):
    @traced_source("page", capture_content=source)
    def page():
        return PAGE

    @traced_output("out", capture_content=output)
    def answer(question):
        page()
        return "answer"

    answer(QUESTION)


@pytest.mark.parametrize(
    ("configured", "output", "source", "kept_contents"),
    [
        ("none", None, None, []),
        ("none", "full", None, [PAGE, QUESTION, "answer"]),
        ("none", None, "full", [PAGE]),
        ("none", "full", "none", [QUESTION, "answer"]),
        ("full", None, None, [PAGE, QUESTION, "answer"]),
        ("full", "none", None, []),
        ("full", "none", "full", [PAGE]),
        ("full", None, "none", [QUESTION, "answer"]),
    ],
)
def test_the_source_goes_before_the_output_and_that_before_the_configuration(
    plug, kept, configured, output, source, kept_contents
):
    plug(capture_content=configured)

    run(output, source)

    assert contents(kept) == sorted(kept_contents)


def test_it_is_no_fact_of_the_span(plug, kept):
    run("full", "full")

    assert "capture_content" not in json.dumps([dict(span.attributes) for span in kept.spans])
    assert "capture_content" not in str(kept.facts)


def test_a_rule_of_the_arguments_may_say_it(plug, kept):
    @traced_output("out", capture_content=lambda question: "full" if "told" in question else "none")
    def answer(question):
        return "answer"

    answer(QUESTION)
    assert contents(kept) == [QUESTION, "answer"]
    answer("short")
    assert contents(kept) == []


def test_it_holds_for_streams(plug, kept):
    @traced_output("out", capture_content="full")
    def answer(question):
        yield "an "
        yield "answer"

    assert list(answer(QUESTION)) == ["an ", "answer"]
    assert contents(kept) == [QUESTION, "an answer"]


def test_a_source_that_is_declared_may_say_it(plug, kept):
    @traced_output("out")
    def answer():
        declare_source(PAGE, capture_content="full")

    answer()

    assert contents(kept) == [PAGE]


def test_it_is_fixed_when_the_call_starts(plug, kept):
    with pytest.raises(UsageError, match="capture_content: is fixed when the call starts"):
        traced_output("out", capture_content=lambda result: "full")(lambda: None)
    with traced_output("block") as out:
        out.set(capture_content="full")
        out.use(QUESTION)

    assert kept.said("block")["missing"] == [["invalid_fact", "capture_content"]]
    assert contents(kept) == []


def test_a_nested_output_says_it_for_itself(plug, kept):
    inner = traced_output("inner")(lambda: PAGE)
    traced_output("outer", capture_content="full")(lambda: inner() + "!")()

    assert contents(kept) == [PAGE + "!"]
    assert not any("content" in one for one in kept.facts[0]["spans"].values())


@pytest.mark.parametrize("traced", [traced_output, traced_source])
def test_redacted_waits_for_a_redactor(traced):
    with pytest.raises(UsageError, match=r"'redacted' needs a redactor.*allowed: none, full"):
        traced("name", capture_content="redacted")(lambda: None)


@dataclass
class Page:
    """An object with fields."""

    title: str
    passages: list


def test_an_object_with_fields_is_kept_as_json_of_its_fields(plug, kept):
    response = ChatCompletion.model_validate(CHAT)
    made = {"page": Page(PAGE, [("a", 1)]), "response": response}

    traced_output("out", capture_content="full")(lambda: made)()

    (text,) = contents(kept)
    assert json.loads(text)["page"] == {"title": PAGE, "passages": [["a", 1]]}
    assert json.loads(text)["response"]["choices"][0]["message"]["content"] == ANSWER
    assert "missing" not in kept.said("out")


@pytest.mark.parametrize("value", [{"a": object()}, [{1, 2}], Page(PAGE, [object()])])
def test_what_json_has_no_form_for_is_not_kept_and_that_is_named(plug, kept, value):
    traced_output("out", capture_content="full")(lambda: value)()

    assert contents(kept) == []
    assert ["content_not_kept", "entities[0]"] in kept.said("out")["missing"]


def test_what_is_too_large_for_a_digest_is_not_kept_either(plug, kept):
    plug(capture_content="full", max_value_bytes=100)
    traced_output("out")(lambda: [PAGE] * 3)()

    assert contents(kept) == []
    assert ["content_not_kept", "entities[0]"] in kept.said("out")["missing"]


def test_other_words_are_refused():
    with pytest.raises(UsageError, match="capture_content of an output: wants none or full, got str"):
        traced_output("name", capture_content="some")(lambda: None)
