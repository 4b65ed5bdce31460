"""What a program of the flow benchmark is, and the small models that stand in for large ones."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import provsdk

__all__ = ["PROGRAMS", "Names", "Program", "extract", "load", "program", "summarise"]

Names = tuple[str, ...]

SHELF: Final[dict[str, str]] = {}
"""Where the sources of the program that runs are: its arguments hold none of their texts."""


@dataclass(frozen=True, slots=True)
class Program:
    """A small real program, and which of its sources shape its output."""

    name: str
    sources: Mapping[str, str]
    """Texts by name."""
    uses: frozenset[str]
    """Those that shape the output, as a person says; changing each of them alone changes the output."""
    answer: Callable[[], Any]
    """Makes the output: a traced function."""
    before: Callable[[], Any] | None = None
    """What another service did: it made an output that this one reads."""

    def run(self, sources: Mapping[str, str]) -> Any:
        """What it makes of these sources."""
        SHELF.clear()
        SHELF.update(sources)
        if self.before is not None:
            self.before()
        made = self.answer()
        return list(made) if inspect.isgenerator(made) else made


PROGRAMS: Final[list[Program]] = []

Run = Callable[[Names], Any]


def program(name: str, sources: Mapping[str, str], uses: str = "", before: Run | None = None) -> Callable[[Run], Run]:
    """Registers a program, which is called with the names of its sources; `uses` names the true ones, with blanks.

    `before` is called with them as well, outside of the output, as if by another service.
    """

    def register(run: Run) -> Run:
        names = tuple(sources)

        def answer() -> Any:
            return run(names)

        def stream() -> Iterator[Any]:
            yield from run(names)

        traced = provsdk.traced_output(name)(stream if inspect.isgeneratorfunction(run) else answer)
        earlier = None if before is None else lambda: before(names)
        PROGRAMS.append(Program(name, sources, frozenset(uses.split()), traced, earlier))
        return run

    return register


def load(names: Names, *wanted: str) -> list[str]:
    """Each text as a source of its own, by its name; all of them where none is named."""
    return [_load(name) for name in wanted or names]


@provsdk.traced_source(type="file", name=lambda name: name)
def _load(name: str) -> str:
    return str(SHELF[name].encode(), "utf-8")  # an object of its own, as one that was read is


_SENTENCE: Final = re.compile(r"[^.!?。؟।\n]+[.!?。؟।]?")
_WORD: Final = re.compile(r"\w{4,}")


@provsdk.traced_model_call("extract", provider="bench", model="extractive-1")
def extract(prompt: Any, question: str) -> str:
    """Answers with the sentence of the prompt that has most words of the question."""
    asked = set(_WORD.findall(question.lower()))
    found = [sentence.strip() for sentence in _SENTENCE.findall(_text(prompt)) if sentence.strip() != question]
    return max(found, key=lambda sentence: len(asked.intersection(_WORD.findall(sentence.lower()))), default="")


@provsdk.traced_model_call("summarise", provider="bench", model="first-sentences-1")
def summarise(prompt: Any) -> str:
    """Answers with the first sentence of each paragraph but the first, which is the instruction."""
    paragraphs = _text(prompt).split("\n\n")[1:]
    return " ".join(_SENTENCE.findall(paragraph)[0].strip() for paragraph in paragraphs if paragraph.strip())


def _text(prompt: Any) -> str:
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, Mapping):
        return "\n".join(map(_text, prompt.values()))
    return "\n".join(map(_text, prompt))
