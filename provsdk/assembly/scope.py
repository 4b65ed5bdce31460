"""What is gathered for one record, and the values of one span on the way into it."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from provsdk import semconv
from provsdk.assembly.dialects.native import EntityFact, Facts, Problem, Ref
from provsdk.assembly.spans import SpanData
from provsdk.assembly.text import MAX_NAME, clean, plain_json
from provsdk.matching import MAX_SPANS
from provsdk.records.flow import DERIVED, GENERATED, USED, Arrow
from provsdk.records.ids import is_value_id, position
from provsdk.records.record import Edge, Entity, Stream
from provsdk.vocabulary import Basis, CompletenessReason, OutputStatus, StreamBoundary

__all__ = ["Activity", "Native", "Scope"]

INVALID: Final = CompletenessReason.INVALID_FACT.value
LOST: Final = CompletenessReason.FACTS_LOST.value
SPAN_MISSING: Final = CompletenessReason.SPAN_MISSING.value

_SAID_BASES: Final = frozenset(each.value for each in Basis if each is not Basis.ENCLOSING)
"""What a span may say of an edge: `enclosing` is never said, only inferred."""
_DIGEST: Final = Basis.DIGEST.value
_FOUND_BASES: Final = frozenset({Basis.CONTAINMENT.value, Basis.QUOTATION.value, _DIGEST})
_EXPLICIT: Final = Basis.EXPLICIT.value
_IDENTITY: Final = Basis.IDENTITY.value
_REASONS: Final = frozenset(each.value for each in CompletenessReason)
_STATUSES: Final = frozenset(each.value for each in OutputStatus)
_BOUNDARIES: Final = frozenset(each.value for each in StreamBoundary)
_GIVEN: Final = frozenset({"argument", "declared"})
_ROLES: Final = _GIVEN | {"result", "element", "template", "tool_call"}

_MAX_SIZE: Final = 2**53 - 1
_MAX_N: Final = 999_999_999
_JOIN: Final = re.compile(r"hmac-sha256:[0-9a-f]{16}:[0-9a-f]{64}").fullmatch
_HEX: Final = frozenset("0123456789abcdef")
_NOTHING: Final[Mapping[Any, Any]] = {}

_OUT: Final = "out"


class Native(msgspec.Struct, frozen=True, gc=False):
    """A span of ours with its facts."""

    span: SpanData
    kind: str
    key: str
    facts: Facts
    problems: list[Problem]


class Scope:
    """One record while it is put together."""

    __slots__ = ("arrows", "contents", "local", "missing", "named", "spans", "told")

    def __init__(self, local: Mapping[str, Any] | None) -> None:
        self.local = local
        self.arrows: set[Arrow] = set()
        self.told: dict[Arrow, Edge] = {}
        """Edges of which more is known than that they are there."""
        self.missing: set[tuple[str, str | None]] = set()
        self.named: set[str] = set()
        """Ids of values that spans speak of."""
        self.contents: list[tuple[str, str, bytes]] = []
        spans = local.get("spans") if local is not None else None
        self.spans: Mapping[str, Any] = spans if isinstance(spans, dict) else _NOTHING
        if local is not None:
            self._take_missing(local.get("missing"))
            self._take_found(local.get("found"))
            self._take_cited(local.get("cited"))

    def _take_found(self, said: Any) -> None:
        """Edges that content shows, as the process found them."""
        for each in said if isinstance(said, (list, tuple)) else ():
            match each:
                case (str(effect), str(cause), str(basis), float(coverage), tuple(spans), tuple(fields)) if (
                    is_value_id(effect) and is_value_id(cause) and effect != cause and basis in _FOUND_BASES
                ):
                    arrow = (effect, cause, DERIVED, basis)
                    self.told[arrow] = Edge(
                        from_=effect,
                        to=cause,
                        relation=DERIVED,
                        basis=basis,
                        coverage=msgspec.UNSET if basis == _DIGEST else coverage,
                        spans=list(spans) or msgspec.UNSET,
                        fields={clean(place): list(places) for place, places in fields} or msgspec.UNSET,
                    )
                case _:
                    self.missing.add((INVALID, "found"))

    def _take_cited(self, said: Any) -> None:
        """Places of edges that were declared."""
        for each in said if isinstance(said, (list, tuple)) else ():
            match each:
                case (str(effect), str(cause), tuple(places)) if is_value_id(effect) and is_value_id(cause):
                    arrow = (effect, cause, DERIVED, _EXPLICIT)
                    known = self.told.get(arrow)
                    spans = [] if known is None or known.spans is msgspec.UNSET else known.spans
                    self.told[arrow] = Edge(
                        from_=effect,
                        to=cause,
                        relation=DERIVED,
                        basis=_EXPLICIT,
                        spans=sorted({*spans, *places})[:MAX_SPANS],
                    )
                case _:
                    self.missing.add((INVALID, "cited"))

    def settle(self) -> None:
        """Takes in what content shows, once all else is known.

        A field that equals a value was found by its digest; where the output holds that very object, its edge says so.
        """
        for arrow, edge in list(self.told.items()):
            same = (*arrow[:3], _IDENTITY)
            if arrow[3] == _DIGEST and same in self.arrows:
                del self.told[arrow]
                self.told[same] = msgspec.structs.replace(edge, basis=_IDENTITY)
            else:
                self.arrows.add(arrow)

    def _take_missing(self, said: Any) -> None:
        for each in said if isinstance(said, (list, tuple)) else ():
            match each:
                case [str(reason), detail] if reason in _REASONS:
                    self.missing.add((str(reason), clean(detail) if isinstance(detail, str) else None))
                case _:
                    self.missing.add((INVALID, "missing"))


class Activity:
    """One native span, while its values and edges go into the scope."""

    __slots__ = (
        "_given", "_inner", "_made", "_own", "_values", "activity_id", "declared_at_home", "error_type", "facts", "key",
        "local", "name", "scope", "status",
    )  # fmt: skip

    def __init__(self, native: Native, scope: Scope) -> None:
        span, facts, key = native.span, native.facts, native.key
        self.scope = scope
        self.facts = facts
        self.key = key
        self.activity_id = "act_" + key
        called = span.name if facts.name is None else facts.name
        self.name = name = clean(called)
        local = scope.spans.get(key)
        self.local: Mapping[str, Any] = local if isinstance(local, dict) else _NOTHING
        declared = self.local.get("declared")
        self.declared_at_home: Mapping[str, Any] = declared if isinstance(declared, dict) else _NOTHING
        self._own = "out_" + key if native.kind == semconv.KIND_OUTPUT else None
        self._values: dict[int, Entity] = {}
        # The same by what they are to the activity, without an output's own.
        self._given: list[Entity] = []
        self._made: list[Entity] = []
        self._inner: list[Entity] = []
        if name is not called or span.dropped_attributes or native.problems or facts.missing:
            self._take_missing(native)
        self.status: str = facts.status if facts.status in _STATUSES else self._status_of(span)
        self.error_type = None if facts.error is None else self.text(facts.error, "error")
        """Qualified name of the exception's class."""
        if facts.entities:
            self._take_values()

    def _take_missing(self, native: Native) -> None:
        called = native.span.name if native.facts.name is None else native.facts.name
        if self.name is not called:
            self.lacks(CompletenessReason.NAME_CHANGED.value, "name")
        if native.span.dropped_attributes:
            self.lacks(CompletenessReason.ATTRIBUTES_DROPPED.value, None)
        for reason, detail in native.problems:
            self.lacks(reason, detail)
        for reason, detail in native.facts.missing:
            if reason == SPAN_MISSING:
                self.scope.missing.add((reason, clean(detail) if detail is not None else None))  # of the whole output
            elif reason in _REASONS:
                self.lacks(reason, detail)
            else:
                self.lacks(INVALID, "missing")

    def lacks(self, reason: str, detail: str | None) -> None:
        """Notes that something of this activity is missing."""
        said = self.name if detail is None else f"{self.name}: {detail}"
        self.scope.missing.add((reason, clean(said)))

    # -- fields

    def text(self, value: str | None, field: str, limit: int = MAX_NAME) -> str | None:
        """A text as a record may hold it."""
        if value is None or (len(value) <= limit and value.isprintable()):
            return value
        safe = clean(value, limit)
        if safe is not value:
            self.lacks(CompletenessReason.NAME_CHANGED.value, field)
        return safe

    def texts(self, values: list[str], field: str) -> list[str]:
        """Several of them."""
        return [safe for value in values if (safe := self.text(value, field)) is not None]

    def word(self, value: str | None, words: frozenset[str], field: str, default: str) -> str:
        """A word of the vocabulary."""
        if value in words:
            return value
        if value is not None:
            self.lacks(INVALID, field)
        return default

    def count(self, value: int | None, field: str) -> int | None:
        """A count from 0."""
        if value is None or 0 <= value <= _MAX_SIZE:
            return value
        self.lacks(INVALID, field)
        return None

    def stream(self) -> Stream | msgspec.UnsetType:
        """How much of it was delivered; unset where the call made no stream."""
        said = self.facts.stream
        if said is None:
            return msgspec.UNSET
        undelivered, disconnected = self.count(said.undelivered, "stream"), said.disconnected
        return Stream(
            chunks=self.count(said.chunks, "stream") or 0,
            boundary=self.word(said.boundary, _BOUNDARIES, "stream", StreamBoundary.GENERATOR.value),
            first_chunk_us=self.count(said.first_us, "stream"),
            undelivered=msgspec.UNSET if undelivered is None else undelivered,
            disconnected=msgspec.UNSET if disconnected is None else disconnected,
        )

    def parameters(self, on_span: dict[str, Any]) -> dict[str, Any]:
        """Free-form settings, which stay in the process by default, as far as they have canonical bytes."""
        values = self.declared_at_home.get("parameters", on_span)
        if not isinstance(values, dict):
            self.lacks(INVALID, "parameters")
            return {}
        kept = {}
        for name, value in values.items():
            try:
                kept[plain_json(name)] = plain_json(value)
            except ValueError:
                self.lacks(INVALID, "parameters")
        return kept

    def _status_of(self, span: SpanData) -> str:
        """What the span says, where its facts say nothing."""
        if (LOST, self.name) not in self.scope.missing:
            self.lacks(INVALID, "status")
        return OutputStatus.FAILED.value if span.status == "error" else OutputStatus.COMPLETED.value

    # -- values

    def _take_values(self) -> None:
        """Makes the values by their numbers: of those that claim the same number, the first is kept."""
        values, last, waiting = self._values, -1, False
        plain, names = self.local.get("plain"), self.local.get("names")
        if not isinstance(plain, dict):
            plain = _NOTHING
        if not isinstance(names, dict):
            names = _NOTHING
        for fact in self.facts.entities:
            n = fact.n
            if n in values or not 0 <= n <= _MAX_N or fact.role not in _ROLES:
                self.lacks(INVALID, "entities")
                continue
            values[n] = self._value(n, fact, plain.get(n), names.get(n, fact.name))
            if n < last or fact.of is not None:
                waiting = True
            last = n
        if waiting:
            self._values = dict(sorted(values.items()))
            self._put_into_containers()
        self._tell_apart()

    def _value(self, n: int, fact: EntityFact, plain: Any, name: Any) -> Entity:
        join, size = fact.join, fact.size
        if join is None or type(plain) is not bytes or len(plain) != 32:
            digest = self._digest(plain, fact)
        else:
            digest = "sha256:" + plain.hex()
        if join is not None and _JOIN(join) is None:
            self.lacks(INVALID, "entities.join")
            join = None
        return Entity(
            entity_id=self._own if n == 0 and self._own is not None else f"ent_{self.key}-{n}",
            role=fact.role,
            name=self.text(name, "entities.name") if isinstance(name, str) else None,
            digest=digest,
            join_digest=join,
            media_type=self.text(fact.media, "entities.media"),
            size_bytes=size if size is None or 0 <= size <= _MAX_SIZE else self.count(size, "entities.size"),
        )

    def _put_into_containers(self) -> None:
        values = self._values
        for fact in self.facts.entities:
            if fact.of is None or fact.n not in values:
                continue
            container = values.get(fact.of)
            if container is None or fact.of == fact.n:
                self.lacks(INVALID, "entities.of")
            else:
                values[fact.n] = msgspec.structs.replace(values[fact.n], element_of=container.entity_id)

    def _tell_apart(self) -> None:
        """What was given, what was made, and what stands inside either."""
        own = self._own
        for value in self._values.values():
            role = value.role
            if value.entity_id is own:
                continue
            if role == "result":
                self._made.append(value)
            elif role == "element":
                self._inner.append(value)
            elif role in _GIVEN:
                self._given.append(value)

    def made(self) -> list[Entity]:
        """The results, in the order of their numbers; without the output's own."""
        return self._made

    def declared(self) -> list[Entity]:
        """The values that somebody said to be part of it."""
        return [each for each in self._given if each.role == "declared"] if self._given else []

    def inner(self) -> list[Entity]:
        """What stands inside other values."""
        return self._inner

    def inner_of_results(self) -> list[Entity]:
        """What stands inside the results."""
        return [each for each in self._inner if self._is_of_result(each)] if self._inner else []

    def arguments(self, *, told_of: bool = True) -> list[Entity]:
        """What the activity was given, with what it was told of unless it is not wanted, and what is inside those."""
        given = self._given
        if not given:
            return []
        if self._inner:
            given = given + [each for each in self._inner if not self._is_of_result(each)]
        return given if told_of else [each for each in given if each.role != "declared"]

    def results(self) -> list[Entity]:
        """What the activity made, and what stands inside that."""
        return self._made + self.inner_of_results() if self._inner else self._made

    def value(self, n: int) -> Entity:
        """The n-th value; one of which nothing is known where nothing was said of it."""
        return self._values.get(n) or Entity(entity_id=f"ent_{self.key}-{n}", role="result")

    def found(self, n: int) -> Entity | None:
        """The n-th value; None where nothing was said of it."""
        return self._values.get(n)

    def _digest(self, plain: Any, fact: EntityFact) -> str | None:
        """The plain digest: from what stayed in the process, else from the span where it may stand there."""
        if type(plain) is bytes and len(plain) == 32:
            found: str | None = "sha256:" + plain.hex()
        else:
            found = plain if isinstance(plain, str) else fact.plain
            if found is None:
                return None
            if not (len(found) == 71 and found.startswith("sha256:") and _HEX.issuperset(found[7:])):
                self.lacks(INVALID, "entities.plain")
                return None
        if fact.join is None:
            self.scope.missing.add((CompletenessReason.DIGEST_UNAVAILABLE.value, None))
        return found

    # -- edges

    def connect(self, *, is_activity: bool = True) -> None:
        """Puts the edges that the facts speak of into the scope; a basis or a reference that means nothing is left out.

        Args:
            is_activity: False for what somebody declared to be a source: there is no load that used or made anything.
        """
        facts, arrows, named = self.facts, self.scope.arrows, self.scope.named
        if is_activity:
            self._connect_activity()
        for effect, cause, basis in facts.derived:
            a: Any = effect if effect in named else self._resolved(effect)
            b: Any = cause if cause in named else self._resolved(cause)
            if a is None or b is None or a == b or basis not in _SAID_BASES:
                self.lacks(INVALID, "derived")
            else:
                arrows.add((a, b, DERIVED, basis))
        for nested in facts.nested:
            if nested.startswith("out_") and is_value_id(nested) and nested != self._own:
                arrows.add((nested, "act_" + nested[4:], GENERATED, _IDENTITY))
            else:
                self.lacks(INVALID, "nested")
        if "content" in self.local:
            self._take_content()

    def _connect_activity(self) -> None:
        facts, arrows, named, activity_id = self.facts, self.scope.arrows, self.scope.named, self.activity_id
        by_hand = facts.by_hand
        made = _EXPLICIT if by_hand else _IDENTITY
        if self._own is not None:
            arrows.add((self._own, activity_id, GENERATED, made))
        else:
            for value in self.results():
                arrows.add((value.entity_id, activity_id, GENERATED, made))
        for ref, basis in facts.used:
            cause: Any = ref if ref in named else self._resolved(ref)
            if cause is None or basis not in _SAID_BASES:
                self.lacks(INVALID, "used")
            else:
                arrows.add((activity_id, cause, USED, _EXPLICIT if by_hand else basis))

    def _is_of_result(self, element: Entity) -> bool:
        container = element.element_of
        return container is None or self._values[position(container)].role != "argument"

    def _resolved(self, ref: Ref) -> str | None:
        """The id of the value, which is noted as one that was spoken of; None where it means nothing."""
        if type(ref) is int:
            if ref == 0 and self._own is not None:
                return self._own
            own = self._values.get(ref)
            return own.entity_id if own is not None else None
        if ref == _OUT:
            return self._own
        if not is_value_id(ref):  # type: ignore[arg-type] # as above
            return None
        self.scope.named.add(ref)  # type: ignore[arg-type] # as above
        return ref  # type: ignore[return-value] # as above

    def _take_content(self) -> None:
        said = self.local["content"]
        for each in said if isinstance(said, (list, tuple)) else ():
            match each:
                case (int(n), str(media_type), bytes(content)):
                    self.scope.contents.append(
                        (self._own if n == 0 and self._own else f"ent_{self.key}-{n}", clean(media_type), content)
                    )
                case _:
                    self.lacks(CompletenessReason.CONTENT_NOT_KEPT.value, None)
