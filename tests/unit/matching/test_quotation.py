"""Which words of an output stand in a source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.matching import Folded, quoted

HANDBOOK = [
    "Parcels. A parcel that nobody fetches is kept for twelve days, then it goes back to whoever sent it.",
    "Returns. Within thirty days of the delivery they are free, as long as the seal is unbroken.",
    "Branches. The one in Spandau, run by Anna Lehmann, opens at 09:30; its number is 030-4711-22.",
    "Prices. A parcel up to five kilograms costs 7,49 EUR, one beyond that 16.50 EUR.",
]


def found(output, *sources, beside=()):
    return [one.source for one in quoted(Folded(output), list(map(Folded, sources)), list(map(Folded, beside)))]


@pytest.mark.parametrize(
    ("output", "sources"),
    [
        ("We keep it: a parcel that nobody fetches is kept for twelve days.", [0]),
        ("WITHIN THIRTY DAYS OF THE\nDELIVERY they are free.", [1]),
        ("It costs 7,49 EUR.", [3]),
        ("Ask Anna Lehmann.", [2]),
        ("Call 030-4711-22 from 09:30 on; up to five kilograms are 7,49.", [2, 3]),
        ("A parcel that nobody fetches is kept for twelve days; a heavy one costs 16.50.", [0, 3]),
        ("I do not know.", []),
        ("Das Paket wird zwölf Tage aufbewahrt.", []),
        ("Parcels are kept for days and the branch is open.", []),
    ],
)
def test_runs_of_words_figures_and_names_are_quotations(output, sources):
    assert found(output, *HANDBOOK) == sources


def test_the_places_are_given_on_both_sides():
    output = "As our handbook has it: THEN IT GOES BACK to whoever sent it."
    (one,) = quoted(Folded(output), [Folded(HANDBOOK[0])])
    (span,) = one.spans
    assert output[span.start : span.end] == "THEN IT GOES BACK to whoever sent it"
    assert HANDBOOK[0][span.source_start : span.source_end] == "then it goes back to whoever sent it"
    assert one.coverage == pytest.approx(8 / 13, abs=0.001)


def test_what_the_question_says_already_is_no_quotation():
    question = "What does a parcel up to five kilograms cost, is it 7,49 for Anna Lehmann?"
    answer = "For a parcel up to five kilograms Anna Lehmann pays 7,49."
    assert found(answer, *HANDBOOK, beside=[question]) == []
    assert found(answer, *HANDBOOK) == [2, 3]


def test_a_figure_that_several_sources_have_says_nothing():
    assert found("It was in 2026.", "Opened in 2026.", "Closed in 2026.") == []
    assert found("It was in 2026.", "Opened in 2026.", "Closed in 2025.") == [0]


def test_short_figures_are_chance():
    assert found("There are 12 of them.", "We have 12 branches.", "We have 14 cars.") == []


SHOP = "Open for 365 days; order 471123 came on 14 May 2026."


@pytest.mark.parametrize(
    ("output", "sources"),
    [
        ("It is up to 500 EUR.", [0]),
        ("There are 500 reasons.", []),
        ("The moon is 500", []),
        ("500", [0]),
        ("It opened in 1987.", []),
        ("Open since 1987.", [1]),
        ("The moon is 365 km wide.", []),
        ("It is 365 days.", [2]),
        ("Its number is 471123.", [2]),
        ("Delivered on 14 May.", [2]),
        ("Delivered on May 15.", []),
        ("Some 20,000 people.", [1]),
    ],
)
def test_a_common_figure_counts_with_a_word_beside_it_or_as_all_that_is_said(output, sources):
    assert found(output, "We cover 500 EUR.", "Since 1987, for 20,000 people.", SHOP) == sources


def test_a_turn_of_phrase_that_most_sources_have_is_no_quotation():
    phrase = "please note that all of our prices are subject to change"
    sources = [f"{text} And {phrase}." for text in HANDBOOK]
    assert found(f"Sure, {phrase}!", *sources) == []
    assert found(f"Sure, {phrase}!", sources[0], *HANDBOOK[1:]) == [0]


def test_the_longest_run_counts_where_sources_share_words():
    longer = "A parcel that nobody fetches is kept for twelve days, then it goes back."
    shorter = "A parcel that nobody fetches is kept for ten days."
    assert found("A parcel that nobody fetches is kept for twelve days.", shorter, longer) == [1]


@pytest.mark.parametrize(
    ("output", "sources"),
    [
        (
            "根据手册，包裹在本店保存十二天，请及时领取。",
            ["周六下午一点关门，周日全天休息。", "包裹在本店保存十二天，逾期将退回。"],
        ),
        (
            "荷物は十二日間保管されますのでご安心ください。",
            ["土曜日は午後一時に閉まります。", "お預かりした荷物は十二日間保管されます。"],
        ),
        (
            "תשובה: החבילה נשמרת שנים עשר ימים בסניף",
            ["בשבת הסניף סגור כל היום", "החבילה נשמרת שנים עשר ימים בסניף הראשי"],
        ),
    ],
)
def test_other_scripts(output, sources):
    assert found(output, *sources) == [1]


@given(st.text(max_size=150), st.lists(st.text(max_size=80), max_size=4))
def test_any_texts_give_places_within_them(output, sources):
    for one in quoted(Folded(output), list(map(Folded, sources))):
        assert 0 < one.coverage <= 1
        for span in one.spans:
            assert 0 <= span.start < span.end <= len(output)
            assert 0 <= span.source_start < span.source_end <= len(sources[one.source])
