"""Layers around functions of the standard library: put on once, in place, and never taken off.

A layer that is switched off calls through. Taking it off would restore what stood there when it was put on, and with
that throw away the layers that others put on since.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import wrapt

__all__ = ["Layer", "put_on"]

Wrapper = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]


class Layer(NamedTuple):
    """What is put around a method."""

    module: str
    owner: str
    """The class in that module."""
    method: str
    wrapper: Wrapper
    """Called with the wrapped method, its instance, positional and named arguments."""


_awaited: Final[set[Layer]] = set()
"""Layers that are put on as soon as somebody imports their module, or have been."""


def put_on(layers: tuple[Layer, ...]) -> None:
    """Puts layers on, now or when their module is imported; again where somebody has peeled one off."""
    for layer in layers:
        if layer not in _awaited:
            _awaited.add(layer)
            wrapt.register_post_import_hook(_put_on(layer), layer.module)
        else:
            _put_on_again(layer)


def _put_on(layer: Layer) -> Callable[[Any], None]:
    def imported(module: Any) -> None:
        wrapt.wrap_function_wrapper(getattr(module, layer.owner), layer.method, layer.wrapper)

    return imported


def _put_on_again(layer: Layer) -> None:
    module = sys.modules.get(layer.module)
    if module is not None and _is_bare(vars(getattr(module, layer.owner)).get(layer.method), layer):
        _put_on(layer)(module)


def _is_bare(method: Any, layer: Layer) -> bool:
    """Whether one can look through all layers, and ours is not among them."""
    while isinstance(method, wrapt.ObjectProxy):
        if getattr(method, "_self_wrapper", None) is layer.wrapper:
            return False
        method = method.__wrapped__
    return getattr(method, "__globals__", {}).get("__name__") == layer.module
