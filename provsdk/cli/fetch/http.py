"""Fetches a URL again, carefully: no credentials, no cookies, no other scheme, no more than the bounds."""

import http.client
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import IO, Any, Final
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit

import provsdk
from provsdk.cli.fetch.connections import Deadline, Http, Https, is_link_local
from provsdk.cli.fetch.reading import CHUNK_BYTES, Cannot, Gone, digested
from provsdk.report.verdicts import Content

__all__ = ["fetch_http"]

MAX_BYTES: Final = 256 * 1024 * 1024
SILENCE_S: Final = 10.0
"""Seconds without a byte after which a server is given up."""
SECONDS: Final = 60.0
MAX_REDIRECTS: Final = 5


def fetch_http(url: str) -> Content:
    """The content of a URL.

    Raises:
        Gone: the server says that it is not there (404, 410).
        Cannot: the server cannot be reached, wants credentials, fails, is too slow or has too much.
    """
    _refuse_own_network(url)
    with Deadline(SECONDS) as deadline:
        try:
            found = _fetched(request.Request(_without_user(url), headers=_HEADERS), deadline)  # noqa: S310 http and https alone, by the caller
        except Cannot:
            if not deadline.is_over:
                raise
        if deadline.is_over:
            raise Cannot(f"not read within {SECONDS:.0f} s")
        return found


def _fetched(wanted: request.Request, deadline: Deadline) -> Content:
    try:
        with _opener(deadline).open(wanted, timeout=SILENCE_S) as answer:
            _refuse_other_content(answer)
            return digested(
                _chunks(answer),
                max_bytes=MAX_BYTES,
                seconds=SECONDS,
                modified_at=_date(answer.headers.get("Last-Modified")),
                etag=answer.headers.get("ETag"),
            )
    except HTTPError as error:
        with error:
            raise _by_status(error.code) from None
    except URLError as error:
        raise Cannot(f"cannot be reached: {_kind(error.reason)}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Cannot(f"cannot be reached: {_kind(error)}") from None


_HEADERS: Final = {"User-Agent": f"provsdk/{provsdk.__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}


class _Redirects(request.HTTPRedirectHandler):
    """Follows to http and https only, and never from https back to http."""

    max_redirections = MAX_REDIRECTS

    def redirect_request(
        self,
        req: request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage | Message,
        newurl: str,
    ) -> request.Request | None:
        """The next request, or an error that says why there is none."""
        scheme = urlsplit(newurl).scheme.lower()
        if scheme not in {"http", "https"} or (scheme == "http" and req.type == "https"):
            raise Cannot(f"redirected from {req.type}: to {scheme or 'nothing'}:, which is not followed")
        _refuse_own_network(newurl)
        return super().redirect_request(req, fp, code, msg, headers, _without_user(newurl))  # type: ignore[arg-type] # as typeshed has it


def _opener(deadline: Deadline) -> request.OpenerDirector:
    """What `urllib` opens with, without its handlers of files, FTP, data, passwords and cookies."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.UnknownHandler(),
        Http(deadline),
        Https(deadline),
        request.HTTPDefaultErrorHandler(),
        _Redirects(),
        request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    opener.addheaders = []
    return opener


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def _refuse_own_network(url: str) -> None:
    """A recorded address may be anybody's text: link-local ones are where clouds hand out a machine's credentials."""
    host = urlsplit(url).hostname
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM) if host else []
    except (OSError, UnicodeError):
        return  # a proxy may know it; whoever does not says so when it is fetched
    if any(is_link_local(str(address[4][0])) for address in found):
        raise Cannot("a link-local address, which is not fetched")


def _refuse_other_content(answer: http.client.HTTPResponse) -> None:
    """An answer that holds a part of the content, none, or another form of it would be taken for a change of it."""
    if answer.status != http.client.OK:
        raise _by_status(answer.status)
    if answer.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise Cannot("its answer is compressed, which was not asked for")


def _by_status(code: int) -> Cannot | Gone:
    if code in {404, 410}:
        return Gone(f"the server says that it is not there ({code})")
    if code in {401, 403, 407}:
        return Cannot(f"the server wants credentials ({code}), and none are sent")
    return Cannot(f"the server answers {code}")


def _kind(reason: Any) -> str:
    return reason if isinstance(reason, str) else type(reason).__name__


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC) if found else None


def _chunks(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    while chunk := answer.read1(CHUNK_BYTES):  # what has come: `read` waits until it has so many
        yield chunk
    if answer.length:  # what is left of the length that was announced: reading does not mind
        raise Cannot("its answer was cut short")
