"""RFC 8785: the published vectors, the RFC's own examples, and what has no canonical form."""

import functools
import inspect
import json
import math
import struct
import sys
from enum import IntEnum, StrEnum
from hashlib import sha256
from pathlib import Path

import pytest

from provsdk.canonical import MAX_DEPTH, MAX_SAFE_INTEGER, canonical, number_text, parse
from provsdk.errors import FormatError, NotCanonical

PUBLISHED = Path(__file__).parents[3] / "shared" / "vectors" / "jcs"

NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4340000000000001", "9007199254740994"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_the_published_vectors_come_out_byte_for_byte(name):
    if not PUBLISHED.exists():
        pytest.skip(f"no published vectors at {PUBLISHED}")
    value = parse((PUBLISHED / "input" / f"{name}.json").read_bytes())

    assert canonical(value) == (PUBLISHED / "output" / f"{name}.json").read_bytes()
    assert canonical(value) == bytes.fromhex((PUBLISHED / "outhex" / f"{name}.txt").read_text())


@pytest.mark.parametrize(("bits", "text"), NUMBERS)
def test_numbers_are_written_as_appendix_b_of_the_rfc_lists_them(bits, text):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))

    assert number_text(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (1e30, "1e+30"),
        (1e20, "100000000000000000000"),
        (1e-7, "1e-7"),
        (1e16, "10000000000000000"),
        (4.50, "4.5"),
    ],
)
def test_numbers_have_the_short_form_of_ecmascript(number, text):
    assert canonical(number) == text.encode()


def test_keys_are_sorted_by_utf16_code_units():
    """U+1F600 is two surrogates there, and sorts before U+FB33."""
    keys = ["\ufb33", "\U0001f602", "\u20ac", "\u00f6", "\u0080", "</script>", "1", "\r", "\n"]

    assert list(json.loads(canonical(dict.fromkeys(keys, 0)))) == keys[::-1]


def test_a_small_record_has_the_known_bytes():
    value = {"b": [1, 2.0, None, True], "a": "€\n", "z": {"ä": 1, "A": 2}}

    assert canonical(value) == '{"a":"€\\n","b":[1,2,null,true],"z":{"A":2,"ä":1}}'.encode()
    assert sha256(canonical(value)).hexdigest() == "7673ab2314c9f73b5cbd3c29344226141c408013e22b51e342a1ee288ec620f9"


def test_only_quote_backslash_and_controls_are_escaped():
    assert canonical('"\\\b\t\n\f\r\x01\x1f\x7f\u2028é') == '"\\"\\\\\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\u2028é"'.encode()


def test_text_is_not_normalised():
    assert canonical("é") != canonical("e\u0301")


def test_long_decimal_fractions_keep_their_digits():
    assert canonical([123456.789e3, 0.00001, -1.5e-9, 12345678901234567e3]) == (
        b"[123456789,0.00001,-1.5e-9,12345678901234567000]"
    )


def test_tuples_are_arrays_and_empty_containers_stay():
    assert canonical(((), [], {})) == b"[[],[],{}]"


def test_subclasses_count_as_what_they_hold_whatever_their_methods_say():
    class Word(StrEnum):
        YES = "yes"

    class Number(IntEnum):
        TWO = 2

    class Lying(dict):
        def items(self):
            return [("other", 1)]

        def __iter__(self):
            return iter(["other"])

    assert canonical([Word.YES, Number.TWO, Lying(true=1)]) == b'["yes",2,{"true":1}]'


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1, {"b": math.nan}]}, "$.a[1].b"),
        ([math.inf], "$[0]"),
        ({"big": MAX_SAFE_INTEGER + 1}, "$.big"),
        ([-MAX_SAFE_INTEGER - 1], "$[0]"),
        (["\ud800"], "$[0]"),
        ({"x": {"\udfff": 1}}, "$.x.<key 0>"),
        ({"x": {1: 1}}, "$.x"),
        ({"x": b"bytes"}, "$.x"),
        ({"x": {1, 2}}, "$.x"),
        ({"x": object()}, "$.x"),
    ],
)
def test_what_has_no_canonical_form_is_refused_with_its_path(value, path):
    with pytest.raises(NotCanonical) as caught:
        canonical(value)

    assert str(caught.value).startswith(f"{path}: ")


def test_a_refusal_shows_no_content():
    with pytest.raises(NotCanonical) as caught:
        canonical({"my secret key!": ["a secret \ud800"]})

    assert "secret" not in str(caught.value)


def test_the_largest_safe_integers_are_kept():
    assert canonical([MAX_SAFE_INTEGER, -MAX_SAFE_INTEGER]) == b"[9007199254740991,-9007199254740991]"


def test_cycles_and_deep_nesting_are_refused():
    cycle: list = []
    cycle.append(cycle)
    deep: list = []
    for _ in range(MAX_DEPTH):
        deep = [deep]

    with pytest.raises(NotCanonical, match="cycle"):
        canonical(cycle)
    with pytest.raises(NotCanonical, match="nested beyond"):
        canonical(deep)
    with pytest.raises(NotCanonical, match="nested beyond"):
        canonical(functools.reduce(lambda inner, _: {"a": inner}, range(MAX_DEPTH), {}))
    assert canonical(deep[0]) == b"[" * MAX_DEPTH + b"]" * MAX_DEPTH


def test_little_stack_left_is_a_refusal_too():
    nested = functools.reduce(lambda inner, _: [inner], range(150), [])
    refusals = set()

    def dig(levels):
        if levels:
            return dig(levels - 1)
        try:
            return canonical(nested)
        except NotCanonical as error:
            return refusals.add(str(error).rpartition(": ")[2])

    for left in range(100, 200, 10):
        dig(sys.getrecursionlimit() - len(inspect.stack(0)) - left)

    assert refusals == {"nested too deeply for this thread's stack"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a":1,"a":1}', "duplicate key"),
        (b'[{"a":1,"\\u0061":2}]', "duplicate key"),
        (b'["\xff"]', "not UTF-8: byte 2"),
        (b'["\xed\xa0\x80"]', "not UTF-8"),
        (b'["\\ud800"]', "surrogate"),
        (b'{"\\udc00":1}', "surrogate"),
        (b"NaN", "no JSON number"),
        (b"[-Infinity]", "no JSON number"),
        (b"1e400", "range"),
        (b"9007199254740993", "a float would change"),
        (b"1" * 5000, "a float would change"),
        (b"", "not JSON"),
        (b"[1,]", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"[" * 100_000, "nested"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested"),
    ],
)
def test_parse_refuses_what_could_not_be_written_again(data, message):
    with pytest.raises(FormatError, match=message):
        parse(data)


def test_parse_reads_json_that_is_not_canonical():
    assert parse(b' { "b" : 1.50 , "a" : "\\u00e9\\ud83d\\ude00" } ') == {"b": 1.5, "a": "é😀"}


def test_parse_reads_the_integers_that_canonical_writes_for_floats():
    assert canonical(parse(b"[1e20,9007199254740994]")) == b"[100000000000000000000,9007199254740994]"
    assert parse(canonical(1e20)) == 1e20
