"""An output sentence by sentence, with the sources that support each: for a terminal, as JSON, as a page."""

import html
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final

from rich.console import RenderableType

from provsdk.matching import fields_of
from provsdk.questions.why import Sentence, Support, limits
from provsdk.records.record import ProvenanceRecord
from provsdk.report.layout import BAD, GOOD, UNSURE, cell, columns, section
from provsdk.report.passages import Passage
from provsdk.report.printable import printable
from provsdk.report.steps import counted

__all__ = ["why_html", "why_json", "why_screen", "why_summary"]

_SIGNS: Final = {
    "supported": (GOOD, "green"),
    "in part": (UNSURE, "yellow"),
    "unsupported": (BAD, "bold red"),
    "too short": ("\u00b7", "dim"),
}

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 16px/1.6 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328; }}
h1 {{ font-size: 1.2rem; }} .id, small {{ color: #59636e; }} .id {{ font-family: monospace; }}
.text {{ white-space: pre-wrap; }}
mark {{ background: #dafbe1; color: inherit; }} .in-part {{ background: #fff8c5; }}
.unsupported {{ background: #ffebe9; }}
.too-short {{ color: #59636e; }} li {{ margin: .4rem 0; }} li small {{ display: block; overflow-wrap: anywhere; }}
blockquote {{ margin: .3rem 0 .6rem; padding-left: .8rem; border-left: 3px solid #d1d9e0; }}
blockquote {{ font-size: .85rem; white-space: pre-wrap; overflow-wrap: anywhere; }}
sup a {{ text-decoration: none; }}
</style>
<h1>{title}</h1>
<p class="id">{record_id}</p>
<p>{summary} <small><mark>words that stand in a source</mark>, <span class="in-part">others of the same sentence</span>,
<span class="unsupported">a sentence without any</span>, <span class="too-short">too short to tell</span>. By the words
that they share: what says the same in other words is not found.</small></p>
<p class="text">{text}</p>
<ol>{sources}</ol>
<p><small>Made {made}. {missing} <code>provsdk verify {record_id}</code> checks the record.</small></p>
</html>
"""


_NONE: Final = {"unsupported": "no source, by its words", "too short": "too short to tell"}


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
        + (f", {short} too short to tell" if (short := counts["too short"]) else "")
    )


def _told(sentence: Sentence) -> str:
    names = dict.fromkeys(f"{one.source} ({one.basis})" for one in sentence.supports)
    share = f"{sentence.share:.0%} of it: " if sentence.verdict == "in part" else ""
    return f"{share}{', '.join(names)}" if names else _NONE[sentence.verdict]


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


def why_html(
    record: ProvenanceRecord,
    text: str,
    found: Sequence[Sentence],
    quoted: Mapping[tuple[str, str], Sequence[Passage]] = MappingProxyType({}),
) -> str:
    """A page that needs nothing else: the text, or each of its fields, with each sentence marked; sources by number.

    Args:
        record: of the output.
        text: what it came to.
        found: its sentences.
        quoted: passages of sources by their ids and names, where their content was kept.
    """
    numbers = {each: number for number, each in enumerate(dict.fromkeys(_sources(found)), 1)}
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
        sources="".join(
            f'<li id="s{number}">{_safe(name)}<small>{_safe(_about(record, source_id))}</small>'
            f"{''.join(map(_quotation, quoted.get((source_id, name), ())))}</li>"
            for (source_id, name), number in numbers.items()
        ),
        made=_safe(record.generated_at),
        missing="Nothing is known to be missing from the record."
        if record.completeness.complete
        else "<b>The record is incomplete</b>: <code>provsdk show</code> says what is missing.",
    )


def _quotation(passage: Passage) -> str:
    before, words, after = map(_safe, passage)
    return f"<blockquote>{before}<mark>{words}</mark>{after}</blockquote>"


def _about(record: ProvenanceRecord, source_id: str) -> str:
    """Where the source was loaded from, which version, and what tells it from others."""
    source = next((one for one in record.sources if one.source_id == source_id), None)
    if source is None:
        return f"an output of its own: provsdk show {source_id}"
    digest = source.digest or source.join_digest
    version = f"version {source.version}" if source.version is not None else None
    said = (source.type, source.location, version, f"loaded {source.retrieved_at}", digest)
    return ", ".join(one for one in said if one is not None)


def _text(text: str, found: Sequence[Sentence], numbers: Mapping[tuple[str, str], int]) -> str:
    pieces, last = [], 0
    for sentence in found:
        pieces += [_safe(text[last : sentence.start]), _marked(sentence, numbers)]
        last = sentence.end
    return "".join([*pieces, _safe(text[last:])])


def _sources(found: Sequence[Sentence]) -> Iterator[tuple[str, str]]:
    return ((support.source_id, support.source) for sentence in found for support in sentence.supports)


def _marked(sentence: Sentence, numbers: Mapping[tuple[str, str], int]) -> str:
    cited = dict.fromkeys(numbers[one.source_id, one.source] for one in sentence.supports)
    links = ",".join(f'<a href="#s{one}">{one}</a>' for one in cited)
    noted = f"<sup>{links}</sup>" if links else ""
    title = _safe("; ".join(map(_place, sentence.supports)) or _NONE[sentence.verdict])
    kind = sentence.verdict.replace(" ", "-")
    said = "".join(f"<mark>{_safe(words)}</mark>" if stands else _safe(words) for stands, words in _pieces(sentence))
    return f'<span class="{kind}" title="{title}">{said}</span>{noted}'


def _pieces(sentence: Sentence) -> Iterator[tuple[bool, str]]:
    """The sentence in pieces, each with whether it stands in a source."""
    covered = {at for one in sentence.supports for at in range(max(one.start, sentence.start), one.end)}
    for stands, places in groupby(range(sentence.start, sentence.end), covered.__contains__):
        yield stands, "".join(sentence.text[at - sentence.start] for at in places)


def _place(support: Support) -> str:
    return f"{support.source}: characters {support.source_start} to {support.source_end}, {support.basis}"


def _safe(text: str) -> str:
    return html.escape("\n".join(printable(line) for line in text.split("\n")))
