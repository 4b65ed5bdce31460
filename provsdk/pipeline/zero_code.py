"""Capture without a line of code: as an exporter that the SDK's configurator loads, and at the start of an interpreter.

    OTEL_TRACES_EXPORTER=provsdk,otlp opentelemetry-instrument python app.py
    provsdk trace -- python app.py

Both configure from the environment before the program's first line. The first must never stop the program; the second
was asked to record, and does not begin what it could not record.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from provsdk import pipeline
from provsdk.errors import UsageError
from provsdk.pipeline._silent_run import say_at_the_end
from provsdk.pipeline._stand_in import stand_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["FIRST_PROCESS", "ProvsdkExporter", "begin", "refuse"]

FIRST_PROCESS: Final = "_PROVSDK_FIRST_PROCESS"
"""Environment variable with the id of the process that `provsdk trace` became; its children inherit it and differ."""

_log: Final = logging.getLogger("provsdk")


class ProvsdkExporter(SpanExporter):
    """What `OTEL_TRACES_EXPORTER=provsdk` names. Being made it configures provsdk; it exports nothing.

    The SDK puts every exporter that is named there behind a batch queue, which drops spans when it is full and loses
    them in a kill. Our spans are kept by a processor of our own, on their way into that queue and whatever it does.
    """

    def __init__(self, **_settings: Any) -> None:
        try:
            pipeline.bootstrap()
        except Exception as error:  # the guard around the host
            _log.error("OTEL_TRACES_EXPORTER=provsdk: outputs are not recorded: %s", error)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 the interface of the SDK
        """Does nothing: what is to be recorded was taken before it came here."""
        return SpanExportResult.SUCCESS


def begin() -> None:
    """Before the first line of a program that `provsdk trace` started, and of every Python that it starts.

    In the program's own process the store is opened now, and the process ends with the reason where that fails. In
    others the first traced call does so. Then the installed instrumentations are switched on.
    """
    if os.environ.get(FIRST_PROCESS) == str(os.getpid()):
        try:
            pipeline.bootstrap()
            say_at_the_end()
        except Exception as error:
            refuse(str(error), 2 if isinstance(error, UsageError) else 3)
    _instrument()


def refuse(why: str, code: int) -> None:
    """Ends the process before its program has begun: an exception here would be printed and passed over."""
    sys.stderr.write(f"provsdk trace: {why}\n")
    sys.stderr.flush()
    os._exit(code)


def _instrument() -> None:
    """Switches on the instrumentations that are installed, where OpenTelemetry's loader for them is.

    Where the environment names exporters, the SDK is set up from it as `opentelemetry-instrument` does. Else it is not,
    as a program that sets itself up would be refused; a stand-in takes its place until then.
    """
    try:
        from opentelemetry.instrumentation import auto_instrumentation  # noqa: PLC0415 may not be installed
        from opentelemetry.instrumentation.auto_instrumentation import _load  # noqa: PLC0415 as above
    except ImportError:
        return
    if os.environ.get("OTEL_TRACES_EXPORTER"):
        auto_instrumentation.initialize()
        return
    if getattr(trace, "_TRACER_PROVIDER", None) is None:
        stand_in()
    try:
        load: Any = _load._load_instrumentors  # noqa: SLF001 the loader without the set-up has no public name
        load(_load._load_distro())  # noqa: SLF001 as above
    except Exception as error:  # another package's code
        _log.warning("not all instrumentations could be switched on (%s)", type(error).__qualname__)
