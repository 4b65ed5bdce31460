"""Digests of NumPy arrays, their scalars, and images of Pillow: by what they hold, not by how they came to hold it.

None of these packages is imported: a value of theirs is there only where somebody has done so.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from provsdk.canonical import canonical
from provsdk.digest._fields import peek, stored
from provsdk.digest._scalars import OBJECT, READERS, TAGGED, Part, TooLarge, loaded, type_name
from provsdk.errors import NotDigestible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["array_reader_of", "elements_of", "is_array"]

_PIECE: Final = 1 << 20
"""Bytes that are copied at a time: while a hash reads the array itself, its owner could not resize it."""

_NUMBERS: Final = "biufcmM"
"""Kinds of NumPy's types whose bytes are their values."""
_TIMES: Final = "mM"
_OBJECTS: Final = "OUST"
"""Kinds whose elements are Python's values, or become them: how many characters fit in says nothing of a text."""
_ARRAYS: Final = ("ndarray", "memmap", "recarray", "matrix")
_PALETTES: Final = frozenset({"P", "PA"})
_BYTES_OF_A_PIXEL: Final = 4
_NOT_PORTABLE: Final = frozenset({"g", "G"})
"""Long doubles: their size is the machine's, and some of their bytes are nobody's."""


def array_reader_of(kind: type) -> Callable[[Any, int], Part | None] | None:
    """What digests a value of that type, None for other types; it gives None of an array that is a container."""
    if is_array(kind):
        return _array
    generic = loaded("numpy", "generic")
    if generic is not None and issubclass(kind, generic):
        return _scalar
    image = loaded("PIL.Image", "Image")
    return _image if image is not None and issubclass(kind, image) else None


def is_array(kind: type) -> bool:
    """Whether values of that type are arrays, and nothing beyond that: a masked one, or one with units, is more."""
    return any(kind is loaded("numpy", name) for name in _ARRAYS)


def elements_of(array: Any) -> list[Any] | dict[str, Any] | None:
    """The elements of an array of objects or of text, as a list of lists; the fields of a structured one by name."""
    array = array.view(sys.modules["numpy"].ndarray)
    if array.dtype.names is not None:
        return {name: array[name] for name in array.dtype.names}
    return array.tolist() if array.dtype.kind in _OBJECTS and array.ndim else None


def _array(array: Any, limit: int) -> Part | None:
    array = array.view(sys.modules["numpy"].ndarray)
    dtype = array.dtype
    if (dtype.kind in _OBJECTS and array.ndim) or dtype.names is not None:
        return None
    if dtype.kind not in _NUMBERS or dtype.char in _NOT_PORTABLE:
        raise NotDigestible(f"an array of {dtype.name} has no digest")
    if array.nbytes > limit:
        raise TooLarge("an array beyond the bound", array.nbytes)
    little = dtype.newbyteorder("<")
    hashed = sha256(TAGGED + b"array:" + canonical([little.str, list(array.shape)]) + b"\0")
    for piece in _pieces(array):
        hashed.update(piece.astype(little, copy=False).tobytes())
    return hashed.digest(), array.nbytes, OBJECT


def _pieces(array: Any) -> Iterator[Any]:
    """The elements in the order of their indices, the last one fastest, some at a time."""
    flat, some = array.reshape(-1), max(_PIECE // max(array.itemsize, 1), 1)
    return (flat[start : start + some] for start in range(0, flat.size, some))


def _scalar(value: Any, limit: int) -> Part:
    """As Python's value of the same kind, where there is one; else as an array without dimensions."""
    item = value.item()
    read = READERS.get(type(item)) if value.dtype.kind not in _TIMES else None
    if read is not None:
        return read(item, limit)
    found = _array(sys.modules["numpy"].asarray(value), limit)
    if found is None:
        raise NotDigestible(f"{type_name(type(value))} has no digest")
    return found


def _image(image: Any, limit: int) -> Part:
    """Of its pixels. One that was opened and not read yet is read from its file by us, and stays as it is."""
    if stored(image, "_im") is not None and not peek(image, "tile"):
        return _pixels(image, limit)
    path = peek(image, "filename")
    if not _is_file_of(path, peek(image, "fp")):
        raise NotDigestible("an image that was not read yet has no digest")
    with sys.modules["PIL.Image"].open(path) as own:
        own.seek(image.tell())
        if (own.mode, own.size) != (image.mode, image.size):
            raise NotDigestible("an image that was not read yet, and is to be read in another form, has no digest")
        return _pixels(own, limit)


def _is_file_of(path: Any, file: Any) -> bool:
    """Whether what stands there now is the file that the image is to be read from."""
    try:
        there, opened = os.stat(path), os.fstat(file.fileno())  # noqa: PTH116 as in `file_digest`
    except (OSError, ValueError, TypeError, AttributeError):  # no path, no file, or one that is closed
        return False
    return (there.st_dev, there.st_ino, there.st_mtime_ns) == (opened.st_dev, opened.st_ino, opened.st_mtime_ns)


def _pixels(image: Any, limit: int) -> Part:
    """Those of a palette as the colours that they stand for."""
    width, height = image.size
    if width * height * _BYTES_OF_A_PIXEL > limit:
        raise TooLarge("an image beyond the bound", width * height * _BYTES_OF_A_PIXEL)
    shown = image.convert("RGBA") if image.mode in _PALETTES else image
    data = shown.tobytes()
    about = canonical([shown.mode, width, height])
    return sha256(TAGGED + b"image:" + about + b"\0" + data).digest(), len(data), OBJECT
