"""`configure`: wires the ports of capture to assembly, ledger and store, then to the exporters.

>>> import provsdk
>>> runtime = provsdk.configure(service="help-desk")
>>> runtime.config.service
'help-desk'
>>> provsdk.shutdown()
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from typing import Any, Final

from opentelemetry.sdk.trace import TracerProvider

from provsdk.capture import (
    # No traced call loads what traces calls: a child that is forked while a module is loaded can never load it.
    _abandoned,
    _awaited,  # noqa: F401 as above
    _call,  # noqa: F401 as above
    _checksum,  # noqa: F401 as above
    _gate,  # noqa: F401 as above
    _guard,
    _location,  # noqa: F401 as above
    _processes,
    _responses,  # noqa: F401 as above
    _session,
    _streams,  # noqa: F401 as above
    ports,
    propagation,
)
from provsdk.config import load
from provsdk.errors import ConfigError, ProvsdkError
from provsdk.pipeline._runtime import FORK_WAIT_S, Flushed, Runtime

__all__ = ["Flushed", "Runtime", "bootstrap", "configure", "flush", "running", "shutdown", "stop"]

_log: Final = logging.getLogger("provsdk")

_lock = threading.RLock()
_STOPPED: Final = ("span_missing", "provsdk was stopped while it ran: what came after is not known")
"""A `CompletenessReason` and its detail."""

_running: Runtime | None = None
"""What is running; written under `_lock`."""

_hooked = False

_alive: Final[weakref.WeakSet[Runtime]] = weakref.WeakSet()
"""What is running, what is about to, and what has been stopped as long as outputs run on that began under it."""

_inherited: Final[list[Runtime]] = []
"""In a forked child: the parent's, but for the one that was running."""

_forking: Final = threading.local()
"""`resume`: what ends all that was done before the fork that this thread is at; `is_locked`: it holds `_lock`."""


def configure(*, tracer_provider: TracerProvider | None = None, **settings: Any) -> Runtime:
    """Opens the store and plugs in everything: from now on traced calls leave records.

    Arguments beat `PROVSDK_*` environment variables, those beat `[tool.provsdk]` in a TOML file, that beats defaults.
    A second call takes over once it is ready: no call that begins meanwhile goes untraced, and where it fails, the
    first goes on. Then what the first one started is shut down, as by `shutdown`.

    Args:
        tracer_provider: the SDK provider whose resource, sampler and processors are used; else the global one, as soon
            as there is one.
        settings: `store`, `service`, `owner`, `classification`, `retention`, `tenant`, `capture_content`, `durability`,
            `max_wait`, `on_unavailable`, `on_failure`, `export_spans`, `exporters` and the others of
            `docs/configuration.md`.

    Returns:
        The runtime: its `config`, `flush()` and `shutdown()`.

    Raises:
        ConfigError: a wrong key, type or value; names it, its place and what is allowed.
        StoreError: the store cannot be opened or appended to.
        KeyUnusable: a key is damaged, or missing for a log that exists.
    """
    try:
        return _configured(tracer_provider, settings)
    except ProvsdkError as error:
        # Who reads it wants its last line and the line of his own that asked, not how we came to know.
        raise error.with_traceback(None) from None


def _configured(tracer_provider: TracerProvider | None, settings: dict[str, Any]) -> Runtime:
    global _running
    provider: object = tracer_provider
    if provider is not None and not isinstance(provider, TracerProvider):
        got = type(provider).__name__
        raise ConfigError(f"tracer_provider (argument): wants an opentelemetry.sdk.trace.TracerProvider, got {got}")
    config = load(settings, os.environ)
    with _lock:
        runtime = Runtime(config, tracer_provider)
        _alive.add(runtime)
        if not config.disabled:
            runtime.start()
        before, _running = _running, runtime
        if before is not None:
            before.hand_over()
        _plug(runtime)
        _end(before, may_go_on=True, goes_unseen=config.disabled or (before is not None and before.watches_others))
        _hook_once()
        return runtime


def _plug(runtime: Runtime | None) -> None:
    """From now on traced calls go there, or pass through."""
    if runtime is None or runtime.config.disabled:
        ports.unplug()
        propagation.automatic(threads=False, processes=False)
    else:
        config = runtime.config
        ports.plug(runtime.ports())
        propagation.automatic(threads=config.propagate_threads, processes=config.propagate_processes)


def running() -> Runtime | None:
    """The runtime that `configure` made, until `shutdown`."""
    return _running


def bootstrap(**settings: Any) -> None:
    """Configures from the environment and what is given, unless somebody else has in the meantime."""
    with _lock:
        if _running is None:
            configure(**settings)


def flush(timeout: float = 5.0) -> Flushed:
    """Seals what is pending and hands it to the exporters.

    Args:
        timeout: seconds that this may take.

    Returns:
        What is durable and what is not; true when nothing is left.
    """
    runtime = _running
    if runtime is None:
        return Flushed()
    _abandoned.reap()
    return runtime.flush(timeout)


def shutdown() -> None:
    """Flushes, seals `emitter.closed`, and makes traced calls pass through again. Idempotent.

    Records of what runs on, functions and streams that are open, say that what comes after is not known.
    """
    stop(may_go_on=True)


def stop(*, may_go_on: bool) -> None:
    """As `shutdown`; at the end of the process nothing goes on."""
    global _running
    with _lock:
        runtime, _running = _running, None
        _plug(None)
        if not may_go_on and runtime is not None and not runtime.config.disabled:
            ports.unplug(late=lambda: _reopen(runtime))  # who comes meanwhile waits for `_lock` there
        _end(runtime, may_go_on=may_go_on)


def _reopen(ended: Runtime) -> None:
    """The process has ended for us, and threads that nobody waits for, or exit handlers, still make outputs."""
    global _running
    with _lock:
        if _running is not None:
            return
        ports.unplug()
        try:
            runtime = ended.after_the_end()
            runtime.start()
        except Exception as error:  # the guard around the host: said once, as nothing is tried again
            _log.error("outputs made after the end of the process are not recorded: %s", error)
            return
        _running = runtime
        _alive.add(runtime)
        _plug(runtime)


def _end(runtime: Runtime | None, *, may_go_on: bool, goes_unseen: bool = True) -> None:
    """Stops a runtime.

    Args:
        runtime: that one; None: there is none.
        may_go_on: what it runs may do so; else the process ends.
        goes_unseen: what it runs may do what nobody sees then. Traced calls go on belonging to their output as long as
            another runtime is there.
    """
    if runtime is None:
        return
    try:
        if may_go_on:
            if goes_unseen:
                _session.tell_running(runtime.emitter, *_STOPPED)
            _abandoned.stop_all(runtime.emitter, *_STOPPED)
        else:
            _abandoned.abandon_all()
    finally:
        runtime.stop()


def _hook_once() -> None:
    """At exit what is pending is sealed; a forked child becomes an emitter of its own."""
    global _hooked
    if _hooked:
        return
    _hooked = True
    atexit.register(stop, may_go_on=False)
    _processes.finish_child()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork)


def _before_fork() -> None:
    """Stores are let go of, so that the child inherits nothing of them; none is being opened or closed meanwhile."""
    _forking.is_locked = _lock.acquire(timeout=FORK_WAIT_S)
    _forking.resume = [runtime.before_fork() for runtime in tuple(_alive)]


def _after_fork_in_parent() -> None:
    for resume in _forking.resume:
        resume()
    if _forking.is_locked:
        _lock.release()


def _after_fork() -> None:
    """The child gets a runtime like its parent's: new emitter, own connections, nothing pending."""
    global _lock, _running
    _lock = threading.RLock()
    _guard.failures.clear()
    parents = _running
    # Their connections must not be closed here, so they are kept.
    _inherited.extend(runtime for runtime in tuple(_alive) if runtime is not parents)
    for runtime in _inherited:
        runtime.disown()
    _alive.clear()
    if parents is None or parents.config.disabled:
        return
    _running = parents.forked()
    _alive.add(_running)
    ports.plug(_running.ports())
