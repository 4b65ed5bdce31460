"""Terms are found however they are written; patterns that could take for ever are refused when they are loaded."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provsdk.errors import ConfigError
from provsdk.policy.detectors._plain import Plain, plain
from provsdk.policy.detectors.terms import Terms, check_pattern


def found(terms, text, patterns=()):
    return [text[one.start : one.end] for one in Terms.of(terms, patterns).find(text)]


@pytest.mark.parametrize(
    ("term", "text", "place"),
    [
        ("bomb", "A BOMB!", "BOMB"),
        ("bomb", "b\u200bo\u00admb", "b\u200bo\u00admb"),
        ("bomb", "（ｂｏｍｂ）", "ｂｏｍｂ"),
        ("bomb", "a bömb́ here", "bömb́"),
        ("bomb", "用bomb的", "bomb"),
        ("bomb", "dirty_bomb", "bomb"),
        ("Döner", "doner", "doner"),
        ("strasse", "Die STRAẞE", "STRAẞE"),
        ("office", "oﬃce", "oﬃce"),
        ("łódź", "LODZ", "LODZ"),
        ("kill switch", "kill\n  SWITCH", "kill\n  SWITCH"),
        ("kill switch", "kill-switch", "kill-switch"),
        ("don't", "DON’T", "DON’T"),
        ("c++", "in C++, or", "C++"),
        ("$hit", "oh $hit", "$hit"),
        ("f*ck", "F*CK", "F*CK"),
        ("тайна", "Та\u0301йна!", "Та\u0301йна"),
        ("ёлка", "елка", "елка"),
        ("सत्य", "यह सत्य है", "सत्य"),
        ("毒品", "卖毒品的", "毒品"),
        ("ガス", "毒ｶﾞｽ弾", "ｶﾞｽ"),
        ("ยา", "ขายยาบ้า", "ยา"),
        ("비밀", "\u1107\u1175\u1106\u1175\u11af x", "\u1107\u1175\u1106\u1175\u11af"),
        ("비밀", "비밀 문서", "비밀"),
        ("卐", "a卐b", "卐"),
        ("🖕", "x🖕🏽", "🖕"),
        ("***", "so ***.", "***"),
    ],
)
def test_a_term_is_found_however_it_is_written(term, text, place):
    assert found([term], text) == [place]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("ass", "the class assembles"),
        ("kill", "skills, killer"),
        ("kill switch", "kill the switch; kill. Switch"),
        ("c++", "c, c+ and cc++"),
        ("カ", "ガ"),
        ("सत", "सत्य"),
        ("비밀", "비밀번호"),
        ("가", "각"),
        ("毒品", "毒 药品"),
        ("bomb", ""),
    ],
)
def test_a_part_of_a_word_is_no_term(term, text):
    assert found([term], text) == []


def test_terms_that_overlap_are_one_finding_and_others_are_apart():
    assert found(["kill", "kill switch", "switch off"], "kill switch off, kill") == ["kill switch off", "kill"]


def test_patterns_match_the_text_as_it_is():
    terms = Terms.of(["döner"], [r"\bK-\d{4}\b", "(?i)projekt\\s+x", "z*"])
    text = "Doner, K-1234, Projekt  X, k-1234"

    assert [(one.kind, text[one.start : one.end]) for one in terms.find(text)] == [
        ("term", "Doner"),
        ("pattern", "K-1234"),
        ("pattern", "Projekt  X"),
    ]


@pytest.mark.parametrize("empty", ["", "  ", "\u200b", "\u0301"])
def test_a_term_without_anything_to_see_is_refused(empty):
    with pytest.raises(ConfigError, match="term 2 of the list"):
        Terms.of(["a", empty])


SECTION = st.text(max_size=20)


@given(SECTION, st.sampled_from(["kill switch", "毒品", "Döner", "c++"]), SECTION)
@settings(max_examples=80, deadline=None)
def test_a_term_is_found_in_any_text(before, term, behind):
    text = f"{before} {term} {behind}"
    place = len(before) + 1, len(before) + 1 + len(term)

    assert place in [(one.start, one.end) for one in Terms.of([term]).find(text)]


@given(
    st.lists(st.text(min_size=1, max_size=4).filter(lambda term: plain(term).strip()), max_size=4), st.text(max_size=60)
)
@settings(max_examples=80, deadline=None)
def test_findings_are_in_the_text_in_order_and_apart(terms, text):
    ends = [0]
    for one in Terms.of(terms).find(text):
        assert ends[-1] <= one.start < one.end <= len(text)
        ends.append(one.end)


@given(st.text(max_size=30))
@settings(max_examples=150, deadline=None)
def test_each_character_is_folded_by_itself_and_leads_back_to_itself(text):
    folded = Plain(text)
    assert sorted(folded.text) == sorted("".join(map(plain, text)))  # marks may change places
    for at in range(len(folded.text)):
        start, end = folded.origin(at, at + 1)
        assert 0 <= start < end <= len(text)


EXPLODING = [
    (r"(a+)+$", 0, "(a+)+", "a repeated group that itself repeats"),
    (r"(a|aa)+$", 0, "(a|aa)+", "can match the same text in two ways"),
    (r"(a|a)*b", 0, "(a|a)*", "can match the same text in two ways"),
    (r"(a|a?)+$", 0, "(a|a?)+", "can match the same text in two ways"),
    (r"(.*)*x", 0, "(.*)*", "a repeated group that itself repeats"),
    (r"^(([a-z])+.)+[A-Z]([a-z])+$", 1, "(([a-z])+.)+", "a repeated group that itself repeats"),
    (r"([a-zA-Z]+)*$", 0, "([a-zA-Z]+)*", "a repeated group that itself repeats"),
    (r"^(\w+\s?)*$", 1, r"(\w+\s?)*", "a repeated group that itself repeats"),
    (r"^(?:\d+\.?)+$", 1, r"(?:\d+\.?)+", "a repeated group that itself repeats"),
    (r"x(?:[a-z]+\d*)+!", 1, r"(?:[a-z]+\d*)+", "a repeated group that itself repeats"),
    (r"x(?i:a|A|ab|b)+!", 1, "(?i:a|A|ab|b)+", "can match the same text in two ways"),
    (r"(.*a){12}$", 0, "(.*a){12}", "a repeated group that itself repeats"),
    (r"x(a?){50}a{50}", 1, "(a?){50}", "a repeated group that can match nothing"),
    (r"(?:a{1,10}){1,10}b", 0, "(?:a{1,10}){1,10}", "two ways"),
    (r"^(?:(?:.|\w){5}){4}!", 1, r"(?:(?:.|\w){5}){4}", "a repeated group that itself repeats"),
    (r"^(?:.|\w){25}!", 1, r"(?:.|\w){25}", "two ways"),
    (r"^(?:(?:(?:a?){3}){3}){3}!", 7, "(?:a?){3}", "a repeated group that can match nothing"),
    (r"^\s*\s+$", 1, r"\s*\s+", "repeats one behind the other"),
    (r"^.*.*=.*", 1, ".*.*", "repeats one behind the other"),
    (r"^\d+\w+$", 1, r"\d+\w+", "repeats one behind the other"),
    (r"^[a-y]+[y-z]+$", 1, "[a-y]+[y-z]+", "repeats one behind the other"),
    (r"foo.*bar.*baz", 3, ".*bar.*", "repeats one behind the other"),
    (r"^(?:[^\W_]+-?)+é+", 1, r"(?:[^\W_]+-?)+", "a repeated group that itself repeats"),
    (r"^(?=(a+)+$)b", 4, "(a+)+", "a repeated group that itself repeats"),
    (r"^(?:(?=.*x)a)*", 1, "(?:(?=.*x)a)*", "looks ahead"),
    (r"\s+$", 0, r"\s+", "begins with a repeat without an end"),
    (r"x|\w+@y", 2, r"\w+", "begins with a repeat without an end"),
    (r"(?:a+b)+c", 0, "(?:a+b)+", "begins with a repeat without an end"),
    (r"(a)\1", 3, r"\1", "refers back"),
    (r"<(?P<n>\w)>(?P=n)", 11, "(?P=n", "refers back"),
    ("(?x) x (?:a+ # [c\n )+ $", 7, "(?:a+ # [c\n )+", "a repeated group that itself repeats"),
    (r"x[]+](?:[\]+]+)+!", 5, r"(?:[\]+]+)+", "a repeated group that itself repeats"),
    (r"x{2}\+(?:y+?)+?!", 6, "(?:y+?)+?", "a repeated group that itself repeats"),
]


@pytest.mark.parametrize(("pattern", "start", "part", "why"), EXPLODING)
def test_a_pattern_that_can_take_for_ever_is_refused_with_place_and_reason(pattern, start, part, why):
    with pytest.raises(ConfigError) as error:
        Terms.of([], [pattern])

    message = str(error.value)
    assert message.startswith(f"the pattern {pattern!r} can take for ever, at character {start}, '")
    assert repr(part).strip("'\"").rstrip("?") in message
    assert why in message


ORDINARY = [
    "",
    r"\b(?:foo|bar)\b",
    r"\d{3}-\d{2}-\d{4}",
    r"[A-Z]{2}\d+",
    r"(?i)project\s+x",
    r"\b[\w.]+@example\.com",
    r"[\w.]{1,64}@[\w-]+(?:\.[\w-]+)+",
    r"https?://\S+",
    r"https?://\S+/\S+",
    r"(?m)^\s*#.*$",
    r"(?:\d{1,3}\.){3}\d{1,3}",
    r"(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}",
    r'"[^"]*"',
    r'"(?:[^"\\]|\\.)*"',
    r"foo.*bar",
    r"foo.{0,200}bar.{0,200}baz",
    r"\w+",
    r"(?:ab)+",
    r"x(?:a|b|c)+y",
    r"\b\w+(?:-\w+)*\b",
    r"\b\w+\s+\w+\b",
    r"\b(?:[A-Z][a-z]+ )+Inc",
    r"^(?=.*\d)(?=.*[a-z]).{8,64}$",
    r"key:\s*\S+",
    r"\bKNR[- ]?\d{4,10}\b",
    r"\$\d{1,3}(?:,\d{3})*(?:\.\d{2})?",
    r"x(?:(?!foo)[a-z])*y",
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b",
    r"(?<!\w)@\w+",
    r"x{,5}y",
    r"药毒+品",
    r"#[0-9a-fA-F]{6}",
    r"(?P<year>\d{4})-(?P<month>\d{2})",
    r"\b(?:\d{4}\d{2},)+",
    "|".join(f"word{number}" for number in range(90)),
    "x(?:" + "|".join(f"w{number}!" for number in range(60)) + ")*y",
]


@pytest.mark.parametrize("pattern", ORDINARY)
def test_an_ordinary_pattern_is_accepted(pattern):
    check_pattern(pattern)
    re.compile(pattern)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "is no regular expression at character 0"),
        ("[z-a]", "is no regular expression at character 1"),
        ("a**", "is no regular expression at character 2"),
        ("a{1,99999999999}", "is no regular expression"),
        ("[[a]", "is no regular expression"),
        ("x" * 1_001, "has 1,001 characters, and 1,000 are allowed"),
        ("(" * 500 + ")" * 500, "is no regular expression"),
        ("(?:(?:\\w{199}x){100},){100}y" * 20, "make it several patterns"),
    ],
)
def test_a_pattern_that_is_wrong_or_too_long_is_refused(pattern, why):
    with pytest.raises(ConfigError, match=re.escape(why).replace("make", "[Mm]ake")):
        check_pattern(pattern)
