"""Terms and patterns that a text must not hold: where they stand in it, however they are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import add
from typing import TYPE_CHECKING, Final

from provsdk.errors import ConfigError
from provsdk.gate import Finding
from provsdk.policy.detectors._plain import UNSPACED, Plain, is_mark, plain
from provsdk.policy.detectors._repeats import check_pattern
from provsdk.policy.detectors._spans import apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Terms", "check_pattern"]

_WORD: Final = re.compile(f"[^\\W_{UNSPACED}]+")
_UNSPACED: Final = re.compile(f"[{UNSPACED}]")
_GAP: Final = re.compile(r"[\s_-]+")
"""Between the words of a phrase."""
_AS_SPACES: Final = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})


@dataclass(frozen=True, slots=True)
class Terms:
    """Lists of terms and patterns, made ready to be looked for."""

    by_word: Mapping[str, tuple[tuple[str, ...], ...]]
    """Phrases of scripts that put spaces between words, in parts, by the first word in them."""
    by_start: Mapping[str, tuple[str, ...]]
    """Terms of other scripts, by their first two characters."""
    signs: tuple[str, ...]
    """Terms without a letter."""
    patterns: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, terms: Iterable[str], patterns: Iterable[str] = ()) -> Terms:
        r"""The terms and patterns, ready to be looked for.

        Args:
            terms: Words and phrases. Case, accents, widths and invisible characters do not count, and between the words
                of a phrase stands any white space, hyphen or underscore.
            patterns: Regular expressions of `re`, which are matched with the text as it is.

        Raises:
            ConfigError: A term without any character, or a pattern that `check_pattern` refuses.

        >>> Terms.of(["kill switch", "Döner"]).find("No KILL\nswitch, no doner.")
        [Finding(kind='term', start=3, end=14, place=''), Finding(kind='term', start=19, end=24, place='')]
        """
        by_word: dict[str, dict[tuple[str, ...], None]] = {}
        by_start: dict[str, dict[str, None]] = {}
        signs: dict[str, None] = {}
        for number, term in enumerate(terms, 1):
            folded = " ".join(plain(term).split())
            word = _WORD.search(folded)
            if not folded:
                raise ConfigError(f"term {number} of the list has no character that can be seen; take it out")
            if _UNSPACED.search(folded):
                by_start.setdefault(folded[:2], {})[folded] = None
            elif word is None:
                signs[folded] = None
            else:
                by_word.setdefault(word.group(), {})[tuple(folded.split())] = None
        return cls(
            {word: tuple(phrases) for word, phrases in by_word.items()},
            {start: tuple(found) for start, found in by_start.items()},
            tuple(signs),
            tuple(map(_compiled, patterns)),
        )

    def find(self, text: str) -> list[Finding]:
        r"""Where terms and what the patterns match stand in the text: by place, apart from each other.

        >>> Terms.of(["毒品"], [r"\bK-\d{4}\b"]).find("卖毒品 K-1234")
        [Finding(kind='term', start=1, end=3, place=''), Finding(kind='pattern', start=4, end=10, place='')]
        """
        folded = Plain(text)
        places = [*self._phrases(folded.text), *self._others(folded.text)]
        found = [Finding("term", *folded.origin(*place)) for place in places]
        for pattern in self.patterns:
            found += [Finding("pattern", *match.span()) for match in pattern.finditer(text) if match.group()]
        return apart(found) if found else []

    def _phrases(self, text: str) -> Iterator[tuple[int, int]]:
        if not self.by_word:
            return
        words = text.translate(_AS_SPACES).split() if text.isascii() else _WORD.findall(text)
        for word in self.by_word.keys() & words:
            for phrase in self.by_word[word]:
                yield from _places(text, phrase)

    def _others(self, text: str) -> Iterator[tuple[int, int]]:
        for sign in self.signs:
            if sign in text:
                yield from _places(text, tuple(sign.split()))
        if not self.by_start or text.isascii() or _UNSPACED.search(text) is None:
            return
        for start in self.by_start.keys() & {*text, *map(add, text, text[1:])}:
            for term in self.by_start[start]:
                yield from _places(text, tuple(term.split()))


def _places(text: str, parts: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Where the parts stand one behind the other, and no word goes on before or behind them."""
    start = text.find(parts[0])
    while start >= 0:
        end = _end(text, parts, start)
        if end is not None and not _goes_on(text, start) and not _goes_on(text, end):
            yield start, end
            start = text.find(parts[0], end)
        else:
            start = text.find(parts[0], start + 1)


def _end(text: str, parts: tuple[str, ...], start: int) -> int | None:
    end = start + len(parts[0])
    for part in parts[1:]:
        gap = _GAP.match(text, end)
        if gap is None or not text.startswith(part, gap.end()):
            return None
        end = gap.end() + len(part)
    return end


def _goes_on(text: str, at: int) -> bool:
    """Whether a word goes on from the character before `at` to the one there."""
    if not 0 < at < len(text):
        return False
    return is_mark(text[at]) or (_is_in_word(text[at - 1]) and _is_in_word(text[at]))


def _is_in_word(letter: str) -> bool:
    return (letter.isalnum() or is_mark(letter)) and _UNSPACED.match(letter) is None


def _compiled(pattern: str) -> re.Pattern[str]:
    check_pattern(pattern)
    return re.compile(pattern)
