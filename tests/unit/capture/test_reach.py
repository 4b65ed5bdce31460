"""What never came into a call did not shape what it made, however many words they share."""

import pytest

from provsdk import cite, derive, traced_model_call, traced_output, traced_source, traced_transform
from provsdk.capture import _search
from provsdk.capture._texts import Texts
from provsdk.questions.links import links
from provsdk.testing import captured_records

PARCELS = "A parcel that nobody fetches is kept for twelve days, then it goes back to whoever sent it."
RETURNS = "Within thirty days of the delivery returns are free, as long as the seal is unbroken."


def copy(text):
    """An object of its own, as one that was read is."""
    return str(text.encode(), "utf-8")


def load(name, text):
    return traced_source(name, type="file")(lambda: copy(text))()


def strengths(body):
    """Of each source of the output that the body makes, by name."""
    with captured_records() as records:
        traced_output("answer")(body)()
    return {one.name: links(records[-1])[one.source_id].strength for one in records[-1].sources}


def observed(body):
    return [name for name, strength in strengths(body).items() if strength == "observed"]


@traced_model_call("by heart")
def by_heart(prompt):
    return f"{PARCELS} {RETURNS}"


def test_what_a_model_knows_by_heart_is_no_source_though_it_was_loaded():
    def body():
        load("returns", RETURNS)
        return by_heart(f"Use: {load('parcels', PARCELS)}")

    assert observed(body) == ["parcels"]


def test_where_no_source_is_in_the_prompt_none_is_observed():
    def body():
        load("returns", RETURNS)
        return by_heart("What do you know of parcels and of returns?")

    assert observed(body) == []


def test_of_editions_that_were_loaded_the_one_in_the_prompt_counts():
    def body():
        first, _, _ = (load(f"v{n}", f"{PARCELS} Edition {n}.") for n in (1, 2, 3))
        return traced_model_call("m")(lambda prompt: f"The rule is: {PARCELS}")(f"Use: {first}")

    assert observed(body) == ["v1"]


def test_a_figure_that_a_source_beside_the_prompt_has_too_is_found_all_the_same():
    def body():
        load("ticker", "On that day the index closed at 48,250 points, a little lower than before.")
        budget = load("budget", "The board set the budget of the hall to 48,250 euros for the whole year.")
        return traced_model_call("m")(lambda prompt: "We may spend 48,250 euros, says the board.")(f"Use: {budget}")

    assert observed(body) == ["budget"]


def test_words_come_through_the_steps_before():
    @traced_transform("shorten")
    def shorten(text):
        return text[:60]

    @traced_transform("list")
    def listed(texts):
        return [{"role": "user", "content": f"Use: {text}"} for text in texts]

    def body():
        load("returns", RETURNS)
        return by_heart(listed([shorten(load("parcels", PARCELS))]))

    assert observed(body) == ["parcels"]


class Talk:
    """Keeps what was said, and gives all of it to the model."""

    def __init__(self):
        self.said = []

    @traced_model_call("talk")
    def ask(self, question):
        return f"Well: {PARCELS}"


def test_a_model_whose_object_keeps_a_conversation_may_have_been_given_anything():
    def body():
        talk = Talk()
        talk.said.append(f"Use: {load('parcels', PARCELS)}")
        return talk.ask("How long is a parcel kept, and what then?")

    assert observed(body) == ["parcels"]


def test_so_may_one_that_closes_over_a_text_and_one_that_takes_no_arguments():
    def over():
        page = load("parcels", PARCELS)
        return traced_model_call("m")(lambda question: f"Well: {page}")("How long is a parcel kept?")

    def without():
        load("parcels", PARCELS)
        return traced_model_call("m")(lambda: f"Well: {PARCELS}")()

    assert observed(over) == ["parcels"]
    assert observed(without) == ["parcels"]


def test_words_of_the_instructions_are_no_quotation_of_a_source_that_has_them_too():
    def body():
        load("imprint", "Responsible for this site is Acme Parcel Service, Spandau.")
        page = load("parcels", PARCELS)
        model = traced_model_call("m")(lambda prompt: f"Acme Parcel Service says: {PARCELS[:52]}.")
        return model(f"You speak for Acme Parcel Service. Be short.\n\n{page}")

    assert observed(body) == ["parcels"]


# -- values that are alike


@traced_transform("format")
def formatted(text):
    return f"Read this now: {text}"


@traced_transform("split")
def split(text):
    return text.split(", ")


def test_of_equal_sources_the_one_that_came_into_the_step_counts():
    def body():
        _, second = load("one", PARCELS), load("two", PARCELS)
        return formatted(second)

    assert observed(body) == ["two"]


def test_of_alike_sources_the_one_that_was_split_counts():
    def body():
        first, _ = load("v1", f"{PARCELS} Edition one."), load("v2", f"{PARCELS} Edition two, changed.")
        return f"It says: {split(first)[0]}"

    assert observed(body) == ["v1"]


# -- small values

ACCOUNT = {"name": "Ana Sousa", "balance": 1299.5, "since": "2019-04-02", "id": 7}


def account():
    return traced_source("account", type="api")(lambda: dict(ACCOUNT))()


@pytest.mark.parametrize(
    "made",
    [
        lambda row: f"{row['name']} has {row['balance']:,.2f} EUR since {row['since']}.",
        lambda row: {"customer": row["name"], "since": row["since"], "amount": row["balance"]},
        lambda row: traced_model_call("m")(lambda prompt: "Since 2019-04-02 it is Ana Sousa.")(f"Tell of {row}"),
        lambda row: formatted(" | ".join(map(str, row.values()))),
    ],
    ids=["an f-string", "an object", "a model", "a step"],
)
def test_a_row_of_short_fields_is_found_where_its_fields_are(made):
    def body():
        load("other", PARCELS)
        return made(account())

    assert observed(body) == ["account"]


def test_the_row_that_the_model_was_given_counts_and_no_other():
    def body():
        rows = traced_source("rows", type="database", each=True, name=lambda item: item["name"])(
            lambda: [{"name": f"{name} Okri", "paid": f"{n}9.10"} for n, name in enumerate(("Ann", "Ben", "Cem"), 4)]
        )()
        return traced_model_call("m")(lambda prompt: "It was Ben Okri, who paid 59.10 EUR.")(f"Rows: {rows[1]}")

    assert observed(body) == ["Ben Okri"]


def test_a_short_text_is_found_in_a_longer_one():
    def body():
        row = load("row", "4712 | Ben Okri | 99.10 | paid")
        return f"Here it is, as it stands there: {row}"

    assert observed(body) == ["row"]


def test_one_short_word_in_common_is_chance():
    def body():
        traced_source("status")(lambda: {"status": "paid"})()
        return "It was paid on time, and that is that."

    assert observed(body) == []


# -- many values


def test_each_of_many_calls_is_searched_and_the_output_before_all(monkeypatch):
    pages = [f"Page {n} says: {' '.join(f'word{n * 31 + k}' for k in range(40))}." for n in range(150)]
    rate = traced_model_call("rate")(lambda prompt: "7")

    def body():
        loaded = [load(f"page {n}", page) for n, page in enumerate(pages)]
        for page in loaded:
            rate(f"Rate from 0 to 9: {page}")
        return f"Best: {loaded[3]}"

    assert observed(body) == ["page 3"]


def test_what_the_output_came_from_is_looked_for_though_time_is_up_for_its_steps(monkeypatch):
    times = iter([0.0, *[99.0] * 2])  # the beginning, and the first looks at the clock while steps are searched
    monkeypatch.setattr(_search.time, "monotonic", lambda: next(times, 99.0))
    monkeypatch.setattr(_search, "VALUES_SHARE", 0.5)
    held = [("ent_1", PARCELS, None, "source", None), ("ent_2", f"Use: {PARCELS}", None, "model_call", "")]
    texts = Texts("out_1", held, frozenset({"ent_2"}), [], [(None, f"So: {PARCELS}")], is_whole=True)
    searched = _search.search(texts, seconds=120.0)
    assert [(link.effect, link.cause) for link in searched.links] == [("out_1", "ent_1")]
    assert not searched.is_whole


@pytest.mark.parametrize(
    "made", [lambda said: said, lambda said: {"budget": said, "year": "x"}, lambda said: f"{said}."]
)
@pytest.mark.parametrize("said", ["48,250 euros", "Maria Alves", "14 March 2027"])
def test_what_a_model_knows_by_heart_is_no_source_however_short_it_is(made, said):
    def body():
        load("beside", f"It was {said}, as the annual report has it.")
        ask = traced_model_call("by heart")(lambda prompt: copy(said))
        return made(ask(f"Use: {load('parcels', PARCELS)}"))

    assert observed(body) == []


def test_nor_where_only_a_part_of_the_answer_is_handed_on():
    def body():
        load("returns", RETURNS)
        return by_heart(f"Use: {load('parcels', PARCELS)}").split(". ")[1].rstrip(".")

    assert "returns" not in observed(body)


def test_nor_where_it_is_loaded_afterwards_to_be_compared():
    def body():
        said = by_heart("What do you know?")
        load("returns", RETURNS)
        return f"{said} Checked."

    assert observed(body) == []


def test_a_figure_of_the_prompt_counts_though_a_source_beside_it_has_it_too():
    def body():
        load("beside", "Some 48,250 euros were lost on the way.")
        ask = traced_model_call("m")(lambda prompt: copy("48,250 euros"))
        return ask(f"How much? {load('budget', 'The budget of the year is 48,250 euros in all.')}")

    assert observed(body) == ["budget"]


FAQ = "When does the museum open? It opens at nine."


@pytest.mark.parametrize(
    "made", [lambda asked, page: f"You asked: {asked} {page}", lambda asked, page: {"question": asked, "answer": page}]
)
@pytest.mark.parametrize("faq", [FAQ, "When does the museum open?"], ids=["holds the question", "is the question"])
def test_a_question_that_is_repeated_is_no_source_that_has_it_too(made, faq):
    def answer(question):
        load("faq", faq)
        return made(question, load("parcels", PARCELS))

    with captured_records() as records:
        traced_output("answer")(answer)("When does the museum open?")

    found = {one.name: links(records[-1])[one.source_id].strength for one in records[-1].sources}
    assert (found["faq"] == "observed", found["parcels"]) == (False, "observed")


@pytest.mark.parametrize("field", [200, 500, 2024, "100", 500.0])
def test_a_common_figure_alone_in_a_field_is_chance(field):
    def body():
        load("log", f"Call {field} for the guard.")
        return {"status": field, "body": load("parcels", PARCELS)}

    assert observed(body) == ["parcels"]


def test_what_is_in_an_output_within_another_one_is_known_there():
    @traced_output("inner")
    def inner():
        return {"text": f"In short: {load('parcels', PARCELS)}", "more": 1}

    with captured_records() as records:
        traced_output("outer")(lambda: f"It says: {inner()['text']}")()

    outer, within = sorted(records, key=lambda one: one.output.name, reverse=True)
    edges = {(edge.to, edge.basis) for edge in outer.flow if edge.from_ == outer.output.output_id}
    assert (within.output.output_id, "containment") in edges


def test_each_of_many_fields_is_searched():
    def body():
        docs = [load(f"d{n}", f"{PARCELS} Shelf {n} of the house holds those of week {n}.") for n in range(120)]
        ask = traced_model_call("m")(lambda prompt: f"Note: {prompt.partition(': ')[2]}")
        return [ask(f"Sum up: {doc}") for doc in docs]

    assert len(observed(body)) == 120


@pytest.mark.parametrize(
    "says",
    [
        lambda text, page: derive(text, from_=[page]),
        lambda text, page: cite(text, page, (0, 10)),
        cite,
    ],
)
def test_what_the_program_says_of_a_text_of_its_own_holds_for_the_output_that_it_becomes(says):
    def body():
        page = load("parcels", PARCELS)
        return says("Ten days, by the handbook that hangs on the wall.", page)

    assert strengths(body) == {"parcels": "declared"}
