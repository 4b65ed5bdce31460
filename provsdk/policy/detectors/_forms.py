"""Forms that a detector knows, and the places where a text has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Form", "places"]


def _any(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Form:
    """What a thing of one kind looks like."""

    kind: str
    needles: tuple[str, ...]
    """One of them stands in every text that has the form."""
    pattern: re.Pattern[str]
    """Begins with a needle where `is_anchored`; its group `it`, where it has one, is what is found."""
    is_anchored: bool = True
    accepts: Callable[[str], bool] = _any
    """Whether what was found is what it looks like."""


def places(form: Form, text: str) -> Iterator[tuple[int, int]]:
    """Where the text has the form, in no order.

    >>> list(places(Form("id", ("no-",), re.compile(r"no-(?P<it>[0-9]{4})")), "no-1 or no-2345"))
    [(11, 15)]
    """
    group = "it" if "it" in form.pattern.groupindex else 0
    if not form.is_anchored:
        yield from (match.span(group) for match in form.pattern.finditer(text) if form.accepts(match[group]))
        return
    for needle in form.needles:
        at = text.find(needle)
        while at >= 0:
            match = form.pattern.match(text, at)
            behind = at + 1
            if match is not None and form.accepts(match[group]):
                yield match.span(group)
                behind = max(behind, match.end())
            at = text.find(needle, behind)
