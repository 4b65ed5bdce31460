"""An output sentence by sentence, with the sources that support each: for a terminal, as JSON, as a page."""

import html
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.console import RenderableType

from provsdk.matching import fields_of
from provsdk.questions.why import Sentence, Support, limits
from provsdk.records.record import ProvenanceRecord
from provsdk.report.layout import BAD, GOOD, UNSURE, cell, columns, section
from provsdk.report.printable import printable
from provsdk.report.steps import counted

__all__ = ["why_html", "why_json", "why_screen", "why_summary"]

_SIGNS: Final = {"supported": (GOOD, "green"), "in part": (UNSURE, "yellow"), "unsupported": (BAD, "bold red")}

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328; }}
h1 {{ font-size: 1.2rem; }} .id, small {{ color: #59636e; }} .id {{ font-family: monospace; }}
.text {{ white-space: pre-wrap; }}
.supported {{ background: #dafbe1; }} .in-part {{ background: #fff8c5; }} .unsupported {{ background: #ffebe9; }}
sup a {{ text-decoration: none; }}
</style>
<h1>{title}</h1>
<p class="id">{record_id}</p>
<p>{summary} <small><span class="supported">words stand in a source</span>, <span class="in-part">some do</span>,
<span class="unsupported">none do</span></small></p>
<p class="text">{text}</p>
<ol>{sources}</ol>
</html>
"""


def why_screen(found: Sequence[Sentence]) -> Iterator[RenderableType]:
    """A line for each sentence, and what supports it."""
    fields = ("Field",) if any(sentence.field is not None for sentence in found) else ()
    table = columns("", *fields, "Sentence", "Stands in", fixed=("",))
    for sentence in found:
        sign, style = _SIGNS[sentence.verdict]
        place = (cell(sentence.field or ""),) if fields else ()
        table.add_row(cell(sign, style), *place, cell(sentence.text, limit=400), cell(_told(sentence)))
    yield section("Sentences", "", table)


def why_summary(found: Sequence[Sentence]) -> str:
    """How many are supported."""
    counts = {verdict: sum(one.verdict == verdict for one in found) for verdict in _SIGNS}
    return (
        f"{counted(len(found), 'sentence')}: {counts['supported']} supported, {counts['in part']} in part, "
        f"{counts['unsupported']} unsupported"
    )


def _told(sentence: Sentence) -> str:
    names = dict.fromkeys(f"{one.source} ({one.basis})" for one in sentence.supports)
    share = f"{sentence.share:.0%} of it: " if sentence.verdict == "in part" else ""
    return f"{share}{', '.join(names)}" if names else "no source, by its words"


def why_json(record: ProvenanceRecord, found: Sequence[Sentence]) -> dict[str, Any]:
    """The same as JSON values; offsets in characters. `limits`: why more may be supported than is said."""
    return {
        "record_id": record.record_id,
        "limits": list(limits(record)),
        "sentences": [
            {
                "start": one.start,
                "end": one.end,
                "text": one.text,
                "field": one.field,
                "verdict": one.verdict,
                "share": round(one.share, 4),
                "supports": [each._asdict() for each in one.supports],
            }
            for one in found
        ],
    }


def why_html(record: ProvenanceRecord, text: str, found: Sequence[Sentence]) -> str:
    """A page that needs nothing else: the text, or each of its fields, with each sentence marked; sources by number."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(_sources(found)), 1)}
    fields = fields_of(text)
    if fields:
        said = [(place, value, [one for one in found if one.field == place]) for place, value in fields]
        shown = "\n".join(f"<b>{_safe(place)}</b>  {_text(value, mine, numbers)}" for place, value, mine in said)
    else:
        shown = _text(text, found, numbers)
    return _PAGE.format(
        title=_safe(record.output.name),
        record_id=_safe(record.record_id),
        summary=_safe("".join(f"{each[0].upper()}{each[1:]}. " for each in (why_summary(found), *limits(record)))),
        text=shown,
        sources="".join(f'<li id="s{number}">{_safe(name)}</li>' for name, number in numbers.items()),
    )


def _text(text: str, found: Sequence[Sentence], numbers: dict[str, int]) -> str:
    pieces, last = [], 0
    for sentence in found:
        pieces += [_safe(text[last : sentence.start]), _marked(sentence, numbers)]
        last = sentence.end
    return "".join([*pieces, _safe(text[last:])])


def _sources(found: Sequence[Sentence]) -> Iterator[str]:
    return (support.source for sentence in found for support in sentence.supports)


def _marked(sentence: Sentence, numbers: dict[str, int]) -> str:
    links = dict.fromkeys(f'<a href="#s{numbers[one.source]}">{numbers[one.source]}</a>' for one in sentence.supports)
    noted = f"<sup>{','.join(links)}</sup>" if links else ""
    title = _safe("; ".join(map(_place, sentence.supports)) or "no source, by its words")
    kind = sentence.verdict.replace(" ", "-")
    return f'<span class="{kind}" title="{title}">{_safe(sentence.text)}</span>{noted}'


def _place(support: Support) -> str:
    return f"{support.source}: characters {support.source_start} to {support.source_end}, {support.basis}"


def _safe(text: str) -> str:
    return html.escape("\n".join(printable(line) for line in text.split("\n")))
