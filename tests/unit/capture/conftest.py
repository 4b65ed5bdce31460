"""Capture alone: ports plugged with a tracer that keeps spans and a durable port that keeps facts."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from provsdk import semconv
from provsdk.capture import ports
from provsdk.digest import JoinKey
from provsdk.gate import ALWAYS_PROCEED
from provsdk.pipeline._private_spans import PrivateSpan, PrivateTracer

sys.path.insert(0, str(Path(__file__).parents[2] / "fakes" / "model_apis"))


class SealedAtOnce:
    """A ticket whose record is durable."""

    def wait(self):
        return True

    def __await__(self):
        return True
        yield

    def leave(self):
        pass


@dataclass
class Kept:
    """Everything that capture handed over, in order."""

    spans: list[PrivateSpan] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    late_facts: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    started: list[tuple[int, str]] = field(default_factory=list)
    id: str = "emi_test"
    exports_spans: bool = True

    def __post_init__(self):
        self.private = PrivateTracer(self.spans.append)

    def tracer(self):
        return self.private

    def announce(self, record_id):
        self.announced = record_id

    def ticket(self, span_context, facts):
        self.outputs.append(span_context)
        self.facts.append(facts)
        return SealedAtOnce()

    def late(self, span_context, facts):
        self.late_facts.append(facts)

    def started_output(self, number, span_context, name):
        self.started.append((number, name))

    def span(self, name) -> PrivateSpan:
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, f"{name}: {[span.name for span in self.spans]}"
        return found[0]

    def said(self, name) -> dict[str, Any]:
        """The facts on the span of that name."""
        return json.loads(self.span(name).attributes[semconv.FACTS])

    def missing(self, position=0) -> list[tuple[str, str | None]]:
        """What the output that came at that position misses: as its span says it, and as only the process knows."""
        (span,) = [span for span in self.spans if span.context == self.outputs[position]]
        on_span = json.loads(span.attributes[semconv.FACTS]).get("missing", [])
        return [*map(tuple, on_span), *self.facts[position]["missing"]]

    def id_of(self, name, n=0) -> str:
        context = self.span(name).context
        return f"ent_{context.trace_id:032x}-{context.span_id:016x}-{n}"


class CountingEmitter:
    def __init__(self, kept):
        self.kept = kept
        self.id = kept.id

    def started(self, number, span_context, name):
        self.kept.started.append((number, name))


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def plug(kept):
    """Plugs capture into `kept`; arguments replace the gate or settings."""

    def plugged(gate=ALWAYS_PROCEED, **settings):
        made = ports.Settings(join=JoinKey(b"k" * 32), **settings)
        ports.plug(ports.Ports(kept, gate, kept, CountingEmitter(kept), made))
        return kept

    plugged()
    yield plugged
    ports.unplug()
