"""Looks at a project: its frameworks, its OpenTelemetry set-up, the functions that call models. Runs none of it."""

import os
import re
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

from provsdk.cli.source_scan import Module, scan

__all__ = ["FRAMEWORKS", "Framework", "Project", "Telemetry", "Use", "installed", "look"]

FILES_AT_MOST: Final = 2_000
BYTES_AT_MOST: Final = 512 * 1024
SECONDS_AT_MOST: Final = 5.0

_PASSED_OVER: Final = frozenset(
    ["venv", "env", "node_modules", "__pycache__", "site-packages", "build", "dist", "target", "htmlcov", "migrations"]
)
_LAUNCHERS: Final = re.compile(
    r"procfile|dockerfile|(docker-)?compose|makefile|justfile|\.sh$|\.service$|\.ya?ml$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Framework:
    """A library that outputs are made with."""

    label: str
    packages: tuple[str, ...]
    """What is imported."""
    distributions: tuple[str, ...]
    """What is installed."""
    role: str
    """`model`, `orchestration`, `retrieval`, `web` or `tools`."""


def _framework(label: str, role: str, packages: str, distributed: str = "") -> Framework:
    names = packages.split()
    return Framework(label, tuple(names), tuple((distributed or packages.replace("_", "-")).split()), role)


FRAMEWORKS: Final = (
    _framework("OpenAI", "model", "openai"),
    _framework("Anthropic", "model", "anthropic"),
    _framework("LiteLLM", "model", "litellm"),
    _framework("Google GenAI", "model", "google.genai google.generativeai", "google-genai google-generativeai"),
    _framework("Mistral", "model", "mistralai"),
    _framework("Cohere", "model", "cohere"),
    _framework("Ollama", "model", "ollama"),
    _framework("Groq", "model", "groq"),
    _framework("Transformers", "model", "transformers"),
    _framework("LangChain", "orchestration", "langchain langchain_core langchain_openai langchain_community"),
    _framework("LangGraph", "orchestration", "langgraph"),
    _framework("LlamaIndex", "orchestration", "llama_index", "llama-index llama-index-core"),
    _framework("Haystack", "orchestration", "haystack", "haystack-ai"),
    _framework("DSPy", "orchestration", "dspy"),
    _framework("Pydantic AI", "orchestration", "pydantic_ai"),
    _framework("CrewAI", "orchestration", "crewai"),
    _framework("Instructor", "orchestration", "instructor"),
    _framework("Chroma", "retrieval", "chromadb"),
    _framework("Qdrant", "retrieval", "qdrant_client"),
    _framework("Pinecone", "retrieval", "pinecone"),
    _framework("Weaviate", "retrieval", "weaviate", "weaviate-client"),
    _framework("FAISS", "retrieval", "faiss", "faiss-cpu faiss-gpu"),
    _framework("SQLAlchemy", "retrieval", "sqlalchemy"),
    _framework("FastAPI", "web", "fastapi"),
    _framework("Flask", "web", "flask"),
    _framework("Django", "web", "django"),
    _framework("Starlette", "web", "starlette"),
    _framework("aiohttp", "web", "aiohttp"),
    _framework("Streamlit", "web", "streamlit"),
    _framework("Gradio", "web", "gradio"),
    _framework("Celery", "web", "celery"),
    _framework("MCP", "tools", "mcp fastmcp"),
)


@dataclass(frozen=True, slots=True)
class Use:
    """A framework that the project imports, or that is installed beside it."""

    framework: Framework
    version: str | None
    """None where it is imported and not installed here."""
    places: tuple[tuple[Path, int], ...]
    """Files and lines that import it; empty where it is only installed."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The project's OpenTelemetry."""

    provider: tuple[Path, int, str | None] | None
    """Where code makes a tracer provider, and the name that it is bound to."""
    environment: tuple[str, ...]
    """Names of the OTEL_ variables that are set."""
    launcher: Path | None
    """A file that starts the program under `opentelemetry-instrument`."""
    version: str | None
    """Of the SDK that is installed."""


@dataclass(frozen=True, slots=True)
class Project:
    """What was found."""

    root: Path
    name: str
    modules: tuple[Module, ...]
    """Without tests."""
    uses: tuple[Use, ...]
    telemetry: Telemetry
    files: int
    bounded: bool
    """There was more than was read."""


def look(root: Path, environ: Mapping[str, str]) -> Project:
    """Looks at the project in *root*: within bounds of files, bytes and seconds."""
    modules, files, bounded = _read(root)
    versions = installed()
    return Project(
        root=root,
        name=_name(root),
        modules=tuple(modules),
        uses=tuple(_uses(modules, versions)),
        telemetry=Telemetry(
            provider=_provider(modules),
            environment=tuple(sorted(name for name in environ if name.startswith("OTEL_"))),
            launcher=_launcher(root),
            version=versions.get("opentelemetry-sdk"),
        ),
        files=files,
        bounded=bounded,
    )


def installed() -> dict[str, str]:
    """Versions of the distributions in this environment, by normalised name."""
    found = {}
    for item in distributions():
        name = item.metadata["Name"]
        if name:
            found[re.sub(r"[-_.]+", "-", name).lower()] = item.version
    return found


def _name(root: Path) -> str:
    try:
        data = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        name = data.get("project", {}).get("name") or data.get("tool", {}).get("poetry", {}).get("name")
    except (OSError, ValueError, AttributeError):
        name = None
    return name if isinstance(name, str) and name else root.name


def _read(root: Path) -> tuple[list[Module], int, bool]:
    modules: list[Module] = []
    files, end = 0, time.monotonic() + SECONDS_AT_MOST
    for path in _python_files(root):
        if files >= FILES_AT_MOST or time.monotonic() > end:
            return modules, files, True
        files += 1
        module = _module(path)
        if module is not None and not _is_test(path.relative_to(root)):
            modules.append(module)
    return modules, files, False


def _python_files(root: Path) -> Iterator[Path]:
    for directory, names, files in os.walk(root):
        here = Path(directory)
        names[:] = sorted(name for name in names if not _passes_over(here / name))
        yield from (here / name for name in sorted(files) if name.endswith(".py"))


def _is_test(path: Path) -> bool:
    """Tests import and set up much that says nothing about the program."""
    return any(part in {"tests", "test"} for part in path.parts) or path.name.startswith(("test_", "conftest"))


def _passes_over(directory: Path) -> bool:
    name = directory.name
    return name.startswith(".") or name in _PASSED_OVER or (directory / "pyvenv.cfg").exists()


def _module(path: Path) -> Module | None:
    try:
        if path.stat().st_size > BYTES_AT_MOST:
            return None
        return scan(path, path.read_bytes())
    except OSError:
        return None


def _uses(modules: list[Module], versions: Mapping[str, str]) -> Iterator[Use]:
    for framework in FRAMEWORKS:
        version = next((versions[name] for name in framework.distributions if name in versions), None)
        places = tuple(
            (module.path, line) for module in modules for line in [_imported_at(module, framework)] if line is not None
        )
        if places or version:
            yield Use(framework, version, places)


def _imported_at(module: Module, framework: Framework) -> int | None:
    lines = [
        line
        for name, line in module.imports
        for package in framework.packages
        if name == package or name.startswith(package + ".")
    ]
    return min(lines, default=None)


def _provider(modules: list[Module]) -> tuple[Path, int, str | None] | None:
    """Where a tracer provider is made; else where somebody else's set-up makes one."""
    for wanted in (("TracerProvider",), ("set_tracer_provider",), ("logfire.configure", "configure_azure_monitor")):
        for module in modules:
            for name, line, bound in module.calls:
                if any(name == one or name.endswith("." + one) for one in wanted):
                    return module.path, line, bound
    return None


def _launcher(root: Path) -> Path | None:
    for path in sorted(root.iterdir()):
        if path.is_file() and _LAUNCHERS.search(path.name) and path.stat().st_size <= BYTES_AT_MOST:
            text = path.read_text(encoding="utf-8", errors="replace")
            if "opentelemetry-instrument" in text:
                return path
    return None
