"""Lines of access logs, as servers write them; pure.

Two shapes are known. Common and Combined Log Format (nginx, Apache, Traefik, gunicorn, hypercorn), after whatever a
logger puts before it. And lines that begin with an ISO 8601 time and hold the request in quotes: Envoy, uvicorn with
times, any log behind `docker logs --timestamps`.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from provsdk.cli.moments import moment_of
from provsdk.errors import FormatError

__all__ = ["access_fields", "is_logged", "lacks_time"]

_FIELDS: Final = ("host", "ident", "user", "time", "request", "status", "bytes", "referer", "user_agent")
_BEFORE_TIME: Final = 3
_TOKEN: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|\[([^\]\[]*)\]|(\S+)')
_TIME: Final = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_REQUEST: Final = re.compile(r'"([A-Z]+ \S+ HTTP/[0-9.]+)" (\d{3})\b')
_WITHOUT_TIME: Final = re.compile(rf'(?!\d{{4}}-)[^"\[]*{_REQUEST.pattern}')
_LEVEL: Final = re.compile(r"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
_ISO: Final = re.compile(r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?)(?: ?(Z|[+-]\d\d:?\d\d)(?![\d:]))?")


def access_fields(text: str) -> Mapping[str, Any] | None:
    """The fields of a line by their names, `time` among them, those beyond the ninth by number; None for others.

    Of a line that begins with a time and is in neither log format, only `time`, `request` and `status` are known.
    """
    return _common(text) or _timed(text)


def is_logged(text: str) -> bool:
    """Whether it begins with a time or a level, as lines of logs do and lines of names do not."""
    return _ISO.match(text) is not None or _LEVEL.match(text) is not None


def lacks_time(text: str) -> bool:
    """Whether it is an access log's line that does not say when, as uvicorn writes it."""
    return _WITHOUT_TIME.match(text) is not None


def _common(text: str) -> Mapping[str, Any] | None:
    tokens = list(_TOKEN.finditer(text))
    for at in range(_BEFORE_TIME, len(tokens) - _BEFORE_TIME):
        moment = _time(tokens[at][2]) if tokens[at][2] else None
        if moment is not None and tokens[at + 1][1] is not None:
            values = ["".join(token.groups("")) for token in tokens[at - _BEFORE_TIME :]]
            names = (*_FIELDS, *(str(n) for n in range(len(_FIELDS) + 1, len(values) + 1)))
            return {**dict(zip(names, values, strict=False)), "time": moment}
    return None


def _time(text: str) -> datetime | None:
    found = _TIME.fullmatch(text)
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


def _timed(text: str) -> Mapping[str, Any] | None:
    when, request = _ISO.match(text), _REQUEST.search(text)
    if when is None or request is None:
        return None
    try:
        moment = moment_of(when[1] + (when[2] or ""))
    except FormatError:
        return None
    return {"time": moment, "request": request[1], "status": request[2]}
