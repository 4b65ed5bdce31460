"""The texts that an output's scope knows, as they are when it ends: what may be changed afterwards is not kept."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from provsdk.capture._code import constants
from provsdk.capture._flow import GIVEN
from provsdk.digest import children, is_linkable
from provsdk.matching import pointer
from provsdk.semconv import KIND_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from provsdk.capture._flow import Held
    from provsdk.capture._scope import Flow, Scope

__all__ = ["Row", "Texts", "short_texts", "texts_of"]

_NUMBERS: Final = frozenset({int, float})
"""Types of figures, as a structured value holds them."""

MAX_LEAVES: Final = 4_096
"""Values within an output's value that are looked into, and short fields of all its sources."""

MAX_SHORT: Final = 4_096
"""Characters of what one model call made that are looked through for short answers."""

MAX_ROW: Final = 16_384
"""Characters of one source's fields."""


class Row(tuple[str, ...]):
    """The short fields of a value, none of which could be told from others of its kind by itself."""

    __slots__ = ()


class Texts(NamedTuple):
    """What the texts of one output are searched in; holds nothing else of its scope alive."""

    output_id: str
    held: list[Held]
    """Texts of the registry, and rows, in the order in which they came to be known."""
    wholes: frozenset[str]
    """Ids of the values that were handed to an activity: elements of these were, too."""
    flows: list[Flow]
    """What each activity was given, and what its values come from."""
    made: list[tuple[str | None, str | bytes]]
    """Texts in the output's value, each with its place there, a JSON Pointer (RFC 6901); None: it is the value."""
    is_whole: bool
    """False where a bound was reached."""
    answers: Sequence[tuple[str, str]] = ()
    """Short answers of models: id and text."""
    constants: frozenset[str] = frozenset()
    """Texts and figures that stand in the code of the output's function; empty where there are no short answers."""
    asked: frozenset[str] = frozenset()
    """Short values that the output was given."""


def texts_of(scope: Scope, max_bytes: int) -> Texts | None:
    """The texts of an output that has ended; None where there is nothing but what it was given, so nothing to find.

    Args:
        scope: the output's.
        max_bytes: Characters of all texts together, bytes of binary ones.
    """
    if not (scope.registry.has_made or scope.small):
        return None
    held = scope.registry.held()
    made, left = _leaves(scope.made, max_bytes)
    found = []
    for one in _with_rows(held, scope.small):
        value = one[1]
        left -= sum(map(len, value)) if isinstance(value, Row) else len(value)
        if left < 0:
            break
        found.append(one)
    given = frozenset(entity_id for entity_id, _, _, _, of in held if of == GIVEN)
    return Texts(
        scope.output_id,
        found,
        given,
        list(scope.flows),
        made,
        left >= 0,
        tuple(scope.answers),
        _constants(scope),
        scope.asked,
    )


def _constants(scope: Scope) -> frozenset[str]:
    return constants(scope.own_code) if scope.answers and scope.own_code is not None else frozenset()


def _with_rows(held: Sequence[Held], small: Iterable[tuple[int, str, Any]]) -> Iterator[Held]:
    """The texts, and in their places the rows: what sources gave that is small, or holds small values."""
    waiting = deque(small)
    looks = MAX_LEAVES
    for position, one in enumerate(held):
        while waiting and waiting[0][0] <= position:
            yield _small(*waiting.popleft())
        entity_id, value, digest, kind, of = one
        if isinstance(value, (str, bytes)):
            yield one
        elif kind == KIND_SOURCE and of is None and looks > 0:
            fields = Row(text for _, leaf in _leaves(value, MAX_ROW)[0] if (text := _short(leaf)) is not None)
            looks -= len(fields)
            if fields:
                yield entity_id, fields, digest, kind, of
    yield from (_small(*one) for one in waiting)


def _small(_: int, entity_id: str, value: Any) -> Held:
    return entity_id, Row([value if isinstance(value, str) else repr(value)]), None, KIND_SOURCE, None


def short_texts(value: Any) -> list[str]:
    """The short texts and figures in a value, as far as there are few of them."""
    return [text for _, leaf in _leaves(value, MAX_SHORT)[0] if (text := _short(leaf)) is not None]


def _short(leaf: str | bytes) -> str | None:
    """A field that is no value of its own."""
    return leaf if isinstance(leaf, str) and leaf and not is_linkable(leaf) else None


def _leaves(value: Any, left: int) -> tuple[list[tuple[str | None, str | bytes]], int]:
    """The texts in a value as far as they can be looked into, and what is left for others; below 0: there are more."""
    if isinstance(value, (str, bytes)):
        return [(None, value)], left - len(value)
    found: list[tuple[str | None, str | bytes]] = []
    waiting, looks = [("", value)], MAX_LEAVES
    entered: dict[int, Any] = {}  # held on to: an id is one value's as long as that lives
    while waiting:
        place, one = waiting.pop()
        if type(one) in _NUMBERS:
            one = repr(one)  # a figure may be a quotation too
        if isinstance(one, (str, bytes)):
            left -= len(one)
            if left < 0:
                return found, left
            found.append((place, one))
        elif id(one) not in entered:
            entered[id(one)] = one
            inside = [(pointer(place, name), part) for name, part in islice(children(one), looks + 1)]
            looks -= len(inside)
            if looks < 0:
                return found, -1
            waiting += inside
    return found, left
