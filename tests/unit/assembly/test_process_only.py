"""The list of what only the process can know is neither too short nor wrong."""

from typing import get_args, get_origin, get_type_hints

import msgspec

from provsdk.assembly.process_only import FIELDS, SUMMARY
from provsdk.assembly.text import MAX_NAME
from provsdk.capture._declared import LOCAL_ONLY
from provsdk.records.record import Entity, ProvenanceRecord

LISTED = {path for paths in FIELDS.values() for path in paths}


def fields(kind, prefix=""):
    """Every field of a record that holds no struct, as `a.b`, with its type; lists of structs are gone through."""
    for name, hint in get_type_hints(kind).items():
        inner = get_args(hint)[0] if get_origin(hint) is list else hint
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield from ((path, owner) for path, owner in fields(inner, f"{prefix}{name}."))
            yield f"{prefix}{name}", kind
        else:
            yield f"{prefix}{name}", kind


PATHS = dict(fields(ProvenanceRecord))


def test_every_listed_field_is_one_of_a_record():
    """Or of a struct that a field may hold, which is not gone into here."""
    assert set(PATHS) >= {path if path in PATHS else path.rpartition(".")[0] for path in LISTED}


def test_all_that_capture_keeps_off_spans_is_listed():
    in_no_record = {"on_unavailable"}  # what the process is to do, no fact of the output
    assert {path.rpartition(".")[2] for path in LISTED} >= LOCAL_ONLY - in_no_record


def test_what_is_listed_for_one_kind_of_thing_is_listed_for_all():
    for field in ("digest", "parameters"):
        assert {path for path in PATHS if path.rpartition(".")[2] == field} <= LISTED
    assert {path for path, owner in PATHS.items() if owner is Entity and path.endswith(".name")} <= LISTED


def test_the_words_fit_where_a_record_holds_them():
    assert len(SUMMARY) <= MAX_NAME
