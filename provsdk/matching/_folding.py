"""Texts as they are compared, where case, white space, Unicode form and escapes do not count; offsets lead back.

Text that travels is wrapped anew, put into capitals, escaped for JSON or HTML. `Folded` is what stays the same, with
the place of each of its characters in the text that it was made from.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_left, bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["FIGURE", "Folded", "is_in_word", "is_unspaced"]

_WORDS: Final = re.compile(r"\S+")
_SPACE: Final = re.compile(r"\s+")
_WIDE: Final = re.compile(r"\s{2,}")
_GAP: Final = re.compile("  +")
_AS_SPACES: Final = str.maketrans(dict.fromkeys("\t\n\v\f\r\x1c\x1d\x1e\x1f", " "))
"""White space of ASCII."""
_ESCAPE: Final = re.compile(
    r"(?=[\\&])(?:(?P<unicode>(?:\\u[0-9a-fA-F]{4})+)|\\(?P<letter>[\"\\/bfnrt])"
    r"|(?P<entity>&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|\w{2,31});))"
)
_LETTERS: Final = {'"': '"', "\\": "\\", "/": "/", "b": " ", "f": " ", "n": " ", "r": " ", "t": " "}

_DROPPED: Final = (
    "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
"""Soft hyphens, joiners and marks of direction: they say how text is shown, not what it says."""

_VOWELS: Final = "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u0652\u0670"
"""Of Hebrew and Arabic, with the stroke that makes Arabic words wide: mostly they are left out."""

_SIMPLE: Final = {
    **dict.fromkeys("\u2018\u2019\u201a\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
}

_SPECIAL: Final = re.compile(f"[{_DROPPED}{_VOWELS}]")
_OTHER_DIGIT: Final = re.compile(r"(?![0-9])\d")

# Written without spaces between words: each character stands for itself.
_UNSPACED: Final = (
    "\u0e00-\u0e7f"  # Thai
    "\u0e80-\u0eff"  # Lao
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # Japanese syllables
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_IS_UNSPACED: Final = re.compile(f"[{_UNSPACED}]")
# Letters, vowel signs and digits of India's scripts, and marks upon letters: Python's `\\w` leaves the signs out.
_SIGNS: Final = "\u0300-\u036f\u0900-\u0963\u0966-\u096f\u0971-\u0df3\u0f18-\u0f39\u0f3e-\u0fc6"
FIGURE: Final = r"[0-9]+(?:[.,:/-][0-9]+)*"
_ASCII_TOKEN: Final = re.compile(f"[a-z]+|{FIGURE}")
_SPACED_TOKEN: Final = re.compile(f"{FIGURE}|[^\\W0-9_](?:[^\\W0-9_]|[{_SIGNS}])*")
_TOKEN: Final = re.compile(
    f"[{_UNSPACED}]|{FIGURE}|(?![{_UNSPACED}0-9_])\\w(?:(?![{_UNSPACED}0-9_])(?:\\w|[{_SIGNS}]))*"
)

_STRETCH: Final = 65_536
"""Characters whose words are found in one go: nothing else in the process runs meanwhile."""

_SPLIT_UNTIL: Final = 64
"""Characters of a text that is halved no more to find the words that are folded to another length."""


def is_unspaced(token: str) -> bool:
    """Whether it is a character of a script that puts no spaces between words.

    >>> is_unspaced("倉"), is_unspaced("word")
    (True, False)
    """
    return _IS_UNSPACED.match(token) is not None


def is_in_word(letter: str) -> bool:
    """Whether it is part of a word or a figure: a letter, a digit, or a sign upon a letter.

    >>> is_in_word("a"), is_in_word("\u093f"), is_in_word("\u0964")
    (True, True, False)
    """
    return letter.isalnum() or (not letter.isascii() and unicodedata.category(letter)[0] == "M")


class _Piece(NamedTuple):
    """A run of folded characters and the characters that it was made from."""

    folded: int
    start: int
    end: int
    is_linear: bool
    """One folded character for each, but for wide spaces; else they were folded together."""
    gaps: tuple[tuple[int, int], ...] = ()
    """Where wide spaces stand among them, that are folded to one: from its start."""


class Folded:
    r"""A text as it is compared; folded when that is asked for.

    Args:
        source: The text.
        tick: Called now and then while something is done with the text; what it raises ends that.

    >>> Folded("The\n  Parcel  is\tKEPT").text
    'the parcel is kept'
    >>> Folded('caf\\u00e9 \\"Zur Post\\" &amp; Bar').text
    'café "zur post" & bar'
    """

    __slots__ = ("_bulks", "_pieces", "_starts", "_text", "_token_starts", "_tokens", "source", "tick")

    def __init__(self, source: str, tick: Callable[[], object] = lambda: None) -> None:
        self.source = source
        self.tick = tick
        self._text: str | None = None
        self._pieces: list[_Piece] = []
        self._starts: list[int] | None = None
        self._bulks: dict[int, tuple[list[int], list[int]]] = {}
        self._tokens: list[str] | None = None
        self._token_starts: list[int] | None = None

    @property
    def text(self) -> str:
        """Folded."""
        if self._text is None:
            self._text, self._pieces = _folded(self.source, self.tick)
        return self._text

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The place in the source of the folded characters from `start` to `end` (not empty)."""
        return self._place(start)[0], self._place(end - 1)[1]

    def _place(self, at: int) -> tuple[int, int]:
        if self._starts is None:
            self._starts = [piece.folded for piece in self._pieces]
        position = bisect_right(self._starts, at) - 1
        piece = self._pieces[position]
        if not piece.is_linear:
            return piece.start, piece.end
        begin = piece.start + at - piece.folded
        if piece.gaps:
            folded, starts = self._stretches(position, piece)
            stretch = bisect_right(folded, at) - 1
            begin = starts[stretch] + at - folded[stretch]
        return begin, begin + 1

    def _stretches(self, position: int, piece: _Piece) -> tuple[list[int], list[int]]:
        """Where each stretch without wide spaces begins: folded, and in the source. The space behind belongs to it."""
        found = self._bulks.get(position)
        if found is None:
            folded, starts = [piece.folded], [piece.start]
            for start, end in piece.gaps:
                folded.append(folded[-1] + piece.start + start - starts[-1] + 1)
                starts.append(piece.start + end)
            found = self._bulks[position] = folded, starts
        return found

    @property
    def is_unspaced(self) -> bool:
        """Whether it holds characters of scripts that put no spaces between words."""
        return not self.text.isascii() and _IS_UNSPACED.search(self.text) is not None

    @property
    def tokens(self) -> list[str]:
        """Its words and figures in order; of scripts without spaces, their characters."""
        if self._tokens is None:
            find = self._token_pattern().findall
            self._tokens = [token for start, end in self._stretches_of_words() for token in find(self.text, start, end)]
        return self._tokens

    def _stretches_of_words(self) -> Iterator[tuple[int, int]]:
        """The folded text in parts that end with a space, as far as there are spaces."""
        start, length = 0, len(self.text)
        while start < length:
            self.tick()
            end = self.text.find(" ", start + _STRETCH) + 1 or length
            yield start, end
            start = end

    def without(self, places: Iterable[tuple[int, int]]) -> Folded:
        """The same text, whose words at these places of the source are as good as not there when runs are looked for.

        >>> Folded("We close at six. Call us.").without([(0, 16)]).tokens
        ['', '', '', '', 'call', 'us']
        """
        rest = Folded(self.source, self.tick)
        rest._text, rest._pieces = self.text, self._pieces
        rest._tokens = tokens = list(self.tokens)
        rest._token_starts = starts = self._starts_of_tokens()
        for start, end in places:
            first, behind = (bisect_left(starts, at, key=lambda one: self._place(one)[0]) for at in (start, end))
            tokens[first:behind] = [""] * (behind - first)
        return rest

    def token_span(self, first: int, last: int) -> tuple[int, int]:
        """The place in the source of the tokens from number `first` to number `last`, both included."""
        starts = self._starts_of_tokens()
        return self.origin(starts[first], starts[last] + len(self.tokens[last]))

    def _starts_of_tokens(self) -> list[int]:
        if self._token_starts is None:
            find = self._token_pattern().finditer
            self._token_starts = [
                token.start() for start, end in self._stretches_of_words() for token in find(self.text, start, end)
            ]
        return self._token_starts

    def _token_pattern(self) -> re.Pattern[str]:
        if self.text.isascii():
            return _ASCII_TOKEN
        return _TOKEN if self.is_unspaced else _SPACED_TOKEN


def _folded(text: str, tick: Callable[[], object]) -> tuple[str, list[_Piece]]:
    """Piece by piece: what is escaped, what is plain."""
    folding = _Folding(tick)
    at = 0
    if "\\" in text or "&" in text:
        for escape in _ESCAPE.finditer(text):
            meant = _meant(escape)
            if meant is None:
                continue
            folding.plain(text, 0, at, escape.start())
            folding.cluster(meant, escape.start(), escape.end())
            at = escape.end()
    folding.plain(text, 0, at, len(text))
    return folding.done()


def _meant(escape: re.Match[str]) -> str | None:
    if escape["letter"]:
        return _LETTERS[escape["letter"]]
    if escape["unicode"]:
        units = bytes.fromhex(escape["unicode"].replace("\\u", ""))
        return units.decode("utf-16-be", errors="replace")
    meant = html.unescape(escape["entity"])
    return None if meant == escape["entity"] else meant


class _Folding:
    """Puts folded pieces one behind the other."""

    def __init__(self, tick: Callable[[], object]) -> None:
        self._tick = tick
        self._texts: list[str] = []
        self._pieces: list[_Piece] = []
        self._length = 0
        self._is_space = True

    def done(self) -> tuple[str, list[_Piece]]:
        text = "".join(self._texts)
        return (text.removesuffix(" ")), self._pieces

    def plain(self, text: str, offset: int, start: int, end: int) -> None:
        """What stands from `start` to `end` in a text that stands at `offset` in the source."""
        core = text[start:end].strip()
        first = start if not core else text.index(core[0], start)
        last = first + len(core)
        if first > start:
            self.space(offset + start, offset + first)
        if core:
            self._core(core, offset + first)
        if last < end:
            self.space(offset + last, offset + end)

    def space(self, start: int, end: int) -> None:
        """However wide it is."""
        if not self._is_space:
            self._add(" ", start, end)
            self._is_space = True

    def _core(self, core: str, start: int) -> None:
        """In one piece, where each character is folded by itself to one character; else word by word."""
        folded = _linear(core)
        if folded is not None:
            words, gaps = _narrowed(folded)
            self._add(words, start, start + len(core), gaps)
            return
        space = _SPACE.search(core, len(core) // 2) if len(core) > _SPLIT_UNTIL else None
        if space is not None:
            self.plain(core, start, 0, space.end())
            self.plain(core, start, space.end(), len(core))
            return
        at = 0
        for word in _WORDS.finditer(core):
            if word.start() > at:
                self.space(start + at, start + word.start())
            self._word(word.group(), start + word.start())
            at = word.end()

    def _word(self, word: str, start: int) -> None:
        folded = _linear(word)
        if folded is not None:
            self._add(folded, start, start + len(word), ())
            return
        for begin, end in _clusters(word):
            self.cluster(word[begin:end], start + begin, start + end)

    def cluster(self, meant: str, start: int, end: int) -> None:
        """A few characters that are folded together."""
        if meant.isspace():
            self.space(start, end)
            return
        folded = _fold(meant)
        if folded:
            self._add(folded, start, end)

    def _add(self, folded: str, start: int, end: int, gaps: tuple[tuple[int, int], ...] | None = None) -> None:
        """Folded characters; with gaps where each is folded from one, but for those."""
        self._tick()
        self._texts.append(folded)
        self._pieces.append(_Piece(self._length, start, end, gaps is not None, gaps or ()))
        self._length += len(folded)
        self._is_space = False


def _linear(text: str) -> str | None:
    """The text folded, where that is one character for each; None where it is not."""
    if text.isascii():
        return text.lower()
    if _SPECIAL.search(text) or not unicodedata.is_normalized("NFKC", text):
        return None
    folded = _simplified(text).casefold()
    return folded if len(folded) == len(text) else None


def _narrowed(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    r"""A text without space around it, with one space wherever there is any; and where that is more than one character.

    >>> _narrowed("a\tb \n c")
    ('a b c', ((3, 6),))
    """
    if not text.isascii():
        words = " ".join(text.split())
        return words, () if len(words) == len(text) else tuple(gap.span() for gap in _WIDE.finditer(text))
    spaced = text.translate(_AS_SPACES)
    if "  " not in spaced:
        return spaced, ()
    gaps = tuple(gap.span() for gap in _GAP.finditer(spaced))
    starts, ends = zip(*gaps, strict=True)
    pieces = zip((0, *ends), (*starts, len(text)), strict=True)
    return " ".join([spaced[start:end] for start, end in pieces]), gaps


def _simplified(text: str) -> str:
    for letter, simple in _SIMPLE.items():
        if letter in text:
            text = text.replace(letter, simple)
    return _OTHER_DIGIT.sub(lambda digit: str(unicodedata.digit(digit.group())), text)


def _clusters(word: str) -> Iterator[tuple[int, int]]:
    """Each character with the marks, and the parts of a Korean syllable, that follow it."""
    start = 0
    for at in range(1, len(word)):
        if not _goes_on(word[at - 1], word[at]):
            yield start, at
            start = at
    yield start, len(word)


def _goes_on(before: str, letter: str) -> bool:
    is_part_of_syllable = "\u1100" <= before <= "\u11ff" and "\u1160" <= letter <= "\u11ff"
    return is_part_of_syllable or unicodedata.combining(letter) != 0


@lru_cache(maxsize=4096)
def _fold(cluster: str) -> str:
    text = unicodedata.normalize("NFKC", _simplified(_SPECIAL.sub("", cluster)))
    return " ".join(unicodedata.normalize("NFKC", text.casefold()).split())
