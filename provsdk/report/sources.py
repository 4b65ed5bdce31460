"""The sources of a record: as a table within a report, and each in full."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from provsdk.questions.links import Link
from provsdk.records.record import Checksum, ProvenanceRecord, Source
from provsdk.report import wording
from provsdk.report.layout import Shortened, cell, columns, joined, pairs, parameters, status_style
from provsdk.report.steps import counted
from provsdk.report.summary import SourceLine
from provsdk.report.verdicts import Verdict, verdict_cell, verdict_json
from provsdk.vocabulary import ChecksumResult

__all__ = [
    "LOCATIONS_UP_TO",
    "activity_names",
    "checksum_cell",
    "legend",
    "mismatches",
    "source_details",
    "source_json",
    "source_table",
]

LOCATIONS_UP_TO: Final = 12
"""Beyond this many sources, a report shows their names and leaves locations to `provsdk sources`."""

_STYLES: Final = {"observed": "green", "declared": "cyan", "given": "yellow", "inferred": "yellow", "none": "red"}

_POLICY: Final = "default of policy for the type, not evidence"

_LEGEND: Final = {
    "given": "given to …: a step on the way received it; whether it shaped the output was not seen",
    "inferred": "inferred: loaded while the output was made; nothing better is known",
}


def activity_names(record: ProvenanceRecord) -> dict[str, str]:
    """Names of the record's activities, by id; a load that brought several sources has none of its own."""
    brought = Counter(item.activity_id for item in record.sources if item.activity_id)
    return {
        record.output.output_id.replace("out_", "act_", 1): record.output.name,
        **{
            item.activity_id: item.name if brought[item.activity_id] == 1 else f"a load of {brought[item.activity_id]}"
            for item in record.sources
            if item.activity_id
        },
        **{item.transformation_id: item.name for item in record.transformations},
        **{item.model_call_id: item.name for item in record.model_calls},
        **{item.check_id: item.name for item in record.policy_checks},
    }


def source_table(lines: Sequence[SourceLine], record: ProvenanceRecord) -> Table:
    """One row a source: what it is, in which version, how reliable its type is held to be, how it is linked."""
    names = activity_names(record)
    table = columns(
        "#", "Source", "Type", "Version", "Rel.", "Linked to the output", right=("#", "Rel."), fixed=("Type",)
    )
    for line in lines:
        source = line.source
        table.add_row(
            cell(line.number, "dim"),
            _name(line, with_location=len(lines) <= LOCATIONS_UP_TO),
            cell(wording.words(source.type), limit=16),
            cell(source.version, limit=24) if source.version else cell("unknown", "dim"),
            cell(f"{source.reliability:.2f}"),
            _link(line.link, names),
        )
    return table


def mismatches(lines: Sequence[SourceLine]) -> int:
    """How many sources do not have the checksum that is stated of them."""
    return sum(_checksum_of(line.source, ChecksumResult.MISMATCH) is not None for line in lines)


def _checksum_of(source: Source, result: ChecksumResult | None = None) -> Checksum | None:
    found = source.checksum
    return found if isinstance(found, Checksum) and result in {None, found.result} else None


def checksum_cell(found: Checksum) -> Text:
    """What came of a stated checksum."""
    styles = {"verified": "green", "mismatch": "bold red"}
    return cell(wording.checksum(found), styles.get(found.result, "yellow"))


def legend(lines: Sequence[SourceLine]) -> list[Text]:
    """What the words in the table mean, as far as they stand there."""
    used = [text for strength, text in _LEGEND.items() if any(line.link.strength == strength for line in lines)]
    hidden = ["locations and digests: provsdk sources"] if len(lines) > LOCATIONS_UP_TO else []
    return [cell(text, "dim") for text in (f"Rel.: reliability, {_POLICY}", *used, *hidden)]


def _name(line: SourceLine, *, with_location: bool) -> RenderableType:
    source = line.source
    bad = None if source.status == "completed" else cell(wording.words(source.status), status_style(source.status))
    by_hand = cell("declared by hand", "cyan") if source.basis == "explicit" else None
    wrong = cell("checksum MISMATCH", "bold red") if _checksum_of(source, ChecksumResult.MISMATCH) else None
    name = joined([cell(source.name), by_hand, bad, wrong])
    if not with_location or not source.location or source.location == source.name:
        return name
    return Group(name, Shortened(source.location, "dim"))


def _link(link: Link, names: Mapping[str, str]) -> Text:
    return cell(wording.link(link, names.get(link.through or "")), _STYLES[link.strength])


def _took(source: Source) -> str | None:
    return None if source.took_us is msgspec.UNSET else f"in {wording.duration(source.took_us)}"


def source_json(line: SourceLine, verdict: Verdict | None = None) -> dict[str, Any]:
    """The source as its record has it, with what follows from the record: its link and its freshness."""
    link = {
        "strength": line.link.strength,
        "basis": line.link.basis,
        "steps": line.link.steps,
        "through": line.link.through,
    }
    said = {"link": link, "freshness": line.freshness, "needs_refresh": line.stale}
    check = {} if verdict is None else {"check": verdict_json(verdict)}
    return {**msgspec.to_builtins(line.source), **said, **check}


def source_details(
    lines: Sequence[SourceLine], record: ProvenanceRecord, verdicts: Mapping[int, Verdict] | None = None
) -> RenderableType:
    """Everything that is known of each source, one after the other; with verdicts, what fetching it again came to."""
    if not lines:
        return cell("This record has no sources.", "yellow")
    names = activity_names(record)
    blocks: list[RenderableType] = []
    for line in lines:
        verdict = (verdicts or {}).get(line.number)
        now = [("now", verdict_cell(verdict))] if verdict is not None else []
        blocks += [Text(), _title(line), pairs([*now, *_details(line, names)])]
    return Group(*blocks[1:])


def _title(line: SourceLine) -> Text:
    source = line.source
    bad = None if source.status == "completed" else cell(wording.words(source.status), status_style(source.status))
    return Text.assemble(
        (f"{line.number}  ", "dim"), joined([cell(source.name, "bold"), bad, cell(source.error_type, "red")])
    )


def _details(line: SourceLine, names: Mapping[str, str]) -> list[tuple[str, RenderableType]]:
    source = line.source
    seen = "declared by hand" if source.basis == "explicit" else "seen being loaded"
    verify = "has to be verified" if source.requires_verification else None
    stated = _checksum_of(source)
    kind, _, hexadecimal = (source.digest or source.join_digest or "").rpartition(":")
    rows: list[tuple[str, RenderableType | None]] = [
        ("type", joined([wording.words(source.type), seen])),
        ("version", cell(source.version or "unknown", "" if source.version else "dim")),
        ("location", cell(source.location or "unknown", "" if source.location else "dim")),
        ("linked", _link(line.link, names)),
        ("reliability", joined([f"{source.reliability:.2f}, {_POLICY}", verify])),
        ("value", joined([source.media_type or "type unknown", wording.size(source.size_bytes) or "size unknown"])),
        (kind.partition(":")[0] or "digest", cell(hexadecimal or "not available", "" if hexadecimal else "dim")),
        ("checksum", checksum_cell(stated) if stated else None),
        ("stated", cell(stated.stated) if stated and stated.stated else None),
        ("retrieved", joined([wording.moment(source.retrieved_at), _took(source)])),
        ("modified", cell(wording.moment(source.modified_at) or "unknown", "" if source.modified_at else "dim")),
        (
            "freshness",
            joined([f"{line.freshness:.1f} when the output was made", "due for a refresh" if line.stale else None]),
        ),
        ("class", cell(source.classification) if source.classification else None),
        ("owner", cell(source.owner) if source.owner else None),
        ("holds", cell(f"{counted(len(source.elements), 'value')} of its own") if source.elements else None),
        ("settings", parameters(source.parameters) if source.parameters else None),
        ("id", cell(source.source_id, "dim")),
    ]
    return [(label, value) for label, value in rows if value is not None]
