"""One level of what a value holds, as it stands now: elements, keys and fields, read as they are stored."""

from __future__ import annotations

from collections import deque
from typing import Any, Final, NamedTuple

from provsdk.digest._arrays import elements_of, is_array
from provsdk.digest._fields import class_attribute, fields
from provsdk.digest._scalars import TooLarge, loaded, type_name
from provsdk.digest._tables import is_tabular, parts_of
from provsdk.errors import NotDigestible

__all__ = ["CONTAINERS", "Contents", "contents_of", "name_of"]

CONTAINERS: Final = frozenset({list, dict, tuple, set, frozenset})


class Contents(NamedTuple):
    """One level of a container."""

    form: str
    """`list`, `set`, `map`, `pairs`; or `parts`: of what is digested otherwise, such as a table."""
    keys: list[Any]
    """Of a map: text; of pairs: anything hashable; else none."""
    values: list[Any] | tuple[Any, ...]
    is_json: bool = False
    """A list or a mapping with text for keys, which JSON can carry if it can carry what is inside."""


_ITERATION: Final = ("__iter__", "__len__", "keys", "items")


def contents_of(value: Any, kind: type, limit: int) -> Contents | None:
    """One level of a container as it stands now, at most `limit` values; None for what is no container."""
    if kind not in CONTAINERS and (named := fields(value)) is not None:
        return _mapping(list(named), list(named.values()), is_json=False)
    if kind is loaded("sqlite3", "Row"):
        return _mapping(value.keys(), tuple(value), is_json=False)
    base = next((base for base in (list, tuple, dict, set, frozenset, deque) if issubclass(kind, base)), None)
    if base is None:
        return _of_library(value, kind)
    if kind is not base and kind is not loaded("collections", "OrderedDict"):
        _refuse_own_iteration(kind, base)
    if base.__len__(value) > limit:
        raise TooLarge("more values than the bound")
    if base is dict:
        items = list(dict.items(value))
        return _mapping([key for key, _ in items], [child for _, child in items], is_json=True)
    if base is tuple:
        return Contents("list", [], tuple(tuple.__iter__(value)), is_json=True)
    if base is list:
        return Contents("list", [], list(list.__iter__(value)), is_json=True)
    return Contents("list" if base is deque else "set", [], list(base.__iter__(value)))


def _of_library(value: Any, kind: type) -> Contents | None:
    """Of a NumPy array of objects its elements, of a structured one its fields; of a table columns, of these texts."""
    if is_array(kind):
        held = elements_of(value)
        if isinstance(held, dict):
            return _mapping(list(held), list(held.values()), is_json=False)
        return None if held is None else Contents("list", [], held)
    if not is_tabular(kind):
        return None
    parts = parts_of(value, kind)
    return Contents("parts", [name for name, _ in parts], [part for _, part in parts])


def _mapping(keys: list[Any], values: list[Any] | tuple[Any, ...], *, is_json: bool) -> Contents:
    if all(issubclass(type(key), str) for key in keys):
        texts = [str.__str__(key) for key in keys]
        if len(set(texts)) == len(texts) and _is_unicode("".join(texts)):
            return Contents("map", texts, values, is_json)
    return Contents("pairs", keys, values)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_own_iteration(kind: type, base: type) -> None:
    # What such a class stores and what it says it holds may differ: a digest of the former could be a lie.
    if any(class_attribute(kind, name) is not class_attribute(base, name) for name in _ITERATION):
        raise NotDigestible(f"{type_name(kind)} has its own way of saying what it holds")


def name_of(held: Contents, position: int) -> str:
    if held.form == "list":
        return str(position)
    if held.form == "set":
        return "*"
    key = held.keys[position]
    if issubclass(type(key), str):
        return str.__str__(key)
    return int.__repr__(key) if type(key) is int and key.bit_length() < 64 else f"#{position}"
