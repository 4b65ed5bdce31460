"""Which process this is: a forked child inherits every object of its parent, and must not take its work for its own."""

from __future__ import annotations

import os

generation = 0
"""Forks that lie between this process and the one that loaded this module; written in a new child only."""


def _count_the_fork() -> None:
    global generation
    generation += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_the_fork)
