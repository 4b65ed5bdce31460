"""What the checks have in common that look for places in the texts of a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from provsdk.gate import Verdict
from provsdk.policy.texts import texts_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from provsdk.gate import Finding, Subject

__all__ = ["scanned"]


def scanned(subject: Subject, find: Callable[[str], Iterable[Finding]]) -> Verdict:
    """Fails where something is found; an error where the value holds more than is looked at. Values of which nobody
    knows what they hold, such as clients among the arguments of a call, are named.
    """
    read = texts_in(subject.value)
    found = tuple(replace(one, place=place) for place, text in read.texts for one in find(text))
    unread = tuple(f"not read: {name}" for name in read.unread)
    if found:
        counted = Counter(one.kind for one in found)
        return Verdict("fail", (*(f"{kind}: {count}" for kind, count in sorted(counted.items())), *unread), found)
    if not read.is_whole:
        return Verdict("error", ("the value holds more than is looked at", *unread))
    return Verdict("pass", unread)
