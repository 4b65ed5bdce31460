"""What a record takes on disk."""

from __future__ import annotations

from pathlib import Path

from _figures import Figure, configured
from sealing import complete, size_of

import provsdk

__all__ = ["rag_records"]

PASSAGES = 20


@provsdk.traced_source(
    type="database",
    each=True,
    name=lambda item: f"passage-{item[8:14]}",
    location=lambda item: f"kb/{item[8:14]}",
    version="12",
)
def retrieve(question: int) -> list[str]:
    """Twenty passages of about 600 characters, no two alike."""
    return [f"passage {question * PASSAGES + n:06d} " + "says something. " * 36 for n in range(PASSAGES)]


@provsdk.traced_output("answer")
def rag(question: int) -> str:
    """A model's answer from twenty passages."""
    return complete(retrieve(question), f"What does question number {question} want to know?")


def rag_records(directory: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 one switch for all benchmarks
    """Bytes of everything in the store's directory, views and indexes included, per record; no content is kept."""
    records = 100 if quick else 500
    with configured(directory, durability="batch") as runtime:
        for question in range(records):
            rag(question)
        runtime.flush(60.0)
        sources = len(runtime.store().fold(runtime.store().resolve("@latest")).record.sources)
    total = size_of(directory / "store")
    detail = f"{records} records of {sources} sources: {total / 1e6:.1f} MB"
    return [Figure("bytes on disk per record of 20 passages", total / records / 1e3, "KB", 12.0, detail)]
