"""A lane: work of ours that may be held up, in a thread of its own, so that nobody else is held up with it.

The thread is a daemon, made with the first work and again in a forked child, which inherits none.
"""

from __future__ import annotations

import threading
import time
from math import inf
from typing import TYPE_CHECKING, Final

from provsdk.capture import _guard

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Lane"]

AFTER_FAILURE_S: Final = 5.0


def _locked() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


class Lane:
    """One lazy daemon thread that works when it is woken, and again when its work says so.

    Args:
        name: Of the thread.
        work: Seconds until it is to be called again; None: when it is woken.
    """

    def __init__(self, name: str, work: Callable[[], float | None]) -> None:
        self._name = name
        self._work = work
        self._alarm = _locked()
        self._changed = threading.Condition(threading.RLock())
        # Under the lock of `_changed`:
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._resting = False
        self._due = inf
        self._heeds = inf
        """When the thread looks at `_due` again by itself; -inf while it works, for it does so afterwards."""
        self._asked = 0
        """Runs that somebody waits for, counted."""
        self._answered = 0

    def wake(self, delay_s: float = 0.0) -> bool:
        """Makes it work, after `delay_s` seconds at the latest; False where there is no thread to do so."""
        due = time.monotonic() + delay_s if delay_s else 0.0
        # That it is due does not say that the thread knows: whoever set it may have been interrupted before the ring.
        if max(self._due, self._heeds) <= due and self._thread is not None and not self._stopped:
            return True
        with self._changed:
            if not self._resting and not self._is_running():
                return False
            self._due = min(self._due, due)
        self._ring()
        return True

    def is_held_here(self) -> bool:
        """Whether this very thread is at work in here: the lane's own may run anybody's finalizers meanwhile."""
        if self._thread is threading.current_thread():
            return True
        return self._changed._is_owned()  # type: ignore[attr-defined, no-any-return] # noqa: SLF001 it has no other name

    def run(self, timeout: float) -> bool:
        """Makes it work and waits for it; True when work that began after this call has ended.

        Where there is no thread to be had, the caller does the work.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            self._asked += 1
            mine = self._asked
        if not self.wake():
            self._work_once()
            return True
        with self._changed:
            return self._changed.wait_for(lambda: self._answered >= mine, max(deadline - time.monotonic(), 0.0))

    def rest(self, timeout: float) -> None:
        """Ends the thread when it has done what it is at; none is made before `resume`."""
        with self._changed:
            self._resting = True
            thread, self._thread = self._thread, None
        self._ring()
        if thread is not None:
            thread.join(timeout)

    def resume(self) -> None:
        """Ends `rest`: what was asked for meanwhile is done."""
        with self._changed:
            self._resting = False
            is_due = self._due < inf
        if is_due:
            self.wake()

    def stop(self) -> None:
        """No work is begun any more."""
        with self._changed:
            self._stopped = True
        self._ring()

    def _ring(self) -> None:
        try:
            self._alarm.release()
        except RuntimeError:
            return  # it rings already

    def _is_running(self) -> bool:
        if self._stopped:
            return False
        if self._thread is None:
            # With the thread: gevent may have put locks and threads of its own in place since the last one.
            self._alarm = _locked()
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:  # no thread to be had: whoever needs the work does it
                self._thread = None
                _guard.report(f"start the thread {self._name}", error)
                return False
            except BaseException:  # an interrupt: where it runs already, it sees that it is not wanted
                self._thread = None
                raise
        return True

    def _run(self) -> None:
        while not self._stopped and self._thread is threading.current_thread():
            due = self._due
            left = due - time.monotonic()
            if left > 0:
                self._heeds = due
                if self._due == due:
                    self._alarm.acquire(timeout=left if left < threading.TIMEOUT_MAX else -1)
                continue
            with self._changed:
                self._due, asked = inf, self._asked
                self._heeds = -inf
            self._work_once()
            with self._changed:
                self._answered = asked
                self._changed.notify_all()

    def _work_once(self) -> None:
        try:
            delay = self._work()
        except BaseException as error:  # whatever it is, the thread must not end of it: nobody would notice
            _guard.report(f"do the work of {self._name}", error)
            delay = AFTER_FAILURE_S
        if delay is not None:
            with self._changed:
                self._due = min(self._due, time.monotonic() + delay)
