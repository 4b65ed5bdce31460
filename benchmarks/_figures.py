"""What a benchmark says, how two things are timed side by side, and provsdk set up in a directory."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import provsdk

if TYPE_CHECKING:
    from provsdk.pipeline import Runtime

__all__ = ["Figure", "configured", "side_by_side", "timed"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, with the limit that it is held to where there is one."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    detail: str = ""

    def line(self) -> str:
        """For a person."""
        held = "" if self.limit is None else f"  limit {self.limit:g}: {'held' if self.value <= self.limit else 'OVER'}"
        return f"{self.what:<58} {self.value:>9.2f} {self.unit:<5}{held}{'  ' + self.detail if self.detail else ''}"

    def beyond(self, factor: float) -> bool:
        """Whether the value is grossly over its limit."""
        return self.limit is not None and self.value > self.limit * factor


def side_by_side(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int, warm_up: int = 3
) -> tuple[float, float, float]:
    """(median ratio of neighbouring rounds, best of ours, best of theirs); each callable answers its seconds.

    Neighbours share what the machine was doing at the time, so their ratio is steadier than that of two medians.
    """
    for _ in range(warm_up):
        ours(), theirs()
    mine, other = [], []
    gc.collect()
    gc.disable()
    try:
        for n in range(rounds):
            first, second = (ours, theirs) if n % 2 else (theirs, ours)
            a, b = first(), second()
            mine.append(a if n % 2 else b)
            other.append(b if n % 2 else a)
            gc.collect()
    finally:
        gc.enable()
    return statistics.median(a / b for a, b in zip(mine, other, strict=True)), min(mine), min(other)


def timed(work: Callable[[], Any]) -> float:
    """Seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextmanager
def configured(directory: Path, **settings: Any) -> Iterator[Runtime]:
    """Provsdk with its store, keys and state in `directory`."""
    places = {name: str(directory / name) for name in ("store", "keys", "state")}
    runtime = provsdk.configure(service="benchmark", **places, **settings)
    try:
        yield runtime
    finally:
        provsdk.shutdown()
