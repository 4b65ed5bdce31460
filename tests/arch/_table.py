"""The tables of docs/architecture.md, and the imports of the code, as data."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "provsdk"
LIBRARY_OF = {
    "opentelemetry": "opentelemetry-api",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry.exporter": "opentelemetry-exporter",
    "opentelemetry.instrumentation": "opentelemetry-instrumentation",
}


@dataclass(frozen=True)
class Room:
    """A row of the table of rooms."""

    names: tuple[str, ...]
    modules: tuple[str, ...]
    may_import: frozenset[str]
    libraries: frozenset[str]


@dataclass(frozen=True)
class Import:
    """One import statement of the package, by whom and of what; `at_once` where loading the module runs it."""

    importer: str
    line: int
    imported: str
    """A module of the package, as `capture.ports`; or a library, as `wrapt`."""
    own: bool
    at_once: bool


def rooms() -> list[Room]:
    """The table of rooms."""
    return [
        Room(_list(row[0]), _list(row[1]), frozenset(_list(row[2])), frozenset(_list(row[3])))
        for row in _rows("| Room |")
    ]


def exceptions() -> dict[str, frozenset[str]]:
    """The table of exceptions: what a module may import besides."""
    return {row[0]: frozenset(_list(row[1])) for row in _rows("| Module |")}


def modules() -> dict[str, Path]:
    """Every module of the package, by its name below `provsdk`; the package itself is `__init__`."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return found


def imports() -> Iterator[Import]:
    """Every import statement of the package, those for type checkers and those inside functions too."""
    known = modules()
    for importer, path in known.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        at_once = set(_run_on_loading(tree.body))
        for node in ast.walk(tree):
            for name in _names(node, known):
                own = name == "provsdk" or name.startswith("provsdk.")
                target = (name.partition(".")[2] or "__init__") if own else _library(name)
                if target is not None:
                    yield Import(importer, node.lineno, target, own, node in at_once)


def _names(node: ast.AST, known: dict[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports name their module in full"
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            yield full if full.partition(".")[2] in known else str(node.module)


def _library(name: str) -> str | None:
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return None
    return LIBRARY_OF.get(".".join(name.split(".")[:2])) or LIBRARY_OF.get(top) or top


def _run_on_loading(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Import statements that run when the module is loaded: not in functions, not for type checkers only."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            yield from _run_on_loading(node.body + node.orelse)
        elif isinstance(node, ast.Try):
            yield from _run_on_loading(node.body + node.orelse + node.finalbody)
        elif isinstance(node, ast.ClassDef | ast.With):
            yield from _run_on_loading(node.body)


def _rows(head: str) -> list[list[str]]:
    lines = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(head)) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("\\", "") for cell in line.strip("|").split("|")])
    return rows


def _list(cell: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r",\s*", cell) if part)
