"""Spans as OTLP carries them: read into the shape that assembly reads, whoever wrote them.

Follows the OpenTelemetry Protocol, its `trace.proto` and its JSON encoding. What a writer adds is passed over, what it
leaves out is protobuf's default, what contradicts the format is an error that says where. Nothing here touches files or
networks: bytes in, spans out.
"""

from provsdk.assembly.otlp.from_json import read_json
from provsdk.assembly.otlp.from_protobuf import read_protobuf, read_protobuf_file

__all__ = ["read_json", "read_protobuf", "read_protobuf_file"]
