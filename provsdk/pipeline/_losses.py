"""What neither the store nor the spool nor memory takes: a numbered gap for an output, a remark for what came late."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Final

from provsdk.capture import _guard
from provsdk.errors import StoreError
from provsdk.pipeline._emitter import Gap
from provsdk.pipeline._queue import Queue
from provsdk.pipeline._unsaid import UNSAID, Unsaid

if TYPE_CHECKING:
    from collections.abc import Callable

    from provsdk.pipeline._claim import Claim

__all__ = ["Losses"]

_log: Final = logging.getLogger("provsdk")

MAX_GAPS: Final = 100_000
"""Gaps that are remembered one by one; beyond, `emitter.closed` says how many outputs were lost."""


class Losses:
    """What is lost, until the log says so.

    Args:
        queue: What waits in memory.
        forget: Lets go of the spans of a record that will not be assembled.
        wake: Has what is noted here written to the log soon.
    """

    def __init__(self, queue: Queue, forget: Callable[[str], object], wake: Callable[[], object]) -> None:
        self._queue = queue
        self._forget = forget
        self._wake = wake
        self.count = 0
        """Outputs that have a numbered gap in place of a record."""
        self.gaps: Final[deque[Gap]] = deque()
        """Those of them whose gap is not in the log yet."""
        self.unsaid: Final = Unsaid()
        """What ended after its output, of which the record does not say yet that it is missing."""

    def __bool__(self) -> bool:
        return bool(self.gaps or self.unsaid)

    def lose(self, claim: Claim, reason: str) -> None:
        """Gives a claim up."""
        if claim.late:
            self._lose_extension(claim, reason)
            return
        claim.lost = True
        claim.drafts, claim.facts = None, {}
        self._forget(claim.record_id)
        self.note(Gap(claim.number, claim.record_id, reason))
        Queue.tell((claim,))

    def note(self, gap: Gap) -> None:
        """Notes an output that has no record."""
        self.count += 1
        if len(self.gaps) < MAX_GAPS:
            self.gaps.append(gap)
        self._wake()

    def _lose_extension(self, claim: Claim, reason: str) -> None:
        """What came late is lost; its output is not. Where the record is still to be made, its spans go into that."""
        if any(one.record_id == claim.record_id and one is not claim for one in self._queue.waiting()):
            claim.lost, claim.drafts, claim.facts = True, None, {}
            return
        self._forget(claim.record_id)
        if UNSAID not in claim.facts:
            _log.error("what ended after output %s is not in the log: %s", claim.record_id, reason)
            _guard.count("seal what ended after its output", StoreError(reason))
        if reason == "queue_full":
            self.unsaid.note(claim)
            self._wake()
        else:
            claim.lost, claim.drafts, claim.facts = True, None, {}
