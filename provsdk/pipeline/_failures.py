"""Failures of our own since this configuration began: counted by the guard, said in `emitter.closed`."""

from __future__ import annotations

from collections import Counter
from typing import Final

from provsdk.capture import _guard

__all__ = ["Failures"]

MAX_SAID: Final = 50
"""Kinds that are said, the most frequent ones."""


class Failures:
    """What the guard has counted since this was made."""

    def __init__(self) -> None:
        self._before = Counter(_guard.failures)

    def said(self) -> list[dict[str, str | int]]:
        """What we could not do, why, how often, most frequent first. Classes of exceptions, never messages."""
        return [
            {"where": where, "kind": kind, "count": number}
            for (where, kind), number in (_guard.failures - self._before).most_common(MAX_SAID)
        ]

    def by_name(self) -> dict[str, int]:
        """The same for a person: `could not …` by its kind, with the number."""
        return {f"{one['where']} ({one['kind']})": int(one["count"]) for one in self.said()}
