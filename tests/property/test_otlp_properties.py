"""OTLP for any spans: we read what the official library wrote, in both encodings, and nothing hostile gets through."""

import base64
import json

import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from provsdk.assembly import Assembly, SpanData, assemble
from provsdk.assembly.otlp import read_json, read_protobuf, read_protobuf_file
from provsdk.errors import FormatError

FEW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

UINT64 = st.integers(0, 2**64 - 1)
values = st.recursive(
    st.builds(AnyValue)
    | st.builds(AnyValue, string_value=st.text())
    | st.builds(AnyValue, bool_value=st.booleans())
    | st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1))
    | st.builds(AnyValue, double_value=st.floats())
    | st.builds(AnyValue, bytes_value=st.binary()),
    lambda inner: (
        st.builds(AnyValue, array_value=st.builds(ArrayValue, values=st.lists(inner, max_size=4)))
        | st.builds(
            AnyValue,
            kvlist_value=st.builds(
                KeyValueList, values=st.lists(st.builds(KeyValue, key=st.text(), value=inner), max_size=4)
            ),
        )
    ),
    max_leaves=8,
)
attributes = st.lists(st.builds(KeyValue, key=st.text(), value=values), max_size=4)
spans = st.builds(
    Span,
    trace_id=st.binary(min_size=16, max_size=16).filter(any),
    span_id=st.binary(min_size=8, max_size=8).filter(any),
    parent_span_id=st.just(b"") | st.binary(min_size=8, max_size=8),
    trace_state=st.text(),
    flags=st.integers(0, 2**32 - 1),
    name=st.text(),
    kind=st.integers(0, 5),
    start_time_unix_nano=UINT64,
    end_time_unix_nano=UINT64,
    attributes=attributes,
    dropped_attributes_count=st.integers(0, 2**32 - 1),
    events=st.lists(st.builds(Span.Event, name=st.text(), attributes=attributes), max_size=2),
    links=st.lists(st.builds(Span.Link, trace_id=st.binary(), attributes=attributes), max_size=2),
    status=st.builds(Status, message=st.text(), code=st.integers(0, 2)),
)
requests = st.builds(
    ExportTraceServiceRequest,
    resource_spans=st.lists(
        st.builds(
            ResourceSpans,
            resource=st.builds(Resource, attributes=attributes),
            scope_spans=st.lists(st.builds(ScopeSpans, spans=st.lists(spans, max_size=2)), max_size=2),
        ),
        max_size=2,
    ),
)


def plain(value):
    """The value as the specification of AnyValue has it, of the official library's object."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(plain(each) for each in value.array_value.values)
    if kind == "kvlist_value":
        return mapping(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


def mapping(pairs):
    return {each.key: plain(each.value) for each in pairs}


def expected(request):
    return [
        SpanData(
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_span_id=span.parent_span_id.hex() if any(span.parent_span_id) else None,
            name=span.name,
            start_ns=span.start_time_unix_nano,
            end_ns=span.end_time_unix_nano or span.start_time_unix_nano,
            attributes=mapping(span.attributes),
            status=("unset", "ok", "error")[span.status.code],
            resource=mapping(group.resource.attributes),
            dropped_attributes=span.dropped_attributes_count,
        )
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def same(found, wanted):
    """By their text: NaN is not equal to itself."""
    return repr(list(found)) == repr(wanted)


@FEW
@given(requests)
def test_protobuf_is_read_as_the_official_library_reads_it(request):
    assert same(read_protobuf(request.SerializeToString()), expected(request))


@FEW
@given(st.lists(requests, max_size=3))
def test_a_file_of_requests_is_read_as_the_requests_are(several):
    texts = [each.SerializeToString() for each in several]
    data = b"".join(len(text).to_bytes(4, "big") + text for text in texts)

    assert same(read_protobuf_file(data), [span for each in several for span in expected(each)])


@FEW
@given(requests)
def test_the_json_of_protobufs_own_writers_is_read(request):
    """Ids in base64, enumerations as words: not as OTLP wants it, but what people have."""
    assert same(read_json(json_format.MessageToJson(request).encode()), expected(request))


@FEW
@given(requests, st.sampled_from([None, 1]))
def test_the_json_of_otlp_is_read_however_it_is_laid_out(request, indent):
    """Ids in hexadecimal digits, enumerations as numbers."""
    tree = json_format.MessageToDict(request, use_integers_for_enums=True)
    for group in tree.get("resourceSpans", []):
        for span in (each for scope in group.get("scopeSpans", []) for each in scope.get("spans", [])):
            ids = span.keys() & {"traceId", "spanId", "parentSpanId"}
            span.update({name: base64.b64decode(span[name]).hex() for name in ids})

    data = json.dumps(tree, indent=indent, ensure_ascii=bool(indent)).encode()
    assert same(read_json(data), expected(request))


NAMES = [
    "resourceSpans", "resource", "scopeSpans", "spans", "traceId", "spanId", "parentSpanId", "name", "attributes",
    "key", "value", "startTimeUnixNano", "endTimeUnixNano", "status", "code", "stringValue", "intValue", "doubleValue",
    "bytesValue", "arrayValue", "kvlistValue", "values", "droppedAttributesCount",
]  # fmt: skip
hostile_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["1" * 32, "1" * 16, "AA=="]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=30,
)


def survives(read, data):
    """Spans that assembly can take, or an error that says what is wrong."""
    try:
        return isinstance(assemble(read(data), {}), Assembly)
    except FormatError as error:
        return bool(str(error))


@FEW
@given(hostile_json, st.integers(0, 50))
def test_no_json_gets_through_but_as_spans_or_as_an_error(tree, cut):
    text = json.dumps(tree).encode()

    assert survives(read_json, text)
    assert survives(read_json, text[: len(text) - cut])


@FEW
@given(st.binary(max_size=200))
@pytest.mark.parametrize("read", [read_json, read_protobuf, read_protobuf_file])
def test_no_bytes_get_through_but_as_spans_or_as_an_error(read, data):
    assert survives(read, data)


@FEW
@given(requests, st.data())
def test_no_damage_gets_through_but_as_spans_or_as_an_error(request, data):
    """A byte of a good request changed, or its end cut off."""
    for read, good in (
        (read_protobuf, request.SerializeToString()),
        (read_json, json_format.MessageToJson(request).encode()),
    ):
        at = data.draw(st.integers(0, max(len(good) - 1, 0)))
        assert survives(read, good[:at] + bytes([data.draw(st.integers(0, 255))]) + good[at + 1 :])
        assert survives(read, good[:at])
