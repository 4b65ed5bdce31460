"""How numbers of persons are written, and who checks them: one row for each number of a country.

A shape writes 9 for a digit and A for a letter. Where it has no other sign, its blanks may be hyphens or full stops,
the same in the whole number. What is in `bare` is found only with a word beside it that says what it is: it passes its
check by chance too often (of the plain digits of states, more than one of fifty), or looks like too much else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = ["FORMATS", "Format", "Shapes", "shapes_of"]

_GROUP: Final = re.compile("[9A]+")


@dataclass(frozen=True, slots=True)
class Format:
    """A number that is given to people, and the shapes that it is written in."""

    check: str
    """Module of python-stdnum below its country's, as `de.idnr`; or a check of our own."""
    label: str
    """Of the words that say it, in `_pii_words`."""
    shaped: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    kind: str = "national_id"


FORMATS: Final = (
    Format(
        "card",
        "card",
        (
            "9999 9999 9999 9999",
            "9999 999999 99999",
            "9999 999999 9999",
            "9999 9999 9999 9999 999",
            "9" * 14,
            "9" * 15,
            "9" * 16,
        ),
        ("9" * 12, "9" * 13, "9" * 17, "9" * 18, "9" * 19),
        "credit_card",
    ),
    Format("ssn", "us", ("999-99-9999",), ("999 99 9999", "9" * 9), "us_ssn"),
    Format("us.itin", "us", ("999-99-9999",), ("9" * 9,)),
    Format("nino", "gb", ("AA999999A", "AA 99 99 99 A", "AA 999999 A")),
    Format("medicare", "au", ("9999 99999 9",), ("9" * 10, "9" * 11)),
    Format("ar.cuit", "ar", ("99-99999999-9",), ("9" * 11,)),
    Format("at.vnr", "at", (), ("9999 999999", "9" * 10)),
    Format("au.tfn", "au", (), ("999 999 999", "9" * 9)),
    Format("be.nn", "be", ("99.99.99-999.99", "99.99.99-999 99", "99 99 99 999 99"), ("9" * 11,)),
    Format("bg.egn", "bg", (), ("999999 999 9", "9" * 10)),
    Format("br.cpf", "br", ("999.999.999-99",), ("9" * 11, "999 999 999 99")),
    Format("ca.sin", "ca", (), ("999 999 999", "9" * 9)),
    Format("ch.ssn", "ch", ("999 9999 9999 99", "9" * 13)),
    Format(
        "cl.rut",
        "cl",
        ("99.999.999-9", "99.999.999-A", "9.999.999-9", "9.999.999-A", "99999999-A", "9999999-A"),
        ("99999999-9", "9999999-9", "9" * 9, "9" * 8, "99999999A"),
    ),
    Format("cn.ric", "cn", ("9" * 18, "9" * 17 + "A")),
    Format("co.nit", "co", ("999.999.999-9",), ("9" * 10, "9" * 9 + "-9")),
    Format("cr.cpf", "cr", (), ("99-9999-9999", "9-9999-9999", "9" * 9, "9" * 10)),
    Format("cu.ni", "cu", (), ("9" * 11,)),
    Format("cz.rc", "cz", ("999999/9999",), ("999999/999", "9" * 9, "9" * 10)),
    Format("de.idnr", "de", ("99 999 999 999",), ("9" * 11,)),
    Format("dk.cpr", "dk", ("999999-9999",), ("9" * 10, "999999 9999")),
    Format("do.cedula", "do", ("999-9999999-9",), ("9" * 11,)),
    Format("ec.ci", "ec", (), ("999999999-9", "9" * 10)),
    Format("ee.ik", "ee", (), ("9" * 11,)),
    Format("es.dni", "es", ("99999999A", "99999999-A", "99.999.999-A", "99.999.999A")),
    Format("es.nie", "es", ("A9999999A", "A-9999999-A", "A-9999999A", "A9999999-A")),
    Format("fi.hetu", "fi", ("999999-999A", "999999A999A", "999999-9999", "999999A9999", "999999+999A", "999999+9999")),
    Format("fr.nif", "fr", (), ("99 99 999 999 999", "9" * 13)),
    Format(
        "fr.nir",
        "fr",
        ("9 99 99 99 999 999 99", "9 99 99 9A 999 999 99", "9 99 99 99 999 999", "9" * 15, "999999A99999999"),
    ),
    Format("gb.nhs", "nhs", (), ("999 999 9999", "9" * 10)),
    Format("gb.utr", "gb", (), ("99999 99999", "9" * 10)),
    Format("gr.amka", "gr", (), ("9" * 11,)),
    Format("hr.oib", "hr", (), ("9" * 11,)),
    Format("id.nik", "id", (), ("9" * 16,)),
    Format("ie.pps", "ie", ("9999999A", "9999999AA")),
    Format("il.idnr", "il", (), ("9" * 9, "99999999-9")),
    Format("in_.aadhaar", "in", (), ("9999 9999 9999", "9" * 12)),
    Format("in_.pan", "in", ("AAAAA9999A",)),
    Format("is_.kennitala", "is", ("999999-9999",), ("9" * 10,)),
    Format("it.codicefiscale", "it", ("AAAAAA99A99A999A", "AAAAAA99A99A99AA", "AAA AAA 99A99 A999A")),
    Format("kr.rrn", "kr", ("999999-9999999",), ("9" * 13,)),
    Format("lt.asmens", "lt", (), ("9" * 11,)),
    Format("mx.curp", "mx", ("AAAA999999AAAAAA99", "AAAA999999AAAAAAA9")),
    Format(
        "mx.rfc",
        "mx",
        (
            "AAAA 999999 AA9",
            "AAAA 999999 A99",
            "AAAA 999999 9A9",
            "AAAA 999999 AAA",
            "AAAA 999999 999",
            "AAAA999999AA9",
            "AAAA999999A99",
            "AAAA9999999A9",
            "AAAA999999AAA",
            "AAAA9999999AA",
            "AAAA99999999A",
        ),
    ),
    Format("my.nric", "my", ("999999-99-9999",), ("9" * 12,)),
    Format("nl.bsn", "nl", ("9999.99.999",), ("999 999 999", "9" * 9)),
    Format("no.fodselsnummer", "no", ("999999 99999", "9" * 11)),
    Format("nz.ird", "nz", (), ("99-999-999", "999-999-999", "9" * 8, "9" * 9)),
    Format("pe.cui", "pe", (), ("99999999-9", "9" * 9)),
    Format("pk.cnic", "pk", ("99999-9999999-9",), ("9" * 13,)),
    Format("pl.pesel", "pl", (), ("9" * 11,)),
    Format("pt.cc", "pt", ("99999999 9 AA9", "999999999AA9")),
    Format("pt.nif", "pt", (), ("999 999 999", "9" * 9)),
    Format("ro.cnp", "ro", (), ("9" * 13,)),
    Format("rs.pib", "rs", (), ("9" * 9,)),
    Format("ru.inn", "ru", (), ("9" * 12,)),
    Format("se.personnummer", "se", ("999999-9999", "99999999-9999", "999999+9999"), ("9" * 10, "9" * 12)),
    Format("si.emso", "si", (), ("9" * 13,)),
    Format("sk.rc", "sk", ("999999/9999",), ("999999/999", "9" * 9, "9" * 10)),
    Format("th.pin", "th", ("9-9999-99999-99-9",), ("9" * 13, "9 9999 99999 99 9")),
    Format("tr.tckimlik", "tr", (), ("9" * 11,)),
    Format("ua.rntrc", "ua", (), ("9" * 10,)),
    Format("ve.rif", "ve", ("A-99999999-9",), ("A999999999",)),
    Format("za.idnr", "za", ("999999 9999 99 9", "999999 9999999", "9" * 13)),
)


class Shapes(NamedTuple):
    """The formats of some kinds, with whether they need a word beside them, by each shape that they are written in."""

    formats: dict[str, tuple[tuple[Format, bool], ...]]
    words: dict[str, int]
    """How many groups they have at most, by the first."""


@lru_cache(maxsize=16)
def shapes_of(kinds: frozenset[str]) -> Shapes:
    """The shapes of these kinds' formats."""
    found: dict[str, list[tuple[Format, bool]]] = {}
    for one in FORMATS:
        if one.kind in kinds:
            for shapes, needs_word in ((one.shaped, False), (one.bare, True)):
                for shape in _variants(shapes):
                    found.setdefault(shape, []).append((one, needs_word))
    words: dict[str, int] = {}
    for first, *others in map(_GROUP.findall, found):
        words[first] = max(words.get(first, 0), 1 + len(others))
    return Shapes({shape: tuple(formats) for shape, formats in found.items()}, words)


def _variants(shapes: tuple[str, ...]) -> dict[str, None]:
    uniform = [shape for shape in shapes if not set(shape) & set("-./")]
    return dict.fromkeys([*shapes, *(shape.replace(" ", sign) for shape in uniform for sign in "-.")])
