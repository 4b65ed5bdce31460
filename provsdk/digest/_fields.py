"""The fields of an object, read as they are stored: no property, no `__getattr__`, no lazy load of the object's runs.

Knows dataclasses, attrs, named tuples, msgspec structs and pydantic models (1 and 2) by what their classes carry, and
imports none of them.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final

from provsdk.errors import NotDigestible
from provsdk.interrupts import came_from_outside

__all__ = ["ABSENT", "class_attribute", "field_names", "fields", "peek", "stored"]

ABSENT: Final = object()
"""Stands for an attribute that no class has."""

_MRO: Final = type.__dict__["__mro__"]
_DICT: Final = type.__dict__["__dict__"]


def fields(value: Any) -> dict[str, Any] | None:
    """Field names and values of an object with declared fields; None for any other object.

    A pydantic model may have given up fields (LiteLLM's messages do): what it does not hold is not among them.

    Raises:
        NotDigestible: a field is computed, lazily loaded or not set.
    """
    kind = type(value)
    names = field_names(kind)
    if names is None:
        return None
    if issubclass(kind, tuple):
        return dict(zip(names, tuple.__iter__(value), strict=True))
    attributes = _instance_dict(value)
    if type(_pydantic(kind)) is dict:
        names = tuple(name for name in names if name in attributes or class_attribute(kind, name) is not ABSENT)
    found = {name: _stored(value, name, attributes) for name in names}
    extra = _extra(value) if class_attribute(kind, "__pydantic_extra__") is not ABSENT else None
    return found if extra is None else {**found, **extra}


def field_names(kind: type) -> tuple[str, ...] | None:
    """The declared fields of a class, in their order; None for a class that declares none."""
    names: Any = None
    if issubclass(kind, tuple):
        names = class_attribute(kind, "_fields")
    elif type(class_attribute(kind, "__dataclass_fields__")) is dict:
        names = tuple(field.name for field in sys.modules["dataclasses"].fields(kind))
    elif type(models := _pydantic(kind)) is dict:
        names = tuple(models)
    elif type(of_struct := class_attribute(type(kind), "__struct_fields__")) is MemberDescriptorType:
        names = of_struct.__get__(kind)
    elif class_attribute(kind, "__attrs_attrs__") is not ABSENT:
        names = tuple(attribute.name for attribute in tuple.__iter__(class_attribute(kind, "__attrs_attrs__")))
    return names if type(names) is tuple and all(type(name) is str for name in names) else None


def stored(value: Any, name: str) -> Any:
    """One attribute as the instance stores it.

    Raises:
        NotDigestible: it is computed, or not set.
    """
    return _stored(value, name, _instance_dict(value))


def peek(value: Any, name: str) -> Any:
    """What a dict holds under a key, or an object stores under a name; None where it stores nothing there.

    Runs no code of the value's class, and never raises because of the value: properties, `__getattr__` and lazy loads
    are left alone. A pydantic model's extra values and private attributes count as stored.
    """
    kind = type(value)
    try:
        if kind in _HOLD_NOTHING:
            return None
        if issubclass(kind, dict):
            return dict.get(value, name)
        descriptor, is_open = _storage(kind)  # type: ignore[arg-type] # types are hashable
        attributes = descriptor.__get__(value) if descriptor is not None else None
        if type(attributes) is dict and name in attributes:
            return attributes[name]
        return _peek_further(value, name, is_open=is_open)
    except Exception as error:  # nothing is stored there, or a key of the mapping refuses to be compared
        if came_from_outside(error):
            raise
        return None


_HOLD_NOTHING: Final = frozenset({str, bytes, int, float, bool, type(None), list, tuple})


@lru_cache(maxsize=512)
def _storage(kind: type) -> tuple[Any, bool]:
    """The descriptor of the instances' attributes, and whether they may hold more than their fields."""
    descriptor = class_attribute(kind, "__dict__")
    is_plain = type(descriptor) is GetSetDescriptorType or type(descriptor) is MemberDescriptorType
    return descriptor if is_plain else None, class_attribute(kind, "__pydantic_extra__") is not ABSENT


def _peek_further(value: Any, name: str, *, is_open: bool) -> Any:
    if is_open:
        for more in ("__pydantic_extra__", "__pydantic_private__"):
            held = class_attribute(type(value), more)
            held = held.__get__(value) if type(held) is MemberDescriptorType else None
            if type(held) is dict and name in held:
                return held[name]
    inherited = class_attribute(type(value), name)
    if inherited is ABSENT:
        return None
    return stored(value, name)


def _pydantic(kind: type) -> Any:
    if class_attribute(kind, "__pydantic_core_schema__") is not ABSENT:
        current = class_attribute(kind, "__pydantic_fields__")
        return current if current is not ABSENT else class_attribute(kind, "model_fields")
    if class_attribute(kind, "__custom_root_type__") is not ABSENT:
        return class_attribute(kind, "__fields__")
    return None


def _extra(value: Any) -> dict[str, Any] | None:
    """What a pydantic model was given beyond its fields, where it allows that."""
    extra = stored(value, "__pydantic_extra__")
    return extra if type(extra) is dict else None


def _stored(value: Any, name: str, attributes: dict[str, Any]) -> Any:
    found = dict.get(attributes, name, ABSENT)
    if found is not ABSENT:
        return found
    inherited = class_attribute(type(value), name)
    if type(inherited) is MemberDescriptorType:
        try:
            return inherited.__get__(value)
        except AttributeError:
            raise NotDigestible("a field is not set") from None
    if inherited is ABSENT or class_attribute(type(inherited), "__get__") is not ABSENT:
        raise NotDigestible("a field is computed, not stored, or not set")
    return inherited


def _instance_dict(value: Any) -> dict[str, Any]:
    descriptor = class_attribute(type(value), "__dict__")
    if type(descriptor) is not GetSetDescriptorType and type(descriptor) is not MemberDescriptorType:
        return {}
    attributes = descriptor.__get__(value)
    return attributes if issubclass(type(attributes), dict) else {}


def class_attribute(kind: type, name: str) -> Any:
    """What a class or its nearest base has under a name, unbound; `ABSENT` if none has it. Asks no metaclass."""
    for base in _MRO.__get__(kind):
        attributes = _DICT.__get__(base)
        if name in attributes:
            return attributes[name]
    return ABSENT
