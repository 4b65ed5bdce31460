"""A proxy is what it stands for, also in what that is not: no container, no context manager, no number.

wrapt's proxies have the special methods of everything, so abstract base classes, which look at types, take a function
for a container and an async generator for an iterator. None in a class is how Python says that a method is not there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, TypeVar

__all__ = ["Absent", "has", "like"]

P = TypeVar("P")

_SPECIAL: Final = (
    "__len__", "__contains__", "__reversed__",
    "__iter__", "__next__", "__aiter__", "__anext__", "__await__",
    "__enter__", "__exit__", "__aenter__", "__aexit__",
    "__int__", "__float__", "__complex__", "__index__", "__bytes__", "__round__", "__abs__",
)  # fmt: skip

_OPERATORS: Final = tuple(
    f"__{side}{name}__"
    for name in ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow", "lshift", "rshift",
                 "and", "xor", "or")
    for side in ("", "r", "i")
)  # fmt: skip
"""Asked also where the other side is what knows: `a_list += stream` is for the list to do."""

_IF_THERE: Final = {
    name: f"_self_{name.strip('_')}"
    for name in ("send", "throw", "close", "asend", "athrow", "aclose", "__call__", "__copy__", "__deepcopy__")
}
"""Methods that a proxy's class gets where the object has them, and by which name the proxy has them ready: whoever asks
an abstract base class finds a name in the class, or not."""


_FORWARDED: Final = ("__await__", "__fspath__", "__length_hint__")
_READ: Final = ("__iter__", "__next__", "__aiter__", "__anext__")
"""Special methods that wrapt's proxies do not have at all: they are the object's, where it has them."""


class Absent:
    """An attribute that the class has and the object is not to have."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        raise AttributeError("no attribute of what this stands for")


_FALLBACKS: Final = {
    "__contains__": ("__iter__", "__getitem__"),
    "__iter__": ("__getitem__",),
    "__reversed__": ("__getitem__",),
    "__bytes__": ("__iter__", "__getitem__", "__index__"),
    "__int__": ("__index__",),
    "__float__": ("__index__",),
    "__complex__": ("__index__", "__float__"),
}
"""What the interpreter goes by where a method is not there: then the proxy's own is what gives the same."""


@lru_cache(maxsize=1024)
def like(proxy: type[P], kind: type) -> type[P]:
    """The proxy class for objects of type `kind`, without what they do not have."""
    hidden: dict[str, Any] = {name: None for name in _SPECIAL if has(proxy, name) and _is_absent(name, kind)}
    hidden |= {name: _no_operand for name in _OPERATORS if has(proxy, name) and not has(kind, name)}
    shown = {name: getattr(proxy, own) for name, own in _IF_THERE.items() if has(proxy, own) and has(kind, name)}
    forwarded = _FORWARDED if has(proxy, "__next__") or has(proxy, "__anext__") else (*_FORWARDED, *_READ)
    shown |= {name: _of_the_object(name) for name in forwarded if has(kind, name) and not has(proxy, name)}
    if not has(proxy, "__iter__") and not has(kind, "__iter__") and has(kind, "__getitem__"):
        shown["__iter__"] = lambda self: iter(self.__wrapped__)
    space = {"__module__": proxy.__module__, "__doc__": proxy.__doc__, **hidden, **shown}
    return type(proxy.__name__, (proxy,), space)


def _of_the_object(name: str) -> Any:
    def forwarded(self: Any, *args: Any) -> Any:
        return getattr(type(self.__wrapped__), name)(self.__wrapped__, *args)

    return forwarded


def _no_operand(*_: Any) -> Any:
    return NotImplemented


def _is_absent(name: str, kind: type) -> bool:
    return not has(kind, name) and not any(has(kind, other) for other in _FALLBACKS.get(name, ()))


def has(kind: type, name: str) -> bool:
    """In the classes themselves: a metaclass may answer anything."""
    return any(name in vars(one) for one in kind.__mro__)
