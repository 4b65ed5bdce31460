"""Digests of values: what is measured, what is refused and why, and that no value, however hostile, does any harm."""

import collections
import enum
import functools
import hashlib
import hmac
import inspect
import itertools
import sqlite3
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import ClassVar, NamedTuple

import msgspec
import pydantic
import pydantic.v1
import pytest
import wrapt

from provsdk.digest import (
    MAX_ITEMS,
    JoinKey,
    Measured,
    StreamDigest,
    children,
    digest,
    file_digest,
    is_linkable,
    measure,
    peek,
    plain,
)
from provsdk.errors import KeyUnusable, NotDigestible

LONG = "a text of more than thirty-two bytes, as passages are"


@dataclass
class Passage:
    kind: ClassVar[str] = "passage"
    text: str
    score: float = 0.5
    tags: list = field(default_factory=list)


@dataclass(slots=True)
class Slotted:
    text: str
    score: float


class Row(NamedTuple):
    text: str
    score: float


class Packed(msgspec.Struct):
    text: str
    score: float


class Model(pydantic.BaseModel):
    text: str
    score: float


class OldModel(pydantic.v1.BaseModel):
    text: str
    score: float


class Colour(enum.Enum):
    RED = "red"
    BOX = (1, 2)


class Level(enum.IntEnum):
    HIGH = 3


class TestMeasure:
    def test_text_is_measured_in_utf8(self):
        assert measure("é") == Measured(hashlib.sha256("é".encode()).digest(), "text/plain", 2, None)

    def test_bytes_are_measured_as_they_are(self):
        assert measure(b"\xff") == Measured(hashlib.sha256(b"\xff").digest(), "application/octet-stream", 1, None)

    def test_text_and_bytes_and_files_of_equal_content_agree(self, tmp_path):
        (tmp_path / "f").write_text(LONG)

        assert measure(LONG).digest == measure(LONG.encode()).digest == file_digest(tmp_path / "f")

    @pytest.mark.parametrize(
        ("value", "media", "size"),
        [
            (None, "application/json", 0),
            (True, "application/json", 1),
            (7, "application/json", 8),
            (2**64, "application/json", 9),
            (0.5, "application/json", 8),
            (float("nan"), "application/x-python-object", 8),
            (1j, "application/x-python-object", 16),
            (["ab", 1, None], "application/json", 10),
            ({"ab": "c"}, "application/json", 3),
            ({1: "c"}, "application/x-python-object", 9),
            ({"a"}, "application/x-python-object", 1),
            ([b"a"], "application/x-python-object", 1),
            ([[float("inf")]], "application/x-python-object", 8),
            (Decimal("1.5"), "application/x-python-object", 3),
            (Passage("ab"), "application/x-python-object", 23),
            ("\ud800", "application/x-python-object", 3),
            (["\ud800"], "application/x-python-object", 3),
        ],
    )
    def test_media_type_and_size(self, value, media, size):
        measured = measure(value)

        assert (measured.media_type, measured.size_bytes, measured.problem) == (media, size, None)

    def test_objects_with_fields_are_maps_of_their_fields(self):
        expected = digest({"text": "a", "score": 0.5})

        for value in (Slotted("a", 0.5), Row("a", 0.5), Packed("a", 0.5), Model(text="a", score=0.5)):
            assert digest(value) == expected
        assert digest(OldModel(text="a", score=0.5)) == expected
        assert digest(Passage("a")) == digest({"text": "a", "score": 0.5, "tags": []})

    def test_attrs_objects_are_maps_of_their_fields(self):
        """By the mark that the library leaves on its classes; the library itself is not needed."""

        class Defined:
            __attrs_attrs__ = (SimpleNamespace(name="text"), SimpleNamespace(name="score"))

            def __init__(self):
                self.text, self.score, self.cached = "a", 0.5, "not a field"

        assert digest(Defined()) == digest({"text": "a", "score": 0.5})

    def test_what_a_pydantic_model_holds_beyond_its_fields_counts(self):
        class Open(pydantic.BaseModel, extra="allow"):
            text: str

        assert digest(Open(text="a", more=1)) == digest({"text": "a", "more": 1})

    def test_a_pydantic_model_counts_with_the_fields_that_it_still_holds(self):
        """LiteLLM deletes fields of its messages that it does not use."""
        model = Model(text="a", score=0.5)
        del model.score

        assert digest(model) == digest({"text": "a"})
        assert [name for name, _ in children(model)] == ["text"]

    def test_a_database_row_is_a_map_of_its_columns(self):
        connection = sqlite3.connect(":memory:")
        connection.row_factory = sqlite3.Row
        row = connection.execute("select 'a' as text, 0.5 as score").fetchone()
        connection.close()

        assert digest(row) == digest({"text": "a", "score": 0.5})

    def test_enum_members_are_their_values(self):
        assert digest(Colour.RED) == digest("red")
        assert digest(Colour.BOX) == digest([1, 2])
        assert digest(Level.HIGH) == digest(3)

    def test_containers_of_the_standard_library_are_what_they_hold(self):
        assert digest(collections.OrderedDict(a=1)) == digest(collections.defaultdict(int, a=1)) == digest({"a": 1})
        assert digest(collections.Counter("aab")) == digest({"a": 2, "b": 1})
        assert digest(collections.deque([1, 2])) == digest([1, 2])

    def test_subclasses_of_scalars_are_what_they_hold_whatever_their_methods_say(self):
        class Text(str):
            __slots__ = ()

            def __str__(self):
                return "other"

            __len__ = encode = __getitem__ = __eq__ = __hash__ = None

        class Number(float):
            def __repr__(self):
                return "7.0"

        assert measure(Text("mine")) == measure("mine")
        assert digest(Number(2.5)) == digest(2.5)

    def test_an_index_and_a_slice_of_memory_count_only_their_bytes(self):
        assert digest(memoryview(b"abcdef")[::2]) == digest(b"ace")

    def test_values_of_different_types_differ(self):
        values = [None, False, 0, 0.0, "0", "", [], {}, set(), [[]], [None], {"a": None}, ["a"], {"a"}, Decimal(0), 0j]

        assert len({digest(value) for value in values}) == len(values)


class TestBounds:
    def test_text_beyond_the_bound_is_recorded_with_its_size_only(self):
        assert measure("é" * 10, max_bytes=19) == Measured(None, "text/plain", 20, "too large: more than 19 bytes")
        assert measure("é" * 10, max_bytes=5).size_bytes == 20
        assert measure("é" * 10, max_bytes=20).problem is None

    @pytest.mark.parametrize("value", [b"x" * 10, bytearray(10), memoryview(bytes(10))])
    def test_bytes_beyond_the_bound_are_recorded_with_their_size_only(self, value):
        measured = measure(value, max_bytes=9)

        assert (measured.digest, measured.media_type, measured.size_bytes) == (None, "application/octet-stream", 10)
        assert measured.problem.startswith("too large")

    def test_a_hundred_megabytes_of_text_are_digested_piece_by_piece(self):
        text = "0123456789" * 10_000_000

        assert measure(text) == Measured(hashlib.sha256(text.encode()).digest(), "text/plain", 100_000_000, None)

    def test_a_late_lone_surrogate_tags_a_long_text_as_a_whole(self):
        text = "x" * 3_000_000 + "\ud800"
        tagged = hashlib.sha256(b"provsdk/value/v1\0wtf-8:" + text.encode("utf-8", "surrogatepass"))

        assert measure(text).digest == tagged.digest()

    def test_containers_are_bounded_by_bytes_values_and_depth(self):
        assert measure(["x" * 6, "y" * 6], max_bytes=11).problem.startswith("too large")
        assert measure([1, 2, 3], max_items=2).problem.startswith("too large")
        assert measure([[1], [2], [3]], max_items=5).problem.startswith("too large")
        assert measure([[[1]]], max_depth=2).problem == "too large: nested beyond 2 levels"
        assert measure(Row("a", 0.5), max_items=1).problem == "too large: more than 1 values"
        assert measure([0] * (MAX_ITEMS + 1)).problem.startswith("too large")

    def test_a_value_within_the_depth_is_digested_and_one_deeper_than_the_stack_is_not(self):
        deep = []
        for _ in range(100_000):
            deep = [deep]

        assert measure(deep).problem.startswith("too large: nested")
        assert measure(deep, max_depth=10**9).problem.startswith("too large: nested")
        while deep:
            deep = deep[0]

    def test_shared_elements_are_digested_once_and_count_each_time(self):
        value = ["xx"]
        for _ in range(20):
            value = [value, value]

        measured = measure(value)

        assert measured.size_bytes == 2 * 2**20
        assert measure(value, max_bytes=2**20).problem.startswith("too large")

    def test_an_integer_of_a_million_digits_is_no_trouble(self):
        assert measure(10**1_000_000).problem is None
        assert measure(10**1_000_000, max_bytes=1000).problem.startswith("too large")


class TestHostileValues:
    def test_cycles_are_named(self):
        loop: list = []
        loop.append(loop)
        mapping: dict = {}
        mapping["self"] = [mapping]
        passage = Passage("a")
        passage.tags.append(passage)

        assert measure(loop).problem == "list holds itself"
        assert measure(mapping).problem == "dict holds itself"
        assert measure(passage).problem == "Passage holds itself"

    @pytest.mark.parametrize(
        "value",
        [
            object(),
            len,
            lambda: None,
            sys,
            int,
            range(3),
            Ellipsis,
            Fraction(1, 3),
            functools.partial(len),
            {"a": 1}.keys(),
            collections.UserDict(a=1),
            ValueError("secret"),
        ],
    )
    def test_other_types_have_no_digest_and_are_named(self, value):
        measured = measure(value)

        assert measured == Measured(None, "application/x-python-object", None, f"{type(value).__name__} has no digest")
        assert measure([value]).problem == measured.problem

    @pytest.mark.parametrize("make", [iter, reversed, lambda v: (x for x in v), lambda v: map(str, v), itertools.chain])
    def test_iterators_are_never_consumed(self, make):
        iterator = make([1, 2, 3])

        measure(iterator)
        measure([iterator])
        list(children(iterator))
        is_linkable(iterator)

        assert len(list(iterator)) == len(list(make([1, 2, 3])))

    def test_foreign_containers_are_not_iterated(self):
        class Frame:
            def __iter__(self):
                raise AssertionError("iterated")

            __len__ = __getitem__ = __array__ = __bool__ = __eq__ = keys = items = __iter__

            def __getattr__(self, name):
                raise AssertionError(name)

        assert measure(Frame()).problem == "Frame has no digest"
        assert list(children(Frame())) == []
        assert is_linkable(Frame())

    def test_no_property_of_an_object_is_evaluated(self):
        class Lazy(Passage):
            @property
            def text(self):
                raise AssertionError("evaluated")

            @text.setter
            def text(self, value):
                pass

            def __getattribute__(self, name):
                raise AssertionError(name)

        lazy = Lazy.__new__(Lazy)
        assert measure(lazy).problem == "a field is computed, not stored, or not set"
        assert list(children(lazy)) == []

    def test_a_field_that_was_never_set_has_the_default_of_its_class_or_no_digest(self):
        @dataclass
        class Defaulted:
            score: float = 0.5

        assert measure(Slotted.__new__(Slotted)).problem == "a field is not set"
        assert measure(Passage.__new__(Passage)).problem == "a field is computed, not stored, or not set"
        assert digest(Defaulted.__new__(Defaulted)) == digest({"score": 0.5})

    def test_a_peek_sees_what_is_stored_and_evaluates_nothing(self):
        class Open(pydantic.BaseModel, extra="allow"):
            text: str
            _private: int = 3

        class Lazy:
            shared = "of the class"

            @property
            def computed(self):
                raise AssertionError("evaluated")

            def __getattr__(self, name):
                raise AssertionError(name)

        opened = Open(text="a", more=1)
        assert [peek(opened, name) for name in ("text", "more", "_private", "other")] == ["a", 1, 3, None]
        assert [peek(Lazy(), name) for name in ("shared", "computed", "other")] == ["of the class", None, None]
        assert (peek({"a": 1}, "a"), peek(SimpleNamespace(a=2), "a"), peek(Slotted("x", 3), "score")) == (1, 2, 3)
        assert (peek(None, "a"), peek([1], "a"), peek("text", "upper")) == (None, None, None)

    def test_a_peek_survives_keys_that_refuse_to_be_compared(self):
        class Key:
            def __hash__(self):
                return hash("a")

            def __eq__(self, other):
                raise RuntimeError

        assert peek({Key(): 1}, "a") is None

    def test_methods_that_raise_are_not_called(self):
        class Bomb:
            def boom(self, *_args):
                raise RuntimeError("secret")

            __eq__ = __hash__ = __repr__ = __str__ = __iter__ = __len__ = __bool__ = __getattr__ = __class__ = boom

        assert measure(Bomb()).problem == "Bomb has no digest"
        assert measure([Bomb()]).problem == "Bomb has no digest"
        assert [name for name, _ in children([Bomb()])] == ["0"]

    def test_a_class_that_lies_about_its_class_does_not_pass_for_text(self):
        class Liar:
            __class__ = str

        assert measure(Liar()).problem == "Liar has no digest"
        assert measure(wrapt.ObjectProxy(LONG)).digest is None
        assert is_linkable(wrapt.ObjectProxy(LONG))

    def test_a_metaclass_that_raises_does_no_harm(self):
        class Meta(type):
            def __hash__(cls):
                raise RuntimeError("secret")

            def __getattribute__(cls, name):
                raise RuntimeError("secret")

        class Odd(metaclass=Meta):
            pass

        measured = measure(Odd())
        assert measured.problem == "Odd cannot be read: RuntimeError"
        assert list(children(Odd())) == []
        assert is_linkable(Odd()) is False

    def test_subclasses_with_their_own_iteration_are_refused_not_guessed(self):
        class Remote(dict):
            def __iter__(self):
                raise AssertionError("iterated")

        class Longer(list):
            def __len__(self):
                return 10

        assert measure(Remote()).problem == "Remote has its own way of saying what it holds"
        assert measure(Longer()).problem == "Longer has its own way of saying what it holds"

    def test_a_failing_time_zone_is_named_by_its_error_only(self):
        class Zone(type(UTC).__mro__[1]):
            def utcoffset(self, when):
                raise LookupError("secret")

        problem = measure(datetime(2026, 1, 1, tzinfo=Zone())).problem

        assert problem == "datetime cannot be read: LookupError"

    def test_a_released_view_has_a_problem(self):
        view = memoryview(b"abc")
        view.release()

        assert measure(view).problem == "memoryview cannot be read: ValueError"

    def test_a_bytearray_can_be_resized_while_it_is_digested(self):
        """The digest is taken from a copy: a buffer held over a long hash would make another thread's append fail."""
        array = bytearray(10)

        measure(array)
        array.extend(b"more")

        assert len(array) == 14

    def test_a_value_met_with_little_stack_left_has_a_problem_not_an_error(self):
        nested = functools.reduce(lambda inner, _: [inner], range(60), [])
        problems = set()

        def dig(levels):
            if levels:
                return dig(levels - 1)
            return problems.add(measure(nested).problem)

        depth = len(inspect.stack(0))
        for left in range(80, 200, 5):
            dig(sys.getrecursionlimit() - depth - left)

        assert "too large: nested beyond what is left of the stack" in problems

    def test_a_dict_that_other_threads_change_is_digested_as_it_was_at_one_moment(self):
        mapping = {str(number): number for number in range(200)}
        stop = threading.Event()

        def churn():
            while not stop.is_set():
                mapping["new"] = 1
                del mapping["new"]

        thread = threading.Thread(target=churn)
        thread.start()
        problems = {measure(mapping).problem for _ in range(100)}
        stop.set()
        thread.join()

        assert problems == {None}

    def test_names_of_types_are_safe_to_print(self):
        assert (
            measure(type("\x1b[31mred\u202e" + "x" * 200, (), {})()).problem
            == "?[31mred?" + "x" * 71 + " has no digest"
        )

    def test_problems_never_show_content(self):
        values = [{"secret key": object()}, ["secret", float], {("secret",): print}, Passage("secret", tags=[print])]

        assert all("secret" not in measure(value).problem for value in values)

    def test_keys_that_are_no_unicode_or_no_text_are_no_trouble(self):
        assert measure({"\ud800": 1, 2: 3, None: 4, b"x": 5, (1,): 6}).problem is None

    def test_keys_that_are_equal_as_text_only_stay_apart(self):
        class Key(str):
            __slots__ = ()
            __hash__ = str.__hash__

            def __eq__(self, other):
                return self is other

        assert measure({Key("a"): 1, Key("a"): 2}).problem is None

    def test_digest_raises_what_measure_reports(self):
        with pytest.raises(NotDigestible, match="object has no digest"):
            digest([object()])


class TestJoinKey:
    KEY = bytes(range(32))

    def test_a_join_digest_is_hmac_sha256_of_the_plain_digest(self):
        join = JoinKey(self.KEY)
        expected = hmac.digest(self.KEY, digest(LONG), "sha256").hex()

        assert join.join(digest(LONG)) == f"hmac-sha256:{join.key_id}:{expected}"
        assert join.key_id == hashlib.sha256(b"provsdk/digest-key/v1\0" + self.KEY).hexdigest()[:16]

    @pytest.mark.parametrize("length", [32, 63, 64, 65, 200])
    def test_keys_of_any_length_work_as_in_rfc_2104(self, length):
        key = bytes(length)

        assert JoinKey(key).join(b"d" * 32).endswith(hmac.digest(key, b"d" * 32, "sha256").hex())

    def test_a_short_key_is_refused(self):
        with pytest.raises(KeyUnusable, match="31 bytes"):
            JoinKey(bytes(31))

    def test_its_repr_does_not_show_the_key(self):
        assert repr(JoinKey(self.KEY)) == f"JoinKey({JoinKey(self.KEY).key_id})"

    def test_the_written_plain_digest_is_that_of_sha256sum(self):
        assert plain(digest("hello")) == "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


class TestStreamDigest:
    def test_a_stream_without_chunks_is_empty_text(self):
        assert StreamDigest().digest() == digest("") == digest(b"")

    def test_a_lone_surrogate_late_in_the_stream_tags_all_of_it(self):
        stream = StreamDigest()
        for chunk in ("a", "\ud83d", "\ude00"):
            stream.update(chunk)

        assert stream.digest() == digest("a\ud83d\ude00")

    def test_the_digest_can_be_asked_for_on_the_way(self):
        stream = StreamDigest()
        stream.update("a")

        assert stream.digest() == digest("a")
        stream.update("b")
        assert (stream.digest(), stream.size_bytes) == (digest("ab"), 2)

    @pytest.mark.parametrize("chunk", [b"bytes", 1, None, ["a"]])
    def test_a_chunk_of_another_kind_is_refused(self, chunk):
        stream = StreamDigest()
        stream.update("text")

        with pytest.raises(NotDigestible):
            stream.update(chunk)


class TestChildren:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (["a", "b"], [("0", "a"), ("1", "b")]),
            (("a",), [("0", "a")]),
            ({"k": 1, 2: 3, None: 4}, [("k", 1), ("2", 3), ("#2", 4)]),
            ({"only"}, [("*", "only")]),
            (Row("a", 0.5), [("text", "a"), ("score", 0.5)]),
            (Slotted("a", 0.5), [("text", "a"), ("score", 0.5)]),
            (Model(text="a", score=0.5), [("text", "a"), ("score", 0.5)]),
            ("text", []),
            (b"bytes", []),
            (7, []),
            (object(), []),
            ([], []),
        ],
    )
    def test_one_level_is_named_by_position_key_or_field(self, value, expected):
        assert list(children(value)) == expected

    def test_a_container_that_changes_meanwhile_is_read_as_it_was(self):
        mapping = {"a": 1, "b": 2}
        names = []
        for name, _ in children(mapping):
            mapping.clear()
            names.append(name)

        assert names == ["a", "b"]


class TestLinkable:
    @pytest.mark.parametrize(
        "value",
        [
            None,
            True,
            10**30,
            0.5,
            1j,
            Decimal("1.23456789012345678901234567890123456789"),
            Fraction(1, 3),
            datetime.now(UTC),
            Colour.RED,
            Level.HIGH,
            int,
            Passage,
            len,
            print,
            "".join,
            lambda: None,
            sys,
            Ellipsis,
            "x" * 31,
            b"x" * 31,
            bytearray(31),
            "é" * 15,
            [],
            {},
            (),
            set(),
            frozenset(),
            collections.deque(),
            (1, 2, 3),
            ("yes", ("no", None)),
            frozenset({"a"}),
        ],
    )
    def test_what_is_shared_or_common_links_nothing(self, value):
        assert not is_linkable(value)

    @pytest.mark.parametrize(
        "value",
        [
            "x" * 32,
            b"x" * 32,
            "é" * 16,
            "😀" * 8,
            "\ud800" * 11,
            bytearray(32),
            [1],
            {"a": 1},
            {1},
            ("x" * 32, 1),
            ((LONG,),),
            tuple(range(65)),
            Passage("a"),
            Row("a", 0.5),
            object(),
            iter([]),
        ],
    )
    def test_what_has_an_identity_or_enough_content_links(self, value):
        assert is_linkable(value)
