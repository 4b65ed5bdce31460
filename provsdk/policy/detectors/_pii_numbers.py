"""Numbers of persons, cards and accounts: found by the shape they are written in, judged by their check digits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

from provsdk.policy.detectors import _pii_checks as checks
from provsdk.policy.detectors._pii_formats import Format, Shapes
from provsdk.policy.detectors._pii_found import CERTAIN, LABELLED, SHAPED, Found
from provsdk.policy.detectors._pii_text import ends_there, starts_there
from provsdk.policy.detectors._pii_words import ANY_ID, label_of

__all__ = ["ibans", "numbers"]

Formats = tuple[tuple[Format, bool], ...]

_HEAD: Final = re.compile(r"(?:[A-Za-z]{1,6}|[ -][A-Z]{1,3}(?![0-9A-Za-z]))(?: [A-Z]{3}(?![0-9A-Za-z]))?")
"""Of the reversed text: letters of the same number before its first digit."""
MAX_HEAD: Final = 10
_WORD: Final = re.compile("[0-9A-Za-z]++")
MAX_GROUP: Final = 5
"""Digits that are set apart to be read; longer ones beside each other are numbers of their own."""
_SHAPE: Final = str.maketrans(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "9" * 10 + "A" * 26 + "A" * 26
)
_COMPACT: Final = str.maketrans("", "", " ./-")
_OURS: Final[dict[str, Callable[[str], bool]]] = {
    "card": checks.is_card,
    "ssn": checks.is_ssn,
    "nino": checks.is_nino,
    "medicare": checks.is_medicare,
}

_IBAN_DIGITS: Final = re.compile("[0-9][0-9](?<=[A-Za-z]{2}[0-9]{2})")


def ibans(text: str, start: int, end: int) -> Iterator[Found]:
    """The account numbers in a part of a text, in groups or not; two letters may stand before it.

    >>> text = "to GB82 WEST 1234 5698 7654 32 please"
    >>> list(ibans(text, 0, len(text)))
    [Found(start=3, end=30, kind='iban', rank=4)]
    """
    for digits in _IBAN_DIGITS.finditer(text, start, end):
        first = digits.start() - 2
        length = checks.IBAN_LENGTHS.get(text[first : first + 2].upper())
        if length is None or not starts_there(text, first):
            continue
        rest = _grouped(length - 4).match(text, digits.end())
        if rest and ends_there(text, rest.end()) and checks.is_iban(text[first : rest.end()].translate(_COMPACT)):
            yield Found(first, rest.end(), "iban", CERTAIN)


@cache
def _grouped(length: int) -> re.Pattern[str]:
    return re.compile(rf"(?:[ -]?[0-9A-Za-z]){{{length}}}")


def numbers(text: str, start: int, end: int, shapes: Shapes) -> Iterator[Found]:
    """The numbers in a part of a text that are written in one of these shapes and pass its check.

    >>> from provsdk.policy.detectors._pii_formats import shapes_of
    >>> list(numbers("her SSN is 536-90-4399", 11, 22, shapes_of(frozenset({"us_ssn"}))))
    [Found(start=11, end=22, kind='us_ssn', rank=3)]
    """
    head = _HEAD.match(text[max(0, start - MAX_HEAD) : start][::-1])
    start -= head.end() if head else 0
    shape = text[start:end].translate(_SHAPE)
    words = [(0, end - start)] if shape.isalnum() else [word.span() for word in _WORD.finditer(shape)]
    for n, (first, ends) in enumerate(words):
        for m, (_, last) in enumerate(words[n : n + shapes.words.get(shape[first:ends], 0)], n):
            formats = shapes.formats.get(shape[first:last])
            if formats and not _continues(shape, words, n, m):
                judged = _judged(text, start + first, start + last, formats)
                if judged:
                    yield Found(start + first, start + last, *judged)


def _continues(shape: str, words: list[tuple[int, int]], first: int, last: int) -> bool:
    """Whether a group like its first stands before it, or one like its last after it: a part of something longer."""
    before = first > 0 and _is_same_group(shape, words[first - 1], words[first])
    return before or (last + 1 < len(words) and _is_same_group(shape, words[last + 1], words[last]))


def _is_same_group(shape: str, one: tuple[int, int], other: tuple[int, int]) -> bool:
    length = one[1] - one[0]
    return length == other[1] - other[0] <= MAX_GROUP and "9" in shape[slice(*one)]


def _judged(text: str, start: int, end: int, formats: Formats) -> tuple[str, int] | None:
    """Its kind and how well it is judged, by the first of these formats whose check it passes."""
    if not (starts_there(text, start) and ends_there(text, end)):
        return None
    said = label_of(text, start, end)
    number = text[start:end].translate(_COMPACT)
    for one, needs_label in formats:
        labelled = one.label in said.names or (ANY_ID in said.names and one.kind != "credit_card")
        if (labelled or not (needs_label or said.is_near)) and _passes(one, number, text[start:end]):
            return one.kind, LABELLED if labelled else SHAPED
    return None


def _passes(one: Format, compact: str, written: str) -> bool:
    ours = _OURS.get(one.check)
    if ours is not None:
        return ours(compact)
    try:
        return _validity(one.check)(written)
    except (AttributeError, LookupError, TypeError, ValueError):
        return False  # a few of the library's modules stumble over numbers that are none


@cache
def _validity(name: str) -> Callable[[str], bool]:
    from stdnum import get_cc_module  # noqa: PLC0415 a library of the `pii` extra

    module = get_cc_module(*name.split("."))
    return module.is_valid if module is not None else _never


def _never(_written: str) -> bool:
    """Of a number that the installed version of the library does not know."""
    return False
