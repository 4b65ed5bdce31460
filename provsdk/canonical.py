"""RFC 8785 (JSON Canonicalization Scheme) in plain Python: one sequence of bytes for each JSON value.

`canonical` writes it, `parse` reads JSON and refuses whatever `canonical` could not write again. This is the reference:
`records.codec` has a faster way for typed records, which tests hold to these bytes.
"""

import json
from collections.abc import Iterator
from json.encoder import encode_basestring as _quote
from math import isfinite
from typing import Any, Final, NoReturn

from provsdk.errors import FormatError, NotCanonical

__all__ = ["MAX_DEPTH", "MAX_SAFE_INTEGER", "canonical", "number_text", "parse", "quoted", "sorted_keys"]

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""The largest integer that every reader of JSON keeps (RFC 7493, section 2.2); larger ones belong in strings."""

MAX_DEPTH: Final = 200
"""Levels of nesting. A bound of ours: well below what the interpreter's own stack allows."""

_SAFE_BITS: Final = MAX_SAFE_INTEGER.bit_length()
_NO_NUMBERS: Final = frozenset({"nan", "inf", "-inf"})
_SHOWN_KEY_CHARACTERS: Final = 64


def canonical(value: Any) -> bytes:
    """The canonical bytes of a JSON value: None, bool, int, float, str, list or tuple, dict with str keys.

    Subclasses count as what they hold as such; their overridden methods are not called.

    Raises:
        NotCanonical: NaN or an infinity, an integer beyond 2^53 - 1, a lone surrogate, a key that is no string, a
            foreign type, a cycle or nesting beyond `MAX_DEPTH`. The message names the path in the value.
    """
    pieces: list[str] = []
    path: list[str] = []
    try:
        _write(value, pieces, path)
        return "".join(pieces).encode()
    except RecursionError:
        raise _refusal(path, "nested too deeply for this thread's stack") from None


def parse(data: bytes) -> Any:
    """The value of JSON bytes, canonical or not, as far as it has canonical bytes.

    An integer literal beyond 2^53 - 1 is read as a float where it is exactly how RFC 8785 writes that float.

    Raises:
        FormatError: not JSON, not UTF-8, a byte order mark, a duplicate key, NaN or an infinity, a number that would
            lose digits, a lone surrogate, nesting beyond `MAX_DEPTH`.
    """
    try:
        text = bytes(data).decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
        # Everything else was refused above; what remains are lone surrogates written as \ud800, and depth.
        _write(value, [], [])
    except UnicodeDecodeError as error:
        raise FormatError(f"not UTF-8: byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise FormatError(f"not JSON: {error.msg} at character {error.pos}") from None
    except NotCanonical as error:
        raise FormatError(f"JSON without a canonical form: {error}") from None
    except RecursionError:
        raise FormatError(f"JSON nested beyond {MAX_DEPTH} levels") from None
    return value


def number_text(value: float) -> str:
    """A finite float as ECMAScript's Number::toString writes it (RFC 8785, section 3.2.2.3).

    Raises:
        NotCanonical: NaN or an infinity.
    """
    text = float.__repr__(value)
    if text in _NO_NUMBERS:
        raise NotCanonical(f"{text} is no JSON number")
    if text.endswith(".0"):
        # Python writes integral floats below 1e16 like this, and there ECMAScript agrees but for the fraction and -0.
        return "0" if text == "-0.0" else text[:-2]
    if "e" not in text:
        return text
    sign, digits, point = _decimal(text)
    return sign + _ecmascript(digits, point)


def quoted(text: str) -> str:
    """A string as a JSON string (RFC 8785, section 3.2.2.2); lone surrogates are the caller's to refuse."""
    return _quote(text)


def sorted_keys(keys: list[str]) -> list[str]:
    """Keys by their UTF-16 code units (RFC 8785, section 3.2.3)."""
    if all(map(str.isascii, keys)):
        return sorted(keys)
    return sorted(keys, key=_utf16)


def _utf16(key: str) -> bytes:
    return str.encode(key, "utf-16-be", "surrogatepass")


def _write(value: Any, pieces: list[str], path: list[str]) -> None:
    kind = type(value)
    if issubclass(kind, str):
        pieces.append(_string(value, path))
    elif value is None:
        pieces.append("null")
    elif kind is bool:
        pieces.append("true" if value else "false")
    elif issubclass(kind, int):
        pieces.append(_safe_integer(value, path))
    elif issubclass(kind, float):
        pieces.append(_number(value, path))
    elif issubclass(kind, dict):
        _write_object(value, pieces, path)
    elif issubclass(kind, list):
        _write_array(list.__iter__(value), pieces, path)
    elif issubclass(kind, tuple):
        _write_array(tuple.__iter__(value), pieces, path)
    else:
        raise _refusal(path, f"{kind.__name__} is no JSON type")


def _write_array(items: Iterator[Any], pieces: list[str], path: list[str]) -> None:
    if len(path) >= MAX_DEPTH:
        raise _refusal(path, f"nested beyond {MAX_DEPTH} levels, or a cycle")
    separator = "["
    for position, item in enumerate(items):
        pieces.append(separator)
        path.append(f"[{position}]")
        _write(item, pieces, path)
        path.pop()
        separator = ","
    pieces.append("]" if separator == "," else "[]")


def _write_object(value: dict[Any, Any], pieces: list[str], path: list[str]) -> None:
    if len(path) >= MAX_DEPTH:
        raise _refusal(path, f"nested beyond {MAX_DEPTH} levels, or a cycle")
    items = dict(dict.items(value))
    for key in items:
        if not issubclass(type(key), str):
            raise _refusal(path, f"a key is {type(key).__name__}, not str")
    separator = "{"
    for position, key in enumerate(sorted_keys(list(items))):
        path.append(_key_step(key, position))
        pieces.append(separator + _string(key, path) + ":")
        _write(items[key], pieces, path)
        path.pop()
        separator = ","
    pieces.append("}" if separator == "," else "{}")


def _string(value: str, path: list[str]) -> str:
    text = str.__str__(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _refusal(path, "a lone surrogate") from None
    return _quote(text)


def _safe_integer(value: int, path: list[str]) -> str:
    if int.bit_length(value) <= _SAFE_BITS:
        return int.__repr__(value)
    raise _refusal(path, "an integer beyond 2^53 - 1: write it as a string")


def _number(value: float, path: list[str]) -> str:
    try:
        return number_text(value)
    except NotCanonical as error:
        raise _refusal(path, str(error)) from None


def _decimal(text: str) -> tuple[str, str, int]:
    """Sign, significant digits, and the position of the decimal point counted from their start."""
    mantissa, _, exponent = text.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or "0")
    stripped = digits.lstrip("0")
    return sign, stripped.rstrip("0"), point - (len(digits) - len(stripped))


def _ecmascript(digits: str, point: int) -> str:
    """ECMA-262, Number::toString, for what Python writes with an exponent; `point` is its n, the count of digits its k.

    A point amid the digits cannot come here: Python writes those numbers without an exponent, as ECMAScript does.
    """
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    exponent = f"e{point - 1:+d}"
    return digits[0] + ("." + digits[1:] if count > 1 else "") + exponent


def _key_step(key: str, position: int) -> str:
    # Keys may be content: only what looks like a field's name is shown.
    if len(key) <= _SHOWN_KEY_CHARACTERS and key.isascii() and key.replace("_", "").replace("-", "").isalnum():
        return "." + str.__str__(key)
    return f".<key {position}>"


def _refusal(path: list[str], reason: str) -> NotCanonical:
    steps = "".join(path) if len(path) <= 8 else "".join(path[:8]) + "…"
    return NotCanonical(f"${steps}: {reason}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise FormatError("JSON object with a duplicate key")
    return value


def _constant(literal: str) -> NoReturn:
    raise FormatError(f"{literal} is no JSON number")


def _integer(literal: str) -> int | float:
    if len(literal) <= 17:
        value = int(literal)
        if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            return value
    number = float(literal)
    if not isfinite(number) or number_text(number) != literal:
        raise FormatError("JSON number beyond 2^53 - 1 that a float would change")
    return number


def _float(literal: str) -> float:
    number = float(literal)
    if not isfinite(number):
        raise FormatError("JSON number beyond the range of a float")
    return number
