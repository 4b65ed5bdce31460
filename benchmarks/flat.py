"""Memory of a process that makes outputs for long: it has to stay flat, whatever is made.

    python benchmarks/flat.py [OUTPUTS]       1,000,000 outputs by default; plotted into docs/memory.svg

Every seventh output is a stream, of which every fifteenth is dropped in the middle; of the others every twelfth fails.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from _figures import configured

import provsdk

PLOT = Path(__file__).parents[1] / "docs" / "memory.svg"
SAMPLES = 100


@provsdk.traced_source(type="file", location=lambda n: f"shelf/{n % 1000}.txt")
def load(n: int) -> str:
    """A source."""
    return f"document number {n} says something that is worth repeating"


@provsdk.traced_output("whole")
def whole(n: int) -> str:
    """An output that may fail."""
    if n % 12 == 0:
        raise ValueError(n)
    return f"as {load(n)}"


@provsdk.traced_output("streamed")
def streamed(n: int) -> Iterator[str]:
    """An output in chunks."""
    yield from load(n).split()


def one(n: int) -> None:
    """One output, of one kind or another."""
    if n % 7 == 0:
        stream = streamed(n)
        next(stream)
        if n % 15:
            for _ in stream:
                pass
    else:
        try:
            whole(n)
        except ValueError:
            return


def resident_mb() -> float:
    """Memory of this process that is in use now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def plot(samples: list[tuple[int, float]]) -> str:
    """The samples as SVG."""
    most = max(value for _, value in samples) * 1.2
    last = samples[-1][0]
    points = " ".join(f"{60 + 520 * n / last:.1f},{220 - 190 * value / most:.1f}" for n, value in samples)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 260" font-family="sans-serif" font-size="13">'
        "<title>Resident memory over outputs made</title>"
        '<rect width="620" height="260" fill="#ffffff"/>'
        f'<text x="8" y="20" fill="#24292f">Resident memory of one process; the top is {most:.0f} MB</text>'
        f'<polyline points="{points}" fill="none" stroke="#1f6feb" stroke-width="2"/>'
        '<line x1="60" y1="220" x2="580" y2="220" stroke="#24292f"/>'
        f'<text x="60" y="240" fill="#24292f">0</text>'
        f'<text x="580" y="240" text-anchor="end" fill="#24292f">{last:,}</text></svg>\n'
    )


def main(outputs: int) -> int:
    """Makes them, prints and plots; exit 1 where the last tenth holds a fifth more than the second."""
    step = max(outputs // SAMPLES, 1)
    samples: list[tuple[int, float]] = []
    start = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="provsdk-flat-") as name,
        configured(Path(name), durability="batch") as runtime,
    ):
        for n in range(1, outputs + 1):
            one(n)
            if n % 2_000 == 0 and not runtime.flush(60.0):
                raise SystemExit("something could not be sealed")
            if n % step == 0:
                samples.append((n, resident_mb()))
        runtime.flush(60.0)
        stored = runtime.store().stats()
    took = time.monotonic() - start
    early, late = (max(value for _, value in samples[a:b]) for a, b in ((10, 20), (90, 100)))
    print(f"{outputs:,} outputs in {took:.0f} s, {stored.records:,} records, {stored.bytes_total / 1e9:.2f} GB")
    print(f"resident memory: {early:.0f} MB in the second tenth, {late:.0f} MB in the last")
    PLOT.write_text(plot(samples), encoding="utf-8")
    return int(stored.records != outputs or late > early * 1.2)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000))
