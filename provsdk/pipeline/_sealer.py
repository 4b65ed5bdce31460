"""The durable port: what ended is taken at once, and whoever waits for its record waits no longer than agreed.

Nobody's own thread touches a disk: the lanes of the committer do, and a caller waits for them with a deadline.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from provsdk.errors import RecordNotSealed
from provsdk.pipeline._bell import bell_here
from provsdk.pipeline._claim import Claim
from provsdk.pipeline._committer import BATCH_WINDOW_S, Committer, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.trace import SpanContext

    from provsdk.pipeline._backlog import Backlog

__all__ = ["Sealer", "Work"]

LOOK_SHARES: Final = (0.7, 0.85)
"""Of `max_wait`, when a caller that waits looks whether the store hangs: twice, for the store may have begun with what
hangs after the caller began to wait."""

CALLER_SHARE: Final = 0.95
"""Of `max_wait`, what a caller waits at most; the rest is for the scheduler, so that the whole stays within it."""


CROWDED_SHARE: Final = 0.1
"""Of `max_wait`, what a caller waits that would not wait at all, where there is little room left in memory."""


class Sealer:
    """Seals what is pending, in order of arrival.

    Args:
        work: What it has others do.
        durability: `sync` or `batch`.
        max_wait: Seconds that a caller waits at most.
        on_unavailable: `proceed` or `block`, for outputs that do not say it themselves.
        queue_size: Outputs that may wait in memory.
        backlog: The spool; None where there is none.
    """

    def __init__(
        self,
        work: Work,
        *,
        durability: str,
        max_wait: float,
        on_unavailable: str,
        queue_size: int,
        backlog: Backlog | None = None,
    ) -> None:
        self._is_batch = durability == "batch"
        self.max_wait = max_wait
        self._on_unavailable = on_unavailable
        self._work = work
        self.committer = Committer(work, max_wait=max_wait, queue_size=queue_size, backlog=backlog)

    # -- the port

    def ticket(self, span_context: SpanContext, facts: dict[str, Any]) -> Claim:
        """Takes an output that ended."""
        key = f"{span_context.trace_id:032x}-{span_context.span_id:016x}"
        claim = Claim(self, f"rec_{key}", facts, block=self._is_to_block(facts, key), late=False)
        try:
            self._work.keep_texts(facts.pop("scope", None), facts, self.committer.queue.pending)
            self.committer.take(claim)
        except BaseException:  # an interrupt: the output has ended all the same
            facts.pop("scope", None)
            if not (claim.kept() or self.committer.queue.holds(claim)):
                self.committer.take(claim)
            self.committer.wake(BATCH_WINDOW_S)
            raise
        if self._is_batch:
            self.committer.wake_soon()
        return claim

    def late(self, span_context: SpanContext, facts: dict[str, Any]) -> None:  # noqa: ARG002 the port's signature
        """Takes what ended after its output: an extension of its record, sealed soon."""
        self.committer.take(Claim(self, facts["record_id"], facts, block=False, late=True))
        self.committer.wake_soon()

    def never_began(self, number: int) -> None:
        """Notes an output that capture could not begin: a gap without a record id."""
        self.committer.never_began(number)

    def _is_to_block(self, facts: dict[str, Any], key: str) -> bool:
        own = facts.get("spans", {}).get(key, {}).get("declared", {}).get("on_unavailable")
        return (own or self._on_unavailable) == "block"

    # -- waiting

    def wait_for(self, claim: Claim) -> bool:
        """Waits until `claim` is durable or the time is up; see `Claim.wait`."""
        patience = self._patience(claim)
        if not patience:
            return claim.done
        began = time.monotonic()
        if self.committer.is_interrupted():
            self.committer.wake(BATCH_WINDOW_S)
            return self._outcome(claim)
        gate = threading.Lock()
        gate.acquire()

        def open_gate() -> None:
            with suppress(RuntimeError):  # it is open
                gate.release()

        with self._watching(claim, open_gate):
            self._nudge(claim, began)
            for until in self._looks(began, patience):
                while not self._is_answered(claim) and gate.acquire(timeout=max(until - time.monotonic(), 0.0)):
                    pass
                self._look_after(claim)
        return self._outcome(claim)

    async def await_for(self, claim: Claim) -> bool:
        """The same without blocking the event loop."""
        bell = bell_here()
        if bell is None:  # no loop that we know: waiting here is better than not at all
            return self.wait_for(claim)
        patience = self._patience(claim)
        if not patience:
            return claim.done
        began = time.monotonic()
        try:
            with self._watching(claim, bell.ring):
                self._nudge(claim, began)
                for until in self._looks(began, patience):
                    while not self._is_answered(claim) and await bell.wait(max(until - time.monotonic(), 0.0)):
                        pass
                    self._look_after(claim)
        except BaseException as error:
            if not isinstance(error, Exception):  # it was cancelled
                self.committer.wake(BATCH_WINDOW_S)
            raise
        return self._outcome(claim)

    def see_to(self, claim: Claim) -> None:
        """Has a lane work soon; see `Claim.leave`."""
        if not claim.settled():
            self.committer.wake_soon()

    def _looks(self, began: float, patience: float) -> Iterator[float]:
        """When a caller looks whether the store hangs, and at last gives up; on the monotonic clock."""
        return (began + share * self.max_wait for share in (*(one for one in LOOK_SHARES if one < patience), patience))

    @contextmanager
    def _watching(self, claim: Claim, watcher: Callable[[], None]) -> Iterator[None]:
        self.committer.queue.watch(claim, watcher)
        try:
            yield
        finally:
            self.committer.queue.unwatch(claim, watcher)

    def _patience(self, claim: Claim) -> float:
        """The share of `max_wait` that is worth waiting."""
        if claim.block:
            return CALLER_SHARE
        if claim.kept() or self.committer.is_hopeless():
            return 0.0
        if self._is_batch:
            return CROWDED_SHARE if self.committer.queue.is_crowded else 0.0
        return CALLER_SHARE

    def _is_answered(self, claim: Claim) -> bool:
        if claim.block:
            return claim.settled() or claim.refused
        return claim.kept() or (claim.refused and self.committer.is_hopeless())

    def _outcome(self, claim: Claim) -> bool:
        if claim.block and not claim.done:
            where = "it is lost" if claim.lost else "it is in the spool" if claim.spooled else "it stays queued"
            said = f": {self.committer.complaint}" if self.committer.complaint else ""
            raise RecordNotSealed(
                f"record {claim.record_id} is not durable after {self.max_wait} s{said}; {where}. "
                'on_unavailable="proceed" returns the output all the same'
            )
        return claim.done

    def _nudge(self, claim: Claim, began: float) -> None:
        """Has a lane work; the caller itself where no thread can be had."""
        if claim.block and not claim.settled():
            claim.refused = False
            is_awake = self.committer.urge(began + CALLER_SHARE * self.max_wait)
        else:
            is_awake = self.committer.wake()
        if not is_awake:
            self.committer.work_here()

    def _look_after(self, claim: Claim) -> None:
        """Somebody has waited for long: it may be that the store does not answer at all."""
        if not claim.kept():
            self.committer.notice_hang()

    def stop(self) -> None:
        """No lane begins anything any more; what is pending stays pending, what is spooled stays spooled."""
        self.committer.stop()
