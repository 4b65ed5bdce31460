"""Under what rules an output was made: checks, owners, how long it is kept, who may do what."""

from datetime import datetime
from typing import Final

from msgspec import UNSET
from rich.console import RenderableType
from rich.text import Text

from provsdk.records.record import ProvenanceRecord
from provsdk.report import wording
from provsdk.report.layout import UNSURE, cell, columns, joined, listed, pairs, section, status_style
from provsdk.vocabulary import STANDARD_CHECKS, CheckResult, OutputStatus

__all__ = ["checks_section", "owners_section", "retention_section"]

_NOT_WITHHELD: Final = f"{UNSURE} meant to block, and was not withheld: what traced_check tells is recorded only"


def checks_section(record: ProvenanceRecord) -> RenderableType:
    """The checks with their verdicts, and the standard ones that did not run."""
    checks = record.policy_checks
    absent = [wording.words(name) for name in STANDARD_CHECKS if name not in {check.type for check in checks}]
    note = [cell("standard checks that did not run: " + ", ".join(absent), "dim")] if absent else []
    if not checks:
        return section("Checks", "", cell(f"{UNSURE} none ran", "yellow"), *note)
    failed = [check for check in checks if check.result in {CheckResult.FAIL, CheckResult.ERROR}]
    bad = len(failed)
    if any(check.blocking for check in failed) and record.output.status != OutputStatus.BLOCKED:
        note.insert(0, cell(_NOT_WITHHELD, "yellow"))
    before = ("Before",) if any(check.stage is not UNSET for check in checks) else ()
    table = columns(
        "Check", "Type", *before, "Result", "Meant to", "Reasons", fixed=("Type", *before, "Result", "Meant to")
    )
    for check in checks:
        table.add_row(
            cell(check.name),
            cell(wording.words(check.type), limit=24),
            *((cell("" if check.stage is UNSET else check.stage),) if before else ()),
            cell(check.result, status_style(check.result)),
            cell(check.mode if check.mode is not UNSET else "block" if check.blocking else "warn"),
            _reasons(check.reasons),
        )
    passed = "all passed" if not bad else f"{bad} of {len(checks)} did not pass"
    return section("Checks", f"{len(checks)}, {passed}" if not bad else passed, table, *note)


def _reasons(reasons: list[str]) -> Text:
    return Text("; ", overflow="fold").join([cell(reason) for reason in reasons])


def owners_section(record: ProvenanceRecord) -> RenderableType:
    """Who answers for it, by role."""
    if not record.ownership:
        return section("Owners", "", cell(f"{UNSURE} nobody is named: set `owner` in the configuration", "yellow"))
    return section("Owners", "", pairs((wording.words(owner.role), cell(owner.agent)) for owner in record.ownership))


def retention_section(record: ProvenanceRecord, until: datetime | None) -> RenderableType:
    """How long it is kept and why, and what is asked of whoever handles it."""
    kept, asked = record.retention, record.permissions
    end = None if until is None else f"until {until:%Y-%m-%d}"
    approval = listed(wording.words(level) for level in asked.approval_required)
    rows: list[tuple[str, Text]] = [
        (
            "kept",
            joined(
                [
                    wording.retention_days(kept.days),
                    end,
                    f"{wording.words(kept.period or 'own period')}, {_why(kept.basis)}",
                ]
            ),
        ),
        ("deletion", cell("has to be secure" if kept.secure_deletion else "ordinary")),
        (
            "encryption",
            cell("required: its parts are encrypted at rest" if asked.encryption_required else "not required"),
        ),
        ("approval for", approval if approval.plain else cell("nothing", "dim")),
    ]
    return section("Retention", "", pairs(rows))


def _why(basis: str) -> str:
    return {
        "classification": "the least for its class",
        "configured": "as configured",
        "declared": "as declared",
    }.get(basis, basis)
