"""Records join by content that one output came to and another one loaded, within a tenant, and by nothing else."""

import contextvars
import json

import pytest

import provsdk
from provsdk import traced_model_call, traced_output, traced_source, traced_transform
from provsdk.pipeline import running
from provsdk.questions import across
from provsdk.questions.across import downstream, upstream
from provsdk.questions.effects import effects
from provsdk.questions.links import best, reach
from provsdk.records.flow import Causes

POLICY = "Refunds are paid within 30 days of purchase, whatever the reason."


@traced_source(type="file", name="policy")
def load():
    return POLICY


@traced_output("summary")
def summarise():
    return "In short: " + load()


@traced_source(type="file", name="handed over")
def read(text):
    return text


@traced_output("mail")
def mail(text):
    return "Dear customer, " + read(text)


@pytest.fixture
def store():
    provsdk.configure(service="across")
    return running().store()


def record(store, name):
    return next(store.fold(one.record_id).record for one in store.summaries() if one.name == name)


def names(joined):
    return [one.output.name for one in joined.records]


def test_an_output_that_another_one_loads_is_found_as_its_source(store):
    mail(summarise())

    joined = upstream(store, record(store, "mail"))

    assert names(joined) == ["mail", "summary"]
    (join,) = joined.joins
    assert join == (
        record(store, "mail").sources[0].source_id,
        record(store, "summary").output.output_id,
        "wasDerivedFrom",
        "digest",
    )


def test_a_content_within_what_is_loaded_joins_too(store):
    @traced_source(type="api", name="service")
    def fetch(answer):
        return json.loads(json.dumps({"answer": answer, "took": 3}))

    @traced_output("page")
    def page(answer):
        return f"<p>{fetch(answer)['answer']}</p>"

    page(summarise())

    assert names(upstream(store, record(store, "page"))) == ["page", "summary"]
    assert names(downstream(store, [record(store, "summary")])) == ["summary", "page"]


ANSWER = "Refunds are paid within thirty days, and every customer gets one."
NOTICE = "This text was written by a program and may be wrong in places."


@traced_output("answer")
def answer(question, notice=NOTICE):
    return {"question": question, "answer": f"{question}: {ANSWER}", "notice": notice}


def joined_with(store, name, *others):
    """Whether the record goes back to these, and these lead to it, and nothing else does."""
    up = names(upstream(store, record(store, name)))
    down = [names(downstream(store, [record(store, other)])) for other in others]
    return up[1:] == list(others) and all(name in each for each in down)


@pytest.mark.parametrize(
    "written",
    [
        lambda value: value["answer"],
        lambda value: value["answer"] + "\n",
        lambda value: value["answer"].encode(),
        json.dumps,
        lambda value: json.dumps(value, indent=2).encode() + b"\n",
        lambda value: json.dumps(value["answer"]),
        lambda value: json.dumps({"id": 7, "body": {"text": value["answer"]}}),
        lambda value: json.dumps({"id": 7}) + "\n" + json.dumps(value) + "\n",
        lambda value: {"id": 7, "body": {"text": value["answer"]}},
    ],
    ids=["field", "line", "bytes", "json", "json file", "json text", "json within json", "json lines", "parsed"],
)
def test_a_field_of_an_output_is_found_however_it_was_written_down(store, written):
    loaded = written(json.loads(json.dumps(answer("May I have a refund?"))))
    fetch = traced_source(type="api", name="service")(lambda: loaded)
    provsdk.traced_output("mail")(lambda: f"Dear customer, {fetch()}")()

    assert joined_with(store, "mail", "answer")


def test_the_whole_text_is_found_where_a_program_printed_it(store):
    mail(summarise() + "\n")

    assert joined_with(store, "mail", "summary")


def test_what_other_outputs_hold_too_leads_only_to_the_one_whose_answer_was_loaded(store):
    first, second = answer("May I have a refund?"), provsdk.traced_output("other")(lambda: {"notice": NOTICE})()
    mail(json.dumps({"text": first["answer"], "notice": second["notice"]}))

    assert joined_with(store, "mail", "answer")


def test_what_many_outputs_hold_joins_nothing(store):
    for n in range(across.MAX_ALIKE + 1):
        answer(f"question {n}")
    mail(NOTICE)

    assert names(upstream(store, record(store, "mail"))) == ["mail"]
    assert names(downstream(store, [record(store, "answer")])) == ["answer"]


LETTERS = {
    "ana": "Ana asked for her data to be deleted from all of our systems in May.",
    "ben": "Ben wants all of his letters on paper from the next month onwards.",
}


@traced_output("batch")
def batch():
    ask = traced_model_call("summarise")(lambda prompt: f"In short: {prompt.partition(chr(10))[2]}")
    loads = {name: traced_source(type="file", name=name)(lambda text=text: text) for name, text in LETTERS.items()}
    return [{"id": name, "summary": ask(f"Summarise:\n{load()}")} for name, load in loads.items()]


@pytest.mark.parametrize(
    "loaded",
    [
        lambda made: made[1],
        lambda made: made[1]["summary"],
        lambda made: json.dumps(made[1]),
        lambda made: made,
        json.dumps,
    ],
    ids=["an item", "a field", "a line", "all of it", "all of it as text"],
)
@pytest.mark.parametrize("form", [lambda made: made, json.dumps], ids=["object", "JSON text"])
def test_what_uses_one_part_of_an_output_goes_back_to_what_that_part_came_from(store, loaded, form):
    text = provsdk.traced_output("batch")(lambda: form(batch.__wrapped__()))()
    given = loaded(json.loads(text) if isinstance(text, str) else json.loads(json.dumps(text)))
    fetch = traced_source(type="file", name="row")(lambda: given)

    def summary(value):
        value = json.loads(value) if isinstance(value, str) and value[0] in "[{" else value
        value = value[1] if isinstance(value, list) else value
        return value["summary"] if isinstance(value, dict) else value

    provsdk.traced_output("letter")(lambda: f"Dear Ben, {summary(fetch())}")()
    joined = upstream(store, record(store, "letter"))

    reached = reach(Causes(joined.arrows()), record(store, "letter").output.output_id)
    found = {one.name: best(reached, [one.source_id]).strength for one in record(store, "batch").sources}
    assert found["ben"] == "observed"
    assert found["ana"] not in {"observed", "declared"}


def test_short_fields_of_what_was_loaded_do_not_tell_which_part_of_an_output_they_are(store):
    tickets = {
        "5521": "The kettle of Omar Said leaks from its lid.",
        "5523": "The lamp of Lena Ortiz does not light up.",
    }

    @traced_output("tickets")
    def board():
        loads = [traced_source(type="api", name=each)(lambda text=text: text) for each, text in tickets.items()]
        return [{"id": each, "title": f"{load()} It came in today."} for each, load in zip(tickets, loads, strict=True)]

    loaded = json.loads(json.dumps(board()))
    fetch = traced_source(type="api", name="board")(lambda: loaded)
    provsdk.traced_output("note")(lambda: "#{id} {title}".format(**fetch()[1]))()
    joined = upstream(store, record(store, "note"))

    reached = reach(Causes(joined.arrows()), record(store, "note").output.output_id)
    found = {one.name: best(reached, [one.source_id]).strength for one in record(store, "tickets").sources}
    assert found["5523"] == "observed"
    assert found["5521"] not in {"observed", "declared"}


def test_a_part_of_which_nothing_is_known_may_go_back_to_all_that_the_output_does(store):
    made = provsdk.traced_output("answer")(lambda: {"answer": load().upper(), "notice": NOTICE})()
    mail(made["notice"])
    joined = upstream(store, record(store, "mail"))

    reached = reach(Causes(joined.arrows()), record(store, "mail").output.output_id)
    (source,) = record(store, "answer").sources
    assert reached[source.source_id].strength == "inferred"


def test_what_an_output_was_asked_is_no_join(store):
    key = "a1b2c3d4-0000-4000-8000-123456789abc"

    @traced_output("letter")
    def letter(customer):
        return {"customer": customer, "letter": f"Dear customer. {load()}"}

    letter(str(key))
    row = traced_source(type="database", name="row")(lambda: {"id": key, "note": "wants everything on paper, please"})
    provsdk.traced_output("note")(lambda: f"He {row()['note']}")()

    assert names(upstream(store, record(store, "note"))) == ["note"]


def test_a_passage_that_an_output_hands_on_leads_to_where_it_was_loaded_only(store):
    search = traced_source(type="database", name="search")(lambda: [POLICY + " Ask for it by mail."])

    @traced_output("search page")
    def page():
        return {"passages": search(), "took": 3}

    mail(page()["passages"][0])

    assert names(upstream(store, record(store, "mail"))) == ["mail"]


def test_it_goes_on_from_record_to_record_both_ways(store):
    first = summarise()
    second = mail(first)
    provsdk.traced_output("report")(lambda: "All mails: " + read(second))()

    assert names(upstream(store, record(store, "report"))) == ["report", "mail", "summary"]
    assert names(downstream(store, [record(store, "summary")])) == ["summary", "mail", "report"]


def test_an_output_within_another_one_belongs_to_it(store):
    @traced_output("outer")
    def outer():
        return "Here: " + summarise()

    outer()

    assert names(upstream(store, record(store, "outer"))) == ["outer", "summary"]
    assert names(downstream(store, [record(store, "summary")])) == ["summary", "outer"]


def test_another_tenant_is_not_joined(store):
    text = summarise()
    provsdk.traced_output("theirs", tenant="another")(lambda: read(text))()

    assert names(upstream(store, record(store, "theirs"))) == ["theirs"]
    assert names(downstream(store, [record(store, "summary")])) == ["summary"]


def test_what_was_made_afterwards_is_no_source(store):
    mail("In short: " + POLICY)
    summarise()

    assert names(upstream(store, record(store, "mail"))) == ["mail"]
    assert names(downstream(store, [record(store, "summary")])) == ["summary"]


def test_what_was_still_being_made_is_no_source_but_a_stream_is(store):
    """A copy that is loaded within an output before its text was there is not that output."""
    text = "In short: " + POLICY

    @traced_output("copy")
    def copies():
        mail(text)
        return text

    @traced_output("stream")
    def streams():
        yield text[:20]
        mail(text)
        yield text[20:]

    copies()
    assert "copy" not in names(upstream(store, record(store, "mail")))
    assert [basis for *_, basis in downstream(store, [record(store, "copy")]).joins] == []

    provsdk.configure(service="stream")
    again = running().store()
    "".join(streams())
    assert "stream" in names(upstream(again, record(again, "mail")))


def test_a_digest_of_the_whole_joins_what_is_in_it(store):
    """Another program that loads a list and uses one text of it goes back to what made the list."""
    rows = ["one row says something that is worth repeating", "and another one says something else again"]

    @traced_source(type="file", name="rows")
    def again():
        return json.loads(json.dumps(rows))

    traced_output("rows")(lambda: rows)()
    traced_output("page")(lambda: f"<p>{again()[1]}</p>")()

    (effect,) = effects(downstream(store, [record(store, "rows")]))
    assert (effect.record.output.name, effect.link.strength) == ("page", "observed")


def test_of_many_outputs_with_one_content_the_newest_are_followed_and_it_is_said(store, monkeypatch):
    monkeypatch.setattr(across, "MAX_EQUAL", 2)
    for _ in range(3):
        summarise()
    mail(summarise())

    joined = upstream(store, record(store, "mail"))

    assert names(joined) == ["mail", "summary", "summary"]
    assert joined.cut


def test_all_that_loaded_one_content_are_followed(store, monkeypatch):
    monkeypatch.setattr(across, "MAX_EQUAL", 2)
    text = summarise()
    for _ in range(4):
        mail(text)

    joined = downstream(store, [record(store, "summary")])

    assert names(joined) == ["summary", *["mail"] * 4]
    assert not joined.cut


def test_what_cannot_be_meant_takes_no_place_of_what_can(store, monkeypatch):
    monkeypatch.setattr(across, "MAX_EQUAL", 1)
    text = summarise()
    mail(text)
    provsdk.traced_output("theirs", tenant="another")(lambda: text)()
    provsdk.traced_output("later")(lambda: text)()

    joined = upstream(store, record(store, "mail"))

    assert names(joined) == ["mail", "summary"]
    assert not joined.cut


def test_records_of_a_trace_are_read_once_for_all_of_them(store):
    """Each of many outputs within one belongs to it: what is read grows with their number, not with its square."""

    @traced_output("outer")
    def outer(number):
        for _ in range(number):
            summarise()

    outer(12)
    folded, fold = [], store.fold

    class Reader:
        outputs_of, outputs_with = store.outputs_of, store.outputs_with
        uses_of, records_of_trace = store.uses_of, store.records_of_trace

        def fold(self, record_id):
            folded.append(record_id)
            return fold(record_id)

    inner = [store.fold(one.record_id).record for one in store.summaries() if one.name == "summary"]
    joined = downstream(Reader(), inner)

    assert names(joined) == [*["summary"] * 12, "outer"]
    assert len(folded) <= 3


def test_a_short_answer_joins_nothing(store):
    provsdk.traced_output("verdict")(lambda: "yes")()
    mail("yes")

    assert names(upstream(store, record(store, "mail"))) == ["mail"]


def test_a_prompt_that_two_records_share_joins_nothing(store):
    prompt = "You are a helpful assistant and answer in one sentence only."

    @traced_model_call
    def ask(text):
        return text.upper()

    @traced_output("echo")
    def echo():
        return prompt + " Briefly."

    echo()
    provsdk.traced_output("asked")(lambda: ask(prompt + " Briefly."))()

    assert names(upstream(store, record(store, "asked"))) == ["asked"]


def test_a_cycle_ends(store):
    text = "the same text goes round and round for ever"
    again = provsdk.traced_output("again")(lambda: read(text))
    again()
    again()
    first = store.fold(store.summaries(newest_first=False)[0].record_id).record

    assert names(upstream(store, first)) == ["again"]
    (effect,) = effects(downstream(store, [first]))
    assert effect.effects == ()


def elsewhere(headers, function):
    """Does work as another process does that got these headers."""

    def work():
        with provsdk.extract(headers):
            return function()

    return contextvars.Context().run(work)


def test_what_was_made_for_an_output_in_another_process_belongs_to_it(store):
    @traced_output("outer")
    def outer():
        headers = {}
        provsdk.inject(headers)
        return "two paragraphs: " + str(len(elsewhere(headers, summarise)))

    outer()

    joined = upstream(store, record(store, "outer"))
    assert names(joined) == ["outer", "summary"]
    assert [basis for *_, basis in joined.joins] == ["enclosing"]
    (effect,) = effects(downstream(store, [record(store, "summary")]))
    assert (effect.record.output.name, effect.link.strength, effect.sources) == ("outer", "inferred", ())
    assert effects(downstream(store, [record(store, "summary")]), least="declared") == ()


def test_what_came_back_from_another_process_is_known_by_its_content(store):
    @traced_transform("join")
    def join(parts):
        return "\n".join(parts)

    @traced_output("outer")
    def outer():
        headers = {}
        provsdk.inject(headers)
        return join([json.loads(json.dumps(elsewhere(headers, summarise))), "and no more than that"])

    outer()

    joined = upstream(store, record(store, "outer"))
    assert [basis for *_, basis in joined.joins] == ["digest"]
    (effect,) = effects(downstream(store, [record(store, "summary")]))
    assert (effect.record.output.name, effect.link.strength) == ("outer", "observed")


def test_what_was_handed_over_and_came_too_late_shaped_nothing(store):
    headers = {}

    @traced_output("outer")
    def outer():
        provsdk.inject(headers)
        return "an answer that waited for nobody else"

    outer()
    elsewhere(headers, summarise)

    assert names(upstream(store, record(store, "outer"))) == ["outer"]


def test_what_cannot_be_read_is_named(store, monkeypatch):
    mail(summarise())
    hidden, fold = record(store, "summary").record_id, store.fold

    class Locked:
        record = None

    class Reader:
        outputs_of, outputs_with = store.outputs_of, store.outputs_with
        uses_of, records_of_trace = store.uses_of, store.records_of_trace

        def fold(self, record_id):
            return Locked() if record_id == hidden else fold(record_id)

    joined = upstream(Reader(), record(store, "mail"))

    assert names(joined) == ["mail"]
    assert joined.unreadable == (hidden,)


def test_there_is_a_bound_and_it_is_said(store):
    text = summarise()
    for _ in range(4):
        mail(text)

    joined = downstream(store, [record(store, "summary")], at_most=3)

    assert len(joined.records) == 3
    assert joined.cut
    assert len(effects(joined)) == 2


class TestEffects:
    def test_each_says_how_it_is_linked_and_through_what(self, store):
        mail(summarise())

        (effect,) = effects(downstream(store, [record(store, "summary")]))

        assert (effect.record.output.name, effect.link.strength, effect.link.basis) == (
            "mail",
            "observed",
            "containment",
        )
        assert [source.name for source in effect.sources] == ["handed over"]

    def test_what_was_loaded_and_not_used_is_inferred_and_can_be_left_out(self, store):
        text = summarise()
        provsdk.traced_output("blind")(lambda: (read(text), "nothing of that reached this answer")[1])()

        joined = downstream(store, [record(store, "summary")])

        assert [one.link.strength for one in effects(joined)] == ["inferred"]
        assert effects(joined, least="declared") == ()

    def test_a_chain_of_records_has_a_bound_too(self, store, monkeypatch):
        monkeypatch.setattr("provsdk.questions.effects.MAX_DEPTH", 1)
        text = mail(summarise())
        provsdk.traced_output("report")(lambda: "All mails: " + read(text))()

        (effect,) = effects(downstream(store, [record(store, "summary")]))

        assert (effect.effects, effect.more) == ((), True)

    def test_a_depth_cuts_and_says_so(self, store):
        text = mail(summarise())
        provsdk.traced_output("report")(lambda: "All mails: " + read(text))()

        (effect,) = effects(downstream(store, [record(store, "summary")]), 1)

        assert (effect.record.output.name, effect.effects, effect.more) == ("mail", (), True)
