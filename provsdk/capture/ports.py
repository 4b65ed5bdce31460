"""The four ports through which capture reaches the rest, and the one place where they are plugged in.

Nothing plugged in: every decorator and context is a pass-through. `provsdk.configure` plugs in real ones; the first
traced call with `PROVSDK_STORE` set makes it do so.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from opentelemetry.trace import SpanContext, Tracer

from provsdk.capture import _outside

if TYPE_CHECKING:
    from provsdk.digest import JoinKey
    from provsdk.gate import Answer, Subject


__all__ = [
    "Durable",
    "Emitter",
    "Facts",
    "Gate",
    "Ports",
    "Settings",
    "Ticket",
    "TracerSource",
    "current",
    "finish",
    "inherit",
    "plug",
    "unplug",
]

_log: Final = logging.getLogger("provsdk")

Facts = dict[str, Any]


class TracerSource(Protocol):
    """Gives the tracer to use."""

    def tracer(self) -> Tracer:
        """The tracer whose spans are all kept for assembly, whatever the user's sampler says. Asked for each span."""
        ...

    @property
    def exports_spans(self) -> bool:
        """Whether our spans go to the user's exporters now. Else they must be no parents of the user's spans."""
        ...

    def announce(self, record_id: str) -> None:
        """Puts the record id on the span that is current in the user's own tracing, where that is configured."""
        ...


class Gate(Protocol):
    """Asked before a value moves on; may replace, block or hold it. Each call has an async twin for async callers."""

    @property
    def always_proceeds(self) -> bool:
        """Nothing has to be asked: every answer would be `Proceed`."""
        ...

    def before_source(self, subject: Subject) -> Answer:
        """Asked when a source's value is there, before the caller gets it."""
        ...

    def before_model(self, subject: Subject) -> Answer:
        """Asked before a model is called, with the arguments of the call."""
        ...

    def before_return(self, subject: Subject) -> Answer:
        """Asked before an output is returned."""
        ...

    def on_chunk(self, subject: Subject) -> Answer:
        """Asked before a chunk of a stream is handed on."""
        ...

    def on_end(self, subject: Subject) -> Answer:
        """Asked when an output's stream has come to its end, or is not read on. `Replace` gives what was held back of
        its text, a last chunk where it is read on. It waits for nobody, so it has no async twin.
        """
        ...

    def after_seal(self, record_id: str) -> Answer:
        """Told when the record is durable, before the caller gets the output."""
        ...

    async def abefore_source(self, subject: Subject) -> Answer:
        """As `before_source`."""
        ...

    async def abefore_model(self, subject: Subject) -> Answer:
        """As `before_model`."""
        ...

    async def abefore_return(self, subject: Subject) -> Answer:
        """As `before_return`."""
        ...

    async def aon_chunk(self, subject: Subject) -> Answer:
        """As `on_chunk`."""
        ...

    async def aafter_seal(self, record_id: str) -> Answer:
        """As `after_seal`."""
        ...


class Ticket(Protocol):
    """A claim on one output's record: wait for it, or await it.

    Waiting is bounded by the configuration (`max_wait`). It returns True when the record is durable, False when it is
    not (yet): the work goes on without the caller. It raises `RecordNotSealed` only where the configuration says so.
    """

    def wait(self) -> bool:
        """Blocks the calling thread until the record is durable or the time is up."""
        ...

    def __await__(self) -> Generator[Any, Any, bool]:
        """The same without blocking the event loop."""
        ...

    def leave(self) -> None:
        """Says that nobody waits: the record is made durable all the same, soon. Returns at once."""
        ...


class Durable(Protocol):
    """Makes records durable. Safe to call from any thread; after `fork` it works in the child as in the parent."""

    def ticket(self, span_context: SpanContext, facts: Facts) -> Ticket:
        """Takes an output whose span has ended, with its local facts, `facts["scope"]` being its scope.

        Does no work in the caller but to put aside what of the scope may be changed or let go of later. It takes the
        scope out of the facts: where an interrupt leaves it there, the output was not taken, and is handed over again.
        """
        ...

    def late(self, span_context: SpanContext, facts: Facts) -> None:
        """Takes what ended after its output had returned."""
        ...


class Emitter(Protocol):
    """One process, as a source of numbered outputs."""

    @property
    def id(self) -> str:
        """Id of this process as an emitter."""
        ...

    def started(self, number: int, span_context: SpanContext, name: str) -> None:
        """Told before the output's function runs. Must not raise and must not wait for a disk."""
        ...


class Settings(NamedTuple):
    """What capture itself must know of the configuration: the frozen values that pass beside the ports."""

    join: JoinKey | None
    """Makes join digests; None where no digest key can be reached."""
    tenant: str = "default"
    owner: Mapping[str, str] | None = None
    """Configured agents by their roles."""
    defaults: Mapping[str, str | int] | None = None
    """Configured classification and retention, where they are not the defaults: whoever assembles a record elsewhere
    must not file it under less."""
    capture_content: Literal["none", "full"] = "none"
    on_failure: Literal["ignore", "raise"] = "ignore"
    spans_current: bool = True
    """Our spans may be current for the user's own tracing; off where they are never exported: no parent may be lost."""
    max_value_bytes: int = 256 * 1024 * 1024
    """Larger values are recorded with their size only."""
    gated: bool = False
    """There are policies, which may ask what an output is made of."""
    search_bytes: int = 8 * 1024 * 1024
    search_seconds: float = 1.0
    """Bounds of a search for what a value came from."""
    inherited: Mapping[str, Any] | None = None
    """The whole configuration, for child processes that inherit no memory; None: they inherit none."""
    numbers: Iterator[int] = itertools.count(1)
    """Of the emitter's outputs: each that starts takes the next, which is one step of the interpreter."""


class Ports(NamedTuple):
    """All four, plugged in together."""

    tracers: TracerSource
    gate: Gate
    durable: Durable
    emitter: Emitter
    settings: Settings


_plugged: Ports | None = None
_refused: tuple[str, float] | None = None
"""Store that could not be configured by itself, and when to try again: one clear log line, not one per call."""

RETRY_S: Final = 10.0

_environment: Final[Any] = getattr(os.environ, "_data", os.environ)
_STORE: Final[Any] = os.environ.encodekey("PROVSDK_STORE") if _environment is not os.environ else "PROVSDK_STORE"
"""The mapping behind `os.environ` and a name in it: asked in every call of a program that is not configured, where the
detour through `os.environ` would cost more than the call."""


_late: Callable[[], None] | None = None
"""Plugs something in for a call that comes when the process has ended already; None: there is nothing to plug in."""


def plug(ports: Ports) -> None:
    """Makes every traced call from now on go through `ports`."""
    global _plugged, _refused, _late
    _outside.forget()
    _plugged, _refused, _late = ports, None, None


def unplug(late: Callable[[], None] | None = None) -> None:
    """Makes every traced call from now on a pass-through again, whatever `PROVSDK_STORE` says: it was stopped.

    Args:
        late: at the end of the process: plugs something in for a call that comes all the same.
    """
    global _plugged, _refused, _late
    _plugged, _refused, _late = None, (os.environ.get("PROVSDK_STORE", ""), float("inf")), late


def current() -> Ports | None:
    """What is plugged in; None where calls pass through.

    With `PROVSDK_STORE` set and nothing plugged in, the pipeline configures itself first. If it cannot, that is logged
    and the traced function runs untraced: a program that never called `configure` is not broken by its environment.
    """
    if _plugged is None:
        if _late is not None:
            _late()
        elif _STORE in _environment:
            return _bootstrap()
    return _plugged


def inherit(settings: Mapping[str, Any]) -> None:
    """In a child process that inherits no memory: configures it as its parent is, unless it has done so itself."""
    if _plugged is not None:
        return
    from provsdk import pipeline  # noqa: PLC0415 as below

    try:
        pipeline.bootstrap(**settings)
    except Exception as error:  # the guard around the host
        _log.error("outputs of this child process are not recorded: %s", error)


def finish() -> None:
    """At the end of a process whose exit handlers never run: seals what is pending, if anything is plugged in.

    Where threads run on that the process will wait for, what they make is recorded still.
    """
    if _plugged is None:
        return
    from provsdk import pipeline  # noqa: PLC0415 as below

    here = threading.current_thread()
    if any(one is not here and not one.daemon for one in threading.enumerate()):
        pipeline.flush()
    else:
        pipeline.stop(may_go_on=False)


def _bootstrap() -> Ports | None:
    global _refused
    store = os.environ.get("PROVSDK_STORE")
    if not store or (_refused is not None and _refused[0] == store and time.monotonic() < _refused[1]):
        return None
    from provsdk import pipeline  # noqa: PLC0415 the lazy bootstrap: capture must not load the SDK before it is needed

    try:
        pipeline.bootstrap()
    except Exception as error:  # the guard around the host
        _refused = (store, time.monotonic() + RETRY_S)
        _log.error("PROVSDK_STORE=%s: outputs are not recorded: %s", store, error)
    return _plugged
