"""A property of flow: a source that is taken out of a program takes its edges with it, and no others."""

import json
import textwrap
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from provsdk import traced_model_call, traced_output, traced_source, traced_transform
from provsdk.questions.links import links
from provsdk.testing import captured_records

SHAPES = {
    "left out": lambda _: "",
    "whole": lambda text: text,
    "a slice": lambda text: text[7:-9],
    "wrapped": lambda text: textwrap.fill(text, 25),
    "in capitals": str.upper,
    "quoted": lambda text: json.dumps({"page": text + "\n"}),
}


def text_of(number):
    """Words that no other source has."""
    letters = sha256(str(number).encode()).hexdigest().translate(str.maketrans("0123456789", "ghijklmnop"))
    return " ".join(letters[at : at + 6] for at in range(0, 60, 6)) + "."


@traced_source(name=lambda number: f"{number}")
def load(number):
    return text_of(number)


@traced_transform
def join(parts):
    return "\n\n".join(parts)


@traced_model_call
def repeat(prompt):
    return "Here it is: " + prompt


def observed(program, through_a_model):
    """The names of the sources that the output of a program is observed to go back to."""

    @traced_output
    def answer():
        prompt = join([SHAPES[shape](load(number)) for number, shape in program])
        return repeat(prompt) if through_a_model else prompt

    with captured_records() as records:
        answer()
    names = {source.source_id: source.name for source in records[0].sources}
    return {names[source] for source, link in links(records[0]).items() if link.strength == "observed"}


PROGRAMS = st.lists(
    st.tuples(st.integers(0, 50), st.sampled_from(sorted(SHAPES))), min_size=1, max_size=5, unique_by=lambda one: one[0]
)


@settings(max_examples=30, deadline=None)
@given(PROGRAMS, st.booleans())
def test_a_source_that_is_taken_out_takes_exactly_its_edges_with_it(program, through_a_model):
    whole = observed(program, through_a_model)

    assert whole == {str(number) for number, shape in program if shape != "left out"}
    for one in program:
        assert observed([other for other in program if other != one], through_a_model) == whole - {str(one[0])}
