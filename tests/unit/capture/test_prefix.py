"""What of a stream was delivered: the digest of what a reader who joins the chunks would hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.capture._prefix import Prefix
from provsdk.digest import digest

MIB = 2**20


def prefix_of(chunks, **bounds):
    prefix = Prefix(max_bytes=MIB, **bounds)
    for chunk in chunks:
        prefix.add(chunk)
    return prefix


@given(st.lists(st.text(st.characters(), max_size=30_000), min_size=1, max_size=20))
def test_text_has_the_digest_of_the_joined_text(chunks):
    measured = prefix_of(chunks).measured()

    assert measured.digest == digest("".join(chunks))
    assert (measured.media_type, measured.problem) == ("text/plain", None)
    assert measured.size_bytes == len("".join(chunks).encode("utf-8", "surrogatepass"))


@given(st.lists(st.binary(max_size=30_000), min_size=1, max_size=20))
def test_bytes_have_the_digest_of_the_joined_bytes(chunks):
    measured = prefix_of(chunks).measured()

    assert measured.digest == digest(b"".join(chunks))
    assert measured.media_type == "application/octet-stream"


@given(st.lists(st.dictionaries(st.text("ab"), st.integers(0, 9)), min_size=1))
def test_other_values_have_the_digest_of_their_list(chunks):
    assert prefix_of(chunks).measured().digest == digest(chunks)


def test_a_mutable_chunk_counts_as_it_was_when_it_was_delivered():
    chunk = bytearray(b"before")
    prefix = prefix_of([chunk])
    chunk[:] = b"after "

    assert prefix.measured().digest == digest(b"before")


def test_a_stream_without_chunks_has_the_digest_of_nothing():
    measured = prefix_of([]).measured()

    assert (measured.digest, measured.size_bytes) == (digest(""), 0)


def test_none_counts_as_a_chunk_and_adds_nothing():
    prefix = prefix_of([None, "a", None, "b"])

    assert prefix.chunks == 4
    assert prefix.measured().digest == digest("ab")


@pytest.mark.parametrize("chunks", [[None, 1, None], [1, None, 2], [None, None, {"a": None}]])
def test_none_among_other_values_is_one_of_them(chunks):
    assert prefix_of(chunks).measured().digest == digest(chunks)


class Claims(bytes):
    def __bytes__(self):
        return b"another content"

    def decode(self, *_):
        return "another content"


def test_bytes_count_as_they_are_stored_whatever_their_class_says():
    assert prefix_of([Claims(b"content"), b"!"]).measured().digest == digest(b"content!")


def test_a_chunk_whose_memory_was_released_leaves_no_digest_and_says_why():
    chunk = memoryview(b"content")
    chunk.release()
    measured = prefix_of([b"before", chunk, b"after"]).measured()
    assert (measured.digest, measured.problem) == (None, "a chunk's memory has been released")


@pytest.mark.parametrize("chunks", [["a", b"b"], [b"a", {"b": 1}], [{"a": 1}, "b"]])
def test_a_stream_that_changes_its_kind_has_no_digest_and_says_why(chunks):
    prefix = prefix_of([*chunks, *chunks])
    measured = prefix.measured()

    assert (measured.digest, measured.problem) == (None, "a stream of chunks of several kinds")
    assert prefix.chunks == 4


def test_a_chunk_that_cannot_be_digested_is_named_by_its_type():
    assert prefix_of([object(), {"a": 1}]).measured().problem == "object has no digest"


def test_measuring_in_the_middle_changes_nothing():
    prefix = prefix_of(["a" * 20_000, "b"])
    before = prefix.measured()
    prefix.add("c")

    assert before.digest == digest("a" * 20_000 + "b")
    assert prefix.measured().digest == digest("a" * 20_000 + "bc")


@pytest.mark.parametrize(("chunks", "content"), [(["a", "b"], "ab"), ([b"a", b"b"], b"ab"), ([], "")])
def test_content_is_kept_on_demand(chunks, content):
    assert prefix_of(chunks, keep_bytes=10).content() == content
    assert prefix_of(chunks).content() is None


def test_content_beyond_the_bound_is_not_kept():
    assert prefix_of(["a" * 6, "b" * 6], keep_bytes=10).content() is None
