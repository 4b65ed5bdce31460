"""Which words of an output stand in a source, with their place on both sides."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from provsdk.matching._containment import Span
from provsdk.matching._folding import FIGURE
from provsdk.matching._runs import Index, weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provsdk.matching._folding import Folded

__all__ = ["Quoted", "quoted"]

SHINGLE: Final = 4
MIN_WORDS: Final = 6.0
"""Of a run that is a quotation whatever its words are."""

MAX_SHARE: Final = 0.5
"""Of the sources, from three on: what stands in more of them is a turn of phrase, or a form that all of them have."""

_FIGURE: Final = re.compile(FIGURE)
MIN_DIGITS: Final = 3
"""Of a figure or a date that counts by itself."""

_WORD: Final = re.compile(r"\w[\w'\u2019-]+")


class Quoted(NamedTuple):
    """A source whose words stand in an output."""

    source: int
    """Its position among those that were looked through."""
    spans: tuple[Span, ...]
    """In the order of the output."""
    coverage: float
    """How much of the output stands in it, by its words: 0 to 1."""


class _Found(NamedTuple):
    source: int
    first: int
    """Number of a token of the output."""
    last: int
    span: Span


def quoted(output: Folded, sources: Sequence[Folded], beside: Sequence[Folded] = ()) -> list[Quoted]:
    """Which of `sources` the output repeats words of, in their order.

    A run counts from six words on; a figure, a date or a name counts by itself, if only one of the sources has it. What
    stands in `beside` (the question, instructions) does not count: the output may have it from there. Where several
    sources have the same words, those count that have the longest run around them.

    Args:
        output: What was made.
        sources: What it may have been made from.
        beside: What else went in.

    >>> from provsdk.matching import Folded
    >>> output = Folded("As the handbook says: we keep every parcel for twelve days.")
    >>> sources = [Folded("Returns are free."), Folded("Note: We keep every parcel for twelve days, not longer.")]
    >>> [(found.source, found.spans[0], found.coverage) for found in quoted(output, sources)]
    [(1, Span(start=22, end=58, source_start=6, source_end=42), 0.6364)]
    """
    index = Index(output.tokens, SHINGLE)
    known = _in_runs(index, beside)
    runs = [each for position, source in enumerate(sources) for each in _runs(index, output, source, position)]
    runs = [run for run in runs if not _is_within(run, known)]
    longest = _longest(_particular(runs, len(sources)))
    covered = {token for run in longest for token in range(run.first, run.last + 1)}
    return _gathered(output, [*longest, *_by_themselves(output, sources, beside, covered)])


def _in_runs(index: Index, texts: Sequence[Folded]) -> list[tuple[int, int]]:
    return [(run.at, run.at + run.length - 1) for text in texts for run in index.runs(text.tokens)]


def _runs(index: Index, output: Folded, source: Folded, position: int) -> list[_Found]:
    found = []
    for run in index.runs(source.tokens):
        last = run.at + run.length - 1
        if weight(output.tokens[run.at : last + 1]) >= MIN_WORDS:
            theirs = source.token_span(run.other_at, run.other_at + run.length - 1)
            found.append(_Found(position, run.at, last, Span(*output.token_span(run.at, last), *theirs)))
    return found


def _is_within(run: _Found, known: Sequence[tuple[int, int]]) -> bool:
    return any(first <= run.first and run.last <= last for first, last in known)


def _particular(runs: list[_Found], sources: int) -> list[_Found]:
    """Without what most of the sources say."""
    if sources < 3:
        return runs
    said_by: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    for run in runs:
        said_by[run.first, run.last].add(run.source)
    return [run for run in runs if len(said_by[run.first, run.last]) <= max(MAX_SHARE * sources, 1)]


def _longest(runs: list[_Found]) -> list[_Found]:
    """Without those that lie within a longer run of another source."""
    return [
        run
        for run in runs
        if not any(
            other.source != run.source
            and other.first <= run.first
            and run.last <= other.last
            and other.last - other.first > run.last - run.first
            for other in runs
        )
    ]


def _by_themselves(
    output: Folded, sources: Sequence[Folded], beside: Sequence[Folded], covered: set[int]
) -> list[_Found]:
    """Figures, dates and names that one source alone has."""
    found = []
    for first, last in _telling(output):
        if covered.issuperset(range(first, last + 1)):
            continue
        words = output.tokens[first : last + 1]
        if any(_place_of(words, text) is not None for text in beside):
            continue
        places = [(position, _place_of(words, source)) for position, source in enumerate(sources)]
        had_by = [(position, at) for position, at in places if at is not None]
        if len(had_by) == 1:
            (position, at) = had_by[0]
            theirs = sources[position].token_span(at, at + last - first)
            found.append(_Found(position, first, last, Span(*output.token_span(first, last), *theirs)))
            covered.update(range(first, last + 1))
    return found


def _telling(output: Folded) -> list[tuple[int, int]]:
    """The tokens of each figure, date and name in it."""
    found = [
        (at, at)
        for at, token in enumerate(output.tokens)
        if _FIGURE.fullmatch(token) and sum(map(str.isdigit, token)) >= MIN_DIGITS
    ]
    names = _names(output.source)
    if names:
        starts = [output.token_span(at, at)[0] for at in range(len(output.tokens))]
        for start, end in names:
            inside = [at for at, begin in enumerate(starts) if start <= begin < end]
            found += [
                (first, inside[-1]) for first in inside[:2] if first < inside[-1]
            ]  # the first may begin a sentence
    return found


def _names(text: str) -> list[tuple[int, int]]:
    """Two words or more that begin with capitals and stand side by side: one alone may begin a sentence."""
    found: list[tuple[int, int]] = []
    count = 0
    for word in _WORD.finditer(text):
        if not word.group()[0].isupper():
            count = 0
        elif count and text[found[-1][1] : word.start()].isspace():
            count += 1
            found[-1] = found[-1][0], word.end()
        else:
            count = 1
            found.append(word.span())
    return [name for name in found if text[slice(*name)].split()[1:]]


def _place_of(words: Sequence[str], text: Folded) -> int | None:
    tokens = text.tokens
    at = -1
    try:
        while True:
            at = tokens.index(words[0], at + 1)
            if tokens[at : at + len(words)] == words:
                return at
    except ValueError:
        return None


def _gathered(output: Folded, runs: list[_Found]) -> list[Quoted]:
    by_source: defaultdict[int, list[_Found]] = defaultdict(list)
    for run in runs:
        by_source[run.source].append(run)
    words = max(len(output.tokens), 1)
    return [
        Quoted(
            source,
            tuple(sorted(run.span for run in own)),
            round(len({token for run in own for token in range(run.first, run.last + 1)}) / words, 4),
        )
        for source, own in sorted(by_source.items())
    ]
