"""What to add to a project, line by line: pure, from what was found in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provsdk.cli.extraction import extract
from provsdk.cli.project import Project
from provsdk.cli.source_scan import Function, Module

__all__ = ["Suggestion", "advice"]

OUTPUTS_AT_MOST: Final = 3
SOURCES_AT_MOST: Final = 3

_MODEL_CALLS: Final = (
    ("chat.completions.create", "openai", ()),
    ("chat.completions.parse", "openai", ()),
    ("responses.create", "openai", ()),
    ("responses.parse", "openai", ()),
    ("messages.create", "anthropic", ()),
    ("litellm.completion", "litellm", ()),
    ("litellm.acompletion", "litellm", ()),
    ("generate_content", "google", ("google",)),
    ("chat.complete", "mistral", ("mistralai",)),
    ("ollama.chat", "ollama", ()),
    ("ollama.generate", "ollama", ()),
    ("invoke", "langchain", ("langchain", "langchain_core", "langchain_openai", "langgraph")),
    ("ainvoke", "langchain", ("langchain", "langchain_core", "langchain_openai", "langgraph")),
    ("query_engine.query", "llama-index", ("llama_index",)),
    ("chat_engine.chat", "llama-index", ("llama_index",)),
)
"""End of the dotted name of a call, whose API that is, and what the file must import for it to count."""

_HANDLERS: Final = frozenset(["get", "post", "put", "patch", "route", "api_route", "websocket", "tool", "task"])
_APPLICATIONS: Final = frozenset(
    ["FastAPI", "Flask", "Starlette", "FastMCP", "Celery", "get_wsgi_application", "get_asgi_application"]
)
_ASGI: Final = frozenset(["FastAPI", "Starlette"])
"""Applications that take a middleware by `add_middleware`."""

_DECORATORS: Final = frozenset(
    ["traced_output", "traced_source", "traced_transform", "traced_model_call", "traced_check"]
)
_LOADS: Final = re.compile(r"(search|retriev|fetch|load|read|lookup|query|find|get)_?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Lines to put before a line of a file."""

    path: Path
    line: int | None
    """From 1; None: at the end of the file, which is made where there is none."""
    lines: tuple[str, ...]
    why: str
    until: int | None = None
    """These lines stand instead of the file's lines from `line` to this one; None: they are added before `line`."""
    above: str | None = None
    """What stands on that line, where they belong to it: the head of the function that they decorate."""


@dataclass(frozen=True, slots=True)
class _Place:
    module: Module
    function: Function


def advice(project: Project) -> tuple[Suggestion, ...]:
    """Configuration first, then the output, then what shapes it; in each file the import before its first use."""
    models = list(_model_functions(project))
    outputs = _outputs(project, models)[:OUTPUTS_AT_MOST]
    settings = [item for item in (_configuration_file(project), _configure(project, outputs)) if item is not None]
    # A function that goes before another one's first line comes before what goes between its decorators and its head.
    lines = list(_model_lines([model for model in models if not _is_traced(model[0], "traced_model_call")], outputs))
    marked = [item for item in lines if item.above is None]
    marked += [
        _decorated(place, "traced_output", "makes an output", f'("{_named(place)}")')
        for place in outputs
        if not _is_traced(place)
    ]
    marked += [item for item in lines if item.above is not None]
    marked += _delivery(project)
    marked += [_source(place) for place in _loads(project, outputs) if not _is_traced(place)]
    marked += _other_starts(project, outputs, settings)
    imported = {item.path for item in settings} | {module.path for module in project.modules if _has_import(module)}
    imports = [
        _import(module) for module in project.modules if module.path in {item.path for item in marked} - imported
    ]
    found = outputs or any(
        _is_traced(_Place(module, function), "traced_output")
        for module in project.modules
        for function in module.functions
    )
    return (*settings, *imports, *marked) if found else (*settings, _nothing_found(project))


def _is_traced(place: _Place, *decorators: str) -> bool:
    """Whether it bears one of these decorators of ours; any, where none is named."""
    found = {name.rpartition(".")[2] for name in place.function.decorators}
    return not found.isdisjoint(decorators or _DECORATORS)


def _has_import(module: Module) -> bool:
    return any(name == "provsdk" for name, _ in module.imports)


def _import(module: Module) -> Suggestion:
    return Suggestion(module.path, module.first_statement, ("import provsdk",), "for the lines below")


def _source(place: _Place) -> Suggestion:
    name = place.function.name.lower()
    guess = "file" if "read" in name or "load" in name else "api" if "fetch" in name else "database"
    others = ", ".join(sorted({"api", "database", "file"} - {guess}))
    arguments = f'(type="{guess}")  # or {others} …; location= says where'
    return _decorated(place, "traced_source", "loads what the output is made from", arguments)


def _configuration_file(project: Project) -> Suggestion | None:
    service = re.sub(r"[^A-Za-z0-9_.-]", "-", project.name)
    lines = ('store = ".provsdk"', f'service = "{service}"', 'owner = "you@example.org"')
    why = "where the log is, the service's name, and who answers for its outputs"
    pyproject = project.root / "pyproject.toml"
    for path in (pyproject, project.root / "provsdk.toml"):
        if path.exists() and "tool.provsdk" in path.read_text(encoding="utf-8", errors="replace"):
            return None
    if (project.root / "provsdk.toml").exists():
        return None
    path = pyproject if pyproject.exists() else project.root / "provsdk.toml"
    return Suggestion(path, None, ("[tool.provsdk]", *lines), why)


def _configure(project: Project, outputs: list[_Place]) -> Suggestion | None:
    """The line without which nothing is recorded; None where the project has it."""
    if any(map(_is_configured, project.modules)):
        return None
    provider = project.telemetry.provider
    if provider is not None and provider[2]:
        path, line, name = provider
        lines = ("import provsdk", f"provsdk.configure(tracer_provider={name})")
        return Suggestion(path, line + 1, lines, "after the tracer provider is made, so that spans go where yours go")
    lines, why = ("import provsdk", "provsdk.configure()"), "where the program begins, before the first output"
    module = _entry(project, outputs)
    if module is None:
        return Suggestion(project.root, None, lines, f"{why}: nothing is recorded without it")
    if any(called.rpartition(".")[2] in _ASGI for called, *_ in module.top_calls):
        why += "; or in the application's lifespan, with provsdk.shutdown() after its yield: servers end by a signal"
    return Suggestion(module.path, module.first_statement, lines, why)


def _other_starts(project: Project, outputs: list[_Place], settings: list[Suggestion]) -> Iterator[Suggestion]:
    """A project may have several programs: each that makes outputs, or calls what does, has to be configured."""
    making = {place.module.path for place in outputs}
    names = {path.stem for path in making}
    for module in project.modules:
        is_one = module.path in making or any(names & set(name.split(".")) for name, _ in module.imports)
        is_first = any(item.path == module.path for item in settings)
        if is_one and module.main_line is not None and not is_first and not _is_configured(module):
            why = "another program begins here: nothing of it is recorded without this"
            yield Suggestion(module.path, module.main_line + 1, ("    provsdk.configure()",), why)


def _is_configured(module: Module) -> bool:
    by_itself = module.imports_any(frozenset({"provsdk.configure"}))
    return any(name == "provsdk.configure" or (by_itself and name == "configure") for name, _, _ in module.calls)


def _entry(project: Project, outputs: list[_Place]) -> Module | None:
    """The file that makes the application, else one with a main guard, else the first output's, else the only one."""
    applications = [
        m for m in project.modules if any(name.rpartition(".")[2] in _APPLICATIONS for name, _, _ in m.calls)
    ]
    only = project.modules if len(project.modules) == 1 else ()
    mains = [module for module in project.modules if module.main_line is not None]
    return next(iter([*applications, *mains, *(place.module for place in outputs), *only]), None)


def _model_functions(project: Project) -> Iterator[tuple[_Place, str, int]]:
    for module in project.modules:
        for function in module.functions:
            for name, line in function.calls:
                provider = _provider_of(module, name)
                if provider:
                    yield _Place(module, function), provider, line
                    break


def _provider_of(module: Module, call: str) -> str | None:
    for ending, provider, needed in _MODEL_CALLS:
        if (call == ending or call.endswith("." + ending)) and (not needed or module.imports_any(frozenset(needed))):
            return provider
    return None


def _outputs(project: Project, models: list[tuple[_Place, str, int]]) -> list[_Place]:
    """Whoever calls a function that calls a model makes the output; where nobody does, that function itself.

    Of what is sent in pieces it is the generator that makes them, not whoever answers with it.
    """
    found: list[_Place] = []
    for place, _, _ in models:
        callers = [caller for caller in _callers(project, place.function.name) if caller.function is not place.function]
        for caller in callers or [place]:
            one = _streamed_by(project, caller) or caller
            if one not in found:
                found.append(one)
    return sorted(found, key=lambda place: not _is_handler(place.function))


def _streamed_by(project: Project, place: _Place) -> _Place | None:
    """The generator that a function answers with."""
    streams = {name.rpartition(".")[2] for name in place.function.streams}
    makers = (
        _Place(module, function)
        for module in project.modules
        for function in module.functions
        if function.is_generator and function.name in streams
    )
    return next(makers, None)


def _delivery(project: Project) -> Iterator[Suggestion]:
    """What tells how much of a stream a client was sent, for an application that answers with streams."""
    answers = [_Place(module, function) for module in project.modules for function in module.functions]
    if not any(_streamed_by(project, place) for place in answers) or any(map(_has_delivery, project.modules)):
        return
    why = "a chunk counts as delivered when the server has taken it, and a client that went away is seen"
    for module in project.modules:
        for called, name, made in module.top_calls:
            if called.rpartition(".")[2] in _ASGI and name is not None:
                last = max([made, *(end for call, _, end in module.top_calls if call == f"{name}.add_middleware")])
                lines = ("from provsdk.asgi import DeliveryMiddleware", f"{name}.add_middleware(DeliveryMiddleware)")
                yield Suggestion(module.path, last + 1, lines, why)
                return


def _has_delivery(module: Module) -> bool:
    return any(name.endswith("DeliveryMiddleware") for name, _ in module.imports)


def _is_handler(function: Function) -> bool:
    return any(name.rpartition(".")[2] in _HANDLERS for name in function.decorators)


def _callers(project: Project, name: str) -> Iterator[_Place]:
    for module in project.modules:
        for function in module.functions:
            if any(call.rpartition(".")[2] == name for call, _ in function.calls):
                yield _Place(module, function)


def _loads(project: Project, outputs: list[_Place]) -> list[_Place]:
    """Functions of the project that an output calls and whose name says that they load something."""
    called = {name.rpartition(".")[2] for place in outputs for name, _ in place.function.calls}
    return [
        _Place(module, function)
        for module in project.modules
        for function in module.functions
        if function.name in called and _LOADS.match(function.name)
    ][:SOURCES_AT_MOST]


def _named(place: _Place) -> str:
    return place.function.name.replace("_", "-").strip("-") or "output"


def _decorated(place: _Place, decorator: str, why: str, arguments: str) -> Suggestion:
    """Below the decorators that register the function elsewhere: what they register is then the traced one."""
    pad = " " * place.function.indent
    lines, above = (f"{pad}@provsdk.{decorator}{arguments}",), f"{pad}{_head(place)}"
    return Suggestion(place.module.path, place.function.line, lines, f"{place.function.name}() {why}", above=above)


def _head(place: _Place) -> str:
    lines = _source_of(place.module.path).splitlines()
    known = place.function.line <= len(lines)
    return lines[place.function.line - 1].strip() if known else f"def {place.function.name}(…):"


def _model_lines(models: list[tuple[_Place, str, int]], outputs: list[_Place]) -> Iterator[Suggestion]:
    named: set[Path] = set()
    for place, provider, line in models[:OUTPUTS_AT_MOST]:
        if place not in outputs:
            why = f"calls {provider}; model and tokens are read from the response, where it returns that"
            yield _decorated(place, "traced_model_call", why, f'(provider="{provider}")')
        elif place in outputs:
            yield from _own_function(place, provider, line, first=place.module.path not in named)
            named.add(place.module.path)


def _own_function(place: _Place, provider: str, line: int, *, first: bool) -> Iterator[Suggestion]:
    """A function for a call that stands within an output, and the call of it."""
    path = place.module.path
    name = next(name for name, at in place.function.calls if at == line and _provider_of(place.module, name))
    called = "call_model" if first else f"call_model_for_{place.function.name.strip('_')}"
    found = extract(_source_of(path), place.function.line, line, name.rpartition(".")[2], called)
    if found is None:
        return
    pad = " " * (len(found.function[0]) - len(found.function[0].lstrip()))
    why = f"{place.function.name}() calls {provider} itself: give that call a function of its own"
    yield Suggestion(
        path, found.line, (f'{pad}@provsdk.traced_model_call(provider="{provider}")', *found.function), why
    )
    yield Suggestion(path, found.first, found.site, "and call that function", found.last)


def _source_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _nothing_found(project: Project) -> Suggestion:
    lines = ("import provsdk", "", '@provsdk.traced_output("answer")', "def answer(question): ...")
    return Suggestion(
        project.root, None, lines, "no model call was recognised: decorate the function that makes the output"
    )
