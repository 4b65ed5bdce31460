"""Values of several short fields, rows of a table or of an API's answer: whether their fields stand in a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from provsdk.matching._containment import Contained, Span
from provsdk.matching._places import Places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provsdk.matching._folding import Folded

__all__ = ["row_in"]

MIN_FIELD: Final = 3
"""Characters of a field that is no mere chance."""
MIN_FIELDS: Final = 2
MIN_LETTERS: Final = 12
"""Of all fields that are found."""
MIN_SHARE: Final = 0.8
"""Of the fields that are no chance, how many have to be found."""


def row_in(text: Folded, row: Sequence[Folded]) -> Contained | None:
    """The fields of a row that stand in the text, in whatever order; None where too few do.

    Args:
        text: That is searched.
        row: The fields.

    >>> from provsdk.matching import Folded
    >>> row = [Folded("Ana Sousa"), Folded("1299.5"), Folded("2019-04-02"), Folded("7")]
    >>> row_in(Folded('{"name": "Ana Sousa", "balance": 1299.50, "since": "2019-04-02"}'), row).coverage
    1.0
    >>> row_in(Folded("Ana Sousa was here."), row)
    """
    told = [field for field in row if len(field.text) >= MIN_FIELD and field.tokens]
    if len(told) < MIN_FIELDS:
        return None
    places = Places(text, {field.tokens[0] for field in told})
    found = [(field, at) for field in told if (at := places.of(tuple(field.tokens))) is not None]
    letters = sum(len(field.text) for field, _ in found)
    if len(found) < MIN_FIELDS or len(found) < MIN_SHARE * len(told) or letters < MIN_LETTERS:
        return None
    spans = sorted(Span(*text.token_span(at, at + len(field.tokens) - 1), 0, 0) for field, at in found)
    return Contained(0, tuple(spans), round(letters / sum(len(field.text) for field in told), 4))
