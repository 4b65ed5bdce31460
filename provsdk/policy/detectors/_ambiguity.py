"""Whether an automaton can take one text in ever more ways (Weber and Seidl, 1991: conditions EDA and IDA)."""

from __future__ import annotations

from enum import Enum
from itertools import product
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from provsdk.policy.detectors._automaton import Automaton

__all__ = ["Ambiguity", "ambiguity"]

_State = TypeVar("_State", int, tuple[int, ...])

_MAX_STATES: Final = 40_000
"""Of a product of automata that are gone through."""


class Ambiguity(Enum):
    """Why a pattern can take for ever."""

    NESTED = "nested"
    ALTERNATIVES = "alternatives"
    ADJACENT = "adjacent"
    LEADING = "leading"
    LARGE = "large"


_Found = tuple[Ambiguity, tuple[int, ...]]
"""With the repeats that it comes from, by their bounds."""


def ambiguity(one: Automaton) -> _Found | None:
    """The first reason why one attempt to match can take more than linear time, or all attempts do at every place."""
    for asserted in one.asserted:
        found = _within(asserted)
        if found is not None:
            return found
    return _within(one) or _leading(one)


def _within(one: Automaton) -> _Found | None:
    loops = _components(one)
    for loop in loops:
        found = _exponential(one, loop)
        if found is not None:
            return found
    for first, second in product(loops, loops):
        found = _polynomial(one, first, second) if first is not second else None
        if found is not None:
            return found
    return None


def _exponential(one: Automaton, loop: frozenset[int]) -> _Found | None:
    """Two ways from a position back to it, by the same text."""
    for position in sorted(loop):
        for target, ways in one.edges[position].items():
            if ways > 1 and target in loop:
                return _named(one, loop, (position, target))
    if len(loop) ** 2 > _MAX_STATES:
        return Ambiguity.LARGE, _around(one, loop)[:1]

    def pairs(states: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        return _together(one, states, loop)

    diagonal = [(position, position) for position in sorted(loop)]
    back = _reached(diagonal, _backwards(_reached(diagonal, pairs), pairs))
    apart = next((pair for pair in sorted(back) if pair[0] != pair[1]), None)
    return None if apart is None else _named(one, loop, apart)


def _named(one: Automaton, loop: frozenset[int], positions: tuple[int, ...]) -> _Found:
    """The repeat around both positions; of two that hold nothing else, the outer one."""
    common = _around(one, positions)
    deepest = max(len(one.loops[position]) for position in loop)
    is_nested = deepest > len(_around(one, loop)) or len(_around(one, loop)) > 1
    return (Ambiguity.NESTED if is_nested else Ambiguity.ALTERNATIVES), common[-2:][:1]


def _around(one: Automaton, positions: Iterable[int]) -> tuple[int, ...]:
    """The repeats around all of the positions."""
    loops = [one.loops[position] for position in positions]
    return tuple(bound for bound in loops[0] if all(bound in other for other in loops))


def _polynomial(one: Automaton, first: frozenset[int], second: frozenset[int]) -> _Found | None:
    """A text that stays at a position, leads from it to another, and stays at that; unless the match ends there."""
    if second <= one.ending:
        return None
    between = _reached(first, lambda position: iter(one.edges.get(position, ())))
    if not second <= between:
        return None
    if len(first) * len(between) * len(second) > _MAX_STATES:
        return Ambiguity.LARGE, (one.loops[min(first)][-1],)

    def triples(states: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        for state in _together(one, states, None):
            if state[0] in first and state[2] in second:
                yield state

    for start, end in product(sorted(first), sorted(second)):
        if (start, end, end) in _reached([(start, start, end)], triples):
            return Ambiguity.ADJACENT, (one.loops[start][-1], one.loops[end][-1])
    return None


def _leading(one: Automaton) -> _Found | None:
    """A match that begins with a repeat and can fail after it."""
    for loop in _components(one, without=one.ending):
        endless = tuple(bound for bound in _around(one, loop) if bound in one.endless)
        if endless and loop & one.leading:
            return Ambiguity.LEADING, endless[-1:]
    return None


def _together(one: Automaton, states: tuple[int, ...], within: frozenset[int] | None) -> Iterator[tuple[int, ...]]:
    """Where all of the states can go by one character."""
    following = [
        [(to, one.sets[to]) for to in one.edges.get(at, ()) if within is None or to in within] for at in states
    ]
    for steps in product(*following):
        shared = -1
        for _, letters in steps:
            shared &= letters
        if shared:
            yield tuple(to for to, _ in steps)


def _reached(starts: Iterable[_State], following: Callable[[_State], Iterable[_State]]) -> set[_State]:
    """The starts, and what they lead to."""
    open_states = list(starts)
    reached = set(open_states)
    while open_states:
        for state in following(open_states.pop()):
            if state not in reached:
                reached.add(state)
                open_states.append(state)
    return reached


def _backwards(
    states: Iterable[_State], following: Callable[[_State], Iterable[_State]]
) -> Callable[[_State], Iterable[_State]]:
    """What leads to a state, of these states."""
    before: dict[_State, list[_State]] = {}
    for state in states:
        for target in following(state):
            before.setdefault(target, []).append(state)
    return lambda state: before.get(state, ())


def _components(one: Automaton, without: frozenset[int] = frozenset()) -> list[frozenset[int]]:
    """Positions that lead to each other, as far as they are in a circle; by their order in the pattern."""

    def following(position: int) -> list[int]:
        return [target for target in one.edges.get(position, ()) if target not in without and one.loops[target]]

    inside = [position for position, loops in enumerate(one.loops) if loops and position not in without]
    before = _backwards(inside, following)
    found: list[frozenset[int]] = []
    seen: set[int] = set()
    for position in inside:
        if position not in seen:
            together = _reached(following(position), following) & _reached([position], before)
            seen |= together
            found += [frozenset(together)] if together else []
    return found
