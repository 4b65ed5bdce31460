"""Entries: one sequence of bytes for each, and nothing else is read."""

import re

import msgspec
import pytest

from provsdk import canonical
from provsdk.errors import FormatError
from provsdk.ledger.entries import KINDS, MAX_ENTRY_BYTES, Entry, decode, encode, uuid7

FIELDS = {
    "v": 1,
    "id": "019ab2f0-7c1d-7abc-8def-0123456789ab",
    "kind": "record.sealed",
    "time": "2026-11-24T02:03:04.000005Z",
    "key": "record/rec_1/0",
    "actor": "emi_1",
    "subject": "rec_1",
    "body": "ab" * 32,
}

WRONG = [
    ("v", 2),
    ("v", 0),
    ("v", "1"),
    ("v", 1.5),
    ("id", "019ab2f0-7c1d-4abc-8def-0123456789ab"),
    ("id", "019AB2F0-7C1D-7ABC-8DEF-0123456789AB"),
    ("id", "019ab2f07c1d7abc8def0123456789ab"),
    ("kind", "record"),
    ("kind", "Record.Sealed"),
    ("kind", "record.sealed\n"),
    ("kind", ""),
    ("time", "2026-11-24T02:03:04Z"),
    ("time", "2026-11-24T02:03:04.000005+00:00"),
    ("time", "2026-13-24T02:03:04.000005Z"),
    ("time", "2026-11-24T25:03:04.000005Z"),
    ("time", "٢026-11-24T02:03:04.000005Z"),
    ("key", ""),
    ("key", None),
    ("actor", ""),
    ("subject", ""),
    ("subject", 5),
    ("body", "AB" * 32),
    ("body", "ab" * 31),
    ("body", "ab" * 32 + "\n"),
]


def entry(**changes):
    return Entry(**(FIELDS | changes))


def test_an_entry_is_encoded_canonically():
    assert canonical.canonical(FIELDS) == encode(entry())


def test_it_reads_back():
    assert entry() == decode(encode(entry()))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_known_kind_can_be_written(kind):
    assert kind == decode(encode(entry(kind=kind))).kind


def test_a_newer_kind_is_read_but_not_written():
    data = canonical.canonical(FIELDS | {"kind": "moon.landed_on"})

    assert decode(data).kind == "moon.landed_on"
    with pytest.raises(FormatError, match=r"kind 'moon\.landed_on' is unknown"):
        encode(decode(data))


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_field_that_has_not_its_form_is_not_read(field, value):
    with pytest.raises(FormatError, match=r"^entry: "):
        decode(canonical.canonical(FIELDS | {field: value}))


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_field_that_has_not_its_form_is_not_written(field, value):
    with pytest.raises(FormatError, match=r"^entry: "):
        encode(entry(**{field: value}))


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_a_field_that_is_missing_is_noticed(field):
    with pytest.raises(FormatError):
        decode(canonical.canonical({name: value for name, value in FIELDS.items() if name != field}))


def test_an_unknown_field_is_refused():
    with pytest.raises(FormatError, match="unknown field `more`"):
        decode(canonical.canonical(FIELDS | {"more": 1}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"actor":',
        encode(entry()) + b" ",
        encode(entry()) + encode(entry()),
        b" " + encode(entry()),
        encode(entry()).replace(b'","', b'", "', 1),
        encode(entry()).replace(b"emi_1", b"\\u0065mi_1"),
        encode(entry()).replace(b"record/", b"record\\/"),
        encode(entry()).replace(b'"v":1', b'"v":1.0'),
        encode(entry()).replace(b'"v":1', b'"v":1,"v":1'),
        encode(entry()).replace(b"emi_1", b"\xff"),
        b"\xef\xbb\xbf" + encode(entry()),
        msgspec.json.encode(FIELDS),
    ],
)
def test_bytes_that_are_not_the_canonical_ones_are_refused(data):
    with pytest.raises(FormatError, match=r"^entry: "):
        decode(data)


def test_the_longest_entry():
    room = MAX_ENTRY_BYTES - len(encode(entry(key="k")))

    assert len(encode(entry(key="k" * (room + 1)))) == MAX_ENTRY_BYTES
    with pytest.raises(FormatError, match="got 65536 bytes, expected at most 65535"):
        encode(entry(key="k" * (room + 2)))
    with pytest.raises(FormatError, match="expected at most 65535"):
        decode(canonical.canonical(FIELDS | {"key": "k" * MAX_ENTRY_BYTES}))


def test_a_lone_surrogate_has_no_bytes():
    with pytest.raises(FormatError, match="lone surrogate"):
        encode(entry(key="\ud800"))


def test_ids_are_uuids_of_version_7_that_tell_the_millisecond():
    made = uuid7(1_700_000_000_123_456_789)

    assert re.fullmatch(r"018bcfe5-687b-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", made)
    assert encode(entry(id=made))


def test_ids_sort_by_time_within_a_millisecond_too():
    made = [uuid7(1_700_000_000_000_000_000 + step * 1_000) for step in range(1_000)]

    assert made == sorted(made)


def test_ids_of_one_moment_differ():
    assert len({uuid7(5) for _ in range(100)}) == 100


def test_the_random_bits_of_an_id_may_be_brought_along():
    assert uuid7(5, b"\xff" * 8)[19:] == "bfff-ffffffffffff"
    assert uuid7(5, bytes(7) + b"\x01") == uuid7(5, bytes(7) + b"\x01")
