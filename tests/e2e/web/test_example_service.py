"""The example service on real servers: whole answers, streams, clients that go away, tasks in the background."""

import contextlib
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from provsdk.digest import digest, plain

SERVICE = Path(__file__).parents[3] / "examples" / "fastapi_service" / "app.py"
QUESTION = {"question": "How long do you keep a parcel that nobody fetches?", "session": "s-1"}


@pytest.fixture
def port(serve):
    return serve(SERVICE)


def read_some_and_leave(port):
    """The first event of a stream, and then the client hangs up."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), 20)) as client:
        client.sendall(f"GET /stream?{urlencode(QUESTION)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = b""
        while b"data: " not in received:
            received += client.recv(4096)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # a reset


def test_a_whole_answer_is_sealed_before_the_response_leaves(port, get, records):
    text = json.loads(get(port, "/ask", **QUESTION))["answer"]

    (record,) = records("answer", seconds=0)
    assert record.output.digest == plain(digest(text))
    assert record.context.session == "s-1"
    assert [source.name for source in record.sources] == ["Parcels", "Returns"]
    assert record.model_calls[0].stream.chunks > 1
    assert [check.result for check in record.policy_checks] == ["pass"]


def test_a_task_in_the_background_has_a_record_of_its_own(port, get, records):
    get(port, "/ask", **QUESTION)

    (record,) = records("digest")
    assert record.output.status == "completed"


def test_a_task_in_the_background_of_a_stream_has_one_too(port, get, records):
    """It begins when the stream's response has left, and is no part of the stream's record."""
    get(port, "/stream", **QUESTION)

    (digest_of_week,) = records("digest")
    (stream,) = records("streamed-answer")
    assert digest_of_week.output.status == "completed"
    assert digest_of_week.output.started_at >= stream.output.ended_at
    assert not isinstance(digest_of_week.trace.parent_record_id, str)
    assert stream.completeness.complete


def test_a_stream_that_was_read_is_completed_with_what_the_client_got(port, get, records):
    text = get(port, "/stream", **QUESTION)

    (record,) = records("streamed-answer")
    output = record.output
    assert (output.status, output.digest) == ("completed", plain(digest(text)))
    assert (output.stream.boundary, output.stream.undelivered, output.stream.disconnected) == ("asgi", 0, False)
    assert output.stream.chunks == text.count("data:")
    said = record.model_calls[0].results[0].entity_id
    assert (output.output_id, said, "containment") in [(one.from_, one.to, one.basis) for one in record.flow]
    assert record.sources
    assert record.completeness.complete


def test_a_stream_whose_client_went_away_holds_the_prefix_and_says_so(port, get, records):
    read_some_and_leave(port)

    (record,) = records("streamed-answer")
    output = record.output
    assert (output.status, output.stream.boundary) == ("closed_early", "asgi")
    whole = get(port, "/stream", **QUESTION)
    events = [event + "\n\n" for event in whole.split("\n\n")[:-1]]
    assert 1 <= output.stream.chunks < len(events)
    assert output.digest == plain(digest("".join(events[: output.stream.chunks])))
    assert output.stream.disconnected


def test_requests_at_the_same_time_do_not_mix(port, get, records):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: get(port, "/stream", **{**QUESTION, "session": f"s-{n}"}), range(24)))

    found = records("streamed-answer", at_least=24)
    assert sorted(record.context.session for record in found) == sorted(f"s-{n}" for n in range(24))
    assert {record.output.status for record in found} == {"completed"}
    assert {len(record.model_calls) for record in found} == {1}
