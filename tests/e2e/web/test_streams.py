"""Every way in which FastAPI streams, read to the end and left in the middle."""

import contextlib
import socket
from pathlib import Path

import pytest
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, StreamEnded

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


class Http2:
    """A client of one connection, whose requests share it."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), 20)
        self._connection = H2Connection()
        self._connection.initiate_connection()
        self._host = f"127.0.0.1:{port}"
        self.received = {}
        self.ended = set()

    def get(self, path):
        """Asks for it; answers the number of the stream that it comes by."""
        number = self._connection.get_next_available_stream_id()
        head = {":method": "GET", ":scheme": "http", ":authority": self._host, ":path": path}
        self._connection.send_headers(number, list(head.items()), end_stream=True)
        self.received[number] = ""
        return number

    def take(self):
        """Whatever comes next."""
        self._socket.sendall(self._connection.data_to_send())
        for event in self._connection.receive_data(self._socket.recv(65536)):
            if isinstance(event, DataReceived):
                self.received[event.stream_id] += event.data.decode()
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                self.ended.add(event.stream_id)

    def reset(self, number):
        """No more of it is wanted."""
        self._connection.reset_stream(number, ErrorCodes.CANCEL)
        self._socket.sendall(self._connection.data_to_send())

    def close(self):
        self._socket.close()


def test_streams_that_share_a_connection_of_http_2_end_each_in_its_own_way(serve_by, records):
    with contextlib.closing(Http2(serve_by("hypercorn", APP))) as client:
        whole, left = client.get(f"/text?count={MANY // 4}"), client.get(f"/async-text?count={MANY}")
        while "sentence 7 " not in client.received[left]:
            client.take()
        client.reset(left)
        received = client.received[left]
        (cut,) = records("async-text")
        while whole not in client.ended:
            client.take()
        (completed,) = records("text")

    assert (completed.output.status, completed.output.stream.undelivered) == ("completed", 0)
    assert completed.output.digest == plain(digest(client.received[whole]))
    stream = cut.output.stream
    assert (cut.output.status, stream.boundary, stream.disconnected) == ("closed_early", "asgi", True)
    assert received.count("of the stream") <= stream.chunks < MANY
    assert cut.output.digest == plain(digest("".join(map(sentence, range(stream.chunks)))))
