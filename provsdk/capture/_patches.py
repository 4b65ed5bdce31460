"""Layers around functions of the standard library: put on once, in place, and never taken off.

A layer that is switched off calls through. Taking it off would restore what stood there when it was put on, and with
that throw away the layers that others put on since.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import Any, Final, NamedTuple

import wrapt

from provsdk.capture import _along
from provsdk.capture._otel import Held

__all__ = ["ALWAYS", "Arguments", "Layer", "Prepare", "Switch", "layer", "put_on"]

Wrapper = Callable[[Any, Any, tuple[Any, ...], dict[str, Any]], Any]

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Of a call: positional and named ones."""

Prepare = Callable[[Held, Any, tuple[Any, ...], dict[str, Any]], Arguments]
"""Gives the arguments that take what is held along; called with it, the instance, and the caller's arguments."""


class Switch:
    """Whether layers do anything."""

    __slots__ = ("on",)

    def __init__(self) -> None:
        self.on = False


ALWAYS: Final = Switch()
ALWAYS.on = True


class Layer(NamedTuple):
    """What is put around a method or a function."""

    module: str
    owner: str
    """The class in that module; empty for a function."""
    method: str
    wrapper: Wrapper
    """Called with the wrapped method, its instance, positional and named arguments."""


def layer(
    target: tuple[str, str, str], switch: Switch, prepare: Prepare, *, runs_apart: bool = True, from_span: bool = True
) -> Layer:
    """A layer that takes the current output along in the arguments, and lets the method run apart from it.

    What the method starts now (a thread, a process) may then work for whoever comes.

    Args:
        target: module, class, method; an empty class for a function.
        switch: whether it does anything.
        prepare: may fail; then nothing is taken along.
        runs_apart: False: the method runs within the output.
        from_span: where it runs apart, then from the output's span as well.
    """

    def around(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        held = _along.held() if switch.on else None
        if held is None:
            return wrapped(*args, **kwargs)
        try:
            args, kwargs = prepare(held, instance, args, kwargs)
        except Exception as error:
            held.failed(f"take an output along through {target[1] or target[0]}.{target[2]}", error)
        if not runs_apart:
            return wrapped(*args, **kwargs)
        attached = _along.apart(from_span=from_span)
        try:
            return wrapped(*args, **kwargs)
        finally:
            _along.back(attached)

    return Layer(*target, around)


_awaited: Final[set[Layer]] = set()
"""Layers that are put on as soon as somebody imports their module, or have been."""


def put_on(layers: tuple[Layer, ...]) -> None:
    """Puts layers on, now or when their module is imported; again where somebody has peeled one off."""
    for one in layers:
        if one not in _awaited:
            _awaited.add(one)
            wrapt.register_post_import_hook(_put_on(one), one.module)
        else:
            _put_on_again(one)


def _put_on(one: Layer) -> Callable[[Any], None]:
    def imported(module: Any) -> None:
        wrapt.wrap_function_wrapper(_owner(module, one), one.method, one.wrapper)

    return imported


def _put_on_again(one: Layer) -> None:
    module = sys.modules.get(one.module)
    if module is not None and _is_bare(vars(_owner(module, one)).get(one.method), one):
        _put_on(one)(module)


def _owner(module: Any, one: Layer) -> Any:
    return getattr(module, one.owner) if one.owner else module


def _is_bare(method: Any, one: Layer) -> bool:
    """Whether one can look through all layers, and ours is not among them."""
    while getattr(method, "_self_wrapper", None) is not one.wrapper:
        below = getattr(method, "__wrapped__", None)
        if below is None:
            # The library's own function; of another module's that stands there, nobody knows what it calls.
            if isinstance(method, BuiltinFunctionType):
                return True
            return isinstance(method, FunctionType) and method.__globals__.get("__name__") == one.module
        method = below
    return False
