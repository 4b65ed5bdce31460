"""The Merkle tree hash of RFC 6962, section 2.1 (the same in RFC 9162), and the frontier that grows it.

A frontier is what has to be remembered of a tree so that it can grow: the roots of its complete subtrees, one for each
set bit of its size. Everything here is a pure function of hashes of 32 bytes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from provsdk.errors import FormatError

__all__ = ["EMPTY_ROOT", "HASH_BYTES", "Frontier", "leaf_hash", "node_hash", "perfect_root"]

HASH_BYTES: Final = 32
"""Length of every hash in the tree, in bytes."""

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""Root of the tree without leaves."""

_sha256 = hashlib.sha256


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf: SHA-256(0x00 || data)."""
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256(0x01 || left || right)."""
    return _sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Root of a complete subtree from the hashes of one of its levels, left to right; their number is a power of two.

    Raises:
        FormatError: the number of hashes is no power of two.
    """
    count = len(hashes)
    if count.bit_count() != 1:
        raise FormatError(f"a complete subtree has a power of two of hashes; got {count}")
    level = hashes
    while len(level) > 1:
        pairs = iter(level)
        level = [_sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return level[0]


@dataclass(frozen=True, slots=True)
class Frontier:
    """The complete subtrees of a tree.

    Raises:
        FormatError: size and number of peaks do not belong together, or a peak is no hash.
    """

    size: int = 0
    """Number of leaves."""
    peaks: tuple[bytes, ...] = ()
    """Roots of the complete subtrees, largest (leftmost) first: one for each set bit of `size`."""

    def __post_init__(self) -> None:
        if self.size < 0 or self.size.bit_count() != len(self.peaks):
            raise FormatError(
                f"a tree of {self.size} leaves has {self.size.bit_count()} complete subtrees; got {len(self.peaks)}"
            )
        if any(len(peak) != HASH_BYTES for peak in self.peaks):
            raise FormatError(f"a hash has {HASH_BYTES} bytes; got {[len(peak) for peak in self.peaks]}")

    def root(self) -> bytes:
        """Root of the whole tree."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            root = node_hash(peak, root)
        return root

    def extend(self, leaf_hashes: Sequence[bytes]) -> "Frontier":
        """The frontier after further leaves, given by their hashes."""
        size = self.size
        peaks = list(self.peaks)
        for leaf in leaf_hashes:
            node = leaf
            carry = size
            # As in adding one to a binary number: each trailing one bit is a complete subtree to merge with.
            while carry & 1:
                node = _sha256(b"\x01" + peaks.pop() + node).digest()
                carry >>= 1
            peaks.append(node)
            size += 1
        return Frontier(size, tuple(peaks))
