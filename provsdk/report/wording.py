"""Numbers, times and words of the vocabulary as a person says them. English, one line each, no markup."""

from typing import Final

from provsdk.checksum import WEAK
from provsdk.questions.links import Link
from provsdk.records.record import Checksum, Stream
from provsdk.report.steps import counted, parse_time
from provsdk.report.summary import Integrity
from provsdk.vocabulary import ChecksumResult, IntegrityStatus, StreamBoundary

__all__ = [
    "checksum",
    "day",
    "delivered",
    "digest",
    "duration",
    "integrity",
    "link",
    "moment",
    "retention_days",
    "size",
    "why_missing",
    "words",
]

_MISSING: Final = {
    "process_only": "only the process that made the output could know",
    "digest_unavailable": "no digest key could be reached: values have no digests and join nothing",
    "value_not_digestible": "a value has no digest",
    "value_too_large": "a value was too large to be digested",
    "bound_reached": "a bound was reached before everything was looked at",
    "invalid_fact": "something was said that could not be understood, and was left out",
    "facts_lost": "facts were lost between the span and the record",
    "span_missing": "a span did not arrive",
    "handed_over": "work went to another process, and what it did there is not in this record",
    "span_unsampled": "spans of other instrumentations were dropped by the sampler",
    "attributes_dropped": "limits cut what a span says",
    "late_facts": "something ended after the output had returned",
    "response_unread": "a model's stream was of a form that is not known: neither its end nor its tokens could be read",
    "content_not_kept": "content was to be kept, and was not",
    "queue_full": "the queue of unsealed outputs was full",
    "capture_failed": "capture itself failed",
    "name_changed": "a name held characters that could not be shown, or was too long",
}

_SIZES: Final = ("B", "KB", "MB", "GB", "TB")


def words(name: str) -> str:
    """`output_owner` as `output owner`."""
    return name.replace("_", " ")


def size(count: int | None) -> str | None:
    """Bytes in units of 1,000: `812 B`, `1.2 KB`."""
    if count is None:
        return None
    value, unit = float(count), 0
    while value >= 999.95 and unit < len(_SIZES) - 1:
        value, unit = value / 1000, unit + 1
    return f"{count} B" if unit == 0 else f"{value:.1f} {_SIZES[unit]}"


def duration(microseconds: int | None) -> str:
    """`412 µs`, `12 ms`, `1.24 s`, `3 min 20 s`; empty where it is not known."""
    if microseconds is None:
        return ""
    if microseconds < 1_000:
        return f"{microseconds} µs"
    if microseconds < 999_500:
        return f"{microseconds / 1_000:.0f} ms" if microseconds >= 9_950 else f"{microseconds / 1_000:.1f} ms"
    seconds = microseconds / 1_000_000
    return f"{seconds:.2f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def delivered(stream: Stream) -> str:
    """`12 chunks, the first after 340 ms`, and what a server said of them."""
    said = counted(stream.chunks, "chunk")
    if stream.first_chunk_us is not None:
        said += f", the first after {duration(stream.first_chunk_us)}"
    if stream.boundary == StreamBoundary.ASGI:
        made = f", {stream.undelivered:,} more were made" if stream.undelivered else ""
        said += f"; counted as the server took them{made}"
    if stream.disconnected:
        said += "; the client went away"
    return said


def moment(text: str | None) -> str:
    """A record's time to the second; what is no time is shown as it stands."""
    if not text:
        return ""
    return f"{parse_time(text):%Y-%m-%d %H:%M:%S} UTC" if parse_time(text).timestamp() else text


def day(text: str) -> str:
    """The day of a record's time."""
    return f"{parse_time(text):%Y-%m-%d}"


def digest(text: str | None) -> str | None:
    """A digest, cut to what a person compares."""
    if text is None:
        return None
    head, _, hexadecimal = text.rpartition(":")
    return f"{head.partition(':')[0]}:{hexadecimal[:12]}…" if head else text


def checksum(found: Checksum) -> str:
    """What came of a stated checksum, and by which algorithm."""
    algorithm = f"{found.algorithm} (weak)" if found.algorithm in WEAK else found.algorithm
    if found.result == ChecksumResult.VERIFIED:
        return f"verified: {algorithm}, as stated, when it was loaded"
    if found.result == ChecksumResult.MISMATCH:
        return f"MISMATCH: what was loaded does not have the {algorithm} that is stated of it"
    return f"not compared: {found.why}" if found.why else "not compared"


def retention_days(days: int) -> str:
    """`90 days`, `for ever`."""
    return "for ever" if days < 0 else "1 day" if days == 1 else f"{days:,} days"


def link(found: Link, through: str | None = None) -> str:
    """How a source is linked, in a few words. The strength comes first; the basis says how that is known."""
    if found.strength == "none":
        return "not linked"
    if found.strength == "given":
        return f"given to {through or 'a step'}"
    steps = f", {found.steps} steps" if found.steps > 1 else ""
    return f"{found.strength}: {found.basis}{steps}"


def integrity(found: Integrity) -> str:
    """The status, never `verified` without its trust level and what stayed unchecked."""
    if found.status == IntegrityStatus.TAMPERED:
        if found.first_wrong is not None:
            return f"TAMPERED: entry {found.first_wrong[0]}, {found.first_wrong[1]}"
        return f"TAMPERED: {found.findings[0]}" if found.findings else "TAMPERED"
    if found.status != IntegrityStatus.VERIFIED:
        return words(found.status.value)
    key = f" by key {found.key}" if found.key else ""
    level = {
        "consistent": "consistent: agrees with itself, compared with no key from outside",
        "signed": f"signed{key}",
        "anchored": f"anchored outside this machine, signed{key}",
    }.get(found.level or "", found.level or "level unknown")
    return f"verified ({level}{f'; {found.not_checked:,} not checked' if found.not_checked else ''})"


def why_missing(reason: str) -> str:
    """A `CompletenessReason` as a sentence."""
    return _MISSING.get(reason, words(reason))
