"""Drafts made ready to be appended: salts, commitments, encryption, packing. Everything that needs no index yet.

It happens before the transaction, so that other writers wait for as little as possible.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provsdk.ledger.commitments import SALT_BYTES, body, commit
from provsdk.ledger.entries import Entry, encode, uuid7
from provsdk.records.parts import Part
from provsdk.store.contract import Draft
from provsdk.store.encryption import DataKey
from provsdk.store.packing import Open, Packed, Sealed, Shared, pack

__all__ = ["Prepared", "is_encrypted", "prepare", "subjects_to_encrypt"]

SHARED_PATHS: Final = frozenset({"environment"})
"""Parts that many records have in common, byte for byte."""

SHARED_FROM_BYTES: Final = 128
"""Length from which it is worth the while to store such a part once."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A draft with everything but its place in the log."""

    draft: Draft
    entry: Entry
    encoded: bytes
    """The leaf's data."""
    packed: bytes
    """Its parts, still without the seal that names the place."""
    shared: Mapping[bytes, bytes]
    """SHA-256 → content, of parts that are stored once."""


def is_encrypted(draft: Draft, part: Part) -> bool:
    """Captured content is always encrypted, and everything of a protected record is."""
    return draft.protected or part.path.startswith("content/")


def subjects_to_encrypt(drafts: Sequence[Draft]) -> set[str]:
    """The subjects whose data keys `prepare` needs."""
    return {draft.subject for draft in drafts if any(is_encrypted(draft, part) for part in draft.parts)}


def prepare(drafts: Sequence[Draft], keys: Mapping[str, DataKey]) -> list[Prepared]:
    """The drafts, ready to be given their places.

    Args:
        drafts: In the order in which they are to be appended.
        keys: Data keys of `subjects_to_encrypt`.

    Raises:
        FormatError: a draft cannot be an entry: two parts with one path, a kind that is unknown, a field out of form.
    """
    # The salts of all parts come from one call: asking the kernel for each would cost more than the rest.
    salts = memoryview(os.urandom(SALT_BYTES * sum(len(draft.parts) for draft in drafts)))
    prepared = []
    taken = 0
    for draft in drafts:
        count = len(draft.parts) * SALT_BYTES
        prepared.append(_prepared(draft, salts[taken : taken + count], keys.get(draft.subject)))
        taken += count
    return prepared


def _prepared(draft: Draft, salts: memoryview, key: DataKey | None) -> Prepared:
    entry_id = uuid7()
    packed: list[Packed] = []
    manifest = []
    shared: dict[bytes, bytes] = {}
    for at, part in enumerate(draft.parts):
        salt = bytes(salts[at * SALT_BYTES : (at + 1) * SALT_BYTES])
        commitment = commit(salt, part.path, part.content)
        manifest.append((part.path, part.retention, commitment))
        packed.append(_packed(draft, part, salt, commitment, (entry_id, key), shared))
    entry = Entry(
        id=entry_id,
        kind=draft.kind,
        time=draft.time,
        key=draft.key,
        actor=draft.actor,
        subject=draft.subject,
        body=body(manifest),
    )
    return Prepared(draft, entry, encode(entry), pack(packed), shared)


def _packed(
    draft: Draft,
    part: Part,
    salt: bytes,
    commitment: bytes,
    sealed_by: tuple[str, DataKey | None],
    shared: dict[bytes, bytes],
) -> Packed:
    entry_id, key = sealed_by
    if is_encrypted(draft, part):
        if key is None:
            raise AssertionError("a part that is to be encrypted comes with the key of its subject")
        return Sealed(part.path, part.retention, commitment, key.seal(entry_id, part.path, salt, part.content))
    if part.path in SHARED_PATHS and len(part.content) >= SHARED_FROM_BYTES:
        digest = hashlib.sha256(part.content).digest()
        shared[digest] = part.content
        return Shared(part.path, part.retention, salt, digest)
    return Open(part.path, part.retention, salt, part.content)
