"""Drafts made ready to be appended: salts, commitments, encryption, packing. Everything that needs no index yet.

It happens before the transaction, so that other writers wait for as little as possible.
"""

import hashlib
import operator
import os
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Final, NamedTuple

from provsdk.ledger.commitments import SALT_BYTES, body, commit_each
from provsdk.ledger.entries import UUID_RANDOM_BYTES, Entry, encode, uuid7
from provsdk.records.parts import Part
from provsdk.store.contract import Draft
from provsdk.store.encryption import DataKey
from provsdk.store.packing import Packer

__all__ = ["Prepared", "prepare", "subjects_to_encrypt"]

SHARED_PATHS: Final = frozenset({"environment"})
"""Parts that many records have in common, byte for byte."""

SHARED_FROM_BYTES: Final = 128
"""Length from which it is worth the while to store such a part once."""


_BY_PATH: Final = operator.attrgetter("path")
_CONTENT: Final = "content/"


class Prepared(NamedTuple):
    """A draft with everything but its place in the log."""

    draft: Draft
    entry: Entry
    encoded: bytes
    """The leaf's data."""
    packed: bytes
    """Its parts, still without the seal that names the place."""
    shared: Mapping[bytes, bytes]
    """SHA-256 → content, of parts that are stored once."""


def subjects_to_encrypt(drafts: Sequence[Draft]) -> set[str]:
    """The subjects whose data keys `prepare` needs: of protected entries, and wherever content was captured."""
    return {draft.subject for draft in drafts if draft.protected or _has_content(draft)}


def _has_content(draft: Draft) -> bool:
    return any([part.path.startswith(_CONTENT) for part in draft.parts])  # noqa: C419 faster than a generator


def prepare(drafts: Sequence[Draft], keys: Mapping[str, DataKey]) -> list[Prepared]:
    """The drafts, ready to be given their places.

    Args:
        drafts: In the order in which they are to be appended.
        keys: Data keys of `subjects_to_encrypt`.

    Raises:
        FormatError: a draft cannot be an entry: two parts with one path, a kind that is unknown, a field out of form.
    """
    # All random bytes come from one call: asking the kernel for each salt would cost more than the rest.
    random = BytesIO(os.urandom(sum(SALT_BYTES * len(draft.parts) + UUID_RANDOM_BYTES for draft in drafts)))
    return [_prepared(draft, random, keys.get(draft.subject)) for draft in drafts]


def _prepared(draft: Draft, random: BytesIO, key: DataKey | None) -> Prepared:
    entry_id = uuid7(random=random.read(UUID_RANDOM_BYTES))
    parts = sorted(draft.parts, key=_BY_PATH)
    salts = [random.read(SALT_BYTES) for _ in parts]
    commitments = commit_each(salts, parts)
    entry = Entry(
        id=entry_id,
        kind=draft.kind,
        time=draft.time,
        key=draft.key,
        actor=draft.actor,
        subject=draft.subject,
        body=body([(part.path, part.retention, made) for part, made in zip(parts, commitments, strict=True)]),
    )
    packer, shared = Packer(), {}
    for part, salt, commitment in zip(parts, salts, commitments, strict=True):
        path, content = part.path, part.content
        if draft.protected or path.startswith(_CONTENT):
            packer.sealed(path, part.retention, commitment, _encrypted(part, salt, entry_id, key))
        elif path in SHARED_PATHS and len(content) >= SHARED_FROM_BYTES:
            digest = hashlib.sha256(content).digest()
            shared[digest] = content
            packer.shared(path, part.retention, salt, digest)
        else:
            packer.open(path, part.retention, salt, content)
    return Prepared(draft, entry, encode(entry), packer.blob(), shared)


def _encrypted(part: Part, salt: bytes, entry_id: str, key: DataKey | None) -> bytes:
    if key is None:
        raise AssertionError("a part that is to be encrypted comes with the key of its subject")
    return key.seal(entry_id, part.path, salt, part.content)
