"""A lazy daemon thread: there while there is work, gone when there is none, made again after a fork."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from provsdk.capture._otel import apart

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Timer"]

_log: Final = logging.getLogger("provsdk")

AFTER_FAILURE_S: Final = 5.0


class Timer:
    """One lazy daemon thread that calls `tick` until it answers None; started again by the next `kick`."""

    def __init__(self, tick: Callable[[], float | None]) -> None:
        self._tick = tick
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def kick(self, delay_s: float) -> None:
        """Makes sure that `tick` is called, in `delay_s` at the latest if no call is due already."""
        if self._thread is not None or self._stopped.is_set():
            return
        with self._lock:
            if self._is_running():
                return
            self._thread = threading.Thread(target=self._run, args=(delay_s,), name="provsdk-timer", daemon=True)
            try:
                with apart():  # it works for every output, not for the one that happens to run
                    self._thread.start()
            except RuntimeError as error:  # no thread to be had: the next output, `flush` or the exit does the work
                self._thread = None
                _log.warning("no timer could be started: %s", error)

    def _is_running(self) -> bool:
        return self._thread is not None

    def _run(self, delay_s: float) -> None:
        delay: float | None = delay_s
        while delay is not None and not self._stopped.wait(delay):
            try:
                delay = self._tick()
            except BaseException as error:  # an exporter's SystemExit must not end this thread for good
                _log.warning("the timer's work failed and is tried again (%s)", type(error).__qualname__)
                delay = AFTER_FAILURE_S
        self._thread = None
        if not self._stopped.is_set() and (delay := self._tick()) is not None:
            self.kick(delay)  # somebody kicked between the last tick and here, and saw a thread that was about to end

    def stop(self) -> None:
        """No tick is started any more."""
        self._stopped.set()
