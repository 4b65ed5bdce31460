"""What the newest process that has ended said of its own failures, as its `emitter.closed` entry holds it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from provsdk.store.contract import Store

__all__ = ["Ended", "Failure", "newest_ended"]

LOOKED_AT: Final = 5_000
"""Entries from the end of the log that are looked at."""


class Failure(msgspec.Struct, frozen=True):
    """Something that provsdk could not do; the traced function did not notice."""

    where: str
    kind: str
    """Name of the exception's class."""
    count: int


class _Closed(msgspec.Struct, frozen=True):
    failures: list[Failure] = []


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended, with its failures, the most frequent first."""

    emitter_id: str
    time: str
    failures: tuple[Failure, ...]


def newest_ended(log: "Store") -> Ended | None:
    """The newest `emitter.closed` among the last entries; None where there is none that can be read."""
    size = log.size()
    closed = [entry for entry in log.entries(max(size - LOOKED_AT, 0), size) if entry.kind == "emitter.closed"]
    for entry in reversed(closed):
        for part in log.parts(entry.index):
            if part.path == "emitter" and part.content is not None:
                failures = msgspec.json.decode(part.content, type=_Closed).failures
                return Ended(entry.subject, entry.time, tuple(failures))
    return None
