"""Tables and their columns, of pandas, polars and Arrow: what stands in them, whoever holds it, in whatever batches.

Columns are brought to a few kinds of rows, so that a table has one digest in all three libraries. None of them is
imported: a table is there only where somebody has done so.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib import import_module
from itertools import islice
from typing import Any, Final, NamedTuple

from provsdk.digest._scalars import loaded
from provsdk.errors import NotDigestible

__all__ = ["MAX_CELLS", "Column", "column_of", "columns_of", "is_tabular", "parts_of", "rows_of"]

MAX_CELLS: Final = 1_000
"""Rows up to which the texts in a column are values of their own."""

_MIN, _MAX = -(1 << 63), (1 << 63) - 1

_SOME: Final = 65_536
"""Rows that are encoded at a time."""

_FIXED: Final = {
    "bool": "?",
    "int": "q",
    "uint": "Q",
    "float": "d",
    "date": "q",
    "datetime": "qL",
    "instant": "qL",
    "duration": "qL",
}
"""Kinds of rows of fixed width, by the codes of `struct`, whose first ones are NumPy's too: days; seconds and
nanoseconds."""

_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_TIMES: Final = frozenset({"datetime", "instant", "duration"})


class Column(NamedTuple):
    """The rows of a column."""

    kind: str
    """Of `_FIXED`; `text` and `bytes`; or `values`: Python's, each with a digest of its own."""
    valid: Any
    """Whether each row holds something: a list or a NumPy array."""
    values: Any
    """The rows, in a list or a NumPy array, or as they are asked for, once; of a time its count of units. Where nothing
    is held, anything."""
    unit: str = ""
    """Of a time: `s`, `ms`, `us` or `ns`."""

    def rows(self) -> Iterator[bytes]:
        """What is hashed of them, in pieces: 1 and the value, or 0 and, where the width is fixed, zeros."""
        if self.kind not in _FIXED:
            return _lengthy(self.valid, self.values)
        return _wide(self) if hasattr(self.values, "dtype") else _narrow(self)


def is_tabular(kind: type) -> bool:
    """Whether values of that type are tables or columns of one."""
    return _adapter_of(kind) is not None


def columns_of(value: Any, kind: type) -> list[tuple[str, Any]] | None:
    """The columns of a table by name, each a value of its library; None of what is no table."""
    adapter = _adapter_of(kind)
    return adapter.columns(value) if adapter is not None and adapter.columns is not None else None


def column_of(value: Any, kind: type) -> Iterator[Column] | None:
    """A column in one or more pieces of the same kind; None of what is none."""
    adapter = _adapter_of(kind)
    return adapter.column(value) if adapter is not None and adapter.column is not None else None


def parts_of(value: Any, kind: type) -> list[tuple[str, Any]]:
    """Of a table its columns; of a column of at most `MAX_CELLS` texts these."""
    columns = columns_of(value, kind)
    if columns is not None:
        return columns
    if len(value) > MAX_CELLS:
        return []
    texts = [cell for piece in column_of(value, kind) or () if piece.kind == "text" for cell in piece.values]
    return [(str(row), text) for row, text in enumerate(texts) if isinstance(text, str)]


# Rows.


def _lengthy(valid: Iterable[Any], values: Iterable[Any]) -> Iterator[bytes]:
    """Texts and bytes after their length: 8 bytes, the lowest first."""
    pieces = (
        b"\1" + len(data).to_bytes(8, "little") + data if held else b"\0"
        for held, data in zip(valid, (each.encode() if isinstance(each, str) else each for each in values), strict=True)
    )
    while some := b"".join(islice(pieces, _SOME)):
        yield some


def _narrow(column: Column) -> Iterator[bytes]:
    pack = struct.Struct("<?" + _FIXED[column.kind]).pack
    zeros = bytes(struct.calcsize("<?" + _FIXED[column.kind]))
    split = _seconds(column.unit) if column.kind in _TIMES else lambda value: (value,)
    pieces = (
        pack(True, *split(value)) if held else zeros for held, value in zip(column.valid, column.values, strict=True)
    )
    while some := b"".join(islice(pieces, _SOME)):
        yield some


def _seconds(unit: str) -> Callable[[int], tuple[int, int]]:
    per_second = _PER_SECOND[unit]
    return lambda count: (count // per_second, count % per_second * (_PER_SECOND["ns"] // per_second))


def _wide(column: Column) -> Iterator[bytes]:
    numpy = sys.modules["numpy"]
    for start in range(0, len(column.values), _SOME):
        valid, values = (each[start : start + _SOME] for each in (column.valid, column.values))
        rest = [("n", "<u4")] if column.kind in _TIMES else []
        rows = numpy.zeros(len(values), dtype=[("v", "?"), ("x", "<" + _FIXED[column.kind][0]), *rest])
        rows["v"], held = valid, values[valid]
        if column.kind in _TIMES:
            seconds, units = numpy.divmod(held.astype("int64"), _PER_SECOND[column.unit])
            rows["x"][valid] = seconds
            rows["n"][valid] = units * (_PER_SECOND["ns"] // _PER_SECOND[column.unit])
        else:
            rows["x"][valid] = held
        yield rows.tobytes()


def _taken(length: int, take: Callable[[int], list[Any]]) -> Iterator[Any]:
    """The rows as Python has them, some at a time, and none before they are asked for."""
    for start in range(0, length, _SOME):
        yield from take(start)


def rows_of(table: Any) -> int:
    """How many a table has."""
    rows = getattr(table, "num_rows", None)
    return len(table) if rows is None else int(rows)


# Libraries.


class _Adapter(NamedTuple):
    columns: Callable[[Any], list[tuple[str, Any]]] | None
    column: Callable[[Any], Iterator[Column]] | None


@lru_cache(maxsize=512)
def _adapter_of(kind: type) -> _Adapter | None:
    for module, name, adapter in _ADAPTERS:
        known = loaded(module, name)
        if known is kind or (known is not None and name in _OF_MANY_CLASSES and issubclass(kind, known)):
            return adapter
    return None


_FIRST_DAY: Final = 719_163
"""1970-01-01, as `date.toordinal` counts."""

_OF_PYTHON: Final = {str: "text", bytes: "bytes", bool: "bool", int: "int", float: "float"}


def _mixed(values: list[Any], valid: Any) -> Column:
    """Python's values: of one kind, where they are."""
    there = [value for value, held in zip(values, valid, strict=True) if held]
    kinds = {type(value) for value in there}
    kind = _OF_PYTHON.get(kinds.pop(), "values") if len(kinds) == 1 else "values"
    if there and kind == "values" and all(type(value) is loaded("datetime", "date") for value in there):
        days = [value.toordinal() - _FIRST_DAY if held else 0 for value, held in zip(values, valid, strict=True)]
        return Column("date", valid, days)
    if kind == "int" and not all(_MIN <= value <= _MAX for value in there):
        kind = "values"
    return Column(kind, valid, values)


# -- pandas


def _pandas_columns(frame: Any) -> list[tuple[str, Any]]:
    """The columns, then the index, unless it just counts the rows."""
    columns = [(str(label), frame.iloc[:, place]) for place, label in enumerate(frame.columns)]
    index = frame.index
    if _just_counts(index):
        return columns
    for level in range(index.nlevels):
        name = index.names[level]
        values = index.get_level_values(level)
        columns.append((f"__index_level_{level}__" if name is None else str(name), values))
    return columns


def _just_counts(index: Any) -> bool:
    return isinstance(index, sys.modules["pandas"].RangeIndex) and (index.start, index.step) == (0, 1)


def _pandas_column(series: Any) -> Iterator[Column]:
    pandas = sys.modules["pandas"]
    dtype = series.dtype
    valid = ~series.isna() if isinstance(series, pandas.Index) else (~series.isna()).to_numpy()
    if isinstance(dtype, pandas.CategoricalDtype) and (plain := _without_categories(series)) is not None:
        yield from _pandas_column(plain)
    elif isinstance(dtype, getattr(pandas, "ArrowDtype", ())):
        yield from _arrow_column(series.array.__arrow_array__())
    elif isinstance(dtype, pandas.DatetimeTZDtype):
        yield Column("instant", valid, series.to_numpy(dtype=f"datetime64[{dtype.unit}]").view("int64"), dtype.unit)
    elif dtype.kind in "Mm":
        unit = sys.modules["numpy"].datetime_data(dtype)[0]
        yield Column("datetime" if dtype.kind == "M" else "duration", valid, series.to_numpy().view("int64"), unit)
    elif dtype.kind in "biuf" and not isinstance(dtype, (pandas.CategoricalDtype, pandas.SparseDtype)):
        yield _pandas_numbers(series, valid)
    else:
        yield _mixed(series.astype(object).tolist(), valid)


def _without_categories(series: Any) -> Any:
    """What the categories stand for, as a column of its own; None where they have no room for what is missing."""
    try:
        return series.astype(series.dtype.categories.dtype)
    except (TypeError, ValueError):
        return None


def _pandas_numbers(series: Any, valid: Any) -> Column:
    kind = series.dtype.kind
    if kind == "f":
        return Column("float", valid, series.to_numpy(dtype="float64", na_value=float("nan")))
    if kind == "b":
        return Column("bool", valid, series.to_numpy(dtype="bool", na_value=False))
    is_widest = kind == "u" and series.dtype.itemsize == 8
    return Column(
        "uint" if is_widest else "int", valid, series.to_numpy(dtype="uint64" if is_widest else "int64", na_value=0)
    )


# -- Arrow


def _arrow_columns(table: Any) -> list[tuple[str, Any]]:
    return list(zip(table.schema.names, table.columns, strict=True))


def _arrow_column(column: Any) -> Iterator[Column]:
    chunks = getattr(column, "chunks", None)
    found = [_arrow_chunk(chunk) for chunk in ([column] if chunks is None else chunks)]
    yield from found or [_arrow_chunk(sys.modules["pyarrow"].array([], column.type))]


def _arrow_chunk(chunk: Any) -> Column:
    arrow = sys.modules["pyarrow"]
    if arrow.types.is_dictionary(chunk.type):
        chunk = chunk.dictionary_decode()
    elif getattr(arrow.types, "is_run_end_encoded", _no)(chunk.type):
        chunk = import_module("pyarrow.compute").run_end_decode(chunk)
    for names, read in _ARROW:
        if any(getattr(arrow.types, f"is_{name}", _no)(chunk.type) for name in names):
            return read(chunk, _bare(chunk.is_valid()), arrow)
    return Column("values", _bare(chunk.is_valid()), _taken(len(chunk), lambda at: chunk.slice(at, _SOME).to_pylist()))


def _no(kind: Any) -> bool:  # noqa: ARG001 in place of a question that an older Arrow does not know
    return False


def _arrow_bools(chunk: Any, valid: Any, arrow: Any) -> Column:  # noqa: ARG001 as all of them
    return Column("bool", valid, _bare(chunk.fill_null(False)))


def _arrow_integers(chunk: Any, valid: Any, arrow: Any) -> Column:
    kind = "uint" if arrow.types.is_uint64(chunk.type) else "int"
    return Column(kind, valid, _bare(chunk.cast(arrow.uint64() if kind == "uint" else arrow.int64()).fill_null(0)))


def _arrow_floats(chunk: Any, valid: Any, arrow: Any) -> Column:  # noqa: ARG001 as all of them
    return _without_nan(_bare(chunk.cast(arrow.float64()).fill_null(float("nan"))))


def _arrow_times(chunk: Any, valid: Any, arrow: Any) -> Column:
    kind = chunk.type
    name = "duration" if arrow.types.is_duration(kind) else "datetime" if kind.tz is None else "instant"
    return Column(name, valid, _bare(chunk.cast(arrow.int64()).fill_null(0)), kind.unit)


def _arrow_dates(chunk: Any, valid: Any, arrow: Any) -> Column:
    days = chunk.cast(arrow.date32()).cast(arrow.int32()).cast(arrow.int64())
    return Column("date", valid, _bare(days.fill_null(0)))


def _arrow_others(kind: str) -> Callable[[Any, Any, Any], Column]:
    return lambda chunk, valid, _arrow: Column(
        kind, valid, _taken(len(chunk), lambda at: chunk.slice(at, _SOME).to_pylist())
    )


_ARROW: Final[tuple[tuple[tuple[str, ...], Callable[[Any, Any, Any], Column]], ...]] = (
    (("boolean",), _arrow_bools),
    (("integer",), _arrow_integers),
    (("floating",), _arrow_floats),
    (("timestamp", "duration"), _arrow_times),
    (("date",), _arrow_dates),
    (("string", "large_string", "string_view"), _arrow_others("text")),
    (("binary", "large_binary", "fixed_size_binary", "binary_view"), _arrow_others("bytes")),
)
"""How a chunk is read, by the questions of `pyarrow.types` that its type answers with yes."""


def _bare(array: Any) -> Any:
    """As a NumPy array, where somebody uses NumPy, else as a list."""
    return array.to_numpy(zero_copy_only=False) if sys.modules.get("numpy") is not None else array.to_pylist()


def _without_nan(values: Any) -> Column:
    """In a table, what is not a number counts as missing: pandas knows no difference."""
    valid = values == values if hasattr(values, "dtype") else [value == value for value in values]  # noqa: PLR0124 only NaN is not
    return Column("float", valid, values)


# -- polars


def _polars_columns(frame: Any) -> list[tuple[str, Any]]:
    return list(zip(frame.columns, frame.get_columns(), strict=True))


def _polars_column(series: Any) -> Iterator[Column]:
    polars = sys.modules["polars"]
    dtype, valid = series.dtype, _native(series.is_not_null())
    if isinstance(dtype, (polars.Categorical, polars.Enum)):
        yield from _polars_column(series.cast(polars.String))
    elif dtype == polars.Boolean:
        yield Column("bool", valid, _native(series.fill_null(value=False)))
    elif dtype.is_integer() and dtype not in _beyond_64_bits(polars):
        name = "uint" if dtype == polars.UInt64 else "int"
        yield Column(name, valid, _native(series.fill_null(0).cast(polars.UInt64 if name == "uint" else polars.Int64)))
    elif dtype.is_float():
        yield _without_nan(_native(series.cast(polars.Float64).fill_null(float("nan"))))
    elif isinstance(dtype, (polars.Datetime, polars.Duration)):
        name = "duration" if isinstance(dtype, polars.Duration) else "instant" if dtype.time_zone else "datetime"
        yield Column(name, valid, _native(series.cast(polars.Int64).fill_null(0)), dtype.time_unit)
    elif dtype == polars.Date:
        yield Column("date", valid, _native(series.cast(polars.Int64).fill_null(0)))
    else:
        kind = _polars_kind(polars, dtype)
        yield Column(kind, valid, _taken(len(series), lambda at: series.slice(at, _SOME).to_list()))


def _polars_kind(polars: Any, dtype: Any) -> str:
    if dtype == polars.Object:
        raise NotDigestible("a column of objects has no digest")
    return {polars.String: "text", polars.Binary: "bytes"}.get(dtype.base_type(), "values")


def _beyond_64_bits(polars: Any) -> tuple[Any, ...]:
    return tuple(found for name in ("Int128", "UInt128") if (found := getattr(polars, name, None)) is not None)


def _native(series: Any) -> Any:
    return series.to_numpy() if sys.modules.get("numpy") is not None else series.to_list()


_OF_MANY_CLASSES: Final = frozenset({"Array", "Index"})
_ADAPTERS: Final = (
    ("pandas", "DataFrame", _Adapter(_pandas_columns, None)),
    ("pandas", "Series", _Adapter(None, _pandas_column)),
    ("pandas", "Index", _Adapter(None, _pandas_column)),
    ("polars", "DataFrame", _Adapter(_polars_columns, None)),
    ("polars", "Series", _Adapter(None, _polars_column)),
    ("pyarrow", "Table", _Adapter(_arrow_columns, None)),
    ("pyarrow", "RecordBatch", _Adapter(_arrow_columns, None)),
    ("pyarrow", "ChunkedArray", _Adapter(None, _arrow_column)),
    ("pyarrow", "Array", _Adapter(None, _arrow_column)),
)
