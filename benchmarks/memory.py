"""What outputs hold while they wait for a store that is not there."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

from _figures import Figure, configured
from calls import CollectingDurable
from sealing import answer

from provsdk.capture import ports

__all__ = ["unsealed"]


def unsealed(directory: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 one switch for all benchmarks
    """Memory per unsealed output of six spans, and what a full queue of them would hold."""
    outputs = 200 if quick else 1000
    with configured(directory) as runtime:
        ports.plug(runtime.ports()._replace(durable=CollectingDurable(runtime)))
        answer("warm-up")
        gc.collect()
        tracemalloc.start()
        for n in range(outputs):
            answer(f"What does question number {n:09d} want to know?")
        gc.collect()
        each = tracemalloc.get_traced_memory()[0] / outputs
        tracemalloc.stop()
        queue = runtime.config.queue_size
    detail = f"a full queue of {queue:,}: {each * queue / 1e6:.0f} MB"
    return [Figure("memory per unsealed output of 6 spans", each / 1e3, "KB", None, detail)]
