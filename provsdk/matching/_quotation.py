"""Which words of an output stand in a source, with their place on both sides."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from itertools import accumulate, groupby, islice
from typing import TYPE_CHECKING, Final, NamedTuple

from provsdk.matching._containment import Span
from provsdk.matching._folding import FIGURE
from provsdk.matching._places import Places, plain
from provsdk.matching._runs import Index, weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from provsdk.matching._folding import Folded
    from provsdk.matching._runs import Run

__all__ = ["Quoted", "quoted"]

SHINGLE: Final = 4
MIN_WORDS: Final = 6.0
"""Of a run that is a quotation whatever its words are."""

MAX_SHARE: Final = 0.5
"""Of the sources, from three on: what stands in more of them is a turn of phrase, or a form that all of them have."""

_FIGURE: Final = re.compile(FIGURE)
MIN_DIGITS: Final = 3
"""Of a figure that counts; one of no more, zeros at its end left out, with a word beside it, as years do."""
_YEAR: Final = re.compile("(?:19|20)[0-9]{2}")

MONTHS: Final = frozenset(
    word
    for line in (
        "january february march april may june july august september october november december",
        "jan feb mar apr jun jul aug sep sept oct nov dec",
        "januar februar märz mai juni juli oktober dezember jänner",
        "janvier février mars avril juin juillet août septembre octobre novembre décembre",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre",
        "janeiro fevereiro março maio junho julho setembro outubro novembro dezembro",
        "januari februari maart mei augustus",
    )
    for word in line.split()
)
"""With which the day of a date counts."""

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


def quoted(
    output: Folded, sources: Sequence[Folded], beside: Iterable[Folded] = (), *, is_field: bool = False
) -> list[Quoted]:
    """Which of `sources` the output repeats words of, in their order.

    A run counts from six words on; a figure, a date or a name counts by itself, if only one of the sources has it. What
    stands in `beside` (the question, instructions) does not count: the output may have it from there. Where several
    sources have the same words, those count that have the longest run around them.

    Args:
        output: What was made.
        sources: What it may have been made from.
        beside: What else went in; not looked at where the output repeats nothing.
        is_field: It is a field among others, where a common figure by itself is chance.

    >>> from provsdk.matching import Folded
    >>> output = Folded("As the handbook says: we keep every parcel for twelve days.")
    >>> sources = [Folded("Returns are free."), Folded("Note: We keep every parcel for twelve days, not longer.")]
    >>> [(found.source, found.spans[0], found.coverage) for found in quoted(output, sources)]
    [(1, Span(start=22, end=58, source_start=6, source_end=42), 0.6364)]
    """
    index = Index(output.tokens, SHINGLE, output.tick)
    runs = [each for position, source in enumerate(sources) for each in _runs(index, output, source, position)]
    telling = _telling(output, is_field=is_field)
    if not runs and not telling:
        return []
    beside = list(beside)
    known = _Known(run for text in beside for run in index.runs(text.tokens))
    runs = [run for run in runs if not known.holds(run)]
    longest = _longest(_particular(runs, len(sources)))
    covered = {token for run in longest for token in range(run.first, run.last + 1)}
    telling = [(first, last) for first, last in telling if not covered.issuperset(range(first, last + 1))]
    return _gathered(output, [*longest, *_by_themselves(output, telling, sources, beside, covered)])


class _Known:
    """Stretches of the output that something else explains, by the numbers of their tokens."""

    def __init__(self, runs: Iterable[Run]) -> None:
        stretches = sorted((run.at, run.at + run.length - 1) for run in runs)
        self._firsts = [first for first, _ in stretches]
        self._lasts = list(accumulate((last for _, last in stretches), max))
        """How far those reach that begin there or before."""

    def holds(self, run: _Found) -> bool:
        before = bisect_right(self._firsts, run.first)
        return before > 0 and self._lasts[before - 1] >= run.last


def _runs(index: Index, output: Folded, source: Folded, position: int) -> list[_Found]:
    found = []
    output.tick()
    for run in index.runs(source.tokens):
        last = run.at + run.length - 1
        if weight(output.tokens[run.at : last + 1]) >= MIN_WORDS:
            theirs = source.token_span(run.other_at, run.other_at + run.length - 1)
            found.append(_Found(position, run.at, last, Span(*output.token_span(run.at, last), *theirs)))
    return found


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
    reach = _Reach()
    longest: list[_Found] = []
    # Whatever holds a run comes before it.
    for (_, last), group in groupby(sorted(runs, key=_extent), key=lambda run: (run.first, run.last)):
        equal = list(group)
        longest += [run for run in equal if reach.of_others(run.source) < last]
        for run in equal:
            reach.add(run.source, last)
    return longest


def _extent(run: _Found) -> tuple[int, int]:
    return run.first, -run.last


class _Reach:
    """How far the runs of one source and those of all others reach."""

    def __init__(self) -> None:
        self._source = -1
        """Whose run reaches farthest."""
        self._farthest = -1
        self._next = -1
        """How far those of the others reach."""

    def of_others(self, source: int) -> int:
        return self._next if source == self._source else self._farthest

    def add(self, source: int, last: int) -> None:
        if source != self._source and last > self._farthest:
            self._source, self._farthest, self._next = source, last, self._farthest
        elif source != self._source:
            self._next = max(self._next, last)
        else:
            self._farthest = max(self._farthest, last)


def _by_themselves(
    output: Folded,
    telling: Sequence[tuple[int, int]],
    sources: Sequence[Folded],
    beside: Sequence[Folded],
    covered: set[int],
) -> list[_Found]:
    """Figures, dates and names that one source alone has."""
    begin = {output.tokens[first] for first, _ in telling}
    known = [Places(text, begin) for text in beside]
    theirs = [Places(source, begin) for source in sources]
    found = []
    for first, last in telling:
        output.tick()
        words = tuple(output.tokens[first : last + 1])
        if covered.issuperset(range(first, last + 1)) or any(text.of(words) is not None for text in known):
            continue
        places = ((position, source.of(words)) for position, source in enumerate(theirs))
        had_by = list(islice(((position, at) for position, at in places if at is not None), 2))
        if len(had_by) == 1:
            (position, at) = had_by[0]
            span = Span(*output.token_span(first, last), *sources[position].token_span(at, at + last - first))
            found.append(_Found(position, first, last, span))
            covered.update(range(first, last + 1))
    return found


def _telling(output: Folded, *, is_field: bool) -> list[tuple[int, int]]:
    """The tokens of each figure, date and name in it."""
    found = [place for at in range(len(output.tokens)) for place in _of_figure(output.tokens, at, is_field=is_field)]
    names = _names(output.source)
    if names:
        starts = [output.token_span(at, at)[0] for at in range(len(output.tokens))]
        for start, end in names:
            first, last = bisect_left(starts, start), bisect_left(starts, end) - 1
            # Without its first word too, which may begin a sentence.
            found += [(begin, last) for begin in (first, first + 1) if begin < last]
    return found


def _of_figure(tokens: Sequence[str], at: int, *, is_field: bool) -> list[tuple[int, int]]:
    """The figure there: by itself, if it can be told from others; else with a word beside it: 500 EUR, since 1987."""
    token = tokens[at]
    if not _FIGURE.fullmatch(token):
        return []
    beside = [(one, one + 1) for one in (at, at - 1) if one >= 0 and one + 2 <= len(tokens)]
    if sum(map(str.isdigit, token)) < MIN_DIGITS:
        return [(one, two) for one, two in beside if MONTHS.intersection(tokens[one : two + 1])]
    number = plain(token)
    is_common = number.isdigit() and (len(number.strip("0")) <= MIN_DIGITS or _YEAR.fullmatch(number))
    return beside if is_common and (beside or is_field) else [(at, at)]


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
