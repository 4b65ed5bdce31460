"""Usage reports of model providers, as their APIs answer: pages of buckets of time, each with numbers of requests.

OpenAI's `organization/usage/…` (`num_model_requests`) and Anthropic's `organizations/analytics/usage` (`requests`); one
page or several after each other, or the buckets alone as a list.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from provsdk.errors import FormatError

__all__ = ["REQUESTS_FIELD", "is_usage_report", "usage_buckets"]

REQUESTS_FIELD: Final = "num_model_requests"
"""What OpenAI calls the number of requests, in its exports too."""

MAX_BYTES: Final = 64 * 1024 * 1024

_STARTS: Final = ("start_time", "starting_at")
_ENDS: Final = ("end_time", "ending_at")
_COUNTS: Final = (REQUESTS_FIELD, "requests")

_NO_REPORT: Final = (
    "not of a usage report; other JSON has to stand in lines, one object each: `jq -c '.[]'` makes them of a list"
)
_NO_REQUESTS: Final = (
    "says nothing of requests, in num_model_requests or requests; reports of costs, and Anthropic's "
    "usage_report/messages, count none"
)

_Numbered = tuple[int, str]


def is_usage_report(text: str) -> bool:
    """Whether a file that begins with this line is one JSON document and no JSON lines; a page of a report is one."""
    stripped = text.strip()
    if stripped in {"{", "["} or stripped.startswith(("[{", "[ {")):
        return True
    try:
        said = json.loads(stripped)
    except (ValueError, RecursionError):
        return False
    return _is_page(said)


def usage_buckets(texts: Iterable[_Numbered]) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """The numbers in each bucket: its place among all, its text, and `start_time`, `end_time`, `num_model_requests`.

    Raises:
        FormatError: it is no such report, or says nothing of requests.
    """
    number = 0
    for document in _documents(list(texts)):
        for bucket in _buckets(document):
            number += 1
            if not isinstance(bucket, dict) or _first(bucket, _STARTS) is None:
                raise FormatError(f"bucket {number}: {_NO_REPORT}")
            when = {"start_time": _first(bucket, _STARTS), "end_time": _first(bucket, _ENDS)}
            for requests in _requests(bucket, number):
                yield number, json.dumps(bucket, ensure_ascii=False), {**when, REQUESTS_FIELD: requests}


def _buckets(document: Any) -> list[Any]:
    if _is_page(document):
        found: list[Any] = document["data"]
        return found
    return document if isinstance(document, list) else [document]


def _documents(texts: list[_Numbered]) -> Iterator[Any]:
    whole = "\n".join(text for _, text in texts)
    if len(whole) > MAX_BYTES:
        raise FormatError(f"line 1: a report of more than {MAX_BYTES:,} bytes; take fewer pages at a time")
    decoder, at = json.JSONDecoder(), 0
    while (at := at + len(whole[at:]) - len(whole[at:].lstrip())) < len(whole):
        try:
            document, at = decoder.raw_decode(whole, at)
        except (ValueError, RecursionError) as error:
            line, what = 0, type(error).__name__
            if isinstance(error, json.JSONDecodeError):
                line, what = error.lineno - 1, error.msg
            raise FormatError(f"line {texts[min(line, len(texts) - 1)][0]}: not JSON: {what}") from None
        yield document


def _is_page(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and isinstance(document.get("data"), list)
        and (document.get("object") == "page" or "has_more" in document)
    )


def _requests(bucket: Mapping[str, Any], number: int) -> Iterator[Any]:
    """Requests of each group in the bucket; 0 for a bucket without any."""
    groups = bucket["results"] if isinstance(bucket.get("results"), list) else [bucket.get("usage", bucket)]
    for group in groups:
        found = _first(group, _COUNTS) if isinstance(group, dict) else None
        if found is None:
            raise FormatError(f"bucket {number}: {_NO_REQUESTS}")
        yield found
    if not groups:
        yield 0


def _first(fields: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)
