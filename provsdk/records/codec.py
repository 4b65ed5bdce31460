"""Canonical bytes (RFC 8785) of records, their parts and plain JSON values, by a fast path where it is safe.

The fast path is msgspec's encoder with sorted fields. It differs from RFC 8785 in a few places: integral and very large
or small floats, NaN, integers beyond 2^53, and the order of keys beyond the Basic Multilingual Plane. Values that could
touch one of these are looked for first, only where a field's type allows them, and go through `provsdk.canonical`.
"""

from functools import cache
from types import UnionType
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from provsdk.canonical import MAX_DEPTH, MAX_SAFE_INTEGER, canonical
from provsdk.errors import FormatError, NotCanonical

__all__ = ["decode", "encode"]

T = TypeVar("T")

_encode_sorted: Final = msgspec.json.Encoder(order="sorted").encode

_HARMLESS: Final = frozenset({str, bool, type(None)})
"""Types whose encoding is canonical whatever the value; a lone surrogate makes the encoder raise."""

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
    kind = type(value)
    if kind in _HARMLESS:
        return True
    if kind is int:
        return bool(-MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER)
    if levels == 0:
        return False
    if kind is list or kind is tuple:
        return all(_is_safe(item, levels - 1) for item in value)
    if kind is dict:
        return all(
            type(key) is str and key.isascii() and (type(item) is str or _is_safe(item, levels - 1))
            for key, item in value.items()
        )
    if kind is float:
        return bool(not value.is_integer() and _SMALLEST <= abs(value) <= _LARGEST)
    if issubclass(kind, msgspec.Struct):
        return all(_is_safe(getattr(value, name), levels - 1) for name in _hazards(kind))
    return False


@cache
def _hazards(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """The fields of a struct whose types allow a value that the fast path would write differently."""
    hints = get_type_hints(kind)
    return tuple(name for name in kind.__struct_fields__ if _may_differ(hints[name]))


def _may_differ(hint: Any) -> bool:
    if hint in _HARMLESS:
        return False
    origin = get_origin(hint)
    if origin is list or origin is tuple or origin is Union or origin is UnionType:
        return any(_may_differ(each) for each in get_args(hint) if each is not ...)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return bool(_hazards(hint))
    return True


def _plain(value: Any, levels: int) -> Any:
    """The value with structs as dicts; what is no JSON is left for `canonical` to refuse."""
    if levels == 0 and isinstance(value, (msgspec.Struct, dict, list, tuple)):
        raise NotCanonical(f"nested beyond {MAX_DEPTH} levels, or a cycle")
    if isinstance(value, msgspec.Struct):
        pairs = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        return {written: _plain(getattr(value, name), levels - 1) for written, name in pairs}
    if isinstance(value, dict):
        return {key: _plain(item, levels - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, levels - 1) for item in value]
    return value
