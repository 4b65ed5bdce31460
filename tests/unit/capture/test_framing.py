"""The texts in streamed bodies: put together over their frames, with the way back to where their words stand."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.capture._framing import unframed

CHUNKS = ["We keep a ", "parcel for ", "ten days."]
TEXT = "".join(CHUNKS)


def texts(body):
    return [one.text for one in unframed(body)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("".join(f"data: {chunk}\n\n" for chunk in CHUNKS), [TEXT]),
        ("".join(f"data:{chunk.strip()}\r\n\r\n" for chunk in CHUNKS), ["We keep aparcel forten days."]),
        (": a comment\n\nevent: word\nid: 1\ndata: one\n\nretry: 5\ndata: two\n\nevent: end\ndata:\n\n", ["onetwo"]),
        ("data: a line\ndata: another\n\n", ["a line\nanother"]),
        ('data: {"d": [{"c": "one "}]}\n\ndata: {"d": [{"c": "two"}]}\n\ndata: [DONE]\n\n', ["one two", "[DONE]"]),
        ('{"c": "one ", "m": "x"}\n{"c": "two"}\n', ["one two", "x"]),
        ("data: cut o", ["cut o"]),
    ],
)
def test_the_pieces_of_frames_are_one_text(body, found):
    assert texts(body) == found


@pytest.mark.parametrize(
    "body",
    ["", "We keep it.", "data and more\n\n", "note: data\n\n", '{"a": "one object"}', '{"a": 1}\nno JSON', "[1]\n[2]"],
)
def test_what_has_no_frames_is_left_as_it_is(body):
    assert unframed(body) == []


def test_a_stretch_of_the_text_is_found_in_the_body():
    body = "".join(f"data: {chunk}\n\n" for chunk in CHUNKS)
    (found,) = unframed(body)
    at = TEXT.index("parcel")

    start, end = found.within(at, at + len("parcel for ten"))

    assert body[start:end] == "parcel for \n\ndata: ten"


def test_in_json_it_is_the_frames_that_hold_it():
    frames = [json.dumps({"delta": chunk}) for chunk in CHUNKS]
    body = "".join(f"data: {frame}\n\n" for frame in frames)
    (found,) = unframed(body)
    at = TEXT.index("parcel")

    start, end = found.within(at, at + len("parcel"))

    assert body[start:end] == frames[1]


plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1)


@given(st.lists(plain.filter(lambda text: text[0] not in "[{"), min_size=1))
def test_every_character_has_a_place_in_the_body(chunks):
    body = "".join(f"data: {chunk}\n\n" for chunk in chunks)
    (found,) = unframed(body)

    assert found.text == "".join(chunks)
    for at, character in enumerate(found.text):
        start, end = found.within(at, at + 1)
        assert body[start:end] == character


@given(st.text())
def test_any_body_is_taken(body):
    for one in unframed(body):
        start, end = one.within(0, max(len(one.text), 1))
        assert 0 <= start <= end <= len(body)
