"""Which of many texts can stand in one of them, found without comparing each with each.

Whatever stands in a text, or a part of it that counts, has five words in a row with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from provsdk.matching import Folded

__all__ = ["SIZE", "Shingles"]

SIZE: Final = 5
"""Words; the shortest run that `provsdk.matching.contained` finds."""

MAX_TEXTS: Final = 16
"""That have the same five words: what stands in more of them is a form that they share."""


class Shingles:
    """An index of texts by their position, that grows as they are asked about in order.

    Args:
        texts: all of them.
        rows: positions of those that may stand in another text in pieces.
    """

    def __init__(self, texts: Sequence[Folded], rows: Iterable[int]) -> None:
        self._texts = texts
        self._indexed = 0
        self._places: dict[tuple[str, ...], list[int]] = {}
        self._short: set[int] = set(rows)
        """Those, and texts of fewer words, which are to be compared with each."""

    def before(self, position: int) -> set[int]:
        """Positions before that one of texts that may stand in the text there, or hold it."""
        while self._indexed < position:
            self._add(self._indexed)
            self._indexed += 1
        shared = (one for shingle in self._of(position) for one in self._places.get(shingle, ()))
        return {one for one in (*shared, *self._short) if one < position}

    def near(self, text: Folded) -> set[int]:
        """Positions of all texts that may stand in another one, or hold it."""
        while self._indexed < len(self._texts):
            self._add(self._indexed)
            self._indexed += 1
        found = (one for shingle in _shingles(text) for one in self._places.get(shingle, ()))
        return {*found, *self._short}

    def _add(self, position: int) -> None:
        is_short = True
        for shingle in self._of(position):
            is_short = False
            places = self._places.setdefault(shingle, [])
            if len(places) < MAX_TEXTS and (not places or places[-1] != position):
                places.append(position)
        if is_short:
            self._short.add(position)

    def _of(self, position: int) -> Iterator[tuple[str, ...]]:
        return _shingles(self._texts[position])


def _shingles(text: Folded) -> Iterator[tuple[str, ...]]:
    text.tick()
    return zip(*(text.tokens[first:] for first in range(SIZE)), strict=False)
