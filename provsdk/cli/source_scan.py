"""Reads one Python file, without running it: what it imports, which functions call what, where a program begins."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Function", "Module", "scan"]

_RESPONSES: Final = frozenset(
    ["StreamingResponse", "EventSourceResponse", "StreamingHttpResponse", "Response", "stream_with_context"]
)
"""Of FastAPI and Starlette, sse-starlette, Django and Flask."""

_BODIES: Final = frozenset(["content", "streaming_content", "response"])
"""Names of their first argument."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function or method."""

    name: str
    line: int
    """Of `def`, from 1."""
    first_line: int
    """Of its first decorator, or of `def`."""
    indent: int
    decorators: tuple[str, ...]
    """Dotted names: `app.post`."""
    calls: tuple[tuple[str, int], ...]
    """Dotted names of what it calls, with their lines. `?` stands for what is no name."""
    is_generator: bool
    streams: tuple[str, ...]
    """Dotted names of what it calls for the body of a response that is sent in pieces."""


@dataclass(frozen=True, slots=True)
class Module:
    """One file."""

    path: Path
    imports: tuple[tuple[str, int], ...]
    """Dotted names of modules, with their lines."""
    functions: tuple[Function, ...]
    calls: tuple[tuple[str, int, str | None], ...]
    """Dotted names of everything called, with lines, and the name that the result is bound to."""
    top_calls: tuple[tuple[str, str | None, int], ...]
    """Dotted names of what statements at the top call, the names that the results are bound to, and the last lines."""
    main_line: int | None
    """Of `if __name__ == "__main__"`."""
    first_statement: int
    """Line after docstring and imports at the top."""

    def imports_any(self, names: frozenset[str]) -> bool:
        """Whether it imports one of these packages or something below."""
        return any(_belongs(module, name) for module, _ in self.imports for name in names)


def _belongs(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def scan(path: Path, data: bytes) -> Module | None:
    """What the file says; None where it is no Python that this interpreter reads."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    nodes = list(ast.walk(tree))
    return Module(
        path=path,
        imports=tuple(found for node in nodes for found in _imports(node)),
        functions=tuple(_function(node) for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)),
        calls=tuple(_bound_calls(nodes)),
        top_calls=tuple(_top_calls(tree)),
        main_line=next((node.lineno for node in tree.body if _is_main(node)), None),
        first_statement=_after_imports(tree),
    )


def _imports(node: ast.AST) -> list[tuple[str, int]]:
    if isinstance(node, ast.Import):
        return [(alias.name, node.lineno) for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return []


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Function:
    inside = list(_own(node))
    return Function(
        name=node.name,
        line=node.lineno,
        first_line=min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]),
        indent=node.col_offset,
        decorators=tuple(_dotted(one.func if isinstance(one, ast.Call) else one) for one in node.decorator_list),
        calls=tuple((_dotted(one.func), one.lineno) for one in inside if isinstance(one, ast.Call)),
        is_generator=any(isinstance(one, ast.Yield | ast.YieldFrom) for one in inside),
        streams=tuple(_streams(inside)),
    )


def _streams(inside: list[ast.AST]) -> Iterator[str]:
    """What is handed to a response in pieces: as a call, or by a name that a call was bound to."""
    bound = {name: _dotted(call.func) for name, call in _bound_names(inside)}
    for node in inside:
        if isinstance(node, ast.Call) and _dotted(node.func).rpartition(".")[2] in _RESPONSES:
            bodies = [*node.args[:1], *(each.value for each in node.keywords if each.arg in _BODIES)]
            for body in bodies:
                if isinstance(body, ast.Call):
                    yield _dotted(body.func)
                elif isinstance(body, ast.Name) and body.id in bound:
                    yield bound[body.id]


def _bound_names(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.Call]]:
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def _top_calls(tree: ast.Module) -> Iterator[tuple[str, str | None, int]]:
    bound = {id(call): name for name, call in _bound_names(tree.body)}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.Expr) and isinstance(node.value, ast.Call):
            yield _dotted(node.value.func), bound.get(id(node.value)), node.end_lineno or node.lineno


def _own(function: ast.AST) -> list[ast.AST]:
    """Everything in a function's body but what stands in functions inside it."""
    found, waiting = [], list(getattr(function, "body", []))
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))
    return found


def _bound_calls(nodes: list[ast.AST]) -> list[tuple[str, int, str | None]]:
    bound = {id(call): name for name, call in _bound_names(nodes)}
    return [(_dotted(node.func), node.lineno, bound.get(id(node))) for node in nodes if isinstance(node, ast.Call)]


def _dotted(node: ast.AST) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "?")
    return ".".join(reversed(parts))


def _is_main(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and isinstance(node.test.left, ast.Name)
        and node.test.left.id == "__name__"
    )


def _after_imports(tree: ast.Module) -> int:
    last = 0
    for node in tree.body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not docstring and not isinstance(node, ast.Import | ast.ImportFrom):
            break
        last = node.end_lineno or node.lineno
    return last + 1
