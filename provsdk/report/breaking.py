"""Long words of names, paths and ids are broken where they have a joint, never in the middle of a part that fits."""

import re
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len, get_character_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.text import Text

__all__ = ["breaking", "joints"]

_WORD: Final = re.compile(r"\S+")
_JOINTS: Final = "/.-_:@="


def breaking(content: RenderableType) -> RenderableType:
    """The same, with its long words broken at joints where it has to be narrow."""
    if isinstance(content, Group):
        return Group(*map(breaking, content.renderables))
    return _Breaking(content) if isinstance(content, Text) else content


class _Breaking:
    def __init__(self, text: Text) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.no_wrap or self._text.no_wrap:
            yield self._text
            return
        lines = self._text.divide(joints(self._text.plain, options.max_width))
        yield Text("\n", overflow=self._text.overflow).join(lines) if len(lines) > 1 else self._text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self._text)


def joints(text: str, width: int) -> list[int]:
    """Where words of more than *width* columns are broken, so that no piece is wider.

    After the last slash, else after the last other joint, where that fills a third of the line; else where it is full.
    """
    return [at for word in _WORD.finditer(text) for at in _of_word(text, *word.span(), max(width, 2))]


def _of_word(text: str, start: int, end: int, width: int) -> Iterator[int]:
    while cell_len(text[start:end]) > width:
        full = _full(text, start, width)
        slash = text.rfind("/", start, full) + 1
        other = max(text.rfind(joint, start, full) for joint in _JOINTS) + 1
        least = start + max(width // 3, 1)
        start = slash if slash >= least else other if other >= least else full
        yield start


def _full(text: str, start: int, width: int) -> int:
    """The end of what fits."""
    taken = 0
    for at in range(start, len(text)):
        taken += get_character_cell_size(text[at])
        if taken > width:
            return max(at, start + 1)
    return len(text)
