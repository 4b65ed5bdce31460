"""The shape that assembly reads, whether a span came from the SDK of this process or by OTLP from another one."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

__all__ = ["SpanData", "distinct"]

_NOTHING: Final[Mapping[str, Any]] = {}


class SpanData(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One ended span."""

    trace_id: str
    """32 lower-case hexadecimal digits."""
    span_id: str
    """16 lower-case hexadecimal digits."""
    parent_span_id: str | None = None
    name: str
    start_ns: int
    """Nanoseconds since 1970."""
    end_ns: int
    attributes: Mapping[str, Any]
    status: str = "unset"
    """`unset`, `ok` or `error`."""
    resource: Mapping[str, Any] = _NOTHING
    dropped_attributes: int = 0
    """Attributes that somebody's limits cut off."""

    @property
    def key(self) -> str:
        """`<trace>-<span>`, as ids are made from."""
        return f"{self.trace_id}-{self.span_id}"


def distinct(spans: Iterable[SpanData]) -> dict[str, SpanData]:
    """The spans by `<trace>-<span>`, each once, however often and in whatever order they arrived.

    Of two different spans with the same ids one is chosen by what it holds, not by when it came: the one that ended
    last, then the one that says more.
    """
    found: dict[str, SpanData] = {}
    for span in spans:
        key = f"{span.trace_id}-{span.span_id}"
        other = found.setdefault(key, span)
        if other is not span and _rank(span) > _rank(other):
            found[key] = span
    return found


def _rank(span: SpanData) -> tuple[int, int, str]:
    said = sorted((name, repr(value)) for name, value in span.attributes.items())
    return span.end_ns, len(said), repr((span.start_ns, span.name, span.status, span.parent_span_id, said))
