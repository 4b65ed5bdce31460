"""What other instrumentations' spans within one output came to: which they were, and what of them could not be seen.

Such spans are no sources yet. A record says which instrumentations were at work, and what their spans lost on the way.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

__all__ = ["Foreign"]

MAX_NAMES: Final = 64
"""Instrumentations that are named one by one."""

MAX_LOSSES: Final = 10_000
"""Losses that are counted exactly; each costs a few bytes until its output has ended."""

_OTHERS: Final = "other instrumentations"


class Foreign:
    """A tally of one output. Any thread may add to it: sets and lists take one item in one step."""

    __slots__ = ("_losses", "_names")

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._losses: list[tuple[str, str, int]] = []

    def saw(self, name: str) -> None:
        """A span of that instrumentation began."""
        if len(self._names) < MAX_NAMES:
            self._names.add(name)

    def lost(self, name: str, what: str, number: int = 1) -> None:
        """A span of that instrumentation ended without `number` of its attributes, events or links."""
        if len(self._losses) < MAX_LOSSES:
            self._losses.append((name, what, number))

    def unsampled(self) -> None:
        """A span was dropped by the user's sampler before it began; a sampler is not told whose span it is."""
        self.lost("", "")

    @property
    def names(self) -> list[str]:
        """The instrumentations that were seen."""
        return sorted(self._names)

    def missing(self) -> list[tuple[str, str | None]]:
        """What could not be seen, as reasons of `completeness` with their details."""
        counts: Counter[tuple[str, str]] = Counter()
        for name, what, number in list(self._losses):
            counts[name if name in self._names or not name else _OTHERS, what] += number
        more = "at least " if len(self._losses) >= MAX_LOSSES else ""
        return [
            ("attributes_dropped", f"{name}: {more}{number} {what}")
            if name
            else ("span_unsampled", f"{more}{number} {'span' if number == 1 else 'spans'} of other instrumentations")
            for (name, what), number in sorted(counts.items())
        ]
