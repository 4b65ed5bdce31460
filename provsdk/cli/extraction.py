"""Gives a call of a model a function of its own: the function's lines, and the lines that call it instead.

Text in, text out: nothing of it is run, and what surrounds the call stays as it was written.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["Extraction", "extract"]

WIDTH: Final = 70
"""Columns of a line of code beyond which its arguments are set one a line."""


_NAMED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)


@dataclass(frozen=True, slots=True)
class Extraction:
    """What to add, and what to change."""

    line: int
    """The function goes before this line, from 1."""
    function: tuple[str, ...]
    """Without a decorator; as far in as it has to be."""
    first: int
    last: int
    """The lines that the call stands on now."""
    site: tuple[str, ...]
    """What stands in their place then."""


@dataclass(frozen=True, slots=True)
class _Site:
    source: str
    function: ast.FunctionDef | ast.AsyncFunctionDef
    call: ast.Call
    awaited: bool
    owner: ast.ClassDef | None
    """The class that it is a method of."""


def extract(source: str, function_line: int, call_line: int, ending: str, name: str) -> Extraction | None:
    """The call in that function, on that line, whose name ends so, in a function *name*; None where it is not found."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.lineno == function_line:
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and call.lineno == call_line and ast.unparse(call.func).endswith(ending):
                    owner = parents.get(function)
                    awaited = isinstance(parents[call], ast.Await)
                    held = owner if isinstance(owner, ast.ClassDef) else None
                    return _extracted(_Site(source, function, call, awaited, held), _free_name(tree, name))
    return None


def _free_name(tree: ast.Module, name: str) -> str:
    taken = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return _unused(name, list(taken))


def _extracted(site: _Site, name: str) -> Extraction:
    receiver = _receiver(site)
    local = _bound(site.function) - {receiver}
    passed = list(dict.fromkeys(_names(site.call.func, local)))
    parameters, values, inside = list(passed), list(passed), []
    for prefix, wanted, value in _arguments(site.call):
        text = _text(site, value)
        if isinstance(value, ast.Constant) and not prefix:
            inside.append(text)  # nobody could say what it is to be called
            continue
        parameter = _unused(wanted, parameters)
        stars = prefix if prefix.startswith("*") else ""
        parameters.append(stars + parameter)
        values.append(stars + text if stars else f"{parameter}={text}" if prefix else text)
        inside.append(prefix + parameter)
    before = site.function if receiver or site.owner is None else site.owner
    pad = " " * before.col_offset
    head = f"{pad}{'async ' if site.awaited else ''}def {name}({', '.join([*filter(None, [receiver]), *parameters])}):"
    wait = "await " if site.awaited else ""
    body = _called(f"{pad}    return {wait}{_text(site, site.call.func)}", inside, "", len(pad) + 4)
    lines = site.source.splitlines()
    return Extraction(
        line=min([before.lineno, *(each.lineno for each in before.decorator_list)]),
        function=(head, *body),
        first=site.call.lineno,
        last=site.call.end_lineno or site.call.lineno,
        site=_changed(site, f"{receiver}.{name}" if receiver else name, values, lines),
    )


def _changed(site: _Site, name: str, values: list[str], lines: list[str]) -> tuple[str, ...]:
    first = lines[site.call.lineno - 1]
    last = lines[(site.call.end_lineno or site.call.lineno) - 1]
    before = first.encode()[: site.call.col_offset].decode()
    behind = last.encode()[site.call.end_col_offset or 0 :].decode()
    return _called(f"{before}{name}", values, behind, len(first) - len(first.lstrip()))


def _called(head: str, arguments: list[str], tail: str, indent: int) -> tuple[str, ...]:
    line = f"{head}({', '.join(arguments)}){tail}"
    if len(line) <= WIDTH or not arguments:
        return (line,)
    pad = " " * indent
    return (f"{head}(", *(f"{pad}    {argument}," for argument in arguments), f"{pad}){tail}")


def _receiver(site: _Site) -> str | None:
    """`self`, for a method."""
    decorators = {ast.unparse(one) for one in site.function.decorator_list}
    given = [*site.function.args.posonlyargs, *site.function.args.args]
    if site.owner is None or not given or decorators & {"staticmethod", "classmethod"}:
        return None
    return given[0].arg


def _bound(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names that mean something within the function only."""
    found: set[str] = set()
    shared: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Global | ast.Nonlocal):
            shared.update(node.names)
        elif isinstance(node, _NAMED) and node is not function:
            found.add(node.name or "")
    return found - shared


def _names(node: ast.expr, wanted: set[str]) -> Iterator[str]:
    yield from (one.id for one in ast.walk(node) if isinstance(one, ast.Name) and one.id in wanted)


def _arguments(call: ast.Call) -> Iterator[tuple[str, str, ast.expr]]:
    """What stands before each argument, what a parameter for it may be called, and its value."""
    for value in call.args:
        starred = isinstance(value, ast.Starred)
        inner = value.value if isinstance(value, ast.Starred) else value
        name = inner.id if isinstance(inner, ast.Name) else "arguments" if starred else "prompt"
        yield "*" if starred else "", name, inner
    for keyword in call.keywords:
        if keyword.arg is None:
            yield "**", keyword.value.id if isinstance(keyword.value, ast.Name) else "options", keyword.value
        else:
            yield f"{keyword.arg}=", keyword.arg, keyword.value


def _unused(name: str, parameters: list[str]) -> str:
    taken = {parameter.lstrip("*") for parameter in parameters}
    while name in taken:
        name += "_"
    return name


def _text(site: _Site, node: ast.expr) -> str:
    """As it was written, if it was on one line."""
    text = ast.get_source_segment(site.source, node)
    return ast.unparse(node) if text is None or "\n" in text else text
