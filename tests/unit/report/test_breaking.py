"""Long words break at their joints; whatever stands there, nothing is lost and nothing is wider than the screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from provsdk.report.breaking import joints

PATH = "/srv/app/.venv/lib/python3.11/site-packages/cryptography-50.0.2.dist-info/licenses/LICENSE.APACHE"


def lines(text, width):
    ends = [*joints(text, width), len(text)]
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("cites-a-passage", 14, ["cites-a-", "passage"]),
        ("asyncio.exceptions.CancelledError", 20, ["asyncio.exceptions.", "CancelledError"]),
        ("no_personal_data", 12, ["no_personal_", "data"]),
        (PATH, 64, [PATH[:44], PATH[44:]]),
        ("src/pip/_vendor/packaging/LICENSE.APACHE", 22, ["src/pip/_vendor/", "packaging/", "LICENSE.APACHE"]),
        ("some words and cites-a-passage", 15, ["some words and cites-a-passage"]),
        ("whole words", 5, ["whole words"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("a-bcdefghij", 9, ["a-bcdefgh", "ij"]),
    ],
)
def test_a_word_that_is_too_long_breaks_after_a_slash_or_another_joint_if_there_is_one(text, width, expected):
    assert lines(text, width) == expected


@given(st.text("ab /-._日é\u0301👩‍🔬", max_size=60), st.integers(0, 30))
def test_nothing_is_lost_and_nothing_is_too_wide(text, width):
    pieces = lines(text, width)

    assert "".join(pieces) == text
    assert all(cell_len(word) <= max(width, 2) for piece in pieces for word in piece.split())
