"""What every wrapper of ours promises about the callable that it wraps, for each of the four kinds.

An integration holds its own wrapper to it: a test file that has this directory on its path subclasses one of the three
contracts, says by the fixture `wrap` how a function is wrapped, and sets up whatever the calls are recorded to.

    class TestThePatchedClient(StreamContract):
        @pytest.fixture
        def wrap(self):
            provsdk.configure(service="contract")
            return patched  # is given a function, and answers the wrapped one

- `CallableContract`: what is called in a function's place, such as what `bind` gives.
- `FunctionContract`: the wrapper is the function for everybody else, and answers once.
- `StreamContract`: the same, also for generators and async generators.

Every test does with the wrapped function what its name says; none knows what is recorded.
"""

import asyncio
import copy
import gc
import inspect
import pickle
import sys
from contextlib import aclosing
from types import ModuleType

import pytest
from opentelemetry import context as otel_context

LONG = "a value that is long enough to link something"


class Refused(Exception):
    """What the wrapped functions raise: it must come out as the very same object."""


ONCE = ["function", "coroutine"]
STREAMS = ["generator", "async generator"]


def make(kind, body):
    """A function of that kind; `body(question)` gives its chunks, or raises in place of one."""

    def function(question: str, /, times: int = 1, *, mode: str = "plain") -> str:
        """Answers."""
        return "".join(body(question))

    async def coroutine(question: str, /, times: int = 1, *, mode: str = "plain") -> str:
        """Answers."""
        await asyncio.sleep(0)
        return "".join(body(question))

    def generator(question: str, /, times: int = 1, *, mode: str = "plain") -> str:
        """Answers."""
        yield from body(question)

    async def async_generator(question: str, /, times: int = 1, *, mode: str = "plain") -> str:
        """Answers."""
        for chunk in body(question):
            await asyncio.sleep(0)
            yield chunk

    made = {
        "function": function,
        "coroutine": coroutine,
        "generator": generator,
        "async generator": async_generator,
    }
    return made[kind]


async def read(kind, called):
    """Everything that a call came to, as text."""
    if kind == "function":
        return called
    if kind == "coroutine":
        return await called
    if kind == "generator":
        return "".join(called)
    async with aclosing(called) as stream:
        return "".join([chunk async for chunk in stream])


def two_chunks(question):
    yield question
    yield LONG


def failing(error):
    def body(question):
        yield question
        raise error

    return body


def made_in(module, kind, body):
    """A function that a module defines, as far as anybody can tell."""
    function = make(kind, body)
    function.__module__, function.__qualname__ = module.__name__, "answer"
    module.answer = function
    return function


def talk(kind, end):
    """A function of that kind whose chunks say what it was sent; `end` is told how its body was left."""

    def generator(question, times=1):
        heard = question
        try:
            while heard != "enough":
                try:
                    heard = yield f"heard {heard}"
                except LookupError as error:
                    heard = error
            return "over"
        finally:
            end.append(type(sys.exc_info()[1]))

    async def async_generator(question, times=1):
        heard = question
        try:
            while heard != "enough":
                try:
                    heard = yield f"heard {heard}"
                except LookupError as error:
                    heard = error
        finally:
            end.append(type(sys.exc_info()[1]))
            await asyncio.sleep(0)

    return {"generator": generator, "async generator": async_generator}[kind]


SYNC = {"next": "__next__", "send": "send", "throw": "throw", "close": "close"}
ASYNC = {"next": "__anext__", "send": "asend", "throw": "athrow", "close": "aclose"}
ENDED = "ended"


async def step(kind, stream, what, *given):
    """What a step of a stream gives; `ENDED` where that is its end."""
    try:
        if kind == "generator":
            return getattr(stream, SYNC[what])(*given)
        return await getattr(stream, ASYNC[what])(*given)
    except (StopIteration, StopAsyncIteration):
        return ENDED


async def first_of(kind, stream):
    """The first chunk, by a loop that is left at once."""
    if kind == "generator":
        for chunk in stream:
            return chunk
    async for chunk in stream:
        return chunk
    return None


class CallableContract:
    """Of what is called in a function's place. Subclasses give `wrap`, and set up whatever it records to."""

    @pytest.fixture(params=ONCE)
    def kind(self, request):
        return request.param

    @pytest.fixture
    def module(self, monkeypatch):
        module = ModuleType("a_module_of_the_contract")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return module

    async def test_it_gives_what_the_function_gives(self, wrap, kind):
        plain = make(kind, two_chunks)
        wrapped = wrap(make(kind, two_chunks))

        assert await read(kind, wrapped("a", 2, mode="x")) == await read(kind, plain("a")) == "a" + LONG

    def test_it_looks_like_the_function(self, wrap, kind):
        plain = make(kind, two_chunks)
        wrapped = wrap(plain)

        assert inspect.signature(wrapped) == inspect.signature(plain)
        assert (wrapped.__name__, wrapped.__qualname__, inspect.getdoc(wrapped)) == (
            plain.__name__,
            plain.__qualname__,
            inspect.getdoc(plain),
        )
        assert wrapped.__annotations__ == plain.__annotations__
        for question in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
            assert question(wrapped) == question(plain)

    def test_what_a_call_gives_is_of_the_kind_that_it_is_without_us(self, wrap, kind):
        called, plain = wrap(make(kind, two_chunks))("a"), make(kind, two_chunks)("a")
        for question in (inspect.iscoroutine, inspect.isgenerator, inspect.isasyncgen):
            assert question(called) == question(plain)
        if kind == "coroutine":
            called.close()
            plain.close()

    def test_nothing_runs_before_it_would_without_us(self, wrap, kind):
        began = []

        def body(question):
            began.append(question)
            yield question

        called = wrap(make(kind, body))("a")
        assert began == (["a"] if kind == "function" else [])
        if kind == "coroutine":
            called.close()

    async def test_an_error_comes_out_as_it_is(self, wrap, kind):
        error = Refused("a")
        with pytest.raises(Refused) as raised:
            await read(kind, wrap(make(kind, failing(error)))("a"))
        assert raised.value is error
        assert raised.value.__cause__ is None
        assert raised.value.__context__ is None

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError()])
    async def test_what_stops_a_program_comes_out_as_it_is(self, wrap, kind, error):
        caught = None
        try:
            await read(kind, wrap(make(kind, failing(error)))("a"))
        except BaseException as found:
            caught = found
        assert caught is error

    @pytest.mark.parametrize(
        ("args", "kwargs"),
        [
            (("a",), {"nonsense": 1}),
            ((), {}),
            (("a", 1, "b"), {}),
            ((), {"question": "a"}),
            (("a", 1), {"times": 1}),
            ((), {"question": "a", "mode": "x"}),
        ],
    )
    def test_wrong_arguments_raise_at_the_call_as_without_us(self, wrap, kind, args, kwargs):
        plain = make(kind, two_chunks)
        with pytest.raises(TypeError) as expected:
            plain(*args, **kwargs)
        with pytest.raises(TypeError) as raised:
            wrap(plain)(*args, **kwargs)
        assert str(raised.value) == str(expected.value)

    async def test_nothing_stays_current(self, wrap, kind):
        before = otel_context.get_current()
        await read(kind, wrap(make(kind, two_chunks))("a"))
        with pytest.raises(Refused):
            await read(kind, wrap(make(kind, failing(Refused())))("a"))
        assert otel_context.get_current() is before

    async def test_many_at_once_do_not_mix(self, wrap, kind):
        wrapped = wrap(make(kind, two_chunks))
        answers = await asyncio.gather(*(read(kind, wrapped(f"{n}-")) for n in range(50)))
        assert answers == [f"{n}-{LONG}" for n in range(50)]

    async def test_wrapping_it_twice_changes_nothing_that_it_gives(self, wrap, kind):
        assert await read(kind, wrap(wrap(make(kind, two_chunks)))("a")) == "a" + LONG

    def test_it_is_its_own_copy_as_functions_are(self, wrap, kind):
        wrapped = wrap(make(kind, two_chunks))

        assert copy.copy(wrapped) is wrapped
        assert copy.deepcopy({"answer": wrapped})["answer"] is wrapped

    def test_a_coroutine_that_is_closed_runs_what_its_body_has_to_finish(self, wrap):
        finished = []

        async def coroutine(question, times=1):
            try:
                await asyncio.sleep(0)
            finally:
                finished.append(True)

        called = wrap(coroutine)("a")
        called.send(None)
        assert finished == []
        called.close()
        assert finished == [True]

    def test_what_is_thrown_into_a_coroutine_is_raised_in_its_body(self, wrap):
        async def coroutine(question, times=1):
            try:
                await asyncio.sleep(0)
            except Refused as error:
                return error
            return None

        error = Refused("a")
        called = wrap(coroutine)("a")
        called.send(None)
        with pytest.raises(StopIteration) as end:
            called.throw(error)
        assert end.value.value is error


class FunctionContract(CallableContract):
    """Of a wrapper that is the function for everybody else."""

    def test_it_is_a_function(self, wrap, kind):
        plain = make(kind, two_chunks)
        assert isinstance(wrap(plain), type(plain))

    async def test_a_method_gets_its_object(self, wrap, kind):
        class Desk:
            name = "help desk"
            answer = wrap(make(kind, lambda self: [self.name]))

        assert await read(kind, Desk().answer()) == "help desk"
        assert await read(kind, Desk.answer(Desk())) == "help desk"

    @pytest.mark.parametrize("protocol", [0, pickle.HIGHEST_PROTOCOL])
    def test_a_function_of_a_module_is_pickled_by_its_name(self, wrap, kind, module, protocol):
        module.answer = wrap(made_in(module, kind, two_chunks))
        assert pickle.loads(pickle.dumps(module.answer, protocol)) is module.answer


class StreamContract(FunctionContract):
    """Of a wrapper that is the function for everybody else, whatever the kind of that."""

    @pytest.fixture(params=[*ONCE, *STREAMS])
    def kind(self, request):
        return request.param

    @pytest.fixture(params=STREAMS)
    def stream_kind(self, request):
        return request.param

    async def test_a_step_runs_the_body_as_far_as_its_chunk(self, wrap, stream_kind):
        ran = []

        def body(question):
            for n in range(3):
                ran.append(n)
                yield str(n)

        stream = wrap(make(stream_kind, body))("a")
        for n in range(3):
            assert await step(stream_kind, stream, "next") == str(n)
            assert ran == list(range(n + 1))
        assert [await step(stream_kind, stream, "next") for _ in range(2)] == [ENDED, ENDED]

    async def test_what_is_sent_in_comes_to_the_body(self, wrap, stream_kind):
        stream = wrap(talk(stream_kind, []))("a")

        assert await step(stream_kind, stream, "send", None) == "heard a"
        assert await step(stream_kind, stream, "send", "b") == "heard b"
        assert await step(stream_kind, stream, "next") == "heard None"
        assert await step(stream_kind, stream, "send", "enough") is ENDED

    async def test_a_value_that_is_sent_before_the_first_step_is_refused_as_without_us(self, wrap, stream_kind):
        stream = wrap(talk(stream_kind, []))("a")
        with pytest.raises(TypeError, match="just-started"):
            await step(stream_kind, stream, "send", "b")
        assert await step(stream_kind, stream, "next") == "heard a"
        await step(stream_kind, stream, "close")

    async def test_an_error_that_is_thrown_in_may_be_caught_by_the_body(self, wrap, stream_kind):
        stream = wrap(talk(stream_kind, []))("a")
        await step(stream_kind, stream, "next")

        assert await step(stream_kind, stream, "throw", LookupError("lost")) == "heard lost"
        assert await step(stream_kind, stream, "next") == "heard None"
        await step(stream_kind, stream, "close")

    async def test_an_error_that_is_thrown_in_and_not_caught_comes_out_as_it_is_and_ends_it(self, wrap, stream_kind):
        error, left_by = Refused("a"), []
        stream = wrap(talk(stream_kind, left_by))("a")
        await step(stream_kind, stream, "next")
        with pytest.raises(Refused) as raised:
            await step(stream_kind, stream, "throw", error)

        assert raised.value is error
        assert left_by == [Refused]
        assert await step(stream_kind, stream, "next") is ENDED

    async def test_an_error_that_is_thrown_in_before_the_first_step_runs_nothing(self, wrap, stream_kind):
        error, left_by = LookupError("lost"), []
        stream = wrap(talk(stream_kind, left_by))("a")
        with pytest.raises(LookupError) as raised:
            await step(stream_kind, stream, "throw", error)

        assert raised.value is error
        assert left_by == []
        assert await step(stream_kind, stream, "next") is ENDED

    async def test_closing_it_has_the_body_finish_and_gives_no_more(self, wrap, stream_kind):
        left_by = []
        stream = wrap(talk(stream_kind, left_by))("a")
        await step(stream_kind, stream, "next")

        assert await step(stream_kind, stream, "close") is None
        assert left_by == [GeneratorExit]
        assert await step(stream_kind, stream, "next") is ENDED
        assert await step(stream_kind, stream, "close") is None

    async def test_closing_it_before_its_first_step_runs_nothing(self, wrap, stream_kind):
        left_by = []
        stream = wrap(talk(stream_kind, left_by))("a")

        assert await step(stream_kind, stream, "close") is None
        assert left_by == []
        assert await step(stream_kind, stream, "next") is ENDED

    async def test_a_body_that_goes_on_when_it_is_closed_raises_as_without_us(self, wrap, stream_kind):
        def generator(question, times=1):
            for chunk in "abc":
                try:
                    yield chunk
                except GeneratorExit:
                    yield "more"

        async def async_generator(question, times=1):
            for chunk in "abc":
                try:
                    yield chunk
                except GeneratorExit:
                    yield "more"

        stream = wrap(generator if stream_kind == "generator" else async_generator)("a")
        await step(stream_kind, stream, "next")
        with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
            await step(stream_kind, stream, "close")
        while await step(stream_kind, stream, "next") is not ENDED:
            pass

    async def test_a_loop_that_is_left_leaves_it_open(self, wrap, stream_kind):
        left_by = []
        stream = wrap(talk(stream_kind, left_by))("a")

        assert await first_of(stream_kind, stream) == "heard a"
        assert left_by == []
        assert await step(stream_kind, stream, "next") == "heard None"
        await step(stream_kind, stream, "close")

    async def test_dropped_in_the_middle_it_has_the_body_finish(self, wrap, stream_kind):
        left_by = []
        assert await first_of(stream_kind, wrap(talk(stream_kind, left_by))("a")) == "heard a"
        gc.collect()
        await asyncio.sleep(0)  # the loop closes an async generator that nobody holds
        await asyncio.sleep(0)

        assert left_by == [GeneratorExit]

    async def test_dropped_before_its_first_step_runs_nothing(self, wrap, stream_kind):
        left_by = []
        wrap(talk(stream_kind, left_by))("a")
        gc.collect()
        await asyncio.sleep(0)

        assert left_by == []

    async def test_between_its_steps_nothing_of_it_is_current(self, wrap, stream_kind):
        before = otel_context.get_current()
        stream = wrap(talk(stream_kind, []))("a")
        for what, given in [("next", ()), ("send", ("b",)), ("throw", (LookupError(),)), ("close", ())]:
            await step(stream_kind, stream, what, *given)
            assert otel_context.get_current() is before

    def test_what_a_generator_returns_comes_to_whoever_reads_it(self, wrap):
        stream = wrap(talk("generator", []))("a")
        next(stream)
        with pytest.raises(StopIteration) as end:
            stream.send("enough")
        assert end.value.value == "over"

    def test_a_generator_can_be_passed_on_by_another_one(self, wrap):
        def passing_on():
            return (yield from wrap(talk("generator", []))("a"))

        stream = passing_on()
        assert [next(stream), stream.send("b"), stream.throw(LookupError("lost"))] == [
            "heard a",
            "heard b",
            "heard lost",
        ]
        with pytest.raises(StopIteration) as end:
            stream.send("enough")
        assert end.value.value == "over"

    async def test_a_stream_cannot_be_copied_or_pickled_as_without_us(self, wrap, stream_kind):
        stream = wrap(talk(stream_kind, []))("a")
        for refused in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="cannot pickle"):
                refused(stream)
