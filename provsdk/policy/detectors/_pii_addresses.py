"""Internet addresses of machines, versions 4 and 6 (RFC 4291), that could be somebody's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from provsdk.policy.detectors._pii_found import CERTAIN, Found
from provsdk.policy.detectors._pii_text import is_of_a_word, starts_there
from provsdk.policy.detectors._pii_words import OTHER, label_of

__all__ = ["addresses_v4", "addresses_v6"]

_V4: Final = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
_V4_END: Final = re.compile(r"(?![0-9A-Za-z_]|[.-][0-9A-Za-z])")
_PRODUCT: Final = re.compile(r"[A-Za-z]/\Z")
"""Before a version in a list of products (RFC 9110, section 10.1.5)."""
_ADDRESSED: Final = re.compile(r"(?i)\b(?:ip(?:v4)?|address|adresse|host|server|client|gateway|dns|ping|from|von|de)\b")
_SMALL: Final = 9
"""Four numbers of one digit are a section or a version rather than an address."""

_V6_ANCHOR: Final = re.compile(r":[0-9A-Fa-f]{0,4}:")
_V6_HEAD: Final = re.compile(r"[0-9A-Fa-f]{1,4}(?![0-9A-Za-z_:])")
"""Of the reversed text, before the first colon."""
_V6_RUN: Final = re.compile(r"[0-9A-Fa-f:]*+(?:\.[0-9]{1,3}){0,3}")
"""With the last four bytes as a version 4 address (RFC 4291, section 2.2)."""
_SUBSCRIPT: Final = re.compile(r"[\w)\]]\[\Z")
"""Before a slice, as `rows[10::2]`."""
MAX_V6: Final = 45


def addresses_v4(text: str, start: int, end: int) -> Iterator[Found]:
    """The addresses of version 4 in a part of a text; those that are nobody's (loopback, multicast, masks) are none.

    >>> text = "from 203.0.113.7, not version 203.0.113.7"
    >>> [(one.start, one.end) for one in addresses_v4(text, 0, len(text))]
    [(5, 16)]
    """
    if text.count(".", start, end) < 3:
        return
    for match in _V4.finditer(text, start, end):
        if starts_there(text, match.start()) and _V4_END.match(text, match.end()) and _is_v4(text, match):
            yield Found(match.start(), match.end(), "ip_address", CERTAIN)


def addresses_v6(text: str) -> Iterator[Found]:
    """The addresses of version 6 of a text.

    >>> list(addresses_v6("at 2001:db8::7:1, at 10:30:00"))
    [Found(start=3, end=16, kind='ip_address', rank=4)]
    """
    anchor = _V6_ANCHOR.search(text)
    while anchor is not None:
        head = _V6_HEAD.match(text[max(0, anchor.start() - 6) : anchor.start()][::-1])
        start = anchor.start() - (head.end() if head else 0)
        run = _V6_RUN.match(text, start)
        end = run.end() if run else anchor.end()
        if text.endswith(":", start, end) and not text.endswith("::", start, end):
            end -= 1
        if _is_v6(text, start, end):
            yield Found(start, end, "ip_address", CERTAIN)
        anchor = _V6_ANCHOR.search(text, max(end, anchor.end()))


def _is_v4(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - 32) : match.start()]
    if not _is_somebodys(match.group()) or _PRODUCT.search(before):
        return False
    if max(map(int, match.group().split("."))) <= _SMALL:
        return _ADDRESSED.search(before) is not None
    return OTHER not in label_of(text, match.start(), len(text)).names


def _is_v6(text: str, start: int, end: int) -> bool:
    groups = [group for group in text[start:end].split(":") if group]
    if end - start > MAX_V6 or len(groups) < 2 or not any(letter.isdigit() for letter in text[start:end]):
        return False
    if _SUBSCRIPT.search(text, max(0, start - 2), start):
        return False
    around = text[max(0, start - 1) : start] + text[end : end + 1]
    return not any(map(is_of_a_word, around)) and _is_somebodys(text[start:end])


def _is_somebodys(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return not (found.is_loopback or found.is_multicast or found.is_unspecified or _is_mask(found))


def _is_mask(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is a mask, or of this network (RFC 6890)."""
    return address.version == 4 and address.packed[0] in {0, 255}
