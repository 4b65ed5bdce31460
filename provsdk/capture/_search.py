"""What content says of flow: run once, when an output has ended, over the texts that its scope knows.

A value that was made is searched for the values that were there before it (containment), an answer for their words
(quotation). What was handed on as it is, is known already: by identity and by digest. Nothing here touches a span, so
it may run in any thread.
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from provsdk import semconv
from provsdk.capture._flow import GIVEN
from provsdk.capture._framing import unframed
from provsdk.matching import MAX_SPANS, Contained, Folded, contained, fields_of, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from provsdk.capture._framing import Unframed
    from provsdk.capture._texts import Texts
    from provsdk.matching import Quoted

__all__ = ["Link", "Searched", "search"]

CONTAINMENT: Final = "containment"
QUOTATION: Final = "quotation"
DIGEST: Final = "digest"

MAX_FIELDS: Final = 256
"""Of an output, up to which those that are known texts are named: more are a list of what was found, not an answer."""

WORK_S: Final = 0.002
PAUSE_S: Final = 0.0001
"""How long a search works at a time, and how long it then leaves the interpreter to others."""


Place = tuple[int, int, int, int]
"""Start and end in the effect, start and end in the cause, in characters."""


class Link(NamedTuple):
    """An edge that content shows, from effect to cause."""

    effect: str
    cause: str
    basis: str
    coverage: float
    """How much of the cause stands in the effect; of a quotation, how much of the effect stands in the cause."""
    spans: tuple[Place, ...]
    fields: tuple[tuple[str, tuple[Place, ...]], ...] = ()
    """Of an effect with fields, in place of `spans`: those in the text of each, by its JSON Pointer."""

    def with_fields_of(self, other: Link) -> Link:
        """The same edge, with what another look found in another field."""
        if self.basis == QUOTATION:
            coverage = round(min(self.coverage + other.coverage, 1.0), 4)
        else:
            coverage = max(self.coverage, other.coverage)
        return self._replace(coverage=coverage, fields=tuple(dict([*other.fields, *self.fields]).items()))


class Searched(NamedTuple):
    """What was found, and whether that is all."""

    links: list[Link]
    is_whole: bool
    """False where a bound was reached."""


class _Text(NamedTuple):
    id: str
    whole: str
    """Id of the value that it is an element of; its own where it is none."""
    kind: str
    """Of the activity that it belongs to."""
    is_given: bool
    """It was handed to the activity; else the activity made it."""
    folded: Folded


def search(given: Texts, seconds: float) -> Searched:
    """Everything that the texts of an output show of what came from what, as far as so many seconds go."""
    tick = _Clock(seconds)
    links: dict[tuple[str, str, str], Link] = {}
    try:
        texts, own = _folded(given, tick), _OwnWords()
        for found in itertools.chain(_of_values(texts, own), _of_output(given, texts, own, tick)):
            tick()
            for link in found:
                known = links.setdefault(link[:3], link)
                if known is not link and link.fields:
                    links[link[:3]] = known.with_fields_of(link)
    except _TimeIsUp:
        return Searched(list(links.values()), is_whole=False)
    return Searched(list(links.values()), given.is_whole)


class _TimeIsUp(Exception):
    """Ends a search."""


class _Clock:
    """Ends a search when its time is up, and lets others go on meanwhile: the search is Python, of which one thread
    runs at a time, and a server's event loop wants to.

    Args:
        seconds: Of the whole search.
    """

    def __init__(self, seconds: float) -> None:
        now = time.monotonic()
        self._deadline = now + seconds
        self._next_pause = now + WORK_S

    def __call__(self) -> None:
        now = time.monotonic()
        if now > self._deadline:
            raise _TimeIsUp
        if now > self._next_pause:
            time.sleep(PAUSE_S)
            self._next_pause = time.monotonic() + WORK_S


class _OwnWords:
    """What texts say by themselves: a prompt holds passages, and what is repeated of one there is the passage's."""

    def __init__(self) -> None:
        self._of_others: dict[str, list[tuple[int, int]]] = {}
        self._own: dict[str, Folded] = {}

    def note(self, text: _Text, found: Iterable[Contained], before: Sequence[_Text]) -> None:
        """Takes where texts that may be quoted themselves stand in one that was put together of them."""
        places = [(span.start, span.end) for one in found if _may_be_quoted(before[one.source]) for span in one.spans]
        if places:
            self._of_others[text.id] = places

    def of(self, text: _Text) -> Folded:
        """The text without what is others'."""
        places = self._of_others.get(text.id)
        if places is None:
            return text.folded
        own = self._own.get(text.id)
        if own is None:
            own = self._own[text.id] = text.folded.without(places)
        return own


def _folded(given: Texts, tick: Callable[[], object]) -> list[_Text]:
    found = []
    for entity_id, value, _, kind, of in given.held:
        text = _text_of(value)
        if text is not None:
            whole = of or entity_id
            found.append(_Text(entity_id, whole, kind, of == GIVEN or whole in given.wholes, Folded(text, tick)))
    return found


def _text_of(value: str | bytes) -> str | None:
    if isinstance(value, str):
        return str.__str__(value)
    try:
        return bytes.decode(value)  # a subclass may say something else than what it holds
    except UnicodeDecodeError:
        return None


def _came_from_outside(text: _Text) -> bool:
    """What the output was given, and what was loaded: nothing in the scope made it."""
    return text.kind == semconv.KIND_OUTPUT or (text.kind == semconv.KIND_SOURCE and not text.is_given)


def _of_values(texts: list[_Text], own: _OwnWords) -> Iterator[Iterator[Link]]:
    """What each value that the scope knows came from: found when it is asked for."""
    for position, text in enumerate(texts):
        if not _came_from_outside(text):
            yield _of_value(text, [one for one in texts[:position] if one.whole != text.whole], own)


def _of_value(text: _Text, before: list[_Text], own: _OwnWords) -> Iterator[Link]:
    """What a step was given or made, from what was there before it."""
    if text.kind == semconv.KIND_MODEL_CALL and not text.is_given:
        # A model's: whatever stands in it was repeated by the model, which may have gone by other values too.
        for cause, repeat in _repeated(text.folded, before, own):
            yield from _links(text, cause.id, QUOTATION, repeat)
        return
    found = contained(text.folded, [one.folded for one in before]) if before else []
    own.note(text, found, before)
    for one in found:
        yield from _links(text, before[one.source].id, CONTAINMENT, one)
    if not found:
        yield from _cut_from(text, before)


def _repeated(made: Folded, before: list[_Text], own: _OwnWords) -> Iterator[tuple[_Text, Contained | Quoted]]:
    """Which values stand in a text, and of which others it repeats words."""
    causes = [one for one in before if _may_be_quoted(one)]
    if not causes:
        return
    folded = [own.of(one) for one in causes]
    whole = contained(made, folded)
    for one in whole:
        yield causes[one.source], one
    rest = sorted(set(range(len(causes))) - {one.source for one in whole})
    beside = [*_questions(before), *(folded[one.source] for one in whole)]
    for quote in quoted(made, [folded[position] for position in rest], beside):
        yield causes[rest[quote.source]], quote


def _cut_from(text: _Text, before: list[_Text]) -> Iterator[Link]:
    """A piece of something longer: the newest that holds the whole of it."""
    for one in reversed(before):
        if len(one.folded.source) <= len(text.folded.source):
            continue
        holds = contained(one.folded, [text.folded])
        if holds and holds[0].coverage == 1.0:
            spans = tuple((s.source_start, s.source_end, s.start, s.end) for s in holds[0].spans[:MAX_SPANS])
            share = round(min(len(text.folded.source) / len(one.folded.source), 1.0), 4)
            yield Link(text.id, one.id, CONTAINMENT, share, spans)
            if text.whole != text.id:
                yield Link(text.whole, one.id, CONTAINMENT, share, ())
            return


def _of_output(
    given: Texts, texts: list[_Text], own: _OwnWords, tick: Callable[[], object]
) -> Iterator[Iterator[Link]]:
    """What each text of the output's value came from: values that stand in it, and words of others."""
    known = {one.folded.source: one for one in reversed(texts) if _may_be_quoted(one)}
    leaves = [(place, text) for place, leaf in given.made if (text := _text_of(leaf)) is not None and text]
    if len(leaves) == 1 and leaves[0][0] is None and (fields := fields_of(leaves[0][1])):
        leaves = [(place, text) for place, text in fields if text]
    size = sum(len(text) for _, text in leaves)
    for place, leaf in leaves:
        if place is not None and leaf in known:
            if len(leaves) <= MAX_FIELDS:
                yield iter([_whole_field(given.output_id, place, leaf, known[leaf].id)])
        elif place is not None:
            yield _of_field(given.output_id, place, Folded(leaf, tick), len(leaf) / size, texts, own)
        elif leaf not in known:  # handed on as it is: what it comes from is that value's story
            carried = unframed(leaf, tick)
            for one in carried:
                yield _of_made(given.output_id, Folded(one.text, tick), texts, own, one)
            if not carried:
                yield _of_made(given.output_id, Folded(leaf, tick), texts, own)


def _whole_field(output_id: str, place: str, leaf: str, cause: str) -> Link:
    """Of a field that is a known text: nothing is to be searched for, and its place is all that is new."""
    return Link(output_id, cause, DIGEST, 1.0, (), ((place, ((0, len(leaf), 0, len(leaf)),)),))


def _of_field(
    output_id: str, place: str, made: Folded, share: float, texts: list[_Text], own: _OwnWords
) -> Iterator[Link]:
    """What one field of a structured output came from; so much of the output's text stands in it."""
    for cause, found in _repeated(made, texts, own):
        basis = _basis(found)
        coverage = round(found.coverage * share, 4) if basis == QUOTATION else found.coverage
        yield Link(output_id, cause.id, basis, coverage, (), ((place, _places(found)),))


def _of_made(
    output_id: str, made: Folded, texts: list[_Text], own: _OwnWords, frames: Unframed | None = None
) -> Iterator[Link]:
    for cause, found in _repeated(made, texts, own):
        places = _places(found)
        if frames is not None:
            places = tuple((*frames.within(start, end), *cause_at) for start, end, *cause_at in places)  # type: ignore[misc]
        yield Link(output_id, cause.id, _basis(found), found.coverage, places)


def _basis(found: Contained | Quoted) -> str:
    return CONTAINMENT if isinstance(found, Contained) else QUOTATION


def _may_be_quoted(text: _Text) -> bool:
    """Sources, and what steps and models made: not the question, and not prompts, which hold all of these."""
    return not text.is_given


def _questions(texts: Iterable[_Text]) -> list[Folded]:
    """What the output was given: an answer that repeats it has it from there."""
    return [one.folded for one in texts if one.kind == semconv.KIND_OUTPUT and one.is_given]


def _links(text: _Text, cause: str, basis: str, found: Contained | Quoted) -> Iterator[Link]:
    yield Link(text.id, cause, basis, found.coverage, _places(found))
    if text.whole != text.id:
        yield Link(text.whole, cause, basis, found.coverage, ())


def _places(found: Contained | Quoted) -> tuple[Place, ...]:
    spans: Sequence[Place] = found.spans[:MAX_SPANS]
    return tuple(tuple(span) for span in spans)  # type: ignore[misc] # of four each
