"""Each sentence of an output goes with the sources whose words it repeats; what nothing supports is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import provsdk
from provsdk import traced_model_call, traced_output, traced_source, traced_transform
from provsdk.matching import MAX_SPANS, fields_of
from provsdk.pipeline import running
from provsdk.questions.why import limits, sentences, why
from provsdk.records.record import Completeness, Missing

POLICY = "Refunds are paid within 30 days of purchase, whatever the reason for it may be."
TERMS = "Deliveries to islands and to mountain huts take two weeks at most from the day of the order."


@traced_source(type="file", each=True, name=lambda item: item[:7].lower())
def load():
    return [POLICY, TERMS]


@traced_model_call(provider="acme", model="small-1")
def ask(prompt, answer):
    return {"choices": [{"message": {"role": "assistant", "content": answer}}]}


@pytest.fixture
def told():
    """What is said of an answer that a model gave to both texts."""
    provsdk.configure(service="why")

    def told(answer):
        @traced_output("answer")
        def output():
            return ask("\n".join(load()), answer)["choices"][0]["message"]["content"]

        output()
        store = running().store()
        return why(store.fold(store.resolve("@latest")).record, answer)

    return told


def test_a_sentence_is_supported_by_the_source_whose_words_it_repeats(told):
    first, second = told(
        "They are paid within 30 days of purchase, whatever the reason for it. "
        "Islands and mountain huts take two weeks at most from the day of the order."
    )

    assert (first.verdict, {one.source for one in first.supports}) == ("supported", {"refunds"})
    assert (second.verdict, {one.source for one in second.supports}) == ("supported", {"deliver"})
    (support,) = first.supports
    assert POLICY[support.source_start : support.source_end] in first.text
    assert support.basis in {"quotation", "containment"}


def test_what_a_sentence_repeats_is_supported_wherever_it_says_so(told):
    first, _, again = told(
        "Refunds are paid within 30 days of purchase. And so.\nRefunds are paid within 30 days of purchase."
    )

    assert (first.verdict, again.verdict) == ("supported", "supported")
    (support,) = again.supports
    assert POLICY[support.source_start : support.source_end] == "Refunds are paid within 30 days of purchase"


SAID = "Refunds are paid within 30 days of purchase, whatever the reason for it may be, says the desk."


@traced_transform
def polished(text):
    return f"Dear customer! {text.strip()} Yours, the desk."


@pytest.mark.parametrize(
    "last",
    [
        lambda said: said,
        lambda said: f"Dear customer! {said}",
        polished,
        lambda said: {"answer": said, "ok": True},
        lambda said: {"answer": {"parts": [polished(said)]}},
        lambda said: json.dumps({"answer": said}),
    ],
    ids=["handed on", "in a letter", "by a step", "in a field", "in a field by a step", "in JSON"],
)
def test_words_are_followed_over_every_step_to_their_source(last):
    @traced_output("answer")
    def output():
        return last(ask("\n".join(load()), SAID)["choices"][0]["message"]["content"])

    provsdk.configure(service="why")
    made = output()
    store = running().store()
    record = store.fold(store.resolve("@latest")).record
    text = made if isinstance(made, str) else json.dumps(made)

    (sentence,) = [one for one in why(record, text) if "Refunds" in one.text]
    assert (sentence.verdict, {one.source for one in sentence.supports}) == ("supported", {"refunds"})
    said = text if sentence.field is None else dict(fields_of(text))[sentence.field]
    for one in sentence.supports:
        assert said[one.start : one.end].lower() == POLICY[one.source_start : one.source_end].lower()


def test_a_sentence_of_which_half_is_invented_is_supported_in_part(told):
    (half,) = told(
        "Refunds are paid within 30 days of purchase, whatever the reason, and you get a car and a golden watch too."
    )
    assert half.verdict == "in part"
    assert 0.4 < half.share < 0.8


def test_of_a_short_sentence_it_cannot_be_told(told):
    _, short = told("Refunds are paid within 30 days of purchase, whatever the reason. Ten days.")
    assert short.verdict == "too short"


@pytest.mark.parametrize(
    "text", ["यह पहला वाक्य है। यह दूसरा है।", "پہلا جملہ۔ دوسرا جملہ۔", "هل هذا صحيح؟ نعم هو كذلك.", "Առաջին։ Երկրորդ։"]
)
def test_sentences_end_as_each_script_ends_them(text):
    assert len(list(sentences(text))) == 2


def test_a_sentence_of_its_own_words_is_unsupported(told):
    supported, alone = told(
        "Refunds are paid within 30 days of purchase, whatever the reason. We wish everybody a pleasant afternoon."
    )

    assert supported.verdict == "supported"
    assert (alone.verdict, alone.supports, alone.share) == ("unsupported", (), 0.0)


def test_a_sentence_that_adds_more_than_it_repeats_is_supported_in_part(told):
    (mixed,) = told(
        "As our friendly colleagues from the second floor have said so many times before, refunds are paid within "
        "30 days of purchase"
    )

    assert mixed.verdict == "in part"
    assert 0 < mixed.share < 0.5


def test_an_output_that_is_a_source_is_supported_as_a_whole(told):
    provsdk.configure(service="why")
    traced_output("whole")(lambda: load()[0])()
    store = running().store()

    (only,) = why(store.fold(store.resolve("@latest")).record, POLICY)

    assert (only.verdict, only.share) == ("supported", 1.0)


def test_words_of_an_output_within_it_stand_in_that_output(told):
    inner = traced_output("inner")(lambda: load()[0])
    traced_output("outer")(lambda: f"It says: {inner()}")()
    store = running().store()
    (outer,) = (one for one in store.summaries() if one.name == "outer")
    (nested,) = (one for one in store.summaries() if one.name == "inner")

    (sentence,) = why(store.fold(outer.record_id).record, f"It says: {POLICY}")

    assert sentence.verdict == "supported"
    assert [one.source_id for one in sentence.supports] == [nested.output_id]


class TestLimits:
    @staticmethod
    def record(build, places, **changes):
        source = build.source(1)
        (edge,) = build.edges((build.out, source.source_id, "wasDerivedFrom", "containment"))
        spans = [(n * 40, n * 40 + 32, 0, 32) for n in range(places)]
        known = {"completeness": Completeness(complete=True, reasons=[]), **changes}
        return build.record(sources=[source], flow=[build.changed(edge, spans=spans)], **known)

    def test_there_are_none_where_everything_was_kept(self, build):
        assert limits(self.record(build, MAX_SPANS - 1)) == ()

    def test_a_source_of_which_as_many_places_are_known_as_are_kept_may_have_more(self, build):
        (limit,) = limits(self.record(build, MAX_SPANS))

        assert limit == "of wrapt/README.rst only the first 32 places were kept"

    def test_what_was_not_searched_is_told(self, build):
        completeness = Completeness(complete=False, reasons=[Missing(reason="bound_reached", detail="chat")])

        (limit,) = limits(self.record(build, 1, completeness=completeness))

        assert "not all values were searched" in limit


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It costs 3.50 a day. Yes.", ["It costs 3.50 a day.", "Yes."]),
        ("Ask e.g. ana about it. She knows.", ["Ask e.g. ana about it.", "She knows."]),
        ("Ask Dr. Meyer, e.g. Anna. Then go.", ["Ask Dr. Meyer, e.g. Anna.", "Then go."]),
        ("See No. 5 of J. Smith. Fine.", ["See No. 5 of J. Smith.", "Fine."]),
        ("- one line\n- another\n\n", ["- one line", "- another"]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("包裹保留十天。然后退回。", ["包裹保留十天。", "然后退回。"]),
        ("", []),
        ("   ", []),
    ],
)
def test_sentences_end_where_they_do(text, found):
    assert [text[start:end] for start, end in sentences(text)] == found


@given(st.text(alphabet='ab .!?\n。"', max_size=60))
def test_every_letter_stands_in_one_sentence(text):
    places = [place for start, end in sentences(text) for place in range(start, end)]

    assert len(places) == len(set(places))
    assert {place for place, letter in enumerate(text) if not letter.isspace()} == {
        place for place in places if not text[place].isspace()
    }
