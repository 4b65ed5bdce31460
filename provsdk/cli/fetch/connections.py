"""Connections of HTTP that are cut when the time is up, and that lead to no link-local address."""

import http.client
import ipaddress
import socket
import threading
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self
from urllib import request

from provsdk.cli.fetch.reading import Cannot

__all__ = ["Deadline", "Http", "Https", "is_link_local"]


class Deadline:
    """Cuts the connections that it watches when the time is up.

    A server that sends a byte now and then is never silent: no timeout of a socket ends it.
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._watched: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        self._timer.join()
        for one in self._watched:
            one.close()

    def watch(self, connected: socket.socket) -> None:
        """Has it cut in time. A duplicate is kept, as TLS takes the socket over."""
        with self._lock:
            self._watched.append(connected.dup())
        if self.is_over:
            self._cut()

    def _cut(self) -> None:
        self.is_over = True
        with self._lock:
            for one in self._watched:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


class _Connection(http.client.HTTPConnection):
    deadline: Deadline

    def connect(self) -> None:
        super().connect()
        self.deadline.watch(self.sock)
        # Asked of the connection itself: between a look at the name and this, its address may have changed.
        if is_link_local(str(self.sock.getpeername()[0])):
            raise Cannot("a link-local address, which is not fetched")


class _SecureConnection(http.client.HTTPSConnection, _Connection):
    """As `_Connection`, whose `connect` comes before the handshake of TLS."""


class Http(request.HTTPHandler):
    """Opens what begins with `http:`."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._made = partial(_made, _Connection, deadline)

    def http_open(self, req: request.Request) -> http.client.HTTPResponse:
        """The answer to a request."""
        return self.do_open(self._made, req)


class Https(request.HTTPSHandler):
    """Opens what begins with `https:`; certificates are checked."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._made = partial(_made, _SecureConnection, deadline)

    def https_open(self, req: request.Request) -> http.client.HTTPResponse:
        """The answer to a request."""
        return self.do_open(self._made, req)


def _made(kind: type[_Connection], deadline: Deadline, host: str, **settings: Any) -> _Connection:
    connection = kind(host, **settings)
    connection.deadline = deadline
    return connection


def is_link_local(address: str) -> bool:
    """Whether that is one of the addresses where clouds hand out a machine's credentials, however it is written."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_link_local
