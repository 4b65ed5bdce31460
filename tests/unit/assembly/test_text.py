"""Text and times as a record may hold them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.assembly.text import clean, is_moment, plain_json, rfc3339
from provsdk.records.codec import decode, encode


@given(st.text(st.characters()), st.integers(0, 20))
def test_what_was_cleaned_is_clean_and_no_longer_than_asked(text, limit):
    once = clean(text, limit)

    assert clean(once, limit) == once
    assert len(once) <= limit
    once.encode()


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_letters_digits_and_signs_of_every_script_stay(text):
    assert clean(text, 10_000) == text


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_790_000_000_123_456_789, "2026-09-21T14:13:20.123456Z"),
        (-1, "1970-01-01T00:00:00.000000Z"),
        (10**30, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_times_are_written_with_microseconds(nanoseconds, expected):
    assert rfc3339(nanoseconds) == expected


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_times_order_as_their_texts_do(first, second):
    assert rfc3339(min(first, second)) <= rfc3339(max(first, second))
    assert is_moment(rfc3339(first))


@pytest.mark.parametrize("text", ["", "2026-01-01", "2026-01-01T00:00:00Z", "2026-13-01T00:00:00.000000Z", "x" * 27])
def test_what_is_no_time_of_a_record(text):
    assert not is_moment(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
)


@given(json_values)
def test_plain_json_has_the_same_canonical_bytes_when_it_was_read_back(value):
    written = encode(plain_json(value))

    assert encode(decode(written, object, "value")) == written


@pytest.mark.parametrize("value", [object(), {1}, b"x"])
def test_what_is_no_json_is_refused(value):
    with pytest.raises(ValueError, match="no JSON"):
        plain_json(value)


def test_what_is_nested_too_deeply_is_refused():
    value = []
    value.append(value)
    with pytest.raises(ValueError, match="too deeply"):
        plain_json(value)
