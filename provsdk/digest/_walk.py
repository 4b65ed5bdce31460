"""The walk through a value and everything that it holds, within bounds, to one digest."""

from __future__ import annotations

from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from provsdk.canonical import canonical, quoted, sorted_keys
from provsdk.digest._arrays import array_reader_of
from provsdk.digest._contents import CONTAINERS, Contents, contents_of
from provsdk.digest._fields import stored
from provsdk.digest._scalars import JSON, OBJECT, READERS, TAGGED, TEXT, Part, TooLarge, reader_of, type_name
from provsdk.digest._tables import Column, column_of, columns_of, rows_of
from provsdk.errors import NotDigestible

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Walk"]


class Walk:
    """One look through a value and what it holds, within bounds."""

    __slots__ = ("_bytes_left", "_done", "_items_left", "_max_bytes", "_max_depth", "_max_items", "_open")

    def __init__(self, max_bytes: int, max_depth: int, max_items: int) -> None:
        self._max_bytes: Final = max_bytes
        self._max_depth: Final = max_depth
        self._max_items: Final = max_items
        self._bytes_left = max_bytes
        self._items_left = max_items
        self._open: Final[set[int]] = set()
        # Containers that appear many times are digested once, held so that their ids stay theirs.
        self._done: Final[dict[int, tuple[Any, Part]]] = {}

    @property
    def at_top(self) -> bool:
        return not self._open

    def of(self, value: Any, depth: int) -> Part:
        kind = type(value)
        read = READERS.get(kind)
        if read is None and kind not in CONTAINERS:
            if issubclass(kind, Enum):
                return self.of(stored(value, "_value_"), depth + 1)
            read = reader_of(kind)
        if read is None:
            return self._foreign(value, kind, depth)
        found = read(value, self._bytes_left)
        self._bytes_left -= found[1]
        if self._bytes_left < 0:
            raise self._too_many_bytes(found[1])
        return found

    def _foreign(self, value: Any, kind: type, depth: int) -> Part:
        """Of a container, or of a value of a library that is digested by its content."""
        columns = columns_of(value, kind)
        if columns is not None:
            return self._table(columns, rows_of(value), depth)
        read, pieces = array_reader_of(kind), column_of(value, kind)
        found = read(value, self._bytes_left) if read is not None else None
        if pieces is not None:
            found = self._column(list(pieces), depth)
        if found is None:
            return self._container(value, kind, depth)
        self._bytes_left -= found[1]
        if self._bytes_left < 0:
            raise self._too_many_bytes(found[1])
        return found

    def _table(self, columns: list[tuple[str, Any]], rows: int, depth: int) -> Part:
        parts = [(name, self._foreign(column, type(column), depth + 1)) for name, column in columns]
        content = canonical([rows, [[name, part[0].hex()] for name, part in parts]])
        return sha256(TAGGED + b"table:" + content).digest(), sum(part[1] for _, part in parts), OBJECT

    def _column(self, pieces: list[Column], depth: int) -> Part:
        """A column that holds nothing is the same whatever it was to hold: what it is read from may not say."""
        if not any(any(piece.valid) for piece in pieces):
            rows = sum(len(piece.valid) for piece in pieces)
            return sha256(TAGGED + b"column:null\0" + b"\0" * rows).digest(), rows, OBJECT
        hashed, size = sha256(TAGGED + b"column:" + pieces[0].kind.encode() + b"\0"), 0
        for piece in pieces:
            for encoded in self._digests(piece, depth) if piece.kind == "values" else piece.rows():
                hashed.update(encoded)
                size += len(encoded)
                if size > self._bytes_left:
                    raise self._too_many_bytes(size)
        return hashed.digest(), size, OBJECT

    def _digests(self, piece: Column, depth: int) -> Iterator[bytes]:
        self._items_left -= len(piece.valid)
        if self._items_left < 0:
            raise TooLarge(f"more than {self._max_items} values")
        for held, value in zip(piece.valid, piece.values, strict=True):
            yield b"\1" + self.of(value, depth + 1)[0] if held else b"\0"

    def _container(self, value: Any, kind: type, depth: int) -> Part:
        mark = id(value)
        if mark in self._done:
            return self._done[mark][1]
        if mark in self._open:
            raise NotDigestible(f"{type_name(kind)} holds itself")
        if depth >= self._max_depth:
            raise TooLarge(f"nested beyond {self._max_depth} levels")
        held = contents_of(value, kind, self._items_left)
        if held is None:
            raise NotDigestible(f"{type_name(kind)} has no digest")
        self._items_left -= len(held.values)
        if self._items_left < 0:
            raise TooLarge(f"more than {self._max_items} values")
        self._open.add(mark)
        found = self._sum(held, depth + 1)
        self._open.discard(mark)
        self._done[mark] = value, found
        return found

    def _sum(self, held: Contents, depth: int) -> Part:
        parts = [self.of(child, depth) for child in held.values]
        size = sum(part[1] for part in parts)
        media = JSON if held.is_json and all(part[2] in _IN_JSON for part in parts) else OBJECT
        hexes = [part[0].hex() for part in parts]
        if held.form == "list":
            content = _hex_array(hexes)
        elif held.form == "map":
            size += len("".join(held.keys).encode())
            members = dict(zip(held.keys, hexes, strict=True))
            content = "{" + ",".join(f'{quoted(key)}:"{members[key]}"' for key in sorted_keys(held.keys)) + "}"
        elif held.form == "set":
            content = _hex_array(sorted(hexes))
        else:
            keys = [self.of(key, depth) for key in held.keys]
            size += sum(key[1] for key in keys)
            pairs = sorted(zip((key[0].hex() for key in keys), hexes, strict=True))
            content = "[" + ",".join(map(_hex_array, pairs)) + "]"
        # Shared elements count each time that they appear: a value is as large as what it stands for.
        if size > self._max_bytes:
            raise self._too_many_bytes(size)
        return sha256(TAGGED + held.form.encode() + b":" + content.encode()).digest(), size, media

    def _too_many_bytes(self, size: int) -> TooLarge:
        return TooLarge(f"more than {self._max_bytes} bytes", size)


_IN_JSON: Final = frozenset({TEXT, JSON})


def _hex_array(hexes: list[str] | tuple[str, ...]) -> str:
    return '["' + '","'.join(hexes) + '"]' if hexes else "[]"
