"""The texts that a streamed body carries in frames: server-sent events, and one JSON object a line.

A model's words leave in pieces, each in a frame of its own, so none of its sentences stands in the body as it is.
Events are read as the HTML standard has it (section 9.2.6).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from provsdk.matching import leaves, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Unframed", "unframed"]

_EVENTS: Final = re.compile(
    r"\ufeff?(?:(?:(?:data|event|id|retry)(?![^:\r\n])|:)[^\r\n]*(?:\r\n|[\r\n]|\Z)|\r\n|[\r\n])+"
)
_DATA: Final = re.compile(r"^data(?:: ?([^\r\n]*))?\r?$", re.MULTILINE)
_BETWEEN_EVENTS: Final = re.compile(r"(?:\r\n\r\n|\n\n|\r\r)+")
_LINE: Final = re.compile(r"[^\r\n]+")


class _Piece(NamedTuple):
    at: int
    """Where it begins in the text."""
    start: int
    end: int
    """Where it stands in the body."""
    is_exact: bool
    """It stands there letter by letter; else somewhere within, in the escapes of JSON."""


class Unframed:
    """One text out of a body, and where its pieces stand there."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._pieces: list[_Piece] = []
        self._size = 0

    def add(self, part: str, start: int, end: int, *, is_exact: bool) -> None:
        """The next piece, and where it stands in the body."""
        self._pieces.append(_Piece(self._size, start, end, is_exact))
        self._parts.append(part)
        self._size += len(part)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._parts)

    def within(self, start: int, end: int) -> tuple[int, int]:
        """Where a stretch of the text stands in the body, with the frames that are in between."""
        first, last = self._piece(start), self._piece(end - 1)
        return (
            first.start + start - first.at if first.is_exact else first.start,
            last.start + end - last.at if last.is_exact else last.end,
        )

    def _piece(self, position: int) -> _Piece:
        return self._pieces[bisect_right(self._pieces, position, key=lambda piece: piece.at) - 1]


def unframed(body: str, tick: Callable[[], object] = lambda: None) -> list[Unframed]:
    r"""The texts that are put together from the frames of a body; none where it has no frames.

    Frames that hold JSON give a text for each place in it that holds one.

    Args:
        body: What was sent.
        tick: Called now and then; what it raises ends this.

    >>> [one.text for one in unframed("data: We keep\n\ndata:  it.\n\n")]
    ['We keep it.']
    """
    frames = _data_of_events(body) if _EVENTS.fullmatch(body) else _lines(body)
    texts: defaultdict[str | None, Unframed] = defaultdict(Unframed)
    for lines in frames:
        tick()
        (start, _), (_, end) = lines[0], lines[-1]
        told = parsed("\n".join(body[one:two] for one, two in lines))
        if told is not None:
            for path, leaf in leaves(told, ""):
                texts[path].add(leaf, start, end, is_exact=False)
            continue
        for position, (one, two) in enumerate(lines):
            if position:
                texts[None].add("\n", one, one, is_exact=False)
            texts[None].add(body[one:two], one, two, is_exact=True)
    return list(texts.values())


def _data_of_events(body: str) -> Iterator[list[tuple[int, int]]]:
    """Start and end of each line of data, event by event."""
    start, length = 0, len(body)
    ends = (found.span() for found in _BETWEEN_EVENTS.finditer(body))
    for end, following in chain(ends, [(length, length)]):
        lines = [found.span(1) for found in _DATA.finditer(body, start, end) if found[1]]
        if lines:
            yield lines
        start = following


def _lines(body: str) -> Iterable[list[tuple[int, int]]]:
    """The lines of a body of several, each a JSON object."""
    lines = [found.span() for found in _LINE.finditer(body)] if body[:1] == "{" else []
    is_all_json = len(lines) > 1 and all(parsed(body[start:end]) is not None for start, end in lines)
    return [[line] for line in lines] if is_all_json else []
