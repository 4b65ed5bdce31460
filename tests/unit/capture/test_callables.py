"""Every callable: partials, callable objects, classes; and what stays of a function under copy and pickle."""

import asyncio
import collections.abc
import contextlib
import copy
import functools
import gc
import importlib
import inspect
import json
import multiprocessing
import os
import pickle
import sys
import time
import types
import typing
import warnings
import weakref
from concurrent.futures import ProcessPoolExecutor
from unittest.mock import AsyncMock

import pytest

from provsdk import traced_check, traced_model_call, traced_output, traced_source, traced_transform
from provsdk.capture import _abandoned
from provsdk.errors import UnsupportedCallable

LONG = "a value that is long enough to link something"


def names(kept):
    return [span.name for span in kept.spans]


# -- partials and callable objects


def greet(greeting, question):
    return f"{greeting}, {question}"


def test_a_partial_goes_by_the_name_of_what_it_calls(plug, kept):
    traced = traced_output(functools.partial(greet, "hello"))

    assert traced("you") == "hello, you"
    assert traced.func is greet
    assert names(kept) == ["greet"]


async def test_a_partial_of_each_kind_is_of_that_kind(plug, kept):
    async def later(greeting, question):
        return greet(greeting, question)

    def chunks(greeting, question):
        yield greet(greeting, question)

    async def chunks_later(greeting, question):
        yield greet(greeting, question)

    later, chunks, chunks_later = (traced_output(functools.partial(f, "hi")) for f in (later, chunks, chunks_later))
    assert inspect.iscoroutinefunction(later)
    assert inspect.isgeneratorfunction(chunks)
    assert inspect.isasyncgenfunction(chunks_later)
    assert await later("you") == "hi, you"
    assert list(chunks("you")) == ["hi, you"]
    assert [each async for each in chunks_later("you")] == ["hi, you"]
    assert len(kept.facts) == 3


class Greeter:
    def __init__(self, greeting):
        self.greeting = greeting

    def __call__(self, question):
        return greet(self.greeting, question)


def test_a_callable_object_goes_by_its_class_and_stays_what_it_is(plug, kept):
    traced = traced_output(Greeter("hello"))

    assert traced("you") == "hello, you"
    assert isinstance(traced, Greeter)
    assert traced.greeting == "hello"
    assert names(kept) == ["Greeter"]


async def test_a_callable_object_may_answer_later_or_in_chunks(plug, kept):
    class Later:
        async def __call__(self, question):
            await asyncio.sleep(0)
            return question

    class Chunks:
        def __call__(self, question):
            yield question

    assert await traced_output(Later())(LONG) == LONG
    assert list(traced_output(Chunks())(LONG)) == [LONG]
    assert kept.said(names(kept)[1])["stream"]["chunks"] == 1


def test_builtins_and_classes_of_others_can_be_traced(plug, kept):
    assert traced_transform(sorted)([3, 1, 2]) == [1, 2, 3]
    assert traced_transform(functools.partial(str.upper))("a") == "A"
    assert names(kept) == ["sorted", "str.upper"]


def test_a_partial_method_is_a_method(plug, kept):
    class Desk:
        def say(self, greeting, question):
            return greet(greeting, question)

        hello = traced_output("hello")(functools.partialmethod(say, "hello"))

    assert Desk().hello("you") == "hello, you"
    assert names(kept) == ["hello"]


# -- classes


def make_desk():
    class Desk:
        """A help desk."""

        limit = 3

        def __init__(self, greeting):
            self.greeting = greeting

        def answer(self, question):
            return greet(self.greeting, question)

        async def later(self, question):
            return self.answer(question)

        def chunks(self, question):
            yield self.answer(question)

        @staticmethod
        def static(question):
            return question

        @classmethod
        def of_class(cls, question):
            return cls("hey").greeting + question

        @traced_check
        def harmless(self, answer):
            return True

        @property
        def size(self):
            return 1

        def _private(self):
            return LONG

    return Desk


async def test_all_public_methods_of_a_class_are_traced(plug, kept):
    plain = make_desk()
    Desk = traced_output("desk")(plain)  # noqa: N806 a class
    desk = Desk("hello")

    assert Desk is plain
    assert desk.answer("a") == "hello, a"
    assert await desk.later("b") == "hello, b"
    assert list(desk.chunks("c")) == ["hello, c"]
    assert Desk.static("d") == desk.static("d") == "d"
    assert Desk.of_class("e") == "heye"
    assert (desk.size, desk._private(), desk.harmless("x"), Desk.limit) == (1, LONG, True, 3)
    assert names(kept) == [
        "desk.answer", "desk.answer", "desk.later", "desk.answer", "desk.chunks", "desk.static", "desk.static",
        "desk.of_class", "make_desk.<locals>.Desk.harmless",
    ]  # fmt: skip


def test_a_class_without_a_given_name_has_methods_with_their_own(plug, kept):
    traced_output(make_desk())("hello").answer("a")
    assert names(kept) == ["make_desk.<locals>.Desk.answer"]


def test_what_a_subclass_overrides_is_its_own(plug, kept):
    class Special(traced_output("desk")(make_desk())):
        def answer(self, question):
            return "special " + super().answer(question)

    assert Special("hello").answer("a") == "special hello, a"
    assert names(kept) == ["desk.answer"]


# -- copy and pickle

MODULE = """
import functools
from provsdk import traced_output, traced_transform

@traced_output
def answer(question):
    return question.upper()

@traced_output("named")
async def later(question):
    return question

def plain(question):
    return question

elsewhere = traced_output("elsewhere")(plain)
partial = traced_output(functools.partial(plain))

class Greeter:
    def __init__(self, greeting):
        self.greeting = greeting
    def __call__(self, question):
        return f"{self.greeting}, {question}"
    @traced_transform
    def method(self, question):
        return self(question)
    @traced_transform
    @classmethod
    def of_class(cls, question):
        return question
    @traced_transform
    @staticmethod
    def static(question):
        return question

greeter = traced_output("greeter")(Greeter("hello"))
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "desk_of_the_test.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("desk_of_the_test")
    sys.modules.pop("desk_of_the_test")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["answer", "later", "Greeter.method", "Greeter.of_class", "Greeter.static"])
def test_a_function_is_pickled_by_its_name(plug, module, name, protocol):
    function = functools.reduce(getattr, name.split("."), module)
    twin = pickle.loads(pickle.dumps(function, protocol))

    assert twin == function
    if "." not in name:
        assert twin is function


def test_a_bound_method_is_pickled_with_its_object(plug, module):
    method = pickle.loads(pickle.dumps(module.Greeter("hey").method))
    assert method("you") == "hey, you"


class Handlers:
    @traced_output("method")
    def method(self, question):
        return question

    @traced_output("static")
    @staticmethod
    def static(question):
        return question


class MoreHandlers(Handlers):
    pass


def test_a_class_gives_the_same_function_each_time_it_is_asked(plug, kept):
    """So that it can be told whether a method is overridden, and that whoever holds it weakly holds it."""
    assert Handlers.method is Handlers.method is MoreHandlers.method
    assert Handlers.static is Handlers.static is MoreHandlers.static is Handlers().static
    assert not hasattr(Handlers.method, "__func__")
    held = weakref.WeakKeyDictionary({Handlers.method: 1, Handlers.static: 2})
    gc.collect()
    assert len(held) == 2


def test_a_method_that_is_called_through_its_class_is_given_what_follows_its_object(plug, kept):
    Handlers.method(Handlers(), LONG)
    Handlers().method(LONG)
    traced_output(Later).method(Later(), LONG)

    for said in [json.loads(span.attributes["provsdk.facts"]) for span in kept.spans]:
        assert [entity["name"] for entity in said["entities"] if entity["role"] == "argument"] == ["question"]


def test_a_function_that_also_stands_in_a_class_keeps_its_first_argument_elsewhere(plug, kept):
    @traced_output("tidy")
    def tidy(text):
        return text

    class Pipeline:
        step = tidy

    tidy(LONG)
    (said,) = [json.loads(span.attributes["provsdk.facts"]) for span in kept.spans]
    assert [entity["name"] for entity in said["entities"] if entity["role"] == "argument"] == ["text"]
    assert isinstance(Pipeline().step(), Pipeline)


class Later:
    def method(self, question):
        return question


def test_a_static_method_is_pickled_and_copied_without_the_object_that_it_was_asked_of(plug, module):
    static = module.Greeter(lambda: "cannot be pickled").static
    assert pickle.loads(pickle.dumps(static)) == module.Greeter.static
    assert copy.deepcopy(static) is static


@pytest.mark.parametrize("name", ["elsewhere", "partial", "greeter"])
def test_what_has_no_name_of_its_own_is_made_anew_and_traced_again(plug, kept, module, name):
    twin = pickle.loads(pickle.dumps(getattr(module, name)))

    assert twin("you") == getattr(module, name)("you")
    assert len(kept.spans) == 2
    assert kept.spans[0].name == kept.spans[1].name


def test_a_function_cannot_be_pickled_where_it_could_not_without_us(plug):
    @traced_output
    def local(question):
        return question

    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(local)


def test_a_process_pool_calls_traced_functions(plug, module):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(module.answer, ["a", "b"])) == ["A", "B"]
        assert pool.submit(module.Greeter("hey").method, "you").result() == "hey, you"


def test_a_function_is_its_own_copy(plug, module):
    for function in (module.answer, module.later, module.elsewhere):
        assert copy.copy(function) is function
        assert copy.deepcopy(function) is function
    assert copy.deepcopy({"f": module.answer})["f"] is module.answer


def test_a_method_is_copied_with_its_object(plug, module):
    greeter = module.Greeter("hello")
    greeter.callback = greeter.method
    twin = copy.deepcopy(greeter)
    twin.greeting = "bye"

    assert twin.callback.__self__ is twin
    assert (twin.callback("you"), greeter.callback("you")) == ("bye, you", "hello, you")


def test_a_callable_object_has_copies_of_its_own(plug, kept, module):
    twin = copy.deepcopy(module.greeter)
    twin.greeting = "bye"

    assert (twin("you"), module.greeter("you")) == ("bye, you", "hello, you")
    assert names(kept) == ["greeter", "greeter"]


def test_facts_that_cannot_be_pickled_say_so_as_they_are(plug):
    traced = traced_model_call(model=lambda question: "m")(functools.partial(greet, "hi"))
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(traced)


# -- what decorators make of functions


def plainly_wrapped(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


async def test_a_coroutine_that_a_plain_wrapper_returns_is_awaited_within_the_call(plug, kept):
    step = traced_transform("step")(greet)

    @traced_output("answer")
    @plainly_wrapped
    async def answer(question):
        await asyncio.sleep(0)
        return step("hello", question)

    called = answer("you")
    assert kept.outputs == []
    assert inspect.iscoroutine(called)
    assert await asyncio.create_task(called) == "hello, you"

    assert kept.said("answer")["status"] == "completed"
    assert kept.said("answer")["entities"][-1]["size"] == len("hello, you")
    assert kept.span("step").parent == kept.span("answer").context


async def test_the_failure_of_such_a_coroutine_is_the_call_s(plug, kept):
    @traced_output("answer")
    @plainly_wrapped
    async def answer():
        raise KeyError("x")

    with pytest.raises(KeyError):
        await answer()
    assert (kept.said("answer")["status"], kept.said("answer")["error"]) == ("failed", "builtins.KeyError")


def ended(kept):
    """Waits for the thread that ends what was abandoned."""
    until = time.monotonic() + 10
    while not kept.outputs and time.monotonic() < until:
        _abandoned.reap()
        time.sleep(0.001)


@pytest.mark.parametrize("error", [asyncio.CancelledError, ValueError])
async def test_such_a_coroutine_that_an_error_comes_to_before_it_began_ends_the_call(plug, kept, error):
    """As where its task is cancelled at once, because another one of its group failed."""

    @traced_output("answer")
    @plainly_wrapped
    async def answer():
        raise AssertionError("it never began")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if error is ValueError:
            with pytest.raises(ValueError):
                answer().throw(ValueError())
        else:
            task = asyncio.create_task(answer())
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        gc.collect()
    assert kept.said("answer")["status"] == ("failed" if error is ValueError else "cancelled")
    assert len(kept.outputs) == 1


class Request(collections.abc.Coroutine):
    """As aiohttp's: a coroutine, and a block."""

    def __init__(self):
        self._inside = self._send()

    async def _send(self):
        await asyncio.sleep(0)
        return LONG

    def send(self, value):
        return self._inside.send(value)

    def throw(self, *args):
        return self._inside.throw(*args)

    def close(self):
        self._inside.close()

    def __await__(self):
        return self._inside.__await__()

    async def __aenter__(self):
        return await self._inside

    async def __aexit__(self, *error):
        pass


async def test_a_coroutine_that_is_a_block_too_is_awaited_by_entering_it(plug, kept):
    @traced_source("page", type="api")
    def get():
        return Request()

    @traced_output("answer")
    async def answer():
        async with get() as page:
            return page

    assert await answer() == LONG
    assert (kept.said("page")["status"], kept.said("answer")["status"]) == ("completed", "completed")
    assert kept.said("answer")["derived"][0][1] == kept.id_of("page")


@pytest.mark.parametrize(("way", "status"), [("closed", "cancelled"), ("dropped", "abandoned")])
async def test_such_a_coroutine_that_nobody_awaits_ends_the_call(plug, kept, way, status):
    @traced_output("answer")
    @plainly_wrapped
    async def answer():
        return "x"

    called = answer()
    if way == "closed":
        called.close()
    else:
        inside, called = called.__wrapped__, None
        inside.close()
        await asyncio.to_thread(ended, kept)
    assert kept.said("answer")["status"] == status


async def test_a_coroutine_goes_by_the_name_of_its_function(plug, kept):
    @traced_output
    async def answer():
        return "x"

    called = answer()
    assert (called.__name__, called.__qualname__) == ("answer", answer.__qualname__)
    await called


async def test_a_generator_that_is_awaited_is_a_coroutine(plug, kept):
    @traced_output("answer")
    @types.coroutine
    def answer():
        yield from asyncio.sleep(0).__await__()
        return "x"

    assert await answer() == "x"
    assert kept.said("answer")["status"] == "completed"


def test_a_partial_method_goes_by_the_name_and_parameters_of_what_it_calls(plug, kept):
    class Desk:
        def answer(self, greeting, question):
            return greet(greeting, question)

        hello = traced_output(functools.partialmethod(answer, "hello"))

    assert Desk().hello("you") == "hello, you"
    assert names(kept) == [Desk.answer.__qualname__]
    assert [entity["name"] for entity in kept.said(Desk.answer.__qualname__)["entities"][:1]] == ["question"]


def test_the_cached_methods_of_a_class_are_traced(plug, kept):
    @traced_output
    class Desk:
        @functools.lru_cache  # noqa: B019 the test is over soon
        def answer(self, question):
            return question

        upper = str.upper

    assert Desk().answer("a") == "a"
    assert len(kept.outputs) == 1
    assert Desk.answer.cache_info().misses == 1


@pytest.mark.parametrize("cls", [type("Nothing", (), {"_hidden": greet}), int])
def test_a_class_of_which_nothing_would_be_traced_is_refused(plug, cls):
    with pytest.raises(UnsupportedCallable, match=f"{cls.__name__}: defines no public methods"):
        traced_output(cls)


class Signals:
    """An object with a traced method."""

    @traced_transform
    def receive(self, value):
        return value


def test_a_traced_function_is_of_no_more_kinds_than_a_function(plug):
    kinds = [collections.abc.Sized, collections.abc.Container, contextlib.AbstractContextManager, typing.SupportsInt]
    for one in (traced_transform(greet), Signals().receive, Signals.receive):
        assert not any(isinstance(one, kind) for kind in kinds)
        assert isinstance(one, collections.abc.Callable)
        with pytest.raises(TypeError):
            len(one)


def test_what_a_callable_object_has_stays(plug):
    class Callable(list):
        def __call__(self):
            return LONG

    traced = traced_transform(Callable([1, 2]))
    assert (len(traced), traced[1], traced()) == (2, 2, LONG)


def test_a_callable_object_is_read_awaited_and_shown_as_without_us(plug):
    class Tool:
        def __call__(self):
            return LONG

        def __iter__(self):
            return iter("ab")

        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return 3

        def __fspath__(self):
            return "/tools/search"

        def __repr__(self):
            return "Tool(search)"

    async def waits(tool):
        return await tool

    tool = traced_transform(Tool())
    assert (list(tool), asyncio.run(waits(tool)), os.fspath(tool), repr(tool)) == (
        ["a", "b"],
        3,
        "/tools/search",
        "Tool(search)",
    )
    assert repr(traced_transform(greet)) == repr(greet)
    assert not isinstance(traced_transform(greet), collections.abc.Iterable | collections.abc.Awaitable)

    class Shelf:
        def __call__(self):
            return LONG

        def __getitem__(self, at):
            return "abc"[at]

    assert list(traced_transform(Shelf())) == ["a", "b", "c"]


def test_a_class_that_a_class_keeps_is_no_method_of_it(plug, kept):
    class Other:
        def make(self):
            return LONG

    @traced_transform
    class Uses:
        maker = staticmethod(Other)
        number = staticmethod(int)

        def go(self):
            return self.maker().make()

    assert (Uses().go(), Uses.number("3")) == (LONG, 3)


def test_a_traced_method_is_held_weakly_and_made_again_as_others_are(plug, kept):
    """As libraries of signals do."""
    signals = Signals()
    held = weakref.WeakMethod(signals.receive)
    assert held()(LONG) == LONG
    method = signals.receive
    assert type(method)(method.__func__, signals)(LONG) == LONG
    assert names(kept) == ["Signals.receive"] * 2
    del signals, method
    assert held() is None


class Squares:
    """An object that Python iterates and indexes by what it falls back to."""

    def __call__(self):
        return LONG

    def __getitem__(self, at):
        if at > 2:
            raise IndexError
        return at * at

    def __index__(self):
        return 7


def test_what_the_interpreter_falls_back_to_works_as_without_us(plug):
    traced = traced_transform(Squares())
    assert (4 in traced, int(traced), float(traced)) == (True, 7, 7.0)

    @traced_transform
    def numbers():
        yield from (1, 2)

    assert 2 in numbers()
    assert bytes(numbers()) == b"\x01\x02"


class Kinds:
    """Methods of every kind."""

    @traced_transform
    @classmethod
    def of_class(cls):
        return cls.__name__

    def _plain(self, number):
        return number

    partial = traced_transform(functools.partialmethod(_plain, 3))


def test_methods_of_classes_are_held_weakly_with_their_class(plug):
    assert weakref.WeakMethod(Kinds.of_class)()() == "Kinds"


def test_a_bound_partial_method_is_pickled_by_its_place(plug):
    assert pickle.loads(pickle.dumps(Kinds().partial))() == 3


def test_a_mock_of_a_coroutine_function_is_traced(plug, kept):
    """It has an attribute of any name, its code among them."""
    traced = traced_output("mocked")(AsyncMock(return_value="an answer"))
    assert asyncio.run(traced("a question")) == "an answer"
    assert len(kept.facts) == 1


class Dispatched:
    @functools.singledispatchmethod
    def told(self, value):
        return f"any {value}"

    @told.register
    def _(self, value: int):
        return f"int {value}"


def test_a_method_that_dispatches_by_type_is_traced_and_dispatches(plug, kept):
    traced = traced_transform(Dispatched)
    traced.told.register(float, lambda self, value: f"float {value}")

    with traced_output("out"):
        assert [traced().told(value) for value in ("x", 3, 1.5)] == ["any x", "int 3", "float 1.5"]
    assert names(kept) == [*["Dispatched.told"] * 3, "out"]


def test_what_the_interpreter_makes_a_class_method_is_one(plug, kept):
    class Base:
        @traced_output("made")
        def __init_subclass__(cls, **given):
            cls.given = given

        @traced_output("item")
        def __class_getitem__(cls, item):
            return cls, item

    class Below(Base, size=3):
        pass

    assert Below.given == {"size": 3}
    assert Below["x"] == (Below, "x")
    assert names(kept) == ["made", "item"]


def test_an_object_that_raises_another_error_for_what_it_has_not_is_refused_with_the_reason():
    class Record(dict):
        __getattr__ = dict.__getitem__

        def __call__(self):
            return 1

    with pytest.raises(UnsupportedCallable, match="raises KeyError; Python wants AttributeError"):
        traced_output(Record())
