"""OTLP in JSON: requests one a line, as the Collector's file exporter writes them, or laid out in any other way."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from provsdk.assembly.otlp.fields import (
    MAX_DEPTH,
    SPAN_ID,
    TRACE_ID,
    bytes_of_base64,
    end_of,
    id_of_text,
    parent_of_text,
    status_of,
)
from provsdk.assembly.otlp.places import within
from provsdk.assembly.spans import SpanData
from provsdk.errors import FormatError

__all__ = ["read_json"]

_Number = int | float | str | None
"""64-bit numbers are strings in the JSON of protobuf; readers take numbers too, and doubles that are none as words."""


class _Message(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What is not there is the default of protobuf, and so is null; what is not known here is passed over."""


class _AnyValue(_Message, frozen=True):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: _Number = None
    double_value: _Number = None
    array_value: "_ArrayValue | None" = None
    kvlist_value: "_KeyValueList | None" = None
    bytes_value: str | None = None


class _KeyValue(_Message, frozen=True):
    key: str | None = None
    value: _AnyValue | None = None


class _ArrayValue(_Message, frozen=True):
    values: list[_AnyValue | None] | None = None


class _KeyValueList(_Message, frozen=True):
    values: list[_KeyValue | None] | None = None


class _Status(_Message, frozen=True):
    code: int | str | None = None


class _Span(_Message, frozen=True):
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    start_time_unix_nano: _Number = None
    end_time_unix_nano: _Number = None
    attributes: list[_KeyValue | None] | None = None
    dropped_attributes_count: _Number = None
    status: _Status | None = None


class _ScopeSpans(_Message, frozen=True):
    spans: list[_Span | None] | None = None


class _Resource(_Message, frozen=True):
    attributes: list[_KeyValue | None] | None = None


class _ResourceSpans(_Message, frozen=True):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans | None] | None = None


class _Request(_Message, frozen=True):
    resource_spans: list[_ResourceSpans | None] | None = None


_decode: Final = json.JSONDecoder().raw_decode
_GAP: Final = re.compile(r"[ \t\r\n]*")
_WHOLE: Final = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_CODES: Final = {"STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
"""Words that protobuf's own JSON writers put where OTLP wants numbers."""
_DOUBLES: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}

_INT64: Final = range(-(2**63), 2**63)
_UINT64: Final = range(2**64)
_UINT32: Final = range(2**32)


def read_json(data: bytes) -> Iterator[SpanData]:
    """The spans of any number of `ExportTraceServiceRequest`s in JSON: one a line, or laid out in any other way.

    Ids may be base64, enumerations words and 64-bit numbers numbers, as protobuf's own JSON writers make them.

    Raises:
        FormatError: no such requests; names the line, the span by its place and the field, never a value. The requests
            before it have been handed out.
    """
    text = data.decode("utf-8-sig", "replace")
    at, line, counted = 0, 1, 0
    while True:
        at = _GAP.match(text, at).end()  # type: ignore[union-attr] # it matches the empty text too
        if at == len(text):
            return
        line += text.count("\n", counted, at)
        counted = at
        value, at = _document(text, at, line)
        try:
            request = msgspec.convert(value, _Request)
        except msgspec.ValidationError as error:
            raise FormatError(f"line {line}: {error}") from None
        except UnicodeEncodeError:
            raise FormatError(f"line {line}: a name holds half a character, which is no text") from None
        except RecursionError:
            raise FormatError(f"line {line}: nested too deeply") from None
        yield from within(f"line {line}", _spans, request)


def _document(text: str, at: int, line: int) -> tuple[Any, int]:
    """A JSON value, and where it ends."""
    try:
        return _decode(text, at)
    except json.JSONDecodeError as error:
        raise FormatError(f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}") from None
    except ValueError:
        raise FormatError(f"line {line}: not JSON: a number of too many digits") from None
    except RecursionError:
        raise FormatError(f"line {line}: nested too deeply") from None


def _spans(request: _Request) -> list[SpanData]:
    found: list[SpanData] = []
    for n, each in enumerate(request.resource_spans or ()):
        if each is not None:
            found += within(f"resourceSpans[{n}]", _resource_spans, each)
    return found


def _resource_spans(said: _ResourceSpans) -> list[SpanData]:
    resource = within("resource", _resource, said.resource)
    found: list[SpanData] = []
    for n, each in enumerate(said.scope_spans or ()):
        if each is not None:
            found += within(f"scopeSpans[{n}]", _scope_spans, each, resource)
    return found


def _scope_spans(said: _ScopeSpans, resource: dict[str, Any]) -> list[SpanData]:
    spans = enumerate(said.spans or ())
    return [within(f"spans[{n}]", _span, each, resource) for n, each in spans if each is not None]


def _resource(resource: _Resource | None) -> dict[str, Any]:
    return _attributes(resource.attributes, MAX_DEPTH) if resource is not None else {}


def _span(span: _Span, resource: dict[str, Any]) -> SpanData:
    start = within("startTimeUnixNano", _whole, span.start_time_unix_nano, _UINT64)
    end = within("endTimeUnixNano", _whole, span.end_time_unix_nano, _UINT64)
    return SpanData(
        trace_id=within("traceId", id_of_text, span.trace_id or "", TRACE_ID),
        span_id=within("spanId", id_of_text, span.span_id or "", SPAN_ID),
        parent_span_id=within("parentSpanId", parent_of_text, span.parent_span_id or ""),
        name=_text(span.name or ""),
        start_ns=start,
        end_ns=end_of(start, end),
        attributes=within("attributes", _attributes, span.attributes, MAX_DEPTH),
        status=_status(span.status),
        resource=resource,
        dropped_attributes=within("droppedAttributesCount", _whole, span.dropped_attributes_count, _UINT32),
    )


def _whole(said: _Number, allowed: range) -> int:
    value: Any = 0 if said is None or said == "" else said
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or value not in allowed:
        raise FormatError(f"wants a whole number from {allowed.start} to {allowed.stop - 1}")
    return value


def _double(said: int | float | str) -> float:  # noqa: PYI041 what JSON has, told apart
    if isinstance(said, str) and said in _DOUBLES:
        return _DOUBLES[said]
    try:
        return float(said)
    except (ValueError, OverflowError):
        raise FormatError("doubleValue: wants a number, NaN, Infinity or -Infinity") from None


def _status(status: _Status | None) -> str:
    code = status.code if status is not None else None
    return status_of(_CODES.get(code, 0) if isinstance(code, str) else code or 0)


def _attributes(said: list[_KeyValue | None] | None, levels: int) -> dict[str, Any]:
    return {_text(each.key or ""): _value(each.value, levels) for each in said or () if each is not None}


def _value(said: _AnyValue | None, levels: int) -> Any:
    """The value of an attribute; None where it says none, or one of a kind that came later than this reader."""
    if said is None:
        return None
    if said.string_value is not None:
        return _text(said.string_value)
    if said.bool_value is not None:
        return said.bool_value
    if said.int_value is not None:
        return within("intValue", _whole, said.int_value, _INT64)
    if said.double_value is not None:
        return _double(said.double_value)
    if said.bytes_value is not None:
        return _bytes(said.bytes_value)
    return _container(said, levels)


def _container(said: _AnyValue, levels: int) -> Any:
    if said.array_value is None and said.kvlist_value is None:
        return None
    if levels == 0:
        raise FormatError(f"nested beyond {MAX_DEPTH} levels")
    if said.array_value is not None:
        return tuple(_value(each, levels - 1) for each in said.array_value.values or ())
    return _attributes(said.kvlist_value.values if said.kvlist_value is not None else None, levels - 1)


def _bytes(text: str) -> bytes:
    try:
        return bytes_of_base64(text)
    except ValueError:
        raise FormatError("bytesValue: wants base64") from None


def _text(text: str) -> str:
    """Text; half a character of UTF-16 in it becomes U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
