"""The example service on real servers: whole answers, streams, clients that go away, tasks in the background."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

import provsdk
from provsdk.digest import digest, plain
from provsdk.pipeline import running

SERVICE = Path(__file__).parents[2] / "examples" / "fastapi_service"
QUESTION = {"question": "How long do you keep a parcel that nobody fetches?", "session": "s-1"}
START_S = 30.0

SERVERS = {
    "uvicorn": ["-m", "uvicorn", "app:app", "--port", "{port}", "--log-level", "warning"],
    "uvicorn-workers": ["-m", "uvicorn", "app:app", "--port", "{port}", "--log-level", "warning", "--workers", "2"],
    "hypercorn": ["-m", "hypercorn", "app:app", "--bind", "127.0.0.1:{port}", "--log-level", "warning"],
}  # fmt: skip


@pytest.fixture(params=SERVERS)
def server(request, tmp_path):
    port = free_port()
    command = [sys.executable, *(part.format(port=port) for part in SERVERS[request.param])]
    log = (tmp_path / "server.log").open("wb")
    with subprocess.Popen(command, cwd=SERVICE, stdout=log, stderr=log, env=os.environ) as process:
        try:
            wait_until_it_answers(port, process)
            yield port, request.param
        finally:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
    log.close()
    said = (tmp_path / "server.log").read_text()
    assert "different Context" not in said
    assert "Traceback" not in said, said


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


def get(port, path, **query):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", f"{path}?{urlencode({**QUESTION, **query})}")
        return connection.getresponse().read().decode()


def read_some_and_leave(port):
    """The first event of a stream, and then the client hangs up."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), 20)) as client:
        client.sendall(f"GET /stream?{urlencode(QUESTION)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = b""
        while b"data: " not in received:
            received += client.recv(4096)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # a reset, as a cut proxy sends


def records(name, at_least=1, seconds=20.0):
    """Records of outputs of that name, read from the store that the server wrote."""
    if running() is None:
        provsdk.configure(service="reader")
    store = running().store()
    deadline = time.monotonic() + seconds
    while True:
        found = [one.record_id for one in store.summaries(newest_first=False) if one.name == name]
        if len(found) >= at_least or time.monotonic() > deadline:
            return [store.fold(record_id).record for record_id in found]
        time.sleep(0.05)


def test_a_whole_answer_is_sealed_before_the_response_leaves(server):
    port, _ = server
    text = json.loads(get(port, "/ask"))["answer"]

    (record,) = records("answer", seconds=0)
    assert record.output.digest == plain(digest(text))
    assert record.context.session == "s-1"
    assert [source.name for source in record.sources] == ["Parcels", "Returns"]
    assert record.model_calls[0].stream.chunks > 1
    assert [check.result for check in record.policy_checks] == ["pass"]


def test_a_task_in_the_background_has_a_record_of_its_own(server):
    port, _ = server
    get(port, "/ask")

    (record,) = records("digest")
    assert record.output.status == "completed"


def test_a_stream_that_was_read_is_completed_with_what_the_client_got(server):
    port, _ = server
    text = get(port, "/stream")

    (record,) = records("streamed-answer")
    output = record.output
    assert (output.status, output.digest) == ("completed", plain(digest(text)))
    assert (output.stream.boundary, output.stream.undelivered, output.stream.disconnected) == ("asgi", 0, False)
    assert output.stream.chunks == text.count("data:")
    assert record.sources
    assert record.completeness.complete


def test_a_stream_whose_client_went_away_holds_the_prefix_and_says_so(server):
    port, name = server
    read_some_and_leave(port)

    (record,) = records("streamed-answer")
    output = record.output
    assert (output.status, output.stream.boundary) == ("closed_early", "asgi")
    whole = get(port, "/stream")
    events = [event + "\n\n" for event in whole.split("\n\n")[:-1]]
    assert 1 <= output.stream.chunks < len(events)
    assert output.digest == plain(digest("".join(events[: output.stream.chunks])))
    assert output.stream.disconnected, name


def test_requests_at_the_same_time_do_not_mix(server):
    from concurrent.futures import ThreadPoolExecutor

    port, _ = server
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: get(port, "/stream", session=f"s-{n}"), range(24)))

    found = records("streamed-answer", at_least=24)
    assert sorted(record.context.session for record in found) == sorted(f"s-{n}" for n in range(24))
    assert {record.output.status for record in found} == {"completed"}
    assert {len(record.model_calls) for record in found} == {1}
