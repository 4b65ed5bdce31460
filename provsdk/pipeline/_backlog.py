"""What waits on disk for the store: the spool of this process, and those that others left behind."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from provsdk.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from provsdk.pipeline._claim import Claim
    from provsdk.store.contract import Draft
    from provsdk.store.spool_file import OwnSpool, SpoolFile, Waiting

__all__ = ["Backlog", "Some"]

_TURN_S: Final = 0.5
"""How long who replays waits for who writes: a disk that hangs must not hold up the store."""


class Some(NamedTuple):
    """The next few drafts of one spool."""

    file: SpoolFile
    waiting: list[Waiting]


class Backlog:
    """Written by one thread and replayed by another, in order, file by file.

    Args:
        own: The spool of this process.
        opening: What has to be in the log before anything of this process; nothing where it is.
    """

    def __init__(self, own: OwnSpool, opening: Callable[[], Sequence[Draft]]) -> None:
        self._own = own
        self._opening = opening
        self._turn = threading.Lock()
        self._left: list[SpoolFile] = []
        self._claims: dict[str, Claim] = {}
        """By the key of the last draft of each: its record is in the log when that is."""
        self._records: dict[str, int] = {}
        self._index = threading.Lock()

    def keep(self, claims: Sequence[Claim], more: Sequence[Draft] = ()) -> None:
        """Writes the drafts of these claims, durably, or none of them.

        Raises:
            StoreUnavailable: the spool is full, or cannot be written.
        """
        drafts = [draft for claim in claims for draft in claim.drafts or ()]
        with self._turn:
            self._own.append([*(self._opening() if self._own.is_blank else ()), *drafts, *more])
            with self._index:
                for claim in claims:
                    if claim.drafts:
                        self._claims[claim.drafts[-1].key] = claim
                        self._records[claim.record_id] = self._records.get(claim.record_id, 0) + 1

    def adopt(self, left: Sequence[SpoolFile]) -> None:
        """Takes over what others left behind."""
        self._left.extend(left)

    def next(self, count: int) -> Some | None:
        """What is to be replayed next; None where nothing is.

        Raises:
            StoreUnavailable: the disk of the spool holds up who writes to it.
        """
        if not self._claims and not self._left and self._own.is_new:
            return None
        with self._taking_turns():
            self._own.restore_if_gone()
            for file in (self._own, *self._left):
                waiting = file.read(count)
                if waiting:
                    return Some(file, waiting)
            return None

    def passed(self, file: SpoolFile, end: int) -> bool:
        """Everything before `end` in that file needs no replay any more; True when one that others left is gone so.

        Raises:
            StoreUnavailable: as `next`; it will be replayed once more, which changes nothing.
        """
        with self._taking_turns():
            is_gone = file.passed(end) and file in self._left
            if is_gone:
                self._left.remove(file)
            return is_gone

    @contextmanager
    def _taking_turns(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=_TURN_S):
            raise StoreUnavailable(f"the spool {self._own.path} is being written to")
        try:
            yield
        finally:
            self._turn.release()

    def unreadable(self) -> list[Claim]:
        """The claims of this process's spool that is replayed to its end, and did not hold them any more."""
        if not self._claims:
            return []
        with self._taking_turns(), self._index:
            left = list(self._claims.values()) if self._own.is_new else []
            if left:
                self._claims, self._records = {}, {}
        return left

    def claim_of(self, key: str) -> Claim | None:
        """The claim whose last draft has that key, which waits no longer."""
        with self._index:
            claim = self._claims.pop(key, None)
            if claim is not None:
                count = self._records.pop(claim.record_id) - 1
                if count:
                    self._records[claim.record_id] = count
        return claim

    def holds(self, record_id: str) -> bool:
        """Whether something of that record waits here: what is later must not go before it."""
        return record_id in self._records

    @property
    def count(self) -> int:
        """Outputs of this process that wait, and entries that others left behind."""
        return len(self._claims) + sum(file.remaining for file in self._left)

    def close(self) -> None:
        """Lets go of all files; what is in them stays for whoever opens the store next."""
        for file in (self._own, *self._left):
            file.close()
