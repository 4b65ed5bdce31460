"""A text with one spelling of digits, hyphens, blanks and full-width signs, each character in its place."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["chains", "ends_there", "is_of_a_word", "plain", "starts_there"]

_CHAIN: Final = re.compile(
    r"[0-9][0-9A-Za-z]*+(?:(?:\)?[ ./+-]\(?|\))(?:[A-Za-z]{0,6}+[0-9][0-9A-Za-z]*+|[A-Z]{1,4}(?![0-9A-Za-z])))*+"
)
"""Words with digits that are joined by one sign each, with parentheses or without. Nothing in it is tried twice, so
its time is linear in length."""
MIN_CHAIN: Final = 5
"""From the first digit on, of the shortest number of them all; letters may stand before it."""

_ZEROS: Final = (
    "\u0660\u06f0\u07c0\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\u0de6\u0e50\u0ed0\u0f20\u1040\u17e0\u1810"
    "\uff10\U0001d7ce\U0001d7d8\U0001d7e2\U0001d7ec\U0001d7f6"
)
"""The zeros of the decimal digits that people write numbers with; the other nine follow each of them."""
_BLANKS: Final = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_HYPHENS: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_SIGNS: Final = range(0xFF01, 0xFF5F)
"""Full-width forms of ASCII (Unicode, Halfwidth and Fullwidth Forms)."""

_PLAIN: Final = str.maketrans(
    {chr(sign): chr(sign - 0xFEE0) for sign in _SIGNS}
    | {chr(ord(zero) + n): str(n) for zero in _ZEROS for n in range(10)}
    | dict.fromkeys(_BLANKS, " ")
    | dict.fromkeys(_HYPHENS, "-")
)
_ODD: Final = re.compile("[{0}][{0}]*+".format("^\x00-\x9f\u00a1-\u065f\u3001-\uff00\uff5f-\U0001d7cd"))
"""What may be one of these, told from most others by few ranges: texts have many letters and few odd digits."""

_JOINS: Final = ".,-/'"
"""Between two digits, these make one number of both."""
_LAST_ALPHABETIC: Final = "\u052f"
"""Scripts up to Cyrillic set words apart; others write a number beside a letter."""


def plain(text: str) -> str:
    r"""The text with plain digits and separators; every offset stays the same.

    >>> plain("\uff15\uff13\uff16\u201190\u20114399")
    '536-90-4399'
    """
    return _ODD.sub(lambda odd: odd.group().translate(_PLAIN), text)


def chains(text: str) -> list[tuple[int, int]]:
    """Where digits stand, with what is joined to them after the first; every number begins in one of these.

    >>> chains("at 5, call 030 901820 or AB 12 34 56 C")
    [(11, 21), (28, 38)]
    """
    return [span for match in _CHAIN.finditer(text) if (span := match.span())[1] - span[0] >= MIN_CHAIN]


def starts_there(text: str, start: int) -> bool:
    """Whether a number that begins at `start` is no part of a longer word, number, price or address."""
    if not start:
        return True
    before = text[start - 1]
    if before in _JOINS:
        return start < 2 or not is_of_a_word(text[start - 2])
    return not is_of_a_word(before) and before not in "$€£¥₹@+%&"


def ends_there(text: str, end: int) -> bool:
    """Whether a number that ends at `end` is no part of a longer word, number, price or address."""
    after = text[end : end + 2]
    if not after:
        return True
    if after[0] in _JOINS:
        return len(after) == 1 or not is_of_a_word(after[1])
    return not is_of_a_word(after[0]) and after[0] not in "$€£¥₹@%"


def is_of_a_word(letter: str) -> bool:
    """Whether a number beside this letter is a part of its word."""
    return letter == "_" or (letter <= _LAST_ALPHABETIC and letter.isalnum())
