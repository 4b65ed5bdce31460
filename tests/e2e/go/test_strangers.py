"""A log of ours, checked by the Go team's packages `sumdb/note` and `sumdb/tlog`, which know nothing of us."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from provsdk.ledger import log, proofs, tiles
from provsdk.ledger.merkle import Frontier
from provsdk.ledger.note import Ed25519Signer, VerifierKey, open_note

SIGNER = Ed25519Signer("log.example/strangers", bytes(range(32)))
SIZE = 300

pytestmark = [
    pytest.mark.needs("go"),
    pytest.mark.skipif(shutil.which("go") is None, reason="go is not installed"),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    here = Path(__file__).parent
    fetched = subprocess.run(["go", "mod", "download"], cwd=here, capture_output=True, timeout=300, check=False)
    if fetched.returncode and b"SECURITY ERROR" not in fetched.stderr:
        pytest.skip("golang.org/x/mod cannot be fetched from here")
    built = tmp_path_factory.mktemp("go") / "strangers"
    subprocess.run(["go", "build", "-o", built, "."], cwd=here, check=True, timeout=300)
    return built


def text_of(hashes):
    return [base64.b64encode(one).decode() for one in hashes]


def grown():
    """Entries, and the checkpoints over some sizes on the way."""
    entries = [b"entry %d" % number for number in range(SIZE)]
    frontier, checkpoints = Frontier(), []
    stored: dict[tuple[int, int], bytes] = {}

    def read(level, index):
        return stored[level, index]

    for start in range(0, SIZE, 37):
        appended = log.append(frontier, entries[start : start + 37], seal_key=bytes(32))
        leaves = [row.leaf_hash for row in appended.rows]
        stored.update(tiles.update(start, leaves, read))
        frontier = appended.frontier
        checkpoints.append({"note": log.checkpoint_note(SIGNER.name, frontier, SIGNER), "size": frontier.size})
    return entries, stored, checkpoints


def question(entries, stored, checkpoints, signer_key):
    def read(level, index):
        return stored[level, index]

    return {
        "vkey": SIGNER.vkey,
        "entries": text_of(entries),
        "checkpoints": checkpoints,
        "inclusion": [
            {"size": size, "index": index, "hashes": text_of(proofs.inclusion(index, size, read))}
            for size in (1, 2, 37, 255, 256, 257, SIZE)
            for index in sorted({0, size // 3, size - 1})
        ],
        "consistency": [
            {"size": size, "old": old, "hashes": text_of(proofs.consistency(old, size, read))}
            for size in (1, 2, 37, 255, 256, 257, SIZE)
            for old in sorted({1, max(1, size // 3), size})
        ],
        "signer_key": signer_key,
    }


def private_key_text(signer, seed):
    """A private key as the Go package wants it: no format of ours."""
    material = base64.b64encode(b"\x01" + seed).decode()
    return f"PRIVATE+KEY+{signer.name}+{signer.key.key_id.hex()}+{material}"


def test_their_packages_and_ours_agree(program):
    """Notes, roots and both kinds of proofs, theirs and ours, in both directions."""
    other = Ed25519Signer("go.example", bytes(32))
    asked = question(*grown(), private_key_text(other, bytes(32)))
    done = subprocess.run([program], input=json.dumps(asked).encode(), capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    answer = json.loads(done.stdout)

    read = grown()[1]
    for size in (0, 1, 255, 256, 257, SIZE):
        expected = tiles.frontier(size, lambda level, index: read[level, index]).root()
        assert expected == base64.b64decode(answer["roots"][str(size)])
    assert open_note(answer["note"], [VerifierKey.parse(other.vkey)]).text == "made in Go\n\nwith an empty line\n"
