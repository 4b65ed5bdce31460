"""Canonical bytes for any JSON value: as an independent implementation writes them, and readable again."""

import json

import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from provsdk.canonical import MAX_SAFE_INTEGER, canonical, parse
from provsdk.errors import FormatError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


@settings(deadline=None)
@given(VALUES)
def test_bytes_are_those_of_an_independent_implementation(value):
    assert canonical(value) == rfc8785.dumps(value)


@settings(deadline=None)
@given(VALUES)
def test_what_is_written_reads_back_as_the_same_value(value):
    assert parse(canonical(value)) == value
    assert canonical(parse(canonical(value))) == canonical(value)


@settings(deadline=None)
@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_other_spellings_of_a_value_have_the_same_canonical_bytes(value, indent, ascii_only):
    spelled = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()

    assert canonical(parse(spelled)) == canonical(value)


@settings(deadline=None)
@given(st.binary(max_size=40) | st.text(alphabet='{}[]",:\\u0dD8e1.-+ tfn', max_size=30).map(str.encode))
def test_any_bytes_are_either_read_or_refused_cleanly(data):
    try:
        value = parse(data)
    except FormatError:
        return
    assert parse(canonical(value)) == value
