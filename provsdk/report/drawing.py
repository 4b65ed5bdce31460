"""Lineage as a drawing in Mermaid or DOT: values and the arrows from effect to cause, each with how it is known."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from provsdk.report.printable import printable

__all__ = ["Arrow", "dot", "mermaid"]

MAX_LABEL: Final = 120
"""Characters of a label; a drawing is to be looked at."""


class Arrow(NamedTuple):
    """From an effect to its cause."""

    effect: str
    cause: str
    label: str
    is_certain: bool
    """Observed or declared; another one is drawn broken."""


def mermaid(labels: Iterable[tuple[str, str]], arrows: Iterable[Arrow]) -> Iterator[str]:
    """Lines of a Mermaid flow chart (https://mermaid.js.org/syntax/flowchart.html).

    Args:
        labels: id and label of each value.
        arrows: between them.
    """
    numbers: dict[str, str] = {}
    yield "flowchart TD"
    for value_id, label in labels:
        numbers[value_id] = f"n{len(numbers)}"
        yield f'    {numbers[value_id]}["{_escaped_for_mermaid(label)}"]'
    for arrow in arrows:
        line = "-->" if arrow.is_certain else "-.->"
        label = _escaped_for_mermaid(arrow.label)
        yield f'    {numbers[arrow.effect]} {line}|"{label}"| {numbers[arrow.cause]}'


def dot(labels: Iterable[tuple[str, str]], arrows: Iterable[Arrow]) -> Iterator[str]:
    """Lines of a graph in Graphviz's DOT (https://graphviz.org/doc/info/lang.html); as `mermaid`."""
    numbers: dict[str, str] = {}
    yield "digraph lineage {"
    yield "    node [shape=box, fontname=sans];"
    for value_id, label in labels:
        numbers[value_id] = f"n{len(numbers)}"
        yield f'    {numbers[value_id]} [label="{_escaped_for_dot(label)}"];'
    for arrow in arrows:
        style = "" if arrow.is_certain else ", style=dashed"
        label = _escaped_for_dot(arrow.label)
        yield f'    {numbers[arrow.effect]} -> {numbers[arrow.cause]} [label="{label}"{style}];'
    yield "}"


def _escaped_for_mermaid(text: str) -> str:
    """Between quotation marks Mermaid reads entity codes and HTML; nothing in a name may be either."""
    marks = {"#": "#35;", '"': "#quot;", "&": "#amp;", "<": "#lt;", ">": "#gt;", "`": "#96;", "\\": "#92;"}
    return "".join(marks.get(character, character) for character in printable(text, MAX_LABEL))


def _escaped_for_dot(text: str) -> str:
    return printable(text, MAX_LABEL).replace("\\", "\\\\").replace('"', '\\"')
