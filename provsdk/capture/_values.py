"""What a traced call was given and what it made: values that are known from before, or are entities from now on."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from provsdk import semconv
from provsdk.capture import _outside
from provsdk.capture._binding import EXTRA
from provsdk.capture._content import encode
from provsdk.capture._facts import missing_of
from provsdk.capture._flow import GIVEN, MAX_ELEMENTS, MAX_WIDTH, known_in, look_into
from provsdk.capture._inputs import keeps_text
from provsdk.capture._likeness import has
from provsdk.capture._request import SETTINGS
from provsdk.capture._responses import answers_of, texts_of
from provsdk.capture._texts import short_texts
from provsdk.capture._written import WHOLE, written_in
from provsdk.digest import MIN_LINKABLE_BYTES, children, is_linkable, measure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provsdk.capture._facts import Entity
    from provsdk.capture._flow import Found, Known, Ref, Registry
    from provsdk.capture._scope import Scope
    from provsdk.capture._search import Place
    from provsdk.capture.ports import Ports
    from provsdk.digest import Measured

__all__ = ["Values"]

_LEAVES: Final = (str, bytes)
"""Nothing is inside these; asked before anything is looked into, as most values are text."""


_SMALL: Final = frozenset({str, int, float})

MAX_ELEMENTS_MADE: Final = 1_024
"""Values of one call up to which those inside its result are noted for other outputs, which may load them."""

MAX_PARTS: Final = 64
"""Parts of a value that was made outside of any output that are known again."""


class Values:
    """The values of one traced call, and how they are related; nothing is known of them outside any output."""

    key: str
    kind: str
    name: str
    ports: Ports
    parent: Values | None
    scope: Scope | None
    extra: dict[str, Any]
    entities: list[Entity]
    plain: dict[int, bytes]
    """Digests by number."""
    used: list[tuple[Ref, str]]
    derived: list[tuple[Ref, str, str]]
    # Most calls never touch these; what stands here need not be set for each of them.
    missing: tuple[tuple[str, str | None], ...] = ()
    content: tuple[tuple[int, str, bytes], ...] = ()
    keeps: str | None = None
    """`capture_content` of this call; None: as its output says, or the configuration."""
    seen: frozenset[str] = frozenset()
    """Ids of known values that the call was given, and of known values in them."""
    names: dict[int, str] | None = None
    """Names of elements with the keys of mappings in them, by number."""
    linked: frozenset[str] = frozenset()
    """Ids of known values that a stream was found to come from."""
    streams: tuple[Any, ...] = ()
    """Readings of traced streams that the call was given, and that had not begun."""
    descendants: frozenset[str] = frozenset()
    """Keys of the activities that ran inside this one."""
    has_unseen = False
    """Of a model call: whether it may have been given texts that nobody saw."""
    _count = 0
    _has_result = False

    def lacks(self, reason: str, detail: str | None) -> None:
        """Notes something that the record will not know."""
        self.missing += ((reason, detail),)

    def given(self, name: str | None, value: Any) -> None:
        """Notes that the call was given `value`: an entity that is known, or a new one."""
        scope = self.scope
        if scope is None:
            return
        is_output = self.kind == semconv.KIND_OUTPUT
        if is_output and self.parent is not None and self.parent.scope is not None:
            self._given_from_outside(value, self.parent)
        if type(value) not in _LEAVES and (stream := _reading_of(value)) is not None:
            self.streams += (stream,)
            return
        linkable = is_linkable(value)
        if not linkable:
            if not is_output:
                return
            if type(value) in _SMALL:
                scope.asked |= {str(value)}
        measured = measure(value, max_bytes=self.ports.settings.max_value_bytes)
        known = scope.registry.find(value, measured) if linkable else None
        if known is not None:
            self.seen |= {known.id}
            self.used.append((known.id, known.basis))
            if type(value) not in _LEAVES:
                self.seen |= {inner.id for inner in known_in(value, scope.registry)}
        elif measured.digest is not None or measured.problem is not None:
            self._given_new(name, value, measured, linkable=linkable)

    def _given_new(self, name: str | None, value: Any, measured: Measured, *, linkable: bool) -> None:
        scope = self.scope
        assert scope is not None  # noqa: S101 given() asked
        if measured.digest is None and self.kind == semconv.KIND_MODEL_CALL and keeps_text(value):
            self.has_unseen = True
        if measured.digest is None and not _holds_known(value, scope.registry):
            return  # a client, a connection, a callback: what a function works with, not what flows
        full_name = name.removeprefix(EXTRA) if name is not None else None
        if full_name != name:
            name = full_name if full_name in SETTINGS else "*"
        if measured.problem is not None:
            self.lacks(*missing_of(measured, name))
        if _outside.made:
            self._ask_outside(measured)
        former = scope.registry.former(value) if linkable else None
        n = self._enter("argument", name, value, measured, linkable=linkable)
        if full_name is not None and full_name != name:
            self._name_in_full(n, full_name)
        if former is not None:
            self.derived.append((n, former, "identity"))
        self.used.append((n, "identity"))
        if linkable and type(value) not in _LEAVES and not self._is_setting(full_name):
            self._look_inside(n, value, is_result=False)

    def _is_setting(self, name: str | None) -> bool:
        """A model call's tools and the like: how it was made, not what it was made of."""
        return self.kind == semconv.KIND_MODEL_CALL and name in SETTINGS

    def _given_from_outside(self, value: Any, outer: Values) -> None:
        """A nested output's argument, as the outer output knows it."""
        scope = outer.scope
        if scope is None or not is_linkable(value):
            return
        known = scope.registry.find(value, measure(value, max_bytes=self.ports.settings.max_value_bytes))
        found = [known] if known is not None else known_in(value, scope.registry)
        outer.derived.extend((f"out_{self.key}", each.id, each.basis) for each in found)

    def made(self, value: Any, *, is_constant: bool = False) -> None:
        """Notes that the call made `value`: an entity that it was given, or a new one that may come from known ones.

        Args:
            value: what the call returned.
            is_constant: it stands in the function's own code, so that being the same object says nothing.
        """
        scope, is_output = self.scope, self.kind == semconv.KIND_OUTPUT
        if self.kind == semconv.KIND_POLICY_CHECK or (value is None and not is_output):
            return
        if scope is None:
            self._made_outside(value)
            return
        measured = measure(value, max_bytes=self.ports.settings.max_value_bytes)
        if measured.problem is not None:
            self.lacks(*missing_of(measured, "result"))
        linkable = is_linkable(value)
        known = scope.registry.find(value, measured) if linkable else None
        if is_constant and known is not None and known.id not in scope.declared:
            known = None  # its being the same object says nothing
        if is_output:
            self._made_output(value, measured, known, linkable=linkable)
        elif known is not None and known.basis == "identity" and self._handed_on(known.id):
            self.extra.setdefault("returned", []).append(known.id)
        else:
            self._made_new(value, measured, known, linkable=linkable)

    def _made_outside(self, value: Any) -> None:
        """Of no record; but an output that is given it, or something in it, is to say so."""
        maker = f"the {self.kind.replace('_', ' ')} {self.name!r} ran outside any output"
        for made in (value, *(part for _, part in islice(children(value), MAX_PARTS))):
            if is_linkable(made):
                digest = measure(made, max_bytes=self.ports.settings.max_value_bytes).digest
                if digest is not None:
                    _outside.note(digest, maker)

    def _note_for_others(self, measured: Measured) -> None:
        """What a source gave, which a cache may hand on to another output; one around this one knows it anyway."""
        if measured.digest is not None and not self._is_in_nested_output():
            _outside.note(measured.digest, f"the source {self.name!r} ran in another output")

    def _is_in_nested_output(self) -> bool:
        above = self.parent
        while above is not None and above.kind != semconv.KIND_OUTPUT:
            above = above.parent
        return above is not None and above.parent is not None

    def _ask_outside(self, measured: Measured) -> None:
        """Whether a value that nothing is known of was made before, where this output was not."""
        maker = _outside.maker_of(measured.digest)
        if maker is not None:
            said = ("span_missing", f"{maker}, and what it made was used here")
            if said not in self.missing:
                self.lacks(*said)

    def comes_from(self, value: Any, causes: Iterable[Any]) -> None:
        """Notes what the user's code says: the value, which the call made or handed on, comes from each of these."""
        scope = self.scope
        if scope is None:
            return
        known = self._known(scope, value)
        effect: Ref = known.id if known is not None else 0
        for cause in causes:
            found = self._known(scope, cause)
            if found is None:
                self.lacks("invalid_fact", "from_: a value that cannot be told from others of its kind")
            elif found.id != effect:
                self.derived.append((effect, found.id, "explicit"))
                scope.declared |= {effect if isinstance(effect, str) else f"ent_{self.key}-{effect}"}

    def cites(self, value: Any, source: Any, places: tuple[Place, ...]) -> None:
        """Notes what the user's code says: the value, or those places of it, rest on the source."""
        scope = self.scope
        if scope is None:
            return
        cause = self._known(scope, source)
        if cause is None:
            self.lacks("invalid_fact", "cite: a source that the output does not know")
            return
        effect: Ref | None = None
        if is_linkable(value):
            known = self._known(scope, value)
            effect = known.id if known is not None else self._cited_value(scope, value)
        if effect is None:
            self.lacks("invalid_fact", "cite: a value that cannot be told from others of its kind")
        elif effect != cause.id:
            self.rests_on(effect, cause.id, places)

    def _cited_value(self, scope: Scope, value: Any) -> int | None:
        """A value that nobody made in a traced call: from now on the output knows it."""
        measured = measure(value, max_bytes=self.ports.settings.max_value_bytes)
        if measured.digest is None or not scope.registry.has_room():
            return None
        n = self._next("declared")
        self._add_entity(n, "declared", "cited", value, measured, element_of=None)
        scope.registry.enter(f"ent_{self.key}-{n}", value, measured, self.kind)
        return n

    def rests_on(self, effect: Ref, cause: str, places: tuple[Place, ...]) -> None:
        """Notes an edge that was declared, with its places, which stay in the process."""
        self.derived.append((effect, cause, "explicit"))
        if self.scope is not None:
            named = effect if isinstance(effect, str) else f"ent_{self.key}-{effect}"
            self.scope.declared |= {named}
            if places:
                self.scope.cited += ((named, cause, places),)

    def _known(self, scope: Scope, value: Any) -> Known | None:
        if not is_linkable(value):
            return None
        return scope.registry.find(value, measure(value, max_bytes=self.ports.settings.max_value_bytes))

    def made_item(self, value: Any) -> int | None:
        """Notes one item of a load that brought many sources; its number, None when the scope holds no more."""
        scope = self.scope
        if scope is None or not scope.registry.has_room():
            return None
        measured = measure(value, max_bytes=self.ports.settings.max_value_bytes)
        if measured.problem is not None:
            self.lacks(*missing_of(measured, "item"))
        return self._made_new(value, measured, None, linkable=is_linkable(value))

    def delivered(self, chunk: Any) -> None:
        """Notes a chunk of a stream: a known value is what the stream comes from, a new one is an element of it."""
        scope, is_output = self.scope, self.kind == semconv.KIND_OUTPUT
        if scope is None or not is_linkable(chunk):
            return
        measured = measure(chunk, max_bytes=self.ports.settings.max_value_bytes)
        known = scope.registry.find(chunk, measured)
        stream = "out" if is_output else 0
        if known is not None and not (known.basis == "digest" and self._makes_from_elsewhere()):
            self._link(stream, known)
        elif is_output:
            for inner in known_in(chunk, scope.registry):
                self._link(stream, inner)
        elif measured.digest is not None:
            self._deliver_element(chunk, measured)

    def _link(self, effect: int | str, known: Known) -> None:
        """A derivation, once: a stream may repeat what it comes from in every chunk."""
        if known.id not in self.linked:
            self.linked |= {known.id}
            self.derived.append((effect, known.id, known.basis))

    def _deliver_element(self, chunk: Any, measured: Measured) -> None:
        scope = self.scope
        assert scope is not None  # noqa: S101 delivered() asked
        if self._count >= MAX_WIDTH:
            scope.registry.cut = True
            return
        n = self._next("element")
        self._add_entity(n, "element", str(n), chunk, measured, element_of=0)
        scope.registry.enter(f"ent_{self.key}-{n}", chunk, measured, self.kind, f"ent_{self.key}-0", replace=True)

    def made_stream(self, measured: Measured, content: str | bytes | None) -> None:
        """Notes what a stream came to, of which nobody holds the whole: its digest, and content where it was kept."""
        scope, is_output = self.scope, self.kind == semconv.KIND_OUTPUT
        if scope is None or "each" in self.extra:
            return
        if measured.problem is not None:
            self.lacks(*missing_of(measured, "stream"))
        known = scope.registry.by_content(measured)
        self._has_result = True
        if is_output:
            scope.made = content
        self._add_entity(0, "result", None, content, measured, element_of=None)
        if known is not None and (is_output or not self._makes_from_elsewhere()):
            self._link("out" if is_output else 0, known)
        if not is_output and isinstance(content, str):
            self._answered_shortly(scope, content)
            scope.registry.enter(f"ent_{self.key}-0", content, measured, self.kind, replace=True)
        elif not is_output:
            scope.registry.enter_content(f"ent_{self.key}-0", measured, replace=True)
        elif self.parent is not None and self.parent.scope is not None:
            self.parent.scope.registry.enter_content(scope.output_id, measured, replace=True)

    def answered(self, text: str) -> None:
        """Notes what the chunks of a model's stream say together: whoever joins their texts holds an equal value."""
        scope = self.scope
        if scope is None:
            return
        if not is_linkable(text):
            self._answered_shortly(scope, text)
            return
        measured = measure(text, max_bytes=self.ports.settings.max_value_bytes)
        n = self._next("element")
        self._add_entity(n, "element", "text", text, measured, element_of=0)
        scope.registry.enter(f"ent_{self.key}-{n}", text, measured, self.kind, f"ent_{self.key}-0", replace=True)

    def told(self, role: str, name: str, value: Any) -> int | None:
        """Notes a value that belongs to the call and flows nowhere by itself; its number, None outside any output."""
        if self.scope is None:
            return None
        measured = measure(value, max_bytes=self.ports.settings.max_value_bytes)
        if measured.problem is not None:
            self.lacks(*missing_of(measured, role))
        n = self._next(role)
        self._add_entity(n, role, name, value, measured, element_of=None)
        return n

    def _handed_on(self, entity_id: str) -> bool:
        """Whether the entity is one that this call was given, or that something called by it made."""
        if self.kind == semconv.KIND_SOURCE:
            return False
        return entity_id in self.seen or entity_id[4:53] == self.key or entity_id[4:53] in self.descendants

    def _made_new(self, value: Any, measured: Measured, known: Known | None, *, linkable: bool) -> int:
        """A new entity. Equal content links a step to what it was given; a model or a source may just repeat itself."""
        n = self._enter("result", None, value, measured, linkable=linkable)
        if linkable and self.kind == semconv.KIND_SOURCE:
            self._note_for_others(measured)
        if known is not None and (known.basis == "identity" or not self._makes_from_elsewhere()):
            self.derived.append((n, known.id, known.basis))
        if linkable and type(value) not in _LEAVES and (known is None or self._makes_from_elsewhere()):
            self._look_inside(n, value, is_result=True)
        elif linkable and self.kind == semconv.KIND_SOURCE:
            self._look_into_text(n, value)
        return n

    def _look_into_text(self, n: int, value: str | bytes) -> None:
        """What a loaded text says: the fields of a JSON text are known from now on, as those of an object are."""
        scope = self.scope
        assert scope is not None  # noqa: S101 every caller asked
        container = f"ent_{self.key}-{n}"
        for found in written_in(value):
            if found.name == "text" and "each" in self.extra:
                continue  # an item of many is no line that somebody printed
            element = self._hold(found, n)
            if element is not None and found.name not in WHOLE and scope.registry.has_room(MAX_ELEMENTS):
                entity_id = f"ent_{self.key}-{element}"
                scope.registry.enter(entity_id, found.value, found.measured, self.kind, container)

    def _makes_from_elsewhere(self) -> bool:
        return self.kind in {semconv.KIND_MODEL_CALL, semconv.KIND_SOURCE}

    def _look_inside(self, n: int, value: Any, *, is_result: bool) -> None:
        """The elements of a container: known ones are what it comes from, others are entities from now on."""
        scope = self.scope
        assert scope is not None  # noqa: S101 every caller asked
        own = is_result and self._makes_from_elsewhere()
        answers = answers_of(value) if is_result and self.kind == semconv.KIND_MODEL_CALL else None
        if is_result and self.kind == semconv.KIND_MODEL_CALL:
            self._answered_in_short(scope, n, texts_of(value) if answers is not None else short_texts(value))
        seen: set[str] = set()
        container = f"ent_{self.key}-{n}"
        for found in list(look_into(value, scope.registry, answers)):
            known = found.known
            if known is not None and not (own and known.basis == "digest"):
                if known.id not in seen:
                    seen.add(known.id)
                    self.derived.append((n, known.id, known.basis))
            elif found.measured.digest is not None and scope.registry.has_room(MAX_ELEMENTS):
                if not is_result and _outside.made:
                    self._ask_outside(found.measured)
                element = self._next("element")
                self._add_entity(element, "element", found.name, found.value, found.measured, element_of=n)
                if found.full_name != found.name:
                    self._name_in_full(element, found.full_name)
                if is_result and self.kind == semconv.KIND_SOURCE:
                    self._note_for_others(found.measured)
                entity_id = f"ent_{self.key}-{element}"
                scope.registry.enter(entity_id, found.value, found.measured, self.kind, container, replace=is_result)
        if seen:
            self.seen |= seen

    def _name_in_full(self, n: int, name: str) -> None:
        """One mapping for the whole call: a load of many sources names thousands of elements, one source at a time."""
        if self.names is None:
            self.names = {}
        self.names[n] = name

    def _made_output(self, value: Any, measured: Measured, known: Known | None, *, linkable: bool) -> None:
        scope = self.scope
        assert scope is not None  # noqa: S101 made() asked
        self._add_entity(0, "result", None, value, measured, element_of=None)
        scope.made = value
        if known is not None:
            self.derived.append(("out", known.id, known.basis))
        elif linkable:
            if _outside.made:
                self._ask_outside(measured)
            if type(value) not in _LEAVES:
                self._look_into_output(value, scope)
            else:
                for found in written_in(value):
                    self._hold(found)
        outer = self.parent.scope if self.parent is not None else None
        if outer is not None and linkable:
            self._tell_outer(outer, value, measured)

    def _tell_outer(self, outer: Scope, value: Any, measured: Measured) -> None:
        """What this output came to, and what is in it that the one around it does not know, is this output there."""
        assert self.scope is not None  # noqa: S101 made() asked
        output_id, registry = self.scope.output_id, outer.registry
        registry.enter(output_id, value, measured, self.kind, replace=True)
        if type(value) not in _LEAVES:
            for found in islice(look_into(value, registry), MAX_ELEMENTS_MADE):
                if found.known is None and found.measured.digest is not None:
                    registry.enter(output_id, found.value, found.measured, self.kind, replace=True)

    def _look_into_output(self, value: Any, scope: Scope) -> None:
        """Known values inside are what it comes from; others may load all but what is an output of its own."""
        found = list(look_into(value, scope.registry))
        known: dict[str, Known] = {}
        for each in found:
            if each.known is not None:
                known.setdefault(each.known.id, each.known)
        self.derived.extend(("out", one.id, one.basis) for one in known.values())
        for each in found:
            if each.known is None or not each.known.id.startswith("out_"):
                self._hold(each)

    def _hold(self, found: Found, container: int = 0) -> int | None:
        """An element of the result, by which other outputs know it; its number, None where it is not noted."""
        if self._count >= MAX_ELEMENTS_MADE or (found.measured.size_bytes or 0) < MIN_LINKABLE_BYTES:
            return None
        n = self._next("element")
        self._add_entity(n, "element", found.name, found.value, found.measured, element_of=container)
        if found.full_name != found.name:
            self._name_in_full(n, found.full_name)
        return n

    def _enter(self, role: str, name: str | None, value: Any, measured: Measured, *, linkable: bool) -> int:
        scope = self.scope
        assert scope is not None  # noqa: S101 every caller asked
        n = self._next(role)
        self._add_entity(n, role, name, value, measured, element_of=None)
        if linkable:
            is_result = role == "result"
            of = None if is_result else GIVEN
            scope.registry.enter(f"ent_{self.key}-{n}", value, measured, self.kind, of, replace=is_result)
        elif role == "result" and self.kind == semconv.KIND_SOURCE and type(value) in _SMALL:
            scope.small += ((len(scope.registry), f"ent_{self.key}-{n}", value),)
        elif role == "result" and type(value) is str:
            self._answered_shortly(scope, value, n)
        return n

    def _answered_in_short(self, scope: Scope, n: int, said: Iterable[str]) -> None:
        for each in said:
            self._answered_shortly(scope, each, n)

    def _answered_shortly(self, scope: Scope, text: str, n: int = 0) -> None:
        """A word of a model, which may be all that the output says."""
        if self.kind == semconv.KIND_MODEL_CALL and text and not is_linkable(text):
            scope.answers.append((f"ent_{self.key}-{n}", text))

    def _next(self, role: str) -> int:
        """The number of a new entity: 0 is the first result, the others count from 1."""
        if role == "result" and not self._has_result:
            self._has_result = True
            return 0
        self._count += 1
        return self._count

    def _add_entity(
        self, n: int, role: str, name: str | None, value: Any, measured: Measured, *, element_of: int | None
    ) -> None:
        if measured.digest is not None:
            self.plain[n] = measured.digest
        self.entities.append((n, role, name, measured, element_of))
        # Most keep nothing, which is seen without asking.
        if (
            self.ports.settings.capture_content == "none"
            and self.keeps is None
            and self.scope is not None
            and not self.scope.keeps
        ):
            return
        if element_of is None and self.keeps_content():
            self._keep_content(n, value, measured)

    def keep(self, content: str) -> None:
        """Says whether the content of values is kept: of this call's, or of all that belong to this output."""
        self.keeps = content
        if self.kind == semconv.KIND_OUTPUT and self.scope is not None:
            self.scope.keeps = content

    def keeps_content(self) -> bool:
        """Whether it is: what stands nearest to the value says so, its call, its output, or the configuration."""
        of_output = self.scope.keeps if self.scope is not None else None
        return (self.keeps or of_output or self.ports.settings.capture_content) == "full"

    def _keep_content(self, n: int, value: Any, measured: Measured) -> None:
        content = None if measured.digest is None else encode(value, measured.media_type)
        if content is None:
            self.lacks("content_not_kept", f"entities[{n}]")
        else:
            self.content += ((n, measured.media_type, content),)

    def use_streams(self) -> None:
        """A stream that the call was given has an id as soon as its first step has begun."""
        for stream in self.streams:
            if stream.entity_id is not None:
                self.used.append((stream.entity_id, "identity"))


def _reading_of(value: Any) -> Any:
    """The reading of a traced stream; known by its class, as an object, or a metaclass, may answer anything."""
    return value.provsdk_reading if has(type(value), "provsdk_reading") else None


def _holds_known(value: Any, registry: Registry) -> bool:
    """Whether a value without a digest is known, was known before it changed, or has something known inside."""
    return registry.former(value) is not None or next(known_in(value, registry), None) is not None
