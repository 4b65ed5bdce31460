"""Fetches again what a source's location names: files, HTTP, S3; keeps digests and dates, never the content."""

import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from provsdk.cli.fetch.reading import Cannot, Gone
from provsdk.records.record import Source
from provsdk.report.verdicts import Content
from provsdk.vocabulary import SourceType

__all__ = ["Cannot", "Gone", "fetch"]

_HIDDEN: Final = "\u2026"
"""Stands in a location for a secret that was left out of it."""

_PATHS: Final = frozenset({SourceType.FILE, SourceType.REFERENCE, SourceType.CACHE, SourceType.INTERNAL})
"""Types whose location, where it has no scheme, is a path even if it is relative."""


def fetch(source: Source) -> Content:
    """What is at the source's location now.

    Raises:
        Gone: nothing is there any more.
        Cannot: it cannot be told; says why.
    """
    location = source.location
    if not location:
        raise Cannot("its location is not known")
    try:
        parts = urlsplit(location)
    except ValueError:
        raise Cannot("its location is no URL that can be read") from None
    scheme = parts.scheme.lower()
    if _HIDDEN in parts.query:
        raise Cannot("its address was recorded without the secrets that it takes")
    if scheme in {"http", "https"}:
        from provsdk.cli.fetch.http import fetch_http  # noqa: PLC0415 most sources are files

        return fetch_http(location)
    if scheme == "s3":
        from provsdk.cli.fetch.s3 import fetch_s3  # noqa: PLC0415 as above

        return fetch_s3(parts.netloc, parts.path.lstrip("/"), parts.query)
    if scheme == "file":
        if parts.netloc not in {"", "localhost"}:
            raise Cannot("a file of another machine")
        return _file(Path(url2pathname(parts.path)))
    if "://" in location:
        raise Cannot(f"nothing here fetches {scheme}: again")
    if Path(location).is_absolute() or source.type in _PATHS or location.startswith((".", os.sep)):
        return _file(Path(location))
    raise Cannot("its location is no path and no URL")


def _file(path: Path) -> Content:
    from provsdk.cli.fetch.file import fetch_file  # noqa: PLC0415 as above

    return fetch_file(path)
