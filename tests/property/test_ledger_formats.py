"""Entries, manifests, notes and checkpoints over whatever values there are."""

import base64
import hashlib

from hypothesis import given
from hypothesis import strategies as st

from provsdk import canonical
from provsdk.errors import FormatError
from provsdk.ledger import checkpoint, commitments, entries, note

SIGNER = note.Ed25519Signer("log.example/property", bytes(32))

utf8_texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
kinds = st.sampled_from(sorted(entries.KINDS))
times = st.datetimes().map(lambda moment: moment.isoformat(timespec="microseconds") + "Z")
digests = st.binary(min_size=32, max_size=32)
entry_values = st.builds(
    entries.Entry,
    id=st.integers(0, 2**60).map(entries.uuid7),
    kind=kinds,
    time=times,
    key=utf8_texts,
    actor=utf8_texts,
    subject=utf8_texts,
    body=digests.map(bytes.hex),
)


@given(entry_values)
def test_the_fast_encoding_of_an_entry_is_the_canonical_one(entry):
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__}

    assert canonical.canonical(fields) == entries.encode(entry)


@given(entry_values)
def test_an_entry_reads_back(entry):
    assert entry == entries.decode(entries.encode(entry))


@given(entry_values, st.data())
def test_no_two_sequences_of_bytes_are_the_same_entry(entry, draw):
    data = bytearray(entries.encode(entry))
    place = draw.draw(st.integers(0, len(data) - 1))
    data[place] ^= draw.draw(st.integers(1, 255))
    try:
        other = entries.decode(bytes(data))
    except FormatError:
        return

    assert other != entry
    assert bytes(data) == canonical.canonical({name: getattr(other, name) for name in other.__struct_fields__})


@given(st.binary(max_size=400))
def test_bytes_are_an_entry_or_a_format_error(data):
    try:
        entry = entries.decode(data)
    except FormatError:
        return
    assert data == entries.encode(entry)


@given(st.lists(st.tuples(utf8_texts, utf8_texts, digests), max_size=12, unique_by=lambda row: row[0]), st.randoms())
def test_a_manifest_is_canonical_and_knows_no_order(rows, random):
    expected = canonical.canonical(
        [[path, retention, one.hex()] for path, retention, one in sorted(rows, key=lambda row: row[0].encode())]
    )
    shuffled = list(rows)
    random.shuffle(shuffled)

    assert expected == commitments.manifest(shuffled)
    assert hashlib.sha256(expected).hexdigest() == commitments.body(rows)


@given(digests, st.lists(st.tuples(utf8_texts, st.binary(max_size=30)), min_size=2, max_size=2, unique=True))
def test_two_parts_never_share_a_commitment(salt, parts):
    one, two = parts

    assert commitments.commit(salt, *one) != commitments.commit(salt, *two)


@given(st.text(max_size=200))
def test_a_text_is_a_note_or_a_format_error(text):
    for candidate in (text, f"{text}\n\n— {text}\n", f"{text}\n\n— log.example/property {text}\n"):
        try:
            note.open_note(candidate, [SIGNER.key])
        except FormatError:
            continue
        raise AssertionError("nobody signed this")


@given(st.text(st.characters(codec="utf-8", min_codepoint=0x20), max_size=200))
def test_what_was_signed_opens(text):
    opened = note.open_note(note.sign_note(text + "\n", [SIGNER]), [SIGNER.key])

    assert text + "\n" == opened.text


@given(st.text(max_size=100))
def test_a_text_is_a_vkey_or_a_format_error(text):
    for candidate in (text, f"{text}+00000000+{base64.b64encode(text.encode(errors='replace')).decode()}"):
        try:
            key = note.VerifierKey.parse(candidate)
        except FormatError:
            continue
        assert candidate == key.vkey


@given(st.text(max_size=100), st.text(max_size=30))
def test_a_text_is_a_checkpoint_or_a_format_error(text, size):
    for candidate in (text, f"log.example\n{size}\n{base64.b64encode(bytes(32)).decode()}\n{text}"):
        try:
            parsed = checkpoint.parse(candidate)
        except FormatError:
            continue
        assert candidate == parsed.text()


@given(utf8_texts.filter(note.is_key_name), st.integers(0, checkpoint.MAX_SIZE), digests)
def test_a_checkpoint_reads_back(origin, size, root):
    stated = checkpoint.Checkpoint(origin, size, root)

    assert stated == checkpoint.parse(stated.text())
