"""A label, a number, a yes: a word of a model is tied to its call where it is all that the output says."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from provsdk import traced_model_call, traced_output, traced_source
from provsdk.capture._otel import current_activity
from provsdk.questions.links import links
from provsdk.testing import captured_records

LATE = "The parcel came late, and the box was open when it arrived at our door."
GREAT = "A wonderful kettle: it boils within a minute, and it looks great as well."


SAID = {"label": "Negative.", "other": "Certainly.", "stars": "47"}
"""Not in the code of the functions that are traced, whose own words these could be as well."""


def fresh(text):
    """An object of its own, as one that an API sent is."""
    return text.encode().decode()


@traced_source(type="database")
def reviews():
    return [fresh(LATE), fresh(GREAT)]


def as_text(prompt, answer):
    return fresh(answer)


def as_response(prompt, answer):
    message = {"role": "assistant", "content": fresh(answer)}
    return {"object": "chat.completion", "model": "m", "choices": [{"index": 0, "message": message}]}


def as_stream(prompt, answer):
    yield from (fresh(each) for each in (answer[:3], answer[3:]))


def text_of(answer):
    if isinstance(answer, dict):
        return answer["choices"][0]["message"]["content"]
    return answer if isinstance(answer, str) else "".join(answer)


def linked(body):
    """The record that the body makes, edges from its output to what models answered, and how the reviews are linked."""
    with captured_records() as records:
        traced_output("label")(body)()
    record = records[-1]
    found = links(record)
    results = {value.entity_id for call in record.model_calls for value in call.results}
    edges = [
        edge
        for edge in record.flow
        if edge.from_ == record.output.output_id and edge.to in results and edge.basis != "enclosing"
    ]
    return edges, [found[source.source_id].strength for source in record.sources]


@pytest.mark.parametrize("call", [as_text, as_response, as_stream])
@pytest.mark.parametrize(
    "made",
    [
        lambda said: said,
        lambda said: said.strip(" .").upper(),
        lambda said: {"label": said, "stars": 1},
    ],
    ids=["as it is", "trimmed", "field"],
)
def test_the_output_comes_from_the_call_that_answered_it(call, made):
    ask = traced_model_call("classify")(call)
    other = traced_model_call("other")(call)

    def body():
        late, great = reviews()
        text_of(other(f"Is this English? {great}", SAID["other"]))
        return made(text_of(ask(f"Label this review: {late}", SAID["label"])))

    (edge,), (strength,) = linked(body)

    assert edge.basis in {"containment", "digest"}
    assert strength == "given"


def test_a_figure_that_is_a_number_in_the_output_is_an_answer_too():
    def body():
        late, _ = reviews()
        return int(traced_model_call("rate")(as_text)(f"How many stars? {late}", SAID["stars"]))

    edges, _ = linked(body)

    assert [edge.basis for edge in edges] == ["containment"]


def test_what_two_calls_answered_ties_the_output_to_neither():
    ask = traced_model_call("classify")(as_text)

    def body():
        for review in reviews():
            said = ask(f"Label this review: {review}", SAID["label"])
        return said

    edges, strengths = linked(body)

    assert edges == []
    assert set(strengths) == {"inferred"}


def test_an_output_that_says_more_or_something_else_is_not_tied():
    def body():
        late, _ = reviews()
        said = traced_model_call("classify")(as_text)(f"Label this review: {late}", SAID["label"])
        return "positive" if said == "Positive." else f"{said} And that is all there is."

    assert linked(body) == ([], ["inferred"])


def test_a_word_that_stands_in_the_program_is_not_tied():
    def body():
        late, _ = reviews()
        traced_model_call("moderate")(as_text)(f"Is this fine? {late}", SAID["label"])
        return {"label": "Negative.", "text": "something that the program says by itself"}

    assert linked(body)[0] == []


def test_a_word_that_the_output_was_given_is_not_tied():
    @traced_output("label")
    def evaluate(expected):
        late, _ = reviews()
        traced_model_call("classify")(as_text)(f"Label this review: {late}", SAID["label"])
        return {"expected": expected}

    with captured_records() as records:
        evaluate(fresh(SAID["label"]))

    (record,) = records
    assert {edge.basis for edge in record.flow if edge.from_ == record.output.output_id} <= {"enclosing", "identity"}


def test_a_word_in_a_field_of_an_answer_that_is_json_is_one_too():
    def body():
        late, _ = reviews()
        said = traced_model_call("classify")(as_text)(f"Label this: {late}", '{"label": "Negative.", "score": 0.93}')
        return json.loads(said)["label"]

    (edge,), (strength,) = linked(body)
    assert (edge.basis, strength) == ("containment", "given")


def test_short_fields_of_an_object_that_a_model_made_are_answers_however_they_are_written_down():
    ask = traced_model_call("extract")(lambda prompt: {"name": fresh("Nowak"), "start": fresh("1 February 2027")})

    def body():
        late, _ = reviews()
        return json.dumps(ask(f"Extract from: {late}"), indent=1)

    edges, strengths = linked(body)

    assert [sorted(edge.fields) for edge in edges] == [["/name", "/start"]]
    assert strengths == ["given"]


def test_answers_of_many_threads_are_all_known():
    scopes = []
    ask = traced_model_call("classify")(as_text)

    def body():
        scopes.append(current_activity().scope)
        with ThreadPoolExecutor(8) as pool:
            return len(list(pool.map(lambda n: ask(f"Label {n}: {LATE}", f"no {n}"), range(500))))

    with captured_records():
        traced_output("label")(body)()

    assert sorted(text for _, text in scopes[0].answers) == sorted(f"no {n}" for n in range(500))
