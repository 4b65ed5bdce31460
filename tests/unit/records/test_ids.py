"""Ids are made from trace and span id, and read back."""

import pytest

from provsdk.errors import FormatError
from provsdk.records import ids

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_ids_are_made_from_trace_and_span():
    assert ids.record_id(TRACE, SPAN) == f"rec_{TRACE}-{SPAN}"
    assert ids.output_id(TRACE, SPAN) == f"out_{TRACE}-{SPAN}"
    assert ids.activity_id(TRACE, SPAN) == f"act_{TRACE}-{SPAN}"
    assert ids.entity_id(TRACE, SPAN, 3) == f"ent_{TRACE}-{SPAN}-3"


def test_ids_are_read_back():
    assert ids.parse_id(ids.entity_id(TRACE, SPAN, 12)) == ids.Id("ent", TRACE, SPAN, 12)
    assert ids.parse_id(ids.record_id(TRACE, SPAN)) == ids.Id("rec", TRACE, SPAN, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rec_",
        f"rec_{TRACE}",
        f"rec_{TRACE}-{SPAN}-0",
        f"ent_{TRACE}-{SPAN}",
        f"ent_{TRACE}-{SPAN}-01",
        f"ent_{TRACE}-{SPAN}-1\n",
        f"doc_{TRACE}-{SPAN}",
        f"rec_{TRACE.upper()}-{SPAN}",
        f"rec_{TRACE}-{SPAN[:-1]}",
    ],
)
def test_what_is_no_id_is_refused(text):
    assert not ids.is_id(text)
    with pytest.raises(FormatError):
        ids.parse_id(text)


def test_a_value_knows_its_activity_and_its_number():
    assert ids.activity_of(ids.entity_id(TRACE, SPAN, 12)) == ids.activity_id(TRACE, SPAN)
    assert ids.activity_of(ids.output_id(TRACE, SPAN)) == ids.activity_id(TRACE, SPAN)
    assert ids.position(ids.entity_id(TRACE, SPAN, 12)) == 12
    assert ids.position(ids.output_id(TRACE, SPAN)) == 0


def test_only_entities_and_outputs_are_values():
    assert ids.is_value_id(ids.output_id(TRACE, SPAN))
    assert ids.is_value_id(ids.entity_id(TRACE, SPAN, 0))
    assert not ids.is_value_id(ids.activity_id(TRACE, SPAN))
    assert not ids.is_value_id(ids.record_id(TRACE, SPAN))
