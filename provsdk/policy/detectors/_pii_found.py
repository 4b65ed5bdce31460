"""What a detector found and how well it was judged, and which of two that overlap is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from provsdk.gate import Finding

__all__ = ["CERTAIN", "LABELLED", "LIKELY", "SHAPED", "Found", "best"]

CERTAIN = 4
"""Its form alone leaves no doubt: a checksum of two digits over letters and digits, an address."""
LABELLED = 3
"""A word beside it says what it is, and its check agrees."""
SHAPED = 2
"""It is written as only such a number is, and its check agrees."""
LIKELY = 1


class Found(NamedTuple):
    """A finding before it is compared with those that overlap it."""

    start: int
    end: int
    kind: str
    rank: int


def best(found: Iterable[Found]) -> list[Finding]:
    """Sorted by start and without overlap: the better judged is kept, of equals the longer, of those the first.

    >>> [(one.kind, one.start) for one in best([Found(5, 16, "phone", LIKELY), Found(3, 16, "iban", CERTAIN)])]
    [('iban', 3)]
    """
    kept: list[Found] = []
    for one in sorted(found):
        if kept and one.start < kept[-1].end:
            if _worth(one) > _worth(kept[-1]):
                kept[-1] = one
        else:
            kept.append(one)
    return [Finding(one.kind, one.start, one.end) for one in kept]


def _worth(one: Found) -> tuple[int, int]:
    return one.rank, one.end - one.start
