"""Texts with personal data at known places, and texts that only look so: seeded, in many languages and formats.

The numbers come from those who define them: example numbers and formats of `phonenumbers`, examples, formats and
checks of `python-stdnum`, structures of the IBAN registry. None comes from the patterns that are measured.
"""

from __future__ import annotations

import doctest
import ipaddress
import random
import re
import string
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import phonenumbers
from _sentences import COUNTRIES, OTHERS, PLAIN, SAID
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from stdnum import get_cc_module, iban, luhn, numdb

__all__ = ["Text", "labelled_texts"]


class Text(NamedTuple):
    """A text, what stands in it and where; `what` says how it was made."""

    text: str
    kind: str | None
    start: int
    end: int
    what: str


TYPESET = (
    {" ": "\u00a0", "-": "\u2011"},
    {" ": "\u202f", "-": "\u2010"},
    {" ": "\u2009", "-": "\u2013"},
    {str(n): chr(0xFF10 + n) for n in range(10)} | {" ": "\u3000", "-": "\uff0d"},
)

LENGTH_OF_PERSONS = {"stdnum.it.codicefiscale": 16, "stdnum.ru.inn": 12}
"""Where companies have numbers of the same kind."""

REGIONS = (
    "US GB DE FR IN BR ES IT JP MX PL NL TR RU ID KR AU ZA CA AR SE BE PT CH AT DK NO FI IE CZ HU RO GR UA IL EG NG PK "
    "VN TH PH MY SG NZ CL CO PE"
)
FORMATS = (
    PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164, PhoneNumberFormat.RFC3966,
)  # fmt: skip

IBAN_COUNTRIES = "DE GB FR ES IT NL BE AT CH PL PT SE NO DK FI IE CZ HU RO GR TR SA AE BR MT LU"

ISSUERS = (
    ("4", 16), ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15), ("6011", 16),
    ("65", 16), ("36", 14), ("3528", 16), ("3589", 16), ("62", 16), ("2200", 16), ("6759", 16),
)  # fmt: skip
GROUPS = {14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4)}


def labelled_texts(seed: int, each: int) -> list[Text]:
    """`each` texts of every kind, as many again that come near one, and as many that are something else."""
    chance = random.Random(seed)
    makers: dict[str, Callable[[random.Random], tuple[str, str]]] = {
        "credit_card": lambda c: (card(c), ""),
        "email": lambda c: (email(c), ""),
        "iban": lambda c: (account(c), ""),
        "ip_address": lambda c: (address(c), ""),
        "phone": phone,
        "us_ssn": ssn,
    }
    texts = [said(chance, kind, make) for kind, make in makers.items() for _ in range(each)]
    texts += [text for module in COUNTRIES for text in national(chance, module, max(each // 12, 4))]
    texts += list(near_misses(chance, each))
    texts += [unrelated(chance) for _ in range(2 * each)]
    chance.shuffle(texts)
    return texts


def said(chance: random.Random, kind: str, make: Callable[[random.Random], tuple[str, str]]) -> Text:
    """One of a kind; three of four have a word beside them that says what it is."""
    value, what = make(chance)
    frames = SAID[kind] if chance.random() < 0.75 or what == "bare" else PLAIN
    return placed(chance, chance.choice(frames), value, kind, what)


def placed(chance: random.Random, frame: str, value: str, kind: str | None, what: str) -> Text:
    """The value in its sentence; one of ten as a word processor or an East Asian keyboard sets it."""
    if kind not in {"email", "ip_address"} and chance.random() < 0.1:
        value = value.translate(str.maketrans(chance.choice(TYPESET)))
    before, _, _ = frame.partition("{}")
    start = len(before.replace("{{", "{").replace("}}", "}"))
    return Text(frame.format(value), kind, start, start + len(value), what)


def card(chance: random.Random) -> str:
    """A number that an issuer gives, as it is printed or as it is typed."""
    prefix, length = chance.choice(ISSUERS)
    body = prefix + digits(chance, length - len(prefix) - 1)
    number = body + luhn.calc_check_digit(body)
    sign = chance.choice((" ", " ", "-", "", "\u00a0"))
    return sign.join(groups(number, GROUPS[length]))


def groups(number: str, sizes: tuple[int, ...]) -> list[str]:
    """The number in groups of these sizes."""
    ends = [sum(sizes[: n + 1]) for n in range(len(sizes))]
    return [number[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def email(chance: random.Random) -> str:
    """An address as people have them."""
    first = chance.choice(
        ("ana", "o.brien", "John", "li_wei", "j.müller", "mary-jane", "x", "kontakt", "sales2024", "ΝΙΚΟΣ")
    )
    last = chance.choice(("", ".sousa", "+news", "99", "_k", "%box", "'s"))
    host = chance.choice(("example.org", "mail.example.co.uk", "a-b.example.com", "sub.dom.example.net",
                          "example.museum", "münchen.example.de", "xn--mnchen-3ya.example.de", "1und1.example.de",
                          "EXAMPLE.COM"))  # fmt: skip
    return f"{first}{last}@{host}"


def account(chance: random.Random) -> str:
    """An IBAN by the structure of its country in the registry."""
    country = chance.choice(IBAN_COUNTRIES.split())
    info: dict[str, str] = dict(numdb.get("iban").info(country)[0][1])
    body = "".join(drawn(chance, int(size), form) for size, form in re.findall(r"(\d+)!([nac])", info["bban"]))
    number = country + iban.calc_check_digits(country + "00" + body) + body
    return chance.choice((iban.format(number), iban.format(number), number, iban.format(number).replace(" ", "-")))


def drawn(chance: random.Random, size: int, form: str) -> str:
    """Characters of a part of a BBAN: n digits, a letters, c both."""
    letters = {"n": string.digits, "a": string.ascii_uppercase, "c": string.digits + string.ascii_uppercase}[form]
    return "".join(chance.choices(letters, k=size))


def address(chance: random.Random) -> str:
    """A public address of either version, as machines write it."""
    if chance.random() < 0.6:
        return str(ipaddress.IPv4Address(chance.randrange(0x0B000000, 0x7E000000)))
    number = (
        (0x2001 << 112)
        + (chance.getrandbits(80) << 32 if chance.random() < 0.5 else 0xDB8 << 96)
        + chance.getrandbits(16)
    )
    found = ipaddress.IPv6Address(number)
    return chance.choice((found.compressed, found.compressed, found.exploded, found.compressed.upper()))


def phone(chance: random.Random) -> tuple[str, str]:
    """An example number of a region with other last digits, in one of the standard formats."""
    while True:
        region = chance.choice(REGIONS.split())
        sort = chance.choice((PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE))
        example = phonenumbers.example_number_for_type(region, sort)
        if example is None:
            continue
        number = phonenumbers.PhoneNumber()
        number.merge_from(example)
        number.national_number = example.national_number // 1000 * 1000 + chance.randrange(1000)
        if phonenumbers.is_valid_number(number):
            form = chance.choice(FORMATS)
            written = phonenumbers.format_number(number, form).removeprefix("tel:")
            return written, "bare" if form == PhoneNumberFormat.NATIONAL and chance.random() < 0.5 else ""


def ssn(chance: random.Random) -> tuple[str, str]:
    """One that the Social Security Administration could give."""
    area = chance.choice([n for n in range(1, 900) if n != 666])
    parts = f"{area:03}", f"{chance.randrange(1, 100):02}", f"{chance.randrange(1, 10_000):04}"
    sign = chance.choice(("-", "-", "-", " ", "", "\u2011"))
    return sign.join(parts), "" if sign in {"-", "\u2011"} else "bare"


def national(chance: random.Random, module: str, count: int) -> Iterator[Text]:
    """Numbers of a country, made of its examples by other digits until its check agrees."""
    checks: Any = get_cc_module(*module.split("."))
    examples = examples_of(checks)
    for _ in range(count):
        number = another(chance, checks, chance.choice(examples))
        written = getattr(checks, "format", str)(number) if chance.random() < 0.7 else number
        is_bare = written.isdigit()
        frames = COUNTRIES[module] if is_bare or chance.random() < 0.75 else PLAIN
        yield placed(chance, chance.choice(frames), written, "national_id", module)


def examples_of(module: Any) -> list[str]:
    """Valid numbers of a module's documentation."""
    sources = [example.source for example in doctest.DocTestParser().get_examples(module.__doc__ or "")]
    quoted = [written for source in sources for written in re.findall(r"'([^'\n]+)'", source) if written.isascii()]
    found = [module.compact(written) for written in quoted if module.is_valid(written)]
    return sorted({one for one in found if len(one) == LENGTH_OF_PERSONS.get(module.__name__, len(one))})


def another(chance: random.Random, module: Any, example: str) -> str:
    """The example with some of its last digits changed, so that it is valid again."""
    places = [n for n, letter in enumerate(example) if letter.isdigit()][-6:]
    for _ in range(3_000):
        letters = list(example)
        for place in chance.sample(places, min(len(places), 4)):
            letters[place] = chance.choice(string.digits)
        if example[-1].isalpha() and chance.random() < 0.8:
            letters[-1] = chance.choice(string.ascii_uppercase)
        if module.is_valid("".join(letters)):
            return "".join(letters)
    return example


def near_misses(chance: random.Random, each: int) -> Iterator[Text]:
    """Numbers whose check fails under a word that says what they should be, and numbers of something else."""
    for _ in range(each):
        kind = chance.choice(("credit_card", "iban"))
        yield placed(chance, chance.choice(SAID[kind]), mistyped(chance, kind), None, f"mistyped {kind}")
        module = chance.choice(list(COUNTRIES))
        wrong = wrong_national(chance, module)
        if wrong:
            yield placed(chance, chance.choice(COUNTRIES[module]), wrong, None, f"mistyped {module}")
        yield placed(chance, chance.choice(OTHERS), order(chance), None, "order")
        area = chance.choice(("000", "666", f"9{chance.randrange(100):02}"))
        yield placed(
            chance,
            chance.choice(SAID["us_ssn"]),
            f"{area}-{chance.randrange(10, 50)}-{digits(chance, 4)}",
            None,
            "no ssn",
        )


def mistyped(chance: random.Random, kind: str) -> str:
    """With one digit that is another one."""
    value = card(chance) if kind == "credit_card" else account(chance)
    place = chance.choice([n for n, letter in enumerate(value) if letter.isdigit() and n > 3])
    return value[:place] + str((int(value[place]) + chance.randrange(1, 9)) % 10) + value[place + 1 :]


def wrong_national(chance: random.Random, module: str) -> str | None:
    """One that its own country's check refuses."""
    checks: Any = get_cc_module(*module.split("."))
    value = another(chance, checks, chance.choice(examples_of(checks)))
    place = chance.choice([n for n, letter in enumerate(value) if letter.isdigit()][-5:])
    wrong = value[:place] + str((int(value[place]) + chance.randrange(1, 9)) % 10) + value[place + 1 :]
    return None if checks.is_valid(wrong) else wrong


def order(chance: random.Random) -> str:
    """A number that a shop or a system gives."""
    return chance.choice((
        digits(chance, chance.randrange(7, 17)),
        f"{digits(chance, 3)}-{digits(chance, 7)}-{digits(chance, 7)}",
        f"{digits(chance, 3)}-{digits(chance, 2)}-{digits(chance, 4)}",
        f"{digits(chance, 4)} {digits(chance, 4)} {digits(chance, 4)}",
        f"{digits(chance, 3)} {digits(chance, 3)} {digits(chance, 3)}",
        "4" + digits(chance, 15),
        f"{drawn(chance, 2, 'a')}{digits(chance, 8)}",
    ))  # fmt: skip


def unrelated(chance: random.Random) -> Text:
    """What programs and people write with digits, dots, colons and at signs."""
    n = chance.randrange
    what, text = chance.choice((
        ("version", f"Version {n(20)}.{n(20)}.{n(200)}.{n(200)} is out."),
        ("version", f"requires foo v{n(9)}.{n(9)}.{n(9)}.{n(99)} or newer"),
        ("section", f"See section {n(9)}.{n(9)}.{n(9)}.{n(9)} of the manual."),
        ("agent", f"Mozilla/5.0 Chrome/{n(120)}.0.{n(255)}.{n(255)} Safari/537.36"),
        ("uuid", f"id={uuid(chance)}"),
        ("hash", f"commit {chance.getrandbits(160):040x}"),
        ("hash", f"sha256:{chance.getrandbits(256):064x}"),
        ("timestamp", f"at {n(1_500_000_000, 1_800_000_000)} and {n(1_500_000_000_000, 1_800_000_000_000)} ms"),
        ("timestamp", f"2024-0{n(1, 9)}-1{n(9)}T1{n(9)}:2{n(9)}:3{n(9)}.{n(999_999):06}Z"),
        ("date", f"Am {n(1, 28)}.{n(1, 12)}.20{n(10, 25)} um 12:30 Uhr, {n(1, 28):02}/{n(1, 12):02}/20{n(10, 25)}"),
        ("price", f"Total: ${n(1, 999)},{n(100, 999)},{n(100, 999)}.{n(10, 99)} ({n(1_000, 99_999)} EUR)"),
        ("decimal", f"pi is 3.14159265358979 and x = 0.{digits(chance, 11)}"),
        ("isbn", f"ISBN 978-3-16-{n(100_000, 999_999)}-{n(9)}, ISBN {digits(chance, 10)}"),
        ("mac", "dev " + ":".join(f"{n(256):02x}" for _ in range(6))),
        ("code", "std::vector<int> a; Foo::bar(12); x[1:2]; A::B::c"),
        ("remote", "git clone git@github.com:org/docs.git"),
        ("file", f"icon@{n(1, 4)}x.png and logo@{n(1, 4)}x.jpg"),
        ("handle", f"thanks @ana and @bob_{n(99)} for pkg@{n(9)}.{n(9)}.{n(9)}"),
        ("host", f"root@localhost ran job {n(10_000, 99_999)}"),
        ("coordinates", f"{n(90)}.{digits(chance, 6)}, {n(180)}.{digits(chance, 6)}"),
        ("snowflake", f"message {n(10**17, 10**18)}"),
        ("table", " ".join(str(n(1_000, 9_999)) for _ in range(5))),
        ("table", " ".join(str(n(100, 999)) for _ in range(6))),
        ("mask", "netmask 255.255.255.0 gateway 0.0.0.0 via 127.0.0.1"),
        ("range", f"pages {n(100, 999)}-{n(1000, 9999)}, years 1990-2024, {n(10)}+{n(10)}"),
    ))  # fmt: skip
    return Text(text, None, 0, 0, what)


def uuid(chance: random.Random) -> str:
    """Of version 4."""
    text = f"{chance.getrandbits(128):032x}"
    return "-".join(groups(text, (8, 4, 4, 4, 12)))


def digits(chance: random.Random, count: int) -> str:
    """So many random digits."""
    return "".join(chance.choices(string.digits, k=count))
