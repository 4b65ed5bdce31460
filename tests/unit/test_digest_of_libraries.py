"""Tables, arrays and images are digested by what they hold: whoever holds it, in whatever batches and objects."""

import datetime as dt
import hashlib
import io
import json
import struct
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from provsdk.digest import _tables, children, digest, is_linkable, measure

TAG = b"provsdk/value/v1\0"
ROWS = {
    "id": [1, 2, 3, 4],
    "score": [0.5, 1.5, float("nan"), -2.0],
    "text": ["ten days", "Zürich", None, ""],
    "open": [True, False, True, True],
    "at": [dt.datetime(2026, 11, 27, 8, 30, 0, 123456)] * 4,
}
ZONED = [dt.datetime(2026, 11, 27, 8, 30, tzinfo=dt.UTC)] * 2


def in_pandas(rows):
    return pd.DataFrame(rows)


def in_polars(rows):
    return pl.DataFrame(rows)


def in_arrow(rows):
    return pa.table(rows)


LIBRARIES = [in_pandas, in_polars, in_arrow]


class TestTables:
    def test_one_table_has_one_digest_in_every_library(self):
        assert len({digest(made(ROWS)) for made in LIBRARIES}) == 1

    def test_it_is_hashed_as_the_format_says(self):
        def column(kind, rows):
            return hashlib.sha256(TAG + b"column:" + kind + b"\0" + rows).hexdigest()

        numbers = column(b"int", b"".join(struct.pack("<?q", True, n) for n in (7, -1)))
        texts = column(b"text", b"\1" + struct.pack("<Q", 2) + "ü".encode() + b"\0")
        floats = column(b"float", struct.pack("<?d", True, 0.5) + bytes(9))
        content = json.dumps([2, [["n", numbers], ["t", texts], ["f", floats]]], separators=(",", ":")).encode()
        rows = {"n": [7, -1], "t": ["ü", None], "f": [0.5, None]}

        for made in LIBRARIES:
            assert digest(made(rows)) == hashlib.sha256(TAG + b"table:" + content).digest()

    @given(
        st.lists(
            st.tuples(
                st.integers(-(2**63), 2**63 - 1),
                st.none() | st.text(st.characters(exclude_categories=["Cs"])),
                st.none() | st.floats(),
                st.booleans(),
            ),
            min_size=1,
            max_size=20,
        )
    )
    def test_whatever_stands_in_it(self, rows):
        schema = pa.schema([("n", pa.int64()), ("t", pa.string()), ("f", pa.float64()), ("b", pa.bool_())])
        names = schema.names
        table = pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)}, schema=schema)
        assert len({digest(each) for each in (table, table.to_pandas(), pl.from_arrow(table))}) == 1

    def test_row_batches_do_not_count(self):
        whole = pa.table({"n": list(range(200_000))})
        batches = pa.Table.from_batches(whole.to_batches(max_chunksize=777))
        assert batches.column(0).num_chunks > 1
        assert digest(batches) == digest(whole) == digest(batches.to_pandas())
        assert digest(pl.concat([pl.from_arrow(whole[:5]), pl.from_arrow(whole[5:])], rechunk=False)) == digest(whole)

    def test_a_file_that_was_written_by_one_and_read_by_another_is_the_same(self, tmp_path):
        in_pandas(ROWS).to_parquet(tmp_path / "rows.parquet")
        found = {
            digest(read(tmp_path / "rows.parquet"))
            for read in (pd.read_parquet, pl.read_parquet, pa.parquet.read_table)
        }
        assert found == {digest(in_pandas(ROWS))}

    @pytest.mark.parametrize(
        "changed",
        [
            lambda rows: {**rows, "id": [1, 2, 3, 5]},
            lambda rows: {**rows, "text": ["ten days", "Zürich", "", None]},
            lambda rows: {**rows, "text": ["ten daysZ", "ürich", None, ""]},
            lambda rows: dict(reversed(rows.items())),
            lambda rows: {("no" if name == "id" else name): column for name, column in rows.items()},
            lambda rows: {name: column[::-1] for name, column in rows.items()},
            lambda rows: {name: column[:3] for name, column in rows.items()},
            lambda rows: {**rows, "id": [1.0, 2.0, 3.0, 4.0]},
            lambda rows: {**rows, "at": [dt.datetime(2026, 11, 27, 8, 30, 0, 123457)] * 4},
        ],
    )
    @pytest.mark.parametrize("made", LIBRARIES)
    def test_what_was_changed_is_another_table(self, made, changed):
        assert digest(made(changed(ROWS))) != digest(made(ROWS))

    def test_narrower_numbers_and_other_ways_to_hold_texts_are_the_same(self):
        rows = {"n": [1, 2, 3], "t": ["a", "b", "a"]}
        frame = in_pandas(rows)
        for same in (
            frame.astype({"n": "int8"}),
            frame.astype({"n": "Int32"}),
            frame.astype({"n": "uint32"}),
            frame.astype({"t": "category"}),
            frame.astype({"t": object}),
            frame.convert_dtypes(dtype_backend="pyarrow"),
            in_polars(rows).with_columns(pl.col("t").cast(pl.Categorical), pl.col("n").cast(pl.Int8)),
            in_arrow(rows).set_column(1, "t", in_arrow(rows).column("t").dictionary_encode()),
            in_arrow(rows).set_column(1, "t", in_arrow(rows).column("t").cast(pa.large_string())),
        ):
            assert digest(same) == digest(frame)

    def test_what_is_missing_is_missing_in_every_library(self):
        assert digest(pd.DataFrame({"n": pd.array([1, None], "Int64")})) == digest(in_polars({"n": [1, None]}))
        assert digest(pd.DataFrame({"b": pd.array([True, None], "boolean")})) == digest(in_arrow({"b": [True, None]}))
        assert digest(in_polars({"f": [float("nan")]})) == digest(in_polars({"f": [None]}).cast(pl.Float64))
        assert digest(in_polars({"x": [None]})) == digest(in_arrow({"x": [None]}))

    def test_times_are_the_same_in_every_unit_and_zone_but_not_without_a_zone(self):
        at = pd.Series(ZONED)
        same = [
            at,
            at.astype("datetime64[s, UTC]"),
            at.dt.tz_convert("Europe/Berlin"),
            pl.Series(ZONED),
            pa.chunked_array([pa.array(ZONED, pa.timestamp("ms", "UTC"))]),
        ]
        assert len({digest(each) for each in same}) == 1
        assert digest(at.dt.tz_localize(None)) != digest(at)
        assert digest(at.dt.tz_localize(None)) == digest(pl.Series(ZONED).dt.replace_time_zone(None))
        spans = [dt.timedelta(days=-1, seconds=5, microseconds=7)]
        assert digest(pd.Series(spans)) == digest(pl.Series(spans)) == digest(pa.array(spans))
        days = [dt.date(1815, 12, 10), None]
        assert digest(pl.Series(days)) == digest(pa.array(days))

    def test_nested_values_are_digested_as_values_are(self):
        rows = {"tags": [["a", "b"], []], "about": [{"n": 1}, {"n": 2}]}
        assert digest(in_polars(rows)) == digest(in_arrow(rows))
        assert digest(in_polars({"d": [b"raw", b""]})) == digest(in_arrow({"d": [b"raw", b""]}))

    def test_dates_run_ends_and_categories_of_times_are_what_they_stand_for(self):
        days = {"d": [dt.date(1815, 12, 10), None]}
        assert digest(in_arrow(days)) == digest(in_polars(days)) == digest(in_arrow(days).to_pandas())
        runs = pa.RunEndEncodedArray.from_arrays([2, 4], [1, None])
        assert digest(pa.table({"n": runs})) == digest(in_arrow({"n": pa.array([1, 1, None, None])}))
        times = pd.to_datetime(["2020-01-01", "2021-01-01"])
        assert digest(pd.DataFrame({"t": pd.Categorical(times)})) == digest(pd.DataFrame({"t": times}))
        assert measure(pd.DataFrame({"o": [pd.Timestamp("2020-01-01"), "text"]})).problem is None

    def test_rows_count_where_there_are_no_columns(self):
        assert digest(pd.DataFrame(index=range(3))) != digest(pd.DataFrame(index=range(5)))

    @pytest.mark.parametrize("made", [in_polars, in_arrow])
    def test_of_more_values_than_the_bound_none_is_made(self, made, monkeypatch):
        taken = []
        monkeypatch.setattr(_tables, "_taken", lambda length, take: taken.append(length) or iter(()))
        assert measure(made({"l": [[1]] * 2_000}), max_items=1_000).problem == "too large: more than 1000 values"
        assert taken == [2_000]

    def test_an_index_that_says_something_counts_as_columns(self):
        frame = in_pandas(ROWS)
        assert digest(frame[frame["id"] > 2]) != digest(frame[frame["id"] > 2].reset_index(drop=True))
        named = frame.set_index("id")
        assert digest(named) == digest(in_polars({name: ROWS[name] for name in ("score", "text", "open", "at", "id")}))
        assert digest(frame.iloc[:2]) == digest(frame.head(2).copy())

    def test_it_is_of_an_object_of_its_own(self):
        measured = measure(in_pandas({"n": [1, 2]}))
        assert (measured.media_type, measured.size_bytes, measured.problem) == ("application/x-python-object", 18, None)

    @pytest.mark.parametrize("made", LIBRARIES)
    def test_too_large_a_table_has_none_and_says_so(self, made):
        table = made({"n": list(range(1_000)), "t": ["x" * 100] * 1_000})
        assert measure(table, max_bytes=50_000).problem.startswith("too large")
        assert measure(made({"l": [[1]] * 100}), max_items=50).problem.startswith("too large") or made is in_pandas

    @pytest.mark.parametrize("made", LIBRARIES)
    def test_an_empty_table_has_a_digest_and_links_nothing(self, made):
        empty = made({"n": []})
        assert len(digest(empty)) == 32
        assert not is_linkable(empty)
        assert is_linkable(made({"n": [1]}))

    @pytest.mark.parametrize("made", LIBRARIES)
    def test_its_columns_are_values_of_their_own_and_so_are_the_texts_of_a_short_one(self, made):
        (name, numbers), (_, texts) = children(made({"n": [1, 2], "t": ["ten days", "Zürich"]}))
        assert name == "n"
        assert digest(numbers) == digest(pl.Series([1, 2]))
        assert list(children(numbers)) == []
        assert list(children(texts)) == [("0", "ten days"), ("1", "Zürich")]
        ((_, many),) = children(made({"t": ["x"] * 1_001}))
        assert list(children(many)) == []

    def test_objects_without_a_digest_leave_the_table_without_one(self):
        assert measure(pd.DataFrame({"o": [object()]})).problem == "object has no digest"
        assert "no digest" in measure(pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)})).problem

    def test_a_query_that_was_not_run_yet_has_none_and_is_not_run(self):
        ran = []
        lazy = in_polars(ROWS).lazy().map_batches(lambda frame: ran.append(1) or frame)
        assert measure(lazy).problem == "LazyFrame has no digest"
        assert ran == []

    def test_without_numpy_the_digest_is_the_same(self):
        """Neither polars nor Arrow needs it."""
        program = """
import sys, datetime as dt
sys.modules["numpy"] = None  # as where it is not installed
import polars as pl, pyarrow as pa
from provsdk.digest import digest
rows = {"n": [1, None], "f": [0.5, float("nan")], "b": [True, None], "t": ["a", None],
        "at": [dt.datetime(2026, 11, 27, 8, 30, 0, 123456), None], "d": [dt.date(2026, 11, 27), None]}
print(digest(pl.DataFrame(rows)).hex(), digest(pa.table(rows)).hex())
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        rows = {
            "n": [1, None],
            "f": [0.5, float("nan")],
            "b": [True, None],
            "t": ["a", None],
            "at": [dt.datetime(2026, 11, 27, 8, 30, 0, 123456), None],
            "d": [dt.date(2026, 11, 27), None],
        }
        assert done.stdout.split() == [digest(in_polars(rows)).hex()] * 2, done.stderr


class TestArrays:
    def test_it_is_hashed_as_the_format_says(self):
        array = np.array([[1.5, -2.0, 3.0]])
        content = TAG + b'array:["<f8",[1,3]]\0' + struct.pack("<3d", 1.5, -2.0, 3.0)
        assert digest(array) == hashlib.sha256(content).digest()
        assert measure(array)[1:] == ("application/x-python-object", 24, None)

    def test_how_it_lies_in_memory_does_not_count(self):
        array = np.arange(24, dtype="int32").reshape(4, 6)
        for same in (array.copy(), np.asfortranarray(array), array.astype(">i4"), np.repeat(array, 2, axis=1)[:, ::2]):
            assert digest(same) == digest(array)

    @pytest.mark.parametrize(
        "other", [lambda a: a.reshape(6, 4), lambda a: a.astype("int64"), lambda a: a.T, lambda a: a + (a == 3)]
    )
    def test_shape_type_and_values_count(self, other):
        array = np.arange(24, dtype="int32").reshape(4, 6)
        assert digest(other(array)) != digest(array)

    def test_a_large_one_is_read_in_pieces(self):
        array = np.arange(1_000_000)
        assert digest(array) == hashlib.sha256(TAG + b'array:["<i8",[1000000]]\0' + array.tobytes()).digest()
        assert measure(array, max_bytes=1_000).problem == "too large: an array beyond the bound"

    def test_texts_and_objects_are_lists_whatever_room_they_have(self):
        assert digest(np.array(["a", "long text"])) == digest(["a", "long text"])
        assert digest(np.array([["a"], [None]], dtype=object)) == digest([["a"], [None]])
        assert list(children(np.array(["a", "b"]))) == [("0", "a"), ("1", "b")]

    def test_the_fields_of_a_structured_one_are_a_map_without_what_lies_between_them(self):
        padded = np.zeros(2, dtype={"names": ["a", "b"], "formats": ["i1", "f8"], "offsets": [0, 8], "itemsize": 16})
        assert digest(padded) == digest({"a": padded["a"], "b": padded["b"]})

    def test_scalars_are_pythons_values(self):
        assert digest(np.float64(0.5)) == digest(0.5)
        assert digest(np.int32(7)) == digest(7)
        assert digest(np.bool_(True)) == digest(True)
        assert digest(np.str_("text")) == digest("text")
        assert measure(np.datetime64("2026-11-27T08:30", "ns")).digest is not None

    def test_times_are_no_numbers(self):
        five = [np.datetime64(5, "ns"), np.timedelta64(5, "ns"), np.int64(5), np.datetime64(5, "us")]
        assert len({digest(each) for each in five}) == 4
        assert digest(np.datetime64("NaT")) != digest(None)

    def test_what_lies_in_a_file_is_the_array_that_it_is(self, tmp_path):
        array = np.arange(12.0)
        np.save(tmp_path / "a.npy", array)
        assert digest(np.load(tmp_path / "a.npy", mmap_mode="r")) == digest(array)
        assert digest(np.rec.array([(1, 2.0)], names="a,b")) == digest(np.array([(1, 2.0)], [("a", "i8"), ("b", "f8")]))

    def test_what_is_no_plain_array_has_none(self):
        masked = np.ma.masked_array([1, 2], [True, False])
        assert measure(masked).problem == "MaskedArray has no digest"
        assert measure(np.zeros(3, dtype="longdouble")).problem is not None

    def test_few_bytes_are_the_same_by_chance(self):
        assert not is_linkable(np.zeros(3))
        assert is_linkable(np.arange(4.0))
        assert not is_linkable(np.int64(2**40))

    def test_one_that_was_changed_is_another(self):
        array = np.arange(10)
        before = digest(array)
        array[3] = 99
        assert digest(array) != before


class TestImages:
    @pytest.fixture
    def path(self, tmp_path):
        image = Image.new("RGB", (7, 5), (1, 2, 3))
        image.putpixel((3, 3), (9, 9, 9))
        image.save(tmp_path / "image.png")
        return tmp_path / "image.png"

    def test_it_is_hashed_as_the_format_says(self):
        image = Image.new("L", (2, 1))
        image.putdata([7, 255])
        assert digest(image) == hashlib.sha256(TAG + b'image:["L",2,1]\0\x07\xff').digest()
        assert measure(image).size_bytes == 2

    def test_pixels_count_and_not_the_object_nor_its_file(self, path, tmp_path):
        with Image.open(path) as image:
            image.save(tmp_path / "same.bmp")
        with Image.open(tmp_path / "same.bmp") as same:
            assert digest(same) == digest(image) == digest(image.copy())
        changed = image.copy()
        changed.putpixel((0, 0), (255, 255, 255))
        assert digest(changed) != digest(image)
        assert digest(image.crop((0, 0, 6, 5))) != digest(image)

    def test_one_that_was_not_read_yet_stays_unread(self, path):
        image = Image.open(path)
        found = digest(image)
        assert image.fp is not None
        assert not image.fp.closed
        image.load()
        assert digest(image) == found

    def test_one_of_which_only_a_stream_is_known_is_not_read_for_us(self, path):
        stream = io.BytesIO(path.read_bytes())
        image = Image.open(stream)
        at = stream.tell()
        assert measure(image).problem == "an image that was not read yet has no digest"
        assert stream.tell() == at

    def test_one_whose_file_is_another_one_by_now_has_none(self, path):
        with Image.open(path) as image:
            Image.new("RGB", (7, 5), "blue").save(path.with_name("other.png"))
            path.with_name("other.png").replace(path)
            assert measure(image).problem == "an image that was not read yet has no digest"
            image.load()
            assert image.getpixel((0, 0)) == (1, 2, 3)

    def test_one_that_is_to_be_read_in_another_form_has_none(self, path, tmp_path):
        with Image.open(path) as image:
            image.resize((64, 64)).save(tmp_path / "large.jpg")
        with Image.open(tmp_path / "large.jpg") as image:
            image.draft("L", (16, 16))
            assert "in another form" in measure(image).problem

    def test_a_palette_is_the_colours_that_it_stands_for(self, path):
        image = Image.open(path).convert("RGB")
        assert digest(image.quantize()) == digest(image.quantize().convert("RGBA"))

    def test_too_large_a_one_has_none(self, path):
        with Image.open(path) as image:
            assert measure(image, max_bytes=100).problem == "too large: an image beyond the bound"

    def test_a_later_frame_is_the_one_that_it_stands_at(self, tmp_path):
        frames = [Image.new("RGB", (4, 4), (n * 40, 0, 0)) for n in range(3)]
        frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
        with Image.open(tmp_path / "moving.gif") as image:
            first = digest(image)
            image.seek(2)
            later = digest(image)
            image.load()
            assert digest(image) == later != first
