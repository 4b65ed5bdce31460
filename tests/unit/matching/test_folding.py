"""Folded texts: what does not count when texts are compared, and the way back to where it stood."""

import html
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.matching import Folded

PARCEL = "The parcel is kept for 12 days."
LETTERS = st.text(st.sampled_from("aZé ß\n\t\\n'&amp;u0041ﬁÅ\u0301\u200b“—1,2倉ก\u0647한ᄒ\u1161\ud7ff😀"), max_size=60)


def same(one, other):
    return Folded(one).text == Folded(other).text


@pytest.mark.parametrize(
    "other",
    [
        "the PARCEL is kept for 12 days.",
        "  The parcel\r\n\tis kept   for\n12 days. ",
        "The par\u00adcel is\u00a0kept for 12\u202fdays.",
        "The parcel\\nis kept for 12 days.",
        "The &#112;arcel is kept&nbsp;for 12 days.",
        "\ufeffThe \u202bparcel\u202c is kept for 12 days.",
        "\uff34\uff48\uff45 parcel is kept for \uff11\uff12 days.",
    ],
)
def test_what_does_not_count(other):
    assert same(PARCEL, other)


@pytest.mark.parametrize("text", ["Größe “heute” — 5 €", "naïve café", "한국어 문장", "\U0001f600 ok", 'a "b" \\ c'])
def test_escaped_for_json_or_html_and_decomposed_it_stays_the_same(text):
    assert same(text.replace("\\", "/"), json.dumps(text.replace("\\", "/"))[1:-1])
    assert same(text, json.dumps(text, ensure_ascii=False)[1:-1]) or "\\" in text
    assert same(text, html.escape(text))
    assert same(text, unicodedata.normalize("NFD", text))


def test_words_make_a_difference():
    assert not same(PARCEL, PARCEL.replace("12", "21"))
    assert not same("AT&T", "AT and T")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It is 1,299.50 EUR on 2026-11-26, say.", ["it", "is", "1,299.50", "eur", "on", "2026-11-26", "say"]),
        ("倉庫は9時に開く", ["倉", "庫", "は", "9", "時", "に", "開", "く"]),
        ("Москва, 2026", ["москва", "2026"]),
        ("", []),
    ],
)
def test_tokens_are_words_figures_and_characters_of_scripts_without_spaces(text, tokens):
    assert Folded(text).tokens == tokens


@given(LETTERS)
def test_every_token_leads_back_to_where_it_stood(text):
    folded = Folded(text)
    count = len(folded.tokens)
    for first in range(count):
        for last in {first, min(first + 3, count - 1)}:
            start, end = folded.token_span(first, last)
            assert 0 <= start < end <= len(text)
            assert Folded(text[start:end]).tokens[: last - first + 1] == folded.tokens[first : last + 1]


@given(st.text())
def test_whatever_a_text_holds_its_folded_characters_have_a_place_in_it(text):
    folded = Folded(text)
    places = [folded.origin(at, at + 1) for at in range(len(folded.text))]
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert [start for start, _ in places] == sorted(start for start, _ in places)


SPACED = st.text(st.sampled_from("aZ1. \t\n\v\f\r\x1c\x1d\x1e\x1f"), max_size=60)


@given(SPACED, st.sampled_from(["", "ä", "\u00a0", "\u2003"]))
def test_of_plain_text_only_case_and_the_width_of_spaces_are_folded(text, other):
    text += other
    folded = Folded(text)
    assert folded.text == " ".join(text.lower().split())
    for at, letter in enumerate(folded.text):
        start, end = folded.origin(at, at + 1)
        if letter == " ":
            assert text[start:end].isspace()
        else:
            assert text[start:end].lower() == letter


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("कर दिया जाता है।", ["कर", "दिया", "जाता", "है"]),
        ("ফেরত পাঠানো হয়", ["ফেরত", "পাঠানো", "হয়"]),
        ("رقم الطلب ٤٧١١٨", ["رقم", "الطلب", "47118"]),
        ("दिन १२ दान", ["दिन", "12", "दान"]),
    ],
)
def test_signs_of_vowels_are_part_of_their_word_and_digits_are_digits(text, tokens):
    assert [unicodedata.normalize("NFC", one) for one in Folded(text).tokens] == [
        unicodedata.normalize("NFC", one) for one in tokens
    ]


def test_vowels_of_arabic_and_hebrew_may_be_left_out():
    assert same("كَتَبَ الوَلَدُ", "كتب الولد")
    assert same("שָׁלוֹם", "שלום")
