"""Regular expressions that can take for ever, told before they are used.

A backtracking matcher tries every way in which a pattern can match what it read. The pattern is turned into its
position automaton (Glushkov, 1961); the ways are many where that is ambiguous. Two ways from a state back to it by the
same text: twice as many for each repetition, exponential. A state that stays as it is by a text that also leads on to
another one which stays: as many as the text is long, polynomial (Weber and Seidl, 1991).
"""

from __future__ import annotations

import re
import warnings
from re import _parser  # type: ignore[attr-defined]
from typing import Final

from provsdk.errors import ConfigError
from provsdk.policy.detectors._ambiguity import Ambiguity, ambiguity
from provsdk.policy.detectors._automaton import Automaton, Unsupported, automaton
from provsdk.policy.detectors._quantifiers import Marked, marked

__all__ = ["MAX_PATTERN", "check_pattern"]

MAX_PATTERN: Final = 1_000
"""Characters."""

_WHY: Final = {
    Ambiguity.NESTED: "a repeated group that itself repeats",
    Ambiguity.ALTERNATIVES: "a repeated group that can match the same text in two ways",
    Ambiguity.ADJACENT: "repeats one behind the other that can match the same text",
    Ambiguity.LEADING: "it begins with a repeat without an end, which starts anew at every place of a long run",
    Ambiguity.LARGE: "repeats of more parts than can be looked through",
}
_MEND: Final = {
    Ambiguity.NESTED: "Repeat only once: (a+)+ is a+",
    Ambiguity.ALTERNATIVES: "Let the alternatives begin with different characters: (a|aa)+ is a+",
    Ambiguity.ADJACENT: "Join them, put between them what neither matches, or give each an upper bound such as {0,100}",
    Ambiguity.LEADING: "Put \\b or (?<!\\s) before it, or give it an upper bound such as {1,100}",
    Ambiguity.LARGE: "Make it several patterns",
}


def check_pattern(pattern: str) -> None:
    r"""Lets a pattern pass whose every attempt to match takes time linear in the length of the text.

    Proven by the pattern's automaton, in which assertions always hold; so some that are fast are refused too. What
    passes can take quadratic time over all attempts, where what stands before a repeat also stands in it: `foo.*bar` in
    a long line of `foo`.

    Raises:
        ConfigError: The pattern is no regular expression of `re`, too long, or can take for ever; says where and why.

    >>> check_pattern(r"\b[\w.]+@example\.(com|org)\b")
    >>> check_pattern(r"^(a+)+$")
    Traceback (most recent call last):
    provsdk.errors.ConfigError: ... at character 1, '(a+)+': a repeated group that itself repeats. ...
    """
    if len(pattern) > MAX_PATTERN:
        begin = f"{pattern[:40]}…"
        raise ConfigError(
            f"the pattern {begin!r} has {len(pattern):,} characters, and {MAX_PATTERN:,} are allowed; make it several"
        )
    _compile(pattern)
    repeats = marked(pattern)
    try:
        found = ambiguity(_automaton(repeats))
    except Unsupported as error:
        raise ConfigError(_message(pattern, repeats, error.bounds, error.why, error.mend)) from None
    if found is not None:
        why, bounds = found
        raise ConfigError(_message(pattern, repeats, bounds, _WHY[why], _MEND[why]))


def _compile(pattern: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except re.error as error:
        where = "" if error.pos is None else f" at character {error.pos}"
        raise ConfigError(f"the pattern {pattern!r} is no regular expression{where}: {error.msg}") from None
    except (RecursionError, OverflowError, Warning) as error:
        raise ConfigError(f"the pattern {pattern!r} is no regular expression: {error}; mend it") from None


def _automaton(repeats: Marked) -> Automaton:
    tree = _parser.parse(repeats.pattern)
    return automaton(tree, tree.state.flags, repeats.most)


def _message(pattern: str, repeats: Marked, bounds: tuple[int, ...], why: str, mend: str) -> str:
    place = repeats.place(bounds)
    where = "" if place is None else f", at character {place[0]}, {pattern[slice(*place)]!r}"
    return f"the pattern {pattern!r} can take for ever{where}: {why}. {mend}"
