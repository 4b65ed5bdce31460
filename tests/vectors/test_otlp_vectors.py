"""What an OpenTelemetry Collector 0.161 wrote with its file exporter, once in JSON and once in protobuf.

A span of the SDK with an attribute of every kind, an output and a source of ours; in three requests of one batch.
"""

import math
from pathlib import Path

import pytest

from provsdk.assembly import assemble
from provsdk.assembly.otlp import read_json, read_protobuf_file

HERE = Path(__file__).parent / "otlp"
READERS = {"collector-0.161.jsonl": read_json, "collector-0.161.binpb": read_protobuf_file}
TRACE = "0" * 31 + "1"


@pytest.fixture(params=READERS)
def spans(request):
    return {span.name: span for span in READERS[request.param]((HERE / request.param).read_bytes())}


def test_an_attribute_of_every_kind_is_read(spans):
    attributes = dict(spans["request"].attributes)

    assert math.isnan(attributes.pop("nan"))
    assert attributes == {
        "text": "grüße \N{GRINNING FACE}",
        "empty": "",
        "yes": True,
        "no": False,
        "least": -(2**63),
        "zero": 0,
        "half": 0.5,
        "endless": -math.inf,
        "bytes": b"\x00\xff\xfe",
        "nothing": None,
        "list": ("a", 1, True, None, (2.5,)),
        "map": {"a": {"b": (1,)}, "c": None},
    }


def test_ids_times_status_and_resource_are_read(spans):
    span = spans["request"]

    assert (span.key, span.parent_span_id) == (f"{TRACE}-{1:016x}", None)
    assert spans["handbook"].parent_span_id == f"{2:016x}"
    assert (span.start_ns, span.end_ns) == (1795681693637024939, 1795681693668127171)
    assert {name: each.status for name, each in spans.items()} == {
        "request": "error",
        "answer": "unset",
        "handbook": "unset",
    }
    assert span.resource == {"service.name": "help-desk", "service.version": "1.2", "ports": (80, 443)}


def test_they_make_a_record(spans):
    ((record, contents),) = assemble(spans.values(), {}).records

    assert record.record_id == f"rec_{TRACE}-{2:016x}"
    assert [source.name for source in record.sources] == ["handbook"]
    assert (record.output.output_id, record.sources[0].source_id, "wasDerivedFrom", "identity") in [
        (edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow
    ]
    assert contents == ()
