"""Records as stores see them, built directly: a store must not depend on how they came about."""

import hashlib
import itertools
import os
from typing import Any

import msgspec

from provsdk.records.parts import Part, content_part, split, split_extension
from provsdk.records.record import (
    Capture,
    Completeness,
    Context,
    Edge,
    Emitter,
    Entity,
    Extension,
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
from provsdk.store.contract import Draft

AT = "2026-11-24T02:13:25.123456Z"
_numbers = itertools.count(1)


def digests(text: str) -> dict[str, Any]:
    """Digest, join digest, type and size of a text, as capture notes them."""
    plain = hashlib.sha256(text.encode()).hexdigest()
    join = hashlib.sha256(b"key" + text.encode()).hexdigest()
    return {
        "digest": f"sha256:{plain}",
        "join_digest": f"hmac-sha256:0011223344556677:{join}",
        "media_type": "text/plain",
        "size_bytes": len(text),
    }


def source(trace: str, span: str, n: int, number: int, **changes: Any) -> Source:
    facts: dict[str, Any] = {
        "source_id": f"ent_{trace}-{span}-{n}",
        "activity_id": f"act_{trace}-{span}",
        "type": "database",
        "retrieved_at": AT,
        "name": f"passage-{number:06d}",
        "version": "12",
        "location": f"kb/{number:06d}",
        "modified_at": None,
        "classification": None,
        "owner": None,
        "reliability": 0.95,
        "requires_verification": False,
        "parameters": {},
        "arguments": [],
        "elements": [
            Entity(
                entity_id=f"ent_{trace}-{span}-{n}9",
                role="element",
                name="text",
                element_of=f"ent_{trace}-{span}-{n}",
                **digests(f"text of passage {number} {trace}"),
            )
        ],
        "basis": "identity",
        "status": "completed",
        "error_type": None,
        **digests(f"passage {number} {trace}"),
    }
    return Source(**facts | changes)


def record(number: int | None = None, *, sources: int = 2, protected: bool = False, **changes: Any) -> ProvenanceRecord:
    """Six spans: the output, a load (of `sources` sources), a step, a model call, a check."""
    number = next(_numbers) if number is None else number
    trace, spans = os.urandom(16).hex(), [os.urandom(8).hex() for _ in range(6)]
    out, load, step, call, check, load2 = spans
    output_id = f"out_{trace}-{out}"
    loaded = [source(trace, load if n % 2 else load2, n, number * sources + n) for n in range(sources)]
    merged = Entity(entity_id=f"ent_{trace}-{step}-0", role="result", **digests(f"merged {number}"))
    answer = Entity(entity_id=f"ent_{trace}-{call}-0", role="result", **digests(f"answer {number}"))
    question = Entity(
        entity_id=f"ent_{trace}-{out}-1", role="argument", name="question", **digests(f"question {number}")
    )
    flow = [
        Edge(from_=one.source_id, to=one.activity_id or "", relation="wasGeneratedBy", basis="identity")
        for one in loaded
    ]
    flow += [Edge(from_=f"act_{trace}-{step}", to=one.source_id, relation="used", basis="identity") for one in loaded]
    flow += [
        Edge(from_=merged.entity_id, to=f"act_{trace}-{step}", relation="wasGeneratedBy", basis="identity"),
        Edge(from_=f"act_{trace}-{call}", to=merged.entity_id, relation="used", basis="identity"),
        Edge(from_=f"act_{trace}-{call}", to=question.entity_id, relation="used", basis="identity"),
        Edge(from_=output_id, to=answer.entity_id, relation="wasDerivedFrom", basis="digest"),
        Edge(from_=f"act_{trace}-{check}", to=answer.entity_id, relation="used", basis="identity"),
    ]
    flow += [Edge(from_=output_id, to=one.source_id, relation="wasDerivedFrom", basis="enclosing") for one in loaded]
    times = {"started_at": AT, "ended_at": AT, "status": "completed", "error_type": None}
    facts: dict[str, Any] = {
        "schema_version": "1",
        "vocabulary_version": "1",
        "record_id": f"rec_{trace}-{out}",
        "generated_at": AT,
        "trace": Trace(trace_id=trace, span_id=out),
        "output": Output(
            output_id=output_id,
            name=f"answer-{number}",
            classification="confidential" if protected else "internal",
            version=None,
            arguments=[question],
            **digests(f"answer {number}"),
            **times,
        ),
        "sources": loaded,
        "transformations": [
            Transformation(
                transformation_id=f"act_{trace}-{step}",
                name="merge",
                type="merge",
                version=None,
                parameters={"keep": 3},
                arguments=[],
                results=[merged],
                **times,
            )
        ],
        "model_calls": [
            ModelCall(
                model_call_id=f"act_{trace}-{call}",
                name="complete",
                provider="acme",
                model="small",
                response_model=None,
                response_id=None,
                version=None,
                parameters={"temperature": 0},
                input_tokens=12,
                output_tokens=3,
                finish_reasons=["stop"],
                arguments=[merged],
                results=[answer],
                **times,
            )
        ],
        "policy_checks": [
            PolicyCheck(
                check_id=f"act_{trace}-{check}",
                name="harmless",
                type="content_filter",
                result="pass",
                reasons=[],
                blocking=True,
                version=None,
                parameters={},
                arguments=[answer],
                **times,
            )
        ],
        "flow": flow,
        "context": Context(tenant="default", session=None, subjects=[], recipients=[], purpose=None),
        "ownership": [Owner(role="output_owner", agent="support@example.org")],
        "retention": Retention(period="standard", days=90, basis="classification", secure_deletion=True),
        "permissions": Permissions(encryption_required=protected, approval_required=["delete", "admin"]),
        "environment": {
            "python": "3.11.7",
            "provsdk": "0.1.0",
            "os": "Linux 6.1",
            "service": "support",
            "host": "x" * 100,
        },
        "emitter": Emitter(id="emi_0123456789abcdef", number=number),
        "capture": Capture(path="process", integrations=[]),
        "completeness": Completeness(complete=False, reasons=[Missing(reason="content_not_kept", detail=None)]),
    }
    return ProvenanceRecord(**facts | changes)


def draft(of: ProvenanceRecord, *, content: bytes | None = None) -> Draft:
    """The draft that seals a record, as the pipeline makes it."""
    contents = () if content is None else (content_part(0, "standard", of.output.output_id, "text/plain", content),)
    return Draft(
        kind="record.sealed",
        key=f"record/{of.record_id}/0",
        actor="emi_0123456789abcdef",
        subject=of.record_id,
        time=of.generated_at,
        parts=(*split(of), *contents),
        protected=of.permissions.encryption_required,
        record=of,
    )


def extension_draft(of: ProvenanceRecord, *missing: str) -> Draft:
    """One more source of a record, known later, and what it misses."""
    late = source(of.trace.trace_id, os.urandom(8).hex(), 0, 999_999)
    extension = Extension(
        record_id=of.record_id,
        revision=1,
        sources=[late],
        transformations=[],
        model_calls=[],
        policy_checks=[],
        flow=[Edge(from_=of.output.output_id, to=late.source_id, relation="wasDerivedFrom", basis="explicit")],
        missing=[Missing(reason=reason, detail=None) for reason in missing],
    )
    return Draft(
        kind="record.extended",
        key=f"record/{of.record_id}/1",
        actor="emi_0123456789abcdef",
        subject=of.record_id,
        time=AT,
        parts=split_extension(extension, "standard"),
        protected=of.permissions.encryption_required,
    )


def note_draft(subject: str, text: str = "looked at", *, key: str = "note/1", protected: bool = False) -> Draft:
    """A note on a record."""
    body = msgspec.json.encode({"author": "kim", "text": text}, order="deterministic")
    return Draft(
        kind="note.added",
        key=key,
        actor="usr_1",
        subject=subject,
        time=AT,
        parts=(Part("note", "standard", body),),
        protected=protected,
    )
