"""What a record says of the process that made the output: versions, never names of people or machines.

What the process is (service, revision of the code, Python, container) is worked out once, when it is first asked for.
Packages join when they are loaded, digests of functions when those were at work in an output: so a process has few
different environments, and a store holds each once.
"""

from __future__ import annotations

import os
import platform
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.version import __version__ as opentelemetry_version

from provsdk import __version__, semconv
from provsdk.capture import _code, _guard
from provsdk.pipeline._container import container
from provsdk.pipeline._functions import function_digest
from provsdk.pipeline._packages import Packages
from provsdk.pipeline._revision import revision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Environment"]

MAX_FUNCTIONS: Final = 64
"""Functions that one environment names."""

MAX_KEPT: Final = 256
"""Environments that are kept at hand."""


class Environment:
    """The environment, asked for at each record.

    Args:
        service: name of the program; None: as the resource says.
        resource: attributes of the user's OpenTelemetry resource, which may change when the user's provider appears;
            what it says goes before what is found here.
    """

    def __init__(self, service: str | None, resource: Callable[[], Mapping[str, Any]]) -> None:
        self._service = service
        self._resource = resource
        self._packages = Packages()
        self._made_of: tuple[object, object] = (None, None)
        self._process: dict[str, str] = {}
        self._kept: dict[tuple[int, ...], dict[str, str]] = {}

    def now(self, functions: Iterable[int] = ()) -> dict[str, str]:
        """The environment of an output in which these traced functions were at work.

        The same mapping for the same functions as long as nothing else changes; not to be changed. What cannot be
        found out is left out: it costs no record.
        """
        try:
            return self._found(functions)
        except Exception as error:
            _guard.report("find out the environment", error)
            return {**_fixed(), semconv.SERVICE_NAME: self._service or "unknown_service"}

    def _found(self, functions: Iterable[int]) -> dict[str, str]:
        attributes, packages = self._resource(), self._packages.now()
        if self._made_of[0] is not attributes or self._made_of[1] is not packages or len(self._kept) > MAX_KEPT:
            self._process = self._of_process(attributes, packages)
            self._kept = {}
            self._made_of = attributes, packages
        numbers = tuple(sorted(functions))
        known = self._kept.get(numbers)
        if known is None:
            known = self._kept[numbers] = self._with_functions(numbers)
        return known

    def _of_process(self, attributes: Mapping[str, Any], packages: Mapping[str, str]) -> dict[str, str]:
        said = {name: _text(attributes[name]) for name in semconv.FROM_RESOURCE if name in attributes}
        found = {} if semconv.VCS_REVISION in said else _revision()
        named = self._service or said.get(semconv.SERVICE_NAME, "unknown_service")
        versions = {f"package.{name}": version for name, version in packages.items()}
        return {**_fixed(), **found, **versions, **said, semconv.SERVICE_NAME: named}

    def _with_functions(self, numbers: tuple[int, ...]) -> dict[str, str]:
        digests: dict[str, set[str]] = {}
        packages: dict[str, str] = {}
        for number in numbers[:MAX_FUNCTIONS]:
            found, code = function_digest(number), _code.traced(number)
            if found is None or code is None:
                continue
            digests.setdefault(f"code.{found[0]}", set()).add(found[1])
            owner = self._packages.owner_of(code.module)
            if owner is not None:
                packages[f"package.{owner[0]}"] = owner[1]
        if len(numbers) > MAX_FUNCTIONS:
            packages["code"] = f"and {len(numbers) - MAX_FUNCTIONS} more"
        return {**self._process, **packages, **{name: " ".join(sorted(each)) for name, each in digests.items()}}


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


@cache
def _fixed() -> dict[str, str]:
    return {
        "provsdk.version": __version__,
        "opentelemetry.version": opentelemetry_version,
        "process.runtime.name": platform.python_implementation().lower(),
        "process.runtime.version": platform.python_version(),
        "os.type": platform.system().lower(),
        "host.arch": platform.machine().lower(),
        **container(os.environ),
    }


@cache
def _revision() -> dict[str, str]:
    return revision(os.environ)
