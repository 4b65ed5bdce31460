"""Appending: places, hashes, seals and the signed checkpoint."""

import hashlib
import hmac

import pytest

from provsdk.errors import FormatError
from provsdk.ledger import checkpoint
from provsdk.ledger.log import append, checkpoint_note, seal
from provsdk.ledger.merkle import Frontier, leaf_hash
from provsdk.ledger.note import Ed25519Signer, open_note

SIGNER = Ed25519Signer("log.example", bytes(32))
SEAL_KEY = bytes(range(32))


def test_entries_get_the_places_behind_those_that_are_there():
    first = append(Frontier(), [b"a", b"b"], seal_key=SEAL_KEY)
    second = append(first.frontier, [b"c"], seal_key=SEAL_KEY)

    assert [(row.index, row.entry) for row in first.rows] == [(0, b"a"), (1, b"b")]
    assert [(row.index, row.entry) for row in second.rows] == [(2, b"c")]
    assert Frontier().extend([leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")]) == second.frontier


def test_appending_nothing_changes_nothing():
    appended = append(Frontier(), [], seal_key=SEAL_KEY)

    assert appended.rows == ()
    assert Frontier() == appended.frontier


def test_a_seal_is_half_an_hmac_over_index_and_leaf_hash():
    (row,) = append(Frontier(), [b"a"], seal_key=SEAL_KEY).rows
    message = b"provsdk/seal/v1\x00" + bytes(8) + hashlib.sha256(b"\x00a").digest()

    assert hmac.new(SEAL_KEY, message, hashlib.sha256).digest()[:16] == row.seal


def test_the_same_entry_has_another_seal_at_another_place():
    assert seal(SEAL_KEY, 1, leaf_hash(b"a")) != seal(SEAL_KEY, 2, leaf_hash(b"a"))


@pytest.mark.parametrize("entry", [b"", bytes(65_536)])
def test_an_entry_that_no_bundle_of_entries_could_hold_is_refused(entry):
    with pytest.raises(FormatError, match=r"entry 1: got \d+ bytes, expected 1 to 65535"):
        append(Frontier(), [b"a", entry], seal_key=SEAL_KEY)


def test_a_checkpoint_is_a_note_signed_under_the_origin():
    frontier = append(Frontier(), [b"a"], seal_key=SEAL_KEY).frontier
    note = open_note(checkpoint_note("log.example", frontier, SIGNER), [SIGNER.key])

    assert checkpoint.Checkpoint("log.example", 1, leaf_hash(b"a")) == checkpoint.parse(note.text)
