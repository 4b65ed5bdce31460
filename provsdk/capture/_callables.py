"""What can be traced, and the wrapper that stays what it wraps: in signature and kind, under pickle and copy."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
from types import (
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any, Final, Literal

import wrapt

from provsdk.capture._binding import attribute
from provsdk.capture._likeness import like
from provsdk.errors import UnsupportedCallable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TracedFunction", "is_traced", "kind_of", "public_methods", "remade", "traced_function"]

Kind = Literal["function", "coroutine", "generator", "async generator", "class"]

_CALL: Final = "__call__"
_DESCRIPTORS: Final = (staticmethod, classmethod, functools.partialmethod, functools.singledispatchmethod)
_BOUND_AS_METHODS: Final = (FunctionType, *_DESCRIPTORS)
_METHOD: Final = ("function", "object")
"""What the type of methods is called with."""

_OF_THE_INTERPRETER: Final = (MethodDescriptorType, WrapperDescriptorType, ClassMethodDescriptorType)


def kind_of(function: Any) -> Kind:
    """How a callable behaves when it is called: what decides is the function at its core.

    Raises:
        UnsupportedCallable: it cannot be called.
    """
    raw = attribute(function, "__func__", function)
    if isinstance(raw, (functools.partialmethod, functools.singledispatchmethod)):
        raw = raw.func
    if inspect.isclass(raw):
        return "class"
    if not callable(raw):
        raise UnsupportedCallable(f"{type(raw).__qualname__}: cannot be called, so it cannot be traced")
    cores = (raw, attribute(raw, _CALL))
    if any(_says(inspect.isasyncgenfunction, core) for core in cores):
        return "async generator"
    if any(_says(inspect.iscoroutinefunction, core) or _is_awaited(core) for core in cores):
        return "coroutine"
    if any(_says(inspect.isgeneratorfunction, core) for core in cores):
        return "generator"
    return "function"


def _says(question: Callable[[Any], bool], core: Any) -> bool:
    try:
        return question(core)
    except Exception:  # as in `attribute`
        return False


def _is_awaited(core: Any) -> bool:
    """Whether it is a generator function that `types.coroutine` made awaitable."""
    while isinstance(core, functools.partial):
        core = core.func
    code = attribute(core, "__code__")
    return isinstance(code, CodeType) and bool(code.co_flags & inspect.CO_ITERABLE_COROUTINE)


def public_methods(cls: type) -> dict[str, Any]:
    """The methods that a class itself defines for everybody: plain, static and class methods, and `__call__`.

    Raises:
        UnsupportedCallable: there are none.
    """
    methods = {
        name: found
        for name, found in vars(cls).items()
        if (not name.startswith("_") or name == _CALL) and _is_method(found)
    }
    if not methods:
        raise UnsupportedCallable(
            f"{cls.__qualname__}: defines no public methods, so nothing of it can be traced; "
            "decorate the class that does, or single methods"
        )
    return {name: found for name, found in methods.items() if not is_traced(found)}


def _is_method(found: Any) -> bool:
    """Whether it becomes a method when it is asked for: a function, or what a decorator made of one."""
    if isinstance(found, (staticmethod, classmethod)) and inspect.isclass(found.__func__):
        return False  # a class that is kept there, as `T = int` is
    if isinstance(found, _DESCRIPTORS) or inspect.isfunction(found):
        return True
    return callable(found) and inspect.ismethoddescriptor(found) and not isinstance(found, _OF_THE_INTERPRETER)


class _BoundFunction(wrapt.BoundFunctionWrapper):  # type: ignore[type-arg] # only new versions of wrapt take arguments
    """A traced method of an object or class."""

    def __new__(cls, *made: Any, **named: Any) -> Any:
        """Also as the type of methods is called: with a function and an object, as `weakref.WeakMethod` does."""
        if len(made) == len(_METHOD) and isinstance(made[0], TracedFunction):
            of_class = isinstance(made[0].__wrapped__, classmethod)
            return made[0].__get__(None if of_class else made[1], made[1] if of_class else type(made[1]))
        return super().__new__(cls, *made, **named)

    def __init__(self, *made: Any, **named: Any) -> None:
        if len(made) > len(_METHOD):
            super().__init__(*made, **named)

    @property
    def __func__(self) -> Any:
        return self._self_parent

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def _self_name_in(self, owner: Any) -> str:
        """What it is called there: a method that a partial was made of has no name."""
        classes = owner.__mro__ if inspect.isclass(owner) else type(owner).__mro__
        parent = self._self_parent
        return next((name for one in classes for name, found in vars(one).items() if found is parent), "")

    def __reduce_ex__(self, protocol: Any) -> Any:
        owner = self._self_instance
        if owner is None:
            return _found, (self.__module__, self.__qualname__)
        return getattr, (owner, getattr(self, "__name__", None) or self._self_name_in(owner))

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        """A method is copied with its object, as without us."""
        owner = self._self_instance
        twin = copy.deepcopy(owner, memo)
        return self if twin is owner else self._self_parent.__get__(twin, type(twin))


class TracedFunction(wrapt.FunctionWrapper):  # type: ignore[type-arg] # only new versions of wrapt take arguments
    """A traced function, for everybody else the function itself.

    Args:
        wrapped: the function.
        wrapper: what is called in its place, as wrapt has it.
        decorate: makes another of the same kind, for a copy of a callable object, or in another process.
    """

    __bound_function_wrapper__ = _BoundFunction

    def __init__(self, wrapped: Any, wrapper: Callable[..., Any], decorate: Callable[[Any], Any]) -> None:
        super().__init__(wrapped, wrapper)
        self._self_decorate = decorate
        self._self_is_plain = isinstance(wrapped, FunctionType)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A function that its class is asked for is the function itself."""
        if instance is None and self._self_is_plain:
            return self
        return super().__get__(instance, owner)

    def __set_name__(self, owner: type, name: str) -> None:
        """It is a method: where it is called through its class, its object is the first argument."""
        if self._self_is_plain:
            plan: Any = self._self_wrapper.plan  # type: ignore[union-attr] # the decorator's
            plan.signature = plan.signature._replace(owners=(*plan.signature.owners, owner))
        elif (told := getattr(self.__wrapped__, "__set_name__", None)) is not None:
            told(owner, name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """A function is pickled by its name, as without us; what has none, as what it is made from."""
        module, name = getattr(self, "__module__", None), getattr(self, "__qualname__", None)
        if isinstance(module, str) and isinstance(name, str) and _find(module, name) is self:
            return _found, (module, name)
        return _decorated, (self._self_decorate, self.__wrapped__)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> Any:
        return self._self_copied(lambda: copy.copy(self.__wrapped__))

    def __deepcopy__(self, memo: Any) -> Any:
        return self._self_copied(lambda: copy.deepcopy(self.__wrapped__, memo))

    def _self_copied(self, copied: Callable[[], Any]) -> Any:
        """Functions are their own copies; callable objects have copies of their own."""
        twin = copied()
        return self if twin is self.__wrapped__ else self._self_decorate(twin)


def traced_function(wrapped: Any, wrapper: Callable[..., Any], decorate: Callable[[Any], Any]) -> TracedFunction:
    """The wrapper around a callable, with no more methods than that has.

    Raises:
        UnsupportedCallable: it answers a question for an attribute that it has not with another error than
            `AttributeError`, which a wrapper cannot live with.
    """
    kind = _kind_of_wrapper(type(wrapped))  # type: ignore[arg-type] # types are hashable
    try:
        return kind(wrapped, wrapper, decorate)
    except Exception as error:
        raise UnsupportedCallable(
            f"{type(wrapped).__qualname__}: asked for an attribute that it has not, it raises "
            f"{type(error).__qualname__}; Python wants AttributeError. Decorate its `__call__`, or a function around it"
        ) from error


@functools.lru_cache(maxsize=1024)
def _kind_of_wrapper(kind: type) -> type[TracedFunction]:
    found = like(TracedFunction, kind)
    if kind in _BOUND_AS_METHODS:
        found.__bound_function_wrapper__ = like(_BoundFunction, MethodType)
    return found


def _find(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _found(module: str, name: str) -> Any:
    """A function by its name, in the process that unpickles."""
    __import__(module)
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part)
    return found


def is_traced(value: Any) -> bool:
    """Whether it is a function of ours, whatever it says of itself, or a static method that is one."""
    return issubclass(type(value.__func__ if type(value) is staticmethod else value), TracedFunction)


def remade(function: Any) -> tuple[Any, ...]:
    """How it is made again from the function itself, where it cannot be found by its name."""
    return _decorated, (function._self_decorate, function.__wrapped__)  # noqa: SLF001 the class is in this file


def _decorated(decorate: Callable[[Any], Any], function: Any) -> Any:
    return decorate(function)
