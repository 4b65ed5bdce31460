"""Inclusion and consistency proofs: RFC 6962, section 2.1; verified as in RFC 9162, sections 2.1.3.2 and 2.1.4.2.

Proofs are lists of hashes of 32 bytes, in the order of the RFC: from the leaf upwards.
"""

from collections.abc import Sequence

from provsdk.errors import FormatError, UsageError
from provsdk.ledger.merkle import HASH_BYTES, node_hash
from provsdk.ledger.tiles import ReadTile, complete_root

__all__ = ["consistency", "inclusion", "verify_consistency", "verify_inclusion"]


def inclusion(index: int, size: int, read: ReadTile) -> list[bytes]:
    """Proof that leaf `index` stands in the tree of the first `size` leaves.

    Raises:
        UsageError: there is no such leaf.
        FormatError: a tile is narrower than `size` asks for.
    """
    if not 0 <= index < size:
        raise UsageError(f"a tree of {size} leaves has no leaf {index}")
    path = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _left(stop - start)
        if index < middle:
            path.append(_root(middle, stop, read))
            stop = middle
        else:
            path.append(_root(start, middle, read))
            start = middle
    path.reverse()
    return path


def consistency(old_size: int, size: int, read: ReadTile) -> list[bytes]:
    """Proof that the tree of the first `size` leaves begins with the tree of the first `old_size`.

    Empty where the sizes are equal.

    Raises:
        UsageError: `old_size` is larger than `size`, or not positive: any tree begins with the empty one, so that a
            proof of it would prove nothing.
        FormatError: a tile is narrower than `size` asks for.
    """
    if not 0 < old_size <= size:
        raise UsageError(f"no proof that a tree of {size} leaves begins with one of {old_size}")
    if old_size == size:
        return []
    path = []
    start, stop = 0, size
    known = True  # the verifier has the root of the first `old_size` leaves: it need not be sent
    while stop != old_size:
        middle = start + _left(stop - start)
        if old_size <= middle:
            path.append(_root(middle, stop, read))
            stop = middle
        else:
            path.append(_root(start, middle, read))
            start = middle
            known = False
    if not known:
        path.append(_root(start, stop, read))
    path.reverse()
    return path


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Checks that the leaf with that hash stands at `index` in the tree with `size` leaves and that root.

    Raises:
        FormatError: it does not; the message has the root that was expected and the one that the proof leads to.
    """
    if not 0 <= index < size:
        raise FormatError(f"inclusion: a tree of {size} leaves has no leaf {index}")
    _refuse_malformed("inclusion", (leaf, *proof))
    node, last = index, size - 1
    computed = leaf
    for sibling in proof:
        if last == 0:
            raise FormatError(f"inclusion of leaf {index} in {size}: got {len(proof)} hashes, more than expected")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, sibling)
        node >>= 1
        last >>= 1
    if last:
        raise FormatError(f"inclusion of leaf {index} in {size}: got {len(proof)} hashes, fewer than expected")
    if computed != root:
        raise FormatError(f"inclusion of leaf {index} in {size}: expected root {root.hex()}, got {computed.hex()}")


def verify_consistency(old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Checks that the tree with `size` leaves and `root` begins with the tree with `old_size` leaves and `old_root`.

    Raises:
        FormatError: it does not; the message has the root that was expected and the one that the proof leads to.
    """
    where = f"consistency of {old_size} with {size}"
    if not 0 < old_size <= size:
        raise FormatError(f"{where}: no proof shows that, or nothing would be shown by it")
    _refuse_malformed(where, proof)
    if old_size == size:
        if proof:
            raise FormatError(f"{where}: expected no hashes, got {len(proof)}")
        _same(where, old_root, root)
        return
    if not proof:
        raise FormatError(f"{where}: expected a proof, got no hashes")
    old_computed, computed = _climb(where, old_size, size, old_root, proof)
    _same(f"{where}, older root", old_root, old_computed)
    _same(f"{where}, newer root", root, computed)


def _climb(where: str, old_size: int, size: int, old_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    hashes = iter((old_root, *proof) if old_size.bit_count() == 1 else proof)
    node, last = old_size - 1, size - 1
    while node & 1:
        node >>= 1
        last >>= 1
    old_computed = computed = next(hashes)
    for sibling in hashes:
        if last == 0:
            raise FormatError(f"{where}: got {len(proof)} hashes, more than expected")
        if node & 1 or node == last:
            old_computed = node_hash(sibling, old_computed)
            computed = node_hash(sibling, computed)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, sibling)
        node >>= 1
        last >>= 1
    if last:
        raise FormatError(f"{where}: got {len(proof)} hashes, fewer than expected")
    return old_computed, computed


def _left(count: int) -> int:
    # The largest power of two strictly below `count` (RFC 6962, section 2.1).
    return 1 << (count - 1).bit_length() - 1


def _root(start: int, stop: int, read: ReadTile) -> bytes:
    count = stop - start
    if count.bit_count() == 1:
        return complete_root(start, count.bit_length() - 1, read)
    middle = start + _left(count)
    return node_hash(_root(start, middle, read), _root(middle, stop, read))


def _refuse_malformed(where: str, hashes: Sequence[bytes]) -> None:
    for one in hashes:
        if len(one) != HASH_BYTES:
            raise FormatError(f"{where}: got a hash of {len(one)} bytes, expected {HASH_BYTES}")


def _same(where: str, expected: bytes, got: bytes) -> None:
    if expected != got:
        raise FormatError(f"{where}: expected root {expected.hex()}, got {got.hex()}")
