"""The five decorators: with and without parentheses, as blocks, for functions and methods, sync and async."""

import asyncio
import contextvars
import inspect
import json

import pytest

from provsdk import (
    declare_source,
    derive,
    semconv,
    traced_check,
    traced_model_call,
    traced_output,
    traced_source,
    traced_transform,
)
from provsdk.capture import ports
from provsdk.errors import UnsupportedCallable, UsageError

ALL = [traced_output, traced_source, traced_transform, traced_model_call, traced_check]
LONG = "a sentence that is long enough to link something"


@pytest.mark.parametrize("traced", ALL)
def test_without_parentheses_the_function_names_the_activity(plug, kept, traced):
    @traced
    def answer():
        return LONG

    assert answer() == LONG
    assert kept.spans[0].name.endswith("answer")


@pytest.mark.parametrize("name", [lambda path: f"read {path}", lambda result: f"read {result}"])
def test_half_a_character_in_a_name_does_not_reach_the_span(plug, kept, name):
    """An exporter that cannot encode one span drops all that are in its batch."""

    @traced_output(name=name)
    def read(path):
        return path

    read("caf\udce9 \N{COFFIN}")
    span = kept.span("read caf\ufffd \N{COFFIN}")
    assert kept.said(span.name)["missing"] == [["name_changed", "name"]]


@pytest.mark.parametrize("traced", ALL)
def test_with_parentheses_the_first_argument_names_it(plug, kept, traced):
    @traced("given")
    def answer():
        return LONG

    assert answer() == LONG
    assert [span.name for span in kept.spans] == ["given"]


def test_what_an_output_does_where_its_record_is_not_durable_is_told_to_the_durable_port_and_to_no_span(plug, kept):
    @traced_output("careful", on_unavailable=lambda question: "block" if question else "proceed")
    def careful(question):
        return LONG

    careful("a question")
    (facts,) = kept.facts
    (said,) = facts["spans"].values()
    assert said["declared"] == {"on_unavailable": "block"}
    assert "on_unavailable" not in json.dumps(kept.said("careful"))


@pytest.mark.parametrize("traced", ALL)
async def test_coroutine_functions_stay_coroutine_functions(plug, kept, traced):
    @traced("given")
    async def answer(question):
        await asyncio.sleep(0)
        return question

    assert inspect.iscoroutinefunction(answer)
    assert await answer(LONG) == LONG
    assert [span.name for span in kept.spans] == ["given"]


@pytest.mark.parametrize("traced", ALL)
def test_a_with_block_is_an_activity(plug, kept, traced):
    with traced("block") as handle:
        assert handle.set_result(LONG) is LONG
    assert [span.name for span in kept.spans] == ["block"]


@pytest.mark.parametrize("traced", ALL)
async def test_an_async_with_block_is_an_activity(plug, kept, traced):
    async with traced("block") as handle:
        await asyncio.sleep(0)
        handle.set_result(LONG)
    assert [span.name for span in kept.spans] == ["block"]


def test_methods_class_methods_and_static_methods_are_traced_without_self(plug, kept):
    class Desk:
        @traced_output
        def plain(self, question):
            return self, question

        @traced_output("class")
        @classmethod
        def of_class(cls, question):
            return cls, question

        @traced_output("static")
        @staticmethod
        def of_static(question):
            return question

        @classmethod
        @traced_output("below")
        def below(cls, question):
            return cls, question

        @traced_output("async")
        async def later(self, question):
            return self, question

    desk = Desk()
    assert desk.plain(LONG) == (desk, LONG)
    assert desk.of_class(LONG) == (Desk, LONG)
    assert Desk.of_static(LONG) == LONG
    assert Desk.below(LONG) == (Desk, LONG)
    assert asyncio.run(desk.later(LONG)) == (desk, LONG)
    assert Desk.plain(desk, LONG) == (desk, LONG)
    for name in ("class", "static", "below", "async"):
        assert [one["name"] for one in kept.said(name)["entities"] if one["role"] == "argument"] == ["question"]


def test_not_configured_everything_passes_through(monkeypatch):
    monkeypatch.delenv("PROVSDK_STORE")
    ports.unplug()

    @traced_output
    def answer(question):
        return declare_source(question, type="user_input")

    question = object()
    assert answer(question) is question
    with traced_output("block") as out:
        assert out.record_id is None
        assert out.add_source("handbook", value=question) is question
        out.set(session="s")
        assert out.set_result(question) is question


def test_a_check_cannot_be_a_generator_for_it_answers_once():
    def chunks():
        yield True

    async def later():
        yield True

    for function in (chunks, later):
        with pytest.raises(UnsupportedCallable, match="a check answers once"):
            traced_check(function)


@pytest.mark.parametrize("traced", ALL)
def test_what_cannot_be_called_is_refused(traced):
    with pytest.raises(UnsupportedCallable, match="int: cannot be called"):
        traced("seven")(7)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"colour": "red"}, "colour: no such fact of an output; allowed: capture_content, classification, on_"),
        ({"classification": "secretish"}, "classification of an output: .*confidential"),
        ({"retention": -3}, "retention"),
        ({"on_unavailable": "wait"}, "on_unavailable of an output: wants 'proceed' or 'block', got str"),
        ({"subjects": 3}, "subjects of an output: wants a str or several of them, got int"),
        ({"session": lambda other: other}, "'other'.*there is: question, result"),
        ({"tenant": lambda result: result}, "fixed when the call starts"),
    ],
)
def test_a_wrong_fact_is_refused_when_the_decorator_is_applied(facts, message):
    with pytest.raises(UsageError, match=message):

        @traced_output("x", **facts)
        def answer(question):
            return question


def test_facts_may_be_functions_of_arguments_and_result(plug, kept):
    @traced_output(
        name=lambda question: f"about-{len(question)}",
        tenant=lambda kind: kind,
        session=lambda result: result[:4],
        subjects=lambda question, result: [question[:2], result[:3]],
        recipients=["ana"],
        purpose="support",
    )
    def answer(question, kind="acme"):
        return "done " + question

    answer("what")
    assert kept.said("about-4")["declared"] == {"tenant": "acme"}
    local = next(iter(kept.facts[0]["spans"].values()))["declared"]
    assert local == {"session": "done", "subjects": ["wh", "don"], "recipients": ["ana"], "purpose": "support"}


def test_a_fact_function_that_raises_is_a_missing_fact_and_no_error(plug, kept):
    @traced_source("handbook", version=lambda result: result.etag)
    def load():
        return LONG

    @traced_output("out")
    def answer():
        return load()

    assert answer() == LONG
    assert kept.said("handbook")["missing"] == [["invalid_fact", "version"]]


def test_each_makes_every_item_a_source_of_its_own(plug, kept):
    @traced_source(
        "pages",
        type="file",
        each=True,
        name=lambda item: item["title"],
        location=lambda item, root: root + item["title"],
    )
    def load(root):
        return [{"title": "a", "text": LONG}, {"title": "b", "text": LONG * 2}]

    @traced_output("out")
    def answer():
        return load("/docs/")

    answer()
    said = next(facts for facts in map(kept.said, {span.name for span in kept.spans}) if facts.get("each"))
    assert said["items"] == [
        {"n": 0, "location": "/docs/a", "name": "a"},
        {"n": said["items"][1]["n"], "location": "/docs/b", "name": "b"},
    ]


@pytest.mark.parametrize(
    ("returned", "result", "reasons"),
    [
        (True, "pass", None),
        (False, "fail", None),
        ("waived", "waived", None),
        ((False, ["too long"]), "fail", ["too long"]),
        ({"passed": True}, "pass", None),
        ({"result": "fail", "reasons": "pii"}, "fail", ["pii"]),
    ],
)
def test_what_a_check_returns_is_its_verdict_and_nothing_is_withheld(plug, kept, returned, result, reasons):
    @traced_check("policy", type="pii_scan")
    def check(text):
        return returned

    @traced_output("out")
    def answer():
        return check(LONG)

    assert answer() == returned
    said = kept.said("policy")
    assert (said["type"], said["declared"]["result"]) == ("pii_scan", result)
    local = [one["declared"] for one in kept.facts[0]["spans"].values() if "declared" in one]
    assert [one["reasons"] for one in local if "reasons" in one] == ([reasons] if reasons else [])


def test_a_check_without_a_verdict_is_skipped_and_one_that_raises_is_an_error(plug, kept):
    @traced_check("silent")
    def silent():
        return None

    @traced_check("broken")
    def broken():
        raise ValueError("secret")

    @traced_output("out")
    def answer():
        silent()
        broken()

    with pytest.raises(ValueError, match="secret"):
        answer()
    assert kept.said("silent")["declared"]["result"] == "skipped"
    assert kept.said("silent")["missing"] == [["invalid_fact", "result"]]
    assert kept.said("broken")["declared"]["result"] == "error"
    assert kept.said("out")["error"] == "builtins.ValueError"
    assert "secret" not in str([span.attributes for span in kept.spans]) + str(kept.facts)


def test_a_failure_is_raised_as_it_is_and_recorded_by_its_class(plug, kept):
    error = KeyError("who")

    @traced_output("out")
    def answer():
        raise error

    with pytest.raises(KeyError) as raised:
        answer()
    assert raised.value is error
    assert kept.said("out")["status"] == "failed"
    assert len(kept.facts) == 1


async def test_a_cancelled_call_is_cancelled_not_failed(plug, kept):
    @traced_output("out")
    async def answer():
        await asyncio.sleep(60)

    task = asyncio.create_task(answer())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert kept.said("out")["status"] == "cancelled"


async def test_concurrent_tasks_do_not_mix(plug, kept):
    @traced_source("load")
    async def load(n):
        await asyncio.sleep(0.001 * (3 - n))
        return LONG + str(n)

    @traced_output(name=lambda n: f"out-{n}")
    async def answer(n):
        return await load(n)

    assert await asyncio.gather(*(answer(n) for n in range(3))) == [LONG + str(n) for n in range(3)]
    for n in range(3):
        span = kept.span(f"out-{n}")
        mine = [one for one in kept.spans if one.attributes[semconv.RECORD_ID] == span.attributes[semconv.RECORD_ID]]
        assert sorted(one.name for one in mine) == ["load", f"out-{n}"]


def test_one_block_object_may_be_entered_by_nested_code(plug, kept):
    block = traced_transform("step")
    with traced_output("out"), block as outer, block as inner:
        inner.set_result(LONG)
        outer.set_result(LONG + "!")
    assert [span.name for span in kept.spans] == ["step", "step", "out"]


def test_steps_said_by_hand_stand_in_the_record(plug, kept):
    with traced_output("out", owner="ana@example.org") as out:
        text = out.add_source("handbook", value=LONG, type="file", location="/h.pdf", version="3")
        prompt = out.add_transformation("prompt", used=[text], result="Read this: " + text, type="format")
        reply = out.add_model_call(
            "chat", prompt=prompt, response="The reply to it, at some length.", model="m", input_tokens=7
        )
        out.add_check("pii", result="pass", used=[reply], type="pii_scan", reasons=["nothing found"])
        out.set(session="s-1", classification="confidential")
        out.set_result(reply)
    assert kept.said("handbook")["by_hand"] is True
    assert kept.said("prompt")["used"] == [[kept.id_of("handbook"), "identity"]]
    assert kept.said("chat")["used"] == [[kept.id_of("prompt"), "identity"]]
    assert kept.said("pii")["used"] == [[kept.id_of("chat"), "identity"]]
    assert kept.said("out")["derived"] == [["out", kept.id_of("chat"), "identity"]]
    assert kept.said("out")["declared"]["classification"] == "confidential"


def test_a_step_said_of_one_output_stands_in_its_record_whatever_is_current(plug, kept):
    with traced_output("outer") as outer, traced_output("inner"):
        outer.add_source("of the outer", value=LONG)
    with traced_output("other") as other:
        nobody = contextvars.Context()
        nobody.run(other.add_source, "of the other", LONG)

    for step, output in (("of the outer", "outer"), ("of the other", "other")):
        assert kept.span(step).attributes[semconv.RECORD_ID] == kept.span(output).attributes[semconv.RECORD_ID]
        assert kept.span(step).parent == kept.span(output).context
    assert [name for name, _ in kept.missing(0) + kept.missing(1) + kept.missing(2)] == []


def test_a_wrong_fact_said_by_hand_is_noted_and_the_code_goes_on(plug, kept):
    with traced_output("out") as out:
        out.set(classification="bogus", colour="red", tenant="late")
        out.add_source("x", value=LONG, type="no-such-type")
    assert kept.said("out")["missing"] == [
        ["invalid_fact", "classification"],
        ["invalid_fact", "colour"],
        ["invalid_fact", "tenant"],
    ]
    assert kept.said("x")["missing"] == [["invalid_fact", "type"]]


def test_a_declared_source_is_a_source_of_the_output_around_it(plug, kept):
    @traced_output("out")
    def answer(question):
        return declare_source(question, name="question", type="user_input")

    answer(LONG)
    assert kept.said("question")["type"] == "user_input"
    assert kept.said("out")["derived"] == [["out", kept.id_of("question"), "identity"]]


def test_a_rule_may_read_the_verdict_from_what_the_check_returned(plug, kept):
    @traced_check("toxicity", result=lambda result: result["score"] < 0.5, reasons=lambda result: [result["why"]])
    def check(text):
        return {"score": 0.7, "why": "rude"}

    @traced_output("out")
    def answer():
        return check(LONG)

    answer()
    assert kept.said("toxicity")["declared"]["result"] == "fail"


def test_what_a_value_is_said_to_come_from_is_declared(plug, kept):
    @traced_source("handbook")
    def handbook():
        return [LONG, LONG + " too", LONG + " and this"]

    @traced_output("out")
    def answer():
        pages = handbook()
        return derive("as a cache had it: " + LONG, from_=pages[:2], name="cache", version="3")

    assert answer() == "as a cache had it: " + LONG
    said = kept.said("cache")
    assert said["derived"] == [[kept.id_of("cache"), kept.id_of("handbook", n), "explicit"] for n in (1, 2)]
    assert (said["by_hand"], said["declared"], said["type"]) == (True, {"version": "3"}, "derive")
    assert kept.said("out")["derived"] == [["out", kept.id_of("cache"), "identity"]]


def test_a_known_value_may_be_said_to_come_from_others(plug, kept):
    with traced_output("out") as out:
        page = out.add_source("handbook", LONG)
        answer = out.add_model_call("chat", response=LONG + ", it said")
        assert derive(answer, from_=[page, answer]) is answer
        out.set_result(answer)
    said = kept.said("derive")
    assert said["derived"] == [[kept.id_of("chat"), kept.id_of("handbook"), "explicit"]]
    assert "missing" not in said


def test_a_cause_that_was_never_seen_is_a_value_of_the_step(plug, kept):
    with traced_output("out"):
        derive(LONG + " made", from_=[LONG])
    said = kept.said("derive")
    assert said["derived"] == [[kept.id_of("derive"), kept.id_of("derive", 1), "explicit"]]


def test_a_cause_that_cannot_be_told_from_others_is_said_to_be_missing(plug, kept):
    with traced_output("out"):
        assert derive(0.87, from_=[LONG, 3]) == 0.87
    said = kept.said("derive")
    assert said["derived"] == [[0, kept.id_of("derive", 1), "explicit"]]
    assert said["missing"] == [["invalid_fact", "from_: a value that cannot be told from others of its kind"]]


def test_a_text_is_one_cause(plug, kept):
    with traced_output("out"):
        derive(LONG + " made", from_=LONG)
    said = kept.said("derive")
    assert said["derived"] == [[kept.id_of("derive"), kept.id_of("derive", 1), "explicit"]]


def test_causes_that_cannot_be_read_are_missing_and_the_program_goes_on(plug, kept):
    with traced_output("out"):
        assert derive(LONG, from_=3) is LONG
    assert kept.said("derive")["missing"] == [["capture_failed", "what was said by hand"]]


def test_deriving_outside_any_output_or_unconfigured_hands_the_value_back(plug):
    value = [LONG]
    assert derive(value, from_=[LONG]) is value
    ports.unplug()
    assert derive(value, from_=[LONG]) is value
