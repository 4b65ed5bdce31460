"""A provider for instrumentations that were switched on before the program has set up its own, if it ever does.

The global provider can be set once. This one does not use that up: when the program sets its own, that one takes over,
and with it every tracer that was handed out before, as if they had waited for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from provsdk.pipeline._watch import release

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider as AnyProvider

__all__ = ["stand_in"]


def stand_in() -> TracerProvider:
    """Makes a provider the global one until `trace.set_tracer_provider` is called."""
    standing = TracerProvider(shutdown_on_exit=False)
    set_for_good = trace.set_tracer_provider

    def set_tracer_provider(tracer_provider: AnyProvider) -> None:
        set_for_good(tracer_provider)
        if trace.get_tracer_provider() is tracer_provider and isinstance(tracer_provider, TracerProvider):
            _hand_over(standing, tracer_provider)

    set_tracer_provider.__doc__ = set_for_good.__doc__
    trace.set_tracer_provider = set_tracer_provider
    trace._TRACER_PROVIDER = standing  # noqa: SLF001 the public way could be gone once only
    return standing


def _hand_over(standing: TracerProvider, provider: TracerProvider) -> None:
    """Tracers of the one become tracers of the other, in place: whoever has one keeps it."""
    release(standing)
    theirs: dict[Any, Any] = getattr(provider, "_tracers", {})
    handed_out: dict[Any, Any] = getattr(standing, "_tracers", {})
    while handed_out:
        scope, tracer = handed_out.popitem()
        made = provider.get_tracer(scope.name, scope.version, scope.schema_url, scope.attributes)
        vars(tracer).update(vars(made))
        theirs[scope] = tracer
