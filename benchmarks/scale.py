"""Questions of a small store and a large one: lineage from record to record, and what rests on a source.

    python benchmarks/scale.py [LARGE]       10,000 records beside 1,000,000 by default; half an hour, 10 GB

Every record rests on a page of its own and on one that a hundred share; 100 of all rest on the handbook; five in a row
were made of each other.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _figures import configured

import provsdk
from provsdk.questions.across import upstream
from provsdk.questions.impact import Asked, impact

SMALL = 10_000
HITS = 100
CHAIN = 6
LIMIT = 1.5
FIRST_ROW_MS = 20.0


@provsdk.traced_source(type="file", location=lambda path: path)
def page(path: str) -> str:
    """A page of its own content."""
    return f"{path} says something that is worth repeating, and that stands nowhere else."


@provsdk.traced_source(type="file", name="handed over")
def handed_over(path: Path) -> str:
    """What another output came to."""
    return path.read_text(encoding="utf-8")


@provsdk.traced_output("answer")
def answer(n: int, every: int, last: Path) -> str:
    """An answer from two pages, from the handbook, or from the last of a chain."""
    if n % every == 0:
        return "By the handbook: " + page("handbook.md")
    if n <= CHAIN:
        return f"{n} steps on: " + handed_over(last)
    return f"In short: {page(f'pages/{n}.md')} {page(f'shelves/{n // HITS}.md')}"


def fill(runtime: Any, records: int, last: Path) -> None:
    """Makes them."""
    last.write_text("the first of the chain says something that is worth repeating", encoding="utf-8")
    for n in range(1, records + 1):
        said = answer(n, records // HITS, last)
        if n <= CHAIN:
            last.write_text(said, encoding="utf-8")
        if n % 2_000 == 0 and not runtime.flush(60.0):
            raise SystemExit("something could not be sealed")
    runtime.flush(60.0)


def best_ms(work: Callable[[], Any]) -> float:
    """Milliseconds, of five times the shortest."""
    took = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        took.append((time.perf_counter() - start) * 1e3)
    return min(took)


def measured(records: int) -> dict[str, float]:
    """Milliseconds of each question, in a store of so many records."""
    with (
        tempfile.TemporaryDirectory(prefix="provsdk-scale-") as name,
        # However busy the machine is, every record is whole: those that are not would have to be read.
        configured(Path(name), durability="batch", search_seconds=30.0, max_wait=120.0) as runtime,
    ):
        fill(runtime, records, Path(name, "last.txt"))
        store = runtime.store()
        end = store.fold(store.summaries(newest_first=False, limit=CHAIN)[-1].record_id).record
        assert len(upstream(store, end).records) == CHAIN
        handbook = Asked(places=("handbook.md",))
        found = impact(store, handbook)
        assert len(found.used) == HITS
        assert not store.incomplete(1), "a record misses something"
        return {
            f"lineage over {CHAIN} records": best_ms(lambda: upstream(store, end)),
            f"impact with {HITS} hits": best_ms(lambda: impact(store, handbook)),
            "first row of list": best_ms(lambda: store.summaries(limit=1)),
        }


def main(large: int) -> int:
    """Measures and prints; exit 1 where a question takes longer by more than half in the large store."""
    small, big = measured(SMALL), measured(large)
    for what, took in big.items():
        ratio = took / small[what]
        print(f"{what:<24} {small[what]:8.2f} ms of {SMALL:,}, {took:8.2f} ms of {large:,}: {ratio:.2f}")
    beyond = [what for what, took in big.items() if took / small[what] > LIMIT and took > 1]
    return int(bool(beyond) or big["first row of list"] > FIRST_ROW_MS)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000))
