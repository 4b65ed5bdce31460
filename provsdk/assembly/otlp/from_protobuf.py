"""OTLP in protobuf: a request, or a file of requests, each with its length before it."""

import struct
from collections.abc import Iterator
from typing import Any, Final

from provsdk.assembly.otlp.fields import MAX_DEPTH, SPAN_ID, TRACE_ID, end_of, id_of_bytes, parent_of_bytes, status_of
from provsdk.assembly.otlp.places import within
from provsdk.assembly.otlp.wire import FIXED64, LENGTH, VARINT, fields, signed
from provsdk.assembly.spans import SpanData
from provsdk.errors import FormatError

__all__ = ["read_protobuf", "read_protobuf_file"]

_PREFIX: Final = 4
"""Bytes of the length before a request in a file; the greatest first."""


def _tag(number: int, kind: int) -> int:
    return number << 3 | kind


# Numbers of fields in the `.proto` files of OTLP 1; they never change.
_RESOURCE_SPANS: Final = _tag(1, LENGTH)
_RESOURCE: Final = _tag(1, LENGTH)
_SCOPE_SPANS: Final = _tag(2, LENGTH)
_RESOURCE_ATTRIBUTES: Final = _tag(1, LENGTH)
_SPANS: Final = _tag(2, LENGTH)
_TRACE_ID: Final = _tag(1, LENGTH)
_SPAN_ID: Final = _tag(2, LENGTH)
_PARENT_SPAN_ID: Final = _tag(4, LENGTH)
_NAME: Final = _tag(5, LENGTH)
_START: Final = _tag(7, FIXED64)
_END: Final = _tag(8, FIXED64)
_ATTRIBUTES: Final = _tag(9, LENGTH)
_DROPPED_ATTRIBUTES: Final = _tag(10, VARINT)
_STATUS: Final = _tag(15, LENGTH)
_STATUS_CODE: Final = _tag(3, VARINT)
_KEY: Final = _tag(1, LENGTH)
_VALUE: Final = _tag(2, LENGTH)
_STRING: Final = _tag(1, LENGTH)
_BOOL: Final = _tag(2, VARINT)
_INT: Final = _tag(3, VARINT)
_DOUBLE: Final = _tag(4, FIXED64)
_ARRAY: Final = _tag(5, LENGTH)
_MAP: Final = _tag(6, LENGTH)
_BYTES: Final = _tag(7, LENGTH)
_ITEMS: Final = _tag(1, LENGTH)


def read_protobuf(request: bytes) -> Iterator[SpanData]:
    """The spans of one `ExportTraceServiceRequest`, or of a `TracesData`, which is written alike.

    Raises:
        FormatError: no such request; names the span by its place and the field, never a value.
    """
    for n, message in enumerate(_repeated(request, _RESOURCE_SPANS)):
        yield from within(f"resource_spans[{n}]", _resource_spans, message)


def read_protobuf_file(data: bytes) -> Iterator[SpanData]:
    """The spans of a file of requests, each with its length before it as four bytes, as the Collector's file exporter
    writes them with `format: proto`.

    Raises:
        FormatError: as `read_protobuf`; names the request by its number, from 1, and the byte that it begins at.
    """
    at, number = 0, 0
    while at < len(data):
        number += 1
        start = at + _PREFIX
        size = int.from_bytes(data[at:start], "big")
        if start + size > len(data):
            left = max(len(data) - start, 0)
            raise FormatError(f"request {number}, at byte {at}: cut short: wants {size} bytes, {left} are left")
        try:
            yield from read_protobuf(data[start : start + size])
        except FormatError as error:
            raise FormatError(f"request {number}, at byte {at}: {error}") from None
        at = start + size


def _repeated(message: bytes, tag: int) -> list[bytes]:
    return [value for each, _, value in fields(message) if each == tag]


def _resource_spans(message: bytes) -> list[SpanData]:
    resources = _repeated(message, _RESOURCE)
    resource = within("resource", _resource, resources[-1]) if resources else {}
    spans: list[SpanData] = []
    for n, scope in enumerate(_repeated(message, _SCOPE_SPANS)):
        for m, span in enumerate(within(f"scope_spans[{n}]", _spans, scope)):
            spans.append(within(f"scope_spans[{n}].spans[{m}]", _span, span, resource))
    return spans


def _resource(message: bytes) -> dict[str, Any]:
    return dict(_key_value(each, MAX_DEPTH) for each in _repeated(message, _RESOURCE_ATTRIBUTES))


def _spans(message: bytes) -> list[bytes]:
    return _repeated(message, _SPANS)


def _span(message: bytes, resource: dict[str, Any]) -> SpanData:
    texts: dict[int, bytes] = {}
    numbers: dict[int, int] = {}
    attributes: dict[str, Any] = {}
    for tag, number, value in fields(message):
        if tag == _ATTRIBUTES:
            key, said = within("attributes", _key_value, value, MAX_DEPTH)
            attributes[key] = said
        elif tag & 7 == LENGTH:
            texts[tag] = value
        else:
            numbers[tag] = number
    start = numbers.get(_START, 0)
    return SpanData(
        trace_id=within("trace_id", id_of_bytes, texts.get(_TRACE_ID, b""), TRACE_ID),
        span_id=within("span_id", id_of_bytes, texts.get(_SPAN_ID, b""), SPAN_ID),
        parent_span_id=within("parent_span_id", parent_of_bytes, texts.get(_PARENT_SPAN_ID, b"")),
        name=_text(texts.get(_NAME, b"")),
        start_ns=start,
        end_ns=end_of(start, numbers.get(_END, 0)),
        attributes=attributes,
        status=within("status", _status, texts.get(_STATUS, b"")),
        resource=resource,
        dropped_attributes=numbers.get(_DROPPED_ATTRIBUTES, 0),
    )


def _status(message: bytes) -> str:
    codes = [number for tag, number, _ in fields(message) if tag == _STATUS_CODE]
    return status_of(codes[-1]) if codes else "unset"


def _key_value(message: bytes, levels: int) -> tuple[str, Any]:
    key, said = "", None
    for tag, _, value in fields(message):
        if tag == _KEY:
            key = _text(value)
        elif tag == _VALUE:
            said = _any_value(value, levels)
    return key, said


def _any_value(message: bytes, levels: int) -> Any:
    """The value of an attribute; None where it says none, or one of a kind that came later than this reader."""
    found: Any = None
    for tag, number, value in fields(message):
        if tag == _STRING:
            found = _text(value)
        elif tag == _BOOL:
            found = number != 0
        elif tag == _INT:
            found = signed(number)
        elif tag == _DOUBLE:
            found = struct.unpack("<d", number.to_bytes(8, "little"))[0]
        elif tag == _BYTES:
            found = value
        elif tag in {_ARRAY, _MAP}:
            found = _container(tag, value, levels)
    return found


def _container(tag: int, message: bytes, levels: int) -> Any:
    if levels == 0:
        raise FormatError(f"nested beyond {MAX_DEPTH} levels")
    items = _repeated(message, _ITEMS)
    if tag == _ARRAY:
        return tuple(_any_value(each, levels - 1) for each in items)
    return dict(_key_value(each, levels - 1) for each in items)


def _text(raw: bytes) -> str:
    """Text; what is no UTF-8 in it becomes U+FFFD, so that one careless writer does not cost the whole request."""
    return raw.decode("utf-8", "replace")
