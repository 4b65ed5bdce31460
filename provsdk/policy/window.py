"""Streams through checks that find places: so much is held back that nothing leaves of which a find would be a part."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from provsdk.gate import Judged, Pieces, Verdict
from provsdk.policy.contract import Finder
from provsdk.policy.judging import found_by
from provsdk.policy.texts import redacted, texts_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provsdk.gate import Finding, Result
    from provsdk.policy.contract import Rule

__all__ = ["HELD_BACK", "Window", "Windows"]

HELD_BACK: Final = 96
"""Characters at the end of what has come that may begin a find: most cards, accounts and keys are shorter."""

CONTEXT: Final = 2_048
"""Characters that have left and are looked at once more: a find that is longer is seen when it is whole."""

MAX_STREAMS: Final = 10_000
"""Streams at a time; of more, those that began first are let go of."""


@dataclass
class Window:
    """What a stream's rules have seen of it."""

    rules: tuple[Rule, ...]
    """Those that find places."""
    others: dict[int, Judged] = field(default_factory=dict)
    """The last verdicts of those that find none, by their position among all rules."""
    context: str = ""
    """What has left last."""
    held: str = ""
    """What has come and not left."""
    left: int = 0
    """Characters that have left."""
    found: dict[int, list[Finding]] = field(default_factory=dict)
    """Of what has left, by the position of the rule."""
    broken: set[int] = field(default_factory=set)
    """Positions of rules that could not be carried out somewhere."""

    def take(self, chunk: Any) -> tuple[Pieces, tuple[Judged, ...]]:
        """What may leave now that the chunk has come, and the verdicts that withhold it. Of text the end is held back;
        before a chunk that is no text, it leaves.
        """
        if not self.rules:
            return Pieces((chunk,)), ()
        if isinstance(chunk, str):
            self.held += chunk
            text, withheld = self._step(len(self.held) - HELD_BACK)
            return Pieces((text,) if text else ()), withheld
        text, withheld = self._step(len(self.held))
        if withheld:
            return Pieces(), withheld
        self.context = ""  # what follows a chunk that is no text does not go on
        chunk, withheld = self._whole_chunk(chunk)
        return Pieces(((text,) if text else ()) + ((chunk,) if not withheld else ())), withheld

    def end(self) -> tuple[str | None, tuple[Judged, ...]]:
        """What is held still, and the verdicts that withhold it."""
        rest, withheld = self._step(len(self.held))
        return rest or None, withheld

    def verdicts(self) -> tuple[Judged, ...]:
        """On the whole of what has left."""
        return (*self.others.values(), *(self._on_whole(n, rule) for n, rule in enumerate(self.rules)))

    def _step(self, size: int) -> tuple[str, tuple[Judged, ...]]:
        """Lets so many characters leave, redacted; none where a rule withholds them."""
        seen, begin = self.context + self.held, len(self.context)
        found = [self._new(n, rule, seen, begin) for n, rule in enumerate(self.rules)]
        withheld = [one for n, rule in enumerate(self.rules) if (one := self._withheld(n, rule, found[n])) is not None]
        if withheld:
            return "", tuple(withheld)
        cut = begin + max(size, 0)
        for places in found:
            cut = min((max(one.start, begin) for one in places if one.start < cut < one.end), default=cut)
        gone: list[Finding] = []
        for n, rule in enumerate(self.rules):
            leaving = [one for one in found[n] if one.end <= cut]
            self.found.setdefault(n, []).extend(map(self._placed, leaving))
            if rule.redact:
                gone += [replace(one, start=max(one.start - begin, 0), end=one.end - begin) for one in leaving]
        text, _ = redacted(seen[begin:cut], gone)
        self.left += cut - begin
        self.context, self.held = seen[:cut][-CONTEXT:], seen[cut:]
        return text, ()

    def _new(self, n: int, rule: Rule, seen: str, begin: int) -> list[Finding]:
        """What was not there to be found before."""
        places = found_by(rule.check, seen) if seen else []
        if places is None:
            self.broken.add(n)
            return []
        return [one for one in places if one.end > begin]

    def _withheld(self, n: int, rule: Rule, places: Sequence[Finding]) -> Judged | None:
        if rule.mode != "block":
            return None
        if n in self.broken and rule.on_error == "block":
            return _judged(rule, "error", (), "broke")
        if places and not rule.redact:
            return _judged(rule, "fail", list(map(self._placed, places)))
        return None

    def _whole_chunk(self, chunk: Any) -> tuple[Any, tuple[Judged, ...]]:
        """A chunk that is no text, by itself: redacted, or withheld."""
        read = texts_in(chunk)
        for n, rule in enumerate(self.rules):
            found: list[Finding] = []
            for place, text in read.texts:
                places = found_by(rule.check, text)
                if places is None:
                    self.broken.add(n)
                    continue
                found += [replace(one, place=place) for one in places]
            made, is_redacted = redacted(chunk, found) if rule.redact else (chunk, False)
            if (found and not is_redacted) or (n in self.broken):
                result: Result = "fail" if found else "error"
                stops = rule.mode == "block" and (bool(found) or rule.on_error == "block")
                if stops:
                    return chunk, (_judged(rule, result, found, *(() if found else ("broke",))),)
            chunk = made
            self.found.setdefault(n, []).extend(found)
            if found and rule.redact and not is_redacted:
                self.broken.add(n)
        return chunk, ()

    def _placed(self, one: Finding) -> Finding:
        """A place in what is looked at, in the whole of the stream."""
        shift = self.left - len(self.context)
        return replace(one, start=max(one.start + shift, 0), end=max(one.end + shift, 0))

    def _on_whole(self, n: int, rule: Rule) -> Judged:
        found = self.found.get(n, [])
        if n in self.broken:
            return _judged(rule, "error", found, "broke, or could not redact")
        return _judged(rule, "fail" if found and not rule.redact else "pass", found)


class Windows:
    """The open streams, by their records; each is read by one thread or task at a time."""

    def __init__(self) -> None:
        self._open: dict[str, Window] = {}
        self._lock = threading.Lock()

    def of(self, key: str, rules: Sequence[Rule]) -> tuple[Window, bool]:
        """The window of a stream, and whether it was opened just now."""
        with self._lock:
            window = self._open.get(key)
            if window is not None:
                return window, False
            window = self._open[key] = Window(tuple(one for one in rules if isinstance(one.check, Finder)))
            while len(self._open) > MAX_STREAMS:
                del self._open[next(iter(self._open))]
            return window, True

    def close(self, key: str) -> Window | None:
        """The stream has ended."""
        with self._lock:
            return self._open.pop(key, None)


def _judged(rule: Rule, result: Result, found: Sequence[Finding], *more: str) -> Judged:
    counted = sorted(Counter(one.kind for one in found).items())
    done = "redacted " if rule.redact and result == "pass" else ""
    verdict = Verdict(result, (*(f"{done}{kind}: {count}" for kind, count in counted), *more), tuple(found))
    return Judged(rule.check.name, str(rule.check.type), verdict, rule.mode, "chunk", rule.check.version)
