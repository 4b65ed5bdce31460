"""Reads an independent count of outputs: an access log, JSON lines of a gateway, a provider's usage export or report.

Pure, line by line. Whatever is wrong is an error that names the line; nothing is guessed and no line is passed over in
silence.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Final, Literal

from provsdk.cli.access_log import access_fields, is_logged, lacks_time
from provsdk.cli.moments import moment_of
from provsdk.cli.usage_report import REQUESTS_FIELD, is_usage_report, usage_buckets
from provsdk.errors import FormatError

__all__ = ["FORMATS", "MAX_LINE_BYTES", "Count", "Format", "Line", "Wanted", "read_count"]

Format = Literal["access-log", "jsonl", "csv", "usage"]
FORMATS: Final = ("access-log", "jsonl", "csv", "usage")

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
    "starting_at",
)
END_FIELDS: Final = ("end_time", "ending_at")
ID_FIELDS: Final = ("record_id", "provsdk.record_id", "output_id", "response_id", "trace_id", "traceparent")
"""Where ids and times are looked for, in that order, where nobody names a field."""

_OURS: Final = re.compile(r"\b(?:rec|out)_[0-9a-f]{32}-[0-9a-f]{16}\b")
_NOTHING: Final = ("", "-", "null", "None")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BUCKETS: Final = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))
"""Stretches of time that providers count in."""

_LEAVE_OUT: Final = "where it is a message of the server's own, --only REGEX leaves such lines out"
_NO_TIMES: Final = (
    "an access log without times, which nothing can be compared by: uvicorn writes it so, and gunicorn with uvicorn's "
    "workers\nHave the server log the time, for uvicorn with --log-config as docs/guides/absence.md shows it; lines of "
    "a container have it with `docker logs --timestamps` or `kubectl logs --timestamps`."
)


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
    end: datetime | None = None
    """Where it stands for all outputs of a stretch of time: the end of that."""


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
    counted_by: str | None = None
    """The field that holds how many outputs a line stands for."""


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
    kind, passed = _recognised(first, texts, wanted)
    if kind is None:
        return Count("access-log", (), len(passed))
    lines, left_out = [], 0
    for number, text, fields in _READERS[kind](chain(passed, texts)):
        if wanted.only is not None and wanted.only.search(text) is None:
            left_out += 1
            continue
        if fields is None:
            raise FormatError(f"line {number}: {_why_no_access_line(text)}")
        if wanted.count_field is None and _found(fields, REQUESTS_FIELD) is not None:
            wanted = replace(wanted, count_field=REQUESTS_FIELD)
        try:
            lines.append(_line(number, text, fields, wanted))
        except FormatError as error:
            raise FormatError(f"{_PLACES.get(kind, 'line')} {number}: {error}") from None
    return Count(kind, tuple(lines), left_out, wanted.count_field)


def _recognised(
    first: tuple[int, str], rest: Iterator[tuple[int, str]], wanted: Wanted
) -> tuple[Format | None, list[tuple[int, str]]]:
    """The format, and the lines that were read to tell it; None where no line is wanted.

    A log may begin with messages of the server's own: the first line that is wanted counts then. A line that is not
    says only that a table begins, where it is the very first.
    """
    passed = [first]
    if wanted.format is not None:
        return wanted.format, passed
    while True:
        number, text = passed[-1]
        is_wanted = wanted.only is None or wanted.only.search(text) is not None
        kind = _looks_like(text)
        if kind is not None and (is_wanted or (kind == "csv" and len(passed) == 1)):
            return kind, passed
        if is_wanted:
            raise FormatError(f"line {number}: {_why_unknown(text)}")
        following = next(rest, None)
        if following is None:
            return None, passed
        passed.append(following)


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


def _looks_like(text: str) -> Format | None:
    if access_fields(text) is not None:
        return "access-log"
    if is_usage_report(text):
        return "usage"
    if text.lstrip().startswith("{"):
        return "jsonl"
    if not (lacks_time(text) or is_logged(text)) and any(delimiter in text for delimiter in ",;\t"):
        return "csv"
    return None


def _why_unknown(text: str) -> str:
    if lacks_time(text):
        return _NO_TIMES
    return f"no access log, JSON lines, usage report or CSV; name the format: {', '.join(FORMATS)}; {_LEAVE_OUT}"


def _why_no_access_line(text: str) -> str:
    return _NO_TIMES if lacks_time(text) else f"not in a known format of access logs; {_LEAVE_OUT}"


# Formats: each gives line number, the line's text, and its fields by name.

_Row = tuple[int, str, _Fields | None]


def _access_rows(texts: Iterable[tuple[int, str]]) -> Iterator[_Row]:
    """Without fields where a line is of no format: other messages may stand between."""
    for number, text in texts:
        yield number, text, access_fields(text)


def _json_rows(texts: Iterable[tuple[int, str]]) -> Iterator[_Row]:
    for number, text in texts:
        try:
            said = json.loads(text)
        except (ValueError, RecursionError) as error:
            what = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
            raise FormatError(f"line {number}: not JSON: {what}") from None
        if not isinstance(said, dict):
            raise FormatError(f"line {number}: not a JSON object")
        yield number, text, said


def _csv_rows(texts: Iterable[tuple[int, str]]) -> Iterator[_Row]:
    texts = iter(texts)
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


def _usage_rows(texts: Iterable[tuple[int, str]]) -> Iterator[_Row]:
    return usage_buckets(texts)


_READERS: Final = {"access-log": _access_rows, "jsonl": _json_rows, "csv": _csv_rows, "usage": _usage_rows}
_PLACES: Final = {"usage": "bucket"}
"""What a row is called; others are lines."""


# Fields.


def _line(number: int, text: str, fields: _Fields, wanted: Wanted) -> Line:
    time, end = _time(fields, wanted), _end(fields)
    if wanted.count_field is None:
        if time is not None and end is not None and _is_bucket(time, end):
            raise FormatError(
                "stands for a stretch of time, and nothing says for how many outputs: name the field, --count"
            )
        return Line(number, time, _id(text, fields, wanted))
    return Line(number, time, _id(text, fields, wanted), _count(fields, wanted.count_field), end)


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
    value = _nested(fields, name) if "." in name else None
    if value is not None:
        return value
    folded = name.casefold()
    return next((fields[one] for one in fields if str(one).casefold() == folded), None)


def _nested(fields: _Fields, name: str) -> Any:
    value: Any = fields
    for step in name.split("."):
        value = value.get(step) if isinstance(value, dict) else None
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


def _end(fields: _Fields) -> datetime | None:
    value = next((found for name in END_FIELDS if (found := _found(fields, name)) is not None), None)
    try:
        return None if value is None else moment_of(value)
    except FormatError:
        return None


def _is_bucket(start: datetime, end: datetime) -> bool:
    width = end - start
    return width in _BUCKETS and not (start - _EPOCH) % width


def _count(fields: _Fields, name: str) -> int:
    value = str(_named(fields, name)).strip()
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(MAX_COUNT))):
        raise FormatError(f"{name}: not a count")
    return int(value)
