"""The tree against RFC 6962, section 2.1, written down as naively as it stands there."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provsdk.errors import FormatError, UsageError
from provsdk.ledger import proofs, tiles
from provsdk.ledger.merkle import Frontier, leaf_hash

EXHAUSTIVE = 40


def naive_root(data):
    if not data:
        return hashlib.sha256(b"").digest()
    if len(data) == 1:
        return hashlib.sha256(b"\x00" + data[0]).digest()
    k = naive_split(len(data))
    return hashlib.sha256(b"\x01" + naive_root(data[:k]) + naive_root(data[k:])).digest()


def naive_split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def naive_path(m, data):
    if len(data) == 1:
        return []
    k = naive_split(len(data))
    if m < k:
        return [*naive_path(m, data[:k]), naive_root(data[k:])]
    return [*naive_path(m - k, data[k:]), naive_root(data[:k])]


def naive_subproof(m, data, complete):
    if m == len(data):
        return [] if complete else [naive_root(data)]
    k = naive_split(len(data))
    if m <= k:
        return [*naive_subproof(m, data[:k], complete), naive_root(data[k:])]
    return [*naive_subproof(m - k, data[k:], complete=False), naive_root(data[:k])]


def data_of(size):
    return [number.to_bytes(3) for number in range(size)]


def reader_of(data):
    stored = tiles.update(0, [leaf_hash(one) for one in data], lambda _level, _index: b"")
    return lambda level, index: stored.get((level, index), b"")


@pytest.mark.parametrize("size", [*range(18), 255, 256, 257, 511, 512, 513, 1000])
def test_roots(size):
    data = data_of(size)

    assert naive_root(data) == Frontier().extend([leaf_hash(one) for one in data]).root()
    assert naive_root(data) == tiles.frontier(size, reader_of(data)).root()


def test_every_inclusion_proof_in_small_trees():
    for size in range(1, EXHAUSTIVE):
        data = data_of(size)
        root, read = naive_root(data), reader_of(data)
        for index in range(size):
            proof = proofs.inclusion(index, size, read)
            assert naive_path(index, data) == proof
            proofs.verify_inclusion(index, size, leaf_hash(data[index]), proof, root)


def test_every_consistency_proof_in_small_trees():
    read = reader_of(data_of(EXHAUSTIVE))
    roots = [naive_root(data_of(size)) for size in range(EXHAUSTIVE)]
    for size in range(1, EXHAUSTIVE):
        for old in range(1, size + 1):
            proof = proofs.consistency(old, size, read)
            assert naive_subproof(old, data_of(size), complete=True) == proof
            proofs.verify_consistency(old, size, roots[old], roots[size], proof)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 1200), st.data())
def test_proofs_across_tiles(size, draw):
    data = data_of(size)
    read, root = reader_of(data), naive_root(data)
    index = draw.draw(st.integers(0, size - 1))
    old = draw.draw(st.integers(1, size))

    path = proofs.inclusion(index, size, read)
    assert naive_path(index, data) == path
    proofs.verify_inclusion(index, size, leaf_hash(data[index]), path, root)

    steps = proofs.consistency(old, size, read)
    assert naive_subproof(old, data, complete=True) == steps
    proofs.verify_consistency(old, size, naive_root(data[:old]), root, steps)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 300), st.data())
def test_a_damaged_inclusion_proof_never_passes(size, draw):
    data = data_of(size)
    index = draw.draw(st.integers(0, size - 1))
    proof = proofs.inclusion(index, size, reader_of(data))
    damaged = draw.draw(damaged_lists(proof))

    with pytest.raises(FormatError):
        proofs.verify_inclusion(index, size, leaf_hash(data[index]), damaged, naive_root(data))


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 300), st.data())
def test_a_damaged_consistency_proof_never_passes(size, draw):
    old = draw.draw(st.integers(1, size - 1))
    proof = proofs.consistency(old, size, reader_of(data_of(size)))
    damaged = draw.draw(damaged_lists(proof))

    with pytest.raises(FormatError):
        proofs.verify_consistency(old, size, naive_root(data_of(old)), naive_root(data_of(size)), damaged)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=6))
def test_growing_in_any_steps_comes_to_the_same_tiles_and_frontier(steps):
    leaves = [leaf_hash(one) for one in data_of(sum(steps))]
    stored: dict[tuple[int, int], bytes] = {}
    frontier = Frontier()

    def read(level, index):
        return stored[level, index]

    sizes = [sum(steps[:count]) for count in range(len(steps) + 1)]
    for start, stop in pairwise(sizes):
        stored.update(tiles.update(start, leaves[start:stop], read))
        frontier = frontier.extend(leaves[start:stop])

    assert tiles.update(0, leaves, lambda _level, _index: b"") == stored
    assert Frontier().extend(leaves) == frontier
    assert frontier == tiles.frontier(len(leaves), read)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 3)])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(index, size):
    with pytest.raises(UsageError, match=f"no leaf {index}"):
        proofs.inclusion(index, size, reader_of(data_of(size)))


@pytest.mark.parametrize("old", [-1, 0, 6])
def test_there_is_no_consistency_proof_from_nothing_or_from_a_larger_tree(old):
    with pytest.raises(UsageError, match="no proof"):
        proofs.consistency(old, 5, reader_of(data_of(5)))


def test_a_mismatch_says_what_was_expected_and_what_was_got():
    data = data_of(2)
    proof = proofs.inclusion(0, 2, reader_of(data))

    with pytest.raises(FormatError, match=f"expected root {'00' * 32}, got {naive_root(data).hex()}"):
        proofs.verify_inclusion(0, 2, leaf_hash(data[0]), proof, bytes(32))


@st.composite
def damaged_lists(draw, proof):
    kind = draw(st.sampled_from(["bit", "drop", "add", "short"]))
    if kind == "add":
        place = draw(st.integers(0, len(proof)))
        return [*proof[:place], draw(st.binary(min_size=32, max_size=32)), *proof[place:]]
    place = draw(st.integers(0, len(proof) - 1))
    if kind == "drop":
        return [*proof[:place], *proof[place + 1 :]]
    if kind == "short":
        return [*proof[:place], proof[place][:31], *proof[place + 1 :]]
    bit = draw(st.integers(0, 255))
    flipped = (int.from_bytes(proof[place]) ^ 1 << bit).to_bytes(32)
    return [*proof[:place], flipped, *proof[place + 1 :]]


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_a_leaf_beyond_the_tree_is_never_included(index, size):
    with pytest.raises(FormatError, match=f"no leaf {index}"):
        proofs.verify_inclusion(index, size, bytes(32), [], bytes(32))


@pytest.mark.parametrize(("old", "size"), [(0, 0), (0, 3), (-1, 3), (4, 3)])
def test_such_sizes_are_never_consistent(old, size):
    with pytest.raises(FormatError, match=f"consistency of {old} with {size}"):
        proofs.verify_consistency(old, size, bytes(32), bytes(32), [])


def test_equal_trees_need_no_proof_and_take_none():
    proofs.verify_consistency(3, 3, bytes(32), bytes(32), [])
    with pytest.raises(FormatError, match="expected no hashes, got 1"):
        proofs.verify_consistency(3, 3, bytes(32), bytes(32), [bytes(32)])
