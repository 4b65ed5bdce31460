"""What models said, by its words: short answers that are all that an output says, and those that say a text of it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from provsdk.matching import Folded, Places, fields_of, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provsdk.capture._texts import Texts

__all__ = ["Answers"]

MAX_ANSWER: Final = 64
"""Characters of a text that may be a short answer, with what stands around it."""

MIN_LETTERS: Final = 3
"""Letters and figures of one that is a field's: fewer are chance."""


class Answers:
    """The answers of the model calls of an output.

    Args:
        given: what the output is searched in.
        said: ids and texts of what its model calls said.
    """

    def __init__(self, given: Texts, said: Iterable[tuple[str, Folded]]) -> None:
        self._constants = {_letters_of(one) for one in (*given.constants, *given.asked)}
        self._texts = [*said, *((answer_id, Folded(text)) for answer_id, text in given.answers)]
        self._short: dict[str, dict[str, str]] = {}
        for answer_id, text in (*given.answers, *self._fields()):
            self._short.setdefault(_letters_of(text), {})[answer_id] = text
        self._by_token: defaultdict[str, set[int]] | None = None

    def _fields(self) -> Iterator[tuple[str, str]]:
        """The short fields of answers that are JSON."""
        for answer_id, folded in self._texts:
            if folded.source.lstrip()[:1] in {"{", "["}:
                yield from ((answer_id, text) for _, text in fields_of(folded.source) if len(text) <= MAX_ANSWER)

    def only(self, leaf: str, *, is_field: bool) -> tuple[str, str] | None:
        """Id and text of the only answer that is all that the text says; None where there is none, or where the text
        may be a constant of the program, or what it was asked.
        """
        letters = _letters_of(leaf)
        said = self._short.get(letters, {})
        if len(said) != 1 or letters in self._constants or len(letters) < (MIN_LETTERS if is_field else 1):
            return None
        return next(iter(said.items()))

    def that_say(self, made: Folded) -> list[str]:
        """Ids of the answers in which all the words of the text stand, in a row."""
        words = tuple(made.tokens)
        if not words or not self._texts:
            return []
        if self._by_token is None:
            self._by_token = defaultdict(set)
            for position, (_, folded) in enumerate(self._texts):
                for token in folded.tokens:
                    self._by_token[plain(token)].add(position)
        held = self._by_token.get(plain(words[0]), set()) & self._by_token.get(plain(words[-1]), set())
        found = [self._texts[at] for at in sorted(held)]
        return [answer_id for answer_id, folded in found if Places(folded, words[:1]).of(words) is not None]


def _letters_of(text: str) -> str:
    """A short answer without what programs take off it: case, blanks, the full stop, quotation marks."""
    return "".join(filter(str.isalnum, text.casefold())) if len(text) <= MAX_ANSWER else ""
