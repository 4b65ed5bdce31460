"""Which texts stand in another one, where, and how much of each."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from provsdk.matching._folding import Folded, is_in_word, is_unspaced
from provsdk.matching._runs import Index, weight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Contained", "Span", "contained"]

MIN_LETTERS: Final = 24
"""Characters. A shorter text may stand in another one by chance; of scripts without spaces, one half as long."""

_HALF: Final = MIN_LETTERS // 2

MANY: Final = 64
"""Sources that are looked for together."""
HEAD: Final = 16
"""Characters by which each of them is known."""
EVERY: Final = 256
"""Words from one tick to the next."""

_WORD: Final = re.compile(r"[^\W_]+")

PROBES: Final = 12
PROBE: Final = 12
"""Pieces of a source, and their length, that are looked for before its words are."""

SHINGLE: Final = 5
MIN_WORDS: Final = 8.0
"""Of a text that is found in part, the words that have to be there."""

MIN_SHARE: Final = 0.5
"""Or this share of it, where that is at least half as many."""


class Span(NamedTuple):
    """A piece of a text that stands in another one; offsets in characters."""

    start: int
    """In the text that was searched."""
    end: int
    source_start: int
    """In the text that was found."""
    source_end: int


class Contained(NamedTuple):
    """A text that was found."""

    source: int
    """Its position among those that were looked for."""
    spans: tuple[Span, ...]
    """In the order of the text that was searched."""
    coverage: float
    """How much of it was found, by its characters: 0 to 1."""


class _Candidate(NamedTuple):
    source: int
    spans: tuple[Span, ...]
    coverage: float
    equals: int
    """Of a source that stands there whole: how many sources from this one on are equal to it; else 0."""
    least: int
    """Characters that nothing else explains, of a source that is claimed for a part of it."""

    @property
    def size(self) -> int:
        """Characters of the text that it explains, wherever it stands there whole."""
        return _size(self.spans[:1] if self.equals else self.spans)


def contained(text: Folded, sources: Sequence[Folded]) -> list[Contained]:
    r"""Which of `sources` stand in `text`, in their order: whole first, then by runs of their words.

    Case, white space, Unicode form and escapes of JSON and HTML do not count. A source of which only that is found
    which belongs to a longer find is not claimed: a shared heading or a passage within a passage is explained by the
    longer one; of two that have the same part, both are claimed. Equal sources are claimed as often as they stand
    there, those that come first in `sources` first.

    >>> text = Folded("Context:\nThe key is under the second stone.\n\nWhere is the key?")
    >>> contained(text, [Folded("The neighbour has the keys, as ever."), Folded("The  key is under THE second")])
    [Contained(source=1, spans=(Span(start=9, end=36, source_start=0, source_end=28),), coverage=1.0)]
    """
    whole, rest = _whole(text, sources)
    if len(rest) < MANY:  # of many, looking up their words is less work
        rest = [position for position in rest if _may_stand_in(text, sources[position].text)]
    index = Index(text.tokens, SHINGLE, text.tick) if rest else None
    in_part = [] if index is None else [_in_part(text, sources[one], one, index) for one in rest]
    candidates = [*whole, *(one for one in in_part if one is not None)]
    taken = _Taken()
    claims = []
    for one in sorted(candidates, key=lambda one: (not one.equals, -one.size, one.source)):
        text.tick()
        claims.append(taken.claim(one))
    return sorted(one for one in claims if one is not None)


def _whole(text: Folded, sources: Sequence[Folded]) -> tuple[list[_Candidate], list[int]]:
    """The sources that stand there whole, and the positions of those that do not."""
    found: list[_Candidate] = []
    rest = []
    equals: Counter[str] = Counter()
    known = _found_by_head(text, sources)
    for position in range(len(sources) - 1, -1, -1):
        source = sources[position]
        text.tick()
        if not _is_long_enough(source):
            continue
        spans = known.get(source.source)
        if spans is None:
            spans = known[source.source] = _whole_spans(text, source)
        if not spans:
            rest.append(position)
            continue
        equals[source.source] += 1
        found.append(_Candidate(position, spans, 1.0, equals[source.source], 1))
    return found, rest[::-1]


def _found_by_head(text: Folded, sources: Sequence[Folded]) -> dict[str, tuple[Span, ...]]:
    """Of many sources, where those stand that stand there as they are: in one look through the text.

    One find for each would look through all of it as often as there are sources. Known by how they begin, which is
    looked up at each word.
    """
    if len(sources) < MANY:
        return {}
    whole = text.source
    by_head: defaultdict[str, set[str]] = defaultdict(set)
    for source in sources:
        begin = source.source[:HEAD]
        if len(source.source) >= 2 * MIN_LETTERS and begin[0].isalnum() and not is_unspaced(begin[0]):
            by_head[begin].add(source.source)
    places: defaultdict[str, list[int]] = defaultdict(list)
    for number, word in enumerate(_WORD.finditer(whole)):
        if not number % EVERY:
            text.tick()
        at = word.start()
        for one in by_head.get(whole[at : at + HEAD], ()):
            after = places[one][-1] + len(one) if one in places else 0
            if at >= after and whole.startswith(one, at) and _is_bounded(whole, at, at + len(one)):
                places[one].append(at)
    return {one: tuple(Span(at, at + len(one), 0, len(one)) for at in found) for one, found in places.items()}


def _may_stand_in(text: Folded, source: str) -> bool:
    """Whether one of a few pieces of the source stands there: most of those that do not are found out cheaply."""
    text.tick()
    step = max(len(source) // PROBES, PROBE)
    return any(source[at : at + PROBE] in text.text for at in range(0, len(source), step))


def _is_long_enough(source: Folded) -> bool:
    if len(source.source) >= 2 * MIN_LETTERS:
        return not source.source.isspace()
    return len(source.text) >= _least(source)


def _least(source: Folded) -> int:
    return _HALF if source.is_unspaced else MIN_LETTERS


def _whole_spans(text: Folded, source: Folded) -> tuple[Span, ...]:
    """Where it stands as it is, else where it stands folded."""
    length = len(source.source)
    exact = _places(text.source, source.source, text.tick)
    if exact:
        return tuple(Span(at, at + length, 0, length) for at in exact)
    folded = _places(text.text, source.text, text.tick)
    return tuple(Span(*text.origin(at, at + len(source.text)), 0, length) for at in folded)


def _places(text: str, part: str, tick: Callable[[], object]) -> list[int]:
    """Where it stands, not within a longer word."""
    places = []
    at = text.find(part)
    while at >= 0:
        tick()
        if _is_bounded(text, at, at + len(part)):
            places.append(at)
        at = text.find(part, at + len(part))
    return places


def _is_bounded(text: str, start: int, end: int) -> bool:
    return not (_joins(text, start) or _joins(text, end))


def _joins(text: str, at: int) -> bool:
    """Whether a word goes on over that place."""
    if not 0 < at < len(text):
        return False
    before, behind = text[at - 1], text[at]
    return is_in_word(before) and is_in_word(behind) and not (is_unspaced(before) or is_unspaced(behind))


def _in_part(text: Folded, source: Folded, position: int, index: Index) -> _Candidate | None:
    tokens = source.tokens
    runs = list(index.runs(tokens))
    if not runs:
        return None
    if source.is_unspaced:
        words = sum(weight(tokens[run.other_at : run.other_at + run.length]) for run in runs)
        share = words / max(weight(tokens), 1.0)
    else:
        words = float(sum(run.length for run in runs))
        share = words / len(tokens)
    if words < MIN_WORDS and not (share >= MIN_SHARE and words >= MIN_WORDS / 2):
        return None
    spans = sorted(
        Span(
            *text.token_span(run.at, run.at + run.length - 1),
            *source.token_span(run.other_at, run.other_at + run.length - 1),
        )
        for run in runs
    )
    letters = sum(span.source_end - span.source_start for span in spans)
    coverage = round(min(letters / max(len(source.source.strip()), 1), 1.0), 4)
    return _Candidate(position, tuple(spans), coverage, 0, _least(source))


def _size(spans: Iterable[Span]) -> int:
    return sum(span.end - span.start for span in spans)


class _Taken:
    """The places of the text that are explained by what was found there: stretches in order, none touching another."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._in_part: set[tuple[tuple[int, int], ...]] = set()
        """Where sources stand of which a part was found."""

    def claim(self, candidate: _Candidate) -> Contained | None:
        """What of the candidate no longer find explains; None where that is nothing, or too little."""
        where = tuple((span.start, span.end) for span in candidate.spans)
        if not candidate.equals and where in self._in_part:  # as good as the one before: nobody knows which it was
            return Contained(candidate.source, candidate.spans, candidate.coverage)
        own = [span for span in candidate.spans if self._unexplained(span) * 2 >= candidate.least]
        if candidate.equals:
            own = own[:: candidate.equals]  # the others are for those that are equal
        if sum(map(self._unexplained, own)) < candidate.least:
            return None
        for span in own:
            self._take(span.start, span.end)
        if not candidate.equals:
            self._in_part.add(where)
        return Contained(candidate.source, tuple(own), candidate.coverage)

    def _unexplained(self, span: Span) -> int:
        """Characters of it that belong to nothing that was found before."""
        left = span.end - span.start
        for at in range(bisect_right(self._ends, span.start), bisect_left(self._starts, span.end)):
            left -= min(self._ends[at], span.end) - max(self._starts[at], span.start)
        return left

    def _take(self, start: int, end: int) -> None:
        first, behind = bisect_left(self._ends, start), bisect_right(self._starts, end)
        if first < behind:
            start, end = min(start, self._starts[first]), max(end, self._ends[behind - 1])
        self._starts[first:behind] = [start]
        self._ends[first:behind] = [end]
