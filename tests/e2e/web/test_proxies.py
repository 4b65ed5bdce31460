"""A proxy stands between client and server, and cuts the connection: the record says what was sent until then."""

import contextlib
import socket
from pathlib import Path

import pytest

from provsdk.digest import digest, plain

pytestmark = pytest.mark.needs("toxiproxy-server")

APP = Path(__file__).with_name("streams_app.py")
MANY = 200


def sentence(n):
    return f"sentence {n} of the stream\n"


def received_until_cut(port, path):
    """What reaches a client that would read all of it."""
    received = b""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), 20)) as client:
        client.sendall(f"GET /{path}?count={MANY} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            while some := client.recv(4096):
                received += some
                yield received.decode()


CUTS = {
    "after some bytes": ("limit_data", {"bytes": 600}),
    "with a reset": ("reset_peer", {"timeout": 300}),
}


@pytest.mark.parametrize("path", ["async-text", "text", "async-events", "events"])
@pytest.mark.parametrize("cut", [*CUTS, "killed"])
def test_a_proxy_that_cuts_a_stream(serve, proxy, records, cut, path):
    proxy.before(serve(APP))
    if cut in CUTS:
        proxy.cuts(CUTS[cut][0], **CUTS[cut][1])

    received = ""
    for received in received_until_cut(proxy.port, path):
        if cut == "killed" and "sentence 5 " in received:
            proxy.kill()

    (record,) = records(path)
    output = record.output
    assert received.count("of the stream") < MANY, "the proxy cut nothing"
    assert (output.status, output.stream.boundary, output.stream.disconnected) == ("closed_early", "asgi", True)
    assert received.count("of the stream") <= output.stream.chunks < MANY
    if path.endswith("text"):
        assert output.digest == plain(digest("".join(map(sentence, range(output.stream.chunks)))))
