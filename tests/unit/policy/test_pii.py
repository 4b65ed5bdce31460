"""Personal data is found where it stands, and what only looks like it is left alone."""

import itertools
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban, luhn

from provsdk.errors import ConfigError
from provsdk.policy.detectors._pii_formats import FORMATS
from provsdk.policy.detectors.pii import KINDS, available_kinds, find

CORE = ("credit_card", "email", "iban", "ip_address", "us_ssn")


def said(text, kinds=None):
    return [(one.kind, text[one.start : one.end]) for one in find(text, kinds)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Write to ana@example.org.", "ana@example.org"),
        ("<o'brien+news@mail.example.co.uk>", "o'brien+news@mail.example.co.uk"),
        ("'ana@example.org'", "ana@example.org"),
        ("?to=ana@example.org&cc=", "ana@example.org"),
        ("mailto:a_b%c@xn--mnchen-3ya.example.de", "a_b%c@xn--mnchen-3ya.example.de"),
        ("jörg@münchen.example", "jörg@münchen.example"),
        ("メール：ana@example.comです", "ana@example.com"),
        ("用户@例子.公司", "用户@例子.公司"),
        ("ana＠example.org", "ana＠example.org"),
    ],
)
def test_an_email_address_is_found(text, address):
    assert said(text) == [("email", address)]


@pytest.mark.parametrize(
    "text",
    [
        "icon@2x.png",
        "@ana and pkg@1.2.3",
        "root@localhost",
        "git@github.com:org/docs.git",
        "https://user:pw@host.example/x",
        "Message-ID: <ab12@mail.example.org>",
        "a..b@example.org",
        "@example.org",
        "ana@",
    ],
)
def test_what_only_has_an_at_sign_is_no_email_address(text):
    assert said(text) == []


@pytest.mark.parametrize(
    "number",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111111111111111",
        "3782 822463 10005",
        "378282246310005",
        "5555555555554444",
        "2223003122003222",
        "6011 1111 1111 1117",
        "3056 930902 5904",
        "3530111333300000",
        "4111\u00a01111\u00a01111\u00a01111",
    ],
)
def test_a_card_number_is_found(number):
    assert said(f"charged {number}, thanks") == [("credit_card", number)]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "9111 1111 1111 1111",
        "order 4111111111111111",
        "4111 1111 1111 1111 1111",
        "0.4111111111111111",
        "a4111111111111111",
    ],
)
def test_what_is_no_card_number_is_left_alone(text):
    assert said(text) == []


def test_what_follows_a_card_number_is_no_part_of_it():
    assert said("4111 1111 1111 1111 12/27 123") == [("credit_card", "4111 1111 1111 1111")]


@pytest.mark.parametrize(
    "number",
    [
        "DE89 3704 0044 0532 0130 00",
        "GB82WEST12345698765432",
        "NL91-ABNA-0417-1643-00",
        "fr1420041010050500013m02606",
        "MT84MALT011000012345MTLCAST001S",
        "BE68\u202f5390\u202f0754\u202f7034",
    ],
)
def test_an_account_number_is_found(number):
    assert said(f"IBAN: {number}.") == [("iban", number)]


@pytest.mark.parametrize("text", ["IBAN DE89 3704 0044 0532 0130 01", "DE8937040044", "XX89 3704 0044 0532 0130 00"])
def test_what_is_no_account_number_is_left_alone(text):
    assert said(text) == []


@pytest.mark.parametrize(
    "address",
    [
        "203.0.113.7",
        "8.8.4.44",
        "2001:db8::7:1",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "::ffff:203.0.113.7",
        "2001:DB8:0:0:8:800:200C:417A",
    ],
)
def test_an_internet_address_is_found(address):
    assert said(f"login from {address}: failed") == [("ip_address", address)]


@pytest.mark.parametrize(
    "text",
    [
        "version 203.0.113.7",
        "v203.0.113.7",
        "Chrome/120.0.113.7",
        "section 1.2.3.4",
        "1.2.3.4 Scope",
        "1.2.3.4.5",
        "203.0.113.700",
        "netmask 255.255.255.0",
        "127.0.0.1 and ::1 and 0.0.0.0",
        "std::vector a::b A::B::c",
        "rows[::2], rows[10::2]",
        "12:30:45",
        "00:1a:2b:3c:4d:5e",
    ],
)
def test_what_is_nobodys_address_is_left_alone(text):
    assert said(text) == []


@pytest.mark.parametrize(
    "number",
    [
        "+49 30 901820",
        "+49 (0)30 901820",
        "+44-20-7946-0958",
        "+12015550123",
        "0049 30 901820",
        "030 901820",
        "030/901820",
        "(201) 555-0123",
        "201-555-0123",
        "1-201-555-0123",
        "01 23 45 67 89",
        "(11) 96123-4567",
    ],
)
def test_a_telephone_number_is_found_as_it_is_written(number):
    assert said(f"Maybe {number}, or not.") == [("phone", number)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Tel. 07911123456", "07911123456"),
        ("Teléfono: 612 34 56 78", "612 34 56 78"),
        ("mobile 4915112345678", "4915112345678"),
        ("電話番号は03-1234-5678です", "03-1234-5678"),
        ("call (201) 555-0123 2 times", "(201) 555-0123"),
    ],
)
def test_a_word_beside_it_makes_a_telephone_number_of_plain_digits(text, number):
    assert said(text) == [("phone", number)]


@pytest.mark.parametrize(
    "text",
    [
        "612 34 56 78",
        "4915112345678",
        "order 201-555-0123",
        "+49 30",
        "most recent call last: ValueError: expected 50331648 bytes",
        "Bug #1083110 -- calling it",
        "12.05.2024 10:30",
        "2024-05-01",
        "978-3-16-148410-0",
        "+1 000 000 0000",
        "Total: $1,234,567.89",
        "pages 243-2516",
    ],
)
def test_digits_without_such_a_word_are_no_telephone_number(text):
    assert said(text) == []


@pytest.mark.parametrize("number", ["536-90-4399", "536‑90‑4399", "５３６－９０－４３９９"])
def test_a_social_security_number_is_found(number):
    assert said(f"it is {number}.") == [("us_ssn", number)]


@pytest.mark.parametrize("text", ["SSN 536904399", "social security number: 536 90 4399", '"ssn": "536904399"'])
def test_a_word_beside_it_makes_a_social_security_number_of_plain_digits(text):
    assert [kind for kind, _ in said(text)] == ["us_ssn"]


@pytest.mark.parametrize(
    "text",
    ["SSN 000-12-3456", "SSN 666-12-3456", "SSN 536-00-4399", "SSN 536-90-0000", "SSN 078-05-1120", "536904399",
     "part no 536-90-4399", "12-536-90-4399"],
)  # fmt: skip
def test_what_the_administration_never_gave_is_left_alone(text):
    assert said(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Steuer-ID: 36574261809",
        "36 574 261 809",
        "54362315-K",
        "54362315K",
        "X2482300W",
        "2 95 10 99 126 111 93",
        "RCCMNL83S18D969H",
        "RCC MNL 83S18 D969H",
        "BSN 111222333",
        "85.07.30-033.28",
        "Número de contribuinte: 501964843",
        "PESEL: 44051401359",
        "880320-0016",
        "131052-308T",
        "131052A308T",
        "211062-5629",
        "151086 95088",
        "756.9217.0769.85",
        "AB 12 34 56 C",
        "NHS number 943 476 5870",
        "390.533.447-05",
        "Aadhaar 2341 2341 2346",
        "ACUPA7085R",
        "身份证360426199101010071号",
        "971013-9019902",
        "7503305044089",
        "T.C. kimlik no 17291716060",
        "SIN: 123-456-782",
        "TFN 123 456 782",
        "2123 45670 1",
        "BOXW310820HNERXN09",
        "20-05536168-2",
        "12.531.909-2",
        "912-90-3456",
        "6433435OA",
        "710319/2745",
    ],
)
def test_a_national_number_is_found(text):
    assert [kind for kind, _ in said(text)] == ["national_id"]


@pytest.mark.parametrize(
    "text",
    [
        "36574261809",
        "order 36 574 261 809",
        "111222333",
        "BSN 111222334",
        "SIN: 123-456-783",
        "CPF 390.533.447-06",
        "AHV 756.9217.0769.84",
        "personnummer 880320-0017",
        "DNI 54362315-L",
        "1700000000",
        "1700000000000",
        "550e8400-e29b-41d4-a716-446655440000",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "2024-05-01T10:30:45.123456Z",
        "without sin 123456782",
    ],
)
def test_what_only_looks_like_a_national_number_is_left_alone(text):
    assert said(text) == []


def test_a_number_that_its_library_stumbles_over_is_none():
    assert said("身份证441274316002097694") == []


def test_the_nearest_word_decides():
    assert said("order 4711 for BSN 111222333") == [("national_id", "111222333")]
    assert said("BSN given, order 111222333") == []


def test_several_findings_come_in_order_and_without_overlap():
    text = "ana@example.org, +49 30 901820, DE89 3704 0044 0532 0130 00, 203.0.113.7"

    assert [kind for kind, _ in said(text)] == ["email", "phone", "iban", "ip_address"]


def test_only_the_kinds_that_are_asked_for_are_found():
    assert said("ana@example.org, 203.0.113.7", ["ip_address"]) == [("ip_address", "203.0.113.7")]
    assert said("ana@example.org, 203.0.113.7", []) == []


def test_an_unknown_kind_is_refused_with_those_that_are_known():
    with pytest.raises(ConfigError, match="unknown kind 'passport'; known are credit_card, email"):
        find("", ["passport"])


@pytest.fixture
def without_libraries(monkeypatch):
    for name in ("stdnum", "phonenumbers"):
        monkeypatch.setitem(sys.modules, name, None)


def test_all_kinds_are_there_with_the_extra():
    assert available_kinds() == KINDS


def test_without_the_extra_the_kinds_of_the_core_are_there(without_libraries):
    assert available_kinds() == CORE
    assert [kind for kind, _ in said("4111 1111 1111 1111, SSN 536-90-4399, +49 30 901820, BSN 111222333")] == [
        "credit_card",
        "us_ssn",
    ]


@pytest.mark.parametrize("kind", ["national_id", "phone"])
def test_a_kind_whose_library_is_missing_is_refused_with_what_to_install(without_libraries, kind):
    with pytest.raises(ConfigError, match=rf'{kind}.*pip install "provsdk\[pii\]"'):
        find("", [kind])


@pytest.mark.parametrize("part", ["7", "@", "1-", "a.", ":", "1.", "a@a.", "+1 (", "1 ", "GB82", "::1 ", "(0) "])
def test_a_text_of_one_sign_over_and_over_is_read_to_its_end(part):
    assert all(one.end <= 100_000 for one in find(part * (100_000 // len(part))))


PLAIN_LENGTHS = sorted(
    {len(shape) for one in FORMATS for shape in one.shaped if one.kind == "national_id" and set(shape) == {"9"}}
)


@pytest.mark.parametrize("length", PLAIN_LENGTHS)
def test_plain_digits_that_need_no_word_seldom_pass_by_chance(length):
    chance = random.Random(3)
    numbers = ["".join(chance.choices("0123456789", k=length)) for _ in range(2_000)]
    passed = sum(said(number, ["national_id"]) != [] for number in numbers)

    assert passed < 2_000 / 50


@given(st.text(alphabet=st.one_of(st.sampled_from("0123456789 -./@:+()aA\u00a0\uff11"), st.characters()), max_size=200))
def test_findings_lie_in_the_text_sorted_and_apart(text):
    found = find(text)

    assert all(0 <= one.start < one.end <= len(text) and one.kind in KINDS for one in found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))


WORDS = st.text(alphabet="abcdefgh ,.\n\u00e9\u4e2d", max_size=40).map(lambda text: f"{text} ")
CARDS = st.from_regex(r"(4[0-9]{3}|5[1-5][0-9]{2})[0-9]{11}", fullmatch=True).map(
    lambda body: body + luhn.calc_check_digit(body)
)
ACCOUNTS = st.from_regex(r"[0-9]{18}", fullmatch=True).map(
    lambda body: "DE" + iban.calc_check_digits(f"DE00{body}") + body
)
SPELLINGS = st.sampled_from([" ", "-", "", "\u00a0", "\u2011"])


def in_groups(number, sign):
    return sign.join(number[n : n + 4] for n in range(0, len(number), 4))


@given(before=WORDS, after=WORDS, number=CARDS, sign=SPELLINGS)
def test_a_card_number_is_found_at_its_place_in_any_text(before, after, number, sign):
    written = in_groups(number, sign)
    found = find(f"{before}{written} {after}", ["credit_card"])

    assert [(one.start, one.end) for one in found] == [(len(before), len(before) + len(written))]


@given(before=WORDS, after=WORDS, number=ACCOUNTS, sign=SPELLINGS)
def test_an_account_number_is_found_at_its_place_in_any_text(before, after, number, sign):
    written = in_groups(number, sign)
    found = find(f"{before}{written} {after}", ["iban"])

    assert [(one.start, one.end) for one in found] == [(len(before), len(before) + len(written))]


@given(number=CARDS, place=st.integers(0, 15), other=st.integers(1, 9))
def test_a_card_number_with_one_digit_changed_is_not_found(number, place, other):
    assert find(changed(number, place, other), ["credit_card"]) == []


@given(number=ACCOUNTS, place=st.integers(2, 21), other=st.integers(1, 9))
def test_an_account_number_with_one_digit_changed_is_not_found(number, place, other):
    assert find(f"IBAN {changed(number, place, other)}", ["iban"]) == []


def changed(number, place, other):
    return number[:place] + str((int(number[place]) + other) % 10) + number[place + 1 :]
