"""Programs that are made to mislead: sources that are alike, that say what the model knows by heart, or say very little."""

from __future__ import annotations

import json
import re
from typing import Any

from _bench import SHELF, Names, load, program
from programs import HANDBOOK

import provsdk

NOTE = "Terms of carriage apply to every order that is placed here, whatever was agreed before."


def model(answer: Any) -> Any:
    """One that answers by a rule."""
    return provsdk.traced_model_call("model", provider="bench", model="rule-1")(answer)


def first_sentence(prompt: str) -> str:
    return prompt.rpartition("\n")[2].split(". ")[0] + "."


@program("by heart, though it was loaded", {**HANDBOOK, "note": NOTE}, "parcels")
def by_heart(names: Names) -> str:
    return str(model(lambda prompt: f"{first_sentence(prompt)} {NOTE}")(f"Answer from this:\n{load(names)[0]}"))


@program("by heart, with nothing in the prompt", {"note": NOTE, "parcels": HANDBOOK["parcels"]}, "")
def all_by_heart(names: Names) -> str:
    load(names)
    return str(model(lambda prompt: NOTE)("What are the terms of carriage, and do they apply to me?"))


EDITIONS = {f"v{n}": f"{HANDBOOK['letters']} This is edition number {n}." for n in (1, 2, 3)}


@program("three editions, the first in the prompt", EDITIONS, "v1")
def editions(names: Names) -> str:
    return str(model(lambda prompt: f"It is so: {first_sentence(prompt)}")(f"Use this:\n{load(names)[0]}"))


@program(
    "a figure that a source beside the prompt has too",
    {
        "budget": "The board set the budget of the hall to 48,250 euros for the year.",
        "ticker": "On that day the index closed at 48,250 points, a little lower.",
    },
    "budget",
)
def figure_beside(names: Names) -> str:
    def answer(prompt: str) -> str:
        found = re.findall("the budget of the hall to ([0-9,]+)", prompt)
        return f"This year we may spend {(found or ['nothing'])[0]} euros."

    return str(model(answer)(f"Use this:\n{load(names)[0]}"))


@program(
    "a name out of the instructions",
    {"imprint": "Responsible for this site: Acme Parcel Service, registered under number 88.", **HANDBOOK},
    "returns",
)
def instructed(names: Names) -> str:
    says = model(lambda prompt: f"Acme Parcel Service says: {first_sentence(prompt)}")
    return str(says(f"You speak for Acme Parcel Service. Be short.\n{load(names)[2]}"))


@provsdk.traced_transform("read")
def read_this(text: str) -> str:
    return f"Read this now: {text}"


@program(
    "two equal sources, the second goes into a step", {"one": NOTE, "two": NOTE, "other": HANDBOOK["branches"]}, "two"
)
def equal_sources(names: Names) -> str:
    return read_this(load(names)[1])


@provsdk.traced_transform("sentences")
def sentences(text: str) -> list[str]:
    return text.split(". ")


@program("two that are alike, the first is split", {name: EDITIONS[name] for name in ("v1", "v2")}, "v1")
def alike_sources(names: Names) -> str:
    return f"It says: {sentences(load(names)[0])[0]}"


ROWS = {
    "ana": '{"name": "Ana Sousa", "balance": 1299.5, "since": "2019-04-02"}',
    "ben": '{"name": "Ben Okri", "balance": 4711.25, "since": "2021-11-30"}',
}


@provsdk.traced_source(type="database", name=lambda name: name)
def row(name: str) -> dict[str, Any]:
    return dict(zip(("name", "balance", "since"), json.loads(SHELF[name]).values(), strict=True))


@program("a row, its fields in a sentence", ROWS, "ana")
def row_sentence(names: Names) -> str:
    ana, _ = (row(name) for name in names)
    return f"{ana['name']} has {ana['balance']:,.2f} EUR since {ana['since']}."


@program("two rows, the model is given one", ROWS, "ben")
def row_model(names: Names) -> str:
    _, ben = (row(name) for name in names)
    tell = model(lambda prompt: "That customer is " + " since ".join(re.findall('(?<=: ")[^"]+', prompt)) + ".")
    return str(tell(f"Tell of {json.dumps(ben)}"))


@program("rows as a table", ROWS, "ana ben")
def row_table(names: Names) -> str:
    return "\n".join(" | ".join(map(str, row(name).values())) for name in names)


@program(
    "words that two sources end with, in a script with signs for vowels",
    {
        "parcel": "पार्सल बारह दिन तक शाखा में रखा जाता है और फिर भेजने वाले को वापस कर दिया जाता है।",
        "account": "खाता बंद होने पर बचा हुआ पैसा ग्राहक के बैंक में जमा कर दिया जाता है।",
    },
    "",
)
def verb_ending(names: Names) -> str:
    load(names)
    return "नया खाता मुफ़्त में खोल कर दिया जाता है।"


@program(
    "figures in other digits",
    {"order": "رقم الطلب هو ٤٧١١٨ وقد تم إرساله أمس.", "other": "رقم الطلب هو ٩٩٠٢٣ ولم يتم إرساله بعد."},
    "order",
)
def other_digits(names: Names) -> str:
    number = load(names)[0].removeprefix("رقم الطلب هو ").split()[0]
    return f"طلبك {number} في الطريق إليك الآن يا سيدتي."


@provsdk.traced_model_call("rate", provider="bench", model="seven-1")
def rate(prompt: str) -> str:
    return "7"


MANY = {f"page{n}": f"Page {n} says: {' '.join(f'word{n * 31 + k}' for k in range(30))}." for n in range(10)}


@program("a hundred calls that rate ten pages, of which one is chosen", MANY, "page3")
def rated(names: Names) -> str:
    pages = load(names)
    for turn in range(10):
        for page in pages:
            rate(f"Rate from 0 to 9, as in turn {turn}: {page}")
    return f"Best: {pages[3]}"
