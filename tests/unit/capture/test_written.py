"""What a text says: the line that somebody printed, the value that somebody wrote as JSON."""

import json

import pytest

from provsdk import traced_output, traced_source
from provsdk.capture._written import MAX_WRITTEN, written_in
from provsdk.testing import captured_records

ANSWER = "A parcel is kept for ten days, not longer."


def names(text):
    return [found.full_name for found in written_in(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ANSWER, []),
        (f"{ANSWER}\n", ["text"]),
        (f"{ANSWER}\r\n".encode(), ["text"]),
        (f"  {ANSWER} ", []),
        (json.dumps(ANSWER), ["json"]),
        (json.dumps({"a": {"b": [ANSWER]}, "n": 1}), ["json", "json.a", "json.a.b", "json.a.b.0"]),
        (f'{json.dumps({"a": ANSWER})}\n{json.dumps([ANSWER])}', ["json", "json.0", "json.1", "json.0.a", "json.1.0"]),
        ("{no JSON, though it begins as such}", []),
        ("[" * 100_000, []),
        (b"\xff\xfe" + ANSWER.encode(), []),
        (f"{ANSWER}\n".ljust(MAX_WRITTEN + 1), []),
        ("\n", []),
    ],
)  # fmt: skip
def test_a_text_says_its_line_and_what_its_json_says(text, found):
    assert names(text) == found


def elements(load):
    with captured_records() as records:
        traced_output("answer")(lambda: load() and "an answer")()
    return [[element.name for element in source.elements] for source in records[-1].sources]


def test_what_a_source_says_stands_in_the_record_and_keys_stay_as_they_are():
    load = traced_source("file", type="file")(lambda: json.dumps({"a key": ANSWER}) + "\n")

    assert elements(load) == [["text", "json", "json.a key"]]


def test_the_lines_ends_of_many_items_are_left_out():
    load = traced_source("files", type="file", each=True)(lambda: [f"{ANSWER} {n}\n" for n in range(3)])

    assert elements(load) == [[], [], []]
