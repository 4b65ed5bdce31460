"""Versions of the packages that take part: model clients, retrieval and orchestration libraries, instrumentations.

Which of them are loaded is looked up among known names, and again only when the number of loaded modules has changed:
no list of everything that is installed is ever made.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from provsdk.capture import _guard

__all__ = ["Packages"]

_KNOWN: Final = {
    "anthropic": "anthropic",
    "chromadb": "chromadb",
    "cohere": "cohere",
    "crewai": "crewai",
    "dspy": "dspy",
    "faiss": "faiss-cpu",
    "google.genai": "google-genai",
    "google.generativeai": "google-generativeai",
    "groq": "groq",
    "haystack": "haystack-ai",
    "instructor": "instructor",
    "jinja2": "jinja2",
    "langchain": "langchain",
    "langchain_core": "langchain-core",
    "langgraph": "langgraph",
    "litellm": "litellm",
    "llama_cpp": "llama-cpp-python",
    "llama_index": "llama-index-core",
    "mcp": "mcp",
    "mistralai": "mistralai",
    "ollama": "ollama",
    "openai": "openai",
    "pinecone": "pinecone",
    "pydantic_ai": "pydantic-ai-slim",
    "qdrant_client": "qdrant-client",
    "sentence_transformers": "sentence-transformers",
    "sqlalchemy": "sqlalchemy",
    "tiktoken": "tiktoken",
    "torch": "torch",
    "transformers": "transformers",
    "vllm": "vllm",
    "weaviate": "weaviate-client",
}
"""Modules by which outputs are made, and the distributions that they come with."""

_INSTRUMENTATIONS: Final = {
    "opentelemetry.instrumentation": "opentelemetry-instrumentation-",
    "openinference.instrumentation": "openinference-instrumentation-",
}
"""Packages whose modules are instrumentations, and how their distributions' names begin."""

OWNER_S: Final = 0.1
"""Seconds that the search for the distribution of a module by another name may take; once for each module."""


class Packages:
    """What takes part in this process, by distribution."""

    def __init__(self) -> None:
        self._modules = -1
        self._versions: dict[str, str] = {}
        self._tried: set[str] = set()
        self._owners: dict[str, tuple[str, str] | None] = {}

    def now(self) -> dict[str, str]:
        """Versions by distribution: the same mapping as long as nothing joins it; not to be changed."""
        modules = len(sys.modules)
        if modules != self._modules:
            self._modules = modules
            self._look()
        return self._versions

    def owner_of(self, module: str) -> tuple[str, str] | None:
        """Distribution and version that a traced function's module comes with; None where it was not installed."""
        top = module.partition(".")[0]
        if top not in self._owners:
            self._owners[top] = None if top in sys.stdlib_module_names or top == "__main__" else _owner_if_readable(top)
        return self._owners[top]

    def _look(self) -> None:
        loaded = {name: distribution for name, distribution in _KNOWN.items() if name in sys.modules}
        for package, prefix in _INSTRUMENTATIONS.items():
            module = sys.modules.get(package)  # None too where somebody forbids its import
            inside = vars(module) if module is not None else {}
            loaded |= {
                f"{package}.{name}": prefix + name.replace("_", "-")
                for name, value in list(inside.items())
                if isinstance(value, ModuleType)
            }
        new = loaded.keys() - self._tried
        self._tried |= new
        found = {loaded[name]: version for name in new if (version := _version(loaded[name])) is not None}
        if found:
            self._versions = dict(sorted({**self._versions, **found}.items()))


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except (metadata.PackageNotFoundError, OSError, ValueError, KeyError):
        return None


def _owner_if_readable(top: str) -> tuple[str, str] | None:
    """What installers left beside a package may be anything, and costs no record."""
    try:
        return _owner(top)
    except Exception as error:
        _guard.report("find the package of a function", error)
        return None


def _owner(top: str) -> tuple[str, str] | None:
    file = _file_of(top)
    if file is None:
        return None
    try:
        named = metadata.distribution(top)
        if _holds(named, file):
            return named.name, named.version
    except (metadata.PackageNotFoundError, OSError, ValueError, KeyError):
        pass  # its distribution goes by another name, or there is none
    return _found_owner(top, file)


def _file_of(top: str) -> Path | None:
    module = sys.modules.get(top)
    file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    return Path(file).absolute() if isinstance(file, str) else None


def _holds(distribution: metadata.Distribution, file: Path) -> bool:
    """Whether the file was installed with it, or lies in the directory that it is an editable installation of."""
    if file.is_relative_to(Path(str(distribution.locate_file(""))).absolute()):
        return True
    said = json.loads(distribution.read_text("direct_url.json") or "{}")
    url = urlsplit(said.get("url", ""))
    return bool(said.get("dir_info", {}).get("editable")) and file.is_relative_to(url2pathname(url.path))


def _found_owner(top: str, file: Path) -> tuple[str, str] | None:
    """Looks through what is installed beside the file, by names of modules alone."""
    site = next((one for one in file.parents if one.name in {"site-packages", "dist-packages"}), None)
    if site is None:
        return None
    until = time.monotonic() + OWNER_S
    for distribution in metadata.distributions(path=[str(site)]):
        if time.monotonic() > until:
            return None
        if top in _modules_of(distribution):
            return distribution.name, distribution.version
    return None


def _modules_of(distribution: metadata.Distribution) -> set[str]:
    said = distribution.read_text("top_level.txt")
    if said is not None:
        return set(said.split())
    return {file.parts[0].removesuffix(".py") for file in distribution.files or () if file.parts}
