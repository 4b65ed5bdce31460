"""Times as records and entries have them: RFC 3339 in UTC, with microseconds and `Z`."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from time import time_ns
from typing import Final

__all__ = ["is_written", "now", "of", "of_ns"]

_WRITTEN: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> str:
    """By the clock of this machine."""
    return of_ns(time_ns())


def of(moment: datetime) -> str:
    """A moment with a time zone.

    >>> of(datetime(2026, 11, 27, 9, 30, tzinfo=UTC))
    '2026-11-27T09:30:00.000000Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def of_ns(nanoseconds: int) -> str:
    """Nanoseconds since 1970; outside the years 1970 to 9999, the nearest moment in them."""
    seconds, microseconds = divmod(nanoseconds // 1000, 1_000_000)
    try:
        return f"{_second(seconds)}.{microseconds:06d}Z"
    except OverflowError:
        return "1970-01-01T00:00:00.000000Z" if seconds < 0 else "9999-12-31T23:59:59.999999Z"


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    if seconds < 0:
        raise OverflowError
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


def is_written(text: str) -> bool:
    """Whether the text is a time in this form, and there is such a time."""
    if _WRITTEN.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
