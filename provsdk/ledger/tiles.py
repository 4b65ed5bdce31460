"""The tree, cut into tiles of height 8 (C2SP tlog-tiles).

A tile of level 0 holds leaf hashes; each hash of level *l* + 1 is the root of a full tile of level *l*. So only
complete subtrees are stored, and a tile never changes but by growing to its full width. How tiles are kept is the
store's: here they come from a function and go as a mapping.
"""

from collections.abc import Callable, Sequence
from typing import Final

from provsdk.errors import FormatError
from provsdk.ledger.merkle import HASH_BYTES, Frontier, perfect_root

__all__ = ["HEIGHT", "WIDTH", "ReadTile", "complete_root", "frontier", "update", "widths"]

HEIGHT: Final = 8
"""Levels of the tree within one tile."""

WIDTH: Final = 256
"""Hashes in a full tile."""

ReadTile = Callable[[int, int], bytes]
"""(level, index) → the tile's bytes: 1 to 256 hashes of 32 bytes, left to right."""


def update(size: int, leaf_hashes: Sequence[bytes], read: ReadTile) -> dict[tuple[int, int], bytes]:
    """The tiles that change when a tree of `size` leaves gets further ones.

    Args:
        size: Number of leaves before.
        leaf_hashes: Hashes of the new leaves.
        read: Gives the partial tiles at the tree's right edge; asked only for those that grow.

    Returns:
        (level, index) → all bytes of the tile, from its first hash on.

    Raises:
        FormatError: a tile that `read` gave has not the width that `size` asks for.
    """
    changed: dict[tuple[int, int], bytes] = {}
    level = 0
    new = list(leaf_hashes)
    count = size
    while new:
        index, width = divmod(count, WIDTH)
        hashes = _exactly(read, level, index, width) if width else b""
        roots = []
        taken = 0
        while taken < len(new):
            room = WIDTH - len(hashes) // HASH_BYTES
            hashes += b"".join(new[taken : taken + room])
            taken += room
            changed[level, index] = hashes
            if len(hashes) == WIDTH * HASH_BYTES:
                roots.append(perfect_root(_split(hashes)))
            index += 1
            hashes = b""
        new = roots
        count //= WIDTH
        level += 1
    return changed


def frontier(size: int, read: ReadTile) -> Frontier:
    """The frontier of the tree of the first `size` leaves.

    Raises:
        FormatError: a tile is narrower than `size` asks for, or no multiple of a hash.
    """
    peaks = []
    start = 0
    for bit in range(size.bit_length() - 1, -1, -1):
        if size >> bit & 1:
            peaks.append(complete_root(start, bit, read))
            start += 1 << bit
    return Frontier(size, tuple(peaks))


def complete_root(start: int, bits: int, read: ReadTile) -> bytes:
    """Root of the complete subtree over the 2^`bits` leaves from `start`, a multiple of 2^`bits`.

    Raises:
        FormatError: the tile is too narrow, or no multiple of a hash.
    """
    level, within = divmod(bits, HEIGHT)
    first = start >> (level * HEIGHT)
    index, offset = divmod(first, WIDTH)
    stop = (offset + (1 << within)) * HASH_BYTES
    tile = read(level, index)
    if len(tile) < stop or len(tile) % HASH_BYTES:
        raise FormatError(f"tile {level}/{index}: got {len(tile)} bytes, expected at least {stop}")
    return perfect_root(_split(tile[offset * HASH_BYTES : stop]))


def widths(size: int) -> dict[int, tuple[int, int]]:
    """Level → (number of full tiles, width of the partial tile or 0) of a tree of `size` leaves."""
    result = {}
    level = 0
    count = size
    while count:
        result[level] = divmod(count, WIDTH)
        count //= WIDTH
        level += 1
    return result


def _exactly(read: ReadTile, level: int, index: int, width: int) -> bytes:
    tile = read(level, index)
    if len(tile) != width * HASH_BYTES:
        raise FormatError(f"tile {level}/{index}: got {len(tile)} bytes, expected {width * HASH_BYTES}")
    return tile


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
