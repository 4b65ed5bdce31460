"""Which value came from which: identity, digest, containers looked into; and what links nothing."""

import contextvars
import json
import sys
import weakref

import pydantic
import pytest
from opentelemetry import context as otel_context
from opentelemetry.trace import NonRecordingSpan, SpanContext, set_span_in_context

from provsdk import semconv, traced_model_call, traced_output, traced_source, traced_transform
from provsdk.capture import _flow

LONG = "a sentence that is long enough to link something"
PASSAGES = [f"passage number {n}: " + LONG for n in range(20)]


@traced_source("load", type="file")
def load():
    return [str(passage) + "." for passage in PASSAGES]


def test_a_filter_that_keeps_three_of_twenty_hands_on_three_known_entities(plug, kept):
    @traced_transform("keep", type="filter")
    def keep(passages):
        return passages[2:5]

    @traced_output("out")
    def answer():
        return keep(load())[0]

    answer()
    said = kept.said("keep")
    assert said["used"] == [[kept.id_of("load"), "identity"]]
    assert said["derived"] == [[0, kept.id_of("load", n), "identity"] for n in (3, 4, 5)]
    assert kept.said("out")["derived"] == [["out", kept.id_of("load", 3), "identity"]]


def test_a_result_that_is_an_argument_is_that_same_entity(plug, kept):
    @traced_transform("same")
    def same(text):
        return text

    @traced_output("out")
    def answer():
        return same(load()[0])

    answer()
    assert "entities" not in kept.said("same")
    assert kept.said("same")["returned"] == [kept.id_of("load", 1)]


def test_equal_content_in_another_object_is_linked_by_digest(plug, kept):
    @traced_output("out")
    def answer():
        return "".join(list(load()[0]))

    answer()
    assert kept.said("out")["derived"] == [["out", kept.id_of("load", 1), "digest"]]


def test_an_f_string_is_not_derived_from_what_it_quotes_yet(plug, kept):
    @traced_model_call("chat")
    def chat(prompt):
        return "reply to " + prompt

    @traced_output("out")
    def answer():
        return chat(f"Read: {load()[0]}")

    answer()
    assert "derived" not in kept.said("chat")
    assert kept.said("out")["derived"] == [["out", kept.id_of("chat"), "identity"]]


def test_containers_are_looked_into_messages_too(plug, kept):
    @traced_model_call("chat")
    def chat(messages):
        return {"choices": [{"message": {"content": "the reply, long enough to be linked"}}]}

    @traced_output("out")
    def answer():
        passage = load()[0]
        reply = chat([{"role": "user", "content": passage}])
        return reply["choices"][0]["message"]["content"]

    answer()
    said = kept.said("chat")
    assert [1, kept.id_of("load", 1), "identity"] in said["derived"]
    names = next(local["names"] for local in kept.facts[0]["spans"].values() if "choices" in str(local.get("names")))
    element = next(n for n, name in names.items() if name == "choices.0.message.content")
    assert kept.said("out")["derived"] == [["out", kept.id_of("chat", element), "identity"]]


def test_a_list_that_changed_is_a_new_version_of_itself(plug, kept):
    @traced_transform("first")
    def first(passages):
        return len(passages)

    @traced_transform("second")
    def second(passages):
        return len(passages)

    @traced_output("out")
    def answer():
        passages = load()
        first(passages)
        passages.append("one more that was not loaded but written here")
        second(passages)

    answer()
    assert kept.said("first")["used"] == [[kept.id_of("load"), "identity"]]
    assert kept.said("second")["used"] == [[1, "identity"]]
    assert [1, kept.id_of("load"), "identity"] in kept.said("second")["derived"]


def test_shared_and_small_values_link_nothing(plug, kept):
    @traced_source("flags")
    def flags():
        return ["yes", 7, None, True, (), ""]

    @traced_transform("use")
    def use(*values):
        return "".join(map(str, values))

    @traced_output("out")
    def answer():
        return use(*flags())

    answer()
    assert "used" not in kept.said("use")


def test_a_nested_output_stands_in_the_outer_one_as_an_entity(plug, kept):
    @traced_output("inner")
    def inner(passage):
        return "summary of " + passage

    @traced_output("outer")
    def outer():
        return inner(load()[0])

    outer()
    context = kept.span("inner").context
    inner_id = f"out_{context.trace_id:032x}-{context.span_id:016x}"
    said = kept.said("outer")
    assert said["nested"] == [inner_id]
    assert said["derived"] == [[inner_id, kept.id_of("load", 1), "identity"], ["out", inner_id, "identity"]]
    assert kept.span("inner").attributes[semconv.RECORD_ID] != kept.span("outer").attributes[semconv.RECORD_ID]
    assert len(kept.facts) == 2


def test_spans_carry_no_content_and_no_plain_digest(plug, kept):
    @traced_output("out")
    def answer(question):
        return load()[0] + question

    answer("who reads this, and when, and why at all?")
    everything = json.dumps([dict(span.attributes) for span in kept.spans])
    assert "passage number" not in everything
    assert "who reads" not in everything
    assert '"sha256:' not in everything


def test_facts_that_are_too_long_go_into_numbered_child_spans(plug, kept):
    @traced_source("many")
    def many():
        return [f"{n}: {LONG}" for n in range(600)]

    @traced_output("out")
    def answer():
        return many()[5]

    answer()
    span = kept.span("many")
    pieces = sorted(
        (one for one in kept.spans if one.name == semconv.FACTS_SPAN),
        key=lambda one: one.attributes[semconv.FACTS_PART],
    )
    assert span.attributes[semconv.FACTS_PARTS] == len(pieces) > 1
    said = json.loads("".join(piece.attributes[semconv.FACTS] for piece in pieces))
    assert len(said["entities"]) == 601
    assert all(len(piece.attributes[semconv.FACTS]) <= semconv.FACTS_LIMIT_BYTES for piece in pieces)


def test_what_has_no_digest_is_named_and_costs_nothing_else(plug, kept):
    loop = [LONG]
    loop.append(loop)

    @traced_output("out")
    def answer(values):
        return loop

    assert answer(loop) is loop
    reasons = {reason for reason, _ in kept.said("out")["missing"]}
    assert reasons == {"value_not_digestible"}


def test_work_that_ends_after_its_output_is_late(plug, kept):
    held = []

    @traced_source("later")
    def later():
        return LONG

    @traced_output("out")
    def answer():
        held.append(contextvars.copy_context())
        return LONG

    answer()
    held[0].run(later)
    assert [facts["record_id"] for facts in kept.late_facts] == [kept.span("out").attributes[semconv.RECORD_ID]]


def test_content_is_kept_at_home_when_asked_for(plug, kept):
    plug(capture_content="full")

    @traced_output("out")
    def answer(question):
        return {"text": question}

    answer(LONG)
    content = next(iter(kept.facts[0]["spans"].values()))["content"]
    assert (1, "text/plain", LONG.encode()) in content
    assert any(json.loads(data) == {"text": LONG} for _, media, data in content if media == "application/json")
    assert LONG not in json.dumps([dict(span.attributes) for span in kept.spans])


def test_small_containers_link_by_identity_only(plug, kept):
    @traced_source("tags")
    def tags():
        return ["yes"]

    @traced_output("out")
    def answer():
        tags()
        return ["yes"].copy()

    answer()
    assert "derived" not in kept.said("out")


def test_keys_of_a_mapping_do_not_reach_a_span(plug, kept):
    @traced_source("rows")
    def rows():
        return {"john@example.org": LONG, "name": LONG + "!"}

    @traced_output("out")
    def answer():
        rows()

    answer()
    assert [one.get("name") for one in kept.said("rows")["entities"]] == [None, "*", "*"]
    (local,) = [one["names"] for one in kept.facts[0]["spans"].values() if "names" in one]
    assert local == {1: "john@example.org", 2: "name"}


def test_elements_of_an_argument_are_known_from_then_on(plug, kept):
    @traced_transform("first")
    def first(passages):
        return passages[0]

    @traced_output("out")
    def answer(passages):
        return first(passages)

    answer(list(PASSAGES))
    context = kept.span("out").context
    mine = f"ent_{context.trace_id:032x}-{context.span_id:016x}-"
    assert kept.said("first")["returned"] == [mine + "2"]
    assert kept.said("out")["derived"][-1] == ["out", mine + "2", "identity"]


def test_a_bound_that_was_reached_is_named(plug, kept, monkeypatch):
    monkeypatch.setattr("provsdk.capture._flow.MAX_LOOKS", 5)

    @traced_output("out")
    def answer():
        return load()[19]

    answer()
    assert kept.said("out")["missing"] == [["bound_reached", "values of the scope"]]


def test_an_output_names_the_calls_within_it_whether_they_have_ended_or_not(plug, kept):
    open_block = traced_source("endless")

    @traced_output("out")
    def answer():
        open_block.__enter__()
        load()
        return LONG

    def untidily():
        answer()
        open_block.__exit__(None, None, None)

    contextvars.copy_context().run(untidily)
    assert kept.said("out")["calls"] == [kept.id_of(name)[37:53] for name in ("endless", "load")]
    assert len(kept.late_facts) == 1


def test_a_call_in_another_trace_is_named_with_its_trace(plug, kept):
    @traced_output("out")
    def answer():
        context = set_span_in_context(NonRecordingSpan(SpanContext(7, 8, is_remote=False)))
        token = otel_context.attach(context)
        try:
            return load()[0]
        finally:
            otel_context.detach(token)

    answer()
    assert kept.said("out")["calls"] == [kept.id_of("load")[4:53]]


def test_a_constant_of_two_functions_links_neither_to_the_other(plug, kept):
    @traced_transform("first")
    def first(text):
        return "No relevant passages were found in the index."

    @traced_transform("second")
    def second(text):
        return "No relevant passages were found in the index."

    @traced_output("out")
    def answer(question):
        first(question + " one")
        return second(question + " two")

    answer(LONG)
    assert kept.said("out")["derived"] == [["out", kept.id_of("second"), "identity"]]
    assert "derived" not in kept.said("second")
    assert "returned" not in kept.said("second")


def test_a_model_that_repeats_itself_is_linked_to_the_call_that_was_made(plug, kept):
    calls = iter(range(9))

    @traced_model_call(name=lambda n: f"llm-{n}")
    def llm(messages, n, rest="at length"):
        return {"text": f"the very same answer as before, {rest}"}

    @traced_output("out")
    def agent(question):
        messages = [question]
        for n in calls:
            reply = llm(list(messages), n)["text"]
            messages += [reply, f"a tool's result {n}: {LONG}"]
            if n == 2:
                break
        return reply

    agent(LONG)
    said = kept.said("llm-2")
    element = next(one["n"] for one in said["entities"] if one.get("of") == 0)
    assert kept.said("out")["derived"] == [["out", kept.id_of("llm-2", element), "identity"]]
    assert not [one for one in said["derived"] if one[0] == 0]


def test_a_model_answer_that_equals_a_source_by_chance_is_not_taken_from_it(plug, kept):
    @traced_model_call("chat")
    def chat(prompt):
        return "".join(list(PASSAGES[0] + "."))

    @traced_output("out")
    def answer():
        load()
        return chat("something else entirely, and long enough")

    answer()
    assert "derived" not in kept.said("chat")


def test_what_an_inner_step_made_may_be_handed_on(plug, kept):
    @traced_transform("outer-step")
    def outer_step():
        return load()[1]

    @traced_output("out")
    def answer():
        return outer_step()

    answer()
    assert kept.said("outer-step")["returned"] == [kept.id_of("load", 2)]


def test_traced_calls_that_nobody_told_whose_work_they_do_are_named(plug, kept):
    import threading

    @traced_output("out")
    def answer():
        thread = threading.Thread(target=load)
        thread.start()
        thread.join()
        return LONG

    answer()
    assert kept.said("out")["missing"] == [["span_missing", "1 traced calls ran meanwhile outside any output"]]


def test_settings_stay_in_the_process(plug, kept):
    @traced_source(
        "load", parameters={"query": "somebody's illness"}, location="https://u:pw@h.example/p?id=4&token=SECRET"
    )
    def query():
        return LONG

    @traced_output("out")
    def answer():
        return query()

    answer()
    assert kept.said("load")["declared"] == {"location": "https://h.example/p?id=4&token=…"}
    assert {"parameters": {"query": "somebody's illness"}} in [
        one["declared"] for one in kept.facts[0]["spans"].values() if "declared" in one
    ]


def test_what_is_said_after_the_block_is_told_and_changes_nothing(plug, kept, caplog):
    with traced_output("out") as out:
        out.set_result(LONG)
    assert out.add_source("late", value=LONG) is LONG
    out.set(session="s")
    assert out.set_result("another") == "another"
    assert "add a source after the block had ended ('out')" in caplog.text
    assert "set the result after the block had ended ('out')" in caplog.text
    assert [span.name for span in kept.spans] == ["out"]


def test_configured_classification_travels_with_the_span(plug, kept):
    plug(defaults={"classification": "confidential"})

    @traced_output("out")
    def answer():
        return LONG

    answer()
    assert kept.said("out")["defaults"] == {"classification": "confidential"}


def test_keywords_that_the_code_does_not_name_do_not_reach_a_span(plug, kept):
    @traced_transform("step")
    def step(text, **more):
        return text

    @traced_output("out")
    def answer():
        step(text=LONG, cousin_walburga=LONG + "!", seed=[LONG + "?"])

    answer()
    assert [one["name"] for one in kept.said("step")["entities"] if one["role"] == "argument"] == ["text", "*", "seed"]
    (names,) = [one["names"] for one in kept.facts[0]["spans"].values() if "names" in one]
    assert names == {2: "cousin_walburga"}


def test_what_a_model_took_beyond_its_fields_has_no_name_on_a_span(plug, kept):
    class Form(pydantic.BaseModel, extra="allow"):
        text: str

    @traced_output("out")
    def answer(form):
        return LONG

    answer(Form(text=LONG, oswald=LONG + "!"))
    names = [one["name"] for one in kept.said("out")["entities"] if one["role"] == "element"]
    assert names == ["text", "*"]


def test_an_output_says_that_it_was_given_what_was_loaded_outside_any_output(plug, kept):
    """As where a web framework loads first, and hands what it has to the generator that it streams."""

    @traced_output("out")
    def answer(pages):
        return pages[0] + "!"

    answer(load())
    assert kept.missing() == [
        ("span_missing", "the source 'load' ran outside any output, and what it made was used here")
    ]


@pytest.mark.parametrize("form", [lambda text: text, lambda text: {"text": text}, lambda text: [text]])
def test_so_it_does_of_one_of_the_many_sources_of_a_load(plug, kept, form):
    pages = traced_source("pages", each=True, name=lambda item: "page")(lambda: [form(f"{LONG} {n}") for n in range(3)])
    streamed = traced_source("streamed", each=True)(lambda: (form(f"{LONG} streamed {n}") for n in range(3)))

    for page in (*pages(), *streamed()):
        traced_output("out")(lambda given: "an answer")(page)

    facts = [json.loads(span.attributes[semconv.FACTS]) for span in kept.spans if span.name == "out"]
    said = {detail for each in facts for _, detail in each["missing"]}
    assert said == {
        f"the source {name!r} ran outside any output, and what it made was used here" for name in ("pages", "streamed")
    }


def test_so_it_does_of_one_part_and_of_what_reaches_a_step(plug, kept):
    @traced_transform("join")
    def join(pages):
        return " ".join(pages)

    @traced_output("out")
    def answer():
        return join([page])

    page = load()[3]
    answer()
    assert [reason for reason, _ in kept.missing()] == []
    assert kept.said("join")["missing"] == [
        ["span_missing", "the source 'load' ran outside any output, and what it made was used here"]
    ]


def test_what_was_loaded_within_the_output_too_is_known(plug, kept):
    @traced_output("out")
    def answer():
        pages = load()
        return keep(pages)[0]

    @traced_transform("keep")
    def keep(pages):
        return pages[:1]

    load()
    answer()
    assert kept.missing() == []
    assert "missing" not in kept.said("keep")


def test_what_was_made_under_another_configuration_is_nobodys(plug, kept):
    @traced_output("out")
    def answer(pages):
        return pages[0] + "!"

    pages = load()
    plug()
    answer(pages)
    assert kept.missing() == []


def test_of_what_was_made_outside_the_newest_is_remembered(plug, kept, monkeypatch):
    monkeypatch.setattr("provsdk.capture._outside.MAX_VALUES", 5)

    @traced_output("out")
    def answer(page):
        return page + "!"

    pages = load()
    answer(pages[-1])
    answer(pages[0])
    assert [len(kept.missing(n)) for n in range(2)] == [1, 0]


# -- what is held alive


class Connection:
    """Holds more than anybody sees."""


@pytest.mark.parametrize("kind", [traced_source, traced_transform])
def test_what_has_no_digest_is_let_go_of_by_whoever_made_it(plug, kept, kind):
    gone = []
    opened = kind("open")(lambda: Connection())  # noqa: PLW0108 a class would have its methods traced

    @traced_output("out")
    def out():
        for n in range(3):
            weakref.finalize(opened(), gone.append, n)
            assert gone == list(range(n + 1))
        return LONG

    assert out() == LONG


def test_it_is_known_by_identity_as_long_as_somebody_has_it(plug, kept):
    connect = traced_source("connect")(lambda: Connection())  # noqa: PLW0108 as above

    @traced_transform("use")
    def use(connection):
        return LONG

    @traced_output("out")
    def out():
        return use(connect())

    out()
    assert [kept.id_of("connect"), "identity"] in kept.said("use")["used"]


def test_large_values_are_held_up_to_a_bound_and_known_by_content_beyond(plug, kept, monkeypatch):
    monkeypatch.setattr(_flow, "MAX_HELD", 300_000)
    load = traced_source("load")(lambda n: f"{n}" * 100_000)
    alive = []

    @traced_transform("use")
    def use(text):
        return len(text)

    @traced_output("out")
    def out():
        for n in range(6):
            text = load(n)
            use(text)
            alive.append(sys.getrefcount(text))
        return LONG

    out()
    assert [count > alive[-1] for count in alive] == [True] * 3 + [False] * 3
    used = [json.loads(span.attributes[semconv.FACTS])["used"][0][1] for span in kept.spans if span.name == "use"]
    assert used == ["identity"] * 3 + ["digest"] * 3
