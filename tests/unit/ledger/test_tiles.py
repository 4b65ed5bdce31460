"""Tiles: which there are at a size, which change, what they hold."""

import pytest

from provsdk.errors import FormatError
from provsdk.ledger import tiles
from provsdk.ledger.merkle import Frontier, leaf_hash, perfect_root


def hashes_of(count, start=0):
    return [leaf_hash(number.to_bytes(4)) for number in range(start, start + count)]


def nothing(level, index):
    raise AssertionError(f"tile {level}/{index} was asked for")


def test_an_empty_tree_grows_without_reading_anything():
    (tile,) = tiles.update(0, hashes_of(3), nothing).values()

    assert b"".join(hashes_of(3)) == tile


def test_a_partial_tile_is_read_once_and_given_whole():
    asked = []

    def read(level, index):
        asked.append((level, index))
        return b"".join(hashes_of(3))

    changed = tiles.update(3, hashes_of(2, start=3), read)

    assert {(0, 0): b"".join(hashes_of(5))} == changed
    assert asked == [(0, 0)]


def test_a_full_tile_gives_its_root_to_the_level_above():
    changed = tiles.update(0, hashes_of(256), nothing)

    assert {(0, 0): b"".join(hashes_of(256)), (1, 0): perfect_root(hashes_of(256))} == changed


def test_behind_a_full_tile_the_next_is_begun_without_reading_it():
    changed = tiles.update(256, hashes_of(1, start=256), nothing)

    assert {(0, 1): hashes_of(1, start=256)[0]} == changed


def test_no_new_leaf_changes_no_tile():
    assert tiles.update(7, [], nothing) == {}


def test_a_tree_of_70000_leaves_has_the_tiles_of_the_specification():
    assert tiles.widths(70_000) == {0: (273, 112), 1: (1, 17), 2: (0, 1)}


def test_a_tree_of_256_leaves_has_one_full_tile_and_one_of_width_one():
    assert tiles.widths(256) == {0: (1, 0), 1: (0, 1)}


def test_three_levels_of_tiles_lead_to_the_root():
    leaves = hashes_of(66_000)
    stored = tiles.update(0, leaves, nothing)

    assert Frontier().extend(leaves).root() == tiles.frontier(66_000, lambda level, index: stored[level, index]).root()
    assert len(stored[2, 0]) == 32


@pytest.mark.parametrize("width", [0, 2, 4])
def test_a_partial_tile_of_another_width_is_refused(width):
    with pytest.raises(FormatError, match=f"tile 0/0: got {width * 32} bytes, expected 96"):
        tiles.update(3, hashes_of(1), lambda _level, _index: b"".join(hashes_of(width)))


def test_a_frontier_from_too_narrow_a_tile_is_refused():
    with pytest.raises(FormatError, match="tile 0/0: got 64 bytes, expected at least 96"):
        tiles.frontier(3, lambda _level, _index: b"".join(hashes_of(2)))


def test_a_tile_with_half_a_hash_is_refused():
    with pytest.raises(FormatError, match="tile 0/0"):
        tiles.frontier(2, lambda _level, _index: b"".join(hashes_of(2)) + b"half")


def test_a_wider_tile_serves_a_smaller_tree():
    wide = b"".join(hashes_of(200))

    assert Frontier().extend(hashes_of(77)) == tiles.frontier(77, lambda _level, _index: wide)
