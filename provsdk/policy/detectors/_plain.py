"""Texts as terms and phrases are looked for in them: without case, accents, widths and what cannot be seen.

Unlike what `provsdk.matching` compares, each character is folded by itself, white space stays as it is, and accents go:
who hides a word from a filter changes letters, not lines.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from typing import Final
from unicodedata import category, normalize

__all__ = ["UNSPACED", "Plain", "is_mark", "plain"]

UNSPACED: Final = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # Japanese syllables
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
"""Of a class of characters: scripts that put no spaces between words."""

_OTHER: Final = re.compile("[^\x00-\x7f]+")
_ALIKE: Final = {
    **dict.fromkeys("\u2018\u2019\u201a\u02bc", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    **dict(zip("\u00f8\u0142\u0111\u0127\u0167\u0131", "oldhti", strict=True)),
}
"""Letters with a stroke and the i without a dot have no decomposition (UAX 15)."""
_IS_ALIKE: Final = re.compile(f"[{''.join(_ALIKE)}]")

_GONE: Final = re.compile(
    "["
    "\u0300-\u036f"  # accents
    "\u115f\u1160\u17b4\u17b5"  # letters that are not seen
    "\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"  # selectors of a letter's form
    "\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
    "]+"
)
"""Accents and what is not seen; its last two lines are the general category Cf (Unicode 15)."""


def is_mark(letter: str) -> bool:
    r"""Whether it belongs to the letter before it.

    >>> is_mark("\u0301"), is_mark("\u3099"), is_mark("a")
    (True, True, False)
    """
    return not letter.isascii() and category(letter)[0] == "M"


def plain(text: str) -> str:
    r"""The text folded: full case folding and compatibility decomposition, without accents and invisible characters.

    >>> plain("Ｃａｆé de\u200b la Straße")
    'cafe de la strasse'
    """
    if text.isascii():
        return text.lower()
    decomposed = normalize("NFKD", normalize("NFKD", text.casefold()).casefold())
    return _IS_ALIKE.sub(lambda letter: _ALIKE[letter.group()], _GONE.sub("", decomposed))


@lru_cache(maxsize=4_096)
def _length(letter: str) -> int:
    """Of what it is folded to."""
    return len(plain(letter))


class Plain:
    r"""A folded text that leads back to where its characters come from.

    >>> text = Plain("no\u200b ﬁre")
    >>> text.text, text.origin(4, 6)
    ('no fire', (4, 6))
    """

    __slots__ = ("_pieces", "_starts", "source", "text")

    def __init__(self, source: str) -> None:
        self.source = source
        self.text = plain(source)
        self._starts: list[int] = []
        self._pieces: list[tuple[int, int]] = []

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The place in the source of the folded characters from `start` to `end` (not empty), with their accents."""
        if self.source.isascii():
            return start, end
        if not self._starts:
            self._lead_back()
        behind = self._place(end - 1) + 1
        while behind < len(self.source) and is_mark(self.source[behind]):
            behind += 1
        return self._place(start), behind

    def _place(self, at: int) -> int:
        piece = bisect_right(self._starts, at) - 1
        start, step = self._pieces[piece]
        return start + (at - self._starts[piece]) * step

    def _lead_back(self) -> None:
        """Notes where a stretch begins that is folded one to one, or a character that is folded to several."""
        self._starts, self._pieces = [0], [(0, 1)]
        shift = 0
        for run in _OTHER.finditer(self.source):
            for at, letter in enumerate(run.group(), run.start()):
                length = _length(letter)
                if length == 1:
                    continue
                if length:
                    self._note(at + shift, at, 0)
                shift += length - 1
                self._note(at + 1 + shift, at + 1, 1)

    def _note(self, folded: int, source: int, step: int) -> None:
        if self._starts[-1] == folded:
            self._pieces[-1] = source, step
            return
        self._starts.append(folded)
        self._pieces.append((source, step))
