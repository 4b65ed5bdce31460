"""What rests on a source, as a person reads it and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from provsdk.questions.impact import Doubt, Hit, Impact
from provsdk.records.record import ProvenanceRecord
from provsdk.report import wording
from provsdk.report.layout import Shortened, cell, columns, section
from provsdk.report.steps import counted
from provsdk.vocabulary import Basis, OutputStatus

__all__ = ["impact_json", "impact_screen", "output_words", "rest"]

_STYLES: Mapping[str, str] = {"observed": "green", "declared": "cyan"}


def impact_screen(found: Impact, shorts: Mapping[str, str], at_most: int) -> Iterator[RenderableType]:
    """A section for the source and for each set of outputs, with at most so many lines.

    Args:
        found: what rests on the source.
        shorts: names of records by their ids.
        at_most: lines of a section.
    """
    yield section(f"The source  {len(found.sources):,}", _more(found.sources, at_most), _sources(found, at_most))
    for title, hits in (
        ("Outputs that used it", found.used),
        ("Outputs that may have used it", found.possible),
        ("Outputs that were to load it and got nothing of it", found.unlinked),
    ):
        if hits:
            yield section(f"{title}  {len(hits):,}", _more(hits, at_most), _hits(hits[:at_most], shorts))
    if found.doubtful:
        title = f"Outputs for which it cannot be ruled out  {len(found.doubtful):,}"
        yield section(title, _more(found.doubtful, at_most), _doubts(found.doubtful[:at_most], shorts))


def rest(found: Impact, records: int, gaps: int, first: str | None) -> list[str]:
    """What is said of all other outputs, and what that rests on.

    Args:
        found: what rests on the source.
        records: all of the store.
        gaps: outputs that have no record.
        first: when the first record of the log was sealed.
    """
    named = len(found.used) + len(found.possible) + len(found.doubtful) + len(found.unlinked)
    others = counted(max(records - named, 0), "other output")
    none = "no source in their records is this one by content, location or name"
    said = [f"{others}: {none}, and their records miss nothing that may have been it"]
    if gaps:
        said.append(f"{counted(gaps, 'output')} without a record may have used it: `provsdk gaps` names them")
    if first is not None:
        said.append(f"what was made before {wording.moment(first)}, or is not decorated, is not in this log")
    if found.cut:
        said.append("there are more: not all records were read for this answer")
    return said


def _more(rows: Sequence[Any], at_most: int) -> str:
    return f"the first {at_most:,}; all with --json" if len(rows) > at_most else ""


def _sources(found: Impact, at_most: int) -> RenderableType:
    table = columns("Source", "Version", "Location", "Type")
    for source in found.sources[:at_most]:
        table.add_row(
            cell(source.name, limit=80),
            cell(source.version or "unknown"),
            Shortened(source.location) if source.location else cell(""),
            cell(wording.words(source.type)),
        )
    return table


def _hits(hits: Sequence[Hit], shorts: Mapping[str, str]) -> RenderableType:
    table = columns("Record", "Output", "Made (UTC)", "How", fixed=("Record", "Made (UTC)"))
    for hit in hits:
        record = hit.record
        table.add_row(
            cell(shorts.get(record.record_id, record.record_id), "cyan"),
            cell(output_words(record), limit=80),
            cell(wording.moment(record.generated_at).removesuffix(" UTC")[: len("2026-11-24 03:16")]),
            cell(_how(hit, shorts), _STYLES.get(hit.link.strength, "yellow")),
        )
    return table


def output_words(record: ProvenanceRecord) -> str:
    """Its name, and how it ended where it did not come to its end."""
    output = record.output
    if output.status == OutputStatus.COMPLETED:
        return output.name
    ended = wording.words(output.status)
    return f"{output.name} ({ended})" if output.media_type else f"{output.name} ({ended}, nothing was delivered)"


def _how(hit: Hit, shorts: Mapping[str, str]) -> str:
    link = hit.link
    meanwhile = link.basis == Basis.ENCLOSING.value
    how = {
        "given": "given to a step, and whether it shaped the result was not seen",
        "inferred": "loaded meanwhile, nothing better is known"
        if meanwhile
        else "another part or version, or this one",
        "none": "nothing of it came",
    }.get(link.strength, f"{link.strength}: {link.basis}")
    version = f", version {', '.join(hit.versions)}" if hit.versions else ""
    through = f", through {', '.join(shorts.get(one, one) for one in hit.through)}" if hit.through else ""
    return f"{how}{version}{through}"


def _doubts(doubts: Sequence[Doubt], shorts: Mapping[str, str]) -> RenderableType:
    table = columns("Record", "Output", "Made (UTC)", "Why", fixed=("Record", "Made (UTC)"))
    for doubt in doubts:
        table.add_row(
            cell(shorts.get(doubt.record_id, doubt.record_id), "cyan"),
            cell("(encrypted)", "dim") if doubt.name is None else cell(doubt.name, limit=80),
            cell(wording.moment(doubt.generated_at).removesuffix(" UTC")[: len("2026-11-24 03:16")]),
            cell(", ".join(wording.words(reason) for reason in doubt.reasons)),
        )
    return table


def impact_json(found: Impact, records: int, gaps: int) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        "sources": [
            {
                "name": source.name,
                "version": source.version,
                "location": source.location,
                "type": source.type,
                "join_digest": source.join_digest,
            }
            for source in found.sources
        ],
        "used": [_hit(hit) for hit in found.used],
        "possible": [_hit(hit) for hit in found.possible],
        "doubtful": [
            {
                "record_id": doubt.record_id,
                "name": doubt.name,
                "generated_at": doubt.generated_at,
                "reasons": list(doubt.reasons),
            }
            for doubt in found.doubtful
        ],
        "unlinked": [_hit(hit) for hit in found.unlinked],
        "gaps": gaps,
        "records": records,
        "cut": found.cut,
    }


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "record_id": hit.record.record_id,
        "output_id": hit.record.output.output_id,
        "name": hit.record.output.name,
        "generated_at": hit.record.generated_at,
        "status": hit.record.output.status,
        "delivered": hit.record.output.media_type is not None,
        "strength": hit.link.strength,
        "basis": hit.link.basis,
        "steps": hit.link.steps,
        "through": list(hit.through),
        "versions": list(hit.versions),
    }
