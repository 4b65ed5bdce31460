"""Keeps our own failures away from the host: logged once per place and kind, counted, never raised unless asked for."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from provsdk.capture.ports import Ports

__all__ = ["failures", "report"]

_log: Final = logging.getLogger("provsdk")

failures: Final[Counter[tuple[str, str]]] = Counter()
"""How often which kind of error happened where, in this process."""


def report(where: str, error: BaseException, ports: Ports | None = None) -> None:
    """Notes a failure of ours at `where`; raises it only where the configuration says `on_failure="raise"`.

    The log line names the error's class, not its message: a message may hold content.
    """
    if ports is not None and ports.settings.on_failure == "raise":
        raise error
    kind = type(error).__qualname__
    failures[where, kind] += 1
    if failures[where, kind] == 1:
        _log.warning("provsdk could not %s (%s); the traced function is not affected", where, kind)
