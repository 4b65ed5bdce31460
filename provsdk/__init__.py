"""provsdk makes every AI output traceable: where it came from, how it was made, under what rules.

This module is the only door, and a lazy one: importing it loads nothing but itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provsdk.capture.decorators import (
        cite,
        declare_source,
        derive,
        traced_check,
        traced_model_call,
        traced_output,
        traced_source,
        traced_transform,
    )
    from provsdk.capture.prompt import Prompt
    from provsdk.capture.propagation import bind, environment, extract, inject
    from provsdk.errors import OutputBlocked, ProvsdkError, RecordNotSealed
    from provsdk.pipeline import configure, flush, shutdown

__version__ = "0.1.0"

_HOMES = {
    "OutputBlocked": "provsdk.errors",
    "Prompt": "provsdk.capture.prompt",
    "ProvsdkError": "provsdk.errors",
    "RecordNotSealed": "provsdk.errors",
    "bind": "provsdk.capture.propagation",
    "cite": "provsdk.capture.decorators",
    "configure": "provsdk.pipeline",
    "declare_source": "provsdk.capture.decorators",
    "derive": "provsdk.capture.decorators",
    "environment": "provsdk.capture.propagation",
    "extract": "provsdk.capture.propagation",
    "flush": "provsdk.pipeline",
    "inject": "provsdk.capture.propagation",
    "shutdown": "provsdk.pipeline",
    "traced_check": "provsdk.capture.decorators",
    "traced_model_call": "provsdk.capture.decorators",
    "traced_output": "provsdk.capture.decorators",
    "traced_source": "provsdk.capture.decorators",
    "traced_transform": "provsdk.capture.decorators",
}

__all__ = [
    "OutputBlocked",
    "Prompt",
    "ProvsdkError",
    "RecordNotSealed",
    "bind",
    "cite",
    "configure",
    "declare_source",
    "derive",
    "environment",
    "extract",
    "flush",
    "inject",
    "shutdown",
    "traced_check",
    "traced_model_call",
    "traced_output",
    "traced_source",
    "traced_transform",
]


def __getattr__(name: str) -> Any:
    """Loads a public name from its home on first use."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted([*__all__, "__version__"])
