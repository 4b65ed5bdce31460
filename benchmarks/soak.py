"""Outputs from threads, tasks and processes into one store for a while; then everything has to be there and verify.

python benchmarks/soak.py [SECONDS]
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from _figures import configured
from sealing import answer

import provsdk

THREADS = 4
TASKS = 8
PROCESSES = 2


@provsdk.traced_output("async-answer")
async def answer_later(question: str) -> str:
    """An output of a coroutine."""
    await asyncio.sleep(0)
    return question.upper()


def work(directory: Path, seconds: float) -> int:
    """Makes outputs until the time is up; how many."""
    deadline = time.monotonic() + seconds
    counts = [0] * (THREADS + TASKS)

    def threaded(place: int) -> None:
        while time.monotonic() < deadline:
            answer(f"What does thread {place} of process {os.getpid()} ask as number {counts[place]:09d}?")
            counts[place] += 1

    async def tasked(place: int) -> None:
        while time.monotonic() < deadline:
            await answer_later(f"What does task {place} of process {os.getpid()} ask as number {counts[place]:09d}?")
            counts[place] += 1

    async def tasks() -> None:
        await asyncio.gather(*(tasked(THREADS + n) for n in range(TASKS)))

    with configured(directory, max_wait=30.0) as runtime:
        threads = [threading.Thread(target=threaded, args=(n,)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        asyncio.run(tasks())
        for thread in threads:
            thread.join()
        if not runtime.flush(60.0):
            raise SystemExit("something could not be sealed")
    return sum(counts)


def main(seconds: float) -> int:
    """Runs the processes, counts what they made, and verifies the store; the exit code."""
    with tempfile.TemporaryDirectory(prefix="provsdk-soak-") as name:
        directory = Path(name)
        with configured(directory) as runtime:  # the log and its keys are made once, before the processes meet in it
            runtime.flush(60.0)
        command = [sys.executable, __file__, "--work", name, str(seconds)]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
        made = sum(int(process.communicate()[0]) for process in running)
        places = {f"PROVSDK_{one.upper()}": str(directory / one) for one in ("store", "keys", "state")}
        with configured(directory) as runtime:
            stored = runtime.store().stats().records
        print(f"{made:,} outputs by {PROCESSES} processes in {seconds:g} s, {stored:,} records")
        provsdk_cli = "from provsdk.cli import main; main()"
        verified = subprocess.run(
            [sys.executable, "-c", provsdk_cli, "verify"], env={**os.environ, **places}, check=False
        )
    return int(made != stored or verified.returncode != 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        print(work(Path(sys.argv[2]), float(sys.argv[3])))
    else:
        sys.exit(main(float(sys.argv[1]) if sys.argv[1:] else 60.0))
