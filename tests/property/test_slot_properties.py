"""Files of slots, whatever is in them: read, or refused as what they are."""

from hypothesis import given
from hypothesis import strategies as st

from provsdk.errors import FormatError
from provsdk.store.emitters import HEADER, MAGIC, NAME_BYTES, SLOT, cut_name, decode


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_slots_or_a_format_error(data, with_header):
    if with_header:
        data = MAGIC + data
    try:
        slots = decode(data)
    except FormatError:
        return
    assert all(slot.number <= slots.highest for slot in slots.open)
    assert len(slots.open) <= len(data) // 64


@given(st.text(max_size=40))
def test_a_name_survives_its_slot_as_far_as_it_fits(name):
    cut = cut_name(name)
    slot = SLOT.pack(1, bytes(16), 1, 1, cut)
    (found,) = decode(HEADER.pack(MAGIC, bytes(16), 1, 0, 0) + slot).open

    whole = name.encode(errors="replace").decode()
    assert len(cut) <= NAME_BYTES
    assert whole.startswith(found.name)
    assert len(whole[: len(found.name) + 1].encode()) > NAME_BYTES or found.name == whole.rstrip("\0")
