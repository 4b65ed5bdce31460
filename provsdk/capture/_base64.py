"""Texts that travel in base64 (RFC 4648, either alphabet)."""

import base64
import re
from typing import Final

__all__ = ["out_of_base64"]

_PACKED: Final = re.compile(r"[A-Za-z0-9+/_\-\r\n]{32,}={0,2}\s*")
_TO_STANDARD: Final = str.maketrans("-_", "+/", "\r\n")


def out_of_base64(text: str) -> str | None:
    """What a text says in base64, where that is text; None of everything else.

    >>> out_of_base64("QSBwYXJjZWwgdGhhdCBub2JvZHkgZmV0Y2hlcw==")
    'A parcel that nobody fetches'
    >>> out_of_base64("A parcel that nobody fetches")
    """
    if _PACKED.fullmatch(text) is None:
        return None
    try:
        return base64.b64decode(text.strip().translate(_TO_STANDARD), validate=True).decode()
    except ValueError:
        return None
