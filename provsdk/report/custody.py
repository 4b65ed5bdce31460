"""Whether a record was tampered with, through whose hands it went, and what it misses."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from provsdk.records.record import ProvenanceRecord
from provsdk.report import wording
from provsdk.report.layout import BAD, GOOD, UNSURE, cell, joined, listed, pairs, section
from provsdk.report.printable import lines
from provsdk.report.steps import counted
from provsdk.report.summary import Custody, Integrity
from provsdk.vocabulary import IntegrityStatus

__all__ = ["custody_section", "missing_section", "unreadable", "verdict"]


def verdict(integrity: Integrity) -> Text:
    """The status with its trust level."""
    if integrity.status == IntegrityStatus.VERIFIED:
        return cell(f"{GOOD} {wording.integrity(integrity)}", "green")
    if integrity.status == IntegrityStatus.TAMPERED:
        return cell(f"{BAD} {wording.integrity(integrity)}", "bold red")
    return cell(f"{UNSURE} {wording.integrity(integrity)}", "yellow")


def custody_section(integrity: Integrity, custody: Custody, record: ProvenanceRecord | None) -> RenderableType:
    """The verdict, what it rests on, where the record stands in the log, and what was noted since."""
    rows: list[tuple[str, RenderableType]] = [("status", verdict(integrity))]
    if integrity.checked or integrity.not_checked:
        rows.append(("checked", _checked(integrity)))
    rows += [("finding", cell(text, "bold red")) for text in integrity.findings]
    if record is not None:
        rows.append(("came by", _path(record)))
    rows.append(
        ("log", joined([custody.origin, f"{custody.log_size:,} {'entry' if custody.log_size == 1 else 'entries'}"]))
    )
    rows += [
        (f"entry {entry.index}", joined([entry.kind, cell(wording.moment(entry.time), "dim")]))
        for entry in custody.entries
    ]
    rows += [("note", _note(note)) for note in custody.notes]
    return section("Integrity and custody", "", pairs(rows))


def _checked(integrity: Integrity) -> Text:
    shut = f"{integrity.not_checked:,} not checked, and not counted as valid" if integrity.not_checked else None
    return joined([f"{counted(integrity.checked, 'item')} recomputed", cell(shut, "yellow") if shut else None])


def _path(record: ProvenanceRecord) -> Text:
    path = (
        "sealed in the process that made it"
        if record.capture.path == "process"
        else "assembled elsewhere, from its spans"
    )
    emitter = record.emitter
    number = f"output {emitter.number} of {emitter.id}" if emitter else "not numbered"
    return joined([path, number, *record.capture.integrations])


def _note(note: Mapping[str, Any]) -> RenderableType:
    head = joined([cell(note.get("author") or "no author", "bold"), cell(wording.moment(note.get("time")), "dim")])
    return Group(head, *(Text(line, overflow="fold") for line in lines(str(note.get("text", "")))))


def missing_section(record: ProvenanceRecord) -> RenderableType:
    """What the record says that it misses."""
    reasons = record.completeness.reasons
    if not reasons:
        return section("Missing", "", cell("nothing is known to be missing"))
    items = [wording.why_missing(item.reason) + (f" ({item.detail})" if item.detail else "") for item in reasons]
    return section("Missing", str(len(items)), *(Text.assemble((f"{UNSURE} ", "yellow"), cell(item)) for item in items))


def _shut(custody: Custody) -> list[tuple[str, Text]]:
    places = dict.fromkeys((index, state) for index, _, state in custody.unreadable)
    return [
        (f"entry {index}, {state}", listed(path for at, path, how in custody.unreadable if (at, how) == (index, state)))
        for index, state in places
    ]


def unreadable(record_id: str, integrity: Integrity, custody: Custody) -> RenderableType:
    """What can be said of a record that cannot be read: where it stands, and why it stays shut."""
    erased = {state for _, _, state in custody.unreadable} == {"erased"}
    why = "it was erased" if erased else "it is encrypted, and its key is not reachable"
    return Group(
        Text.assemble(("This record cannot be read: ", "bold yellow"), why),
        cell(record_id, "dim"),
        custody_section(integrity, custody, None),
        section("Shut", "", pairs(_shut(custody))),
    )
