"""What a server took of what is streamed through it: the boundary beyond the generator."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from provsdk.capture._reading import Reading

__all__ = ["Delivery", "current_delivery", "deliver_through"]

_current: Final[ContextVar[Delivery | None]] = ContextVar("provsdk-delivery", default=None)


class Delivery:
    """One response on its way to a client. Written by the server's side, read by the streams'."""

    __slots__ = ("_readings", "disconnected", "last", "over", "sent")

    def __init__(self) -> None:
        self.sent = 0
        """Messages with content that the server has taken."""
        self.last = b""
        """Content of the last one."""
        self.disconnected = False
        """The client went away before the response was complete."""
        self.over = False
        """The response is complete, or will never be: what a stream still makes is no part of it."""
        self._readings: dict[int, Reading] = {}

    def carries(self, reading: Reading) -> None:
        """That stream has begun, and the response may hold it."""
        self._readings[id(reading)] = reading

    def lets_go(self, reading: Reading) -> None:
        """The stream has ended by itself."""
        self._readings.pop(id(reading), None)

    def end(self) -> list[Reading]:
        """The response is over; answers the streams that it carried and that have not ended by themselves."""
        self.over = True
        carried, self._readings = self._readings, {}
        return list(carried.values())


def current_delivery() -> Delivery | None:
    """The response that is being made in this context."""
    delivery = _current.get()
    return None if delivery is None or delivery.over else delivery


def deliver_through(delivery: Delivery) -> None:
    """Makes it the current one of the running context."""
    _current.set(delivery)
