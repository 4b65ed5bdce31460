"""OTLP in JSON: what is read, what is let pass, and what is said of what is wrong."""

import json

import pytest

from provsdk.assembly.otlp import read_json
from provsdk.errors import FormatError

TRACE, SPAN, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"


def request(*spans, resource=()):
    return {
        "resourceSpans": [{"resource": {"attributes": list(resource)}, "scopeSpans": [{"spans": list(spans)}]}],
    }


def span(**fields):
    return {"traceId": TRACE, "spanId": SPAN, "name": "a", **fields}


def attribute(key, **value):
    return {"key": key, "value": value}


def read(*documents):
    return list(read_json("\n".join(json.dumps(each) for each in documents).encode()))


def one(**fields):
    (found,) = read(request(span(**fields)))
    return found


def said(**value):
    return one(attributes=[attribute("k", **value)]).attributes["k"]


def error_of(data):
    with pytest.raises(FormatError) as caught:
        list(read_json(data if isinstance(data, bytes) else json.dumps(data).encode()))
    return str(caught.value)


class TestDocuments:
    def test_requests_stand_one_a_line(self):
        assert len(read(request(span(), span()), request(span()))) == 3

    @pytest.mark.parametrize("indent", [1, 8])
    def test_a_request_may_be_laid_out_over_many_lines(self, indent):
        pretty = json.dumps(request(span()), indent=indent) + "\r\n\r\n" + json.dumps(request(span()), indent=indent)

        assert list(read_json(pretty.encode())) == read(request(span()), request(span()))

    def test_requests_may_follow_each_other_on_one_line(self):
        line = json.dumps(request(span())).encode()

        assert len(list(read_json(line + line))) == 2

    @pytest.mark.parametrize("data", [b"", b"\n \n", b"{}", b'{"resourceSpans": []}', b'{"resourceMetrics": [{}]}'])
    def test_where_there_are_no_spans_none_are_read(self, data):
        assert list(read_json(data)) == []

    def test_a_byte_order_mark_is_passed_over(self):
        assert len(list(read_json(b"\xef\xbb\xbf" + json.dumps(request(span())).encode()))) == 1

    def test_what_came_before_a_fault_has_been_handed_out(self):
        spans = read_json(json.dumps(request(span())).encode() + b"\n{cut")

        assert next(spans).name == "a"
        with pytest.raises(FormatError):
            next(spans)


class TestIds:
    @pytest.mark.parametrize("text", [TRACE, TRACE.upper(), "CvdlGRbNQ92ESOshHIAxnA==", "CvdlGRbNQ92ESOshHIAxnA"])
    def test_they_are_hexadecimal_of_either_case_or_base64(self, text):
        assert one(traceId=text).trace_id == TRACE

    def test_base64_may_be_of_the_alphabet_for_urls(self):
        assert one(spanId="__-_8AAAAAA=").span_id == one(spanId="//+/8AAAAAA=").span_id == "ffffbff000000000"

    @pytest.mark.parametrize("text", ["", None, "0" * 16, "AAAAAAAAAAA="])
    def test_a_parent_that_is_empty_or_zero_is_none(self, text):
        assert one(parentSpanId=text).parent_span_id is None

    def test_a_parent_is_read(self):
        assert one(parentSpanId=PARENT.upper()).parent_span_id == PARENT

    @pytest.mark.parametrize("text", ["", None, "0" * 32, TRACE[:-2], "x" * 32, "é" * 32, SPAN])
    def test_a_trace_id_that_is_none_is_refused(self, text):
        assert error_of(request(span(traceId=text))).startswith(
            "line 1: resourceSpans[0]: scopeSpans[0]: spans[0]: traceId: "
        )


class TestNumbers:
    @pytest.mark.parametrize("number", ["1790000000000000000", 1790000000000000000, 1.79e18])
    def test_times_are_strings_or_numbers(self, number):
        assert one(startTimeUnixNano=number).start_ns == 1790000000000000000

    @pytest.mark.parametrize("end", [None, 0, "0", ""])
    def test_a_span_without_an_end_took_no_time(self, end):
        assert one(startTimeUnixNano="5", endTimeUnixNano=end).end_ns == 5

    @pytest.mark.parametrize("number", ["-1", str(2**64), "1.5", 1.5, "soon", 1e30, "9" * 5000, "٣"])
    def test_a_time_that_is_none_is_refused(self, number):
        assert "spans[0]: endTimeUnixNano: wants a whole number" in error_of(request(span(endTimeUnixNano=number)))

    def test_dropped_attributes_are_counted(self):
        assert one(droppedAttributesCount=3).dropped_attributes == 3
        assert "droppedAttributesCount" in error_of(request(span(droppedAttributesCount=-1)))


class TestValues:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ({"stringValue": "grüße"}, "grüße"),
            ({"stringValue": ""}, ""),
            ({"boolValue": False}, False),
            ({"intValue": "-9223372036854775808"}, -(2**63)),
            ({"intValue": 7}, 7),
            ({"doubleValue": 0.5}, 0.5),
            ({"doubleValue": 2}, 2.0),
            ({"doubleValue": "0.25"}, 0.25),
            ({"doubleValue": "Infinity"}, float("inf")),
            ({"doubleValue": "-Infinity"}, float("-inf")),
            ({"bytesValue": "AP/+"}, b"\x00\xff\xfe"),
            ({"bytesValue": "AP_-"}, b"\x00\xff\xfe"),
            ({"arrayValue": {"values": [{"intValue": "1"}, {}, None]}}, (1, None, None)),
            ({"arrayValue": {}}, ()),
            ({"kvlistValue": {"values": [attribute("a", boolValue=True), None]}}, {"a": True}),
            ({"kvlistValue": {}}, {}),
            ({}, None),
            ({"stringValueStrindex": 4}, None),
            ({"stringValue": None, "intValue": "3"}, 3),
        ],
    )
    def test_each_kind_is_read(self, value, expected):
        found = said(**value)

        assert (type(found), found) == (type(expected), expected)

    def test_nan_is_a_word(self):
        assert said(doubleValue="NaN") != said(doubleValue="NaN")

    def test_half_a_character_becomes_a_replacement(self):
        data = json.dumps(request(span(name="a\ud800b", attributes=[attribute("k\udfff", stringValue="\ud800")])))
        (found,) = read_json(data.encode())

        assert (found.name, dict(found.attributes)) == ("a\ufffdb", {"k\ufffd": "\ufffd"})

    def test_bytes_that_are_no_utf8_become_replacements(self):
        data = json.dumps(request(span(name="NAME"))).encode().replace(b"NAME", b"a\xff")

        assert next(read_json(data)).name == "a\ufffd"

    @pytest.mark.parametrize(
        ("value", "field"),
        [
            ({"intValue": str(2**63)}, "intValue: wants a whole number"),
            ({"doubleValue": "much"}, "doubleValue: wants a number"),
            ({"doubleValue": 10**400}, "doubleValue: wants a number"),
            ({"bytesValue": "*"}, "bytesValue: wants base64"),
        ],
    )
    def test_a_value_that_is_none_is_refused(self, value, field):
        said = error_of(request(span(), span(attributes=[attribute("k", **value)])))

        assert said.startswith(f"line 1: resourceSpans[0]: scopeSpans[0]: spans[1]: attributes: {field}")


class TestTolerance:
    def test_unknown_fields_are_passed_over(self):
        assert one(flags=257, traceState="a=b", kind=2, events=[{"name": 3}], links=[{}], more={"x": [1]}) == one()

    def test_nulls_are_as_if_nothing_stood_there(self):
        nulls = dict.fromkeys(
            ["parentSpanId", "startTimeUnixNano", "endTimeUnixNano", "attributes", "status", "droppedAttributesCount"]
        )
        spans = {"resourceSpans": [None, {"scopeSpans": [None, {"spans": [None, span(**nulls)]}]}]}

        assert read(spans) == read(request(span()))

    @pytest.mark.parametrize(
        ("code", "status"),
        [(0, "unset"), (1, "ok"), (2, "error"), ("STATUS_CODE_ERROR", "error"), ("STATUS_CODE_OK", "ok"), (9, "unset")],
    )
    def test_a_status_is_a_number_or_a_word(self, code, status):
        assert one(status={"code": code}).status == status

    def test_the_resource_is_that_of_all_its_spans(self):
        found = read(request(span(), span(), resource=[attribute("service.name", stringValue="help-desk")]))

        assert [each.resource for each in found] == [{"service.name": "help-desk"}] * 2


class TestFaults:
    def test_no_json_is_named_with_its_line_and_column(self):
        data = json.dumps(request(span())).encode() + b'\n\n{"resourceSpans": [}'

        assert error_of(data) == "line 3, column 20: not JSON: Expecting value"

    def test_a_request_that_is_cut_is_named(self):
        assert error_of(json.dumps(request(span())).encode()[:-3]).startswith("line 1, column ")

    @pytest.mark.parametrize(
        ("document", "place"),
        [
            ([], "Expected `object`, got `array`"),
            (3, "Expected `object`, got `int`"),
            ({"resourceSpans": {}}, "$.resourceSpans"),
            (request(span(), span(name=7)), "$.resourceSpans[0].scopeSpans[0].spans[1].name"),
            (request(span(), 4), "$.resourceSpans[0].scopeSpans[0].spans[1]"),
            (request(span(attributes=[attribute("k", boolValue="true")])), "spans[0].attributes[0].value.boolValue"),
        ],
    )
    def test_a_field_of_another_type_is_named_with_its_path(self, document, place):
        data = b"\n" + json.dumps(request(span())).encode() + b"\n" + json.dumps(document).encode()
        said = error_of(data)

        assert said.startswith("line 3: ")
        assert place in said

    def test_no_error_quotes_what_was_read(self):
        secret = "a-persons-secret"
        for fields in ({"traceId": secret}, {"endTimeUnixNano": secret}, {"status": {"code": [secret]}}):
            assert secret not in error_of(request(span(**fields)))
        assert secret not in error_of(f'{{"resourceSpans": "{secret}" {secret}'.encode())

    @pytest.mark.parametrize("opening", ["[", '{"a":', '{"resourceSpans":[', '{"resourceSpans":{"resourceSpans":'])
    def test_what_is_nested_beyond_all_bounds_is_refused(self, opening):
        assert error_of((opening * 200_000).encode()).endswith("nested too deeply")

    def test_a_value_that_is_nested_too_deeply_is_refused(self):
        value = {"stringValue": "x"}
        for _ in range(64):
            value = {"arrayValue": {"values": [value]}}
        assert said(**value) is not None

        deeper = {"kvlistValue": {"values": [attribute("k", **value)]}}
        assert error_of(request(span(attributes=[attribute("k", **deeper)]))).endswith("nested beyond 64 levels")

    def test_a_number_without_end_is_refused(self):
        assert error_of(b"\n" + b"1" * 10_000) == "line 2: not JSON: a number of too many digits"
