"""Commitments and manifests, against their definition written out by hand."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.errors import FormatError
from provsdk.ledger.commitments import body, commit, commit_each, manifest
from provsdk.records.parts import Part

SALT = bytes(range(32))
ONE, TWO = bytes([1]) * 32, bytes([2]) * 32


def test_a_commitment_is_the_hmac_of_path_and_content_under_the_salt():
    message = b"provsdk/part/v1\x00" + b"\x00\x00\x00\x06" + b"header" + b'{"a":1}'

    assert hmac.new(SALT, message, hashlib.sha256).digest() == commit(SALT, "header", b'{"a":1}')


def test_the_length_of_a_path_is_that_of_its_utf8_bytes():
    message = b"provsdk/part/v1\x00" + b"\x00\x00\x00\x02" + "ü".encode()

    assert hmac.new(SALT, message, hashlib.sha256).digest() == commit(SALT, "ü", b"")


def test_where_the_path_ends_and_the_content_begins_is_committed_to():
    assert commit(SALT, "ab", b"c") != commit(SALT, "a", b"bc")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_salt_of_another_length_is_refused(length):
    with pytest.raises(FormatError, match=f"got a salt of {length} bytes, expected 32"):
        commit(bytes(length), "header", b"")


salted = st.tuples(
    st.binary(min_size=32, max_size=32), st.text(st.characters(exclude_categories=["Cs"])), st.binary(max_size=300)
)


@given(st.lists(salted))
def test_several_parts_at_once_have_the_commitments_that_each_has_alone(these):
    parts = [Part(path, "standard", content) for _, path, content in these]

    made = commit_each([salt for salt, _, _ in these], parts)

    assert made == [
        hmac.new(
            salt, b"provsdk/part/v1\x00" + len(path.encode()).to_bytes(4) + path.encode() + content, hashlib.sha256
        ).digest()
        for salt, path, content in these
    ]
    assert made == [commit(*each) for each in these]


@pytest.mark.parametrize("lengths", [[], [32], [32, 32, 32], [31, 33], [64, 0], [32, 31]])
def test_two_parts_want_two_salts_of_32_bytes(lengths):
    with pytest.raises(FormatError, match="expected one of 32 bytes for each"):
        commit_each([bytes(length) for length in lengths], [Part("a", "standard", b""), Part("b", "standard", b"")])


def test_a_manifest_is_sorted_by_path():
    expected = [["flow", "standard", "02" * 32], ["header", "permanent", "01" * 32]]

    assert json.dumps(expected, separators=(",", ":")).encode() == manifest(
        [("header", "permanent", ONE), ("flow", "standard", TWO)]
    )


def test_paths_are_sorted_by_their_utf8_bytes_not_by_utf16():
    rows = [("\U0001f600", "standard", ONE), ("\ufb33", "standard", TWO)]

    assert [path for path, _, _ in json.loads(manifest(rows))] == ["\ufb33", "\U0001f600"]


def test_an_entry_without_parts_has_the_empty_manifest():
    assert manifest([]) == b"[]"


def test_the_body_is_the_digest_of_the_manifest():
    rows = [("header", "permanent", ONE)]

    assert hashlib.sha256(manifest(rows)).hexdigest() == body(rows)


def test_a_path_that_comes_twice_is_refused():
    with pytest.raises(FormatError, match="'header' comes twice"):
        manifest([("header", "permanent", ONE), ("flow", "standard", ONE), ("header", "standard", TWO)])


def test_a_commitment_of_another_length_is_refused():
    with pytest.raises(FormatError, match="31 bytes of commitment"):
        manifest([("header", "permanent", ONE[:31])])


@pytest.mark.parametrize("row", [("\ud800", "standard", ONE), ("header", "\ud800", ONE)])
def test_a_lone_surrogate_in_a_manifest_is_refused(row):
    with pytest.raises(FormatError, match="lone surrogate"):
        manifest([row])


def test_a_lone_surrogate_in_a_path_is_refused():
    with pytest.raises(FormatError, match="lone surrogate"):
        commit(SALT, "\ud800", b"")
    with pytest.raises(FormatError, match="lone surrogate"):
        commit_each([SALT], [Part("\ud800", "standard", b"")])
