"""Spans and local facts of small outputs, as capture would write them: for the tests of assembly and records."""

import json
from hashlib import sha256

from provsdk.assembly.assembler import assemble
from provsdk.assembly.spans import SpanData

TRACE = "0af7651916cd43dd8448eb211c80319c"
START_NS = 1_790_000_000_000_000_000
MS = 1_000_000
JOIN = "hmac-sha256:0123456789abcdef:"


def span_id(number):
    return f"{number:016x}"


def key(number):
    return f"{TRACE}-{span_id(number)}"


def act(number):
    return f"act_{key(number)}"


def ent(number, n=0):
    return f"ent_{key(number)}-{n}"


def out(number=1):
    return f"out_{key(number)}"


def rec(number=1):
    return f"rec_{key(number)}"


def entity(n, role="result", **more):
    return {"n": n, "role": role, "join": JOIN + f"{n:064x}", "size": 12, "media": "text/plain", **more}


def span(number, kind, facts=None, *, name=None, record=1, parent=None, start=None, end=None, **attributes):
    """A native span: number 1 is by custom the output's; its facts may be a dict, or any text."""
    said = {"v": 1, "status": "completed", **(facts or {})} if not isinstance(facts, str) else facts
    text = said if isinstance(said, str) else json.dumps(said)
    found = {"provsdk.kind": kind, "provsdk.facts": text, "provsdk.record_id": rec(record), **attributes}
    if kind != "output":
        found["provsdk.parent"] = key(parent or record)
    return SpanData(
        trace_id=TRACE,
        span_id=span_id(number),
        name=name or f"{kind}-{number}",
        start_ns=START_NS + (number if start is None else start) * MS,
        end_ns=START_NS + (number if end is None else end) * MS + (100 * MS if kind == "output" else 0),
        attributes={k: v for k, v in found.items() if v is not None},
    )


def rag():
    """A question, a file, a search with two hits, a prompt of one hit, a model call, a check: six activities."""
    return [
        span(2, "source", {"type": "file", "entities": [entity(0)]}, name="handbook"),
        span(
            3,
            "source",
            {
                "type": "database",
                "entities": [entity(0), entity(1, "element", of=0, name="0"), entity(2, "element", of=0, name="1")],
                "used": [[ent(1, 1), "identity"]],
            },
            name="search",
        ),
        span(
            4,
            "transformation",
            {"type": "format", "entities": [entity(0)], "used": [[ent(3, 1), "identity"]]},
            name="prompt",
        ),
        span(
            5,
            "model_call",
            {
                "declared": {"model": "m-1", "provider": "p", "parameters": {"temperature": 0.2}, "input_tokens": 3},
                "entities": [entity(0)],
                "used": [[ent(4), "identity"]],
            },
            name="chat",
        ),
        span(6, "policy_check", {"type": "pii_scan", "declared": {"result": "pass"}, "used": [[ent(5), "identity"]]}),
        span(
            1,
            "output",
            {
                "declared": {"tenant": "acme"},
                "entities": [entity(1, "argument", name="question"), entity(0)],
                "used": [[1, "identity"]],
                "derived": [["out", ent(5), "identity"]],
                "emitter": ["emi_1", 7],
            },
            name="answer",
        ),
    ]


def local(spans=None, **more):
    """Local facts of an output; plain digests for every value of the spans."""
    kept = {}
    for each in spans or ():
        numbers = _numbers(each.attributes.get("provsdk.facts"))
        kept[each.key] = {"plain": {n: sha256(f"{each.key}{n}".encode()).digest() for n in numbers}}
    return {
        "v": 1,
        "path": "process",
        "integrations": [],
        "missing": [],
        "environment": {"a": "b"},
        "spans": kept,
    } | more


def _numbers(text):
    try:
        return [each["n"] for each in json.loads(text)["entities"]]
    except (TypeError, ValueError, KeyError, RecursionError):
        return []


def one(spans, facts=None):
    """The only record that the spans make."""
    (found,) = assemble(spans, {rec(): local(spans) if facts is None else facts}).records
    return found.record


def arrows(record, relation=None):
    return {
        (e.from_, e.to, e.basis) if relation else (e.from_, e.to, e.relation, e.basis)
        for e in record.flow
        if relation in {None, e.relation}
    }


def reasons(record):
    return {each.reason for each in record.completeness.reasons}
