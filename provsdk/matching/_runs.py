"""Runs of words that two texts have in common, as long as they can be.

By shingles: every few words of one text are looked up in an index of the other's, and what is found is extended. The
work is linear in both texts. (Fingerprints of documents usually keep only some of the shingles, as in winnowing:
Schleimer, Wilkerson, Aiken, SIGMOD 2003. An index that lives for one search has no need to be small.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from provsdk.matching._folding import is_unspaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Index", "Run", "weight"]

MAX_PLACES: Final = 8
"""Places of one shingle that are tried: what stands everywhere is no sign of anything."""

_EVERY: Final = 1_024
"""Shingles from one tick to the next."""

UNSPACED_WEIGHT: Final = 0.6
"""Of a character where words are not set apart: fewer than two of them make one."""


class Run(NamedTuple):
    """So many tokens of a text that stand in another one, in the same order."""

    at: int
    """Number of the first token in the text that was indexed."""
    other_at: int
    """In the other one."""
    length: int


class Index:
    """Where each few tokens of a text stand.

    Args:
        tokens: Of the text.
        size: Tokens of a shingle.
        tick: Called now and then; what it raises ends what is being done.

    >>> index = Index("a parcel is kept for twelve days and then goes back".split(), 3)
    >>> list(index.runs("it is kept for twelve days at most".split()))
    [Run(at=2, other_at=1, length=5)]
    """

    __slots__ = ("_more", "_places", "_tick", "_tokens", "size")

    def __init__(self, tokens: Sequence[str], size: int, tick: Callable[[], object] = lambda: None) -> None:
        self.size = size
        self._tick = tick
        self._tokens = tokens
        self._places: dict[tuple[str, ...], int] = {}
        self._more: dict[tuple[str, ...], list[int]] = {}
        """Further places, of the few shingles that have some."""
        first, more = self._places.setdefault, self._more
        for at, shingle in enumerate(_shingles(tokens, size)):
            if not at % _EVERY:
                tick()
            if first(shingle, at) != at and len(more.setdefault(shingle, [])) < MAX_PLACES:
                more[shingle].append(at)

    def runs(self, other: Sequence[str]) -> Iterator[Run]:
        """The runs of another text's tokens that stand in this one, by their place there, none within another."""
        places = self._places
        reached = 0
        for other_at, shingle in enumerate(_shingles(other, self.size)):
            if not other_at % _EVERY:
                self._tick()
            if other_at < reached or shingle not in places:
                continue
            tried = (places[shingle], *self._more.get(shingle, ()))
            at, length = max(((place, self._common(place, other, other_at)) for place in tried), key=lambda one: one[1])
            reached = other_at + length
            yield Run(at, other_at, length)

    def _common(self, at: int, other: Sequence[str], other_at: int) -> int:
        tokens = self._tokens
        length = self.size
        longest = min(len(tokens) - at, len(other) - other_at)
        while length < longest and tokens[at + length] == other[other_at + length]:
            length += 1
        return length


def _shingles(tokens: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return zip(*(tokens[first:] for first in range(size)), strict=False)


def weight(tokens: Sequence[str]) -> float:
    """How many words they are worth."""
    unspaced = sum(map(is_unspaced, tokens))
    return len(tokens) - unspaced + round(unspaced * UNSPACED_WEIGHT, 1)
