"""Says so at the end of a program that `provsdk trace` ran, where nothing was recorded: silence looks like success."""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING, Final

from provsdk import pipeline
from provsdk.capture import _guard
from provsdk.pipeline._lane import Lane

if TYPE_CHECKING:
    from provsdk.pipeline._runtime import Runtime

__all__ = ["say_at_the_end"]

LOOK_S: Final = 2.0
"""Seconds that a look into the store may take; nothing is said then."""

_NOTHING: Final = (
    "provsdk trace: no output was recorded: nothing that ran is decorated with provsdk.traced_output. Decorate the "
    "function that makes the output, or make the whole run one output: provsdk trace --name NAME -- PROGRAM\n"
)


def say_at_the_end() -> None:
    """In this process alone, before it shuts provsdk down."""
    atexit.register(_say, os.getpid())


def _say(process: int) -> None:
    try:
        runtime = pipeline.running()
        if os.getpid() != process or runtime is None or runtime.config.disabled:
            return
        if runtime._emitter.started_count == 0 and _is_silent(runtime):  # noqa: SLF001 of this package
            sys.stderr.write(_NOTHING)
    except Exception as error:  # the guard around the host
        _guard.report("say that nothing was recorded", error)


def _is_silent(runtime: Runtime) -> bool:
    """Whether no other process has sealed a record either, since this one began: workers do, and their parents not.

    A lane looks, as the disk may hang.
    """
    found: list[bool] = []

    def look() -> None:
        log, me = runtime.store(), runtime._emitter.id  # noqa: SLF001 of this package
        opened = [entry.index for entry in log.entries_of_kind("emitter.opened") if entry.subject == me]
        since = log.entries(opened[-1], log.size()) if opened else ()
        found.append(bool(opened) and all(entry.kind != "record.sealed" for entry in since))

    lane = Lane("provsdk-look", look)
    lane.run(LOOK_S)
    lane.stop()
    return found == [True]
