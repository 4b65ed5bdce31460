"""Which sources support each sentence of an output, and how that is known. Pure: the record's edges keep the places."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from msgspec import UNSET

from provsdk.matching import MAX_SPANS, fields_of, words
from provsdk.records.flow import nested_outputs
from provsdk.records.record import Edge, Entity, ProvenanceRecord, Source
from provsdk.vocabulary import Basis, CompletenessReason, Relation

__all__ = ["Sentence", "Support", "limits", "sentences", "why"]

_DERIVED: Final = Relation.WAS_DERIVED_FROM.value
_TEXT: Final = "text/plain"
_IDENTITY: Final = Basis.IDENTITY.value
_BASES: Final = (_IDENTITY, Basis.DIGEST.value, Basis.CONTAINMENT.value, Basis.QUOTATION.value, Basis.EXPLICIT.value)
"""Those that come with places; what says more first."""
_SAME: Final = frozenset({Basis.IDENTITY.value, Basis.DIGEST.value})

ENOUGH: Final = 0.8
"""Of a sentence's letters and figures, that stand in sources: less supports it in part."""

FEWEST: Final = 6.0
"""Words of a sentence that could be a quotation: of a shorter one it cannot be told."""

MIN_REPEATED: Final = 12
"""Characters of a sentence's supported words that are looked for once more."""

_END: Final = re.compile(
    r"(?:[.!?\u2026\u0589\u061f\u06d4\u0964\u0965\u104b\u1362\u17d4]+[\"'\u00bb\u201d\u2019)\]]*(?=\s|$)|[\u3002\uff01\uff1f]+[\u300d\u300f\u201d]*|\n+)"
)
"""Where a sentence may end: a full stop or its like before a blank, one of the East at once, a line."""

Verdict = Literal["supported", "in part", "unsupported", "too short"]


class Support(NamedTuple):
    """A source that has words of the sentence."""

    source_id: str
    """Or the id of an output that was made within this one: its own record says more."""
    source: str
    """Its name, and that of the element where it is one."""
    basis: str
    start: int
    """Of the words in the output, in characters."""
    end: int
    source_start: int
    """And in the source, or in the element of it."""
    source_end: int
    value_id: str
    """Of the source's value, or of the element of it, in which they stand."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an output."""

    start: int
    end: int
    text: str
    supports: tuple[Support, ...]
    share: float
    """Of its letters and figures, how many stand in sources, 0 to 1."""
    field: str | None = None
    """Of an output that is structured, the field that it stands in, by its JSON Pointer (RFC 6901); start and end, and
    those of its supports, count in the text of that field."""

    @property
    def verdict(self) -> Verdict:
        """`supported` where nearly all of it stands in sources; `too short` where too little is said to be told."""
        if self.share > 0:
            return "supported" if self.share >= ENOUGH else "in part"
        return "too short" if words(self.text) < FEWEST else "unsupported"


def why(record: ProvenanceRecord, text: str) -> tuple[Sentence, ...]:
    """The sentences of the output with the sources whose words they repeat; of a structured one, field by field.

    Args:
        record: of the output.
        text: what the output came to, whole, of a structured one as JSON; whoever calls has compared it with the
            record's digest.
    """
    fields = fields_of(text)
    if not fields:
        return tuple(_told(text, list(_supports(record, len(text), None)), None))
    return tuple(
        sentence for place, said in fields for sentence in _told(said, list(_supports(record, len(said), place)), place)
    )


def _told(text: str, known: list[Support], field: str | None) -> Iterator[Sentence]:
    """The sentences of a text, or of the text in a field."""
    places = list(sentences(text))
    supports = sorted({*known, *_repeated(text, places, known)}, key=lambda one: (one.start, one.end, one.source))
    for start, end in places:
        mine = tuple(one for one in supports if one.start < end and one.end > start)
        yield Sentence(start, end, text[start:end], mine, _share(text, start, end, mine), field)


def _repeated(text: str, places: Sequence[tuple[int, int]], known: Iterable[Support]) -> Iterator[Support]:
    """Where a sentence's supported words stand once more: a record has the first place of a passage."""
    seen: set[tuple[str, str]] = set()
    for one in known:
        for start, end in places:
            first, last = max(one.start, start), min(one.end, end)
            said = text[first:last]
            if last - first < MIN_REPEATED or (one.source, said) in seen:
                continue
            seen.add((one.source, said))
            source_start = min(one.source_start + first - one.start, one.source_end)
            source_end = min(source_start + len(said), one.source_end)
            for again in (found.start() for found in re.finditer(re.escape(said), text)):
                if again != first:
                    yield Support(*one[:3], again, again + len(said), source_start, source_end, one.value_id)


def limits(record: ProvenanceRecord) -> tuple[str, ...]:
    """Why words of an output may stand in a source although nothing says so; none for most records.

    The places of an edge are kept up to a number; and values may not have been searched, or not whole.
    """
    names, equal = _names(record), _equal_to_output(record)
    cut = dict.fromkeys(
        names[edge.to][1]
        for edge in record.flow
        if edge.from_ in equal and edge.to in names and _most_places(edge) >= MAX_SPANS
    )
    said = [f"of {name} only the first {MAX_SPANS} places were kept" for name in cut]
    if any(one.reason == CompletenessReason.BOUND_REACHED.value for one in record.completeness.reasons):
        said.append("not all values were searched (bound_reached: `provsdk show` says which)")
    return tuple(said)


def _most_places(edge: Edge) -> int:
    """How many are kept of the text of which most are."""
    fields = {} if edge.fields is UNSET else edge.fields
    return max(map(len, [() if edge.spans is UNSET else edge.spans, *fields.values()]))


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence, without the blanks around it.

    >>> text = "It costs 3.50 a day. Is that all? Yes."
    >>> [text[start:end] for start, end in sentences(text)]
    ['It costs 3.50 a day.', 'Is that all?', 'Yes.']
    """
    start = 0
    for end in [*(found.end() for found in _END.finditer(text)), len(text)]:
        if _goes_on(text, end):
            continue
        stripped = text[start:end].strip()
        if stripped:
            first = text.index(stripped, start)
            yield first, first + len(stripped)
        start = end


_ABBREVIATION: Final = re.compile(
    r"\b(?:Dr|Mr|Mrs|Ms|Prof|St|Sr|Jr|Inc|Ltd|Co|Corp|No|Nr|Art|Fig|Vol|pp|vs|cf|approx|e\.g|i\.e|z\.B|d\.h|u\.a|p\.ex|ca"
    r"|Sra?|Dra|Mme|M|Hr|Fr|[A-Z])\.$"
)
"""That a name, a number or an example follows."""


def _goes_on(text: str, end: int) -> bool:
    """Whether the full stop there is an abbreviation's: what follows begins small, or the word is one."""
    if text[end - 1 : end] != ".":
        return False
    following = text[end : end + 2].lstrip(" ")
    return following[:1].islower() or (
        bool(following) and _ABBREVIATION.search(text, max(end - 10, 0), end) is not None
    )


def _share(text: str, start: int, end: int, supports: Iterable[Support]) -> float:
    counted = [place for place in range(start, end) if text[place].isalnum()]
    covered = {place for one in supports for place in range(max(one.start, start), min(one.end, end))}
    return sum(place in covered for place in counted) / len(counted) if counted else 0.0


def _supports(record: ProvenanceRecord, length: int, field: str | None) -> Iterator[Support]:
    """What is known of a text of that length: the output's, or that of a field of it."""
    names = _names(record)
    equal = _equal_to_output(record)
    for value_id, basis in equal.items():
        if value_id in names:
            source_id, name = names[value_id]
            yield Support(source_id, name, basis, 0, length, 0, length if field is None else 0, value_id)
    back = _Back(names, _by_effect(record))
    for value_id in equal:
        for edge in back.edges.get(value_id, ()):
            yield from back.along(edge, [Place(*span) for span in _spans(edge, field)], frozenset(equal))


class Place(NamedTuple):
    """Where words of the output's text stand in another one."""

    start: int
    end: int
    other_start: int
    other_end: int

    def within(self, other: "Place") -> "Place | None":
        """The same words one step further: `other` says where the other text stands in a third one."""
        first, last = max(self.other_start, other.start), min(self.other_end, other.end)
        if first >= last:
            return None
        start, end = (min(self.start + at - self.other_start, self.end) for at in (first, last))
        if last == self.other_end:
            end = self.end
        third = (min(other.other_start + at - other.start, other.other_end) for at in (first, last))
        return Place(start, end, *third)


class _Back(NamedTuple):
    """The way from words of an output to sources, over the values between them."""

    names: Mapping[str, tuple[str, str]]
    edges: Mapping[str, Sequence[Edge]]

    def along(
        self, edge: Edge, places: Sequence[Place], seen: frozenset[str], weakest: str = _IDENTITY
    ) -> Iterator[Support]:
        """What supports the words at these places of the edge's cause."""
        basis = max(weakest, edge.basis, key=_BASES.index)
        if edge.to in self.names:
            source_id, name = self.names[edge.to]
            yield from (Support(source_id, name, basis, *place, edge.to) for place in places)
        elif places and edge.to not in seen:
            for further in self.edges.get(edge.to, ()):
                yield from self.along(further, list(_further(places, further)), seen | {edge.to}, basis)


def _further(places: Sequence[Place], edge: Edge) -> Iterator[Place]:
    """The words one step back; all of them where the two values are the same."""
    spans = [Place(*span) for span in _spans(edge, None)]
    if not spans and edge.basis in _SAME and edge.fields is UNSET:
        yield from places
    for place in places:
        for span in spans:
            if (found := place.within(span)) is not None:
                yield found


def _by_effect(record: ProvenanceRecord) -> dict[str, list[Edge]]:
    """The edges whose places are known, by what they lead from."""
    found: dict[str, list[Edge]] = {}
    for edge in record.flow:
        if edge.relation == _DERIVED and edge.basis in _BASES:
            found.setdefault(edge.from_, []).append(edge)
    return found


def _spans(edge: Edge, field: str | None) -> Sequence[tuple[int, int, int, int]]:
    if field is None:
        return () if edge.spans is UNSET else edge.spans
    return () if edge.fields is UNSET else edge.fields.get(field, ())


def _equal_to_output(record: ProvenanceRecord) -> dict[str, str]:
    """The values that are the output, each with how that is known: what is known of their text is known of its text."""
    same: dict[str, list[tuple[str, str]]] = {}
    for edge in record.flow:
        if edge.relation != _DERIVED or edge.basis not in _SAME or edge.fields is not UNSET:
            continue
        if edge.from_ != record.output.output_id or not _is_only_held(record, edge.to):
            same.setdefault(edge.from_, []).append((edge.to, edge.basis))
    found, waiting = {record.output.output_id: Basis.IDENTITY.value}, [record.output.output_id]
    while waiting:
        above = waiting.pop()
        for value, basis in same.get(above, ()):
            if value not in found:
                found[value] = basis if found[above] == Basis.IDENTITY.value else found[above]
                waiting.append(value)
    return found


def _is_only_held(record: ProvenanceRecord, value_id: str) -> bool:
    """Whether a structured output holds the value, and is more than that: both are linked to it in the same way."""
    output = record.output
    if output.media_type == _TEXT or (output.digest is None and output.join_digest is None):
        return False
    values: list[tuple[str, Source | Entity]] = [(source.source_id, source) for source in record.sources]
    values += [(each.entity_id, each) for source in record.sources for each in source.elements]
    for step in record.transformations:
        values += [(each.entity_id, each) for each in (*step.arguments, *step.results)]
    for call in record.model_calls:
        values += [(each.entity_id, each) for each in (*call.arguments, *call.results)]
    digests = {known: (value.digest, value.join_digest) for known, value in values}
    return digests.get(value_id) != (output.digest, output.join_digest)


def _names(record: ProvenanceRecord) -> Mapping[str, tuple[str, str]]:
    """Id and name of the source that a value is, or is in, or of the output that was made within this one."""
    found = {}
    for source in record.sources:
        found[source.source_id] = source.source_id, source.name
        for element in source.elements:
            place = f"{source.name}: {element.name}" if element.name else source.name
            found[element.entity_id] = source.source_id, place
    arrows = ((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)
    for output_id in nested_outputs(arrows, record.output.output_id):
        found[output_id] = output_id, f"output {output_id}"
    return found
