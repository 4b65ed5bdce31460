"""The digest of a value, held to its definition: a second, naive implementation and vectors that need only SHA-256.

The naive one follows `docs/formats/digests.md` line by line, for built-in types, with the package `rfc8785` for JSON.
"""

import datetime  # noqa: F401, ICN001 vectors name it
import decimal  # noqa: F401 vectors name it
import hashlib
import json
import math
import pathlib  # noqa: F401 vectors name it
import uuid  # noqa: F401 vectors name it
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from provsdk.digest import StreamDigest, digest, measure

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "digests.json").read_text("utf-8"))["vectors"]


def naive(value):  # noqa: C901, PLR0911 one line of the definition each
    if isinstance(value, (bytes, bytearray)):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, str):
        try:
            return hashlib.sha256(value.encode()).hexdigest()
        except UnicodeEncodeError:
            return tagged("wtf-8", value.encode("utf-8", "surrogatepass"))
    if isinstance(value, (list, tuple)):
        return tagged("list", rfc8785.dumps([naive(item) for item in value]))
    if isinstance(value, (set, frozenset)):
        return tagged("set", rfc8785.dumps(sorted(naive(item) for item in value)))
    if isinstance(value, dict):
        try:
            return tagged("map", rfc8785.dumps({key: naive(item) for key, item in value.items()}))
        except (rfc8785.CanonicalizationError, UnicodeEncodeError):
            return tagged("pairs", rfc8785.dumps(sorted([naive(key), naive(item)] for key, item in value.items())))
    if value is None:
        return tagged("null", b"")
    if isinstance(value, bool):
        return tagged("bool", b"true" if value else b"false")
    if isinstance(value, int):
        return tagged("int", str(value).encode())
    if math.isnan(value):
        return tagged("float", b"NaN")
    if math.isinf(value):
        return tagged("float", b"Infinity" if value > 0 else b"-Infinity")
    return tagged("float", rfc8785.dumps(value))


def tagged(tag, content):
    return hashlib.sha256(b"provsdk/value/v1\0" + tag.encode() + b":" + content).hexdigest()


TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from("ab\ud800\udfff"))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.binary()
KEYS = TEXT | st.integers() | st.none() | st.booleans() | st.binary()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(TEXT, inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.sets(KEYS, max_size=4)
        | st.frozensets(KEYS, max_size=4)
    ),
    max_leaves=15,
)


@settings(deadline=None)
@given(VALUES)
def test_digests_are_those_of_the_definition(value):
    assert digest(value).hex() == naive(value)


@settings(deadline=None)
@given(st.dictionaries(KEYS, st.integers(), max_size=6))
def test_the_order_of_a_dict_does_not_matter(value):
    assert digest(dict(reversed(value.items()))) == digest(value)


@settings(deadline=None)
@given(st.lists(TEXT, max_size=6))
def test_a_stream_of_text_has_the_digest_of_its_concatenation(chunks):
    stream = StreamDigest()
    for chunk in chunks:
        stream.update(chunk)

    assert stream.digest() == digest("".join(chunks))
    assert stream.size_bytes == measure("".join(chunks)).size_bytes


@settings(deadline=None)
@given(st.lists(st.binary() | st.binary().map(bytearray) | st.binary().map(memoryview), max_size=6))
def test_a_stream_of_bytes_has_the_digest_of_its_concatenation(chunks):
    stream = StreamDigest()
    for chunk in chunks:
        stream.update(chunk)

    assert stream.digest() == digest(b"".join(chunks))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["python"] for vector in VECTORS])
def test_each_vector_is_sha256_of_its_preimage_and_what_the_code_says(vector):
    preimage = bytes.fromhex(vector["preimage_hex"]) if "preimage_hex" in vector else vector["preimage"].encode()

    assert hashlib.sha256(preimage).hexdigest() == vector["sha256"]
    assert digest(eval(vector["python"])).hex() == vector["sha256"]
