"""Digests of values that hold no other values: text, bytes, numbers and the standard library's other scalars."""

from __future__ import annotations

import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from provsdk.canonical import number_text
from provsdk.errors import NotCanonical, NotDigestible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "BYTES",
    "CHUNK_CHARACTERS",
    "JSON",
    "OBJECT",
    "READERS",
    "TAGGED",
    "TEXT",
    "Part",
    "TooLarge",
    "loaded",
    "media_of",
    "reader_of",
    "type_name",
]

TAGGED: Final = b"provsdk/value/v1\0"
"""Begins what is hashed for every value that is neither text nor bytes."""

CHUNK_CHARACTERS: Final = 1 << 20
_DECIMAL_BITS: Final = 2048

TEXT: Final = "text/plain"
BYTES: Final = "application/octet-stream"
JSON: Final = "application/json"
OBJECT: Final = "application/x-python-object"

Part = tuple[bytes, int, str]
"""Digest, size in bytes and media type of a value."""


class TooLarge(NotDigestible):
    """Beyond a bound; with the size, where it could be told."""

    def __init__(self, reason: str, size_bytes: int | None = None) -> None:
        super().__init__(f"too large: {reason}")
        self.size_bytes = size_bytes


def loaded(module: str, name: str) -> Any:
    """A member of a module that somebody has imported, else None: a value of one of its types is there only then."""
    return getattr(sys.modules.get(module), name, None)


def type_name(kind: type) -> str:
    """A class's own name, made safe to print, from where no metaclass can interfere."""
    name: str = type.__dict__["__name__"].__get__(kind)
    return "".join(character if character.isprintable() and character.isascii() else "?" for character in name[:80])


def media_of(kind: type) -> str:
    if issubclass(kind, str):
        return TEXT
    return BYTES if issubclass(kind, (bytes, bytearray, memoryview)) else OBJECT


# Leaves: each takes the value and how many bytes are left, and gives digest, size and media type.


def _scalar(tag: bytes, text: str, size: int | None = None, media: str = OBJECT) -> Part:
    data = text.encode("utf-8", "surrogatepass")
    return sha256(TAGGED + tag + b":" + data).digest(), len(data) if size is None else size, media


def _text(value: str, limit: int) -> Part:
    if str.__len__(value) <= min(limit, CHUNK_CHARACTERS):
        try:
            data = str.encode(value)
            return sha256(data).digest(), len(data), TEXT
        except UnicodeEncodeError:
            pass  # a lone surrogate: the second lead below
    if str.__len__(value) > limit:
        raise TooLarge("text beyond the bound", sum(map(len, _encoded_chunks(value))))
    for lead, media in ((b"", TEXT), (TAGGED + b"wtf-8:", OBJECT)):
        hashed, size = sha256(lead), 0
        try:
            for data in _encoded_chunks(value, "surrogatepass" if lead else "strict"):
                hashed.update(data)
                size += len(data)
        except UnicodeEncodeError:
            continue
        return hashed.digest(), size, media
    raise NotDigestible("text that has no UTF-8")  # pragma: no cover every str has the second form


def _encoded_chunks(value: str, errors: str = "surrogatepass") -> Iterator[bytes]:
    """UTF-8 piece by piece, so that a long text is not held twice."""
    for start in range(0, str.__len__(value), CHUNK_CHARACTERS):
        yield str.encode(str.__getitem__(value, slice(start, start + CHUNK_CHARACTERS)), "utf-8", errors)


def _raw(value: bytes, limit: int) -> Part:
    size = bytes.__len__(value)
    if size > limit:
        raise TooLarge("bytes beyond the bound", size)
    return sha256(bytes.__getitem__(value, slice(None))).digest(), size, BYTES


def _mutable_bytes(value: bytearray, limit: int) -> Part:
    size = bytearray.__len__(value)
    if size > limit:
        raise TooLarge("bytes beyond the bound", size)
    # A copy: while a hash reads the array itself, other threads could not resize it.
    return sha256(bytearray.copy(value)).digest(), size, BYTES


def _view(value: memoryview, limit: int) -> Part:
    if value.nbytes > limit:
        raise TooLarge("bytes beyond the bound", value.nbytes)
    return sha256(value.tobytes()).digest(), value.nbytes, BYTES


_NULL: Final = _scalar(b"null", "", 0, JSON)
_TRUE: Final = _scalar(b"bool", "true", 1, JSON)
_FALSE: Final = _scalar(b"bool", "false", 1, JSON)


def _integer(value: int, limit: int) -> Part:
    bits = int.bit_length(value)
    size = 8 if bits < 64 else (bits + 7) // 8
    if size > limit:
        raise TooLarge("an integer beyond the bound", size)
    # Decimal text of a long integer takes quadratic time, and Python may refuse it.
    text = int.__repr__(value) if bits <= _DECIMAL_BITS else int.__format__(value, "#x")
    return _scalar(b"int", text, size, JSON)


_SPELLED: Final = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _float_text(value: float) -> str:
    try:
        return number_text(value)
    except NotCanonical:
        return _SPELLED[float.__repr__(value)]


def _float(value: float, _limit: int) -> Part:
    text = _float_text(value)
    return _scalar(b"float", text, 8, OBJECT if text in _SPELLED.values() else JSON)


def _complex(value: complex, _limit: int) -> Part:
    number = complex.__pos__(value)
    return _scalar(b"complex", f"{_float_text(number.real)},{_float_text(number.imag)}", 16)


def _timedelta(value: Any, _limit: int) -> Part:
    return _scalar(b"timedelta", str((value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds))


READERS: Final[dict[type, Callable[[Any, int], Part]]] = {
    str: _text,
    bytes: _raw,
    int: _integer,
    float: _float,
    bool: lambda value, _limit: _TRUE if value else _FALSE,
    type(None): lambda _value, _limit: _NULL,
    bytearray: _mutable_bytes,
    memoryview: _view,
    complex: _complex,
}

_STANDARD: Final[tuple[tuple[str, str, Callable[[Any, int], Part]], ...]] = (
    ("datetime", "datetime", lambda value, _limit: _scalar(b"datetime", value.isoformat())),
    ("datetime", "date", lambda value, _limit: _scalar(b"date", value.isoformat())),
    ("datetime", "time", lambda value, _limit: _scalar(b"time", value.isoformat())),
    ("datetime", "timedelta", _timedelta),
    ("pandas", "Timestamp", lambda value, _limit: _scalar(b"datetime", value.isoformat())),
    ("uuid", "UUID", lambda value, _limit: _scalar(b"uuid", str(value))),
    ("decimal", "Decimal", lambda value, _limit: _scalar(b"decimal", str(value))),
    ("pathlib", "PosixPath", lambda value, _limit: _scalar(b"path", value.as_posix())),
    ("pathlib", "WindowsPath", lambda value, _limit: _scalar(b"path", value.as_posix())),
    ("pathlib", "PurePosixPath", lambda value, _limit: _scalar(b"path", value.as_posix())),
    ("pathlib", "PureWindowsPath", lambda value, _limit: _scalar(b"path", value.as_posix())),
)
"""Scalars of the standard library by module and name: a value of one is there only if its module is loaded."""


def reader_of(kind: type) -> Callable[[Any, int], Part] | None:
    """The reader of a type that is not built in itself: a standard scalar, or a subclass of a built-in one."""
    for module, name, read in _STANDARD:
        if loaded(module, name) is kind:
            return read
    for base in (str, int, float, bytes, bytearray, complex):
        if issubclass(kind, base):
            return READERS[base]
    return None
