"""What a server took of what is streamed through it: the boundary beyond the generator."""

from __future__ import annotations

import html
import json
import re
from collections import deque
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provsdk.capture._reading import Reading

__all__ = ["Delivery", "as_it_is", "current_delivery", "deliver_through", "is_looked_for", "sent_of"]

_current: Final[ContextVar[Delivery | None]] = ContextVar("provsdk-delivery", default=None)

RECENT: Final = 4_096
"""Messages that are kept to look for chunks in."""

MAX_LEVELS: Final = 16
"""Containers in containers of a chunk that are copied."""

MIN_FOUND: Final = 4
"""Letters of a chunk that is found by these alone: fewer may stand in any text."""

_ESCAPE: Final = re.compile(r'(?:\\u[0-9a-fA-F]{4})+|\\["\\/bfnrt]')

MAX_KEPT: Final = 1024 * 1024
"""Bytes of them together; of a longer one its first."""


class Delivery:
    """One response on its way to a client. Written by the server's side, read by the streams'."""

    __slots__ = ("_kept", "_readings", "_recent", "disconnected", "over", "sent", "streams")

    def __init__(self) -> None:
        self.sent = 0
        """Messages with content that the server has taken."""
        self.disconnected = False
        """The client went away before the response was complete."""
        self.over = False
        """The response is complete, or will never be: what a stream still makes is no part of it."""
        self.streams = 0
        """Streams that began while it was made."""
        self._readings: dict[int, Reading] = {}
        self._recent: deque[bytes] = deque()
        self._kept = 0

    def took(self, body: bytes) -> None:
        """The server has taken a message with that content, or is about to take the last one."""
        if self._readings:
            self._recent.append(body[:MAX_KEPT])
            self._kept += len(self._recent[-1])
            while self._kept > MAX_KEPT or len(self._recent) > RECENT:
                self._kept -= len(self._recent.popleft())
        self.sent += 1

    def since(self, sent: int) -> list[bytes]:
        """What was sent after so many messages, as far as it is kept."""
        count = self.sent - sent
        return list(self._recent)[-count:] if count > 0 else []

    def carries(self, reading: Reading) -> None:
        """That stream has begun, and the response may hold it."""
        self.streams += 1
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


def as_it_is(chunk: Any, levels: int = MAX_LEVELS) -> Any:
    """A chunk as it leaves its generator, which may put the next one into the same memory before this one is sent."""
    kind = type(chunk)
    if kind is bytearray or kind is memoryview:
        return bytes(chunk)
    if not levels:
        return chunk
    if kind is dict:
        return {name: as_it_is(value, levels - 1) for name, value in chunk.items()}
    return kind(as_it_is(value, levels - 1) for value in chunk) if kind is list or kind is tuple else chunk


def sent_of(waiting: Sequence[Any], bodies: Sequence[bytes], *, alone: bool) -> int:
    r"""How many of the chunks that wait are in the messages that the server took meanwhile.

    Text is looked for there, in order: what stands between its pieces, and how they are escaped, is the framework's.
    Of other chunks, and where the messages hold no text, one is counted for each message, if no other stream may be in
    the response.

    >>> sent_of(["one ", "two "], [b"one two "], alone=True)
    2
    >>> sent_of(["the", "the"], [b"data: the"], alone=True)
    1
    >>> sent_of(["a secret"], [b"I can not answer that."], alone=True)
    0
    >>> sent_of(["a", "n"], [b"No answer was found."], alone=True)
    0
    >>> sent_of(["\U0001f44d ", "fine"], [b'data: {"text": "\\ud83d\\udc4d fine"}'], alone=True)
    2
    >>> sent_of([{"n": 1}, {"n": 2}], [b"{...}"], alone=True)
    1
    """
    if all(map(is_looked_for, waiting)):
        try:
            whole = b"".join(bodies).decode()
        except UnicodeDecodeError:  # packed
            return min(len(bodies), len(waiting)) if alone else 0
        return _found_in_order(waiting, whole)
    return min(len(bodies), len(waiting)) if alone else 0


def is_looked_for(chunk: Any) -> bool:
    """Whether a chunk can be told from its message."""
    return isinstance(chunk, str | bytes)


def _found_in_order(waiting: Sequence[str | bytes], whole: str) -> int:
    """How many chunks stand in what was sent, one after the other: as they are, or as JSON and HTML write them. Where
    their signs were turned into others, as those of Markdown are, by their letters, if these are no chance.
    """
    chunks = [(each if isinstance(each, str) else each.decode(errors="replace")).strip() for each in waiting]
    return max(_as_written(chunks, whole), _as_written(chunks, _unescaped(whole)), _by_letters(chunks, whole))


def _as_written(chunks: Sequence[str], sent: str) -> int:
    """Of blanks it cannot be told: they go with what stands before them. A word that a chunk begins and the next one
    should end is none of theirs, where that is not there.
    """
    at = found = 0
    told = False
    for count, chunk in enumerate(chunks, 1):
        start = _find(sent, chunk, at)
        if start < 0:
            return found if told else 0
        at = start + len(chunk)
        told = told or bool(chunk)
        if not _goes_on(sent, at, chunk):
            found = count
    return found if told else 0


def _find(sent: str, chunk: str, at: int) -> int:
    """Where it stands next: right there, or where a word begins."""
    start = sent.find(chunk, at)
    while start > at and sent[start - 1].isalnum() and chunk[:1].isalnum():
        start = sent.find(chunk, start + 1)
    return start


def _goes_on(sent: str, end: int, chunk: str) -> bool:
    """Whether a word goes on over the end of the chunk."""
    return sent[end : end + 1].isalnum() and chunk[-1:].isalnum()


def _by_letters(chunks: Sequence[str], whole: str) -> int:
    letters, at = _letters(_unescaped(whole)), 0
    if not any(chunks):
        return 0
    for count, chunk in enumerate(chunks):
        own = _letters(chunk)
        found = letters.find(own, at)
        if found < 0 or (chunk and len(own) < MIN_FOUND):
            return count
        at = found + len(own)
    return len(chunks)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _unescaped(text: str) -> str:
    """The text as JSON and HTML meant it."""
    return html.unescape(_ESCAPE.sub(_meant, text))


def _meant(escape: re.Match[str]) -> str:
    try:
        return str(json.loads(f'"{escape.group()}"'))
    except ValueError:
        return escape.group()
