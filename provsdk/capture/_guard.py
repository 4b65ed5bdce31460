"""Keeps our own failures away from the host: logged once per place and kind, counted, never raised unless asked for."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from provsdk.interrupts import came_from_outside

if TYPE_CHECKING:
    from provsdk.capture.ports import Ports

__all__ = ["MAX_KINDS", "count", "failures", "report"]

_log: Final = logging.getLogger("provsdk")

MAX_KINDS: Final = 1_000
"""Places and kinds that are counted one by one; what comes beyond is counted together."""

failures: Final[Counter[tuple[str, str]]] = Counter()
"""How often which kind of error happened where, in this process."""


def report(where: str, error: BaseException, ports: Ports | None = None, *, about: str | None = None) -> None:
    """Notes a failure of ours at `where`; raises it only where the configuration says `on_failure="raise"`.

    What a signal handler of the host raised while we were at work is none, and goes on its way.

    The log line names the error's class, not its message: a message may hold content.

    Args:
        where: what we could not do; one of few texts, as failures are counted by it.
        error: what was raised.
        ports: None where nothing may be raised, whatever the configuration says.
        about: name of the call that it concerns, for the log line.
    """
    if came_from_outside(error) or (ports is not None and ports.settings.on_failure == "raise"):
        raise error
    if count(where, error):
        named = "" if about is None else f" ({about!r})"
        with suppress(Exception):  # a filter of the host's may fail in its turn; what happened is counted all the same
            kind = type(error).__qualname__
            _log.warning("provsdk could not %s%s (%s); the traced function is not affected", where, named, kind)


def count(where: str, error: BaseException) -> bool:
    """Counts a failure of ours; True for the first of its kind at this place."""
    kind = type(error).__qualname__
    if len(failures) >= MAX_KINDS and (where, kind) not in failures:
        where, kind = "do other things", "errors of several kinds"
    failures[where, kind] += 1
    return failures[where, kind] == 1
