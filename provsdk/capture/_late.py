"""Modules that are loaded when they are first needed, for what imports a decorator may never make a traced call.

`configure` loads what traces calls, so that no traced call has to.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["Late"]


class Late:
    """Stands for a module: loads it with the first name that is asked for, and keeps every name that was found.

    Args:
        module: Its name in full. Type checkers are given the module itself, by an import of their own.
    """

    def __init__(self, module: str) -> None:
        self.__module = module

    def __getattr__(self, name: str) -> Any:
        """A name of the module; asked for here once, for what is found is an attribute from then on."""
        found = getattr(import_module(self.__module), name)
        setattr(self, name, found)
        return found
