"""Our spans through the ordinary OTLP exporter: a person who looks at a trace finds the record."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from provsdk import semconv, traced_output, traced_source
from provsdk.testing import captured_records

otlp = pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")


@pytest.fixture
def collector():
    """An OTLP/HTTP endpoint that keeps what it was sent."""
    requests = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append(service.ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            """Nothing on the terminal."""

    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/traces", requests
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_span_that_was_sent_names_the_record_and_holds_no_content(collector):
    endpoint, requests = collector
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(otlp.OTLPSpanExporter(endpoint=endpoint)))

    @traced_source("handbook", type="file", location="/h.pdf")
    def load():
        return "the content of the handbook, which is nobody else's business"

    @traced_output("answer")
    def answer(question):
        return load() + question

    with captured_records(tracer_provider=provider) as records:
        answer("who wants to know all that, and why?")
        (record,) = records
    provider.shutdown()

    spans = {span.name: span for request in requests for span in request.resource_spans[0].scope_spans[0].spans}
    assert set(spans) == {"answer", "handbook"}
    attributes = {one.key: one.value.string_value for one in spans["answer"].attributes}
    assert attributes[semconv.RECORD_ID] == record.record_id
    sent = b"".join(request.SerializeToString() for request in requests)
    assert b"handbook, which" not in sent
    assert b"who wants" not in sent
    assert record.output.digest.removeprefix("sha256:").encode() not in sent
