"""Findings in order and apart from each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provsdk.gate import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["apart"]


def apart(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by place; those that overlap become one, so that nothing that was found stays uncovered.

    Args:
        findings: Those that say more come first; one that covers others has the kind of the first of them.

    >>> apart([Finding("jwt", 7, 30), Finding("secret", 0, 9), Finding("password", 40, 48)])
    [Finding(kind='jwt', start=0, end=30, place=''), Finding(kind='password', start=40, end=48, place='')]
    """
    found: list[Finding] = []
    last_rank = 0
    for rank, one in sorted(enumerate(findings), key=lambda ranked: (ranked[1].start, ranked[0])):
        if not found or one.start >= found[-1].end:
            found.append(one)
            last_rank = rank
            continue
        last = found[-1]
        kind = last.kind if last_rank < rank else one.kind
        last_rank = min(last_rank, rank)
        found[-1] = Finding(kind, last.start, max(last.end, one.end), last.place)
    return found
