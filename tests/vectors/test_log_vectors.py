"""`log.json`: a small log whose every byte is given, for whoever writes a reader of this format.

The file is computed below by `hashlib`, `hmac` and `json` alone, as `docs/formats/log.md` says and without anything of
provsdk; `python tests/vectors/test_log_vectors.py` writes it anew. The tests hold both the file and provsdk to that.
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provsdk.ledger import commitments, entries, keys, log, tiles
from provsdk.ledger.merkle import Frontier
from provsdk.ledger.note import Ed25519Signer, open_note

FILE = Path(__file__).with_name("log.json")
SEED = bytes(range(32))
ORIGIN = "log.example/vectors"


def sha256(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def public_key():
    return Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()


def key_id():
    return sha256(ORIGIN.encode(), b"\n", b"\x01", public_key())[:4]


def naive_root(hashes):
    if len(hashes) <= 1:
        return hashes[0] if hashes else sha256()
    half = 1
    while half * 2 < len(hashes):
        half *= 2
    return sha256(b"\x01", naive_root(hashes[:half]), naive_root(hashes[half:]))


def naive_note(size, root):
    text = f"{ORIGIN}\n{size}\n{base64.b64encode(root).decode()}\n"
    signature = Ed25519PrivateKey.from_private_bytes(SEED).sign(text.encode())
    return f"{text}\n— {ORIGIN} {base64.b64encode(key_id() + signature).decode()}\n"


def naive_seal_key():
    # HKDF (RFC 5869) by hand: extract with a salt of zeros, expand by one block.
    extracted = hmac.new(bytes(32), SEED, hashlib.sha256).digest()
    return hmac.new(extracted, b"provsdk/seal-key/v1\x01", hashlib.sha256).digest()


def contents():
    material = base64.b64encode(b"\x01" + public_key()).decode()
    vkey = f"{ORIGIN}+{key_id().hex()}+{material}"
    opened = {"digest_key_id": "0123456789abcdef", "log_key": vkey, "origin": ORIGIN, "recovery_key": None}
    yield "log.opened", "log", [("log", "permanent", compact(opened).decode())]
    yield (
        "record.sealed",
        "rec_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        [
            ("header", "permanent", '{"a":1}'),
            ("content/1", "standard", ""),
            ("content/10", "days:180", '"ü"'),
            ("content/\U0001f600", "regulatory", "[]"),
            ("content/\ufb33", "long_term", "null"),
        ],
    )
    yield "note.added", 'quotes " and \\, a \u007f, a \u2028 and a \t', []


def naive_entry(index, kind, subject, contents_of):
    parts = []
    for place, (path, retention, content) in enumerate(contents_of):
        salt = sha256(b"salt", bytes([index, place]))
        name = path.encode()
        message = b"provsdk/part/v1\x00" + len(name).to_bytes(4, "big") + name + content.encode()
        commitment = hmac.new(salt, message, hashlib.sha256).hexdigest()
        parts.append(
            {"path": path, "retention": retention, "salt": salt.hex(), "content": content, "commitment": commitment}
        )
    rows = sorted(
        ([one["path"], one["retention"], one["commitment"]] for one in parts), key=lambda row: row[0].encode()
    )
    manifest = compact(rows)
    entry = {
        "v": 1,
        "id": f"018bcfe5-687b-7000-8000-{index:012x}",
        "kind": kind,
        "time": f"2026-11-24T02:03:04.{index:06d}Z",
        "key": f"key/{index}",
        "actor": "emi_1",
        "subject": subject,
        "body": sha256(manifest).hex(),
    }
    leaf = sha256(b"\x00", compact(entry))
    seal = hmac.new(naive_seal_key(), b"provsdk/seal/v1\x00" + index.to_bytes(8, "big") + leaf, hashlib.sha256)
    return {
        "index": index,
        "parts": parts,
        "manifest": manifest.decode(),
        "entry": compact(entry).decode(),
        "leaf_hash": leaf.hex(),
        "seal": seal.hexdigest()[:32],
    }


def naive_vectors():
    made = [naive_entry(index, *one) for index, one in enumerate(contents())]
    leaves = [bytes.fromhex(one["leaf_hash"]) for one in made]
    return {
        "origin": ORIGIN,
        "seed": SEED.hex(),
        "vkey": json.loads(made[0]["parts"][0]["content"])["log_key"],
        "seal_key": naive_seal_key().hex(),
        "entries": made,
        "roots": [naive_root(leaves[:size]).hex() for size in range(len(leaves) + 1)],
        "tile_0_0": b"".join(leaves).hex(),
        "checkpoint": naive_note(len(leaves), naive_root(leaves)),
    }


@pytest.fixture
def vectors():
    return json.loads(FILE.read_text("utf-8"))


def test_the_file_is_what_the_definition_comes_to(vectors):
    assert naive_vectors() == vectors


def test_commitments_and_manifests(vectors):
    for entry in vectors["entries"]:
        rows = []
        for part in entry["parts"]:
            made = commitments.commit(bytes.fromhex(part["salt"]), part["path"], part["content"].encode())
            assert part["commitment"] == made.hex()
            rows.append((part["path"], part["retention"], made))
        assert entry["manifest"].encode() == commitments.manifest(rows)
        assert commitments.body(rows) == entries.decode(entry["entry"].encode()).body


def test_entries_have_one_encoding(vectors):
    for entry in vectors["entries"]:
        data = entry["entry"].encode()
        assert data == entries.encode(entries.decode(data))


def test_places_hashes_seals_tile_and_roots(vectors):
    encoded = [entry["entry"].encode() for entry in vectors["entries"]]
    appended = log.append(Frontier(), encoded, seal_key=bytes.fromhex(vectors["seal_key"]))
    leaves = [row.leaf_hash for row in appended.rows]

    for entry, row in zip(vectors["entries"], appended.rows, strict=True):
        assert (entry["leaf_hash"], entry["seal"]) == (row.leaf_hash.hex(), row.seal.hex())
    assert vectors["roots"] == [Frontier().extend(leaves[:size]).root().hex() for size in range(len(leaves) + 1)]
    assert {(0, 0): bytes.fromhex(vectors["tile_0_0"])} == tiles.update(0, leaves, lambda _level, _index: b"")


def test_key_seal_key_and_checkpoint(vectors):
    seed = bytes.fromhex(vectors["seed"])
    signer = Ed25519Signer(vectors["origin"], seed)
    leaves = [bytes.fromhex(entry["leaf_hash"]) for entry in vectors["entries"]]

    assert vectors["vkey"] == signer.vkey
    assert vectors["seal_key"] == keys.seal_key(seed).hex()
    assert vectors["checkpoint"] == log.checkpoint_note(vectors["origin"], Frontier().extend(leaves), signer)
    assert (signer.key,) == open_note(vectors["checkpoint"], [signer.key]).verified


if __name__ == "__main__":
    FILE.write_text(json.dumps(naive_vectors(), indent=2, ensure_ascii=False) + "\n", "utf-8")
