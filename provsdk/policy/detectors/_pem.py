"""Private keys as PEM (RFC 7468) and OpenPGP (RFC 9580, section 6.2) write them."""

from __future__ import annotations

import re
from typing import Final

from provsdk.gate import Finding

__all__ = ["private_keys"]

_BEGIN: Final = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_END: Final = re.compile(r"-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_AROUND: Final = " \t\r\n\"',+>|"
"""What stands around lines of a key that is quoted somewhere."""
_CUT_OFF: Final = re.compile(rf"(?:[A-Za-z0-9+/=]{{16,}}+|\\[nr]|[{_AROUND}])*+(?:[A-Za-z0-9+/=]{{2,}}+)?")
"""Lines of a key whose end is not there."""
_LINE: Final = re.compile(r"[A-Za-z0-9+/=]{16,}")
_MIN_LETTERS: Final = 32
"""In its lines: a key of 256 bits has more."""
_MEMBER: Final = re.compile(r"""private_key\\?["']?\s{0,4}[:=]\s{0,4}\\?["']?\Z""")
"""Of a service account's file."""
_MEMBER_REACH: Final = 32


def private_keys(text: str) -> list[Finding]:
    """Private keys, each from its first line to its last, or to where it is cut off.

    >>> private_keys("-----BEGIN PRIVATE KEY----- is how it begins")
    []
    """
    found = []
    begin = _BEGIN.search(text)
    while begin is not None:
        start, behind = begin.end(), _end(text, begin.end())
        lines = sum(map(len, _LINE.findall(text, start, behind)))
        if lines >= _MIN_LETTERS and lines * 2 >= behind - start:
            is_member = _MEMBER.search(text, max(0, begin.start() - _MEMBER_REACH), begin.start())
            found.append(Finding("gcp_private_key" if is_member else "private_key", begin.start(), behind))
        begin = _BEGIN.search(text, behind)
    return found


def _end(text: str, start: int) -> int:
    """Where the key ends whose first line ends at `start`."""
    dashes = text.find("-----", start)
    end = _END.match(text, dashes) if dashes >= 0 else None
    if end is not None:
        return end.end()
    lines = _CUT_OFF.match(text, start)
    return start if lines is None else start + len(lines.group().rstrip(_AROUND))
