"""Which value came from which: the registry of an output's scope, and the look into what passes through a call.

A value is known by identity (the very same object) or by digest (equal content). Objects that the interpreter shares,
and values too small to be more than chance, link nothing (`provsdk.digest.is_linkable`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple
from weakref import ReferenceType, ref

from provsdk.digest import MIN_LINKABLE_BYTES, Measured, children, field_names, is_linkable, measure
from provsdk.semconv import KIND_OUTPUT

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "GIVEN",
    "MAX_DEPTH",
    "MAX_ENTITIES",
    "MAX_LOOKS",
    "MAX_WIDTH",
    "Found",
    "Held",
    "Known",
    "Ref",
    "Registry",
    "known_in",
    "look_into",
]

MAX_DEPTH: Final = 8
"""Levels of nesting that are looked into: the arguments of a tool call stand on the seventh of a chat completion."""

MAX_WIDTH: Final = 16_384
"""Elements of one container that are looked into: a retrieval of 10,000 documents is looked through to its end."""

MAX_NAME: Final = 64
"""Characters of an element's name."""

MAX_LOOKS: Final = 131_072
"""Values that one look into a container touches."""

MAX_ENTITIES: Final = 81_920
"""Values that one output's scope keeps; each is held alive to the end of the scope."""

MAX_ELEMENTS: Final = 65_536
"""As many are kept before elements of containers are left out, so that there is room for results themselves: 10,000
documents with five fields each fit in, and of documents with more fields all 10,000 are there."""

Ref = int | str
"""A span's own entity by number, or any entity by its id."""

_LEAVES: Final = (str, bytes)

_BESIDE_ANSWERS: Final = frozenset({"id", "logprobs"})
"""Fields within the answers of a response that are none."""


class Known(NamedTuple):
    """What the registry knows of a value."""

    id: str
    basis: Literal["identity", "digest"]


class Found(NamedTuple):
    """A value inside a container: its path there, its measure, and what it is known as."""

    name: str
    """Positions and names of fields; keys of mappings stand as `*`, as they may be anybody's text."""
    full_name: str
    """The same with the keys: stays in the process."""
    value: Any
    measured: Measured
    known: Known | None


_NOT_HELD: Final = object()

GIVEN: Final = ""
"""In place of a container's id: the value was handed to its activity."""

MAX_HELD: Final = 64 * 1024 * 1024
"""Bytes of values, as their digests count, that one output's scope holds alive; others are known by content only."""

SMALL: Final = 64 * 1024
"""Bytes of a value that is held alive where it could be held weakly: its fields may be searched for."""

Held = tuple[str, Any, bytes | None, str, str | None]
"""Id, the value itself (or a weak reference to it, or what stands for one that is not held), its digest when it was
entered, the kind of its activity, and what it is an element of, or `GIVEN`; a plain tuple, as one is made for every
value."""


class Registry:
    """The values of one output's scope, by identity and by content; owned by that scope, shared by its threads.

    Each operation is one dict operation or depends on none before it, so threads need no lock.
    """

    __slots__ = ("_by_digest", "_by_identity", "_bytes", "cut", "has_made")

    def __init__(self) -> None:
        self._bytes = 0
        self._by_identity: dict[int, Held] = {}
        self._by_digest: dict[bytes, str] = {}
        self.cut = False
        """A bound was reached: something that flowed may be missing."""
        self.has_made = False
        """It knows more than what the output was given."""

    def __len__(self) -> int:
        return len(self._by_identity)

    def has_room(self, limit: int = MAX_ENTITIES) -> bool:
        """Whether one more value is kept below `limit`; where it is not, something that flowed may be missing."""
        if len(self._by_identity) < limit:
            return True
        self.cut = True
        return False

    def find(self, value: Any, measured: Measured) -> Known | None:
        """The entity that `value` is, if it is known. A container that was changed since is not the same any more."""
        digest = measured.digest
        held = self._by_identity.get(id(value))
        if held is not None and held[2] == digest and (held[1] is value or _refers(held[1], value)):
            return Known(held[0], "identity")
        return self.by_content(measured) if digest in self._by_digest else None

    def former(self, value: Any) -> str | None:
        """The entity that this very object was before its content changed."""
        held = self._by_identity.get(id(value))
        return held[0] if held is not None and (held[1] is value or _refers(held[1], value)) else None

    def held(self) -> list[Held]:
        """Every value that is alive, in the order in which they were entered first."""
        return [
            one if type(one[1]) is not ReferenceType else (one[0], alive, *one[2:])
            for one in list(self._by_identity.values())
            if type(one[1]) is not ReferenceType or (alive := one[1]()) is not None
        ]

    def enter(
        self, entity_id: str, value: Any, measured: Measured, kind: str, of: str | None = None, *, replace: bool = False
    ) -> None:
        """Notes that `value` is `entity_id` from now on; equal content keeps its first name unless `replace`.

        Args:
            entity_id: Its id.
            value: Is held as long as has to be, no longer than the registry.
            measured: What it measures.
            kind: Of the activity that it belongs to.
            of: The container that it is an element of, by id; `GIVEN` of what an activity was given; None: it was made.
            replace: Whether it is what equal content is known as from now on.
        """
        if len(self._by_identity) >= MAX_ENTITIES and not self.has_room():
            return
        digest, _, size, _ = measured
        kept = self._kept(value, digest, size) if digest is None or size is None or size > SMALL else value
        self._by_identity[id(value)] = (entity_id, kept, digest, kind, of)
        if of != GIVEN or kind != KIND_OUTPUT:
            self.has_made = True
        if digest is not None and (replace or digest not in self._by_digest):
            self.enter_content(entity_id, measured, replace=replace)

    def _kept(self, value: Any, digest: bytes | None, size: int | None) -> Any:
        """What is held of a value that is large, or of which nobody knows how much it holds: as little as can be."""
        if type(value) is not str and type(value) is not bytes:
            with suppress(TypeError):  # a list, or an object of C that cannot be held weakly
                return ref(value)
        self._bytes += size or 0
        return value if digest is None or self._bytes <= MAX_HELD else _NOT_HELD

    def by_content(self, measured: Measured) -> Known | None:
        """The entity that has this content."""
        known = self._by_digest.get(measured.digest) if measured.digest is not None else None
        return Known(known, "digest") if known is not None else None

    def enter_content(self, entity_id: str, measured: Measured, *, replace: bool = False) -> None:
        """Notes whose content this is, without holding a value alive.

        Equal content of little size is chance: two lists of one short word each have nothing to do with each other.
        """
        if measured.digest is not None and (measured.size_bytes or 0) >= MIN_LINKABLE_BYTES:
            if replace:
                self._by_digest[measured.digest] = entity_id
            else:
                self._by_digest.setdefault(measured.digest, entity_id)


def _refers(held: Any, value: Any) -> bool:
    return type(held) is ReferenceType and held() is value


def _safe_name(name: str, container: Any, declared: tuple[str, ...] | None) -> str:
    """A declared field's name or a position; a key of a mapping, or a value that a model took beyond its fields, is
    data, and must not reach a span.
    """
    is_safe = len(name) <= MAX_NAME and name.isascii() and (name.isidentifier() or name.isdecimal())
    is_code = not isinstance(container, Mapping) if declared is None else name in declared
    return name if is_safe and is_code else "*"


def look_into(value: Any, registry: Registry, answers: tuple[str, Any] | None = None) -> Iterator[Found]:
    """The linkable values inside a container, those on top first; what is beyond the bounds is noted as cut.

    A known value is not looked into any further: what it holds is its own story.

    Args:
        value: the container.
        registry: what is known.
        answers: of a model API's response, the field that holds the answers, and what it holds: only that is looked
            into. What stands beside it says something of the call, or repeats what was asked.
    """
    looks = 0
    visited = {id(value)}
    queue = deque([("", "", value, 1)] if answers is None else [(f"{answers[0]}.", f"{answers[0]}.", answers[1], 2)])
    while queue:
        prefix, full_prefix, container, depth = queue.popleft()
        declared = field_names(type(container))
        for position, (name, part) in enumerate(children(container)):
            looks += 1
            if position == MAX_WIDTH or looks > MAX_LOOKS:
                registry.cut = True
                break
            if not is_linkable(part) or (answers is not None and name in _BESIDE_ANSWERS):
                continue
            measured = measure(part)
            known = registry.find(part, measured)
            named, full = prefix + _safe_name(name, container, declared), full_prefix + name
            yield Found(named, full, part, measured, known)
            if known is None and not isinstance(part, _LEAVES) and id(part) not in visited:
                visited.add(id(part))
                if depth == MAX_DEPTH:
                    registry.cut = True
                else:
                    queue.append((f"{named}.", f"{full}.", part, depth + 1))


def known_in(value: Any, registry: Registry) -> Iterator[Known]:
    """The known values inside a container, each once."""
    seen: set[str] = set()
    for found in look_into(value, registry):
        if found.known is not None and found.known.id not in seen:
            seen.add(found.known.id)
            yield found.known
