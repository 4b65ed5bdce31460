"""Compares what was loaded with the checksum that was stated of it."""

from __future__ import annotations

import hashlib
import logging
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from provsdk.checksum import WEAK, algorithm_of, hasher
from provsdk.vocabulary import ChecksumResult

if TYPE_CHECKING:
    from provsdk.capture._session import Activity

__all__ = ["compare"]

_log: Final = logging.getLogger("provsdk")

VERIFIED: Final = ChecksumResult.VERIFIED.value
MISMATCH: Final = ChecksumResult.MISMATCH.value
NOT_COMPARED: Final = ChecksumResult.NOT_COMPARED.value

MAX_TOLD: Final = 1_000

_told: Final[set[tuple[str, str]]] = set()
"""Sources whose mismatch was logged: once each, and within a bound."""


def compare(activity: Activity, stated: str, value: Any, *, n: int = 0, name: str | None = None) -> None:
    """Notes whether the bytes of `value` have the checksum that was stated.

    Args:
        activity: the load.
        stated: a parsed checksum.
        value: text (its UTF-8), bytes, or a path (its file's content). Anything else has no bytes of its own.
        n: number of the value among those of the load.
        name: of the source, where it is not the load's.
    """
    algorithm = algorithm_of(stated)
    found, why = _found(activity, algorithm, value, n)
    result = NOT_COMPARED if found is None else VERIFIED if f"{algorithm}:{found}" == stated else MISMATCH
    activity.stated = {**activity.stated, n: stated}
    activity.extra.setdefault("checksums", []).append([n, algorithm, result, why])
    if result == MISMATCH:
        _tell(name or activity.name, algorithm)


def _found(activity: Activity, algorithm: str, value: Any, n: int) -> tuple[str | None, str | None]:
    """The value's checksum; else why there is none: types and classes of exceptions, never content."""
    limit = activity.ports.settings.max_value_bytes
    digest = activity.plain.get(n)
    try:
        if algorithm == "sha256" and digest is not None and type(value) in {str, bytes}:
            return digest.hex(), None  # the plain digest of text and bytes is just that
        if isinstance(value, PathLike):
            return _of_file(Path(value), algorithm, limit)
        content = value.encode() if isinstance(value, str) else value
        if not isinstance(content, (bytes, bytearray, memoryview)):
            return None, f"{type(value).__qualname__} has no bytes of its own"
        if memoryview(content).nbytes > limit:
            return None, "too large"
    except (OSError, UnicodeError) as error:
        return None, f"cannot be read: {type(error).__qualname__}"
    digested = hasher(algorithm)
    digested.update(content)
    return digested.hexdigest(), None


def _of_file(path: Path, algorithm: str, limit: int) -> tuple[str | None, str | None]:
    with path.open("rb") as file:
        if path.stat().st_size > limit:
            return None, "too large"
        return hashlib.file_digest(file, lambda: hasher(algorithm)).hexdigest(), None


def _tell(name: str, algorithm: str) -> None:
    if (name, algorithm) in _told or len(_told) >= MAX_TOLD:
        return
    _told.add((name, algorithm))
    weak = " (a weak one)" if algorithm in WEAK else ""
    _log.warning(
        "source %r does not have the %s checksum%s that is stated of it; its record says mismatch",
        name,
        algorithm,
        weak,
    )
