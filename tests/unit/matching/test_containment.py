"""Which texts stand in another one: where, and how much of them."""

import html
import json
import textwrap
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.matching import Folded, Span, contained

PASSAGES = [
    "A parcel that nobody fetches is kept for twelve days, then it goes back to whoever sent it, at their cost.",
    "Returns are free within thirty days of the delivery, as long as the seal of the box is unbroken.",
    "The branch in Spandau opens at nine in the morning and closes at half past six, on Saturdays at one.",
    "Whoever fetches a parcel for somebody else shows a letter of authority and the identity cards of both.",
]
QUESTION = "How long do you keep a parcel?"


def prompt_of(*passages):
    return "Answer from these pages only.\n\n" + "\n\n".join(passages) + f"\n\nQuestion: {QUESTION}"


def found(text, *sources):
    return [one.source for one in contained(Folded(text), list(map(Folded, sources)))]


def only(text, source):
    (one,) = contained(Folded(text), [Folded(source)])
    return one


def test_of_many_passages_those_are_found_that_reached_the_prompt():
    assert found(prompt_of(PASSAGES[2], PASSAGES[0]), *PASSAGES) == [0, 2]


@pytest.mark.parametrize(
    "changed",
    [
        str,
        str.upper,
        lambda text: textwrap.fill(text, 30),
        lambda text: textwrap.indent(textwrap.fill(text, 40), "> ").replace("> ", "    "),
        lambda text: json.dumps({"page": text + "\nü"}),
        lambda text: html.escape(text).replace(",", "&#44;"),
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: text.replace(" ", "\u00a0"),
    ],
)
def test_a_passage_is_found_whole_however_it_is_written(changed):
    passage = PASSAGES[0].replace("cost", "“cöst”")
    one = only(prompt_of(changed(passage)), passage)
    assert one.coverage == 1.0
    (span,) = one.spans
    assert (span.source_start, span.source_end) == (0, len(passage))


def test_the_place_is_given_in_characters_of_the_texts_as_they_are():
    passage = PASSAGES[1]
    text = prompt_of(textwrap.fill(passage.upper(), 30))
    (span,) = only(text, passage).spans
    assert Folded(text[span.start : span.end]).text == Folded(passage).text


@pytest.mark.parametrize(
    "cut",
    [lambda text: text[:60] + "…", lambda text: text[40:], lambda text: text[20:85]],
    ids=["end", "start", "both"],
)
def test_what_was_cut_short_is_found_with_how_much_is_there(cut):
    kept = cut(PASSAGES[0])
    one = only(prompt_of(kept), PASSAGES[0])
    assert one.coverage == pytest.approx(len(kept) / len(PASSAGES[0]), abs=0.12)
    for span in one.spans:
        assert Folded(PASSAGES[0][span.source_start : span.source_end]).text in Folded(kept).text


def test_a_passage_that_was_edited_is_found_by_what_stayed():
    edited = PASSAGES[0].replace("twelve", "14").replace("whoever sent it", "the sender")
    one = only(prompt_of(edited), PASSAGES[0])
    assert 0.4 < one.coverage < 0.95
    assert len(one.spans) >= 2


@pytest.mark.parametrize(
    "other",
    [
        "In the morning the branch of the tree was covered in snow, and nobody went out before noon that day.",
        "Ein Paket, das niemand abholt, wird zwölf Tage aufbewahrt und geht dann an den Absender zurück.",
        "a b c d e f g h i j k l m n o p q r s t u v w x y z",
        "Twelve days.",
    ],
    ids=["other words", "translated", "letters", "too short"],
)
def test_what_is_not_there_is_not_claimed(other):
    assert found(prompt_of(PASSAGES[0]), other) == []


def test_a_word_that_goes_on_is_another_word():
    assert found("the parcels are kept in the storehouses", "parcels are kept in the storehouse") == []


def test_a_passage_within_a_longer_one_is_explained_by_that():
    inner = PASSAGES[0][:52]
    assert found(prompt_of(PASSAGES[0]), inner, PASSAGES[0]) == [1]
    assert found(prompt_of(inner), inner, PASSAGES[0])[0] == 0
    assert found(prompt_of(PASSAGES[0], inner), inner, PASSAGES[0]) == [0, 1]


def test_of_a_heading_that_all_passages_share_only_those_are_found_that_are_there():
    headed = [f"Handbook of the parcel service, edition of 2026, page {n}\n{text}" for n, text in enumerate(PASSAGES)]
    assert found(prompt_of(headed[1]), *headed) == [1]


def test_equal_passages_are_claimed_as_often_as_they_stand_there():
    assert found(prompt_of(PASSAGES[0]), PASSAGES[0], PASSAGES[0]) == [0]
    assert found(prompt_of(PASSAGES[0], PASSAGES[0]), PASSAGES[0], PASSAGES[0]) == [0, 1]
    assert len(only(prompt_of(PASSAGES[0], PASSAGES[0]), PASSAGES[0]).spans) == 2


@pytest.mark.parametrize(
    "passages",
    [
        ["包裹在本店保存十二天，逾期未取将退回寄件人。", "周六下午一点关门，周日全天休息。"],
        ["お預かりした荷物は十二日間保管されます。", "土曜日は午後一時に閉まります。日曜日は休みです。"],
        ["พัสดุที่ไม่มีผู้มารับจะถูกเก็บไว้สิบสองวัน", "วันเสาร์ปิดเวลาบ่ายโมงตรง หยุดวันอาทิตย์"],
        ["יישמר החבילה שנים עשר ימים בסניף שלנו", "בשבת הסניף סגור כל היום ופתוח ביום ראשון"],
        ["يُحفظ الطرد اثني عشر يومًا في الفرع الرئيسي", "يغلق الفرع أبوابه يوم السبت الساعة الواحدة"],
        ["소포는 십이 일 동안 보관된 후 보낸 사람에게 반송됩니다", "토요일에는 오후 한 시에 문을 닫고 일요일은 쉽니다"],
        ["Посылка хранится двенадцать дней в отделении", "В субботу отделение закрывается в час дня"],
        ["पार्सल को शाखा में बारह दिनों तक रखा जाता है", "शनिवार को शाखा दोपहर एक बजे बंद हो जाती है"],
    ],
)
def test_every_script_is_searched(passages):
    first, second = passages
    text = prompt_of(unicodedata.normalize("NFD", second))
    assert found(text, first, second) == [1]
    both = f"{second} {first}"
    assert found(prompt_of(both[: len(both) * 3 // 4]), PASSAGES[0], both) == [1]


TEXT = st.text(st.sampled_from("ab cd,\n1é“ß中"), min_size=24, max_size=80).filter(lambda text: len(text.split()) > 3)


@given(TEXT, TEXT, TEXT)
def test_whatever_stands_there_whole_is_found_whole(before, source, after):
    if len(Folded(source).text) < 24:
        return
    one = only(f"{before} | {source} | {after}", source)
    assert one.coverage == 1.0
    assert all(Folded(source).text == Folded(f"{before} | {source} | {after}"[s.start : s.end]).text for s in one.spans)


@given(st.text(max_size=200), st.lists(st.text(max_size=60), max_size=5))
def test_any_texts_give_places_within_them(text, sources):
    for one in contained(Folded(text), list(map(Folded, sources))):
        assert 0 < one.coverage <= 1
        for span in one.spans:
            assert 0 <= span.start < span.end <= len(text)
            assert 0 <= span.source_start < span.source_end <= len(sources[one.source])
            assert isinstance(span, Span)


def test_taking_a_source_away_takes_its_find_away_and_no_other():
    text = prompt_of(*PASSAGES)
    assert found(text, *PASSAGES) == [0, 1, 2, 3]
    for position in range(4):
        rest = [*PASSAGES[:position], *PASSAGES[position + 1 :]]
        assert found(text, *rest) == [0, 1, 2]


def test_of_two_texts_that_have_the_same_sentence_both_are_found():
    """One may be the withdrawn one: nobody can tell from the words which it was."""
    sentence = "A parcel that nobody fetches is kept for ten days in the depot."
    sources = [Folded(f"faq-2019 (withdrawn). {sentence} Ask Ben."), Folded(f"faq-2026 (current). {sentence} Ask Ana.")]
    found = contained(Folded(f"As the page says: {sentence}"), sources)

    assert [one.source for one in found] == [0, 1]
    assert len({(one.spans[0].start, one.spans[0].end) for one in found}) == 1


def test_many_texts_are_found_where_one_by_one_they_would_be():
    sources = [Folded(f"Passage number {n} of the handbook, which says something of its own.") for n in range(200)]
    text = Folded("\n\n".join(one.source for one in sources[50:150]) + "\n" + sources[60].source.upper())
    together = contained(text, sources)

    alone = [found for n in range(200) for found in contained(text, [sources[n]]) if found.coverage == 1.0]
    assert [one.source for one in together] == list(range(50, 150))
    assert [one.spans[0] for one in together] == [one.spans[0] for one in alone]
