"""A record as a question over two documents leaves it, built directly: nothing may depend on how it came about."""

from typing import Any

import msgspec

from provsdk.records.record import (
    Capture,
    Completeness,
    Context,
    Edge,
    Emitter,
    Entity,
    Missing,
    ModelCall,
    Output,
    Owner,
    Permissions,
    PolicyCheck,
    ProvenanceRecord,
    Retention,
    Source,
    Trace,
    Transformation,
)
from provsdk.report.summary import Custody, Integrity, LogLine, Report, summarise
from provsdk.vocabulary import IntegrityStatus

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OUT = f"out_{TRACE}-00f067aa0ba902b7"


def entity(span: int, number: int) -> str:
    return f"ent_{TRACE}-{span:016x}-{number}"


def activity(span: int) -> str:
    return f"act_{TRACE}-{span:016x}"


def at(microseconds: int) -> str:
    return f"2026-11-24T02:13:{25 + microseconds // 1_000_000:02d}.{microseconds % 1_000_000:06d}Z"


def source(span: int, number: int = 0, **changes: Any) -> Source:
    facts: dict[str, Any] = {
        "source_id": entity(span, number),
        "activity_id": activity(span),
        "type": "file",
        "retrieved_at": at(12_000),
        "name": "wrapt/README.rst",
        "version": "2.5.2",
        "location": "/usr/lib/python3.11/site-packages/wrapt-2.5.2.dist-info/METADATA",
        "digest": "sha256:" + "ab" * 32,
        "join_digest": "hmac-sha256:0011223344556677:" + "cd" * 32,
        "media_type": "text/plain",
        "size_bytes": 12_345,
        "modified_at": "2026-09-20T00:00:00.000000Z",
        "classification": "public",
        "owner": None,
        "reliability": 0.9,
        "requires_verification": False,
        "parameters": {},
        "arguments": [],
        "elements": [],
        "basis": "identity",
        "status": "completed",
        "error_type": None,
    }
    return Source(**facts | changes)


def transformation(span: int, **changes: Any) -> Transformation:
    facts: dict[str, Any] = {
        "transformation_id": activity(span),
        "name": "rank",
        "type": "filter",
        "version": "1",
        "parameters": {"keep": 3},
        "started_at": at(14_000),
        "ended_at": at(14_412),
        "status": "completed",
        "error_type": None,
        "arguments": [],
        "results": [],
    }
    return Transformation(**facts | changes)


def model_call(span: int, **changes: Any) -> ModelCall:
    facts: dict[str, Any] = {
        "model_call_id": activity(span),
        "name": "chat",
        "provider": "openai",
        "model": "gpt-5-mini",
        "response_model": "gpt-5-mini-2026-08-07",
        "response_id": "chatcmpl-C9x2",
        "version": None,
        "parameters": {"temperature": 0.2, "max_tokens": 400},
        "input_tokens": 1_312,
        "output_tokens": 58,
        "finish_reasons": ["stop"],
        "started_at": at(20_000),
        "ended_at": at(1_210_000),
        "status": "completed",
        "error_type": None,
        "arguments": [Entity(entity_id=entity(3, 1), role="argument", name="prompt")],
        "results": [Entity(entity_id=entity(3, 0), role="result", media_type="text/plain", size_bytes=412)],
    }
    return ModelCall(**facts | changes)


def check(span: int, **changes: Any) -> PolicyCheck:
    facts: dict[str, Any] = {
        "check_id": activity(span),
        "name": "no personal data",
        "type": "pii_scan",
        "result": "pass",
        "reasons": [],
        "blocking": True,
        "version": "3",
        "parameters": {},
        "started_at": at(1_211_000),
        "ended_at": at(1_211_300),
        "status": "completed",
        "error_type": None,
        "arguments": [],
    }
    return PolicyCheck(**facts | changes)


def record(**changes: Any) -> ProvenanceRecord:
    output = Output(
        output_id=OUT,
        name="support-answer",
        digest="sha256:" + "12" * 32,
        join_digest="hmac-sha256:0011223344556677:" + "34" * 32,
        media_type="text/plain",
        size_bytes=412,
        classification="internal",
        status="completed",
        error_type=None,
        version=None,
        arguments=[
            Entity(entity_id=f"ent_{TRACE}-00f067aa0ba902b7-1", role="argument", name="question", size_bytes=31)
        ],
        started_at=at(0),
        ended_at=at(1_240_000),
    )
    facts: dict[str, Any] = {
        "schema_version": "1",
        "vocabulary_version": "1",
        "record_id": OUT.replace("out_", "rec_"),
        "generated_at": at(1_240_000),
        "trace": Trace(trace_id=TRACE, span_id="00f067aa0ba902b7"),
        "output": output,
        "sources": [
            source(1),
            source(1, 1, name="orders", type="database", version=None, location="postgres://db/orders"),
        ],
        "transformations": [transformation(2)],
        "model_calls": [model_call(3)],
        "policy_checks": [check(4)],
        "flow": [
            Edge(from_=OUT, to=entity(3, 0), relation="wasDerivedFrom", basis="identity"),
            Edge(from_=entity(3, 0), to=activity(3), relation="wasGeneratedBy", basis="identity"),
            Edge(from_=activity(3), to=entity(3, 1), relation="used", basis="identity"),
            Edge(from_=activity(3), to=entity(1, 0), relation="used", basis="digest"),
            Edge(from_=OUT, to=entity(1, 1), relation="wasDerivedFrom", basis="enclosing"),
        ],
        "context": Context(tenant="acme", session="s-17", subjects=[], recipients=["c-2041"], purpose="support"),
        "ownership": [Owner(role="output_owner", agent="ana@example.org"), Owner(role="model_owner", agent="ml-team")],
        "retention": Retention(period="standard", days=90, basis="classification", secure_deletion=True),
        "permissions": Permissions(encryption_required=False, approval_required=["delete", "admin"]),
        "environment": {"service.name": "support", "python": "3.11.7"},
        "emitter": Emitter(id="emi_0001", number=7),
        "capture": Capture(path="process", integrations=[]),
        "completeness": Completeness(complete=False, reasons=[Missing(reason="bound_reached", detail="chat/prompt")]),
    }
    return ProvenanceRecord(**facts | changes)


INTEGRITY = Integrity(
    status=IntegrityStatus.VERIFIED,
    level="signed",
    key="example.org/support+1a2b3c4d",
    checked=14,
    not_checked=0,
    first_wrong=None,
)
CUSTODY = Custody(
    origin="example.org/support",
    entries=(LogLine(12, "record.sealed", at(1_250_000)), LogLine(15, "note.added", at(3_000_000))),
    log_size=40,
    notes=({"time": at(3_000_000), "author": "Ana", "text": "Checked by hand.\nStill right."},),
)


class Build:
    """What tests build records and reports with."""

    record = staticmethod(record)
    source = staticmethod(source)
    transformation = staticmethod(transformation)
    model_call = staticmethod(model_call)
    check = staticmethod(check)
    entity = staticmethod(entity)
    activity = staticmethod(activity)
    at = staticmethod(at)
    out = OUT
    integrity = INTEGRITY
    custody = CUSTODY

    @staticmethod
    def report(item: ProvenanceRecord | None = None, **changes: Any) -> Report:
        facts = {"integrity": INTEGRITY, "custody": CUSTODY} | changes
        return summarise(item or record(), **facts)

    @staticmethod
    def edges(*edges: tuple[str, str, str, str]) -> list[Edge]:
        return [Edge(from_=start, to=end, relation=relation, basis=basis) for start, end, relation, basis in edges]

    @staticmethod
    def changed(item: Any, **changes: Any) -> Any:
        return msgspec.structs.replace(item, **changes)
