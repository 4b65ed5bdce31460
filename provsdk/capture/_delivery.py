"""What a server took of what is streamed through it: the boundary beyond the generator."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

__all__ = ["Delivery", "current_delivery", "deliver_through"]

_current: Final[ContextVar[Delivery | None]] = ContextVar("provsdk-delivery", default=None)


class Delivery:
    """One response on its way to a client. Written by the server's side, read by the stream's."""

    __slots__ = ("disconnected", "sent")

    def __init__(self) -> None:
        self.sent = 0
        """Messages with content that the server has taken."""
        self.disconnected = False
        """The client went away before the response was complete."""


def current_delivery() -> Delivery | None:
    """The response that is being made in this context."""
    return _current.get()


def deliver_through(delivery: Delivery) -> None:
    """Makes it the current one of the running context."""
    _current.set(delivery)
