"""Streams through checks that find places: so much is held back that nothing leaves of which a find would be a part."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from provsdk.gate import Judged, Verdict
from provsdk.policy.texts import redacted, texts_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provsdk.gate import Finding
    from provsdk.policy.contract import Finder, Rule

__all__ = ["HELD_BACK", "Windows"]

HELD_BACK: Final = 96
"""Characters at the end of what has come that may begin a find: most cards, accounts and keys are shorter."""

CONTEXT: Final = 256
"""Characters that have left and are looked at once more, for the words around a find."""

MAX_STREAMS: Final = 10_000
"""Streams at a time; of more, those that began first are let go of."""


@dataclass
class _Window:
    rules: tuple[Rule, ...]
    context: str = ""
    """What has left last."""
    held: str = ""
    """What has come and not left."""
    left: int = 0
    """Characters that have left."""
    is_text: bool = True
    found: dict[str, list[Finding]] = field(default_factory=dict)
    """Of what has left, by the name of the check."""

    def at(self, position: int) -> int:
        """A place in what is looked at, in the whole of the stream."""
        return max(position - len(self.context) + self.left, 0)


class Windows:
    """The open streams, by their records; each is read by one thread or task at a time."""

    def __init__(self) -> None:
        self._open: dict[str, _Window] = {}
        self._lock = threading.Lock()

    def begin(self, key: str, rules: Sequence[Rule]) -> bool:
        """Opens the window of a stream; False where it is open."""
        with self._lock:
            if key in self._open:
                return False
            self._open[key] = _Window(tuple(rules))
            while len(self._open) > MAX_STREAMS:
                del self._open[next(iter(self._open))]
            return True

    def forget(self, key: str) -> None:
        """The stream has ended."""
        with self._lock:
            self._open.pop(key, None)

    def take(self, key: str, chunk: Any) -> tuple[Any, tuple[Judged, ...]]:
        """What of the chunk may leave, and the verdicts that withhold it. Of text the end is held back; a chunk that is
        no text is looked at as it is, after the texts before it.
        """
        window = self._open.get(key)
        if window is None:
            return chunk, ()
        if isinstance(chunk, str):
            window.held += chunk
            return _step(window, len(window.held) - HELD_BACK)
        window.is_text = False
        for _, text in texts_in(chunk).texts:
            window.held += text
        _, withheld = _step(window, len(window.held))
        return chunk, withheld

    def end(self, key: str) -> tuple[str | None, tuple[Judged, ...]]:
        """What is held still, where it may leave, and the verdicts on the whole."""
        with self._lock:
            window = self._open.pop(key, None)
        if window is None:
            return None, ()
        rest, withheld = _step(window, len(window.held))
        if withheld:
            return None, withheld
        return (rest if window.is_text and rest else None), tuple(_whole(window, rule) for rule in window.rules)


def _step(window: _Window, size: int) -> tuple[str, tuple[Judged, ...]]:
    """Lets so many characters leave, redacted; none where a rule withholds them."""
    seen, begin = window.context + window.held, len(window.context)
    found = [(rule, [one for one in _places(rule, seen) if one.end > begin]) for rule in window.rules]
    withheld = [
        _judged(rule, "fail", [_placed(one, window) for one in places])
        for rule, places in found
        if places and rule.mode == "block" and not rule.redact
    ]
    if withheld:
        return "", tuple(withheld)
    cut = begin + max(size, 0)
    for _, places in found:
        cut = min((max(one.start, begin) for one in places if one.start < cut < one.end), default=cut)
    gone: list[Finding] = []
    for rule, places in found:
        leaving = [one for one in places if one.end <= cut]
        window.found.setdefault(rule.check.name, []).extend(_placed(one, window) for one in leaving)
        gone += [replace(one, start=max(one.start - begin, 0), end=one.end - begin) for one in leaving if rule.redact]
    text, _ = redacted(seen[begin:cut], gone)
    window.left += cut - begin
    window.context, window.held = seen[:cut][-CONTEXT:], seen[cut:]
    return text, ()


def _places(rule: Rule, text: str) -> Sequence[Finding]:
    finder: Finder = rule.check  # type: ignore[assignment] # whoever opened the window looked
    return list(finder.find(text))


def _placed(one: Finding, window: _Window) -> Finding:
    return replace(one, start=window.at(one.start), end=window.at(one.end))


def _whole(window: _Window, rule: Rule) -> Judged:
    found = window.found.get(rule.check.name, [])
    return _judged(rule, "fail" if found and not rule.redact else "pass", found)


def _judged(rule: Rule, result: Literal["pass", "fail"], found: Sequence[Finding]) -> Judged:
    counted = sorted(Counter(one.kind for one in found).items())
    reasons = tuple(f"{'redacted ' if rule.redact else ''}{kind}: {count}" for kind, count in counted)
    verdict = Verdict(result, reasons, tuple(found))
    return Judged(rule.check.name, str(rule.check.type), verdict, rule.mode, "chunk", rule.check.version)
