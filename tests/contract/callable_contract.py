"""What every wrapper of ours promises about the callable that it wraps, for each of the four kinds.

Whoever wraps functions, a decorator or later an integration, subclasses `CallableContract` and says how it wraps.
"""

import asyncio
import inspect
from contextlib import aclosing

import pytest
from opentelemetry import context as otel_context

LONG = "a value that is long enough to link something"


class Refused(Exception):
    """What the wrapped functions raise: it must come out as the very same object."""


KINDS = ["function", "coroutine", "generator", "async generator"]


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


class CallableContract:
    """Subclasses give `wrap`: a fixture that answers the wrapper, and set up whatever it records to."""

    @pytest.fixture(params=KINDS)
    def kind(self, request):
        return request.param

    async def test_it_gives_what_the_function_gives(self, wrap, kind):
        plain = make(kind, two_chunks)
        wrapped = wrap(make(kind, two_chunks))

        assert await read(kind, wrapped("a", 2, mode="x")) == await read(kind, plain("a")) == "a" + LONG

    def test_it_looks_like_the_function(self, wrap, kind):
        plain = make(kind, two_chunks)
        wrapped = wrap(plain)

        assert inspect.signature(wrapped) == inspect.signature(plain)
        assert (wrapped.__name__, wrapped.__qualname__, wrapped.__doc__) == (
            plain.__name__,
            plain.__qualname__,
            plain.__doc__,
        )
        assert wrapped.__annotations__ == plain.__annotations__
        assert isinstance(wrapped, type(plain))
        for question in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
            assert question(wrapped) == question(plain)

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

    async def test_wrong_arguments_raise_as_without_us(self, wrap, kind):
        with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
            await read(kind, wrap(make(kind, two_chunks))("a", nonsense=1))

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

    async def test_a_method_gets_its_object(self, wrap, kind):
        class Desk:
            name = "help desk"
            answer = wrap(make(kind, lambda self: [self.name]))

        assert await read(kind, Desk().answer()) == "help desk"
        assert await read(kind, Desk.answer(Desk())) == "help desk"

    def test_wrapping_it_twice_is_no_error(self, wrap, kind):
        assert callable(wrap(wrap(make(kind, two_chunks))))
