"""The programs: retrieval, templates, agents, streams, batches; with what each output truly goes back to."""

from __future__ import annotations

import asyncio
import base64
import html
import json
import re
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from _bench import Names, extract, load, program, summarise

import provsdk

HANDBOOK = {
    "parcels": "A parcel that nobody fetches is kept for twelve days. Then it goes back to whoever sent it, at their cost.",
    "returns": "Within thirty days of the delivery returns are free. The seal of the box has to be unbroken for that.",
    "branches": "The branch in Spandau opens at nine in the morning. On Saturdays it closes at one in the afternoon.",
    "letters": "Whoever fetches something for somebody else shows a letter of authority. Both identity cards are needed too.",
}
QUESTION = "How long is a parcel kept that nobody fetches?"


def context_of(passages: list[str]) -> str:
    return "Answer from these pages only.\n\n" + "\n\n".join(passages)


@program("retrieval, everything in the prompt", HANDBOOK, "parcels")
def rag_all(names: Names) -> str:
    return extract(context_of(load(names)), QUESTION)


@program("retrieval, the best two in the prompt", HANDBOOK, "parcels")
def rag_best(names: Names) -> str:
    pages = sorted(load(names), key=lambda page: -len(set(page.split()) & set(QUESTION.split())))
    return extract(f"{context_of(pages[:2])}\n\n{QUESTION}", QUESTION)


@program("summary of three of four", HANDBOOK, "parcels returns letters")
def summary(names: Names) -> str:
    parcels, returns, _, letters = load(names)
    return summarise(context_of([parcels, returns, letters]))


@program("f-string", HANDBOOK, "branches")
def f_string(names: Names) -> str:
    pages = load(names)
    return f"Our handbook says of branches: {pages[2]}"


@program("str.format, two of four", HANDBOOK, "parcels branches")
def formatted(names: Names) -> str:
    pages = load(names)
    return f"First: {pages[0]}\nSecond: {pages[2]}\n"


@program("percent template, cut short", HANDBOOK, "returns")
def percent(names: Names) -> str:
    return "In short: %.48s ..." % load(names)[1]


@program("JSON in the prompt", HANDBOOK, "parcels")
def json_prompt(names: Names) -> str:
    pages = load(names)
    return extract(json.loads(json.dumps({"pages": pages, "task": "answer"})), QUESTION)


@program("JSON as the answer", HANDBOOK, "letters")
def json_answer(names: Names) -> str:
    return json.dumps({"kind": "rule", "text": load(names)[3] + "\n"})


@program("HTML as the answer", HANDBOOK, "returns")
def html_answer(names: Names) -> str:
    return f"<p>{html.escape(load(names)[1])}</p><p>And &lt;more&gt;</p>"


@program("wrapped anew", HANDBOOK, "parcels")
def wrapped(names: Names) -> str:
    return textwrap.fill(load(names)[0], 30)


@program("in capitals", HANDBOOK, "branches")
def capitals(names: Names) -> str:
    return load(names)[2].upper()


@program("a slice", HANDBOOK, "letters")
def sliced(names: Names) -> str:
    return load(names)[3][10:72]


@program(
    "white space normalised",
    {"page": "  A parcel   that nobody\n\n fetches is\tkept for twelve  days.  ", "other": HANDBOOK["returns"]},
    "page",
)
def normalised(names: Names) -> str:
    return " ".join(load(names)[0].split())


@provsdk.traced_transform("split", type="derive")
def split(text: str) -> list[str]:
    return [piece.strip() for piece in re.split(r"\n\n", text)]


BOOK = {
    "book": "\n\n".join(HANDBOOK.values()),
    "appendix": "Opening hours may change without notice. Ask before you travel far.",
}


@program("chunks of a book, ranked", BOOK, "book")
def chunked(names: Names) -> str:
    book, appendix = load(names)
    chunks = [*split(book), *split(appendix)]
    best = max(chunks, key=lambda chunk: len(set(chunk.split()) & set(QUESTION.split())))
    return extract(f"Use this chunk: {best}", QUESTION)


@program("map and reduce", HANDBOOK, "parcels returns branches letters")
def map_reduce(names: Names) -> str:
    each = [summarise(f"Summarise.\n\n{page}") for page in load(names)]
    return summarise("Join these.\n\n" + "\n\n".join(each))


@provsdk.traced_transform("rank", type="filter")
def rank(pages: list[str], question: str) -> list[str]:
    return sorted(pages, key=lambda page: -len(set(page.split()) & set(question.split())))


@program("a re-ranker as a step", HANDBOOK, "parcels")
def reranked(names: Names) -> str:
    return extract(context_of(rank(load(names), QUESTION)[:1]), QUESTION)


@provsdk.traced_transform("make prompt", type="merge")
def make_prompt(pages: list[str], question: str) -> str:
    return f"{context_of(pages)}\n\nQuestion: {question}"


@program("a prompt that a step makes, a part of one page in the answer", HANDBOOK, "branches")
def partly_quoted(names: Names) -> str:
    said = extract(make_prompt(load(names), "Is it open?"), "When does the branch in Spandau open?")
    return f"Sure: {said.removeprefix('The branch in ')}"


@provsdk.traced_model_call("price", provider="bench", model="figures-1")
def price(prompt: str) -> str:
    found = re.findall(r"costs ([0-9.]+) EUR", prompt)
    return f"You pay {(found or ['nothing'])[0]} for that, madam."


@program(
    "a figure out of a prompt that a step makes",
    {"insurance": "The insurance covers up to 500 EUR.", "express": "Express costs 12.50 EUR.", **HANDBOOK},
    "express",
)
def figure_of_prompt(names: Names) -> str:
    said = price(make_prompt(load(names), "What does Express cost?"))
    return f"{said} There are 500 reasons for it."


@provsdk.traced_model_call("answer", provider="bench", model="last-words-1")
def last_words(prompt: str) -> str:
    pages = prompt.split("\n\n")[1:-1]
    return "To sum up: " + " and ".join(" ".join(page.rstrip(".").split()[-8:]) for page in pages[:2]) + "."


@program("parts of two pages, out of a template that a step fills", HANDBOOK, "parcels returns")
def parts_of_two(names: Names) -> dict[str, Any]:
    prompt = make_prompt(load(names)[:3], QUESTION)
    return {"answer": last_words(prompt), "model": "last-words-1"}


@program("a cache in front of the load", HANDBOOK, "returns")
def cached(names: Names) -> str:
    cache: dict[str, str] = {}
    for name in ("returns", "returns", "parcels"):
        if name not in cache:
            cache[name] = load(names, name)[0]
    return f"From the cache: {cache['returns']}"


@program("a stream of words", HANDBOOK, "parcels")
def streamed(names: Names) -> Iterator[str]:
    for word in re.findall(r"\S+\s*", load(names)[0]):
        yield word


@provsdk.traced_model_call("stream", provider="bench", model="streaming-1")
def streaming_model(prompt: str) -> Iterator[str]:
    for word in re.findall(r"\S+\s*", prompt.rsplit("\n\n", maxsplit=1)[-1]):
        yield word


@program("a model's stream", HANDBOOK, "letters")
def streamed_model(names: Names) -> str:
    return "".join(streaming_model(context_of(load(names))))


@provsdk.traced_model_call("plan", provider="bench", model="planner-1")
def plan(prompt: str) -> dict[str, str]:
    return {"tool": "open", "arguments": json.dumps({"page": "branches" if "Spandau" in prompt else "parcels"})}


@program("an agent with a tool", HANDBOOK, "branches")
def agent(names: Names) -> str:
    asked = plan("When does Spandau open?")
    page = load(names, json.loads(asked["arguments"])["page"])[0]
    load(names, "returns")
    return extract(f"The tool said: {page}", "When does the branch open in the morning?")


@program("an agent with a loop", HANDBOOK, "parcels branches")
def loop(names: Names) -> str:
    history = ["You are kind."]
    for name, question in (("parcels", QUESTION), ("branches", "When does the branch open in the morning?")):
        history.append(f"The tool said: {load(names, name)[0]}")
        history.append("You said: " + extract(history[-1], question))
    load(names, "letters")
    return " ".join(one.removeprefix("You said: ") for one in history if one.startswith("You said"))


@program("a batch", HANDBOOK, "parcels returns branches letters")
def batch(names: Names) -> list[str]:
    return [extract(f"Page: {page}", "What is said here?") for page in load(names)]


@program("fields of an object", HANDBOOK, "parcels letters")
def fields(names: Names) -> dict[str, Any]:
    pages = load(names)
    return {"rule": f"Rule: {pages[0]}", "also": [pages[3][:60], 7], "sure": True}


@dataclass
class Document:
    title: str
    text: str


@program("documents as data classes", HANDBOOK, "returns")
def documents(names: Names) -> str:
    found = [Document(name, text) for name, text in zip(names, load(names), strict=True)]
    chosen = next(one for one in found if "thirty" in one.text or one.title == "returns")
    return extract(f"{chosen.title}: {chosen.text}", "When are returns free, within how many days?")


@program(
    "rows of a database",
    {"row_1": "order 4711, 12 May 2026, 1,299.50 EUR, paid", "row_2": "order 4712, 13 May 2026, 88.20 EUR, open"},
    "row_2",
)
def rows(names: Names) -> str:
    open_ones = [row for row in load(names) if row.endswith("open")]
    return "One order is open, of 88.20 EUR." if open_ones else "None is open."


@program("loaded in threads", HANDBOOK, "parcels branches")
def threads(names: Names) -> str:
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(lambda name: load(names, name)[0], names))
    return f"{pages[0]}\n--\n{pages[2]}"


@program("loaded by tasks", HANDBOOK, "returns letters")
def tasks(names: Names) -> str:
    async def one(name: str) -> str:
        await asyncio.sleep(0)
        return load(names, name)[0]

    async def every() -> list[str]:
        return list(await asyncio.gather(*map(one, names)))

    pages = asyncio.run(every())
    return f"{pages[1]}\n--\n{pages[3]}"


TWICE = {"first": HANDBOOK["parcels"], "again": HANDBOOK["parcels"], "other": HANDBOOK["returns"]}


@program("the same passage twice, one is used", TWICE, "first")
def twice(names: Names) -> str:
    first, _, _ = load(names)
    return f"It says: {first}"


@program(
    "passages that contain each other",
    {"long": HANDBOOK["parcels"], "short": HANDBOOK["parcels"][:49], "other": HANDBOOK["letters"]},
    "long",
)
def contained(names: Names) -> str:
    return "From the long one: " + load(names)[0]


@program("an echo of what was not in the prompt", HANDBOOK, "parcels")
def echo(names: Names) -> str:
    pages = load(names)
    return extract(context_of(pages[:1]), QUESTION)


@program(
    "a heading that all share",
    {name: f"Handbook of the parcel service, edition of May 2026.\n{text}" for name, text in HANDBOOK.items()},
    "letters",
)
def headed(names: Names) -> str:
    return load(names)[3]


@program("values that coincide", {"a": "7", "b": "The number is seven.", "c": HANDBOOK["returns"]}, "c")
def chance(names: Names) -> str:
    load(names)
    return f"7 rules, the first: {load(names, 'c')[0]}"


@program("interned strings", {"a": "yes", "b": "no", "c": HANDBOOK["parcels"]}, "c")
def interned(names: Names) -> str:
    _, _, text = load(names)
    return f"yes. {text}"


@program("nothing is used", HANDBOOK, "")
def nothing(names: Names) -> str:
    load(names)
    return "Sorry, I can not help you with that question."


@program("only the question", {}, "")
def only_question(_: Names) -> str:
    return extract("You are kind. Say what you know about parcels.", QUESTION)


SCRIPTS = {
    "Chinese": ("包裹在本店保存十二天，逾期未取将退回寄件人。", "周六下午一点关门，周日全天休息，节假日另行通知。"),
    "Japanese": ("お預かりした荷物は十二日間保管されます。", "土曜日は午後一時に閉まります。日曜日は休みです。"),
    "Thai": ("พัสดุที่ไม่มีผู้มารับจะถูกเก็บไว้สิบสองวันก่อนส่งคืน", "วันเสาร์ปิดเวลาบ่ายโมงตรงและหยุดวันอาทิตย์ตลอดวัน"),
    "Arabic": (
        "يُحفظ الطرد اثني عشر يومًا في الفرع الرئيسي ثم يعاد إلى المرسل.",
        "يغلق الفرع أبوابه يوم السبت في الساعة الواحدة ظهرًا.",
    ),
    "Hebrew": (
        "החבילה נשמרת שנים עשר ימים בסניף ואחר כך חוזרת אל השולח.",
        "בשבת הסניף סגור כל היום ופתוח שוב ביום ראשון בבוקר.",
    ),
    "Korean": (
        "소포는 지점에서 십이 일 동안 보관된 후 보낸 사람에게 반송됩니다.",
        "토요일에는 오후 한 시에 문을 닫고 일요일은 하루 종일 쉽니다.",
    ),
    "Russian": (
        "Посылка хранится в отделении двенадцать дней и потом возвращается.",
        "В субботу отделение закрывается в час дня, в воскресенье закрыто.",
    ),
    "Hindi": (
        "पार्सल को शाखा में बारह दिनों तक रखा जाता है फिर लौटा दिया जाता है।",
        "शनिवार को शाखा दोपहर एक बजे बंद हो जाती है और रविवार को बंद रहती है।",
    ),
}


def in_script(name: str, texts: tuple[str, str]) -> None:
    @program(f"in {name}", dict(zip(("first", "second"), texts, strict=True)), "second")
    def run(names: Names) -> str:
        return f"— {load(names)[1]} —"


for _name, _texts in SCRIPTS.items():
    in_script(_name, _texts)


# -- two services, two outputs: the second one reads what the first one left


TABLE: dict[str, str] = {}
"""Where one service leaves things for another."""


@provsdk.traced_output("first service")
def first_service(names: Names) -> str:
    parcels, _, branches, _ = load(names)
    return f"In short: {parcels} {branches}"


@provsdk.traced_source(type="api", name="left by the first service")
def left(form: str) -> Any:
    text = str(TABLE[form].encode(), "utf-8")
    return json.loads(text) if form == "message" else text


def leaves(form: str, written: Any) -> Any:
    def before(names: Names) -> None:
        TABLE[form] = written(first_service(names))

    return before


@program("a hand-off as a text", HANDBOOK, "parcels branches", leaves("text", str))
def text_handoff(_: Names) -> str:
    return f"Dear customer. {left('text')}"


@program(
    "a hand-off as a message", HANDBOOK, "parcels branches", leaves("message", lambda text: json.dumps({"text": text}))
)
def message_handoff(_: Names) -> str:
    return f"Dear customer. {left('message')['text']}"


@program("a hand-off that is not used", HANDBOOK, "returns", leaves("text", str))
def unused_handoff(names: Names) -> str:
    left("text")
    return extract(load(names)[1], "When are returns free?")


# -- what nobody can see in the texts


def _translated(text: str) -> str:
    return "".join(chr(0x0430 + (ord(letter.lower()) - 97) % 32) if letter.isalpha() else letter for letter in text)


@provsdk.traced_model_call("translate", provider="bench", model="letters-1")
def translate(prompt: str) -> str:
    return _translated(prompt)


@program("base64 in the prompt, and out of it", HANDBOOK, "letters")
def in_base64(names: Names) -> str:
    prompt = base64.b64encode(load(names)[3].encode()).decode()
    return str(provsdk.traced_model_call("decode")(lambda text: base64.b64decode(text).decode())(prompt))


@program(
    "HTML entities in the source",
    {"page": "Fl&uuml;sse &amp; Seen sind heute f&uuml;r alle Boote gesperrt.", **HANDBOOK},
    "page",
)
def entities(names: Names) -> str:
    return html.unescape(load(names)[0])


@program("a retrieval in one language, an answer in another", HANDBOOK, "returns")
def cross_language(names: Names) -> str:
    """The true edge leaves no words behind, and none is claimed: what the model was given is known all the same."""
    return translate(extract(context_of(load(names)), "When are returns free after the delivery?"))
