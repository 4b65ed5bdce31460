"""Web services on real servers, in processes of their own, and what they left in the store."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlencode

import pytest

import provsdk
from provsdk.pipeline import running

START_S = 30.0
STOP_S = 20.0

SERVERS = {
    "uvicorn": ["-m", "uvicorn", "{app}:app", "--port", "{port}", "--log-level", "warning"],
    "uvicorn-workers": ["-m", "uvicorn", "{app}:app", "--port", "{port}", "--log-level", "warning", "--workers", "2"],
    "hypercorn": ["-m", "hypercorn", "{app}:app", "--bind", "127.0.0.1:{port}", "--log-level", "warning"],
}  # fmt: skip


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_it_answers(port, process):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        with contextlib.suppress(OSError), contextlib.closing(socket.create_connection(("127.0.0.1", port), 1)):
            return
        time.sleep(0.05)
    raise AssertionError("the server does not answer")


@contextlib.contextmanager
def started(command, port, log, **arguments):
    """A server while it runs, which says nothing of an error of ours."""
    with (
        log.open("wb") as said,
        subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True, **arguments) as process,
    ):
        try:
            wait_until_it_answers(port, process)
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
            with contextlib.suppress(ProcessLookupError):  # its workers too, which may outlive it
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def served():
    """Serves the `app` of a module at a path, by a command, while the block runs; what it says goes to `server.log`."""

    @contextlib.contextmanager
    def served(module, command, room):
        port, log = free_port(), room / "server.log"
        command = [sys.executable, *(part.format(app=module.stem, port=port) for part in command)]
        environment = {**os.environ, "PYTHONPATH": str(module.parent)}
        with started(command, port, log, cwd=room, env=environment):
            yield port
        check(log)

    return served


@pytest.fixture(params=SERVERS)
def serve(request, serve_by):
    """Serves the `app` of a module at a path; answers the port."""
    return lambda module: serve_by(request.param, module)


@pytest.fixture
def serve_by(tmp_path, served):
    """The same by one of the servers."""
    with contextlib.ExitStack() as stack:
        yield lambda server, module: stack.enter_context(served(module, SERVERS[server], tmp_path))


@pytest.fixture
def prefork(tmp_path):
    """Serves the WSGI `app` of a module with gunicorn, which imports it before it forks two workers."""

    @contextlib.contextmanager
    def serving(module):
        port, log = free_port(), tmp_path / "server.log"
        command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--bind", f"127.0.0.1:{port}"]
        command += ["--config", f"python:{module.stem}", "--log-level", "warning", f"{module.stem}:app"]
        environment = {**os.environ, "PYTHONPATH": str(module.parent)}
        with started(command, port, log, cwd=tmp_path, env=environment) as process:
            yield port
            process.send_signal(signal.SIGTERM)  # its workers end the requests that they are at
            process.wait(STOP_S)
        check(log)

    return serving


def check(log):
    said = log.read_text()
    assert "different Context" not in said
    assert "Traceback" not in said, said


@pytest.fixture
def get():
    """The body of a response, read to its end."""

    def got(port, path, **query):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", f"{path}?{urlencode(query)}")
            return connection.getresponse().read().decode()

    return got


@pytest.fixture
def records():
    """Records of outputs of a name, from the store that the server writes."""

    def found(name, at_least=1, seconds=20.0):
        if running() is None:
            provsdk.configure(service="reader")
        store = running().store()
        deadline = time.monotonic() + seconds
        while True:
            known = [one.record_id for one in store.summaries(newest_first=False) if one.name == name]
            if len(known) >= at_least or time.monotonic() > deadline:
                return [store.fold(record_id).record for record_id in known]
            time.sleep(0.05)

    return found


class Proxy:
    """A proxy before a server, that can be told how to break connections (Toxiproxy)."""

    def __init__(self, api, process):
        self._api, self._process = api, process
        self.port = free_port()

    def before(self, port):
        """Starts to listen."""
        self._tell("/proxies", name="web", listen=f"127.0.0.1:{self.port}", upstream=f"127.0.0.1:{port}", enabled=True)

    def cuts(self, kind, **attributes):
        """Adds a toxic to what goes to the client."""
        self._tell("/proxies/web/toxics", type=kind, stream="downstream", attributes=attributes)

    def kill(self):
        """As a machine that is switched off."""
        self._process.kill()

    def _tell(self, path, **said):
        connection = http.client.HTTPConnection("127.0.0.1", self._api, timeout=20)
        with contextlib.closing(connection):
            connection.request("POST", path, json.dumps(said), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            assert answer.status < 300, answer.read()


@pytest.fixture
def proxy(tmp_path):
    port = free_port()
    command = ["toxiproxy-server", "-host", "127.0.0.1", "-port", str(port)]
    with started(command, port, tmp_path / "proxy.log") as process:
        yield Proxy(port, process)
