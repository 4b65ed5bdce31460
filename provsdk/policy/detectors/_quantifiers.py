"""Repeats of a regular expression with the place where each is written, which the parser of `re` does not keep."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MANY", "REFERENCE", "Marked", "marked"]

MANY: Final = 1_000_000
"""A repeat without an upper bound gets this one, and the place of its quantifier on top."""

REFERENCE: Final = -1
"""Stands for the first reference to a group in place of a bound."""

_REFERENCE: Final = re.compile(r"\\[1-9]|\(\?P=|\(\?\(")

_TOKEN: Final = re.compile(
    r"(?P<comment>\(\?#[^)]*\))"
    r"|(?P<open>\((?:\?(?:P<\w+>|P=\w+|P>\w+|<[=!]|[=!:>|]|\(\w+\)|[a-zA-Z]*(?:-[a-zA-Z]+)?:?))?)|(?P<close>\))"
    r"|(?P<repeat>[*+]|\{(?P<least>[0-9]*),(?P<most>[0-9]*)\})|(?P<exact>\{(?P<times>[0-9]+)\})|(?P<optional>\?)"
    r"|(?P<other>\\(?s:.)|\[\^?\]?(?:\\(?s:.)|[^\]\\])*\]|(?s:.))"
)
_KINDS: Final = ("comment", "open", "close", "repeat", "exact", "optional", "other")


@dataclass(frozen=True, slots=True)
class Marked:
    """A pattern whose repeats have upper bounds that say where they are."""

    pattern: str
    places: Mapping[int, tuple[int, int]]
    """Of a repeat with what it repeats, by the bound that it got."""
    most: Mapping[int, int]
    """Upper bounds of those that have one, by the bound that they got."""

    def place(self, bounds: Iterable[int]) -> tuple[int, int] | None:
        """Start and end in the pattern of the repeats that got these bounds, from the first to the last."""
        places = [self.places[bound] for bound in bounds if bound in self.places]
        return (min(start for start, _ in places), max(end for _, end in places)) if places else None


def marked(pattern: str) -> Marked:
    """The pattern with its repeats marked.

    >>> marked("x(a+){2,}").pattern
    'x(a{1,1000003}){2,1000005}'
    """
    parts: list[str] = []
    places: dict[int, tuple[int, int]] = {}
    most: dict[int, int] = {}
    opened: list[int] = []
    item, is_behind_repeat = 0, True
    for token in _TOKEN.finditer(pattern):
        kind = next(name for name in _KINDS if token[name] is not None)
        is_repeat = kind in {"repeat", "exact"} and not is_behind_repeat
        if is_repeat:
            bound = int(token["times"]) if token["times"] else MANY + token.start()
            places.setdefault(bound, (item, token.end()))
            if token["most"]:
                most[bound] = int(token["most"])
        elif _REFERENCE.match(token.group()):
            places.setdefault(REFERENCE, token.span())
        if kind == "open":
            opened.append(token.start())
        elif kind == "close":
            item = opened.pop() if opened else item
        elif kind == "other":
            item = token.start()
        parts.append(f"{{{_least(token)},{bound}}}" if is_repeat and kind == "repeat" else token.group())
        is_behind_repeat = is_repeat or kind == "open" or (kind == "optional" and not is_behind_repeat)
    return Marked("".join(parts), places, most)


def _least(token: re.Match[str]) -> str:
    return {"*": "0", "+": "1"}.get(token.group()) or token["least"] or "0"
