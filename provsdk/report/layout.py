"""What every screen is laid out with: headings, pairs and tables without frames, at any width.

Data reaches the screen through `cell` alone: printable, and as `Text`, in which rich reads no markup.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from provsdk.report.breaking import breaking
from provsdk.report.printable import printable

__all__ = [
    "BAD",
    "BAR",
    "DOT",
    "GOOD",
    "UNSURE",
    "Shortened",
    "cell",
    "columns",
    "heading",
    "in_ascii",
    "joined",
    "listed",
    "pairs",
    "parameters",
    "section",
    "status_style",
]

GOOD: Final = "✓"
BAD: Final = "✗"
UNSURE: Final = "!"
DOT: Final = "·"
BAR: Final = "━"

_ASCII: Final = str.maketrans({GOOD: "+", BAD: "x", DOT: "-", BAR: "=", "…": "~", "→": ">", "µ": "u"})

_FINE = frozenset({"completed", "pass", "verified", "ok"})
_WRONG = frozenset({"failed", "fail", "error", "blocked", "tampered", "abandoned"})


def in_ascii(screen: str) -> str:
    """The same screen for a terminal that has no signs beyond ASCII; one for one, so that columns stay."""
    return screen.translate(_ASCII)


def status_style(status: str | None) -> str:
    """Colour of a status or result: it only repeats what the word says."""
    return "green" if status in _FINE else "bold red" if status in _WRONG else "yellow"


def cell(value: object, style: str = "", limit: int | None = None) -> Text:
    """Data, made safe; None is empty."""
    return Text("" if value is None else printable(value, limit), style=style, overflow="fold")


def joined(parts: Iterable[str | Text | None]) -> Text:
    """The parts that are there, with a dot between them."""
    return _join(parts, f" {DOT} ")


def listed(parts: Iterable[str | Text | None]) -> Text:
    """The parts that are there, with commas between them."""
    return _join(parts, ", ")


def _join(parts: Iterable[str | Text | None], separator: str) -> Text:
    shown = [part if isinstance(part, Text) else cell(part) for part in parts if part]
    return Text(separator, style="dim", overflow="fold").join(shown) if shown else Text()


def parameters(values: Mapping[str, Any]) -> Text:
    """Settings of a step, as names with JSON values; long values are cut."""
    shown = (f"{name} {json.dumps(value, ensure_ascii=False, default=str)}" for name, value in values.items())
    return joined(cell(text, limit=200) for text in shown)


class Shortened:
    """Data on one line, cut in its middle to the width of its column: the ends of a location say most."""

    def __init__(self, value: str, style: str = "") -> None:
        self._text = printable(value)
        self._style = style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Cuts by cells, not by characters: a wide letter takes two."""
        whole = Text(self._text, style=self._style, no_wrap=True)
        width = options.max_width
        if whole.cell_len > width:
            tail = Text(self._text[::-1])
            tail.truncate(max(width - width // 3 - 1, 1))
            whole.truncate(max(width // 3, 1))
            whole.append("…").append(tail.plain[::-1])
        yield whole

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """As narrow as need be."""
        return Measurement(min(12, options.max_width), min(Text(self._text).cell_len, options.max_width))


def heading(title: str, note: str = "") -> Text:
    """Heading of a section, with what is worth saying beside it."""
    return Text.assemble((title, "bold"), ("  " + note if note else "", "dim"))


def section(title: str, note: str, *content: RenderableType) -> RenderableType:
    """A section: an empty line, a heading, and its content set in."""
    return Group(Text(), heading(title, note), *(Padding(breaking(item), (0, 0, 0, 2)) for item in content))


class _Rows(Table):
    """A table whose cells break long words at joints."""

    def add_row(self, *renderables: RenderableType | None, **settings: Any) -> None:
        super().add_row(*(None if item is None else breaking(item) for item in renderables), **settings)


def pairs(rows: Iterable[tuple[str, RenderableType]]) -> Table:
    """Labels and values, one pair a line."""
    grid = _Rows.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(cell(label), value)
    return grid


def columns(*titles: str, right: Sequence[str] = (), fixed: Sequence[str] = (), wide: str | None = None) -> Table:
    """A table with a line of titles: *right* are set right, *fixed* never wrap, *wide* takes what is left."""
    table = _Rows(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    for title in titles:
        table.add_column(
            title,
            justify="right" if title in right else "left",
            no_wrap=title in fixed or title in right,
            ratio=1 if title == wide else None,
            overflow="fold",
        )
    return table
