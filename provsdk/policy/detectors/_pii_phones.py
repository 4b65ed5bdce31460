"""Telephone numbers: candidates by their signs, judged by the numbering plans that `phonenumbers` keeps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from typing import Final, NamedTuple

from provsdk.policy.detectors._pii_found import LABELLED, LIKELY, Found
from provsdk.policy.detectors._pii_text import ends_there, starts_there
from provsdk.policy.detectors._pii_words import PHONE, label_of

__all__ = ["phones"]

_CANDIDATE: Final = re.compile(r"[+(]{0,2}[0-9][0-9 ().\-/]{5,24}")
_DIGIT: Final = re.compile("[0-9]")
_GROUP: Final = re.compile("[0-9]++")
_PART: Final = re.compile(r"[+(0-9][^ ]*")
_PLAIN: Final = re.compile(r"[1-9][0-9]*+[^0-9]*\Z")
"""Looks like any number: only a word right beside it makes it one of these."""
_DATE: Final = re.compile(r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}(?![0-9])|[0-9]+(?:\.[0-9]+){3}\Z")
_TRUNK: Final = re.compile(r"0[1-9][0-9]{0,4}[ /)-]|\(0?[1-9][0-9]{0,4}\)|0[1-9](?:\.[0-9]{2}){4}\Z")
"""An area code set apart: the trunk prefix before it (ITU-T E.123), or parentheses around it."""
_AREA: Final = re.compile(r"\(|0[1-9]|(?:1[ .-])?[2-9][0-9]{2}[ .-]|1 \(")
"""May begin with one."""
_NANP: Final = re.compile(r"(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}\Z")
"""As North America writes them (ANSI INCITS NANP): 3, 3 and 4 digits."""
_DIGITS: Final = str.maketrans("", "", " ().-/+")
_COUNTRY: Final = re.compile(r"\(?\+|00[1-9]")
"""A country code follows (ITU-T E.123, E.164)."""

Rank = Callable[[str, int, int], int]
"""How well what stands there is judged; 0 where it is no number."""

MIN_DIGITS: Final = 7
MAX_DIGITS: Final = 15
MAX_STARTS: Final = 3
MAX_ENDS: Final = 7

_REGIONS: Final = (
    "US GB DE FR IN BR ES IT JP CN MX PL NL TR RU ID KR AU ZA CA AR SE BE PT CH AT DK NO FI IE CZ HU RO GR UA IL EG NG "
    "PK BD VN TH PH MY SG TW HK NZ CL CO PE VE SA AE MA KE IR BG HR SK SI RS LT LV EE IS LU"
)
"""Where a number without a country code may be from: the most people first."""
_SORTS: Final = "mobile fixed_line toll_free premium_rate shared_cost voip uan personal_number pager voicemail"
"""Of numbers that a plan has."""


class _Plan(NamedTuple):
    """Of a region: which numbers are valid there, and whether a 0 stands before its area codes."""

    pattern: re.Pattern[str]
    has_trunk: bool


def phones(text: str, start: int, end: int) -> Iterator[Found]:
    """The numbers that begin in a part of a text: with a country code, with a word beside them, or as an area's.

    >>> text = "Tel. 030 901820, +44 20 7946 0958"
    >>> list(phones(text, 5, 15)), list(phones(text, 18, 33))
    ([Found(start=5, end=15, kind='phone', rank=3)], [Found(start=17, end=33, kind='phone', rank=3)])
    """
    at = start
    while (digit := _DIGIT.search(text, at, end)) is not None:
        before = text[max(0, digit.start() - 2) : digit.start()]
        candidate = _CANDIDATE.match(text, digit.start() - len(before) + len(before.rstrip("+(")))
        if candidate is None:
            return
        found = _in_candidate(text, *candidate.span())
        if found is not None:
            yield found
        at = found.end if found else candidate.end()


def _in_candidate(text: str, start: int, end: int) -> Found | None:
    for first in islice(_starts(text, start, end), MAX_STARTS):
        rank_of = _judge(text, first, end) if starts_there(text, first) else None
        if rank_of is None:
            continue
        for last in _ends(text, first, end):
            rank = rank_of(text, first, last)
            if rank:
                return Found(first, last, "phone", rank)
    return None


def _starts(text: str, start: int, end: int) -> Iterator[int]:
    """Where it begins, and each part that a blank sets apart."""
    yield start
    for part in _PART.finditer(text, start + 1, end):
        if text[part.start() - 1] == " ":
            yield part.start()


def _ends(text: str, start: int, end: int) -> list[int]:
    """After each of its groups of digits, the longest number first; a single digit set apart is another number."""
    groups = [match.span() for match in _GROUP.finditer(text, start, end)]
    return [
        after
        for first, after in groups[: -MAX_ENDS - 1 : -1]
        if after - start >= MIN_DIGITS
        and text[after - 2] != " "
        and ends_there(text, after)
        and _is_whole(text[start:after])
    ]


def _judge(text: str, start: int, end: int) -> Rank | None:
    """What judges the numbers that begin at `start`, by how they are written and what the word beside them says."""
    if _COUNTRY.match(text, start, end):
        return _international
    said = label_of(text, start, end)
    if PHONE in said.names:
        return _labelled if said.is_near or not _PLAIN.match(text, start, end) else None
    is_none = said.is_near or _AREA.match(text, start, end) is None or _DATE.match(text, start, end) is not None
    return None if is_none else _area


def _international(text: str, start: int, end: int) -> int:
    digits = text[start:end].replace("(0)", "").translate(_DIGITS)
    return LABELLED * _is_valid(digits.removeprefix("00"))


def _labelled(text: str, start: int, end: int) -> int:
    digits = text[start:end].translate(_DIGITS)
    return LABELLED * (_is_of_a_plan(digits, trunk=False) or _is_valid(digits))


def _area(text: str, start: int, end: int) -> int:
    written = text[start:end]
    digits = written.translate(_DIGITS)
    if _is_among_numbers(text, start, end):
        return 0
    if _NANP.match(written):
        return LIKELY * any(_plan(region).pattern.fullmatch(digits) is not None for region in ("US", "CA"))
    return LIKELY * (_TRUNK.match(written) is not None and _is_of_a_plan(digits, trunk=not written.startswith("(")))


def _is_among_numbers(text: str, start: int, end: int) -> bool:
    """Whether more digits stand one blank before or after it."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    return (before.endswith(" ") and before[0].isdigit()) or after.strip().isdigit()


def _is_whole(written: str) -> bool:
    """Whether it has as many digits as a number may, and no half of a pair of parentheses."""
    digits = len(written.translate(_DIGITS))
    return MIN_DIGITS <= digits <= MAX_DIGITS + 2 and written.count("(") == written.count(")")


def _is_of_a_plan(digits: str, *, trunk: bool) -> bool:
    """Whether a region has such a number; with `trunk`, one that writes a 0 before its area codes."""
    plans = map(_plan, _REGIONS.split())
    return any(plan.pattern.fullmatch(digits) is not None for plan in plans if plan.has_trunk or not trunk)


def _is_valid(digits: str) -> bool:
    """Whether a country has the number, whose code it begins with."""
    import phonenumbers  # noqa: PLC0415 a library of the `pii` extra

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return False


@cache
def _plan(region: str) -> _Plan:
    from phonenumbers import PhoneMetadata  # noqa: PLC0415 a library of the `pii` extra

    known = PhoneMetadata.metadata_for_region(region)
    if known is None:
        raise LookupError(f"phonenumbers has no plan of {region}")
    sorts = (getattr(known, sort) for sort in _SORTS.split())
    forms = "|".join(
        sort.national_number_pattern for sort in sorts if sort is not None and sort.national_number_pattern
    )
    prefix = known.national_prefix_for_parsing or ""
    return _Plan(re.compile(f"(?:{prefix})?(?:{forms})"), (known.national_prefix or "").startswith("0"))
