"""A stated checksum names its algorithm and its digits; anything else is refused without being quoted."""

import hashlib

import pytest

from provsdk.checksum import ALGORITHMS, WEAK, hasher, parse


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_digits_of_an_algorithm_are_those_of_its_tool(algorithm):
    """`sha256sum`, `sha512sum`, `b2sum` and `md5sum` print so many."""
    digested = hasher(algorithm)
    digested.update(b"content")
    assert (
        parse(f"{algorithm}:{digested.hexdigest()}") == f"{algorithm}:{hashlib.new(algorithm, b'content').hexdigest()}"
    )


def test_upper_case_is_the_same_checksum():
    assert parse(" SHA256:" + "AB" * 32) == "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    "text", ["", "ab" * 32, "sha1:" + "ab" * 20, "sha256:" + "ab" * 31, "sha256:" + "zz" * 32, "sha256-x"]
)
def test_anything_else_is_refused_without_being_quoted(text):
    with pytest.raises(ValueError, match="checksum") as caught:
        parse(text)
    assert not text or text not in str(caught.value)


def test_md5_is_weak():
    assert {"md5"} == WEAK
