"""Checksums that somebody states of a content: `sha256:<hex>`, as registries and download pages give them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["ALGORITHMS", "WEAK", "algorithm_of", "hasher", "parse"]

ALGORITHMS: Final = {"sha256": 64, "sha512": 128, "blake2b": 128, "md5": 32}
"""Names, and how many hexadecimal digits each has."""

WEAK: Final = frozenset({"md5"})
"""Two contents with the same checksum can be made at will: equal means not broken, and no more than that."""

_HEX: Final = frozenset("0123456789abcdef")


def parse(text: str) -> str:
    """A stated checksum as it is written down: lower-case name, colon, lower-case hexadecimal digits.

    Raises:
        ValueError: not of that form, or of an algorithm that is not known; never quotes the text.
    """
    algorithm, _, digits = text.strip().lower().partition(":")
    if algorithm not in ALGORITHMS:
        raise ValueError(f"a checksum is <algorithm>:<hex>, and the algorithm one of {', '.join(ALGORITHMS)}")
    if len(digits) != ALGORITHMS[algorithm] or not _HEX.issuperset(digits):
        raise ValueError(f"a checksum by {algorithm} has {ALGORITHMS[algorithm]} hexadecimal digits")
    return f"{algorithm}:{digits}"


def algorithm_of(stated: str) -> str:
    """Name of the algorithm of a parsed checksum."""
    return stated.partition(":")[0]


def hasher(algorithm: str) -> _Hash:
    """An empty hash of one of `ALGORITHMS`; none of them is used to keep a secret here."""
    return hashlib.new(algorithm, usedforsecurity=False)
