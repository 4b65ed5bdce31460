"""Where a few words stand in a text, in that order; figures count by their value: 1,299.50 is 1299.5."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provsdk.matching._folding import Folded

__all__ = ["Places", "plain"]

_IN_THOUSANDS: Final = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_DECIMAL: Final = re.compile(r"[0-9]+\.[0-9]+")


class Places:
    """Where words stand in a text that begin with one of a few.

    Args:
        text: The text.
        begin: First words of what will be asked for.
    """

    def __init__(self, text: Folded, begin: Iterable[str]) -> None:
        text.tick()
        wanted = set(map(plain, begin))
        self._tokens = [plain(token) if token[:1].isdigit() else token for token in text.tokens]
        self._starts: defaultdict[str, list[int]] = defaultdict(list)
        for at, token in enumerate(self._tokens):
            if token in wanted:
                self._starts[token].append(at)
        self._answers: dict[tuple[str, ...], int | None] = {}

    def of(self, words: tuple[str, ...]) -> int | None:
        """Number of the token where they stand first; None where they do not."""
        starts = self._starts.get(plain(words[0]))
        if starts is None:
            return None
        if words not in self._answers:
            tokens, told = self._tokens, list(map(plain, words))
            self._answers[words] = next((at for at in starts if tokens[at : at + len(told)] == told), None)
        return self._answers[words]


@lru_cache(maxsize=4_096)
def plain(token: str) -> str:
    """A word, or a figure without the commas of thousands and without zeros at the end of its fraction.

    >>> plain("1,299.50"), plain("7.0"), plain("2026-11-27"), plain("parcel")
    ('1299.5', '7', '2026-11-27', 'parcel')
    """
    if _IN_THOUSANDS.fullmatch(token):
        token = token.replace(",", "")
    return token.rstrip("0").rstrip(".") if _DECIMAL.fullmatch(token) else token
