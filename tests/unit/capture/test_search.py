"""What the texts of an output show of its flow: which reached which, and whose words an answer repeats."""

import dataclasses
import gc
import itertools
import json
import weakref

import msgspec
import pytest

from provsdk import declare_source, traced_check, traced_model_call, traced_output, traced_source, traced_transform
from provsdk.capture import _search, _texts
from provsdk.capture._texts import Texts
from provsdk.digest import children
from provsdk.pipeline import _runtime
from provsdk.questions.links import links
from provsdk.records.graph import sources_reached
from provsdk.testing import captured_records

PASSAGES = [
    "A parcel that nobody fetches is kept for twelve days, then it goes back to whoever sent it, at their cost.",
    "Returns are free within thirty days of the delivery, as long as the seal of the box is unbroken.",
    "The branch in Spandau opens at nine in the morning and closes at half past six, on Saturdays at one.",
    "Whoever fetches a parcel for somebody else shows a letter of authority and the identity cards of both.",
]
QUESTION = "How long do you keep a parcel, and at whose cost does it go back?"


@traced_source(type="database", each=True, name=lambda item: item[:7])
def search_handbook(question):
    return list(PASSAGES)


@traced_source(type="file", name="book")
def book():
    return "\n\n".join(PASSAGES)


@traced_model_call("complete", provider="acme", model="small-1")
def complete(prompt):
    return "You asked about parcels: a parcel that nobody fetches is kept for twelve days."


def record_of(function, *args, **settings):
    with captured_records(**settings) as records:
        function(*args)
    return records[-1]


def sources_of(record, value, basis=None):
    """Names of the sources that the value goes back to in one step."""
    names = {one.source_id: one.name for one in record.sources}
    names |= {each.entity_id: one.name for one in record.sources for each in one.elements}
    edges = [edge for edge in record.flow if edge.from_ == value and edge.relation == "wasDerivedFrom"]
    return sorted(names[edge.to] for edge in edges if edge.to in names and basis in (None, edge.basis))


def name_of(record, value):
    return next(one.name for one in record.sources if value == one.source_id)


def argument_of(call):
    return next(one.entity_id for one in call.arguments if one.role == "argument")


def test_of_the_passages_that_were_retrieved_those_are_linked_that_reached_the_prompt():
    @traced_output("answer")
    def answer(question):
        chosen = [passage for passage in search_handbook(question) if "parcel" in passage]
        return complete("Answer from this:\n" + "\n".join(chosen) + f"\n\n{question}")

    record = record_of(answer, QUESTION)

    assert sources_of(record, argument_of(record.model_calls[0]), "containment") == ["A parce", "Whoever"]
    assert sources_of(record, record.model_calls[0].results[0].entity_id, "quotation") == ["A parce"]
    assert len(sources_reached(record).reached) == 2, "the model had both, and repeats one"


@traced_transform("make prompt")
def make_prompt(passages, question):
    return "Answer from this:\n" + "\n\n".join(passages) + f"\n\n{question}"


@pytest.mark.parametrize("given", ["the text", "fields"])
def test_what_is_quoted_of_a_passage_in_a_prompt_is_the_passages_and_not_the_prompts(given):
    """Else every passage of a prompt that a step made would have reached the answer."""

    @traced_output("answer")
    def answer(question):
        made = complete(make_prompt(search_handbook(question), question))
        return made if given == "the text" else {"text": f"Dear customer. {made}"}

    record = record_of(answer, QUESTION)
    said = record.model_calls[0].results[0].entity_id
    causes = {edge.to for edge in record.flow if edge.from_ == said and edge.basis == "quotation"}
    assert {name_of(record, one) for one in causes} == {"A parce"}
    strengths = {one.name: links(record)[one.source_id].strength for one in record.sources}
    assert strengths == {"A parce": "observed", "Returns": "given", "The bra": "given", "Whoever": "given"}


def test_who_repeats_what_a_step_adds_to_a_prompt_repeats_no_passage():
    @traced_transform("make prompt")
    def with_rules(passages):
        return "\n".join(passages) + "\nAlways say that we are sorry and close with kind regards from Spandau."

    @traced_model_call
    def apologise(prompt):
        return "Well. We are sorry and close with kind regards from Spandau."

    @traced_output("answer")
    def answer():
        return apologise(with_rules(search_handbook("")))

    record = record_of(answer)
    assert {link.strength for link in links(record).values()} == {"given"}


def test_the_edge_says_how_much_and_where():
    @traced_output("answer")
    def answer():
        return complete(f"From this: {search_handbook('')[0][:60]}…")

    record = record_of(answer)
    prompt = argument_of(record.model_calls[0])
    (edge,) = [edge for edge in record.flow if edge.from_ == prompt and edge.basis == "containment"]
    assert 0.4 < edge.coverage < 0.6
    ((start, end, source_start, source_end),) = edge.spans
    text = f"From this: {PASSAGES[0][:60]}…"
    assert text[start:end] == PASSAGES[0][source_start:source_end]


@pytest.mark.parametrize(
    "frame", [lambda text: f"data: {text}\n\n", lambda text: f"data: {json.dumps({'delta': text})}\n\n"]
)
def test_words_that_leave_in_frames_are_linked_to_what_the_model_said(frame):
    @traced_model_call("complete", provider="acme", model="small-1")
    def streamed(prompt):
        for word in PASSAGES[0].split():
            yield word + " "

    @traced_output("answer")
    def answer(question):
        for chunk in streamed(f"{PASSAGES[1]} {book()}"):
            yield frame(chunk)

    with captured_records() as records:
        sent = "".join(answer(QUESTION))
    record = records[-1]
    (model_made,) = [one.entity_id for one in record.model_calls[0].results if one.entity_id.endswith("-0")]
    (edge,) = [edge for edge in record.flow if (edge.from_, edge.to) == (record.output.output_id, model_made)]
    assert (edge.basis, edge.coverage) == ("containment", 1.0)
    (start, end, *_) = edge.spans[0]
    assert sent[start:end].startswith(("A", '{"delta": "A'))
    assert len(sources_reached(record).reached) == 1


def test_an_f_string_is_linked_to_what_it_holds_by_content():
    @traced_output("answer")
    def answer():
        return f"The handbook says: {book()}"

    record = record_of(answer)
    assert sources_of(record, record.output.output_id) == ["book"]
    (edge,) = [edge for edge in record.flow if edge.from_ == record.output.output_id and edge.to.endswith("-0")]
    assert (edge.basis, edge.coverage) == ("containment", 1.0)


def test_messages_are_searched_text_by_text_and_the_list_is_linked():
    @traced_output("answer")
    def answer(question):
        page = search_handbook(question)[1]
        return complete(
            [{"role": "system", "content": f"Use only this page. {page}"}, {"role": "user", "content": question}]
        )

    record = record_of(answer, QUESTION)
    assert sources_of(record, argument_of(record.model_calls[0])) == ["Returns"]


def test_pieces_of_a_document_lead_back_to_it():
    @traced_transform("split")
    def split(text):
        return text.split("\n\n")

    @traced_output("answer")
    def answer():
        return complete(f"Answer from this: {split(book())[2]}")

    record = record_of(answer)
    (step,) = record.transformations
    pieces = [one.entity_id for one in step.results if one.role == "element"]
    assert all(sources_of(record, piece) == ["book"] for piece in pieces)
    prompt = argument_of(record.model_calls[0])
    causes = {edge.to for edge in record.flow if edge.from_ == prompt and edge.basis == "containment"}
    assert causes == {pieces[2]}, "the nearest, not the whole document"


def test_the_chain_of_an_agent_is_a_chain():
    @traced_model_call("plan", provider="acme", model="small-1")
    def plan(prompt):
        return {"tool": "lookup", "arguments": json.dumps({"query": "opening hours of the branch in Spandau, Berlin"})}

    @traced_source(type="api", name="lookup")
    def lookup(query):
        return PASSAGES[2]

    @traced_output("answer")
    def answer(question):
        asked = plan(f"Which tool helps here? {question}")
        found = lookup(json.loads(asked["arguments"])["query"])
        return complete(f"The tool said: {found}\nAnswer this: {question}")

    record = record_of(answer, QUESTION)
    by_name = {call.name: call for call in record.model_calls}
    (source,) = record.sources
    (query,) = [one for one in source.arguments if one.role == "argument"]
    causes = {edge.to for edge in record.flow if edge.from_ == query.entity_id}
    assert causes <= {one.entity_id for one in by_name["plan"].results}
    assert causes
    last = argument_of(next(call for call in record.model_calls if call.name == "complete"))
    assert sources_of(record, last) == ["lookup"]


def test_fields_of_a_structured_output_are_searched():
    @traced_output("answer")
    def answer(question):
        page = search_handbook(question)[0]
        return {"answer": f"Twelve days: {page[:50]}", "sure": True}

    record = record_of(answer, QUESTION)
    assert sources_of(record, record.output.output_id, "containment") == ["A parce"]


def test_a_streamed_answer_is_searched_as_a_whole():
    @traced_output("answer")
    def answer(question):
        search_handbook(question)
        for word in [
            "We",
            "keep",
            "it:",
            "a",
            "parcel",
            "that",
            "nobody",
            "fetches",
            "is",
            "kept",
            "for",
            "twelve",
            "days.",
        ]:
            yield word + " "

    record = record_of(lambda: list(answer(QUESTION)))
    assert sources_of(record, record.output.output_id, "containment") == ["A parce"]


def test_what_the_question_says_is_no_quotation():
    @traced_output("answer")
    def answer(question):
        search_handbook(question)
        return f"You asked: {question[:60]}"

    asked = "Is it true that a parcel that nobody fetches is kept for twelve days?"
    record = record_of(answer, asked)
    assert sources_of(record, record.output.output_id, "quotation") == []


def test_what_nobody_looked_into_is_linked_by_being_there_only():
    @traced_output("answer")
    def answer(question):
        return str(len(search_handbook(question)))

    record = record_of(answer, QUESTION)
    assert {edge.basis for edge in record.flow if edge.from_ == record.output.output_id} == {"identity", "enclosing"}


def test_checks_and_declared_sources_take_part():
    @traced_check("polite", type="content_filter")
    def polite(text):
        return True

    @traced_output("answer")
    def answer():
        page = PASSAGES[0]
        declare_source(page, name="page", type="file")
        made = f"Our rule is this one. {page}"
        polite(made)
        return made

    record = record_of(answer)
    assert "page" in sources_of(record, record.output.output_id)


def test_taking_a_source_away_takes_exactly_its_edges_away():
    def made(passages):
        @traced_source(type="file", each=True, name=lambda item: item[:7])
        def load():
            return list(passages)

        @traced_output("answer")
        def answer():
            return complete("Answer from this:\n" + "\n".join(load()))

        record = record_of(answer)
        return set(sources_of(record, argument_of(record.model_calls[0])))

    every = made(PASSAGES)
    assert len(every) == 4
    for passage in PASSAGES:
        assert made([one for one in PASSAGES if one != passage]) == every - {passage[:7]}


@pytest.mark.parametrize("settings", [{"search_bytes": 200}, {"search_seconds": 0.000001}])
def test_beyond_the_bounds_the_record_says_that_not_all_was_searched(settings):
    @traced_output("answer")
    def answer(question):
        return complete("\n".join(search_handbook(question)))

    record = record_of(answer, QUESTION, **settings)
    assert ("bound_reached", "texts of the scope") in [(one.reason, one.detail) for one in record.completeness.reasons]


def test_the_texts_of_a_large_value_are_searched_within_the_bound_too(monkeypatch):
    now = itertools.count()
    monkeypatch.setattr(_search.time, "monotonic", lambda: float(next(now)))
    held = [("src_1", PASSAGES[0], None, "source", None)]
    texts = Texts("out_1", held, frozenset(), [], placed(f"{PASSAGES[0]} {n}" for n in range(100)), is_whole=True)

    assert not _search.search(texts, seconds=10).is_whole
    assert _search.search(texts, seconds=1_000_000).is_whole


def placed(texts):
    """Texts as the fields of a list."""
    return [(f"/{n}", text) for n, text in enumerate(texts)]


SMALL = [f"{PASSAGES[0]} {n}" for n in range(400)]
FIGURES = " ".join(f"{n * 7919 % 100_003}" for n in range(4_000))
COSTLY = {
    "figures over tables": ([FIGURES] * 4, [FIGURES[9:]]),
    "names": ([" ".join(f"Ann Lee{n}" for n in range(4_000))], [". ".join(f"Ann Lee{n + 7}" for n in range(4_000))]),
    "one passage again and again": ([PASSAGES[0]] * 400, [f"{PASSAGES[0]} " * 400]),
    "characters of several marks": (["e\u0301" * 40_000], ["e\u0301" * 40_000 + "."]),
    "escapes": (PASSAGES, ["\\n&amp;" * 20_000]),
    "events": (PASSAGES, ["data: {}\n\n" * 4_000]),
    "words all over": ([FIGURES.replace(" ", " and ")] * 3, [FIGURES.replace(" ", " or ")]),
    "many texts": (SMALL, [f"{text}!" for text in SMALL]),
}


@pytest.mark.parametrize("shape", COSTLY)
def test_whatever_the_texts_are_like_the_search_looks_at_the_clock_while_it_works(monkeypatch, shape):
    """Not only between one text and the next: in the middle of a search it ends within one step."""
    loaded, made = COSTLY[shape]
    held = [(f"src_{n}", text, None, "source", None) for n, text in enumerate(loaded)]
    texts = Texts("out_1", held, frozenset(), [], placed(made), is_whole=True)
    looks = itertools.count()
    monkeypatch.setattr(_search.time, "monotonic", lambda: float(next(looks)) / 1_000_000)
    assert _search.search(texts, seconds=1_000).is_whole
    asked = next(looks)
    assert asked > 20 * (1 + len(made)) or asked > len(loaded)

    for part in (3, 2):
        looks = itertools.count()
        assert not _search.search(texts, seconds=asked / part / 1_000_000).is_whole
        assert next(looks) < asked, "it ended where its time was up"


def test_a_search_lets_others_go_on_meanwhile(monkeypatch):
    pauses, now = [], itertools.count()
    monkeypatch.setattr(_search.time, "monotonic", lambda: float(next(now)) / 1_000)
    monkeypatch.setattr(_search.time, "sleep", pauses.append)
    held = [(f"src_{n}", text, None, "source", None) for n, text in enumerate(SMALL)]
    _search.search(
        Texts("out_1", held, frozenset(), [], placed(f"{text}!" for text in SMALL), is_whole=True), seconds=1_000
    )
    assert len(pauses) > 100
    assert set(pauses) == {_search.PAUSE_S}


def test_bytes_are_read_as_they_are_stored():
    class Claims(bytes):
        def decode(self, *_):
            raise AssertionError("code of the value's class runs")

    held = [("src_1", Claims(PASSAGES[0].encode()), None, "source", None)]
    (link,) = _search.search(
        Texts("out_1", held, frozenset(), [], placed([f"So: {PASSAGES[0]}"]), is_whole=True), 10
    ).links
    assert (link.effect, link.cause) == ("out_1", "src_1")


def test_a_value_that_holds_itself_many_times_is_looked_into_once():
    rows = [{"text": text} for text in SMALL[:60]]
    for row in rows:
        row["all"] = rows
        row["again"] = [rows] * 9
    made, left = _texts._leaves(rows, 10_000_000)
    assert sorted(made) == sorted((f"/{n}/text", text) for n, text in enumerate(SMALL[:60]))
    assert left > 0


FORM = {
    "kind": "rule",
    "rules": [{"text": PASSAGES[0]}, {"text": f"And: {PASSAGES[1].upper()}"}],
    "a/b~c": "Sp. 4711.5",
}


@dataclasses.dataclass
class Form:
    kind: str
    rules: list
    other: str


@pytest.mark.parametrize(
    "form",
    [FORM, json.dumps(FORM, indent=1), Form("rule", FORM["rules"], "")],
    ids=["a mapping", "its JSON", "an object"],
)
def test_of_a_structured_output_each_field_has_its_own_places(form):
    @traced_output("answer")
    def answer():
        search_handbook("")
        return form

    record = record_of(answer)
    fields = {}
    for edge in record.flow:
        if edge.from_ == record.output.output_id and edge.fields is not msgspec.UNSET:
            assert edge.spans is msgspec.UNSET
            fields |= {place: (name_of(record, edge.to), spans) for place, spans in edge.fields.items()}
    assert fields == {
        "/rules/0/text": (PASSAGES[0][:7], [(0, len(PASSAGES[0]), 0, len(PASSAGES[0]))]),
        "/rules/1/text": (PASSAGES[1][:7], [(5, 5 + len(PASSAGES[1]), 0, len(PASSAGES[1]))]),
    }


def test_a_figure_in_a_field_is_a_quotation_of_the_only_source_that_has_it():
    @traced_source(each=True, name=lambda item: item[:7])
    def prices():
        return ["The plate costs 4711.5 euros with its lid.", "The cup costs 12 euros and has no lid at all."]

    @traced_output("answer")
    def answer():
        prices()
        return {"a/b": {"price": 4711.5, "pieces": 12}}

    record = record_of(answer)
    (edge,) = [edge for edge in record.flow if edge.from_ == record.output.output_id and edge.basis == "quotation"]
    assert edge.fields == {"/a~1b/price": [(0, 6, 16, 22)]}


def test_how_much_of_a_structured_output_is_a_quotation_is_said_of_all_of_it():
    @traced_output("answer")
    def answer():
        search_handbook("")
        half = " ".join(PASSAGES[0].split()[6:13])
        return [half, half.upper(), "x" * 2 * len(half)]

    record = record_of(answer)
    (edge,) = [edge for edge in record.flow if edge.from_ == record.output.output_id and edge.basis == "quotation"]
    assert set(edge.fields) == {"/0", "/1"}
    assert edge.coverage == pytest.approx(0.5, abs=0.01)


def test_a_long_list_of_known_values_says_no_more_than_that_it_holds_them():
    @traced_source(each=True)
    def many():
        return [f"{PASSAGES[0]} {n}" for n in range(_search.MAX_FIELDS + 1)]

    record = record_of(traced_output("answer")(many))
    assert all(edge.fields is msgspec.UNSET for edge in record.flow)
    assert len(sources_reached(record).reached) == _search.MAX_FIELDS + 1


def test_of_a_value_that_is_too_large_no_more_is_touched_than_is_looked_into(monkeypatch):
    monkeypatch.setattr(_texts, "MAX_LEAVES", 10)
    touched = []

    def counted(value):
        for one in children(value):
            touched.append(one)
            yield one

    monkeypatch.setattr(_texts, "children", counted)
    assert _texts._leaves([["x"] * 100] * 100, 1_000)[1] < 0
    assert len(touched) <= 20


def test_of_many_outputs_that_wait_less_is_kept_of_each(monkeypatch):
    monkeypatch.setattr(_runtime, "WAITING_TEXTS", 200)

    @traced_output("answer")
    def answer(question):
        return complete("\n".join(search_handbook(question)))

    record = record_of(answer, QUESTION)
    assert ("bound_reached", "texts of the scope") in [(one.reason, one.detail) for one in record.completeness.reasons]


def test_what_the_caller_does_to_the_value_afterwards_is_not_searched():
    @traced_output("answer")
    def answer():
        return [f"The handbook says: {book()}"]

    with captured_records(durability="batch") as records:
        answer().clear()
    assert sources_of(records[-1], records[-1].output.output_id) == ["book"]


def test_values_that_are_no_texts_live_no_longer_than_their_output():
    class Rows(dict):
        pass

    @traced_transform
    def loaded(rows):
        return Rows(rows=[PASSAGES[0]])

    @traced_output("answer")
    def answer(seen):
        rows = loaded(PASSAGES[1])
        seen.append(weakref.ref(rows))
        return complete(rows["rows"][0])

    seen = []
    with captured_records(durability="batch"):
        answer(seen)
        gc.collect()
        assert seen[0]() is None


def test_switched_off_nothing_is_searched_and_nothing_is_missing():
    @traced_output("answer")
    def answer(question):
        return complete("\n".join(search_handbook(question)))

    record = record_of(answer, QUESTION, search_bytes=0)
    assert {edge.basis for edge in record.flow}.isdisjoint({"containment", "quotation"})
    assert record.completeness.complete


def test_a_search_that_fails_costs_its_edges_only(monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(_search, "_of_output", broken)
    monkeypatch.setattr("provsdk.pipeline._runtime.search", broken)

    @traced_output("answer")
    def answer(question):
        return complete("\n".join(search_handbook(question)))

    record = record_of(answer, QUESTION)
    assert ("capture_failed", "texts of the scope") in [(one.reason, one.detail) for one in record.completeness.reasons]
    assert "search the texts of an output (ZeroDivisionError)" in caplog.text
