"""The format of a spool: frames that are whole or known to be damaged, and say nothing to who has not the log's key."""

import pytest

from provsdk.errors import FormatError
from provsdk.records.parts import Part
from provsdk.store.contract import Draft
from provsdk.store.spool import About, Cipher, Damage, Frame, begin, frame, frames, read_about

SEAL_KEY = b"s" * 32


def draft(n, content=b'{"secret":"the patient is well"}'):
    return Draft(
        kind="record.sealed",
        key=f"record/rec_{n}/0",
        actor="emi_1",
        subject=f"rec_{n}",
        time="2026-11-26T08:00:00.000000Z",
        parts=(Part("header", "standard", content), Part("content/0", "standard", b"\xff\x00")),
        protected=True,
    )


@pytest.fixture
def about():
    return begin("desk", "emi_1")[0]


@pytest.fixture
def cipher(about):
    return Cipher(SEAL_KEY, about)


def of(data):
    """Reads as a file would be read."""
    return lambda offset, length: data[offset : offset + length]


def written(cipher, count):
    return [frame(n, cipher.seal(n, draft(n))) for n in range(count)]


def test_drafts_come_back_as_they_were_but_for_the_record_beside_them(cipher):
    data = b"".join(written(cipher, 3))

    found = list(frames(of(data), 0, len(data)))

    assert [one.number for one in found] == [0, 1, 2]
    assert [cipher.open(one) for one in found] == [draft(0), draft(1), draft(2)]


def test_a_file_says_whose_it_is():
    about, head = begin("desk", "emi_1")

    assert read_about(of(head + b"what follows")) == (about, len(head))
    assert (about.origin, about.emitter) == ("desk", "emi_1")
    assert begin("desk", "emi_1")[0].salt != about.salt


@pytest.mark.parametrize("at", [3, 17, 22, 40])
def test_a_damaged_beginning_is_refused(at):
    head = bytearray(begin("desk", "emi_1")[1])
    head[at] ^= 1

    with pytest.raises(FormatError, match="spool"):
        read_about(of(bytes(head)))


@pytest.mark.parametrize("length", [0, 10, 20, 60])
def test_a_beginning_that_was_cut_off_is_refused(length):
    with pytest.raises(FormatError, match="spool"):
        read_about(of(begin("desk", "emi_1")[1][:length]))


def test_nothing_that_a_draft_says_stands_in_the_file(cipher):
    data = b"".join(written(cipher, 1))

    for said in (b"patient", b"rec_0", b"header", b"emi_1", b"record.sealed"):
        assert said not in data


def test_another_key_opens_nothing(about, cipher):
    data = frame(0, cipher.seal(0, draft(0)))
    (one,) = frames(of(data), 0, len(data))

    with pytest.raises(FormatError, match="frame 0"):
        Cipher(b"t" * 32, about).open(one)


def test_a_frame_opens_in_its_own_place_and_file_only(cipher):
    body = cipher.seal(0, draft(0))

    with pytest.raises(FormatError):
        cipher.open(Frame(1, 0, 0, body))
    with pytest.raises(FormatError):
        Cipher(SEAL_KEY, About("desk", "emi_1", "0" * 64)).open(Frame(0, 0, 0, body))


def test_each_single_byte_that_is_changed_is_noticed_and_costs_no_other_frame(cipher):
    pieces = written(cipher, 3)
    whole = b"".join(pieces)
    start, end = len(pieces[0]), len(pieces[0]) + len(pieces[1])
    for at in range(start, end):
        data = bytearray(whole)
        data[at] ^= 0x40

        found = list(frames(of(bytes(data)), 0, len(data)))

        assert [one.number for one in found if isinstance(one, Frame)] == [0, 2], at
        assert [one for one in found if isinstance(one, Damage)] == [Damage(start, end, cut_off=False)], at


def test_wherever_a_write_was_cut_off_what_was_whole_is_read_and_the_rest_is_told(cipher):
    pieces = written(cipher, 2)
    data = b"".join(pieces)
    for length in range(len(pieces[0]) + 1, len(data)):
        found = list(frames(of(data[:length]), 0, length))

        assert found == [*frames(of(data), 0, len(pieces[0])), Damage(len(pieces[0]), length, cut_off=True)], length


def test_blocks_that_were_never_written_count_as_cut_off(cipher):
    first = written(cipher, 1)[0]
    for rest in (b"\0" * 4096, written(cipher, 2)[1][:30] + b"\0" * 300):
        data = first + rest

        assert list(frames(of(data), 0, len(data)))[1] == Damage(len(first), len(data), cut_off=True)


def test_a_mark_within_a_frame_is_not_taken_for_the_next_one(cipher):
    tricky = frame(0, b"\xf5pvs" * 20)
    data = bytearray(tricky + frame(1, b"body"))
    data[8] ^= 1

    found = list(frames(of(bytes(data)), 0, len(data)))

    assert [(type(one), one.offset) for one in found] == [(Damage, 0), (Frame, len(tricky))]


def test_what_follows_much_damage_is_found(cipher):
    last = written(cipher, 1)[0]
    data = b"?" * (3 << 20) + last

    found = list(frames(of(data), 0, len(data)))

    assert [(one.offset, one.end) for one in found] == [(0, 3 << 20), (3 << 20, len(data))]
