"""Where a coroutine waits until another thread tells it: in the loop that runs it, asyncio's or trio's."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from provsdk.interrupts import came_from_outside

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Bell", "bell_here"]


class Bell(Protocol):
    """Rings for one coroutine."""

    def ring(self) -> None:
        """From any thread."""
        ...

    async def wait(self, seconds: float) -> bool:
        """Whether it rang within that time, or had rung since the last wait. The loop goes on meanwhile."""
        ...


def bell_here() -> Bell | None:
    """One for the caller; None where no loop that we know runs it."""
    with suppress(RuntimeError):  # no loop of asyncio
        if asyncio.current_task() is not None:
            return _AsyncioBell()
    trio = sys.modules.get("trio")  # not loaded: nothing runs in it
    with suppress(RuntimeError):  # no loop of trio either
        return None if trio is None else _TrioBell(trio)
    return None


class _AsyncioBell:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits in it any more
            self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError as error:
            if came_from_outside(error):
                raise
            return False
        self._rung.clear()
        return True


class _TrioBell:
    def __init__(self, trio: ModuleType) -> None:
        self._trio = trio
        self._token = trio.lowlevel.current_trio_token()
        self._rung: Any = trio.Event()

    def ring(self) -> None:
        with suppress(self._trio.RunFinishedError):  # as above
            self._token.run_sync_soon(self._set)

    def _set(self) -> None:
        self._rung.set()

    async def wait(self, seconds: float) -> bool:
        with self._trio.move_on_after(seconds) as patience:
            await self._rung.wait()
            self._rung = self._trio.Event()
        return not patience.cancelled_caught
