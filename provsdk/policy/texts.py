"""The texts in a value, each with its place there, and the value with some of them replaced."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from provsdk.digest import children
from provsdk.matching import pointer

if TYPE_CHECKING:
    from provsdk.gate import Finding

__all__ = ["MAX_LOOKS", "OF_A_KEY", "Read", "redacted", "texts_in"]

MAX_LOOKS: Final = 16_384
"""Values in one value that are looked at."""

MAX_DEPTH: Final = 64

OF_A_KEY: Final = "#"
"""Behind the place of a value: the key under which it stands is meant (as relative JSON Pointers have it)."""

_PLAIN: Final = (int, float, complex, bool, type(None))
"""Nothing is written in these."""


class Read(NamedTuple):
    """What could be read of a value."""

    texts: tuple[tuple[str, str], ...]
    """Place (a JSON Pointer, RFC 6901) and text; bytes as UTF-8, with U+FFFD for what is none."""
    unread: tuple[str, ...]
    """Names of the types of values of which nobody knows what they hold."""
    is_whole: bool
    """False where the value holds more than is looked at."""


class _TooDeep(Exception):
    """Ends a reading."""


def texts_in(value: Any) -> Read:
    """The texts in a value, with the keys of mappings.

    >>> texts_in({"messages": [{"role": "user"}]}).texts
    (('/messages#', 'messages'), ('/messages/0/role#', 'role'), ('/messages/0/role', 'user'))
    """
    found: list[tuple[str, str]] = []
    unread: dict[str, None] = {}
    walk = _walked(value, "", frozenset(), 0)
    try:
        for place, one in islice(walk, MAX_LOOKS):
            if isinstance(one, _Opaque):
                unread[one.type] = None
            else:
                found.append((place, one))
        is_whole = next(walk, None) is None
    except _TooDeep:
        is_whole = False
    return Read(tuple(found), tuple(unread), is_whole)


class _Opaque(NamedTuple):
    type: str


def _walked(value: Any, place: str, above: frozenset[int], depth: int) -> Iterator[tuple[str, str | _Opaque]]:
    text = _text_of(value)
    if text is not None:
        yield place, text
        return
    if isinstance(value, _PLAIN) or id(value) in above:
        return
    if depth == MAX_DEPTH:
        raise _TooDeep
    inside, is_empty = above | {id(value)}, True
    is_mapping = isinstance(value, Mapping)
    for name, part in children(value):
        is_empty = False
        below = pointer(place, name)
        if is_mapping:
            yield f"{below}{OF_A_KEY}", name
        yield from _walked(part, below, inside, depth + 1)
    if is_empty and not _holds_nothing(value):
        yield place, _Opaque(type(value).__name__)


def _holds_nothing(value: Any) -> bool:
    try:
        return len(value) == 0
    except Exception:  # it has no length, or a strange one
        return False


def _text_of(value: Any) -> str | None:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode(errors="replace")
    return None


def redacted(value: Any, findings: Iterable[Finding]) -> tuple[Any, bool]:
    """The value with `[kind]` in place of what was found, and whether that could be done everywhere.

    Texts in lists, tuples, mappings and dataclasses, and in models that have `model_copy`; never in place.
    """
    by_place: dict[str, list[Finding]] = {}
    for one in findings:
        by_place.setdefault(one.place, []).append(one)
    rewritten: set[str] = set()
    try:
        made = _rewritten(value, "", by_place, rewritten)
    except Exception:  # a class that refuses to be made again
        return value, False
    return made, rewritten == by_place.keys()


def _rewritten(value: Any, place: str, by_place: Mapping[str, list[Finding]], done: set[str]) -> Any:
    if place in by_place and isinstance(value, (str, bytes)):
        made = _replaced(value, by_place[place])
        done.add(place)
        return made
    if not _is_meant(place, by_place):
        return value

    def part(name: object, one: Any) -> Any:
        return _rewritten(one, pointer(place, str(name)), by_place, done)

    if isinstance(value, dict):
        changed = copy.copy(value)
        for key, one in value.items():
            changed[key] = part(key, one)
        return changed
    if type(value) in {list, tuple}:
        return type(value)(part(n, one) for n, one in enumerate(value))
    rebuild = _rebuilt_by(value)
    if rebuild is None:
        return value  # and what is in it stays as it is
    meant = [(name, one) for name, one in children(value) if _is_meant(pointer(place, name), by_place)]
    return rebuild({name: part(name, one) for name, one in meant})


def _is_meant(place: str, by_place: Iterable[str]) -> bool:
    return any(f"{each}/".startswith(f"{place}/") for each in by_place)


def _rebuilt_by(value: Any) -> Callable[[dict[str, Any]], Any] | None:
    """Makes the same object with other fields; None where nobody knows how."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return lambda changed: dataclasses.replace(value, **changed)
    model_copy = getattr(value, "model_copy", None)
    return (lambda changed: model_copy(update=changed)) if callable(model_copy) else None


def _replaced(value: str | bytes, findings: Iterable[Finding]) -> str | bytes:
    """What overlaps is replaced together, by the kind that begins first."""
    text = value if isinstance(value, str) else value.decode()
    pieces, last, kind, end = [], 0, "", 0
    for one in sorted(findings, key=lambda each: (each.start, -each.end)):
        if kind and one.start < end:
            end = max(end, one.end)
            continue
        if kind:
            pieces.append(f"[{kind}]")
            last = end
        pieces.append(text[last : one.start])
        kind, end = one.kind, one.end
    made = "".join([*pieces, f"[{kind}]" if kind else "", text[end:]])
    return made if isinstance(value, str) else made.encode()
