"""Sets of characters in a regular expression, as bits over those that tell them apart."""

from __future__ import annotations

import re
from re import _constants as c  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Alphabet"]

_FEW_OF_EACH: Final = "\u0130\u0131\u017f\u212a\u00b5\u00df\u03c2é\u00a0\u2028\u0663Жא中あ한😀\U0010fffd"
_STEPS: Final = 16
"""Of a range: what lies between its ends may be of other categories."""

_CATEGORIES: Final[dict[Any, Callable[[str], bool]]] = {
    c.CATEGORY_DIGIT: str.isdecimal,
    c.CATEGORY_SPACE: str.isspace,
    c.CATEGORY_WORD: lambda letter: letter.isalnum() or letter == "_",
}
_OPPOSITES: Final = {
    c.CATEGORY_NOT_DIGIT: c.CATEGORY_DIGIT,
    c.CATEGORY_NOT_SPACE: c.CATEGORY_SPACE,
    c.CATEGORY_NOT_WORD: c.CATEGORY_WORD,
}


class Alphabet:
    """Characters such that two sets of a pattern share one of them if they share any.

    Args:
        tree: Of the pattern, as the parser of `re` gives it.
    """

    def __init__(self, tree: Any) -> None:
        letters = {*map(chr, range(128)), *_FEW_OF_EACH}
        for code in _codes(tree):
            letters.update(chr(near) for near in (code - 1, code, code + 1) if 0 <= near < 0x110000)
        cases = {case for letter in letters for case in (letter.lower(), letter.upper()) if len(case) == 1}
        self._letters: Final = sorted(letters | cases)

    def mask(self, operator: Any, argument: Any, flags: int) -> int:
        """The set that one node of the tree stands for; none has no bits."""
        is_in = _membership(operator, argument, flags)
        if flags & re.IGNORECASE:
            return sum(1 << bit for bit, letter in enumerate(self._letters) if any(map(is_in, _cases(letter))))
        return sum(1 << bit for bit, letter in enumerate(self._letters) if is_in(letter))


def _cases(letter: str) -> set[str]:
    return {case for case in (letter, letter.lower(), letter.upper(), letter.casefold()) if len(case) == 1}


def _membership(operator: Any, argument: Any, flags: int) -> Callable[[str], bool]:
    if operator is c.LITERAL:
        return lambda letter: ord(letter) == argument
    if operator is c.NOT_LITERAL:
        return lambda letter: ord(letter) != argument
    if operator is c.ANY:
        return lambda letter: letter != "\n" or bool(flags & re.DOTALL)
    if operator is c.RANGE:
        return lambda letter: bool(argument[0] <= ord(letter) <= argument[1])
    if operator is c.CATEGORY:
        return _category(argument, is_ascii=bool(flags & re.ASCII))
    items = [_membership(name, value, flags) for name, value in argument if name is not c.NEGATE]
    is_negated = bool(argument) and argument[0][0] is c.NEGATE
    return lambda letter: any(is_in(letter) for is_in in items) is not is_negated


def _category(name: Any, *, is_ascii: bool) -> Callable[[str], bool]:
    is_of = _CATEGORIES[_OPPOSITES.get(name, name)]
    is_opposite = name in _OPPOSITES
    return lambda letter: (is_of(letter) and (letter.isascii() or not is_ascii)) is not is_opposite


def _codes(node: Any) -> Iterator[int]:
    """Of every literal and range below the node."""
    if isinstance(node, tuple) and node and node[0] in {c.LITERAL, c.NOT_LITERAL}:
        yield node[1]
    elif isinstance(node, tuple) and node and node[0] is c.RANGE:
        first, last = node[1]
        yield from range(first, last, max(1, (last - first) // _STEPS))
        yield last
    elif isinstance(node, tuple | list) or type(node).__name__ == "SubPattern":
        for part in node:
            yield from _codes(part)
