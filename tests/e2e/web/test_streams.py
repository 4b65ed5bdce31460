"""Every way in which FastAPI streams, read to the end and left in the middle."""

import contextlib
import socket
from pathlib import Path

import pytest

from provsdk.digest import digest, plain

APP = Path(__file__).with_name("streams_app.py")
PATHS = ["async-text", "text", "async-events", "events", "lines"]
CHUNKS = 5
MANY = 200


def sentence(n):
    return f"sentence {n} of the stream\n"


def reads_and_leaves(port, path, word):
    """Reads until that word is there, and hangs up; answers what came."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), 20)) as client:
        client.sendall(f"GET /{path}?count={MANY} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = b""
        while word not in received:
            received += client.recv(4096)
    return received.decode()


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_that_was_read_is_whole_in_its_record(serve, get, records, path):
    port = serve(APP)

    text = get(port, f"/{path}", count=CHUNKS)

    assert text.count("of the stream") == CHUNKS
    (record,) = records(path, seconds=0)
    output = record.output
    assert (output.status, output.stream.chunks, output.stream.undelivered) == ("completed", CHUNKS, 0)
    assert (output.stream.boundary, output.stream.disconnected) == ("asgi", False)
    if path.endswith("text"):
        assert output.digest == plain(digest(text))
    assert record.completeness.complete


@pytest.mark.parametrize("path", PATHS)
def test_of_a_stream_that_was_left_the_record_holds_what_was_sent(serve, records, path):
    port = serve(APP)

    received = reads_and_leaves(port, path, b"sentence 7 ")

    (record,) = records(path)
    output = record.output
    assert (output.status, output.stream.boundary, output.stream.disconnected) == ("closed_early", "asgi", True)
    assert received.count("of the stream") <= output.stream.chunks < MANY
    if path.endswith("text"):
        assert output.digest == plain(digest("".join(map(sentence, range(output.stream.chunks)))))


def test_a_stream_that_is_joined_for_its_response_is_whole_in_its_record(serve, get, records):
    port = serve(APP)
    get(port, "/joined", count=CHUNKS)
    (record,) = records("async-text", seconds=0)
    assert (record.output.status, record.output.stream.undelivered) == ("completed", 0)
    assert record.output.digest == plain(digest("".join(map(sentence, range(CHUNKS)))))
