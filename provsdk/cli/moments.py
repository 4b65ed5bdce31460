"""Times as logs and exports write them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from provsdk.errors import FormatError

__all__ = ["moment_of"]

_NUMBER: Final = re.compile(r"-?\d{1,20}(\.\d{1,20})?")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAY: Final = timedelta(days=1) - timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)


def moment_of(value: Any, *, end_of_day: bool = False) -> datetime:
    """A time in RFC 3339, as a date, or as a number of seconds, milli-, micro- or nanoseconds since 1970.

    Without an offset it is UTC. A date is its first moment, or with `end_of_day` its last.

    Raises:
        FormatError: it is none of these.
    """
    try:
        moment = value if isinstance(value, datetime) else _read(str(value).strip())
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not _EPOCH <= moment < _LATEST:
        raise FormatError("not a time that can be read: wants RFC 3339, a date, or a number since 1970")
    is_date = isinstance(value, str) and _DATE.fullmatch(value.strip())
    return moment + _DAY if end_of_day and is_date else moment


def _read(text: str) -> datetime:
    if _NUMBER.fullmatch(text):
        return _EPOCH + timedelta(seconds=_seconds(float(text)))
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _seconds(number: float) -> float:
    for unit, beyond in ((1e9, 1e17), (1e6, 1e14), (1e3, 1e11)):
        if abs(number) >= beyond:
            return number / unit
    return number
