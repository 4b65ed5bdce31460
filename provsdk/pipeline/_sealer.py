"""The durable port: outputs that ended become drafts, drafts become entries, and callers wait no longer than agreed.

In `sync` the first that waits does the work for all who wait: there is no committer thread to lose in a fork. What
cannot be sealed stays in a bounded queue and is tried again by a lazy daemon timer, by the next output, by `flush` and
at exit. What the queue cannot hold is a numbered gap.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import traceback
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from provsdk.capture import _guard
from provsdk.errors import KeyConflict, ProvsdkError, RecordNotSealed, StoreError
from provsdk.pipeline._emitter import Gap
from provsdk.pipeline._timer import Timer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from opentelemetry.trace import SpanContext

    from provsdk.store.contract import Draft, Sealed

__all__ = ["Claim", "Sealer"]

_log: Final = logging.getLogger("provsdk")

COMMIT_SIZE: Final = 256
"""Outputs in one commit at most."""

BATCH_WINDOW_S: Final = 0.2
RETRY_FIRST_S: Final = 0.2
RETRY_LAST_S: Final = 5.0
QUEUE_BYTES: Final = 256 * 1024 * 1024
"""Bytes of drafts that wait for the store at most."""

MAX_GAPS: Final = 100_000
"""Gaps that are remembered one by one; beyond, `emitter.closed` says how many outputs were lost."""


class Claim:
    """A claim on one output's record, or on an extension of it; written to under the sealer's commit lock."""

    __slots__ = ("done", "drafts", "facts", "late", "lost", "number", "record_id", "sealer", "size")

    def __init__(self, sealer: Sealer, record_id: str, facts: dict[str, Any], *, late: bool = False) -> None:
        self.sealer = sealer
        self.record_id = record_id
        self.facts = facts
        self.number: int = facts.get("number", 0)
        self.late = late
        self.drafts: tuple[Draft, ...] | None = None
        self.size = 0
        self.done = False
        self.lost = False

    def settled(self) -> bool:
        """Nothing is left to wait for: it is durable, or lost."""
        return self.done or self.lost

    def wait(self) -> bool:
        """Blocks until the record is durable or the time is up; True when it is durable.

        Raises:
            RecordNotSealed: it is not, and `on_unavailable="block"`.
        """
        return self.sealer.wait_for(self, time.monotonic() + self.sealer.max_wait)

    def __await__(self) -> Generator[Any, Any, bool]:
        """As `wait`, in a worker thread; outside asyncio it blocks."""
        return self._awaited().__await__()

    async def _awaited(self) -> bool:
        deadline = time.monotonic() + self.sealer.max_wait
        try:
            loop = asyncio.get_running_loop()
            waiting = loop.run_in_executor(self.sealer.worker(), self.sealer.wait_for, self, deadline)
        except RuntimeError:  # no loop of asyncio, or no thread to be had: waiting here is better than not at all
            return self.sealer.wait_for(self, deadline)
        return await waiting


class Sealer:
    """Seals what is pending, in order of arrival.

    `_pending` is appended to by any thread (deque operations are atomic) and popped under `_committing` only.
    """

    def __init__(  # noqa: PLR0913 each is one thing that the configuration decides
        self,
        *,
        draft: Callable[[Claim], tuple[Draft, ...]],
        append: Callable[[Sequence[Draft], float], list[Sealed | KeyConflict]],
        forget: Callable[[str], object],
        gap_draft: Callable[[Gap], Draft],
        on_sealed: Callable[[], None],
        settled: Callable[[int], None],
        durability: str,
        max_wait: float,
        on_unavailable: str,
        queue_size: int,
    ) -> None:
        self._draft = draft
        self._append = append
        self._forget = forget
        self._gap_draft = gap_draft
        self._on_sealed = on_sealed
        self._settled = settled
        self._durability = durability
        self.max_wait = max_wait
        self._on_unavailable = on_unavailable
        self._queue_size = queue_size
        self._pending: deque[Claim] = deque()
        self._gaps: deque[Gap] = deque()
        self._committing = threading.Lock()
        self._retry_at = 0.0
        self._retry_s = RETRY_FIRST_S
        self._complained: str | None = None
        self._timer = Timer(self._tick)
        self._worker: ThreadPoolExecutor | None = None
        self.sealed = 0
        self.lost = 0

    # -- the port

    def ticket(self, span_context: SpanContext, facts: dict[str, Any]) -> Claim:
        """Takes an output that ended."""
        record_id = f"rec_{span_context.trace_id:032x}-{span_context.span_id:016x}"
        claim = Claim(self, record_id, facts)
        self._take(claim)
        return claim

    def late(self, span_context: SpanContext, facts: dict[str, Any]) -> None:  # noqa: ARG002 the port's signature
        """Takes what ended after its output: an extension of its record, sealed soon."""
        self._take(Claim(self, facts["record_id"], facts, late=True))
        self._timer.kick(BATCH_WINDOW_S)

    def _take(self, claim: Claim) -> None:
        if len(self._pending) >= self._queue_size:
            self._lose(claim, "queue_full")
            return
        self._pending.append(claim)
        if self._durability == "batch":
            self._timer.kick(BATCH_WINDOW_S)

    def never_began(self, number: int) -> None:
        """Notes an output that capture could not begin: a gap without a record id."""
        self._note(Gap(number, None, "capture_failed"))

    # -- waiting

    def worker(self) -> ThreadPoolExecutor:
        """The one thread in which async callers' waiting happens."""
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, "provsdk-seal")
        return self._worker

    def wait_for(self, claim: Claim, deadline: float) -> bool:
        """Seals until `claim` is done or `deadline` (on the monotonic clock) has come."""
        blocking = self._on_unavailable == "block"
        if not blocking and (self._durability == "batch" or time.monotonic() < self._retry_at):
            return claim.done
        while not claim.settled():
            left = deadline - time.monotonic()
            if left <= 0 or not self._committing.acquire(timeout=left):
                break
            try:
                if not claim.settled() and not self._commit(deadline):
                    break
            finally:
                self._committing.release()
        if claim.done:
            return True
        self._timer.kick(BATCH_WINDOW_S)
        if blocking:
            raise RecordNotSealed(
                f"record {claim.record_id} is not durable after {self.max_wait} s"
                + (f": {self._complained}" if self._complained else "")
                + '; it stays queued. on_unavailable="proceed" returns the output all the same'
            )
        return False

    def drain(self, timeout: float) -> bool:
        """Seals what is pending; True when nothing is left."""
        deadline = time.monotonic() + timeout
        if not self._committing.acquire(timeout=max(timeout, 0)):
            return False
        try:
            while self._pending or self._gaps:
                if not self._commit(deadline):
                    return False
        finally:
            self._committing.release()
        return True

    @property
    def pending(self) -> int:
        """Outputs whose record is not durable yet."""
        return len(self._pending)

    @property
    def gaps(self) -> int:
        """Gaps that are not in the log yet."""
        return len(self._gaps)

    # -- under the commit lock

    def _commit(self, deadline: float) -> bool:
        """Seals one batch; False when the store could not take it.

        An interrupt may come at any line. What is neither durable nor lost then goes back to the head of the queue;
        what was committed all the same is a repetition, which its key makes harmless.
        """
        taken: list[Claim] = []
        try:
            while self._pending and len(taken) < COMMIT_SIZE:
                taken.append(self._pending.popleft())
            return self._commit_these(taken, deadline)
        except BaseException:
            self._pending.extendleft(c for c in reversed(taken) if not c.settled() and c not in self._pending)
            raise

    def _commit_these(self, taken: list[Claim], deadline: float) -> bool:
        claims = [claim for claim in taken if self._drafted(claim)]
        gaps = [self._gaps[position] for position in range(min(COMMIT_SIZE, len(self._gaps)))]
        drafts = [draft for claim in claims for draft in claim.drafts or ()]
        drafts += [self._gap_draft(gap) for gap in gaps]
        if not drafts:
            for claim in claims:
                claim.done = True
            return True
        try:
            answers = self._append(drafts, max(deadline - time.monotonic(), 0.05))
        except Exception as error:  # the guard around the host: whatever the store does, the output goes its way
            self._put_back(claims, error)
            return False
        self._settle(claims, answers)
        for _ in gaps:
            self._settled(self._gaps.popleft().number)
        return True

    def _drafted(self, claim: Claim) -> bool:
        """Assembly happens here, once; what fails in it costs this output only."""
        if claim.drafts is not None:
            return True
        try:
            claim.drafts = self._draft(claim)
        except Exception as error:
            _guard.count("assemble an output", error)
            at = traceback.extract_tb(error.__traceback__)[-1]
            _log.error(  # not the error's message: it may hold content
                "output %s could not be assembled: %s at %s:%s",
                claim.number,
                type(error).__qualname__,
                at.name,
                at.lineno,
            )
            self._lose(claim, "capture_failed")
            return False
        claim.facts = {}
        claim.size = sum(len(part.content) for draft in claim.drafts for part in draft.parts)
        return True

    def _settle(self, claims: list[Claim], answers: list[Sealed | KeyConflict]) -> None:
        position = 0
        for claim in claims:
            mine = answers[position : position + len(claim.drafts or ())]
            position += len(mine)
            conflict = next((answer for answer in mine if isinstance(answer, KeyConflict)), None)
            if conflict is None:
                claim.done = True
                self.sealed += 1
                if not claim.late:
                    self._settled(claim.number)
            else:
                _log.error("record %s: %s", claim.record_id, conflict)
                self._lose(claim, "key_conflict")
        self._retry_at, self._retry_s, self._complained = 0.0, RETRY_FIRST_S, None
        self._on_sealed()

    def _put_back(self, claims: list[Claim], error: Exception) -> None:
        """What the store could not take waits at the head of the queue; the queue is bounded in bytes too."""
        waiting = sum(claim.size for claim in claims) + sum(claim.size for claim in self._pending)
        while waiting > QUEUE_BYTES and claims:
            newest = claims.pop()
            waiting -= newest.size
            self._lose(newest, "queue_full")
        self._pending.extendleft(reversed(claims))
        self._retry_at = time.monotonic() + self._retry_s
        self._timer.kick(self._retry_s)
        self._retry_s = min(self._retry_s * 2, RETRY_LAST_S)
        message = str(error) if isinstance(error, ProvsdkError) else type(error).__qualname__
        if message != self._complained:
            self._complained = message
            level = logging.ERROR if not isinstance(error, StoreError) else logging.WARNING
            _log.log(level, "%d outputs wait to be sealed: %s", len(self._pending), message)

    def _lose(self, claim: Claim, reason: str) -> None:
        claim.lost = True
        claim.drafts, claim.facts = None, {}
        self._forget(claim.record_id)
        self._note(Gap(claim.number, claim.record_id, reason))

    def _note(self, gap: Gap) -> None:
        self.lost += 1
        if len(self._gaps) < MAX_GAPS:
            self._gaps.append(gap)
        self._timer.kick(BATCH_WINDOW_S)

    # -- the timer

    def _tick(self) -> float | None:
        """Seals what is pending; seconds to the next try, None when there is nothing left to do."""
        if not (self._pending or self._gaps):
            return None
        if self._committing.acquire(timeout=BATCH_WINDOW_S):
            try:
                self._commit(time.monotonic() + self.max_wait)
            finally:
                self._committing.release()
        return max(self._retry_at - time.monotonic(), BATCH_WINDOW_S)

    def stop(self) -> None:
        """Lets go of threads; what is pending stays pending."""
        self._timer.stop()
        if self._worker is not None:
            self._worker.shutdown(wait=False)
