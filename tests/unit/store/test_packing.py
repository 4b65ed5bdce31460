"""Packs: parts in, one blob out, and back; whatever was done to the blob is an error or changes nothing."""

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provsdk.errors import FormatError
from provsdk.store.dictionary import DICTIONARY
from provsdk.store.encryption import DataKey, unwrap, wrap
from provsdk.store.packing import Erased, Open, Sealed, Shared, pack, sealed_pack, unpack

bytes32 = st.binary(min_size=32, max_size=32)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
index = st.integers(0, 2**40)
part = st.one_of(
    st.builds(Open, text, text, bytes32, st.binary(max_size=300)),
    st.builds(Shared, text, text, bytes32, bytes32),
    st.builds(Sealed, text, text, bytes32, st.binary(max_size=80)),
    st.builds(Erased, text, text, bytes32, index),
)
parts = st.lists(part, max_size=6, unique_by=lambda one: one.path)
KEY = b"k" * 32


@given(parts, index)
def test_parts_come_back_by_path(these, at):
    blob = sealed_pack(KEY, at, pack(these))

    assert unpack(blob, index=at, seal_key=KEY) == sorted(these, key=lambda one: one.path)
    assert unpack(blob) == sorted(these, key=lambda one: one.path)


@settings(max_examples=50)
@given(parts, st.data())
def test_any_changed_byte_is_found_by_the_seal_and_without_it_never_ends_in_another_error(these, data):
    blob = bytearray(sealed_pack(KEY, 3, pack(these)))
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))

    with pytest.raises(FormatError):
        unpack(bytes(blob), index=3, seal_key=KEY)
    with suppress(FormatError):
        unpack(bytes(blob))


@given(st.binary(max_size=200))
def test_random_bytes_are_no_pack(blob):
    with pytest.raises(FormatError):
        unpack(blob, seal_key=KEY)
    with suppress(FormatError):
        unpack(blob)


def test_a_pack_of_another_entry_is_refused():
    blob = sealed_pack(KEY, 3, pack([Open("a", "standard", b"s" * 32, b"{}")]))

    with pytest.raises(FormatError, match="sealed for this entry"):
        unpack(blob, index=4, seal_key=KEY)


@pytest.mark.parametrize("cut", [1, 20, 40])
def test_a_cut_off_pack_is_refused(cut):
    blob = sealed_pack(KEY, 3, pack([Open("a", "standard", b"s" * 32, b"{}")]))

    with pytest.raises(FormatError):
        unpack(blob[:-cut])


def test_two_parts_with_one_path_are_refused():
    blob = sealed_pack(KEY, 3, pack([Open("a", "standard", b"s" * 32, b"{}"), Open("a", "standard", b"s" * 32, b"{}")]))

    with pytest.raises(FormatError, match="twice"):
        unpack(blob)


def test_a_blob_that_says_it_unfolds_into_gigabytes_is_refused_at_once():
    blob = bytearray(sealed_pack(KEY, 3, pack([])))
    blob[5:9] = b"\xff" * 4

    with pytest.raises(FormatError, match="at most"):
        unpack(bytes(blob))


def test_the_dictionary_is_part_of_the_format_and_stays_as_it_is():
    assert hashlib.sha256(DICTIONARY).hexdigest() == "68df978263a8aa51614afe397ca4303e8bf9061253020da47271ca3de5e176ea"


class TestEncryption:
    @given(text, text, bytes32, st.binary(max_size=2000))
    def test_what_was_encrypted_for_a_place_is_read_there(self, entry_id, path, salt, content):
        key = DataKey(KEY)

        assert key.open(entry_id, path, key.seal(entry_id, path, salt, content)) == (salt, content)

    def test_anywhere_else_it_is_refused(self):
        key = DataKey(KEY)
        sealed = key.seal("entry", "path", b"s" * 32, b"content")

        for other, entry_id, path in (
            (key, "entr", "ypath"),
            (key, "entry", "other"),
            (DataKey(b"x" * 32), "entry", "path"),
        ):
            with pytest.raises(FormatError):
                other.open(entry_id, path, sealed)
        for damaged in (b"", sealed[:12], sealed[:-1], sealed + b"\0"):
            with pytest.raises(FormatError):
                key.open("entry", "path", damaged)

    def test_a_data_key_is_wrapped_for_one_log_and_subject(self):
        wrapped = wrap(KEY, "log", "subject", b"d" * 32)

        assert unwrap(KEY, "log", "subject", wrapped) == b"d" * 32
        for content_key, origin, subject in (
            (b"x" * 32, "log", "subject"),
            (KEY, "gol", "subject"),
            (KEY, "log", "other"),
        ):
            with pytest.raises(FormatError):
                unwrap(content_key, origin, subject, wrapped)
