"""Text that is safe to put on a terminal, whatever it came from.

Names, locations and notes are other people's text. On a terminal a control character moves the cursor or starts an
escape sequence, a bidirectional mark reorders what stands beside it, an invisible one makes two names look alike. Each
of these becomes U+FFFD, so that the reader sees that something stood there. Letters of every script stay as they are.
"""

import re
from typing import Final

__all__ = ["as_json_text", "lines", "printable"]

_BEYOND_C0: Final = (
    "\x7f-\x9f"  # DEL and C1: the 8-bit escapes
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"  # soft hyphen, Arabic letter mark, blank fillers
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"  # zero width space, marks, separators, embeddings, isolates
    "\u3164\ufeff\uffa0\ufff9-\ufffb"  # Hangul fillers, byte order mark, interlinear annotation
    "\ud800-\udfff"  # lone surrogates: no encoding writes them
    "\U000e0000-\U000e007f"  # tags: invisible text
)
"""U+200C and U+200D are not among them: Persian, Indic scripts and emoji cannot be spelled without them."""

_BAD: Final = re.compile(f"[\x00-\x1f{_BEYOND_C0}]")
_SPACES: Final = re.compile(r"[\t\r\n]+")
_BAD_IN_JSON: Final = re.compile(f"[{_BEYOND_C0}]")
"""JSON writes C0 as an escape itself, and its layout needs the line ends."""


def printable(text: object, limit: int | None = None) -> str:
    """One line of text that does nothing to a terminal but show letters.

    Tabs and line ends become a space, what is unsafe becomes U+FFFD, and beyond *limit* characters the text ends in an
    ellipsis.
    """
    line = _BAD.sub("\ufffd", _SPACES.sub(" ", str(text)))
    return line if limit is None or len(line) <= limit else line[: max(limit - 1, 0)] + "…"


def lines(text: str) -> list[str]:
    """The lines of a text of several, each printable."""
    return [printable(line) for line in re.split(r"\r\n|\r|\n", text)]


def as_json_text(text: str) -> str:
    r"""JSON text that is as safe as `printable`, and means the same.

    What is unsafe can stand only inside strings there, except for the white space of the layout; it is written as
    `\uXXXX`.
    """
    return _BAD_IN_JSON.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass").hex()
    return "".join("\\u" + units[start : start + 4] for start in range(0, len(units), 4))
