"""The texts in a value, each with its place there, and the value with some of them replaced."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from provsdk.digest import children
from provsdk.matching import pointer

if TYPE_CHECKING:
    from provsdk.gate import Finding

__all__ = ["MAX_LOOKS", "Read", "redacted", "texts_in"]

MAX_LOOKS: Final = 16_384
"""Values in one value that are looked at."""


class Read(NamedTuple):
    """What could be read of a value."""

    texts: tuple[tuple[str, str], ...]
    """Place (a JSON Pointer, RFC 6901) and text; bytes as UTF-8 where they are."""
    is_whole: bool
    """False where the value holds more than is looked at."""


def texts_in(value: Any) -> Read:
    """The texts in a value.

    >>> texts_in({"messages": [{"role": "user", "content": "Hello"}]}).texts
    (('/messages/0/role', 'user'), ('/messages/0/content', 'Hello'))
    """
    found: list[tuple[str, str]] = []
    waiting, looks = [("", value)], MAX_LOOKS
    entered: dict[int, Any] = {}
    while waiting:
        place, one = waiting.pop()
        text = _text_of(one)
        if text is not None:
            found.append((place, text))
        elif id(one) not in entered:
            entered[id(one)] = one
            inside = [(pointer(place, name), part) for name, part in islice(children(one), looks + 1)]
            looks -= len(inside)
            if looks < 0:
                return Read(tuple(found), is_whole=False)
            waiting += reversed(inside)
    return Read(tuple(found), is_whole=True)


def _text_of(value: Any) -> str | None:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bytes, bytearray)):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            return None
    return None


def redacted(value: Any, findings: Iterable[Finding]) -> tuple[Any, bool]:
    """The value with `[kind]` in place of what was found, and whether that could be done everywhere.

    Texts in lists, tuples, mappings and dataclasses, and in models that have `model_copy`; never in place.
    """
    by_place: dict[str, list[Finding]] = {}
    for one in findings:
        by_place.setdefault(one.place, []).append(one)
    rewritten: set[str] = set()
    made = _rewritten(value, "", by_place, rewritten)
    return made, rewritten == by_place.keys()


def _rewritten(value: Any, place: str, by_place: Mapping[str, list[Finding]], done: set[str]) -> Any:
    if place in by_place and isinstance(value, (str, bytes)):
        done.add(place)
        return _replaced(value, by_place[place])
    if not _is_meant(place, by_place):
        return value

    def part(name: object, one: Any) -> Any:
        return _rewritten(one, pointer(place, str(name)), by_place, done)

    if isinstance(value, dict):
        return {key: part(key, one) for key, one in value.items()}
    if type(value) in {list, tuple}:
        return type(value)(part(n, one) for n, one in enumerate(value))
    rebuild = _rebuilt_by(value)
    if rebuild is None:
        return value  # and what is in it stays as it is
    return rebuild(
        {name: part(name, one) for name, one in children(value) if _is_meant(pointer(place, name), by_place)}
    )


def _is_meant(place: str, by_place: Iterable[str]) -> bool:
    return any(f"{each}/".startswith(f"{place}/") for each in by_place)


def _rebuilt_by(value: Any) -> Callable[[dict[str, Any]], Any] | None:
    """Makes the same object with other fields; None where nobody knows how."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return lambda changed: dataclasses.replace(value, **changed)
    copy = getattr(value, "model_copy", None)
    return (lambda changed: copy(update=changed)) if callable(copy) else None


def _replaced(value: str | bytes, findings: Iterable[Finding]) -> str | bytes:
    text = value if isinstance(value, str) else value.decode()
    for one in sorted(findings, key=lambda each: each.start, reverse=True):
        text = f"{text[: one.start]}[{one.kind}]{text[one.end :]}"
    return text if isinstance(value, str) else text.encode()
