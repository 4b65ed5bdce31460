"""`provsdk init`: a store, the lines to add to this project, and a first check of the set-up."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provsdk.cli.place import as_json, configuration, store_option
from provsdk.cli.terminal import print_json, remark, show

if TYPE_CHECKING:
    from rich.console import RenderableType

    from provsdk.cli.advice import Suggestion
    from provsdk.cli.project import Project, Telemetry
    from provsdk.config import Config

__all__ = ["init"]


@click.command("init")
@store_option
@as_json
@click.option("--new-log", is_flag=True, help="The log that was here is gone for good: begin a new one in its place.")
def init(store: str | None, as_json: bool, new_log: bool) -> None:  # noqa: FBT001 click's options
    """Set provsdk up in this project.

    Makes the store, says which lines to add, and checks the set-up as `provsdk doctor` does. Reads the project's Python
    files and the installed packages; changes none of them. Running it again does no harm.
    """
    from provsdk.cli.advice import advice  # noqa: PLC0415 help needs none of it
    from provsdk.cli.checkup import examine  # noqa: PLC0415 as above
    from provsdk.cli.doctor import checkup_screen, summary  # noqa: PLC0415 as above
    from provsdk.cli.project import look  # noqa: PLC0415 as above

    config = configuration(store)
    if new_log:
        _give_up(config)
    made, origin = _make(config)
    project = look(Path.cwd(), os.environ)
    suggestions, checks = advice(project), list(examine(config, os.environ))
    if as_json:
        print_json(
            {
                "store": {"path": str(Path(config.store)), "made": made, "origin": origin},
                "frameworks": [_use_json(use) for use in project.uses],
                "opentelemetry": _telemetry_json(project.telemetry),
                "add": [_suggestion_json(item) for item in suggestions],
                "checks": [
                    {"area": one.area, "state": one.state, "text": one.text, "remedy": one.remedy} for one in checks
                ],
            }
        )
        return
    word = "made" if made else "there already"
    show(_project_screen(project, f"{Path(config.store)} ({word}; log {origin})"))
    show(_advice_screen(project, suggestions))
    show(checkup_screen(checks))
    remark(summary([check for check in checks if check.state == "finding"]))


def _give_up(config: "Config") -> None:
    from provsdk.store.open import give_up  # noqa: PLC0415 help needs none of it

    former = give_up(config.store, state=config.state, origin=config.origin)
    remark("no log is remembered here" if former is None else f"the log {former} is given up; a new one begins here")


def _make(config: "Config") -> tuple[bool, str]:
    """Makes the store where there is none; says whether it did, and the log's name."""
    from provsdk.store.open import open_store  # noqa: PLC0415 help needs none of it

    there = (Path(config.store) / "log.db").exists()
    log = open_store(config.store, keys=config.keys, state=config.state, origin=config.origin, create=True)
    try:
        return not there, log.origin
    finally:
        log.close()


def _use_json(use: Any) -> dict[str, Any]:
    return {
        "name": use.framework.label,
        "role": use.framework.role,
        "version": use.version,
        "imported": [f"{path}:{line}" for path, line in use.places],
    }


def _telemetry_json(found: "Telemetry") -> dict[str, Any]:
    return {
        "sdk": found.version,
        "provider": None if found.provider is None else f"{found.provider[0]}:{found.provider[1]}",
        "environment": list(found.environment),
        "launcher": None if found.launcher is None else str(found.launcher),
    }


def _suggestion_json(item: "Suggestion") -> dict[str, Any]:
    return {
        "file": str(item.path),
        "line": item.line,
        "until": item.until,
        "lines": list(item.lines),
        "above": item.above,
        "why": item.why,
    }


def _project_screen(project: "Project", store: str) -> "RenderableType":
    from provsdk.report.layout import cell, pairs, section  # noqa: PLC0415 help needs none of it
    from provsdk.report.steps import counted  # noqa: PLC0415 as above

    used = [use for use in project.uses if use.places]
    beside = [use for use in project.uses if not use.places]
    bounded = ", and there are more" if project.bounded else ""
    rows: list[tuple[str, Any]] = [
        ("project", cell(f"{project.name}, {counted(project.files, 'Python file')}{bounded}")),
        (
            "uses",
            cell(
                ", ".join(f"{use.framework.label} {use.version or '(not installed)'}" for use in used)
                or "no known framework"
            ),
        ),
        (
            "installed",
            cell(", ".join(f"{use.framework.label} {use.version}" for use in beside) or "nothing else that is known"),
        ),
        ("tracing", cell(_telemetry(project))),
        ("store", cell(store)),
    ]
    return section("This project", "", pairs(rows))


def _telemetry(project: "Project") -> str:
    found = project.telemetry
    parts = []
    if found.provider is not None:
        parts.append(f"a tracer provider in {_relative(found.provider[0], project.root)}:{found.provider[1]}")
    if found.launcher is not None:
        parts.append(f"opentelemetry-instrument in {_relative(found.launcher, project.root)}")
    if found.environment:
        parts.append(", ".join(found.environment))
    return "; ".join(parts) or "no OpenTelemetry set-up found; provsdk needs none"


def _advice_screen(project: "Project", suggestions: "tuple[Suggestion, ...]") -> "RenderableType":
    from rich.console import Group  # noqa: PLC0415 help needs none of it
    from rich.padding import Padding  # noqa: PLC0415 as above
    from rich.text import Text  # noqa: PLC0415 as above

    from provsdk.report.layout import cell, section  # noqa: PLC0415 as above

    blocks = []
    for item in suggestions:
        head = Text.assemble(cell(f"{_place(item, project.root)}: ", "bold"), cell(item.why))
        lines = [
            *(cell(text, "cyan") for text in item.lines),
            *([] if item.above is None else [cell(item.above, "dim")]),
        ]
        blocks.append(Group(head, *(Padding(line, (0, 0, 0, 4)) for line in lines), Text()))
    if not blocks:
        blocks.append(Group(cell("none that could be found: what is recognised here is traced")))
    return section("Lines to add", "", *blocks)


def _place(item: "Suggestion", root: Path) -> str:
    if item.until is not None:
        lines = f"line {item.line}" if item.line == item.until else f"lines {item.line} to {item.until}"
        return f"{_relative(item.path, root)}, instead of {lines}"
    if item.line is not None:
        return f"{_relative(item.path, root)}, {'before ' if item.lines else ''}line {item.line}"
    if item.path == root:
        return "your program"
    return f"{_relative(item.path, root)}{', at the end' if item.path.is_file() else ''}"


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) and path != root else str(path)
