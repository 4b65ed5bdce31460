"""E-mail addresses, by the rule of what mail systems accept (RFC 5321, RFC 6531) and people write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from provsdk.policy.detectors._pii_found import CERTAIN, Found

__all__ = ["emails"]

MAX_LOCAL: Final = 64
MAX_DOMAIN: Final = 255

_AT: Final = re.compile(r"@(?=[^\W_])(?<=[\w'%+-]@)")
_LOCAL: Final = re.compile(r"[A-Za-z0-9._%+'\u00c0-\u052f-]+")
"""Of the reversed text. RFC 5322 allows more; quotes, slashes and equals signs more often stand beside an address."""
_FOREIGN_LOCAL: Final = re.compile(r"[\w.+-]+")
_DOMAIN: Final = re.compile(
    r"(?:[A-Za-z0-9\u00c0-\u052f](?:[A-Za-z0-9\u00c0-\u052f-]{0,61}[A-Za-z0-9\u00c0-\u052f])?\.)+"
    r"(?:xn--[A-Za-z0-9-]{2,59}|[A-Za-z]{2,63}|[\u00c0-\u052f]{2,63})(?![A-Za-z0-9_])"
)
_FOREIGN_DOMAIN: Final = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,63}")
_FILE_NAMES: Final = frozenset(
    ("png", "jpg", "jpeg", "gif", "svg", "webp", "pdf", "json", "yaml", "xml", "html", "txt")
)
"""No domain ends so: `icon@2x.png` is a file."""
_OF_A_URL: Final = re.compile(r"//[^\s/@]*\Z")
_OF_A_MESSAGE: Final = re.compile(r"(?i)(?:message-id|references|in-reply-to):\s*<\Z")
_OF_A_REMOTE: Final = re.compile(r":[\w~][\w./~-]*/|:[\w-]+\.git\b")


def emails(text: str) -> Iterator[Found]:
    """The addresses of a text, in order.

    >>> list(emails("Ask Ana <ana.sousa@example.org>."))
    [Found(start=9, end=30, kind='email', rank=4)]
    """
    sign = _AT.search(text)
    while sign is not None:
        at = sign.start()
        start, end = at - len(_local(text, at)), at + 1 + len(_domain(text, at + 1))
        if start < at and end > at + 1 and not _is_of_something_else(text, start, end):
            yield Found(start, end, "email", CERTAIN)
        sign = _AT.search(text, max(end, at + 1))


def _local(text: str, at: int) -> str:
    head = text[max(0, at - MAX_LOCAL - 1) : at][::-1]
    match = _LOCAL.match(head) or _FOREIGN_LOCAL.match(head)
    local = match.group().rstrip("'-.%+") if match else ""
    return "" if local.startswith(".") or ".." in local or len(local) > MAX_LOCAL else local


def _domain(text: str, start: int) -> str:
    tail = text[start : start + MAX_DOMAIN]
    match = _DOMAIN.match(tail) or (None if tail[:1].isascii() else _FOREIGN_DOMAIN.match(tail))
    domain = match.group() if match else ""
    return "" if domain.rpartition(".")[2].lower() in _FILE_NAMES else domain


def _is_of_something_else(text: str, start: int, end: int) -> bool:
    """User information of a URL, a message's name, a repository's remote."""
    before = text[max(0, start - MAX_LOCAL) : start]
    return bool(_OF_A_URL.search(before) or _OF_A_MESSAGE.search(before) or _OF_A_REMOTE.match(text, end, end + 99))
