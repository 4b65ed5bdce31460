"""Results to stdout, prose to stderr; safe text on both, whatever the data says."""

import json
import os
import sys
from typing import IO, TYPE_CHECKING, Any, Final

import click

from provsdk.report.printable import as_json_text, lines

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


__all__ = ["NARROW", "complain", "console", "print_json", "remark", "show"]

NARROW: Final = 80
"""Columns where nobody says otherwise: pipes, files, CI."""


def console(file: IO[str] | None = None) -> "Console":
    """A console for our own layout: no markup, no emoji codes, no highlighting of numbers in other people's names.

    Colours only on a terminal; `NO_COLOR` is respected, and so is `COLUMNS`.
    """
    from rich.console import Console  # noqa: PLC0415 `--json` needs none of it

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            """Leaves the exit code to the command line."""
            raise BrokenPipeError

    out = file or sys.stdout
    width = None if out.isatty() or os.environ.get("COLUMNS", "").isdigit() else NARROW
    return Plain(file=out, markup=False, emoji=False, highlight=False, width=width)


def show(content: "RenderableType") -> None:
    """Prints a screen: without trailing blanks, and in signs that stdout can write."""
    from provsdk.report.layout import in_ascii  # noqa: PLC0415 `--json` needs none of it

    out = console()
    with out.capture() as captured:
        out.print(content)
    text = "\n".join(line.rstrip() for line in captured.get().split("\n"))
    click.echo(text if out.encoding.startswith("utf") else in_ascii(text), nl=False, color=True)


def print_json(value: Any) -> None:
    """Prints a value as indented JSON. Unsafe characters inside strings are written as escapes: the same JSON value."""
    click.echo(as_json_text(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)))


def remark(text: str) -> None:
    """Says something beside the result."""
    for line in lines(text):
        click.echo(line, err=True)


def complain(text: str) -> None:
    """Says what went wrong, and what to do."""
    first, *rest = lines(text)
    click.echo(click.style("error: ", fg="red", bold=True) + first, err=True)
    for line in rest:
        click.echo(line, err=True)
