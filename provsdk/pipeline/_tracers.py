"""The tracer source: a provider of our own, beside the user's, that keeps every span of ours.

It takes the user's resource, id generator and sampler. What the sampler drops is still recorded, but not forwarded; no
limit cuts our spans; what the sampler chose goes to the user's processors. Where the user has no provider, or wants no
spans of ours, they are private ones; the global provider is followed as soon as it appears.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from provsdk import __version__, semconv
from provsdk.pipeline._private_spans import OwnIds, PrivateTracer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Link, SpanKind, Tracer
    from opentelemetry.trace.span import TraceState
    from opentelemetry.util.types import Attributes

    from provsdk.assembly.processor import Keeper

__all__ = ["AlwaysRecord", "OwnTracers"]

_SCOPE: Final = "provsdk"


class AlwaysRecord(Sampler):
    """Records what another sampler would drop, without marking it as sampled."""

    def __init__(self, chosen_by: Sampler) -> None:
        self._chosen_by = chosen_by

    def should_sample(  # noqa: PLR0913, PLR0917 the interface of the SDK
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """The other sampler's answer, with DROP turned into RECORD_ONLY."""
        result = self._chosen_by.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        if result.decision is Decision.DROP:
            return SamplingResult(Decision.RECORD_ONLY, result.attributes, result.trace_state)
        return result

    def get_description(self) -> str:
        """Names both samplers."""
        return f"AlwaysRecord({self._chosen_by.get_description()})"


class OwnTracers:
    """Gives the tracer of our own provider, made anew when the user's provider turns up."""

    def __init__(self, keeper: Keeper, provider: TracerProvider | None, export_spans: str) -> None:
        self._keeper = keeper
        self._export_spans = export_spans
        self._followed: TracerProvider | None = None
        self._tracer: Tracer = PrivateTracer(keeper.on_end)
        if provider is not None:
            self._follow(provider)

    def tracer(self) -> Tracer:
        """The tracer to use now."""
        if self._followed is None:
            found = trace.get_tracer_provider()
            if isinstance(found, TracerProvider):
                self._follow(found)
        return self._tracer

    def announce(self, record_id: str) -> None:
        """With `export_spans="ids"`: the record id on the span that is current in the user's own tracing."""
        if self._export_spans == "ids":
            trace.get_current_span().set_attribute(semconv.RECORD_ID, record_id)

    def resource(self) -> dict[str, Any]:
        """Attributes of the user's resource; of the environment's, while there is no provider."""
        resource = self._followed.resource if self._followed is not None else Resource.create()
        return dict(resource.attributes)

    def forward_to(self) -> SpanProcessor | None:
        """The user's processors, where our spans go to them."""
        if self._export_spans != "all" or self._followed is None:
            return None
        return getattr(self._followed, "_active_span_processor", None)

    def _follow(self, user: TracerProvider) -> None:
        """Takes the user's resource, sampler and id generator for spans that go to the user's processors."""
        self._followed = user
        if self._export_spans != "all":
            return
        unset = SpanLimits.UNSET
        limits = SpanLimits(
            max_span_attributes=unset,
            max_span_attribute_length=unset,
            max_attributes=unset,
            max_attribute_length=unset,
            max_events=unset,
            max_links=unset,
            max_event_attributes=unset,
            max_link_attributes=unset,
        )
        ids = user.id_generator
        provider = TracerProvider(
            sampler=AlwaysRecord(user.sampler),
            resource=user.resource,
            id_generator=OwnIds() if type(ids) is RandomIdGenerator else ids,
            span_limits=limits,
            shutdown_on_exit=False,
        )
        # OTEL_SDK_DISABLED stops exports, which are the user's provider's; it does not stop records.
        provider._disabled = False  # noqa: SLF001 the SDK has no other way to say so
        provider.add_span_processor(self._keeper)
        self._tracer = provider.get_tracer(_SCOPE, __version__)
