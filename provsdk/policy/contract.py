"""What a check is, and a rule: a check with where it stands and what its failure leads to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, runtime_checkable

from provsdk.errors import UsageError
from provsdk.vocabulary import ComplianceCheckType, parse

if TYPE_CHECKING:
    from provsdk.gate import Finding, Mode, Stage, Subject, Verdict

__all__ = ["Check", "Finder", "Rule", "rule"]

STAGES: Final = ("source", "model", "return")
MODES: Final = ("block", "warn", "record")


@runtime_checkable
class Check(Protocol):
    """Looks at a value before it moves on. Called from any thread, by several at once."""

    @property
    def name(self) -> str:
        """As it stands in records."""
        ...

    @property
    def type(self) -> ComplianceCheckType:
        """What it looks at."""
        ...

    @property
    def version(self) -> str | None:
        """Of its rules; None where it has none."""
        ...

    def check(self, subject: Subject) -> Verdict:
        """The verdict. An exception is one too: the check could not be carried out."""
        ...


@runtime_checkable
class Finder(Protocol):
    """A check that finds places in texts, which can be redacted, and watched for in a stream."""

    def find(self, text: str) -> Iterable[Finding]:
        """The places, by their start, none over another."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """A check, where it is asked, and what its failure leads to."""

    check: Check
    stages: frozenset[Stage]
    mode: Mode
    outputs: tuple[str, ...] = ("*",)
    """Patterns of the names of outputs that it is for (`*`, `?`, `[ab]`)."""
    on_error: Literal["block", "proceed"] = "block"
    """What is done where a blocking check cannot be carried out."""
    redact: bool = False
    """What it finds is replaced, and the value moves on."""

    def is_for(self, subject: Subject) -> bool:
        """Whether it is to be asked of that. Outside any output only rules for all outputs are."""
        if subject.stage not in self.stages and not (subject.stage == "chunk" and "return" in self.stages):
            return False
        if "*" in self.outputs:
            return True
        return subject.scope is not None and any(fnmatchcase(subject.scope.output, each) for each in self.outputs)


def rule(
    check: Check,
    *,
    on: Iterable[Stage] = ("return",),
    mode: Mode | None = None,
    outputs: Iterable[str] = ("*",),
    on_error: Literal["block", "proceed"] = "block",
    redact: bool = False,
) -> Rule:
    """A rule of a check.

    Args:
        check: a built-in one, or any object with `name`, `type`, `version` and `check(subject)`.
        on: before what it is asked: `source` (a source's value is handed on), `model` (a model is called), `return`
            (an output reaches its caller; of a stream, each of its chunks).
        mode: `block`, `warn` or `record` its failures; None: blocks where its type does
            (`ComplianceCheckType.blocking`), else warns.
        outputs: patterns of names of outputs.
        on_error: of a blocking check that cannot be carried out: `block`, or `proceed`.
        redact: replaces what it finds, and goes on.

    Raises:
        UsageError: names what is wrong and what is allowed.
    """
    if isinstance(check, type) or not isinstance(check, Check):
        raise UsageError(f"a check has name, type, version and check(subject); {type(check).__name__} has not")
    kind = parse(ComplianceCheckType, check.type)
    _word("redact", redact, (True, False))
    stages, patterns = _several("on", on, STAGES), _several("outputs", outputs, None)
    mode = ("block" if kind.blocking else "warn") if mode is None else mode
    _word("mode", mode, MODES)
    _word("on_error", on_error, ("block", "proceed"))
    if redact and not isinstance(check, Finder):
        raise UsageError(f"redact: {check.name} finds no places in texts, so there is nothing to replace")
    return Rule(check, frozenset(stages), mode, patterns, on_error, redact)  # type: ignore[arg-type] # words were looked at


def _word(name: str, given: object, allowed: tuple[object, ...]) -> None:
    if not any(type(given) is type(one) and given == one for one in allowed):
        raise UsageError(f"{name}: {given!r} is not allowed; allowed: {', '.join(map(str, allowed))}")


def _is_iterable(given: object) -> bool:
    return isinstance(given, Iterable)


def _several(name: str, given: Iterable[Any], allowed: tuple[str, ...] | None) -> tuple[str, ...]:
    words: tuple[Any, ...] = (given,) if isinstance(given, str) or not _is_iterable(given) else tuple(given)
    wrong = [each for each in words if not isinstance(each, str) or (allowed is not None and each not in allowed)]
    if wrong or not words:
        what = repr(wrong[0]) if wrong else "nothing"
        raise UsageError(f"{name}: {what} is not allowed; allowed: {', '.join(allowed or ('patterns of names',))}")
    return words
