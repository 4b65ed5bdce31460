"""What content says of flow: run once, when an output has ended, over the texts that its scope knows.

A value that was made is searched for the values that were there before it (containment), an answer for their words
(quotation). What was handed on as it is, is known already: by identity and by digest. Nothing here touches a span, so
it may run in any thread.
"""

from __future__ import annotations

import itertools
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from provsdk import semconv
from provsdk.capture._answers import Answers
from provsdk.capture._base64 import out_of_base64
from provsdk.capture._flow import GIVEN
from provsdk.capture._framing import unframed
from provsdk.capture._reach import Reach, key_of
from provsdk.capture._shingles import SIZE, Shingles
from provsdk.capture._texts import Row
from provsdk.matching import MAX_SPANS, Contained, Folded, contained, fields_of, quoted, row_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from provsdk.capture._flow import Held
    from provsdk.capture._framing import Unframed
    from provsdk.capture._texts import Texts
    from provsdk.matching import Quoted, Span

__all__ = ["Link", "Searched", "search"]

CONTAINMENT: Final = "containment"
QUOTATION: Final = "quotation"
DIGEST: Final = "digest"

MAX_FIELDS: Final = 256
"""Of an output, up to which those that are known texts are named: more are a list of what was found, not an answer."""

VALUES_SHARE: Final = 0.75
"""Of the time, what the search for what steps came from may take: what the output came from is looked for last."""

MANY: Final = 64
"""Values, from which on each is compared only with those that it has words in common with."""

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
    row: tuple[Folded, ...] = ()
    """Its fields, where it is no text but a value of short ones."""


def search(given: Texts, seconds: float) -> Searched:
    """Everything that the texts of an output show of what came from what, as far as so many seconds go."""
    tick = _Clock(seconds)
    look = _Look(given, tick)
    is_whole = given.is_whole
    for find, share in ((_of_values, VALUES_SHARE), (_of_output, 1.0)):
        tick.allow(share)
        try:
            for found in find(look):
                tick()
                for link in found:
                    look.take(link)
        except _TimeIsUp:
            is_whole = False
    return Searched(list(look.links.values()), is_whole)


class _TimeIsUp(Exception):
    """Ends a search."""


class _Clock:
    """Ends a search when its time is up, and lets others go on meanwhile: the search is Python, of which one thread
    runs at a time, and a server's event loop wants to.

    Args:
        seconds: Of the whole search.
    """

    def __init__(self, seconds: float) -> None:
        self._began = time.monotonic()
        self._seconds = seconds
        self._deadline = self._began + seconds
        self._next_pause = self._began + WORK_S

    def allow(self, share: float) -> None:
        """From now on the search ends when that share of its time is up."""
        self._deadline = self._began + share * self._seconds

    def __call__(self) -> None:
        now = time.monotonic()
        if now > self._deadline:
            raise _TimeIsUp
        if now > self._next_pause:
            time.sleep(PAUSE_S)
            self._next_pause = time.monotonic() + WORK_S


class _Look:
    """One search: the texts, and what was found of them so far."""

    def __init__(self, given: Texts, tick: Callable[[], object]) -> None:
        self.given = given
        self.tick = tick
        self.texts = [text for one in given.held if (text := _text(one, given.wholes, tick)) is not None]
        self.reach = Reach(given.flows, ((one.id, one.whole) for one in self.texts if one.whole != one.id))
        self.links: dict[tuple[str, str, str], Link] = {}
        self._of_others: dict[str, list[tuple[int, int]]] = {}
        """Where texts that may be quoted themselves stand in one that was put together of them."""
        self._own: dict[str, Folded] = {}
        self._came_in: dict[str, set[str]] = {}
        self._shared = Shingles(
            [one.folded for one in self.texts], [at for at, one in enumerate(self.texts) if one.row]
        )

    def take(self, link: Link) -> None:
        """Takes an edge that was found."""
        known = self.links.setdefault(link[:3], link)
        if known is link:
            self.reach.note(link.effect, link.cause)
        elif link.fields:
            self.links[link[:3]] = known.with_fields_of(link)

    def holds(self, text: _Text, found: Iterable[Contained], before: Sequence[_Text]) -> None:
        """Takes what stands in a text."""
        places = [(span.start, span.end) for one in found if _may_be_quoted(before[one.source]) for span in one.spans]
        if places:
            self._of_others[text.id] = places

    def is_put_together(self, text: _Text) -> bool:
        """Whether others stand in the text, as passages in a prompt: what is repeated of one there is the passage's,
        and to repeat the words around them says nothing of any.
        """
        return text.id in self._of_others

    def own_words(self, text: _Text) -> Folded:
        """What a text says by itself."""
        places = self._of_others.get(text.id)
        if places is None:
            return text.folded
        own = self._own.get(text.id)
        if own is None:
            own = self._own[text.id] = text.folded.without(places)
        return own

    def before(self, position: int) -> list[_Text]:
        """What was there before a value, of what came into its activity last: that explains it best."""
        text = self.texts[position]
        among = range(position) if position < MANY or not text.folded.tokens[SIZE:] else self._shared.before(position)
        before = [one for at in sorted(among) if (one := self.texts[at]).whole != text.whole]
        if text.is_given:
            return before
        came_in = self.came_into(text.id)
        if text.kind == semconv.KIND_MODEL_CALL and self.reach.is_seen(key_of(text.id)):
            return [one for one in before if one.id in came_in]
        return sorted(before, key=lambda one: one.id not in came_in)

    def behind(self, made: Folded, answers: Answers | None) -> list[_Text]:
        """The texts that may stand in one of the output's. Where models said all of it, those that came into their
        calls: what one knows by heart is no source, though it was loaded.
        """
        texts = self.texts
        if len(texts) >= MANY and made.tokens[SIZE:]:
            texts = [texts[at] for at in sorted(self._shared.near(made))]
        said_by = [] if answers is None else answers.that_say(made)
        if not said_by or not all(self.reach.is_seen(key_of(each)) for each in said_by):
            return texts
        came_in = set(said_by).union(*(self.came_into(each) for each in said_by))
        return [one for one in texts if one.id in came_in or one.kind != semconv.KIND_SOURCE]

    def answers(self) -> Answers:
        """What models said."""
        said = (one for one in self.texts if one.kind == semconv.KIND_MODEL_CALL and not one.is_given)
        return Answers(self.given, [(one.id, one.folded) for one in said])

    def came_into(self, value_id: str) -> set[str]:
        """What came into the activity that made a value."""
        key = key_of(value_id)
        if key not in self._came_in:
            self._came_in[key] = self.reach.into(key)
        return self._came_in[key]

    @cached_property
    def all_instructions(self) -> list[Folded]:
        """What all models were told."""
        return list(self.instructions())

    def instructions(self, key: str | None = None) -> Iterator[Folded]:
        """What models were told beside values that are known, or that one of them was; and what the output was given.

        An answer that repeats words of these has them from there.
        """
        for short in self.given.asked:
            yield Folded(short)
        for one in self.texts:
            if one.is_given and one.kind == semconv.KIND_OUTPUT:
                yield one.folded
            elif one.is_given and one.kind == semconv.KIND_MODEL_CALL and key in {None, key_of(one.id)}:
                yield self.own_words(one)


def _text(held: Held, wholes: frozenset[str], tick: Callable[[], object]) -> _Text | None:
    entity_id, value, _, kind, of = held
    if isinstance(value, Row):
        fields = tuple(Folded(one, tick) for one in value)
        return _Text(entity_id, entity_id, kind, is_given=False, folded=Folded("\n".join(value), tick), row=fields)
    text = _text_of(value)
    if text is None:
        return None
    whole = of or entity_id
    return _Text(entity_id, whole, kind, of == GIVEN or whole in wholes, Folded(text, tick))


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


def _of_values(look: _Look) -> Iterator[Iterator[Link]]:
    """What each value that the scope knows came from: found when it is asked for."""
    for position, text in enumerate(look.texts):
        if not _came_from_outside(text):
            yield _of_value(look, text, look.before(position))


def _of_value(look: _Look, text: _Text, before: list[_Text]) -> Iterator[Link]:
    """What a step was given or made, from what was there before it."""
    if text.kind == semconv.KIND_MODEL_CALL and not text.is_given:
        # A model's: whatever stands in it was repeated by the model, which may have gone by other values too.
        for cause, repeat in _repeated(look, text.folded, before, look.instructions(key_of(text.id))):
            yield from _links(text, cause.id, QUOTATION, repeat)
        return
    found = _standing_in(text.folded, before)
    if not found and (plain := out_of_base64(text.folded.source)) is not None:
        found = [one._replace(spans=()) for one in _standing_in(Folded(plain, look.tick), before)]
    if not text.is_given:
        found = _best_explained(found, [one.id in look.came_into(text.id) for one in before])
    look.holds(text, found, before)
    for one in found:
        yield from _links(text, before[one.source].id, CONTAINMENT, one)
    if not found:
        yield from _cut_from(text, before)


def _standing_in(made: Folded, before: Sequence[_Text], own: Sequence[Folded] | None = None) -> list[Contained]:
    """Which values stand in a text, and of which rows the fields do."""
    if not before:
        return []
    found = contained(made, own or [one.folded for one in before])
    known = {one.source for one in found}
    for position, one in enumerate(before):
        if one.row and position not in known and (row := row_in(made, one.row)) is not None:
            found.append(row._replace(source=position))
    return [_without_places(one) if before[one.source].row else one for one in found]


def _best_explained(found: list[Contained], came_in: Sequence[bool]) -> list[Contained]:
    """Without what has the same words as a value that came into the step."""
    explained = sorted((span.start, span.end) for one in found if came_in[one.source] for span in one.spans)
    if not explained:
        return found

    def is_explained(start: int, end: int) -> bool:
        return any(first <= start and end <= last for first, last in explained)

    return [
        one
        for one in found
        if came_in[one.source] or not all(is_explained(span.start, span.end) for span in one.spans) or not one.spans
    ]


def _without_places(found: Contained | Quoted) -> Any:
    """Of a row, which has no text that they could count in."""
    return found._replace(spans=tuple(span._replace(source_start=0, source_end=0) for span in found.spans))


def _repeated(
    look: _Look, made: Folded, before: Sequence[_Text], instructions: Iterable[Folded], *, is_field: bool = False
) -> Iterator[tuple[_Text, Contained | Quoted]]:
    """Which values stand in a text, and of which others it repeats words."""
    instructions = list(instructions)
    causes = [one for one in before if _may_be_quoted(one)]
    if not causes:
        return
    folded = [look.own_words(one) for one in causes]
    put_together = {position for position, one in enumerate(causes) if look.is_put_together(one)}
    whole = [one for one in _standing_in(made, causes, folded) if one.coverage == 1.0 or one.source not in put_together]
    whole = _not_explained(look, made, causes, whole, instructions)
    for one in whole:
        yield causes[one.source], one
    rest = sorted(set(range(len(causes))) - {one.source for one in whole} - put_together)
    beside = itertools.chain(
        (causes[one.source].folded for one in whole), (folded[one] for one in sorted(put_together)), instructions
    )
    for quote in quoted(made, [folded[position] for position in rest], beside, is_field=is_field):
        cause = causes[rest[quote.source]]
        yield cause, _without_places(quote) if cause.row else quote


def _not_explained(
    look: _Look, made: Folded, causes: Sequence[_Text], found: list[Contained], instructions: Sequence[Folded]
) -> list[Contained]:
    """Without what only repeats the question, or what a model said that was not given it."""
    if not found:
        return found
    asked = [span for one in contained(made, instructions) for span in one.spans] if instructions else []
    said = [(one, causes[one.source]) for one in found if causes[one.source].kind == semconv.KIND_MODEL_CALL]
    kept = []
    for one in found:
        cause = causes[one.source]
        is_of_model = cause.kind == semconv.KIND_MODEL_CALL
        by_heart = [
            span
            for answer, text in ([] if is_of_model else said)
            if look.reach.is_seen(key_of(text.id)) and cause.id not in look.came_into(text.id)
            for span in answer.spans
        ]
        if is_of_model or not _lies_within(one, [*asked, *by_heart]):
            kept.append(one)
    return kept


def _lies_within(found: Contained, places: Sequence[Span]) -> bool:
    return bool(found.spans) and all(
        any(place.start <= span.start and span.end <= place.end for place in places) for span in found.spans
    )


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


def _of_output(look: _Look) -> Iterator[Iterator[Link]]:
    """What each text of the output's value came from: values that stand in it, and words of others."""
    output_id = look.given.output_id
    known = {one.folded.source: one for one in reversed(look.texts) if _may_be_quoted(one) and not one.row}
    leaves = [(place, text) for place, leaf in look.given.made if (text := _text_of(leaf)) is not None and text]
    is_json = False
    if len(leaves) == 1 and leaves[0][0] is None and (fields := fields_of(leaves[0][1])):
        leaves, is_json = [(place, text) for place, text in fields if text], True
    asked = {one.folded.source for one in look.texts if one.is_given and one.kind == semconv.KIND_OUTPUT}
    asked |= look.given.asked
    size = sum(len(text) for _, text in leaves)
    answers = look.answers() if len(leaves) <= MAX_FIELDS else None
    for place, leaf in leaves:
        if place is not None and leaf in known:
            is_told = len(leaves) <= MAX_FIELDS
            if (is_told or is_json) and leaf not in asked:  # what is in an object, and no text, is known otherwise
                link = _whole_field(output_id, place, leaf, known[leaf].id)
                yield iter([link if is_told else link._replace(fields=())])
            continue
        if answers is not None and (said := answers.only(leaf, is_field=bool(place))) is not None:
            yield iter([_said_shortly(output_id, place, leaf, *said)])
        if place is not None:
            yield _of_field(look, place, Folded(leaf, look.tick), len(leaf) / size, answers)
        elif leaf not in known:  # handed on as it is: what it comes from is that value's story
            yield from _of_body(look, leaf, answers)


def _said_shortly(output_id: str, place: str | None, leaf: str, cause: str, answer: str) -> Link:
    """All of a text is all that a model answered, too short to be found anywhere else."""
    spans = ((0, len(leaf), 0, len(answer)),)
    return Link(output_id, cause, CONTAINMENT, 1.0, spans if place is None else (), ((place, spans),) if place else ())


def _of_body(look: _Look, leaf: str, answers: Answers | None) -> Iterator[Iterator[Link]]:
    """What a text came from that may carry others in frames, or in base64."""
    carried = unframed(leaf, look.tick)
    for one in carried:
        yield _of_made(look, Folded(one.text, look.tick), answers, one)
    if not carried and (plain := out_of_base64(leaf)) is not None:
        yield (link._replace(spans=()) for link in _of_made(look, Folded(plain, look.tick), answers))
    elif not carried:
        yield _of_made(look, Folded(leaf, look.tick), answers)


def _whole_field(output_id: str, place: str, leaf: str, cause: str) -> Link:
    """Of a field that is a known text: nothing is to be searched for, and its place is all that is new."""
    return Link(output_id, cause, DIGEST, 1.0, (), ((place, ((0, len(leaf), 0, len(leaf)),)),))


def _of_field(look: _Look, place: str, made: Folded, share: float, answers: Answers | None) -> Iterator[Link]:
    """What one field of a structured output came from; so much of the output's text stands in it."""
    texts = look.behind(made, answers)
    for cause, found in _repeated(look, made, texts, look.all_instructions, is_field=True):
        basis = _basis(found)
        coverage = round(found.coverage * share, 4) if basis == QUOTATION else found.coverage
        yield Link(look.given.output_id, cause.id, basis, coverage, (), ((place, _places(found)),))


def _of_made(look: _Look, made: Folded, answers: Answers | None, frames: Unframed | None = None) -> Iterator[Link]:
    for cause, found in _repeated(look, made, look.behind(made, answers), look.all_instructions):
        places = _places(found)
        if frames is not None:
            places = tuple((*frames.within(start, end), *cause_at) for start, end, *cause_at in places)  # type: ignore[misc]
        yield Link(look.given.output_id, cause.id, _basis(found), found.coverage, places)


def _basis(found: Contained | Quoted) -> str:
    return CONTAINMENT if isinstance(found, Contained) else QUOTATION


def _may_be_quoted(text: _Text) -> bool:
    """Sources, and what steps and models made: not the question, and not prompts, which hold all of these."""
    return not text.is_given


def _links(text: _Text, cause: str, basis: str, found: Contained | Quoted) -> Iterator[Link]:
    yield Link(text.id, cause, basis, found.coverage, _places(found))
    if text.whole != text.id:
        yield Link(text.whole, cause, basis, found.coverage, ())


def _places(found: Contained | Quoted) -> tuple[Place, ...]:
    spans: Sequence[Place] = found.spans[:MAX_SPANS]
    return tuple(tuple(span) for span in spans)  # type: ignore[misc] # of four each
