"""Two counts are paired by time: as many pairs as can be, and of all ways the closest."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.cli import pairing
from provsdk.cli.pairing import unpaired

MOMENTS = st.lists(st.integers(0, 40), max_size=6).map(sorted)


def every_way(first, second, tolerance):
    """(pairs, distance) of all ways to pair in order: none that crosses is shorter."""
    for size in range(min(len(first), len(second)) + 1):
        for chosen in combinations(first, size):
            for others in combinations(second, size):
                distances = [abs(a - b) for a, b in zip(chosen, others, strict=True)]
                if all(one <= tolerance for one in distances):
                    yield size, sum(distances)


def without(moments, positions):
    return [moment for position, moment in enumerate(moments) if position not in set(positions)]


@given(MOMENTS, MOMENTS, st.integers(0, 12))
def test_as_many_are_paired_as_can_be_and_as_closely(first, second, tolerance):
    left = unpaired(first, second, tolerance)

    paired = list(zip(without(first, left.first), without(second, left.second), strict=True))
    assert all(abs(a - b) <= tolerance for a, b in paired)
    ways = list(every_way(first, second, tolerance))
    most = max(pairs for pairs, _ in ways)
    assert (len(paired), sum(abs(a - b) for a, b in paired)) == (most, min(d for pairs, d in ways if pairs == most))


def test_what_is_left_is_named_in_order_on_both_sides():
    assert unpaired([0, 100, 200, 300], [1, 150, 301], 10) == ([1, 2], [1])


def test_beyond_the_bound_a_stretch_falls_apart_where_its_pairs_lie_close(monkeypatch):
    monkeypatch.setattr(pairing, "MAX_CELLS", 4)

    assert unpaired([0, 10, 20, 30], [1, 21, 31], 60) == ([1], [])


@given(MOMENTS, MOMENTS, st.integers(0, 12))
def test_beyond_the_bound_as_many_are_left(first, second, tolerance):
    exact = unpaired(first, second, tolerance)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pairing, "MAX_CELLS", 4)
        rough = unpaired(first, second, tolerance)

    assert [len(side) for side in rough] == [len(side) for side in exact]


def test_a_path_that_was_never_instrumented_is_told_from_one_that_was():
    seen, unseen = range(0, 20_000_000, 2_000), range(700, 20_000_000, 4_000)
    lines = sorted([*seen, *unseen])

    left = unpaired(lines, [moment + 100 for moment in seen], 60_000)

    assert [lines[position] for position in left.first] == list(unseen)


def test_a_day_of_lines_that_all_lie_within_the_tolerance_is_paired():
    first = list(range(0, 86_400, 2))
    missing = {10_000, 20_000, 30_000}

    left = unpaired(first, [moment for position, moment in enumerate(first) if position not in missing], 60)

    assert left == (sorted(missing), [])
