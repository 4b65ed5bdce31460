"""Hands sealed records to the configured exporters, off the path of sealing: a slow one costs nobody a wait."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from provsdk.capture._otel import apart
from provsdk.errors import ProvsdkError
from provsdk.export.delivery import Cursor, deliver
from provsdk.pipeline._timer import Timer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provsdk.export.contract import Loaded
    from provsdk.store.contract import Store

__all__ = ["Exports"]

_log: Final = logging.getLogger("provsdk")

DELAY_S: Final = 0.2
RETRY_FIRST_S: Final = 1.0
RETRY_LAST_S: Final = 60.0
CLOSE_S: Final = 1.0


class Exports:
    """Delivers when told that something was sealed; tries again later what an exporter did not take."""

    def __init__(self, loaded: Sequence[Loaded], store: Callable[[], Store], transit: Path) -> None:
        self._targets = [(one, Cursor(transit, one.identity)) for one in loaded]
        self._store = store
        self._retry_s = RETRY_FIRST_S
        self._behind: dict[str, str] = {}
        self._delivering = threading.Lock()
        self._closed = False
        self._timer = Timer(self._tick)

    def something_sealed(self) -> None:
        """Delivers soon, in a thread of its own."""
        if self._targets:
            self._timer.kick(DELAY_S)

    def deliver(self) -> dict[str, str]:
        """Delivers now; what each exporter that could not take everything said, by its name."""
        behind: dict[str, str] = {}
        with self._delivering:
            for one, cursor in self._targets if not self._closed else ():
                self._deliver_to(one, cursor, behind)
        for name, what in behind.items():
            if self._behind.get(name) != what:
                _log.warning("exporter %s is behind, its records stay pending: %s", name, what)
        self._behind = behind
        return behind

    def _deliver_to(self, one: Loaded, cursor: Cursor, behind: dict[str, str]) -> None:
        try:
            deliver(one.exporter, cursor, self._store())
        except (Exception, SystemExit) as error:  # the guard around the host: another package's code
            behind[one.name] = str(error) if isinstance(error, ProvsdkError) else type(error).__qualname__

    def _tick(self) -> float | None:
        if not self.deliver():
            self._retry_s = RETRY_FIRST_S
            return None
        self._retry_s = min(self._retry_s * 2, RETRY_LAST_S)
        return self._retry_s

    def flush(self, timeout: float) -> dict[str, str]:
        """Delivers what is pending, within `timeout` seconds where the exporters let it."""
        deadline = time.monotonic() + timeout
        behind = self._deliver_within(timeout)
        while behind and time.monotonic() + DELAY_S < deadline:
            time.sleep(DELAY_S)
            behind = self._deliver_within(deadline - time.monotonic())
        return behind

    def _deliver_within(self, timeout: float) -> dict[str, str]:
        """An exporter may hang; whoever flushes waits no longer than agreed."""
        if not self._targets:
            return {}
        thread = threading.Thread(target=self.deliver, name="provsdk-export", daemon=True)
        try:
            with apart():
                thread.start()
        except RuntimeError:  # the interpreter is about to end and gives no thread any more
            return self.deliver()
        thread.join(max(timeout, 0))
        return {"exporters": f"still delivering after {timeout:.1f} s"} if thread.is_alive() else self._behind

    def forked(self, store: Callable[[], Store]) -> Exports:
        """The same exporters for a forked child; the cursors' locks keep it and its parent apart."""
        child = Exports((), store, Path())
        child._targets = self._targets
        return child

    def close(self) -> None:
        """Closes the exporters, when none of them is at work any more; one that hangs is not waited for."""
        self._timer.stop()
        self._closed = True
        if self._delivering.acquire(timeout=CLOSE_S):
            self._delivering.release()
        for one, _ in self._targets:
            try:
                one.exporter.close()
            except Exception as error:  # the guard around the host: another package's code
                _log.warning("exporter %s did not close (%s)", one.name, type(error).__qualname__)
