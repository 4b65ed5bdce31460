"""What traced calls made outside of an output: known for a while, so that an output that is given it can say so.

A web framework may load what a stream is made from before the stream's output begins; the loads leave no record then. A
cache may hand on what another output has loaded. The output's record must not look as if it had all.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

__all__ = ["forget", "made", "maker_of", "note"]

MAX_VALUES: Final = 4_096
"""Digests that are remembered; the oldest goes first."""

made: Final[dict[bytes, str]] = {}
"""Digest to what made it, and where; each operation on it is one step of the interpreter."""


def note(digest: bytes, maker: str) -> None:
    """Remembers what made a value.

    Args:
        digest: the value's.
        maker: what it was and where it ran, for a person.
    """
    while len(made) >= MAX_VALUES:
        with suppress(RuntimeError, StopIteration):  # another thread was at it
            made.pop(next(iter(made)), None)
    made[digest] = maker


def maker_of(digest: bytes | None) -> str | None:
    """What made a value of that digest, and where."""
    return made.get(digest) if digest is not None else None


def forget() -> None:
    """What was made under another configuration is nobody's."""
    made.clear()
