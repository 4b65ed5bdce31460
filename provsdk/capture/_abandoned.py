"""Streams that nobody reads any more: closed where no lock is held, not where the garbage collector found them.

An object may be collected in the middle of anything, even of code of ours that holds a lock. So its `__del__` only puts
it here; whoever comes next takes it, or a daemon thread that runs while there are streams.
"""

from __future__ import annotations

import os
import queue
import threading
import weakref
from collections import deque
from operator import methodcaller
from typing import TYPE_CHECKING, Final, Protocol

from provsdk.capture import _guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from provsdk.capture.ports import Emitter, Ports

__all__ = ["Abandonable", "abandon", "abandon_all", "reap", "stop_all", "watch"]


IDLE_S: Final = 0.5
"""How long the thread stays when no stream is open."""

REST_S: Final = 1.0
"""How long a fork waits for it."""


class Abandonable(Protocol):
    """A stream that can be ended by somebody who does not read it."""

    @property
    def ports(self) -> Ports:
        """What it was made under."""
        ...

    def abandoned(self) -> None:
        """Ends it with what was delivered; does nothing where it has ended."""
        ...

    def stopped(self, reason: str, detail: str) -> None:
        """The same where its reader may go on, with what the record will not know of that."""
        ...


class _Watch:
    """The streams that are open in this process, and the thread that ends those that were abandoned."""

    def __init__(self) -> None:
        self.left: deque[Abandonable] = deque()
        """What waits to be ended."""
        self.is_ending = False
        """Something was taken out of `left`, and may not have ended yet."""
        self._ending = threading.RLock()  # what is ended may be an output within which others were abandoned
        self._bell: queue.SimpleQueue[bool] = queue.SimpleQueue()  # its `put` may interrupt its `get`
        self.open: weakref.WeakSet[Abandonable] = weakref.WeakSet()
        self._starting = threading.RLock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Makes sure that the thread runs, where one can be had."""
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="provsdk-streams", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError as error:  # none to be had: the next output or the exit does the work
                    self._thread = None
                    _guard.report("start a thread for abandoned streams", error)
                except BaseException:  # an interrupt: where it runs already, it sees that it is not wanted
                    self._thread = None
                    raise

    def _run(self) -> None:
        try:
            self._end_what_comes()
        finally:  # an interrupt may end it: the next stream has another one started
            with self._starting:
                if self._thread is threading.current_thread():
                    self._thread = None

    def _end_what_comes(self) -> None:
        while self._thread is threading.current_thread():
            try:
                goes_on = self._bell.get(timeout=IDLE_S)
            except queue.Empty:
                if self._may_end():
                    return
            else:
                if goes_on:  # else it may be the word to a thread before this one, which saw by itself that it was over
                    self.end_all()

    def _may_end(self) -> bool:
        with self._starting:
            if self.open:
                return False
            self._thread = None
            return True

    def rest(self) -> None:
        """Ends the thread, for a fork; `start` makes another."""
        with self._starting:
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            self._bell.put(False)
            thread.join(REST_S)

    def all_open(self) -> list[Abandonable]:
        """The streams that are open, while others begin and end."""
        while True:
            try:
                return list(self.open)
            except RuntimeError:  # one was added meanwhile
                continue

    def add(self, stream: Abandonable) -> None:
        """May interrupt anything, even what stands below."""
        self.left.append(stream)
        self._bell.put(True)

    def end_all(self) -> None:
        """Ends what was abandoned so far; where another thread is at it, until that is done."""
        with self._ending:
            self.is_ending = True
            try:
                while self.left:
                    stream = self.left[0]
                    _end(stream)  # it stays first until it has ended: an interrupt may come
                    if self.left and self.left[0] is stream:
                        self.left.popleft()
            finally:
                self.is_ending = False


_watch = _Watch()


def watch(stream: Abandonable) -> None:
    """Notes that a stream is open: it is ended at the latest when the process ends."""
    _watch.open.add(stream)
    _watch.start()


def abandon(stream: Abandonable) -> None:
    """Called where an object is collected: leaves the stream to somebody else."""
    _watch.add(stream)


def reap() -> None:
    """Ends what was abandoned so far: when this returns, it has ended."""
    if _watch.left or _watch.is_ending:
        _watch.end_all()


def abandon_all() -> None:
    """Ends every stream that is open: nothing of it will be read any more."""
    reap()
    for stream in _watch.all_open():
        _end(stream)


def stop_all(emitter: Emitter, reason: str, detail: str) -> None:
    """The same for those of one emitter, where they may be read on: each record says what it does not know."""
    reap()
    for stream in _watch.all_open():
        if stream.ports.emitter is emitter:
            _end(stream, lambda one: one.stopped(reason, detail))


def rest() -> None:
    """Before a fork: no thread of ours runs while it happens."""
    _watch.rest()


def go_on() -> None:
    """After it, in the parent."""
    if _watch.open:
        _watch.start()


def forget_all() -> None:
    """In a forked child: the streams that are open here are the parent's to end."""
    global _watch
    _watch = _Watch()


def _end(stream: Abandonable, end: Callable[[Abandonable], None] = methodcaller("abandoned")) -> None:
    try:
        end(stream)
    except Exception as error:
        _guard.report("end an abandoned stream", error)
    _watch.open.discard(stream)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=rest, after_in_parent=go_on, after_in_child=forget_all)
