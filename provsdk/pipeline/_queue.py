"""Outputs that ended and are not in the log: those that wait in memory, and those that a lane has in hand."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from provsdk.pipeline._claim import Claim

__all__ = ["Queue"]

QUEUE_BYTES: Final = 256 * 1024 * 1024
"""Bytes of drafts that wait in memory at most."""


class Queue:
    """In order of arrival. Appended to by any thread; two lanes take from its head.

    Args:
        limit: Outputs that may wait.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._mutex = threading.RLock()
        self._pending: deque[Claim] = deque()
        self._sealing: list[Claim] = []
        """In the hands of whoever appends to the store."""
        self._spooling: list[Claim] = []
        """In the hands of whoever writes the spool; those that the store holds up stand in both."""

    def add(self, claim: Claim) -> bool:
        """Takes a claim; False where the queue is full. What came late never takes more than half of it."""
        if len(self._pending) >= (self._limit // 2 if claim.late else self._limit):
            return False
        self._pending.append(claim)
        return True

    def take_to_seal(self, count: int, is_spooled: Callable[[str], bool]) -> list[Claim]:
        """The claims at the head, for the store; an extension waits for its record that is spooled or about to be.

        Args:
            count: Claims that are taken at most.
            is_spooled: Whether something of the record with that id waits in the spool.
        """
        with self._mutex:
            spooling = {claim.record_id for claim in self._spooling}
            self._sealing = self._taken(count, lambda record_id: record_id in spooling or is_spooled(record_id))
            return list(self._sealing)

    def take_to_spool(self, count: int, is_placed: Callable[[str], bool], *, held_up: bool) -> list[Claim]:
        """The claims at the head, for the spool; with `held_up`, first those that are in the hands of the store.

        An extension waits for its record that is in those hands and stays there.

        Args:
            count: Claims that are taken at most.
            is_placed: Whether an extension of the record with that id can be drafted; if not, it waits for the store.
            held_up: The store does not answer about what it has.
        """
        with self._mutex:
            stranded = self._sealing if held_up else ()
            first = [
                claim
                for claim in stranded
                if not claim.kept() and (claim.drafts or not claim.late or is_placed(claim.record_id))
            ][:count]
            taken_away = set(map(id, first))
            held = (claim for claim in self._sealing if id(claim) not in taken_away and not claim.kept())
            sealing = {claim.record_id for claim in held}
            self._spooling = first + self._taken(
                count - len(first), lambda record_id: record_id in sealing or not is_placed(record_id)
            )
            return list(self._spooling)

    def _taken(self, count: int, goes_before: Callable[[str], bool]) -> list[Claim]:
        taken: list[Claim] = []
        later: list[Claim] = []
        while self._pending and len(taken) < count:
            claim = self._pending.popleft()
            (later if claim.late and goes_before(claim.record_id) else taken).append(claim)
        self._pending.extendleft(reversed(later))
        return taken

    def done_sealing(self, back: Sequence[Claim] = ()) -> list[Claim]:
        """Nothing is in the hands of whoever appends any more; as `_put_back`."""
        with self._mutex:
            self._sealing = []
            return self._put_back(back)

    def done_spooling(self, back: Sequence[Claim] = ()) -> list[Claim]:
        """Nothing is in the hands of whoever writes the spool any more; as `_put_back`."""
        with self._mutex:
            self._spooling = []
            return self._put_back(back)

    def _put_back(self, claims: Sequence[Claim]) -> list[Claim]:
        """To the head, those that nobody has kept or has; answers the newest of them that exceed `QUEUE_BYTES`."""
        if not claims:
            return []
        had = set(map(id, (*self._pending, *self._sealing, *self._spooling)))
        back = [claim for claim in claims if not claim.kept() and id(claim) not in had]
        size = sum(claim.size for claim in (*self._pending, *back))
        beyond = []
        while size > QUEUE_BYTES and back:
            beyond.append(back.pop())
            size -= beyond[-1].size
        self._pending.extendleft(reversed(back))
        return beyond

    def is_held_here(self) -> bool:
        """Whether this very thread is at work in here: a signal or a finalizer has interrupted it."""
        return self._mutex._is_owned()  # type: ignore[attr-defined, no-any-return] # noqa: SLF001 as `Condition` does

    def watch(self, claim: Claim, watcher: Callable[[], None]) -> None:
        """Has `watcher` called when something becomes of the claim."""
        with self._mutex:
            claim.watchers = (*claim.watchers, watcher)

    def unwatch(self, claim: Claim, watcher: Callable[[], None]) -> None:
        """Lets go of it."""
        with self._mutex:
            claim.watchers = tuple(one for one in claim.watchers if one is not watcher)

    @staticmethod
    def tell(claims: Iterable[Claim]) -> None:
        """Something has become of these claims."""
        for claim in claims:
            for watcher in claim.watchers:
                watcher()

    @property
    def is_crowded(self) -> bool:
        """Whether whoever does not have to wait should do so all the same, for there is little room left."""
        return len(self._pending) > self._limit // 2

    @property
    def pending(self) -> int:
        """Claims that no lane has in hand."""
        return len(self._pending)

    @property
    def is_spooling(self) -> bool:
        """Something is on its way to the spool."""
        return bool(self._spooling)

    def holds(self, claim: Claim) -> bool:
        """Whether that very claim was taken, and is in memory only."""
        return any(one is claim for one in self.waiting())

    def waiting(self) -> list[Claim]:
        """Every claim that is in memory only."""
        with self._mutex:
            found = {id(claim): claim for claim in (*self._sealing, *self._spooling, *self._pending)}
        return [claim for claim in found.values() if not claim.kept()]

    def __len__(self) -> int:
        return len(self.waiting())
