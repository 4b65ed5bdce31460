"""The position automaton (Glushkov, 1961) of a regular expression of `re`, in which each way through it has an edge."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from re import _constants as c  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, Final

from provsdk.policy.detectors._alphabet import Alphabet
from provsdk.policy.detectors._quantifiers import MANY, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MAX_POSITIONS", "Automaton", "Unsupported", "automaton"]

MAX_POSITIONS: Final = 3_000
_UNROLLED: Final = 200
"""Positions of a bounded repeat that are written out; a larger one counts as one without a bound."""
_FEW: Final = 3
"""Times that anything may be repeated and is still written out."""
_REPEATS: Final = frozenset({c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT})
_SETS: Final = frozenset({c.LITERAL, c.NOT_LITERAL, c.ANY, c.IN})
_ANCHORS: Final = frozenset({c.AT_BEGINNING, c.AT_BEGINNING_STRING, c.AT_BEGINNING_LINE, c.AT_BOUNDARY})


class Unsupported(Exception):
    """A construct that no automaton has."""

    def __init__(self, why: str, mend: str, bounds: tuple[int, ...] = ()) -> None:
        super().__init__(why)
        self.why, self.mend, self.bounds = why, mend, bounds


@dataclass(slots=True)
class Automaton:
    """Positions of a pattern: the places in it that match one character each, and what can follow on what."""

    sets: list[int] = field(default_factory=list)
    """What each position matches, as bits of an `Alphabet`."""
    loops: list[tuple[int, ...]] = field(default_factory=list)
    """The repeats around each position, from the outermost to the innermost, by their bounds."""
    endless: set[int] = field(default_factory=set)
    """Those of the repeats that have no upper bound."""
    edges: dict[int, Counter[int]] = field(default_factory=dict)
    """Ways from a position to another."""
    leading: frozenset[int] = frozenset()
    """With which a match can begin anywhere in a text."""
    ending: frozenset[int] = frozenset()
    """After which nothing more has to match."""
    asserted: list[Automaton] = field(default_factory=list)
    """Those of assertions, each for itself."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Positions with which a part of the pattern begins and ends, each with the number of ways."""

    first: Counter[int] = field(default_factory=Counter)
    last: Counter[int] = field(default_factory=Counter)
    empty: int = 1
    """Ways to match nothing."""
    leading: frozenset[int] = frozenset()
    ending: frozenset[int] = frozenset()
    is_anchored: bool = False
    """Matches nothing at certain places only: where no run of characters goes on."""
    is_checked: bool = False
    """Matches nothing, if at all, under a condition."""


def automaton(tree: Any, flags: int, most: Mapping[int, int]) -> Automaton:
    """The automaton of a parsed pattern.

    Args:
        tree: As the parser of `re` gives it.
        flags: Of the whole pattern.
        most: Upper bounds, by the bounds that they are marked with.

    Raises:
        Unsupported: It has references to groups, or is too large.
    """
    return _Builder(Alphabet(tree), most).built(tree, flags)


class _Builder:
    def __init__(self, alphabet: Alphabet, most: Mapping[int, int], *, is_repeated: bool = False) -> None:
        self._alphabet, self._most, self._is_repeated = alphabet, most, is_repeated
        self._around: tuple[int, ...] = ()
        self._times = 1
        self._automaton = Automaton()

    def built(self, tree: Any, flags: int) -> Automaton:
        whole = self._sequence(tree, flags)
        self._automaton.leading, self._automaton.ending = whole.leading, whole.ending
        return self._automaton

    def _sequence(self, nodes: Iterable[Any], flags: int) -> _Part:
        part = _Part()
        for node in nodes:
            operator, argument = node
            part = self._joined(part, self._node(operator, argument, flags))
        return part

    def _node(self, operator: Any, argument: Any, flags: int) -> _Part:
        if operator in _SETS:
            return self._position(self._alphabet.mask(operator, argument, flags))
        if operator in _REPEATS:
            return self._repeat(argument, flags)
        if operator is c.SUBPATTERN:
            _, added, taken, nodes = argument
            return self._sequence(nodes, (flags | added) & ~taken)
        if operator is c.BRANCH:
            return _either([self._sequence(nodes, flags) for nodes in argument[1]])
        if operator is c.ATOMIC_GROUP:
            return self._sequence(argument, flags)
        if operator is c.AT:
            return _Part(is_anchored=argument in _ANCHORS, is_checked=True)
        if operator in {c.ASSERT, c.ASSERT_NOT}:
            return self._assertion(argument, flags)
        if operator is c.FAILURE:
            return _Part(empty=0)
        raise Unsupported("it refers back to what a group has matched", "Write out what it can be", (REFERENCE,))

    def _position(self, letters: int) -> _Part:
        at = len(self._automaton.sets)
        if at >= MAX_POSITIONS:
            raise Unsupported("it has too many parts", "Make it several patterns")
        self._automaton.sets.append(letters)
        self._automaton.loops.append(self._around)
        here = frozenset({at})
        return _Part(Counter(here), Counter(here), 0, here, here)

    def _assertion(self, argument: Any, flags: int) -> _Part:
        """Holds always; what it looks at is for itself."""
        direction, nodes = argument
        is_repeated = self._is_repeated or bool(self._around)
        inner = _Builder(self._alphabet, self._most, is_repeated=is_repeated).built(nodes, flags)
        if is_repeated and any(inner.loops):
            why = "a repeated group that looks ahead or back without an end"
            raise Unsupported(why, "Give what it looks for an upper bound", self._around[-1:])
        self._automaton.asserted.append(inner)
        return _Part(is_anchored=direction < 0, is_checked=True)

    def _repeat(self, argument: Any, flags: int) -> _Part:
        least, bound, nodes = argument
        most = self._most.get(int(bound), None if int(bound) >= MANY else int(bound))
        if most is not None and self._is_written_out(nodes, most):
            return self._unrolled(least, most, nodes, flags)
        self._around += (int(bound),)
        part = self._sequence(nodes, flags)
        self._around = self._around[:-1]
        if part.empty and (least > _FEW or most is not None):
            why = "a repeated group that can match nothing: what it matches can be shared out in many ways"
            raise Unsupported(why, "Let it match a character at least", (int(bound),))
        if most is None:
            self._automaton.endless.add(int(bound))
        self._connect(part.last, part.first)
        return _optional(part) if least == 0 else part

    def _is_written_out(self, nodes: Any, most: int) -> bool:
        """A single set, or anything a few times; more of it may be ambiguous without being endless."""
        if len(nodes) == 1 and nodes[0][0] in _SETS:
            return most <= _UNROLLED
        return self._times * most <= _FEW

    def _unrolled(self, least: int, most: int, nodes: Any, flags: int) -> _Part:
        times, self._times = self._times, self._times * max(1, most)
        parts = [self._sequence(nodes, flags) for _ in range(most)]
        self._times = times
        rest = _Part()
        for part in reversed(parts[least:]):
            rest = _optional(self._joined(part, rest))
        for part in reversed(parts[:least]):
            rest = self._joined(part, rest)
        return rest

    def _connect(self, last: Counter[int], first: Counter[int]) -> None:
        for position, ways in last.items():
            following = self._automaton.edges.setdefault(position, Counter())
            for target, more in first.items():
                following[target] = min(2, following[target] + ways * more)

    def _joined(self, one: _Part, other: _Part) -> _Part:
        self._connect(one.last, other.first)
        return _Part(
            one.first + _times(other.first, one.empty),
            other.last + _times(one.last, other.empty),
            min(2, one.empty * other.empty),
            one.leading | (other.leading if one.empty and not one.is_anchored else frozenset()),
            other.ending | (one.ending if other.empty and not other.is_checked else frozenset()),
            one.is_anchored or other.is_anchored,
            one.is_checked or other.is_checked,
        )


def _times(positions: Counter[int], ways: int) -> Counter[int]:
    return Counter({position: min(2, count * ways) for position, count in positions.items()} if ways else {})


def _optional(part: _Part) -> _Part:
    return replace(part, empty=min(2, part.empty + 1), is_anchored=False, is_checked=False)


def _either(parts: list[_Part]) -> _Part:
    empty = [part for part in parts if part.empty]
    return _Part(
        sum((part.first for part in parts), Counter()),
        sum((part.last for part in parts), Counter()),
        min(2, sum(part.empty for part in parts)),
        frozenset().union(*(part.leading for part in parts)),
        frozenset().union(*(part.ending for part in parts)),
        all(part.is_anchored for part in empty),
        all(part.is_checked for part in empty),
    )
