"""What fetching a source again came to: verified, changed, gone, or unknown, and why. Pure: nothing is fetched here.

`verified` is said only where the content itself was compared and was equal: with the digest of what was loaded, or with
the checksum that was stated of it. `changed`: what is there now is not what was loaded. What is there may also be more
than what was loaded (a page, of which a part became the source); where it was not modified since, by its date or by its
ETag, unequal bytes are therefore `unknown`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from rich.text import Text

from provsdk.records.record import Checksum, Entity, Source
from provsdk.report.layout import cell
from provsdk.report.steps import parse_time
from provsdk.vocabulary import ChecksumResult

__all__ = ["Content", "Result", "Verdict", "judge", "verdict_cell", "verdict_json"]

Result = Literal["verified", "changed", "gone", "unknown"]

TICK: Final = timedelta(milliseconds=20)
"""A file system's clock may be so much behind: a date that is no older is no proof that nothing was changed since."""

SECOND: Final = timedelta(seconds=1)
"""The same for dates without a fraction, as HTTP has them."""

_WHOLE: Final = frozenset({"text/plain", "application/octet-stream"})
"""Values whose digest is that of their bytes; that of a container is not."""

_STYLES: Final = {"verified": "green", "changed": "bold red", "gone": "bold red", "unknown": "yellow"}


@dataclass(frozen=True, slots=True)
class Content:
    """What was found at a source's location, without keeping it."""

    digests: Mapping[str, str]
    """Hexadecimal digests of its bytes by algorithm; `sha256` is always there."""
    as_text: str
    """SHA-256 of the same with line ends as a line feed and without a byte order mark: as Python reads text."""
    modified_at: datetime | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison came to."""

    result: Result
    why: str
    observed: str | None = None
    """`sha256:<hex>` of what is there now, where it was fetched."""


def judge(source: Source, content: Content, join: Callable[[bytes], str] | None = None) -> Verdict:
    """Compares what is there now with what was loaded.

    Args:
        source: as its record has it.
        content: what was fetched.
        join: makes join digests, where the digest key is at hand and the record has no plain digest.
    """
    observed = f"sha256:{content.digests['sha256']}"
    equal = _equal(source, content, join)
    if equal is not None:
        return Verdict("verified", equal, observed)
    unmodified = _unmodified(source, content)
    if unmodified is not None:
        return Verdict(
            "unknown", f"{unmodified}; what was loaded is not all of its bytes, or was made of them", observed
        )
    modified = _modified(source, content)
    if source.media_type not in _WHOLE and not _stated(source):
        since = f"{modified}, and" if modified else "nothing dates what is there, and"
        return Verdict("unknown", f"{since} what was loaded is no text or bytes that could be compared", observed)
    return Verdict("changed", modified or "its bytes are not what was loaded", observed)


def _equal(source: Source, content: Content, join: Callable[[bytes], str] | None) -> str | None:
    """By which comparison it is the same; None where it is by none. A value within it that is all of it counts too."""
    for digest, how in ((content.digests["sha256"], "the same bytes"), (content.as_text, "the same text")):
        joined = join(bytes.fromhex(digest)) if join is not None else None
        values: list[Source | Entity] = [source, *source.elements]
        for value in values:
            is_equal = value.digest == f"sha256:{digest}" or (joined is not None and value.join_digest == joined)
            if value.media_type in _WHOLE and is_equal:
                return how
    stated = _stated(source)
    if stated:
        algorithm, _, digits = stated.partition(":")
        if content.digests.get(algorithm) == digits:
            return f"the {algorithm} that was stated"
    return None


def _stated(source: Source) -> str | None:
    """The checksum that was stated of it, unless what was loaded had another one."""
    checksum = source.checksum
    return checksum.stated if isinstance(checksum, Checksum) and checksum.result != ChecksumResult.MISMATCH else None


def _unmodified(source: Source, content: Content) -> str | None:
    if content.etag and source.version and _tag(content.etag) == _tag(source.version):
        return "not modified since, by its ETag"
    date = content.modified_at
    if date is not None and date + (TICK if date.microsecond else SECOND) <= parse_time(source.retrieved_at):
        return "not modified since, by its date"
    return None


def _modified(source: Source, content: Content) -> str | None:
    date = content.modified_at
    if date is None or date <= parse_time(source.retrieved_at):
        return None
    return f"modified at {date:%Y-%m-%d %H:%M:%S} UTC, after it was loaded"


def _tag(text: str) -> str:
    return text.strip().removeprefix("W/").strip('"')


def verdict_cell(verdict: Verdict) -> Text:
    """The result and why; the colour only repeats the word."""
    return Text.assemble(cell(verdict.result, _STYLES[verdict.result]), ": ", cell(verdict.why, "dim"))


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """The same as data."""
    return {"result": verdict.result, "why": verdict.why, "observed": verdict.observed}
