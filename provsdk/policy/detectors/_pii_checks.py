"""Checks of numbers that need no library: Luhn, issuers of cards, ISO 13616, numbers of the SSA, HMRC and Medicare."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["IBAN_LENGTHS", "is_card", "is_iban", "is_medicare", "is_nino", "is_ssn", "luhn"]

_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

_CARD: Final = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2})[0-9]{12,15}"  # Discover
    r"|3(?:0[0-5]|095|[689][0-9])[0-9]{11,16}"  # Diners Club
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"  # JCB
    r"|62[0-9]{14,17}"  # UnionPay
    r"|(?:50|5[6-8]|63|67)[0-9]{10,17}"  # Maestro
    r"|220[0-4][0-9]{12,15}"  # Mir
    r"|(?:60|8[12]|9792)[0-9]{12,14}"  # RuPay, Troy
)

_COUNTRIES_OF_LENGTH: Final = {
    15: "NO",
    16: "BE",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
IBAN_LENGTHS: Final = {country: length for length, of in _COUNTRIES_OF_LENGTH.items() for country in of.split()}
"""Characters of each country's number (the SWIFT registry of ISO 13616)."""

_SSN: Final = re.compile(r"(?!000|666|9)[0-9]{3}(?!00)[0-9]{2}(?!0000)[0-9]{4}")
_ADVERTISED: Final = frozenset(("078051120", "219099999", "457555462"))
"""Numbers that were printed and so are nobody's."""

_NINO: Final = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]", re.IGNORECASE)
_MEDICARE: Final = (1, 3, 7, 9, 1, 3, 7, 9)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of ISO/IEC 7812-1."""
    numbers = [int(digit) for digit in reversed(digits)]
    return not (sum(numbers[::2]) + sum(_DOUBLED[number] for number in numbers[1::2])) % 10


def is_card(digits: str) -> bool:
    """Whether an issuer gives such numbers, and the check digit is right.

    >>> is_card("4111111111111111"), is_card("4111111111111112")
    (True, False)
    """
    return _CARD.fullmatch(digits) is not None and luhn(digits) and len(set(digits)) > 1


def is_iban(compact: str) -> bool:
    """Whether length and check digits are those of its country (ISO 13616, ISO 7064 MOD 97-10).

    >>> is_iban("GB82WEST12345698765432")
    True
    """
    number = compact.upper()
    if IBAN_LENGTHS.get(number[:2]) != len(number):
        return False
    return int("".join(str(int(letter, 36)) for letter in number[4:] + number[:4])) % 97 == 1


def is_ssn(digits: str) -> bool:
    """Whether the Social Security Administration could have given it."""
    return _SSN.fullmatch(digits) is not None and digits not in _ADVERTISED and len(set(digits)) > 1


def is_nino(compact: str) -> bool:
    """Whether it has prefix and suffix of a National Insurance number (HMRC manual NIM39110)."""
    return _NINO.fullmatch(compact) is not None


def is_medicare(digits: str) -> bool:
    """Whether it is the number of an Australian Medicare card, by its ninth digit."""
    weighted = sum(weight * int(digit) for weight, digit in zip(_MEDICARE, digits, strict=False))
    return digits[:1] in set("23456") and weighted % 10 == int(digits[8])
