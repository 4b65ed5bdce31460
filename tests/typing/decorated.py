"""What type checkers say of decorated callables: exactly what they say without us. Checked, never run."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from typing import Any, Literal, assert_type

from provsdk import (
    bind,
    declare_source,
    traced_check,
    traced_model_call,
    traced_output,
    traced_source,
    traced_transform,
)


@traced_output
def bare(question: str, limit: int = 3) -> list[str]:
    return [question] * limit


@traced_output("named", session=lambda question: question)
def named(question: str, /, *, mode: Literal["a", "b"] = "a") -> dict[str, int]:
    return {question: len(mode)}


@traced_source(type="file", location=lambda path: path)
async def later(path: str) -> bytes:
    return path.encode()


@traced_model_call(provider="acme", model="small")
def chunks(prompt: str) -> Iterator[str]:
    yield prompt


@traced_transform
def talking(prompt: str) -> Generator[str, int, bool]:
    got = yield prompt
    return got > 0


@traced_model_call("model")
async def chunks_later(prompt: str) -> AsyncIterator[str]:
    yield prompt


@traced_check(type="content_filter")
def harmless(answer: str) -> bool:
    return bool(answer)


@traced_output("desk")
class Desk:
    def __init__(self, greeting: str) -> None:
        self.greeting = greeting

    @traced_output
    def method(self, question: str) -> str:
        return self.greeting + question

    @classmethod
    @traced_output
    def of_class(cls, question: str) -> Desk:
        return cls(question)

    @staticmethod
    @traced_output("static")
    def static(question: str) -> int:
        return len(question)

    @traced_output
    @classmethod
    def of_class_too(cls, question: str) -> Desk:
        return cls(question)

    @traced_output("static")
    @staticmethod
    def static_too(question: str) -> int:
        return len(question)

    hello = traced_output("hello")(functools.partialmethod(method, "hello"))


class Called:
    def __call__(self, question: str) -> int:
        return len(question)


assert_type(bare("a"), list[str])
assert_type(bare("a", limit=2), list[str])
assert_type(named("a", mode="b"), dict[str, int])
accepts_coroutine: Callable[[str], Coroutine[Any, Any, bytes]] = later
assert_type(chunks("a"), Iterator[str])
assert_type(talking("a"), Generator[str, int, bool])
assert_type(chunks_later("a"), AsyncIterator[str])
assert_type(harmless("a"), bool)
assert_type(Desk("a"), Desk)
assert_type(Desk("a").method("b"), str)
assert_type(Desk.of_class("a"), Desk)
assert_type(Desk.static("a"), int)
assert_type(Desk.of_class_too("a"), Desk)
assert_type(Desk.static_too("a"), int)
assert_type(Desk("a").hello(), str)
assert_type(traced_output("called")(Called())("a"), int)
assert_type(bind(bare)("a"), list[str])
assert_type(traced_output(functools.partial(bare, "a"))(limit=2), list[str])
assert_type(declare_source({"a": 1}, name="rows", type="database"), dict[str, int])

accepts: Callable[[str], list[str]] = bare
accepts_later: Callable[[str], Awaitable[bytes]] = later

bare(1)  # error: the question is a str
named("a", mode="c")  # error: no such mode
named(question="a")  # error: positional only
Desk("a").method()  # error: the question is missing
wrong: Callable[[int], list[str]] = bare  # error: takes a str


async def awaited() -> None:
    assert_type(await later("a"), bytes)


with traced_output("block") as out:
    assert_type(out.set_result("a"), str)
    assert_type(out.record_id, str | None)
