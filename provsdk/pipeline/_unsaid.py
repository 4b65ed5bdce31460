"""What ended after its output and found no place in the queue: it is lost, and the output's record is to say so."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from provsdk.records.record import Extension, Missing
from provsdk.vocabulary import CompletenessReason

if TYPE_CHECKING:
    from provsdk.pipeline._claim import Claim
    from provsdk.pipeline._queue import Queue

__all__ = ["UNSAID", "Unsaid", "extension_of"]

UNSAID: Final = "unsaid"
"""Among a claim's facts: how many calls were lost."""

MAX_RECORDS: Final = 10_000
"""Records of which it is remembered; of others it is counted only."""


class Unsaid:
    """Safe to use from any thread."""

    def __init__(self) -> None:
        self.count = 0
        """Calls that were lost."""
        self._lock = threading.RLock()
        self._claims: dict[str, Claim] = {}

    def note(self, claim: Claim) -> None:
        """A claim that is lost, with what it claimed."""
        number = claim.facts.get(UNSAID, 1)
        with self._lock:
            self.count += number if UNSAID not in claim.facts else 0
            known = self._claims.get(claim.record_id)
            if known is not None:
                known.facts[UNSAID] += number
            elif len(self._claims) < MAX_RECORDS:
                claim.drafts, claim.facts = None, {UNSAID: number}
                self._claims[claim.record_id] = claim

    def move_to(self, queue: Queue) -> None:
        """Has it said, as far as there is room."""
        with self._lock:
            while self._claims:
                record_id, claim = next(iter(self._claims.items()))
                if not queue.add(claim):
                    return
                del self._claims[record_id]

    def __len__(self) -> int:
        return len(self._claims)


def extension_of(record_id: str, number: int) -> Extension:
    """What a record says of so many calls that were lost."""
    calls = "a call that" if number == 1 else f"{number} calls that"
    detail = f"{calls} ended after it, while too many waited to be sealed"
    return Extension(record_id, 0, [], [], [], [], [], [Missing(CompletenessReason.SPAN_MISSING.value, detail)])
