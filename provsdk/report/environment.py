"""The environment of a record as a person reads it: the program, its code, what it ran on and with what."""

from collections.abc import Mapping
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from provsdk.report import wording
from provsdk.report.layout import cell, joined, listed, pairs, section

__all__ = ["environment_section"]

_PACKAGE: Final = "package."
_CODE: Final = "code."
_COMMIT_DIGITS: Final = 12

_MODIFIED: Final = {
    "true": ("changed since that commit", "yellow"),
    "false": ("nothing changed since", ""),
    "unknown": ("not known whether it was changed since", "yellow"),
}


def environment_section(environment: Mapping[str, str]) -> list[RenderableType]:
    """The section; none where nothing is known."""
    if not environment:
        return []
    left = dict(sorted(environment.items()))
    rows = [
        ("program", _program(left)),
        ("code", _revision(left)),
        ("runs on", _runtime(left)),
        ("image", _image(left)),
        ("with", _packages(left)),
        ("functions", _functions(left)),
        ("also", joined(f"{name} {value}" for name, value in left.items())),
    ]
    return [section("Environment", "", pairs((label, value) for label, value in rows if value.plain))]


def _program(left: dict[str, str]) -> Text:
    version = left.pop("service.version", None)
    name = left.pop("service.name", None)
    return joined([name, f"version {version}" if version else None, left.pop("deployment.environment.name", None)])


def _revision(left: dict[str, str]) -> Text:
    commit = left.pop("vcs.ref.head.revision", None)
    modified = left.pop("vcs.modified", None)
    if commit is None:
        return Text()
    text, style = _MODIFIED.get(modified or "", (modified or "", "yellow"))
    return joined([f"commit {commit[:_COMMIT_DIGITS]}", cell(text, style) if text else None])


def _runtime(left: dict[str, str]) -> Text:
    names = ("process.runtime.name", "process.runtime.version", "os.type", "host.arch")
    runtime, version, system, machine = (left.pop(name, "") for name in names)
    return joined([f"{runtime} {version}".strip(), f"{system} {machine}".strip()])


def _image(left: dict[str, str]) -> Text:
    found = [left.pop(name) for name in list(left) if name.startswith("container.image.")]
    platform = " ".join(left.pop(name) for name in ("faas.name", "faas.version") if name in left)
    container = left.pop("container.id", None)
    return joined([*found, platform, f"container {container[:_COMMIT_DIGITS]}" if container else None])


def _packages(left: dict[str, str]) -> Text:
    own = [
        f"{name} {left.pop(f'{name}.version')}" for name in ("provsdk", "opentelemetry") if f"{name}.version" in left
    ]
    names = [name for name in left if name.startswith(_PACKAGE)]
    return listed([*own, *(f"{name.removeprefix(_PACKAGE)} {left.pop(name)}" for name in names)])


def _functions(left: dict[str, str]) -> Text:
    names = [name for name in left if name.startswith(_CODE)]
    shown = [f"{name.removeprefix(_CODE)} {wording.digest(left.pop(name))}" for name in names]
    return listed([*shown, left.pop("code", None)])
