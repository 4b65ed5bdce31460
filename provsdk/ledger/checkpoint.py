"""Checkpoints: origin, size and root of a log (C2SP tlog-checkpoint), the text that a signed note carries."""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from provsdk.errors import FormatError
from provsdk.ledger.merkle import HASH_BYTES

__all__ = ["MAX_SIZE", "Checkpoint", "parse"]

MAX_SIZE: Final = 2**63 - 1
"""The largest size that is read: what other software keeps in a signed 64-bit integer."""

_MIN_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log states of itself."""

    origin: str
    """The log's name."""
    size: int
    """Number of entries."""
    root: bytes
    """Root of the tree over them, 32 bytes."""
    extensions: tuple[str, ...] = ()
    """Further lines, signed too; this version writes none and gives them no meaning."""

    def text(self) -> str:
        """The text to sign: one line each, the last ended too."""
        return "\n".join((self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions, ""))


def parse(text: str) -> Checkpoint:
    """The checkpoint of a note's text.

    Raises:
        FormatError: not three lines or more, each ended and none empty; a size with leading zeros, with a sign or
            beyond 63 bits; a root that is not 32 bytes in canonical base64.
    """
    lines = text.split("\n")
    if lines.pop() or len(lines) < _MIN_LINES or not all(lines):
        raise FormatError("checkpoint: expected lines of origin, size and root, each ended, none empty")
    origin, size, root, *extensions = lines
    return Checkpoint(origin, _size(size), _root(root), tuple(extensions))


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or (text[0] == "0" and text != "0") or len(text) > len(str(MAX_SIZE)):
        raise FormatError(f"checkpoint: expected a decimal size without leading zeros, got {text[:40]!r}")
    size = int(text)
    if size > MAX_SIZE:
        raise FormatError(f"checkpoint: expected a size of at most {MAX_SIZE}, got {size}")
    return size


def _root(text: str) -> bytes:
    try:
        root = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise FormatError("checkpoint: the root is not base64") from None
    # The second spelling that base64 has for some lengths is refused: one checkpoint, one text.
    if len(root) != HASH_BYTES or base64.b64encode(root).decode() != text:
        raise FormatError(f"checkpoint: expected a root of {HASH_BYTES} bytes in canonical base64, got {len(root)}")
    return root
