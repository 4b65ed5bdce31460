"""Verification of a log, as a numbered procedure over a small reader that a store implements.

1. Entries: each is canonical and well formed (`docs/formats/log.md`, section 2).
2. Order: indexes run from 0 without a gap; `log.opened` stands at 0 and nowhere else.
3. Leaves: tiles of level 0 hold the hashes of the entries, and nothing else.
4. Seals: each entry's seal is that of its index and leaf hash; only where the seal key is at hand.
5. Manifests: each entry's `body` is the digest of the manifest of its parts.
6. Parts: each readable part has its commitment; a missing one is named by a later `content.erased`.
7. Tree: tiles above level 0 hold the roots of the tiles below, and no further tile is there.
8. Checkpoint: signed by the log's key and by nobody unknown; its origin, size and root are those of the entries.
9. Memory: every checkpoint remembered outside is of a tree that this one begins with.

Nothing is trusted that the reader says: whatever can be computed is computed again from the entries' bytes. The
procedure for one record's entries (`verify_entries`) proves each of them against the checkpoint instead.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from provsdk import canonical
from provsdk.errors import FormatError, StoreDamaged
from provsdk.ledger import checkpoint as checkpoints
from provsdk.ledger import proofs, tiles
from provsdk.ledger.findings import Finding, Outcome, Step, Tally
from provsdk.ledger.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash
from provsdk.ledger.note import VerifierKey, open_note
from provsdk.ledger.reader import EntryPart, EntryRow, Reader, Remembered
from provsdk.ledger.walk import Walk

__all__ = [
    "EntryPart",
    "EntryRow",
    "Finding",
    "Outcome",
    "Reader",
    "Remembered",
    "Step",
    "verify_entries",
    "verify_log",
]

_NO_MEMORY = "nothing is remembered outside the store: whether it was rolled back is not known"


def verify_log(
    reader: Reader, *, key: VerifierKey | None = None, seal_key: bytes | None = None, key_fault: str | None = None
) -> Outcome:
    """Verifies the whole log, steps 1 to 9.

    Args:
        reader: The store.
        key: The log's key, known from elsewhere than the store. Without it the key that entry 0 names is taken, which
            only shows that the log agrees with itself.
        seal_key: `LogKey.seal_key`; without it step 4 is not made, and a change with all hashes recomputed is found
            but not placed.
        key_fault: What is wrong with the log's key, where it is at hand and cannot be used: a finding of step 8.
    """
    tally = _tally(key_fault)
    memory = _remembered(reader, tally)
    walk = Walk(tally, seal_key, frozenset(one.size for one in memory))
    walk.run(reader)
    _check_tiles(reader, walk.leaves, tally)
    signed = _check_checkpoint(reader, walk, key, tally)
    _check_memory(memory, walk, tally)
    return tally.outcome(range(1, 10), signed=signed, size=len(walk.leaves), root=walk.frontier.root())


def verify_entries(
    reader: Reader,
    indexes: Iterable[int],
    *,
    key: VerifierKey | None = None,
    seal_key: bytes | None = None,
    key_fault: str | None = None,
) -> Outcome:
    """Verifies single entries: each is proved to stand in the tree that the checkpoint signs.

    Steps 1, 5 and 6 for these entries alone; in step 7 the proof is made from the tiles and led from the entry's bytes
    to the checkpoint's root, in step 9 from the remembered checkpoints to that root. What is missing or says that it
    is about something else could not be told from these entries, so steps 2 to 4, 7 and 8 take all of them: their
    order, seals, hashes and tree. Arguments as in `verify_log`; without `key` entry 0 is verified too.
    """
    tally = _tally(key_fault)
    signed = _signed_checkpoint(reader, key or _named_key(reader, tally), tally)
    memory = _remembered(reader, tally)
    walk = Walk(tally, seal_key, frozenset(one.size for one in memory))
    deque(walk.pass_over(reader), maxlen=0)
    _check_tiles(reader, walk.leaves, tally)
    if signed is not None:
        _check_covered(signed, walk, tally)
    # Whoever takes the key from entry 0 has to know that it is entry 0.
    for index in sorted(set(indexes) if key else {0, *indexes}):
        row = _row(reader, index, tally)
        if row is not None:
            walk.check(reader, row)
            _check_inclusion(reader, index, leaf_hash(row.data), signed, tally)
    for by in sorted({erased.by for erased in walk.erased}):
        erasing = _row(reader, by, tally)
        if erasing is not None:
            walk.check_form(erasing)
    walk.check_erasures()
    if signed is None:
        _check_memory(memory, walk, tally)
    else:
        _check_memory_by_proof(reader, memory, signed, tally)
    return tally.outcome(
        range(1, 10),
        signed=signed is not None and key is not None,
        size=0 if signed is None else signed.size,
        root=EMPTY_ROOT if signed is None else signed.root,
    )


def _tally(key_fault: str | None) -> Tally:
    tally = Tally()
    if key_fault is not None:
        tally.wrong(8, None, key_fault)
    return tally


def _check_tiles(reader: Reader, leaves: Sequence[bytes], tally: Tally) -> None:
    expected = tiles.update(0, leaves, lambda _level, _index: b"")
    for (level, index), hashes in expected.items():
        step = 3 if level == 0 else 7
        tally.checked(step)
        stored = _tile(reader, level, index, tally)
        if stored == hashes:
            continue
        where = _first_difference(stored, hashes)
        entry = index * tiles.WIDTH + where if level == 0 else None
        tally.wrong(step, entry, f"tile {level}/{index}: hash {where} is not the one that follows from the entries")
    try:
        extra = sorted(set(reader.tile_ids()) - expected.keys())
    except (FormatError, StoreDamaged) as error:
        tally.wrong(7, None, f"the tiles cannot be listed: {error}")
        return
    for level, index in extra:
        tally.wrong(7, None, f"tile {level}/{index}: nothing in the log calls for it")


def _first_difference(stored: bytes, expected: bytes) -> int:
    places = range(max(len(stored), len(expected)) // HASH_BYTES + 1)
    slices = [slice(place * HASH_BYTES, (place + 1) * HASH_BYTES) for place in places]
    return next(place for place in places if stored[slices[place]] != expected[slices[place]])


def _check_checkpoint(reader: Reader, walk: Walk, key: VerifierKey | None, tally: Tally) -> bool:
    opened = _opened(walk, tally)
    trusted = key
    if opened is not None and key is not None and opened.vkey != key.vkey:
        tally.wrong(8, 0, f"entry 0 names the key {opened.vkey}; expected {key.vkey}")
    checkpoint = _signed_checkpoint(reader, trusted or opened, tally)
    if checkpoint is None:
        return False
    return _check_covered(checkpoint, walk, tally) and key is not None


def _check_covered(checkpoint: checkpoints.Checkpoint, walk: Walk, tally: Tally) -> bool:
    size = len(walk.leaves)
    if checkpoint.size != size:
        first = min(checkpoint.size, size)
        fault = "is missing" if size < checkpoint.size else "stands behind what is signed"
        tally.wrong(8, first, f"entry {first} {fault}: the checkpoint covers {checkpoint.size} entries, found {size}")
        return False
    if checkpoint.root != walk.frontier.root():
        tally.wrong(
            8, None, f"the checkpoint has root {checkpoint.root.hex()}; the entries have {walk.frontier.root().hex()}"
        )
        return False
    return True


def _opened(walk: Walk, tally: Tally) -> VerifierKey | None:
    if walk.log_part is None:
        tally.wrong(8, 0, "entry 0 does not say whose log this is")
        return None
    return _declared_key(walk.log_part, tally)


def _declared_key(content: bytes, tally: Tally) -> VerifierKey | None:
    try:
        opened = canonical.parse(content)
        key = VerifierKey.parse(opened["log_key"])
        origin = opened["origin"]
    except (FormatError, KeyError, TypeError, AttributeError) as error:
        tally.wrong(8, 0, f"entry 0, part 'log': {type(error).__name__}: {error}")
        return None
    if key.name != origin:
        tally.wrong(8, 0, f"entry 0, part 'log': the key is named {key.name!r}, the log {origin!r}")
        return None
    return key


def _signed_checkpoint(reader: Reader, key: VerifierKey | None, tally: Tally) -> checkpoints.Checkpoint | None:
    tally.checked(8)
    try:
        note = open_note(reader.checkpoint(), [] if key is None else [key])
        checkpoint = checkpoints.parse(note.text)
    except (FormatError, StoreDamaged) as error:
        tally.wrong(8, None, str(error))
        return None
    if note.signatures != 1:
        # Nobody but the log's key signs here yet, so a further line was put there by somebody else.
        tally.wrong(8, None, f"the checkpoint has {note.signatures} signature lines, expected 1")
    if key is not None and checkpoint.origin != key.name:
        tally.wrong(8, None, f"the checkpoint is of the log {checkpoint.origin!r}; expected {key.name!r}")
        return None
    return checkpoint


def _named_key(reader: Reader, tally: Tally) -> VerifierKey | None:
    try:
        parts = reader.parts(0)
    except (FormatError, StoreDamaged) as error:
        tally.wrong(8, 0, f"entry 0: its parts cannot be read: {error}")
        return None
    content = next((part.content for part in parts if part.path == "log"), None)
    if content is None:
        tally.wrong(8, 0, "entry 0 does not say whose log this is")
        return None
    return _declared_key(content, tally)


def _check_inclusion(
    reader: Reader, index: int, leaf: bytes, signed: checkpoints.Checkpoint | None, tally: Tally
) -> None:
    if signed is None:
        tally.not_checked(7, "there is no good checkpoint to prove it against")
        return
    tally.checked(7)
    if not 0 <= index < signed.size:
        tally.wrong(
            7, index, f"entry {index} stands behind what is signed: the checkpoint covers {signed.size} entries"
        )
        return
    try:
        proof = proofs.inclusion(index, signed.size, reader.tile)
        proofs.verify_inclusion(index, signed.size, leaf, proof, signed.root)
    except (FormatError, StoreDamaged) as error:
        tally.wrong(7, index, f"entry {index} is not in the tree that the checkpoint signs: {error}")


def _row(reader: Reader, index: int, tally: Tally) -> EntryRow | None:
    try:
        row = reader.entry(index)
    except (FormatError, StoreDamaged) as error:
        tally.wrong(1, index, f"entry {index} cannot be read: {error}")
        return None
    if row is None:
        tally.wrong(1, index, f"entry {index} is missing")
    return row


def _tile(reader: Reader, level: int, index: int, tally: Tally) -> bytes:
    try:
        return reader.tile(level, index)
    except (FormatError, StoreDamaged) as error:
        tally.wrong(3 if level == 0 else 7, None, f"tile {level}/{index} cannot be read: {error}")
        return b""


def _remembered(reader: Reader, tally: Tally) -> Sequence[Remembered]:
    try:
        return reader.remembered()
    except (FormatError, StoreDamaged) as error:
        tally.wrong(9, None, f"the memory outside the store cannot be read: {error}")
        return ()


def _check_memory(memory: Sequence[Remembered], walk: Walk, tally: Tally) -> None:
    if not memory:
        tally.not_checked(9, _NO_MEMORY)
    size = len(walk.leaves)
    for one in memory:
        tally.checked(9)
        root = EMPTY_ROOT if one.size == 0 else walk.roots.get(one.size)
        if root is None:
            tally.wrong(9, size, _shorter(one, size))
        elif root != one.root:
            tally.wrong(9, None, _other(one))


def _check_memory_by_proof(
    reader: Reader, memory: Sequence[Remembered], signed: checkpoints.Checkpoint, tally: Tally
) -> None:
    if not memory:
        tally.not_checked(9, _NO_MEMORY)
    for one in memory:
        tally.checked(9)
        if one.size > signed.size:
            tally.wrong(9, signed.size, _shorter(one, signed.size))
        elif one.size:
            try:
                proof = proofs.consistency(one.size, signed.size, reader.tile)
                proofs.verify_consistency(one.size, signed.size, one.root, signed.root, proof)
            except (FormatError, StoreDamaged) as error:
                tally.wrong(9, None, f"{_other(one)}: {error}")


def _shorter(one: Remembered, size: int) -> str:
    return f"entry {size} is missing: {one.where} remembers {one.size} entries, found {size}"


def _other(one: Remembered) -> str:
    return f"the first {one.size} entries are not those that {one.where} remembers"
