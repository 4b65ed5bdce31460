"""What a record says of the process that made the output: versions, never names of people or machines."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.version import __version__ as opentelemetry_version

from provsdk import __version__, semconv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["environment"]

_FROM_RESOURCE: Final = (semconv.SERVICE_VERSION, semconv.DEPLOYMENT_ENVIRONMENT, semconv.VCS_REVISION)


def environment(service: str | None, resource: Callable[[], Mapping[str, Any]]) -> Callable[[], dict[str, str]]:
    """The environment, asked for at each record: the resource may change when the user's provider appears.

    What it answers is one mapping as long as the resource is the same, and not to be changed.
    """
    fixed = {
        "provsdk.version": __version__,
        "opentelemetry.version": opentelemetry_version,
        "process.runtime.name": platform.python_implementation().lower(),
        "process.runtime.version": platform.python_version(),
        "os.type": platform.system().lower(),
        "host.arch": platform.machine().lower(),
    }

    last: tuple[Mapping[str, Any], dict[str, str]] | None = None

    def now() -> dict[str, str]:
        nonlocal last
        attributes, known = resource(), last
        if known is None or known[0] is not attributes:
            last = known = attributes, of(attributes)
        return known[1]

    def of(attributes: Mapping[str, Any]) -> dict[str, str]:
        named = service or str(attributes.get(semconv.SERVICE_NAME, "unknown_service"))
        found = {name: str(attributes[name]) for name in _FROM_RESOURCE if name in attributes}
        return {semconv.SERVICE_NAME: named, **fixed, **found}

    return now
