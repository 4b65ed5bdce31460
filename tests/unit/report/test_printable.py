"""Text from data does nothing to a terminal but show letters."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.report.printable import as_json_text, lines, printable


@pytest.mark.parametrize(
    "unsafe",
    [
        pytest.param("\x1b[31m", id="escape sequence"),
        pytest.param("\x9b31m", id="8-bit escape sequence"),
        pytest.param("\x07", id="bell"),
        pytest.param("\x08", id="backspace"),
        pytest.param("\u202e", id="right-to-left override"),
        pytest.param("\u2066", id="left-to-right isolate"),
        pytest.param("\u200f", id="right-to-left mark"),
        pytest.param("\u061c", id="Arabic letter mark"),
        pytest.param("\u200b", id="zero width space"),
        pytest.param("\ufeff", id="byte order mark"),
        pytest.param("\u2028", id="line separator"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param("\U000e0041", id="tag letter"),
    ],
)
def test_unsafe_characters_are_shown_as_replaced(unsafe):
    assert printable(f"a{unsafe}b").startswith("a\ufffd")


def test_line_ends_and_tabs_become_one_blank():
    assert printable("a\r\n\tb") == "a b"


@pytest.mark.parametrize("text", ["日本語の資料", "مرحبا", "שלום", "क्षि", "می‌خواهم", "👩‍🔬 Zoë"])
def test_letters_of_every_script_stay(text):
    assert printable(text) == text


def test_a_limit_ends_in_an_ellipsis():
    assert printable("abcdef", 4) == "abc…"


def test_several_lines_stay_several():
    assert lines("one\r\ntwo\x1b\nthree") == ["one", "two\ufffd", "three"]


@given(st.text(st.characters(categories=[*("L", "M", "N", "P", "S", "Z", "Cc", "Cf", "Cs")])))
def test_nothing_printable_can_steer_a_terminal(text):
    allowed = {"\u200c", "\u200d"}  # spelling of Persian, Indic scripts and emoji
    steering = [
        character
        for character in printable(text)
        if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        or (unicodedata.bidirectional(character) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
        or (unicodedata.name(character, "").endswith("MARK") and unicodedata.category(character) == "Cf")
    ]

    assert steering == []
    assert allowed.isdisjoint(steering)


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_text_keeps_its_meaning_and_is_safe(value):
    text = as_json_text(json.dumps(value, ensure_ascii=False, indent=2))

    assert json.loads(text) == value
    assert printable(text.replace("\n", " ")) == text.replace("\n", " ")
