"""Threads, tasks and processes into a store each: every output has its record, and the log verifies.

python benchmarks/counts.py [OUTPUTS_OF_EACH_THREAD TASKS OUTPUTS_OF_EACH_PROCESS]
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from _figures import configured
from sealing import answer
from soak import answer_later

import provsdk
from provsdk.store.open import open_store
from provsdk.store.verify import verify

THREADS = 8
PROCESSES = 8
MAX_WAIT = 120.0


def by_threads(directory: Path, each: int) -> None:
    """That many outputs in each of the threads of one process."""

    def work(mine: int) -> None:
        for n in range(each):
            answer(f"What does thread {mine} ask as number {n:09d}?")

    with configured(directory, max_wait=MAX_WAIT):
        threads = [threading.Thread(target=work, args=(mine,)) for mine in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def by_tasks(directory: Path, count: int) -> None:
    """That many outputs at once in one event loop."""

    async def all_at_once() -> None:
        await asyncio.gather(*(answer_later(f"What does task {n:09d} ask?") for n in range(count)))

    with configured(directory, max_wait=MAX_WAIT):
        asyncio.run(all_at_once())


def by_processes(directory: Path, each: int) -> None:
    """That many outputs in each of several processes that begin at once."""
    command = [sys.executable, __file__, "--work", str(directory), str(each)]
    running = [subprocess.Popen(command) for _ in range(PROCESSES)]
    if any(process.wait() for process in running):
        raise SystemExit("a process failed")


def work(directory: Path, each: int) -> None:
    """What each of these processes does."""
    with configured(directory, max_wait=MAX_WAIT):
        for n in range(each):
            answer(f"What does a process ask as number {n:09d}?")


def counted(what: str, expected: int, run: Callable[[Path], None]) -> bool:
    """Runs it in a directory of its own, compares and verifies; prints a line."""
    with tempfile.TemporaryDirectory(prefix="provsdk-counts-") as name:
        directory = Path(name)
        began = time.monotonic()
        run(directory)
        took = time.monotonic() - began
        places = {one: str(directory / one) for one in ("keys", "state")}
        store = open_store(directory / "store", read_only=True, **places)
        records, report = store.stats().records, verify(store)
        gaps = sum(entry.kind == "emitter.gap" for entry in store.entries())
        store.close()
    ok = records == expected and not gaps and report.ok
    rate = expected / took
    print(
        f"{what:<24} {expected:>7,} outputs {records:>7,} records {gaps} gaps  {took:6.1f} s  {rate:6.0f}/s  "
        f"{'verified (' + report.level.value + ')' if report.ok else 'FAILED'}",
        flush=True,
    )
    return ok


def main(each_thread: int, tasks: int, each_process: int) -> int:
    """All three; the exit code."""
    held = [
        counted(f"{THREADS} threads", THREADS * each_thread, lambda place: by_threads(place, each_thread)),
        counted("tasks at once", tasks, lambda place: by_tasks(place, tasks)),
        counted(f"{PROCESSES} processes", PROCESSES * each_process, lambda place: by_processes(place, each_process)),
    ]
    provsdk.shutdown()
    return int(not all(held))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        given = [int(one) for one in sys.argv[1:]]
        sys.exit(main(*(given or [5_000, 1_000, 500])))
