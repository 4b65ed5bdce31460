"""Inclusion and consistency proofs by the vectors of transparency-dev/merkle: good ones pass, damaged ones do not."""

import base64
import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from provsdk.errors import FormatError
from provsdk.ledger import proofs

VECTORS = Path(__file__).parents[3].joinpath("shared", "vectors", "rfc6962")


def cases(kind):
    found = sorted((VECTORS / kind).rglob("*.json"))
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(reason="the vectors are not beside this checkout"))]
    return [pytest.param(path, id=str(path.relative_to(VECTORS).with_suffix(""))) for path in found]


def read(path):
    vector = json.loads(path.read_text("utf-8"))
    return vector, [base64.b64decode(one) for one in vector["proof"] or ()]


def outcome(vector):
    return pytest.raises(FormatError) if vector["wantErr"] else nullcontext()


@pytest.mark.parametrize("path", cases("inclusion"))
def test_inclusion(path):
    vector, proof = read(path)
    with outcome(vector):
        proofs.verify_inclusion(
            vector["leafIdx"],
            vector["treeSize"],
            base64.b64decode(vector["leafHash"]),
            proof,
            base64.b64decode(vector["root"]),
        )


@pytest.mark.parametrize("path", cases("consistency"))
def test_consistency(path):
    vector, proof = read(path)
    with outcome(vector):
        proofs.verify_consistency(
            vector["size1"],
            vector["size2"],
            base64.b64decode(vector["root1"]),
            base64.b64decode(vector["root2"]),
            proof,
        )
