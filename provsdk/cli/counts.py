"""Reads an independent count of outputs: an access log, JSON lines of a gateway, a provider's usage export as CSV.

Pure, line by line. Whatever is wrong is an error that names the line; nothing is guessed and no line is passed over in
silence.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, Literal

from provsdk.errors import FormatError

__all__ = ["FORMATS", "MAX_LINE_BYTES", "Count", "Format", "Line", "Wanted", "moment_of", "read_count"]

Format = Literal["access-log", "jsonl", "csv"]
FORMATS: Final = ("access-log", "jsonl", "csv")

MAX_LINE_BYTES: Final = 1024 * 1024
MAX_COUNT: Final = 10**12

TIME_FIELDS: Final = (
    "time",
    "timestamp",
    "@timestamp",
    "ts",
    "datetime",
    "date",
    "created_at",
    "created",
    "start_time",
)
ID_FIELDS: Final = ("record_id", "provsdk.record_id", "output_id", "response_id", "trace_id", "traceparent")
"""Where ids and times are looked for, in that order, where nobody names a field."""

_ACCESS_FIELDS: Final = ("host", "ident", "user", "time", "request", "status", "bytes", "referer", "user_agent")
_TOKEN: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|\[([^\]\[]*)\]|(\S+)')
_ACCESS_TIME: Final = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OURS: Final = re.compile(r"\b(?:rec|out)_[0-9a-f]{32}-[0-9a-f]{16}\b")
_WITHOUT_TIME: Final = re.compile(r'^[^"\[]*"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S+ HTTP/[0-9.]+" \d{3}')
_NUMBER: Final = re.compile(r"-?\d{1,20}(\.\d{1,20})?")
_NOTHING: Final = ("", "-", "null", "None")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Line:
    """One line that counts."""

    number: int
    """In the file, from 1."""
    time: datetime | None
    id: str | None
    """As the line has it: a record, output, trace or response id."""
    count: int = 1
    """Outputs that it stands for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to read a file."""

    format: Format | None = None
    """None: as the first line looks."""
    id_field: str | None = None
    time_field: str | None = None
    count_field: str | None = None
    only: re.Pattern[str] | None = None
    """Lines without it do not count."""


@dataclass(frozen=True, slots=True)
class Count:
    """What a file says."""

    format: Format
    lines: tuple[Line, ...]
    left_out: int
    """Lines that `only` did not find anything in."""


_Fields = Mapping[str, Any]


def read_count(data: Iterable[bytes], wanted: Wanted) -> Count:
    """The lines of a file that count.

    Args:
        data: Its lines, as a binary file gives them.
        wanted: Which fields hold what.

    Raises:
        FormatError: a line is not of its format, is not UTF-8, is too long, or lacks a field that was named; the
            message begins with the line's number.
    """
    texts = _texts(data)
    first = next(texts, None)
    if first is None:
        return Count(wanted.format or "jsonl", (), 0)
    kind = wanted.format or _looks_like(*first)
    rows = _READERS[kind](_again(first, texts))
    lines, left_out = [], 0
    for number, text, fields in rows:
        if wanted.only is not None and wanted.only.search(text) is None:
            left_out += 1
            continue
        try:
            lines.append(_line(number, text, fields, wanted))
        except FormatError as error:
            raise FormatError(f"line {number}: {error}") from None
    return Count(kind, tuple(lines), left_out)


def _again(first: tuple[int, str], rest: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from rest


def _texts(data: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Each line that is not blank, with its number."""
    for number, raw in enumerate(data, 1):
        if len(raw) > MAX_LINE_BYTES:
            raise FormatError(f"line {number}: longer than {MAX_LINE_BYTES:,} bytes")
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise FormatError(f"line {number}: not UTF-8 at byte {error.start + 1}") from None
        if "\0" in text:
            raise FormatError(f"line {number}: holds a NUL: this is no text file")
        if text.strip():
            yield number, text


def _looks_like(number: int, text: str) -> Format:
    if text.lstrip().startswith("{"):
        return "jsonl"
    if _access_time(_tokens(text)) is not None:
        return "access-log"
    if any(delimiter in text for delimiter in ",;\t"):
        return "csv"
    if _WITHOUT_TIME.search(text):
        raise FormatError(
            f"line {number}: an access log without times (uvicorn writes it so), which nothing can be compared by; "
            "have the server log the time, as in the common log format"
        )
    raise FormatError(f"line {number}: no access log, JSON lines or CSV; name the format: {', '.join(FORMATS)}")


# Formats: each gives line number, the line's text, and its fields by name.

_Row = tuple[int, str, _Fields]


def _access_rows(texts: Iterator[tuple[int, str]]) -> Iterator[_Row]:
    """Common and Combined Log Format; further fields are numbered from 10."""
    for number, text in texts:
        tokens = _tokens(text)
        moment = _access_time(tokens)
        if moment is None:
            raise FormatError(f"line {number}: not in Common or Combined Log Format")
        names = (*_ACCESS_FIELDS, *(str(n) for n in range(len(_ACCESS_FIELDS) + 1, len(tokens) + 1)))
        yield number, text, {**dict(zip(names, tokens, strict=False)), "time": moment}


def _tokens(text: str) -> list[str]:
    return [quoted or bracketed or bare for quoted, bracketed, bare in _TOKEN.findall(text)]


def _access_time(tokens: list[str]) -> datetime | None:
    found = _ACCESS_TIME.fullmatch(tokens[3]) if len(tokens) >= 7 else None
    if found is None or found[2] not in _MONTHS:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    try:
        zone = timezone(offset)
        return datetime(
            int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=zone
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _json_rows(texts: Iterator[tuple[int, str]]) -> Iterator[_Row]:
    for number, text in texts:
        try:
            said = json.loads(text)
        except (ValueError, RecursionError) as error:
            what = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
            raise FormatError(f"line {number}: not JSON: {what}") from None
        if not isinstance(said, dict):
            raise FormatError(f"line {number}: not a JSON object")
        yield number, text, said


def _csv_rows(texts: Iterator[tuple[int, str]]) -> Iterator[_Row]:
    head_number, head = next(texts)
    delimiter = max(",;\t", key=head.count)
    try:
        names = [name.strip() for name in next(csv.reader([head], delimiter=delimiter))]
    except csv.Error as error:
        raise FormatError(f"line {head_number}: not CSV: {error}") from None
    if len(set(names)) != len(names):
        raise FormatError(f"line {head_number}: two columns of one name")
    numbers: list[int] = []

    def lines() -> Iterator[str]:
        for number, text in texts:
            numbers.append(number)
            yield text + "\n"

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    while True:
        numbers.clear()
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise FormatError(f"line {numbers[0] if numbers else head_number}: not CSV: {error}") from None
        if row is None:
            return
        if len(row) != len(names):
            raise FormatError(f"line {numbers[0]}: {len(row)} fields, and the first line names {len(names)}")
        yield numbers[0], delimiter.join(row), dict(zip(names, row, strict=True))


_READERS: Final = {"access-log": _access_rows, "jsonl": _json_rows, "csv": _csv_rows}


# Fields.


def _line(number: int, text: str, fields: _Fields, wanted: Wanted) -> Line:
    return Line(number, _time(fields, wanted), _id(text, fields, wanted), _count(fields, wanted))


def _named(fields: _Fields, name: str) -> Any:
    """A field by its name; of nested objects by their names with full stops between.

    Raises:
        FormatError: there is none.
    """
    value = _found(fields, name)
    if value is None:
        known = ", ".join(sorted(str(one)[:40] for one in fields)[:12])
        raise FormatError(f"there is no field {name!r}; there are: {known}")
    return value


def _found(fields: _Fields, name: str) -> Any:
    if name in fields:
        return fields[name]
    value: Any = fields
    for step in name.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return next((fields[one] for one in fields if str(one).casefold() == name.casefold()), None)
    return value


def _id(text: str, fields: _Fields, wanted: Wanted) -> str | None:
    if wanted.id_field is not None:
        # A line without the field is an output without an id, where other lines have one.
        value = _found(fields, wanted.id_field)
        return None if value is None or str(value).strip() in _NOTHING else str(value).strip()
    ours = _OURS.search(text)
    if ours is not None:
        return ours.group()
    values = (_found(fields, name) for name in ID_FIELDS)
    return next((one.strip() for one in values if isinstance(one, str) and one.strip() not in _NOTHING), None)


def _time(fields: _Fields, wanted: Wanted) -> datetime | None:
    if wanted.time_field is not None:
        return moment_of(_named(fields, wanted.time_field))
    value = next((found for name in TIME_FIELDS if (found := _found(fields, name)) is not None), None)
    return None if value is None else moment_of(value)


def _count(fields: _Fields, wanted: Wanted) -> int:
    if wanted.count_field is None:
        return 1
    value = str(_named(fields, wanted.count_field)).strip()
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(MAX_COUNT))):
        raise FormatError(f"{wanted.count_field}: not a count")
    return int(value)


def moment_of(value: Any) -> datetime:
    """A time in RFC 3339, as a date, or as a number of seconds, milli-, micro- or nanoseconds since 1970.

    Without an offset it is UTC.

    Raises:
        FormatError: it is none of these.
    """
    try:
        moment = value if isinstance(value, datetime) else _read_moment(str(value).strip())
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not _EPOCH <= moment < _LATEST:
        raise FormatError("not a time that can be read: wants RFC 3339, a date, or a number since 1970")
    return moment


def _read_moment(text: str) -> datetime:
    if _NUMBER.fullmatch(text):
        return _EPOCH + timedelta(seconds=_seconds(float(text)))
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _seconds(number: float) -> float:
    for unit, beyond in ((1e9, 1e17), (1e6, 1e14), (1e3, 1e11)):
        if abs(number) >= beyond:
            return number / unit
    return number
