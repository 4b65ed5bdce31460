"""Times as records have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk import rfc3339


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
    assert rfc3339.of_ns(nanoseconds) == expected


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_times_order_as_their_texts_do(first, second):
    assert rfc3339.of_ns(min(first, second)) <= rfc3339.of_ns(max(first, second))
    assert rfc3339.is_written(rfc3339.of_ns(first))


@pytest.mark.parametrize("text", ["", "2026-01-01", "2026-01-01T00:00:00Z", "2026-13-01T00:00:00.000000Z", "x" * 27])
def test_what_is_no_time_of_a_record(text):
    assert not rfc3339.is_written(text)
