"""The texts that an output's scope knows, as they are when it ends: what may be changed afterwards is not kept."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from provsdk.capture._flow import GIVEN
from provsdk.digest import children
from provsdk.matching import pointer

if TYPE_CHECKING:
    from provsdk.capture._flow import Held
    from provsdk.capture._scope import Scope

__all__ = ["Texts", "texts_of"]

_NUMBERS: Final = frozenset({int, float})
"""Types of figures, as a structured value holds them."""

MAX_LEAVES: Final = 4_096
"""Values within an output's value that are looked into."""


class Texts(NamedTuple):
    """What the texts of one output are searched in; holds nothing else of its scope alive."""

    output_id: str
    held: list[Held]
    """Texts of the registry, in the order in which they came to be known."""
    wholes: frozenset[str]
    """Ids of the values that were handed to an activity: elements of these were, too."""
    made: list[tuple[str | None, str | bytes]]
    """Texts in the output's value, each with its place there, a JSON Pointer (RFC 6901); None: it is the value."""
    is_whole: bool
    """False where a bound was reached."""


def texts_of(scope: Scope, max_bytes: int) -> Texts | None:
    """The texts of an output that has ended; None where there is nothing but what it was given, so nothing to find.

    Args:
        scope: the output's.
        max_bytes: Characters of all texts together, bytes of binary ones.
    """
    if not scope.registry.has_made:
        return None
    held = scope.registry.held()
    made, left = _leaves(scope.made, max_bytes)
    found = []
    for one in held:
        value = one[1]
        if isinstance(value, (str, bytes)):
            left -= len(value)
            if left < 0:
                break
            found.append(one)
    given = frozenset(entity_id for entity_id, _, _, _, of in held if of == GIVEN)
    return Texts(scope.output_id, found, given, made, is_whole=left >= 0)


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
