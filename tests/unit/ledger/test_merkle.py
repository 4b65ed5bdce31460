"""The tree's hashes, by the vectors that certificate transparency implementations share."""

import pytest

from provsdk.errors import FormatError
from provsdk.ledger.merkle import EMPTY_ROOT, Frontier, leaf_hash, node_hash, perfect_root

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]

ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

LEAF_HASHES = {
    1: "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    2: "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    3: "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
    4: "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    5: "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
    6: "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    7: "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
}


@pytest.mark.parametrize(("index", "expected"), LEAF_HASHES.items())
def test_leaf_hashes_are_the_published_ones(index, expected):
    assert expected == leaf_hash(LEAVES[index]).hex()


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size):
    frontier = Frontier().extend([leaf_hash(data) for data in LEAVES[:size]])

    assert ROOTS[size] == frontier.root().hex()
    assert size == frontier.size


def test_the_empty_tree_has_the_digest_of_nothing_as_its_root():
    assert Frontier().root() == EMPTY_ROOT


def test_leaf_and_node_with_the_same_bytes_have_different_hashes():
    left, right = leaf_hash(b"a"), leaf_hash(b"b")

    assert leaf_hash(left + right) != node_hash(left, right)


def test_extending_by_nothing_changes_nothing():
    frontier = Frontier().extend([leaf_hash(b"a"), leaf_hash(b"b")])

    assert frontier == frontier.extend([])


def test_a_complete_subtree_is_hashed_from_any_of_its_levels():
    hashes = [leaf_hash(data) for data in LEAVES]

    assert ROOTS[8] == perfect_root(hashes).hex()
    assert perfect_root(hashes) == perfect_root([perfect_root(hashes[:4]), perfect_root(hashes[4:])])


@pytest.mark.parametrize("count", [0, 3, 5])
def test_a_complete_subtree_of_another_width_is_refused(count):
    with pytest.raises(FormatError, match=f"power of two of hashes; got {count}"):
        perfect_root([leaf_hash(b"")] * count)


def test_a_frontier_has_one_peak_for_each_bit_of_its_size():
    with pytest.raises(FormatError, match="5 leaves has 2 complete subtrees; got 1"):
        Frontier(5, (EMPTY_ROOT,))


def test_a_frontier_of_something_else_than_hashes_is_refused():
    with pytest.raises(FormatError, match="32 bytes"):
        Frontier(1, (b"short",))
