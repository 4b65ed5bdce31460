"""Personal data in a text: addresses, cards, accounts, telephone numbers and the numbers that states give to people.

Candidates are found by shapes of our own in time linear in the text's length, and judged by their check digits and
numbering plans. What needs `python-stdnum` or `phonenumbers` is there where the `pii` extra is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache, partial
from importlib import import_module
from typing import Final

from provsdk.errors import ConfigError
from provsdk.gate import Finding
from provsdk.policy.detectors._pii_addresses import addresses_v4, addresses_v6
from provsdk.policy.detectors._pii_email import emails
from provsdk.policy.detectors._pii_formats import shapes_of
from provsdk.policy.detectors._pii_found import Found, best
from provsdk.policy.detectors._pii_numbers import ibans, numbers
from provsdk.policy.detectors._pii_phones import phones
from provsdk.policy.detectors._pii_text import chains, plain

__all__ = ["KINDS", "available_kinds", "find"]

KINDS: Final = ("credit_card", "email", "iban", "ip_address", "national_id", "phone", "us_ssn")
"""Every kind. `national_id` is a number that one of some fifty states gives to a person, for tax, health, insurance or
registration; the Social Security number of the USA is a kind of its own."""

Detector = Callable[[str, int, int], Iterator[Found]]
MIN_LEFT: Final = 7
"""Characters beside what was found that may hold another number."""

_NEEDS: Final = {"national_id": "stdnum", "phone": "phonenumbers"}


def available_kinds() -> tuple[str, ...]:
    """The kinds that can be found here; all of them with the `pii` extra.

    >>> {"email", "credit_card", "iban", "ip_address", "us_ssn"} <= set(available_kinds())
    True
    """
    missing = {kind for kind, library in _NEEDS.items() if not _is_installed(library)}
    return tuple(kind for kind in KINDS if kind not in missing)


def find(text: str, kinds: Collection[str] | None = None) -> list[Finding]:
    """Where personal data of these kinds stands: sorted, without overlap, never what it is.

    Args:
        text: Of any length and language.
        kinds: Of `KINDS`; without them, all that are available.

    Raises:
        ConfigError: A kind is unknown, or needs the `pii` extra, which is not installed.

    >>> [(one.kind, one.start, one.end) for one in find("Ana (ana@example.org) paid with 4111 1111 1111 1111.")]
    [('email', 5, 20), ('credit_card', 32, 51)]
    """
    wanted = frozenset(available_kinds() if kinds is None else map(_usable, kinds))
    readable = text if text.isascii() else plain(text)
    return best(_found(readable, wanted))


def _found(text: str, kinds: frozenset[str]) -> Iterator[Found]:
    if "email" in kinds:
        yield from emails(text)
    if "ip_address" in kinds:
        yield from addresses_v6(text)
    detectors = _detectors(kinds)
    for start, end in chains(text):
        taken = 0
        for detect in detectors:
            for found in detect(text, start, end):
                taken += found.end - found.start
                yield found
            if taken and end - start - taken < MIN_LEFT:
                break


@lru_cache(maxsize=16)
def _detectors(kinds: frozenset[str]) -> tuple[Detector, ...]:
    """Those of these kinds, the most certain first."""
    found: list[Detector] = []
    if "ip_address" in kinds:
        found.append(addresses_v4)
    if "iban" in kinds:
        found.append(ibans)
    if not kinds.isdisjoint(("credit_card", "national_id", "us_ssn")):
        found.append(partial(numbers, shapes=shapes_of(kinds)))
    if "phone" in kinds:
        found.append(phones)
    return tuple(found)


def _usable(kind: str) -> str:
    if kind not in KINDS:
        raise ConfigError(f"pii_scan: unknown kind {kind!r}; known are {', '.join(KINDS)}")
    if kind in _NEEDS and not _is_installed(_NEEDS[kind]):
        raise ConfigError(f'pii_scan: the kind {kind!r} needs a library that is missing: pip install "provsdk[pii]"')
    return kind


def _is_installed(library: str) -> bool:
    if sys.modules.get(library) is not None:
        return True
    try:
        import_module(library)
    except ImportError:
        return False
    return True
