"""Which moments of two counts belong together where nothing but their time says so: pure.

As many pairs as can be, so that what is left over on a side is certain in number. Which ones are left is the best
guess: those with which the pairs lie closest together.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

__all__ = ["Unpaired", "unpaired"]

MAX_CELLS: Final = 1_000_000
"""Of one stretch's table, each a microsecond; of longer stretches that do not fall apart the latest are named."""

_PAIR, _SKIP_FIRST, _SKIP_SECOND = 0, 1, 2


class Unpaired(NamedTuple):
    """Positions of what has no counterpart on the other side, in order."""

    first: list[int]
    second: list[int]


def unpaired(first: Sequence[int], second: Sequence[int], tolerance: int) -> Unpaired:
    """Pairs what lies at most `tolerance` apart, each at most once, and answers what is left.

    Args:
        first: moments in ascending order.
        second: the same.
        tolerance: in the same unit.
    """
    left = Unpaired([], [])
    for here, there in _stretches(first, second, tolerance):
        found = _likeliest(first[here.start : here.stop], second[there.start : there.stop], tolerance)
        left.first.extend(here.start + one for one in found.first)
        left.second.extend(there.start + one for one in found.second)
    return left


def _likeliest(first: Sequence[int], second: Sequence[int], tolerance: int) -> Unpaired:
    """Of one stretch. A long one falls apart into short ones under a tolerance that pairs as many all the same."""
    found = _earliest(first, second, tolerance)
    width = len(found.first) + len(found.second) + 1
    if width == 1 or not first or not second:
        return found
    if (len(first) + 1) * width <= MAX_CELLS:
        return _closest(first, second, tolerance, found)
    least = tolerance
    while least and len(_earliest(first, second, least // 2).first) == len(found.first):
        least //= 2
    return found if least == tolerance else unpaired(first, second, least)


def _stretches(first: Sequence[int], second: Sequence[int], tolerance: int) -> Iterator[tuple[range, range]]:
    """Parts that have nothing to do with each other: between them lies more than the tolerance."""
    a = b = 0
    while a < len(first) or b < len(second):
        start_a, start_b = a, b
        end = min(first[a] if a < len(first) else second[b], second[b] if b < len(second) else first[a])
        while True:
            if a < len(first) and first[a] - end <= tolerance and (b == len(second) or first[a] <= second[b]):
                end, a = first[a], a + 1
            elif b < len(second) and second[b] - end <= tolerance:
                end, b = second[b], b + 1
            else:
                break
        yield range(start_a, a), range(start_b, b)


def _earliest(first: Sequence[int], second: Sequence[int], tolerance: int) -> Unpaired:
    """Each with the earliest that is free: there are no more pairs than these."""
    left = Unpaired([], [])
    a = b = 0
    while a < len(first) and b < len(second):
        if abs(first[a] - second[b]) <= tolerance:
            a, b = a + 1, b + 1
        elif first[a] < second[b]:
            left.first.append(a)
            a += 1
        else:
            left.second.append(b)
            b += 1
    left.first.extend(range(a, len(first)))
    left.second.extend(range(b, len(second)))
    return left


def _closest(first: Sequence[int], second: Sequence[int], tolerance: int, known: Unpaired) -> Unpaired:
    """As many pairs, and of all ways to make them one with the least distance in sum.

    A table of what the best way costs up to each position: as no more than `known` are left over on either side, only
    a band of it can be on that way.
    """
    low, width = -len(known.first), len(known.first) + len(known.second) + 1
    skipping = tolerance * (len(first) + len(second)) + 1  # dearer than all distances: no pair is given up
    never = skipping * (len(first) + len(second) + 1)
    before: list[int] = []
    steps: list[bytearray] = []
    for a in range(len(first) + 1):
        now, step = [never] * width, bytearray(width)
        for column in range(max(0, -low - a), width):
            b = a + low + column
            if b > len(second):
                break
            best, how = (0, _PAIR) if a == b == 0 else (never, _PAIR)
            if a and b and abs(first[a - 1] - second[b - 1]) <= tolerance:
                best = before[column] + abs(first[a - 1] - second[b - 1])
            if a and column + 1 < width and before[column + 1] + skipping < best:
                best, how = before[column + 1] + skipping, _SKIP_FIRST
            if b and column and now[column - 1] + skipping < best:
                best, how = now[column - 1] + skipping, _SKIP_SECOND
            now[column], step[column] = best, how
        before = now
        steps.append(step)
    return _read_back(steps, low, len(first), len(second))


def _read_back(steps: list[bytearray], low: int, a: int, b: int) -> Unpaired:
    """The way through the table from its end."""
    left = Unpaired([], [])
    while a or b:
        how = steps[a][b - a - low]
        if how != _SKIP_SECOND:
            a -= 1
        if how != _SKIP_FIRST:
            b -= 1
        if how == _SKIP_FIRST:
            left.first.append(a)
        elif how == _SKIP_SECOND:
            left.second.append(b)
    left.first.reverse()
    left.second.reverse()
    return left
