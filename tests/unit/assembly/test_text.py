"""Text as a record may hold it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.assembly.text import clean, plain_json
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
