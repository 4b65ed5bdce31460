"""Makes claims durable: one lane appends to the store for all who wait, a second one writes the spool.

What the store cannot take, or does not answer about, goes to the spool, and from there to the store when it is back.
What neither takes waits in a bounded queue in memory; what that cannot hold is a numbered gap.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from contextlib import suppress
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from provsdk.capture import _guard
from provsdk.errors import KeyConflict, KeyUnusable, NotFound, ProvsdkError, StoreError
from provsdk.pipeline._emitter import Gap
from provsdk.pipeline._lane import Lane
from provsdk.pipeline._losses import Losses
from provsdk.pipeline._queue import Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provsdk.pipeline._backlog import Backlog, Some
    from provsdk.pipeline._claim import Claim
    from provsdk.store.contract import Draft, Sealed

__all__ = ["BATCH_WINDOW_S", "Committer", "Work"]

_log: Final = logging.getLogger("provsdk")

COMMIT_SIZE: Final = 256
"""Outputs in one commit at most."""

SPOOL_SIZE: Final = 64
"""Outputs in one write to the spool at most."""

BATCH_WINDOW_S: Final = 0.2
RETRY_FIRST_S: Final = 0.2
RETRY_LAST_S: Final = 5.0
STORE_SHARE: Final = 0.6
"""Of `max_wait`, what the store may take before the spool is tried: there must be time left for that."""
SEARCH_SHARE: Final = 0.25
"""Of `max_wait`, what the outputs of one commit may be searched for together: their callers wait meanwhile, and others
for the commit after it."""
SPOOL_SEARCH_SHARE: Final = 0.1
"""The same of one write to the spool, which begins when most of `max_wait` is over."""
PATIENCE_SHARE: Final = 0.67
"""Of `max_wait`, after which a store that has not answered at all counts as hung."""
_AWAY: Final = (StoreError, KeyUnusable, OSError)
"""What says that the store cannot be used now. Any other error is about one of the drafts."""


class Work(NamedTuple):
    """What the sealer has others do."""

    draft: Callable[[Claim, float], tuple[Draft, ...]]
    """Told until when, on the monotonic clock, it may look for what came from what."""
    append: Callable[[Sequence[Draft], float], list[Sealed | KeyConflict]]
    forget: Callable[[str], object]
    """Lets go of the spans of a record that will not be assembled."""
    gap_draft: Callable[[Gap], Draft]
    on_sealed: Callable[[], None]
    settled: Callable[[int], None]
    """Told the number of an output whose record, or whose gap, is in the log."""
    replayed: Callable[[], None]
    """Told when all that another process left in its spool is in the log."""
    is_placed: Callable[[str], bool] = lambda _: True
    """Whether an extension of that record can be drafted without asking the log."""
    is_held_here: Callable[[], bool] = lambda: False
    """Whether this very thread holds what drafting needs."""
    place: Callable[[str], None] = lambda _: None
    """Asks the log where the extensions of a record go on; raises what the store raises, and `NotFound`."""
    keep_texts: Callable[[Any, dict[str, Any], int], object] = lambda *_: None
    """Puts what is to be searched of a scope among the facts, for nobody holds it alive any longer; told how many
    outputs wait."""


class Committer:
    """Takes claims in order of arrival.

    Args:
        work: What it has others do.
        max_wait: Seconds that a caller waits at most.
        queue_size: Claims that may wait in memory.
        backlog: The spool; None where there is none.
    """

    def __init__(self, work: Work, *, max_wait: float, queue_size: int, backlog: Backlog | None) -> None:
        self._work = work
        self._max_wait = max_wait
        self.backlog = backlog
        self.queue = Queue(queue_size)
        self._store_lane = Lane("provsdk-store", self._seal)
        self._spool_lane = Lane("provsdk-spool", self._spool)
        self.losses = Losses(self.queue, work.forget, lambda: self._store_lane.wake(BATCH_WINDOW_S))
        self._sealing = threading.Lock()
        """Held by whoever appends: the lane, or a caller where no thread can be had."""
        self._drafting = threading.Lock()
        self._appending_since = inf
        self._is_in_store = False
        self._spooling_since = inf
        self._refused = False
        """The store could not take what it was given last."""
        self._hung = False
        """The store has not answered for longer than callers wait."""
        self._retry_at = 0.0
        self._retry_s = RETRY_FIRST_S
        self._spool_retry_at = 0.0
        self._replay_at = 0.0
        self._refusals = 0
        self._postponements = 0
        self._urgent_until = 0.0
        """Until then the store is tried again whatever happened, for somebody waits."""
        self.complaint: str | None = None
        """What the store or the spool said last, while something cannot be sealed."""
        self._disowned = False
        self._stopped = False
        self._is_resting = False
        """A fork waits for the store: nothing is begun there."""
        self.sealed = 0
        """Outputs whose record is in the log."""

    # -- for whoever waits

    def take(self, claim: Claim) -> None:
        """Takes what has ended. Nothing is done about it before somebody wakes a lane."""
        if self._disowned:
            claim.lost, claim.block = True, False  # the parent of this process has that output, and its record
        elif not self.queue.add(claim):
            self.losses.lose(claim, "queue_full")

    def never_began(self, number: int) -> None:
        """Notes an output that capture could not begin."""
        if not self._disowned:
            self.losses.note(Gap(number, None, "capture_failed"))

    def wake(self, delay_s: float = 0.0) -> bool:
        """Has the right lane work; False where there is no thread to do so."""
        if self.backlog is not None and self._is_away():
            return self._spool_lane.wake(delay_s)
        return self._store_lane.wake(delay_s)

    def wake_soon(self) -> None:
        """As `wake`; the caller works where the lanes have stopped, for nobody else will."""
        if not self.wake(BATCH_WINDOW_S) and self._stopped:
            self.work_here()

    def urge(self, until: float) -> bool:
        """As `wake`, and the store is tried whatever it said before, up to that time on the monotonic clock."""
        self._urgent_until = max(self._urgent_until, until)
        return self._store_lane.wake()

    def work_here(self) -> None:
        """What the lanes do, in the caller's thread, where no other can be had."""
        self._seal()
        if self.backlog is not None:
            self._spool()

    def is_interrupted(self) -> bool:
        """Whether the caller interrupted work of ours in its own thread: nobody can go on with that while it waits."""
        held = (self.queue.is_held_here, self._store_lane.is_held_here, self._spool_lane.is_held_here)
        return self._work.is_held_here() or any(is_held() for is_held in held)

    def notice_hang(self) -> bool:
        """Whether the store was asked and has not answered for longer than callers wait; if so, the spool is next."""
        if time.monotonic() - self._appending_since < PATIENCE_SHARE * self._max_wait:
            return False
        if not self._hung:
            self._hung = True
            self._complain("the store does not answer" if self._is_in_store else "there is much in them to be recorded")
        if self.backlog is not None:
            self._spool_lane.wake()
        return True

    def is_hopeless(self) -> bool:
        """Neither the store nor the spool takes anything: there is nothing to wait for."""
        if self._disowned:
            return True
        if not self._is_away():
            return False
        now = time.monotonic()
        is_hung = now - self._spooling_since > PATIENCE_SHARE * self._max_wait
        return self.backlog is None or now < self._spool_retry_at or is_hung

    def _is_away(self) -> bool:
        return self._refused or self._hung

    def drain(self, timeout: float) -> bool:
        """Seals what is pending, and spools what cannot be sealed; True when nothing is left."""
        deadline = time.monotonic() + timeout
        self._urgent_until = max(self._urgent_until, deadline)
        while self._drain_once(deadline):
            pass
        return not self._left()

    def _drain_once(self, deadline: float) -> bool:
        """Both lanes once; whether there is something left, and use in trying again."""
        failures = self._refusals + self._postponements
        if self.queue.is_spooling:
            self._spool_lane.run((deadline - time.monotonic()) / 2)  # what it has in hand is the store's next
        is_answered = self._store_lane.run(max(deadline - time.monotonic(), 0.0))
        if not is_answered:
            self.notice_hang()
        if self.backlog is not None and self._is_away():
            self._spool_lane.run(max(deadline - time.monotonic(), BATCH_WINDOW_S))
        has_failed = not is_answered or self._refusals + self._postponements != failures
        return self._left() and not has_failed and time.monotonic() < deadline

    def put_away(self, timeout: float) -> None:
        """At the end of the process: what is in memory still goes to the spool, gaps too."""
        if self.backlog is not None and self._left():
            self._refused, self._hung = True, self._hung or self._appending_since < inf
            self._spool_lane.run(timeout)
            gaps = list(self.losses.gaps)
            if gaps and not self.is_hopeless():
                with suppress(StoreError):
                    self.backlog.keep((), [self._work.gap_draft(gap) for gap in gaps])
                    self.losses.gaps.clear()

    def _left(self) -> bool:
        return bool(self.losses or self.spooled or len(self.queue))

    @property
    def pending(self) -> int:
        """Claims that are durable nowhere: they are in memory only."""
        return len(self.queue)

    @property
    def spooled(self) -> int:
        """Outputs whose record waits in the spool; entries that others left there."""
        return 0 if self.backlog is None else self.backlog.count

    @property
    def is_hung(self) -> bool:
        """The store has been asked and does not answer: whoever touches it now may hang as well."""
        return self._hung

    # -- the store's lane

    def _seal(self) -> float | None:
        """Seals until nothing is left or the store cannot take more; seconds to the next try."""
        now = time.monotonic()
        if now < self._retry_at and now >= self._urgent_until:
            return self._retry_at - now
        if not self._sealing.acquire(timeout=self._max_wait):
            return BATCH_WINDOW_S
        refusals = self._refusals
        try:
            while not self._is_resting and self._seal_some():
                pass
            if self._refused and self._refusals == refusals:
                self._probe()
        finally:
            self._appending_since, self._hung = inf, False
            self._sealing.release()
        if not self._left():
            return None
        return max(self._retry_at - time.monotonic(), BATCH_WINDOW_S)

    def _seal_some(self) -> bool:
        """One commit of what is pending, and one of what was spooled; False when nothing is left or no use in more."""
        self._appending_since = time.monotonic()
        refusals = self._refusals
        self.losses.unsaid.move_to(self.queue)
        claims = [] if self._is_spooling_first() else self.queue.take_to_seal(COMMIT_SIZE, self._is_spooled)
        gaps = list(islice(self.losses.gaps, COMMIT_SIZE))
        if not claims and not gaps:
            return self._replay()
        try:
            sealed = self._commit(claims, gaps)
        except BaseException:  # an interrupt of a caller that has no thread to do this for it
            self.queue.done_sealing(claims)
            raise
        if not sealed:
            return False
        # Another round with nothing to do would be paid by callers: they were told, and wait for the interpreter.
        return self._replay() or (self._refusals == refusals and bool(self.losses.gaps or self.queue.pending))

    def _is_spooling_first(self) -> bool:
        """The store refused and the spool takes what waits: another try of the store must not hold that up again."""
        now = time.monotonic()
        is_spool_well = self.backlog is not None and now >= self._spool_retry_at
        return self._refused and is_spool_well and now >= self._urgent_until

    def _is_spooled(self, record_id: str) -> bool:
        return self.backlog is not None and self.backlog.holds(record_id)

    def _commit(self, claims: list[Claim], gaps: list[Gap]) -> bool:
        """Drafts and appends; False when the store could not take it."""
        try:
            self._place(claims)
            until = time.monotonic() + SEARCH_SHARE * self._max_wait
            drafted = [(claim, claim.drafts or ()) for claim in claims if self._drafted(claim, until)]
            drafts = [draft for _, some in drafted for draft in some]
            answers = self._append([*drafts, *map(self._work.gap_draft, gaps)])
        except _AWAY as error:
            self._put_back(claims, error)
            return False
        except Exception as error:
            return self._commit_each(claims, error)
        self._settle(drafted, answers)
        for _ in gaps:
            self._work.settled(self.losses.gaps.popleft().number)
        self.queue.done_sealing()
        return True

    def _place(self, claims: list[Claim]) -> None:
        """Asks the log about records long past, before anybody waits for what is drafted.

        Raises:
            StoreError, KeyUnusable, OSError: it cannot be asked.
        """
        made_here = {claim.record_id for claim in claims if not claim.late}
        for claim in claims:
            if self._is_out_of_place(claim) and claim.record_id not in made_here:
                try:
                    self._work.place(claim.record_id)
                except NotFound:
                    self.losses.lose(claim, "there is no such record")

    def _is_out_of_place(self, claim: Claim) -> bool:
        """Whether the log has to be asked before it can be drafted."""
        is_open = claim.late and claim.drafts is None and not claim.kept()
        return is_open and not self._work.is_placed(claim.record_id)

    def _commit_each(self, claims: list[Claim], error: Exception) -> bool:
        """One of the drafts cannot be an entry: it must not keep all others out of the log."""
        open_claims = [claim for claim in claims if not claim.kept()]
        if len(open_claims) <= 1:
            for claim in open_claims:
                self._not_sealable(claim.number, error)
                self.losses.lose(claim, "capture_failed")
            self.queue.done_sealing()
            return bool(open_claims)
        for n, claim in enumerate(open_claims):
            if not self._commit([claim], []):
                self.queue.done_sealing(open_claims[n:])
                return False
        return True

    def _append(self, drafts: Sequence[Draft]) -> list[Sealed | KeyConflict]:
        return self._append_now(drafts) if drafts else []

    def _probe(self) -> None:
        """Nothing was there to be appended, so it is not known yet whether the store is back."""
        try:
            self._append_now(())
        except _AWAY as error:
            self._away(error)

    def _append_now(self, drafts: Sequence[Draft]) -> list[Sealed | KeyConflict]:
        now = self._appending_since = time.monotonic()
        share = STORE_SHARE * self._max_wait if now >= self._urgent_until else 0.8 * (self._urgent_until - now)
        self._is_in_store = True
        try:
            answers = self._work.append(drafts, max(share, 0.05))
        finally:
            self._is_in_store = False
        self._refused, self._hung, self._retry_at, self._retry_s = False, False, 0.0, RETRY_FIRST_S
        self.complaint = None
        return answers

    def _drafted(self, claim: Claim, until: float) -> bool:
        """Assembly happens here, once; what fails in it costs this output only.

        Args:
            claim: Of the output.
            until: When on the monotonic clock nothing is searched any more.

        Raises:
            StoreError, KeyUnusable, OSError: the store has to be asked about it, and cannot be.
        """
        with self._drafting:
            if claim.drafts is None and not claim.kept():
                try:
                    claim.drafts = self._work.draft(claim, until)
                except _AWAY:
                    raise
                except Exception as error:
                    self._not_sealable(claim.number, error)
                    self.losses.lose(claim, "capture_failed")
                else:
                    claim.facts = {}
                    claim.size = sum(len(part.content) for draft in claim.drafts for part in draft.parts)
        return not claim.kept()

    @staticmethod
    def _not_sealable(number: int, error: Exception) -> None:
        at = traceback.extract_tb(error.__traceback__)[-1]
        # Not the error's message: it may hold content.
        _log.error("output %s cannot be sealed: %s at %s:%s", number, type(error).__qualname__, at.name, at.lineno)
        _guard.count("seal an output", error)

    def _settle(self, drafted: list[tuple[Claim, tuple[Draft, ...]]], answers: list[Sealed | KeyConflict]) -> None:
        position = 0
        for claim, drafts in drafted:
            mine = answers[position : position + len(drafts)]
            position += len(mine)
            conflict = next((answer for answer in mine if isinstance(answer, KeyConflict)), None)
            if conflict is None:
                self._is_sealed(claim)
            else:
                self._conflicts(claim, claim.record_id, conflict)
        Queue.tell(claim for claim, _ in drafted)
        self._work.on_sealed()

    def _is_sealed(self, claim: Claim) -> None:
        if not claim.done:
            claim.done = True
            self.sealed += not claim.late
            if not claim.late:
                self._work.settled(claim.number)
        claim.drafts = None

    def _conflicts(self, claim: Claim | None, name: str, conflict: KeyConflict) -> None:
        _log.error("record %s: %s", name, conflict)
        if claim is not None and not claim.settled():
            self.losses.lose(claim, "key_conflict")

    def _put_back(self, claims: list[Claim], error: Exception) -> None:
        """What the store could not take goes to the spool, else it waits at the head of the queue."""
        for claim in claims:
            claim.refused = True
        for claim in self.queue.done_sealing(claims):
            self.losses.lose(claim, "queue_full")
        self._away(error)

    def _away(self, error: Exception) -> None:
        """The store is tried again later; meanwhile the spool takes what is pending."""
        self._refusals += 1
        self._refused = True
        self._retry_at = time.monotonic() + self._retry_s
        self._retry_s = min(self._retry_s * 2, RETRY_LAST_S)
        message = str(error) if isinstance(error, ProvsdkError) else type(error).__qualname__
        self._complain(message)
        waiting = self.queue.waiting()
        if self.backlog is not None and time.monotonic() >= self._spool_retry_at:
            self._spool_lane.wake()
            waiting = [claim for claim in waiting if claim.block]
        Queue.tell(waiting)

    def _complain(self, message: str) -> None:
        if message != self.complaint:
            self.complaint = message
            _log.warning("%d outputs wait to be sealed: %s", len(self.queue), message)

    # -- what was spooled

    def _replay(self) -> bool:
        """Appends the next few drafts of a spool; False when nothing waits, or it could not be done."""
        some = self._next_spooled()
        if some is None or self.backlog is None:
            return False
        drafts = [one.draft for one in some.waiting if one.draft is not None]
        if len(drafts) < len(some.waiting):
            _log.error("%s: %d places cannot be read", some.file.path, len(some.waiting) - len(drafts))
        try:
            self._answer(drafts, self._append_all(drafts))
        except _AWAY as error:
            self._away(error)
            return False
        self._work.on_sealed()
        return self._passed(some)

    def _next_spooled(self) -> Some | None:
        if self.backlog is None or time.monotonic() < self._replay_at:
            return None
        try:
            return self.backlog.next(COMMIT_SIZE)
        except _AWAY as error:
            self._postpone_replay(error)
            return None

    def _passed(self, some: Some) -> bool:
        try:
            if self.backlog is not None and self.backlog.passed(some.file, some.waiting[-1].end):
                self._work.replayed()
            for claim in () if self.backlog is None else self.backlog.unreadable():
                self.losses.lose(claim, "capture_failed")
        except _AWAY as error:
            self._postpone_replay(error)
            return False
        return True

    def _postpone_replay(self, error: Exception) -> None:
        """A spool that cannot be read must not keep what is new from the store."""
        self._postponements += 1
        self._replay_at = time.monotonic() + RETRY_LAST_S
        _guard.report("replay a spool", error)

    def _append_all(self, drafts: list[Draft]) -> list[Sealed | KeyConflict | None]:
        """As `_append`; None for a draft that cannot be an entry, which must not keep all others out of the log."""
        try:
            return list(self._append(drafts))
        except _AWAY:
            raise
        except Exception as error:
            if len(drafts) == 1:
                self._not_sealable(0, error)
                return [None]
            return [answer for draft in drafts for answer in self._append_all([draft])]

    def _answer(self, drafts: list[Draft], answers: list[Sealed | KeyConflict | None]) -> None:
        assert self.backlog is not None  # noqa: S101 the caller read from it
        for draft, answer in zip(drafts, answers, strict=True):
            claim = self.backlog.claim_of(draft.key)
            if isinstance(answer, KeyConflict):
                self._conflicts(claim, draft.subject, answer)
            elif claim is not None and answer is None:
                self.losses.lose(claim, "capture_failed")
            elif claim is not None:
                self._is_sealed(claim)
                Queue.tell((claim,))

    # -- the spool's lane

    def _spool(self) -> float | None:
        """Writes to the spool what the store holds up; seconds to the next try, None when nothing is left to write."""
        self._spooling_since = time.monotonic()
        try:
            self.losses.unsaid.move_to(self.queue)
            while self._is_away() and (claims := self._for_the_spool()):
                if not self._keep(claims):
                    return max(self._spool_retry_at - time.monotonic(), BATCH_WINDOW_S)
                self._spooling_since = time.monotonic()
        finally:
            self._spooling_since = inf
        self._store_lane.wake(BATCH_WINDOW_S)
        return None

    def _for_the_spool(self) -> list[Claim]:
        return self.queue.take_to_spool(SPOOL_SIZE, self._work.is_placed, held_up=self._hung)

    def _keep(self, claims: list[Claim]) -> bool:
        assert self.backlog is not None  # noqa: S101 the lane is woken only where there is one
        drafted: list[Claim] = []
        beyond: list[Claim] = []
        problem: Exception | None = None
        try:
            until = time.monotonic() + SPOOL_SEARCH_SHARE * self._max_wait
            drafted = [claim for claim in claims if not self._is_out_of_place(claim) and self._drafted(claim, until)]
            self.backlog.keep(drafted)
            for claim in drafted:
                claim.spooled, claim.drafts = True, None
        except _AWAY as error:
            problem = error
            self._spool_retry_at = time.monotonic() + self._retry_s
            self._complain(str(error))
        finally:
            beyond = self.queue.done_spooling(claims)
        for claim in beyond:
            self.losses.lose(claim, "queue_full")
        Queue.tell(claims if problem is None else self.queue.waiting())
        return problem is None

    # -- the end

    def rest(self, timeout: float) -> None:
        """Ends the threads when they have done what they are at, for a fork; none is made before `resume`."""
        self._is_resting = True
        self._store_lane.rest(timeout)
        self._spool_lane.rest(timeout)

    def resume(self) -> None:
        """Goes on after `rest` with what is left."""
        self._is_resting = False
        self._store_lane.resume()
        self._spool_lane.resume()
        if self._left():
            self._store_lane.wake(BATCH_WINDOW_S)
            self.wake()

    def disown(self) -> None:
        """In a forked child: what was under way in its parent is the parent's, and so are its files."""
        self._disowned = True
        if self.backlog is not None:
            self.backlog.close()

    def stop(self) -> None:
        """No lane begins anything any more; what is pending stays pending, what is spooled stays spooled."""
        self._stopped = True
        self._store_lane.stop()
        self._spool_lane.stop()
