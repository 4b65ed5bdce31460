"""A claim on one output's record: what capture waits for, without knowing how it is made durable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from provsdk.store.contract import Draft

__all__ = ["Claim", "Waiting"]


class Waiting(Protocol):
    """Where a claim's owner waits."""

    def wait_for(self, claim: Claim) -> bool:
        """Blocks the calling thread, within the bounds of the configuration; True when the record is durable."""
        ...

    def await_for(self, claim: Claim) -> Coroutine[Any, Any, bool]:
        """The same without blocking the event loop."""
        ...

    def see_to(self, claim: Claim) -> None:
        """Has it made durable soon, whoever waits; returns at once."""
        ...


class Claim:
    """A claim on one output's record, or on an extension of it; written to under the sealer's mutex."""

    __slots__ = (
        "block",
        "done",
        "drafts",
        "facts",
        "late",
        "lost",
        "number",
        "record_id",
        "refused",
        "size",
        "spooled",
        "waiting",
        "watchers",
    )

    def __init__(self, waiting: Waiting, record_id: str, facts: dict[str, Any], *, block: bool, late: bool) -> None:
        self.waiting = waiting
        self.record_id = record_id
        self.facts = facts
        self.number: int = facts.get("number", 0)
        self.block = block
        """The caller wants to be told, by an exception, when the record is not durable."""
        self.late = late
        self.drafts: tuple[Draft, ...] | None = None
        self.size = 0
        self.done = False
        """Durable in the log."""
        self.spooled = False
        """Durable in the spool."""
        self.lost = False
        """A numbered gap stands in its place."""
        self.refused = False
        """The store could not take it when it was tried last."""
        self.watchers: tuple[Callable[[], None], ...] = ()

    def settled(self) -> bool:
        """Nothing is left to do with it: it is durable in the log, or lost."""
        return self.done or self.lost

    def kept(self) -> bool:
        """Nothing is left to wait for, but for who wants it in the log itself."""
        return self.done or self.lost or self.spooled

    def wait(self) -> bool:
        """Blocks until the record is durable or the time is up; True when it is durable.

        Raises:
            RecordNotSealed: it is not, and `on_unavailable="block"`.
        """
        return self.waiting.wait_for(self)

    def __await__(self) -> Generator[Any, Any, bool]:
        """As `wait`, without blocking the event loop of asyncio or trio; outside both it blocks."""
        return self.waiting.await_for(self).__await__()

    def leave(self) -> None:
        """Has the record made durable soon, though nobody waits for it."""
        self.waiting.see_to(self)
