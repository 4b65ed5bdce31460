"""A local end of the line for exporters, and the Python that has other people's packages."""

import gzip
import json
import os
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOME_OF = {"/otlp/v1/traces": "otlp", "/phoenix/v1/traces": "phoenix", "/api/public/otel/v1/traces": "langfuse"}


@dataclass(frozen=True)
class Sent:
    """A span as somebody's server got it."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    scope: str = ""
    attributes: str = ""


@dataclass
class Sink:
    """What arrived, by who sent it."""

    url: str = ""
    spans: dict[str, list[Sent]] = field(default_factory=dict)

    def take(self, path, body):
        if path in HOME_OF:
            from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service

            for each in service.ExportTraceServiceRequest.FromString(body).resource_spans:
                for scoped in each.scope_spans:
                    found = [_sent(span, scoped.scope.name) for span in scoped.spans]
                    self.spans.setdefault(HOME_OF[path], []).extend(found)
        elif path.startswith("/api/1/envelope"):
            self.spans.setdefault("sentry", []).extend(_of_envelope(body))


def _sent(span, scope):
    attributes = json.dumps(sorted((one.key, str(one.value)) for one in span.attributes))
    return Sent(span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), scope, attributes)


def _of_envelope(body):
    """Transactions of Sentry's and the spans in them."""
    for line in body.split(b"\n"):
        said = json.loads(line) if line.startswith(b"{") else {}
        if said.get("type") == "transaction" and "contexts" in said:
            root = said["contexts"]["trace"]
            yield Sent(said["transaction"], root["trace_id"], root["span_id"], root.get("parent_span_id") or "")
            for span in said["spans"]:
                yield Sent(span["op"], span["trace_id"], span["span_id"], span["parent_span_id"])


@pytest.fixture
def sink():
    """An HTTP server of this machine that takes whatever exporters send."""
    kept = Sink()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            kept.take(self.path.rstrip("/").partition("?")[0], body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def python_with():
    """The Python that has the packages of a list; skips, visibly, where it was never made, but not in CI."""

    def python_with(packages):
        wanted = packages.relative_to(ROOT)
        command = [ROOT / ".ci" / "peers", "--where", wanted]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if found.returncode:
            told = f"other people's packages are not installed: `.ci/peers {wanted}` does so, into the user's cache"
            pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
        return found.stdout.strip()

    return python_with


@pytest.fixture(scope="session")
def peers(python_with):
    """The Python that has other people's tracing packages."""
    return python_with(ROOT / "tests" / "e2e" / "beside" / "requirements.txt")


@pytest.fixture
def run(peers, tmp_path):
    """Runs a program with that Python, beside this checkout, in an environment that says nothing else."""

    def ran(program, *arguments, **variables):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "LANGFUSE_TRACING_ENVIRONMENT": "test",
            **{f"PROVSDK_{name.upper()}": str(tmp_path / name) for name in ("store", "keys", "state")},
            **variables,
        }
        command = [peers, program, *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done

    return ran
