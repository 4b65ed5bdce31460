"""What it costs to know a value again: measured, entered into the registry of its scope and found there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from _figures import Figure, side_by_side, timed

from provsdk.capture._flow import Registry
from provsdk.digest import measure

__all__ = ["registered"]

VALUES, LENGTH = 1_000, 1_000
MAX_BYTES = 1 << 26


def registered(_: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 as the others
    """Texts of 1 KB, beside the digest of their bytes."""
    texts = [f"{n} ".ljust(LENGTH, "x") for n in range(VALUES)]
    _ratio, ours, theirs = side_by_side(_known_again(texts), _digested(texts), 15 if quick else 60)
    beyond = (ours - theirs) / VALUES * 1e6
    detail = f"{ours / VALUES * 1e6:.2f} µs, its SHA-256 {theirs / VALUES * 1e6:.2f} µs"
    return [Figure("1 KB registered and looked up, beyond its digest", beyond, "µs", 3, detail)]


def _known_again(texts: list[str]) -> Callable[[], float]:
    def each() -> None:
        registry = Registry()
        for n, text in enumerate(texts):
            measured = measure(text, max_bytes=MAX_BYTES)
            registry.enter(f"ent_{n}", text, measured, "source")
            assert registry.find(text, measured) is not None

    return lambda: timed(each)


def _digested(texts: list[str]) -> Callable[[], float]:
    def each() -> None:
        for text in texts:
            hashlib.sha256(text.encode()).digest()

    return lambda: timed(each)
