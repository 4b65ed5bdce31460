"""Appending to the log, as a pure function: frontier and entries in, rows and frontier out.

The store runs it inside its transaction, between reading the frontier and writing the rows.
"""

import hmac
from collections.abc import Sequence
from typing import Final

import msgspec

from provsdk.errors import FormatError
from provsdk.ledger.checkpoint import Checkpoint
from provsdk.ledger.entries import MAX_ENTRY_BYTES
from provsdk.ledger.merkle import Frontier, leaf_hash
from provsdk.ledger.note import Signer, sign_note

__all__ = ["SEAL_BYTES", "Appended", "Row", "append", "checkpoint_note", "seal"]

SEAL_BYTES: Final = 16
"""Length of a seal, in bytes."""

_SEAL_DOMAIN: Final = b"provsdk/seal/v1\0"


class Row(msgspec.Struct, frozen=True, gc=False):
    """One entry at its place in the log."""

    index: int
    entry: bytes
    """Canonical bytes: the leaf's data."""
    leaf_hash: bytes
    seal: bytes


class Appended(msgspec.Struct, frozen=True):
    """What appending came to."""

    rows: tuple[Row, ...]
    frontier: Frontier
    """Of the tree with the new leaves."""


def append(frontier: Frontier, entries: Sequence[bytes], *, seal_key: bytes) -> Appended:
    """Gives entries their places after those that the frontier covers.

    Args:
        frontier: Of the log so far.
        entries: Encoded entries, in order.
        seal_key: `LogKey.seal_key`.

    Raises:
        FormatError: an entry is empty or longer than `MAX_ENTRY_BYTES`.
    """
    rows = []
    for index, entry in enumerate(entries, frontier.size):
        if not 0 < len(entry) <= MAX_ENTRY_BYTES:
            raise FormatError(f"entry {index}: got {len(entry)} bytes, expected 1 to {MAX_ENTRY_BYTES}")
        leaf = leaf_hash(entry)
        rows.append(Row(index, entry, leaf, seal(seal_key, index, leaf)))
    return Appended(tuple(rows), frontier.extend([row.leaf_hash for row in rows]))


def checkpoint_note(origin: str, frontier: Frontier, signer: Signer) -> str:
    """The signed checkpoint over everything that the frontier covers."""
    return sign_note(Checkpoint(origin, frontier.size, frontier.root()).text(), [signer])


def seal(seal_key: bytes, index: int, leaf: bytes) -> bytes:
    """First 16 bytes of HMAC-SHA256(seal key, "provsdk/seal/v1" || 0x00 || index as 64 bits, big-endian || leaf hash).

    It lets the key's holder name the very entry that was changed, where all hashes above were recomputed.
    """
    return hmac.digest(seal_key, _SEAL_DOMAIN + index.to_bytes(8) + leaf, "sha256")[:SEAL_BYTES]
