"""Canonical bytes of typed records: the fast path and where it must not be taken."""

import json
from pathlib import Path

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from span_builder import one, rag

from provsdk.errors import FormatError, NotCanonical
from provsdk.records.codec import decode, encode
from provsdk.records.record import Entity, Owner

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "jcs"

safe_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=8,
)  # fmt: skip


@given(
    st.floats(0, 1) | st.integers(0, 1),
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), safe_json),
    st.none() | st.integers(0, 2**53 - 1),
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
    ),
)
def test_every_field_that_could_differ_is_written_as_rfc_8785_says(reliability, parameters, size, environment):
    record = one(rag())
    source = msgspec.structs.replace(record.sources[0], reliability=reliability, parameters=parameters, size_bytes=size)
    record = msgspec.structs.replace(record, sources=[source], environment=environment)

    assert encode(record) == rfc8785.dumps(msgspec.to_builtins(record))


@pytest.mark.parametrize(
    "value",
    [1.0, -0.0, 1e16, 1e21, 1e-6, 1e-7, 5e-324, 123456789012345680.0, 2**53 - 1, {"\ue000": 1, "😀": 2}, "\x7f\u2028"],
)
def test_values_that_the_fast_path_would_write_differently(value):
    assert encode(value) == rfc8785.dumps(value)
    assert encode([{"x": value}]) == rfc8785.dumps([{"x": value}])


def endless():
    value = []
    value += [value, value]
    return value


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**53, "\ud800", {1: 2}, b"x", {"x": {3}}, object(), endless()],
    ids=["nan", "inf", "2^53", "surrogate", "int key", "bytes", "set", "object", "cycle"],
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(NotCanonical):
        encode(value)


@pytest.mark.parametrize("value", [2**53, -(2**60)])
def test_a_count_beyond_what_json_readers_keep_is_refused(value):
    with pytest.raises(NotCanonical, match="size_bytes"):
        encode(Entity(entity_id="e", role="result", size_bytes=value))


def test_a_lone_surrogate_in_a_field_is_refused():
    with pytest.raises(NotCanonical, match="agent"):
        encode([Owner(role="approver", agent="\ud800")])


@pytest.mark.skipif(not VECTORS.is_dir(), reason="the JCS vectors are not beside the checkout")
def test_the_vectors_of_jcs():
    for path in sorted((VECTORS / "input").iterdir()):
        assert encode(json.loads(path.read_bytes())) == (VECTORS / "output" / path.name).read_bytes()


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"role":1,"agent":"x"}', b'{"role":"x"}', b"[" * 100_000])
def test_what_is_not_of_the_type_is_refused_by_name(data):
    with pytest.raises(FormatError, match=r"^part owner: "):
        decode(data, Owner, "part owner")


def test_fields_of_a_later_version_are_passed_over():
    assert decode(b'{"agent":"ann","role":"approver","since":"2030"}', Owner, "x") == Owner(
        role="approver", agent="ann"
    )


class Widened(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    count: int | msgspec.UnsetType | None = msgspec.UNSET
    score: float | msgspec.UnsetType = msgspec.UNSET
    settings: dict[str, object] | msgspec.UnsetType = msgspec.UNSET
    owners: list[Owner] | msgspec.UnsetType = msgspec.UNSET
    inner: "Widened | msgspec.UnsetType" = msgspec.UNSET


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Widened(name="a"), b'{"name":"a"}'),
        (Widened(name="a", count=None), b'{"count":null,"name":"a"}'),
        (Widened(name="a", score=1.0, inner=Widened(name="b")), b'{"inner":{"name":"b"},"name":"a","score":1}'),
        (Widened(name="a", count=1, settings={"x": 1e-6}), b'{"count":1,"name":"a","settings":{"x":0.000001}}'),
    ],
)
def test_a_field_that_is_not_set_is_left_out_on_both_paths(value, expected):
    """So that fields which records get later change no byte of records that do not have them."""
    assert encode(value) == expected
    assert encode(decode(expected, Widened, "a value")) == expected
