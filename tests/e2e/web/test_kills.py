"""The process of a server is killed while it streams: what it was streaming is a gap with its name."""

import contextlib
import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from provsdk.store.gaps import absences
from provsdk.store.open import open_store
from provsdk.store.verify import verify

APP = Path(__file__).with_name("streams_app.py")
PATHS = ["async-text", "text", "async-events", "events", "lines"]
ENOUGH_S = 20.0


def kills_it_while_it_streams(port, path):
    """Reads some chunks, then kills whoever sends them; the client finds the connection closed."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), 20)) as client:
        client.sendall(f"GET /{path}?count=1000 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = b""
        while b"sentence 3 " not in received:
            received += client.recv(4096)
        os.kill(int(re.search(rb"x-process: (\d+)", received)[1]), signal.SIGKILL)
        with contextlib.suppress(ConnectionError):
            while client.recv(4096):
                pass


def gaps_once_there_are_some(place):
    deadline = time.monotonic() + ENOUGH_S
    while True:
        with contextlib.closing(open_store(place / ".provsdk", keys=place / "keys", state=place / "state")) as store:
            gaps, report = absences(store, place / ".provsdk").gaps, verify(store)
        if gaps or time.monotonic() > deadline:
            assert report.ok, report.findings
            return gaps


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_whose_process_is_killed_is_a_gap_with_its_name(serve, get, tmp_path, path):
    port = serve(APP)
    get(port, f"/{path}", count=1)

    kills_it_while_it_streams(port, path)

    (gap,) = gaps_once_there_are_some(tmp_path)
    assert (gap.name, gap.reason) == (path, "killed")
    assert gap.started_at
