"""Canonical bytes (RFC 8785) of records, their parts and plain JSON values, by a fast path where it is safe.

The fast path is msgspec's encoder with sorted fields. It differs from RFC 8785 in a few places: integral and very large
or small floats, NaN, integers beyond 2^53, and the order of keys beyond the Basic Multilingual Plane. Values that could
touch one of these are looked for first, only where a field's type allows them, and go through `provsdk.canonical`.
"""

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from types import UnionType
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from provsdk.canonical import MAX_DEPTH, MAX_SAFE_INTEGER, canonical
from provsdk.errors import FormatError, NotCanonical

__all__ = ["decode", "encode"]

T = TypeVar("T")

_encode_sorted: Final = msgspec.json.Encoder(order="sorted").encode

_HARMLESS: Final[set[Any]] = {str, bool, type(None), msgspec.UnsetType}
"""Types whose encoding is canonical whatever the value; a lone surrogate makes the encoder raise. Structs that hold
nothing else join them when they are first seen. Fields that are not set are left out."""

_TEXT: Final[set[Any]] = {str}

_SMALLEST: Final = 1e-5
"""Where msgspec begins to write exponents for small floats; RFC 8785 does below 1e-6."""

_LARGEST: Final = 1e15
"""Well below where msgspec begins to write exponents for large floats."""


def encode(value: Any) -> bytes:
    """The canonical bytes of a record, a part of one, or a plain JSON value.

    Raises:
        NotCanonical: the value, or something in it, has no canonical form; the message names the path.
    """
    try:
        if _is_safe(value, MAX_DEPTH):
            return _encode_sorted(value)
    except (UnicodeEncodeError, RecursionError):
        pass  # the slow path says where
    return canonical(_plain(value, MAX_DEPTH))


def decode(data: bytes, kind: type[T], where: str) -> T:
    """A typed value from JSON bytes; fields that `kind` does not know are passed over.

    Args:
        data: JSON, canonical or not.
        kind: the type wanted.
        where: what the bytes are, for the message.

    Raises:
        FormatError: not JSON, or not of that type; names `where` and the field, never the value.
    """
    try:
        return cast("T", _decoder(kind).decode(data))  # type: ignore[arg-type] # types are hashable
    except msgspec.ValidationError as error:
        raise FormatError(f"{where}: {_without_value(str(error))}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise FormatError(f"{where}: not JSON in UTF-8") from None


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _without_value(message: str) -> str:
    """The message of msgspec; it quotes an invalid enum value, and nothing else of the data."""
    return "a value that is not allowed" if message.startswith("Invalid enum value") else message


def _is_safe(value: Any, levels: int) -> bool:
    """Whether the fast path writes this value as RFC 8785 does; in doubt it says no."""
    kind = type(value)
    if kind in _HARMLESS:
        return True
    check = _BY_TYPE.get(kind)
    if check is None:
        if not issubclass(kind, msgspec.Struct):
            return False
        check = _BY_TYPE[kind] = _one_safe(_checks(kind))
    return check(value, levels)


def _is_safe_array(value: list[Any] | tuple[Any, ...], levels: int) -> bool:
    if levels == 0:
        return False
    return _HARMLESS.issuperset(map(type, value)) or all(_is_safe(item, levels - 1) for item in value)


def _is_safe_object(value: dict[Any, Any], levels: int) -> bool:
    if levels == 0 or not _TEXT.issuperset(map(type, value)) or not all(map(str.isascii, value)):
        return False
    items = value.values()
    return _HARMLESS.issuperset(map(type, items)) or all(_is_safe(item, levels - 1) for item in items)


def _is_safe_float(value: float, levels: int) -> bool:  # noqa: ARG001 called by type
    return not value.is_integer() and _SMALLEST <= abs(value) <= _LARGEST


def _is_safe_integer(value: int, levels: int) -> bool:  # noqa: ARG001 called by type
    return -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER


_Check = Callable[..., bool]

_BY_TYPE: Final[dict[Any, _Check]] = {
    list: _is_safe_array,
    tuple: _is_safe_array,
    dict: _is_safe_object,
    float: _is_safe_float,
    int: _is_safe_integer,
}
"""By type, the check of a value and of what is in it; those of structs join when they are first seen."""


@cache
def _checks(kind: type[msgspec.Struct]) -> tuple[tuple[str, _Check], ...]:
    """The fields of a struct whose types allow a value that the fast path would write differently, and how to tell.

    Records are typed, and type checkers hold their makers to it: a field holds what its annotation says.
    """
    found = ((name, _check_for(hint)) for name, hint in get_type_hints(kind).items())
    checks = tuple((name, check) for name, check in found if check is not None)
    if not checks:
        _HARMLESS.add(kind)
    return checks


def _check_for(hint: Any) -> _Check | None:
    """Whether a value of that type is safe; None where every one is."""
    if hint in _HARMLESS or hint == list[str]:
        return None
    if get_origin(hint) in {Union, UnionType}:
        left = [check for each in get_args(hint) if (check := _check_for(each)) is not None]
        return left[0] if len(left) == 1 else _is_safe_value if left else None
    if hint is int:
        return _is_safe_count
    if get_origin(hint) is dict:
        return _is_safe_mapping
    item = get_args(hint)[0] if get_origin(hint) is list else hint
    if isinstance(item, type) and issubclass(item, msgspec.Struct):
        fields = _checks(item)
        return None if not fields else _all_safe(fields) if item is not hint else _one_safe(fields)
    return _is_safe_value


def _is_safe_value(value: Any) -> bool:
    return _is_safe(value, MAX_DEPTH - 8)


def _is_safe_count(value: int | msgspec.UnsetType | None) -> bool:
    return value is None or value is msgspec.UNSET or -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER


def _is_safe_mapping(value: dict[str, Any]) -> bool:
    return not value or _is_safe_value(value)


def _one_safe(fields: tuple[tuple[str, _Check], ...]) -> _Check:
    others = tuple((attrgetter(name), check) for name, check in fields if check is not _is_safe_count)
    counts = [name for name, check in fields if check is _is_safe_count]
    counts_of = attrgetter(*counts, *counts[-1:]) if counts else _no_counts  # of a single name it would be no tuple

    def check(value: Any, levels: int = 0) -> bool:  # noqa: ARG001 called by type
        if value is None or value is msgspec.UNSET:
            return True
        for count in counts_of(value):
            if count is not None and count is not msgspec.UNSET and not -MAX_SAFE_INTEGER <= count <= MAX_SAFE_INTEGER:
                return False
        for field_of, is_safe in others:  # noqa: SIM110 on the path of every record
            if not is_safe(field_of(value)):
                return False
        return True

    return check


def _no_counts(value: Any) -> tuple[()]:  # noqa: ARG001 in place of a getter of none
    return ()


def _all_safe(fields: tuple[tuple[str, _Check], ...]) -> _Check:
    one = _one_safe(fields)

    def check(values: list[Any]) -> bool:
        return all(map(one, values)) if values else True

    return check


def _plain(value: Any, levels: int) -> Any:
    """The value with structs as dicts; what is no JSON is left for `canonical` to refuse."""
    if levels == 0 and isinstance(value, (msgspec.Struct, dict, list, tuple)):
        raise NotCanonical(f"nested beyond {MAX_DEPTH} levels, or a cycle")
    if isinstance(value, msgspec.Struct):
        pairs = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        said = ((written, getattr(value, name)) for written, name in pairs)
        return {written: _plain(each, levels - 1) for written, each in said if each is not msgspec.UNSET}
    if isinstance(value, dict):
        return {key: _plain(item, levels - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, levels - 1) for item in value]
    return value
