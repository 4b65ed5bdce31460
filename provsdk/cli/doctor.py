"""`provsdk doctor`: what is configured, what is captured, what is not, what is at risk."""

import os
from typing import TYPE_CHECKING

import click

from provsdk.cli.app import FINDING
from provsdk.cli.place import as_json, configuration, store_option
from provsdk.cli.terminal import print_json, remark, show

if TYPE_CHECKING:
    from rich.console import RenderableType

    from provsdk.cli.checkup import Check

__all__ = ["checkup_screen", "doctor"]

_STYLES = {"ok": "green", "note": "dim", "finding": "bold red"}


@click.command("doctor")
@store_option
@as_json
def doctor(store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Check the set-up.

    What is configured and where, what is captured, what is not, what sits on a file system that does not last.
    Exits 1 where there is a finding.
    """
    from provsdk.cli.checkup import examine, settings  # noqa: PLC0415 help needs none of it

    config = configuration(store)
    checks = list(examine(config, os.environ))
    findings = [check for check in checks if check.state == "finding"]
    if as_json:
        print_json(
            {
                "ok": not findings,
                "settings": {
                    key: {"value": value, "source": source} for key, (value, source) in settings(config).items()
                },
                "checks": [
                    {"area": check.area, "state": check.state, "text": check.text, "remedy": check.remedy}
                    for check in checks
                ],
            }
        )
    else:
        show(_settings_screen(settings(config)))
        show(checkup_screen(checks))
        remark(summary(findings))
    if findings:
        click.get_current_context().exit(FINDING)


def summary(findings: "list[Check]") -> str:
    """How it went, in one line."""
    if not findings:
        return "No findings."
    return "1 finding." if len(findings) == 1 else f"{len(findings)} findings."


def _settings_screen(found: dict[str, tuple[str, str]]) -> "RenderableType":
    from provsdk.report.layout import cell, columns, section  # noqa: PLC0415 help needs none of it

    table = columns("Setting", "Value", "From", fixed=("Setting",))
    for key, (value, source) in found.items():
        table.add_row(cell(key), cell(value), cell(source, "dim" if source == "default" else "cyan"))
    return section("Settings", "", table)


def checkup_screen(checks: "list[Check]") -> "RenderableType":
    """One line for each check, by area; what to do stands below it."""
    from rich.console import Group  # noqa: PLC0415 help needs none of it

    from provsdk.report.layout import BAD, DOT, GOOD, cell, columns, section  # noqa: PLC0415 as above

    signs = {"ok": GOOD, "note": DOT, "finding": BAD}
    table = columns("", "Area", "Found", fixed=("", "Area"))
    for check in sorted(checks, key=lambda check: list(dict.fromkeys(one.area for one in checks)).index(check.area)):
        remedy = [cell(f"→ {check.remedy}", "cyan")] if check.remedy else []
        text = Group(cell(check.text, "bold" if check.state == "finding" else ""), *remedy)
        table.add_row(cell(signs[check.state], _STYLES[check.state]), cell(check.area), text)
    return section("Checks", "", table)
