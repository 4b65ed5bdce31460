"""Sources fetched again, several at a time: what each came to."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from provsdk.cli.fetch import Cannot, Gone, fetch
from provsdk.cli.place import configuration
from provsdk.digest import JoinKey
from provsdk.errors import KeyUnusable
from provsdk.ledger.keys import digest_key
from provsdk.records.record import Source
from provsdk.report.verdicts import Content, Verdict, judge

__all__ = ["AT_ONCE", "fetched_again"]

AT_ONCE: Final = 8
"""Sources that are fetched at the same time."""

K = TypeVar("K")


def fetched_again(sources: Mapping[K, Source]) -> dict[K, Verdict]:
    """What each source came to; each location is fetched once."""
    join = _join()
    first = {(source.location, source.type): source for source in sources.values()}
    with ThreadPoolExecutor(AT_ONCE, "provsdk-fetch") as pool:
        found = dict(zip(first, pool.map(_fetched, first.values()), strict=True))
    return {n: _judged(source, found[source.location, source.type], join) for n, source in sources.items()}


def _fetched(source: Source) -> Content | Verdict:
    try:
        return fetch(source)
    except Gone as gone:
        return Verdict("gone", str(gone))
    except Cannot as cannot:
        return Verdict("unknown", str(cannot))


def _judged(source: Source, found: Content | Verdict, join: Callable[[bytes], str] | None) -> Verdict:
    if source.status != "completed":
        return Verdict("unknown", "it was not loaded")
    return found if isinstance(found, Verdict) else judge(source, found, join)


def _join() -> Callable[[bytes], str] | None:
    """Makes join digests, for records that have no others; None where the digest key is not here."""
    try:
        return JoinKey(digest_key(configuration().keys, create=False)).join
    except KeyUnusable:
        return None
