"""OTLP in protobuf: written by the official library, read by ours; and what is said of what is wrong."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from provsdk.assembly.otlp import read_protobuf, read_protobuf_file
from provsdk.errors import FormatError

TRACE, SPAN = bytes(range(1, 17)), bytes(range(1, 9))


def span(**fields):
    return Span(**{"trace_id": TRACE, "span_id": SPAN, "name": "a", **fields})


def request(*spans, resource=None):
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])]
    ).SerializeToString()


def one(**fields):
    (found,) = read_protobuf(request(span(**fields)))
    return found


def said(value):
    return one(attributes=[KeyValue(key="k", value=value)]).attributes["k"]


def framed(*requests):
    return b"".join(len(each).to_bytes(4, "big") + each for each in requests)


def error_of(data, read=read_protobuf):
    with pytest.raises(FormatError) as caught:
        list(read(data))
    return str(caught.value)


def field(number, kind, rest):
    return bytes([number << 3 | kind]) + rest


def message(number, content):
    assert len(content) < 2**14
    return field(number, 2, bytes([len(content) & 0x7F | 0x80, len(content) >> 7]) + content)


class TestSpans:
    def test_every_field_that_assembly_reads_is_read(self):
        found = one(
            parent_span_id=SPAN,
            name="grüße",
            start_time_unix_nano=2**64 - 2,
            end_time_unix_nano=2**64 - 1,
            dropped_attributes_count=3,
            status=Status(code=Status.STATUS_CODE_ERROR, message="not read"),
            attributes=[KeyValue(key="k", value=AnyValue(string_value="v"))],
        )

        assert (found.trace_id, found.span_id, found.parent_span_id) == (TRACE.hex(), SPAN.hex(), SPAN.hex())
        assert (found.name, found.status, found.dropped_attributes) == ("grüße", "error", 3)
        assert (found.start_ns, found.end_ns) == (2**64 - 2, 2**64 - 1)
        assert found.attributes == {"k": "v"}

    def test_what_is_not_there_is_the_default(self):
        found = one()

        assert (found.parent_span_id, found.start_ns, found.end_ns, found.status) == (None, 0, 0, "unset")
        assert (found.attributes, found.resource, found.dropped_attributes) == ({}, {}, 0)

    def test_a_span_without_an_end_took_no_time(self):
        assert one(start_time_unix_nano=5).end_ns == 5

    @pytest.mark.parametrize("raw", [b"", bytes(8)])
    def test_a_parent_that_is_empty_or_zero_is_none(self, raw):
        assert one(parent_span_id=raw).parent_span_id is None

    def test_the_resource_is_that_of_all_its_spans_wherever_it_stands(self):
        resource = Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value="help-desk"))])
        scope = message(2, ScopeSpans(spans=[span(name="")]).SerializeToString())
        after = message(1, scope + message(1, resource.SerializeToString()))

        assert [each.resource for each in read_protobuf(after)] == [{"service.name": "help-desk"}]
        assert [each.resource for each in read_protobuf(request(span(), span(), resource=resource))] == [
            {"service.name": "help-desk"}
        ] * 2

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (AnyValue(string_value=""), ""),
            (AnyValue(bool_value=False), False),
            (AnyValue(int_value=-(2**63)), -(2**63)),
            (AnyValue(int_value=2**63 - 1), 2**63 - 1),
            (AnyValue(double_value=-0.5), -0.5),
            (AnyValue(double_value=float("inf")), float("inf")),
            (AnyValue(bytes_value=b"\x00\xff"), b"\x00\xff"),
            (AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue()])), (1, None)),
            (AnyValue(array_value=ArrayValue()), ()),
            (AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="a"), KeyValue()])), {"a": None, "": None}),
            (AnyValue(), None),
            (None, None),
        ],
    )
    def test_each_kind_of_value_is_read(self, value, expected):
        found = said(value)

        assert (type(found), found) == (type(expected), expected)

    def test_unknown_fields_are_passed_over_whatever_their_wire_type(self):
        plain = span(name="").SerializeToString()
        more = field(13, 0, b"\x80\x01") + field(14, 1, bytes(8)) + field(12, 5, bytes(4)) + message(11, b"\xff" * 5)
        as_another_type = field(5, 0, b"\x01")

        assert list(read_protobuf(message(1, message(2, message(2, plain + more + as_another_type))))) == list(
            read_protobuf(request(span(name="")))
        )

    def test_text_that_is_no_utf8_becomes_replacements(self):
        assert (
            next(
                read_protobuf(
                    message(1, message(2, message(2, span(name="").SerializeToString() + message(5, b"a\xff"))))
                )
            ).name
            == "a\ufffd"
        )


class TestFiles:
    def test_requests_stand_one_after_the_other_with_their_lengths(self):
        found = list(read_protobuf_file(framed(request(span()), b"", request(span(name="b"), span(name="c")))))

        assert [each.name for each in found] == ["a", "b", "c"]

    def test_an_empty_file_holds_no_spans(self):
        assert list(read_protobuf_file(b"")) == []

    @pytest.mark.parametrize("left", [1, 3, 4, 20])
    def test_a_file_that_is_cut_names_the_request_and_where_it_begins(self, left):
        first = framed(request(span()))
        spans = read_protobuf_file(first + framed(request(span()))[:left])

        assert next(spans).name == "a"
        with pytest.raises(FormatError, match=rf"^request 2, at byte {len(first)}: cut short: wants \d+ bytes"):
            next(spans)

    def test_a_fault_names_request_span_and_field(self):
        data = framed(request(span()), request(span(), span(trace_id=b"short")))

        assert error_of(data, read_protobuf_file) == (
            f"request 2, at byte {len(framed(request(span())))}: resource_spans[0]: scope_spans[0].spans[1]: "
            "trace_id: wants 16 bytes, got 5"
        )


class TestFaults:
    @pytest.mark.parametrize(
        ("fields", "what"),
        [
            ({"trace_id": b""}, "trace_id: wants 16 bytes, got 0"),
            ({"trace_id": bytes(16)}, "trace_id: is all zero, which is no id"),
            ({"span_id": TRACE}, "span_id: wants 8 bytes, got 16"),
            ({"parent_span_id": TRACE}, "parent_span_id: wants 8 bytes, got 16"),
        ],
    )
    def test_an_id_that_is_none_is_refused(self, fields, what):
        assert error_of(request(span(**fields))) == f"resource_spans[0]: scope_spans[0].spans[0]: {what}"

    @pytest.mark.parametrize(
        ("data", "what"),
        [
            (b"\x0a", "cut short"),
            (b"\x0a\x05abc", "cut short: wants 5 bytes, 3 are left"),
            (b"\x09abc", "cut short: wants 8 bytes, 3 are left"),
            (b"\x0d", "cut short: wants 4 bytes, 0 are left"),
            (b"\x08\xff\xff", "cut short"),
            (b"\x08" + b"\xff" * 12, "no protobuf message: a number beyond 64 bits"),
            (b"\x0b", "no protobuf message: wire type 3"),
            (b"\x00\x00", "no protobuf message: a tag that cannot be"),
            (b"\x02\x00", "no protobuf message: a tag that cannot be"),
            (b"\xff\xff\xff\xff\xff\x0f", "no protobuf message: a tag that cannot be"),
            (b"\x82\x80\x80\x80\x80\x01\x00", "no protobuf message: a tag that cannot be"),
            (b'{"resourceSpans": []}', "no protobuf message: wire type 3"),
        ],
    )
    def test_what_is_no_message_is_refused(self, data, what):
        assert error_of(data) == what

    def test_a_fault_within_a_message_says_in_which(self):
        broken = message(1, message(2, message(2, message(9, b"\x12\x09"))))

        assert (
            error_of(broken)
            == "resource_spans[0]: scope_spans[0].spans[0]: attributes: cut short: wants 9 bytes, 0 are left"
        )

    def test_a_value_that_is_nested_too_deeply_is_refused(self):
        def nested(levels):
            """Written by hand: the official library does not write that deep."""
            value = AnyValue(string_value="x").SerializeToString()
            for _ in range(levels):
                value = message(5, message(1, value))
            attribute = message(1, b"k") + message(2, value)
            return message(1, message(2, message(2, span(name="").SerializeToString() + message(9, attribute))))

        assert next(read_protobuf(nested(64))).attributes["k"] is not None
        assert error_of(nested(65)).endswith("spans[0]: attributes: nested beyond 64 levels")
