"""Subject and answers of a policy check: what capture asks before a value moves on, and what it may be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

__all__ = [
    "ALWAYS_PROCEED",
    "PROCEED",
    "AlwaysProceed",
    "Answer",
    "Block",
    "Finding",
    "Hold",
    "Judged",
    "Loaded",
    "Mode",
    "Pieces",
    "Proceed",
    "Replace",
    "Result",
    "Scope",
    "Stage",
    "Subject",
    "Verdict",
]

Stage = Literal["source", "model", "return", "chunk"]
Mode = Literal["block", "warn", "record"]
"""What a verdict that is no pass leads to."""
Result = Literal["pass", "fail", "error", "skipped", "waived"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A source, as it was loaded within the output."""

    id: str
    name: str
    type: str
    """A `SourceType`."""
    version: str | None = None
    location: str | None = None
    modified_at: str | None = None
    """RFC 3339, UTC."""
    classification: str | None = None
    """A `DataClassification`; None: nobody said."""
    reliability: float | None = None


class Scope(Protocol):
    """The output that is being made, to be looked at."""

    @property
    def output(self) -> str:
        """Its name."""
        ...

    @property
    def said(self) -> Mapping[str, Any]:
        """What is said of it so far: owner, classification, subjects and the like."""
        ...

    @property
    def model_calls(self) -> Sequence[Mapping[str, Any]]:
        """What is said of each model call so far."""
        ...

    @property
    def sources(self) -> Sequence[Loaded]:
        """What was loaded so far."""
        ...

    def reached(self) -> Sequence[Loaded]:
        """The sources that went into the subject, as far as can be seen: the same objects and equal contents, contents
        that stand in it, and what the steps on the way were given. Costs a search of the texts.
        """
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """What is about to move on, and where it stands."""

    stage: Stage
    record_id: str | None
    """Record of the output that the value belongs to; None outside any output."""
    name: str
    """Name of the traced function."""
    value: Any
    """The live value: arguments of a model call, a source's result, or the output itself. Never stored by capture."""
    scope: Scope | None = None
    """The output that it belongs to; None outside any."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A place where a check found something; never what stands there."""

    kind: str
    """What it is: `email`, `credit_card`, `aws_access_key`."""
    start: int
    """In the text, in characters (code points)."""
    end: int
    place: str = ""
    """Of the text, in a value that holds several: a JSON Pointer (RFC 6901)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check came to. Nothing in it quotes the value."""

    result: Result
    reasons: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    got: str | None = None
    """What was there, where the check compares: a number, a class, an owner."""
    expected: str | None = None
    """What should have been."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, with the check that gave it and what it may do."""

    name: str
    type: str
    """A `ComplianceCheckType`."""
    verdict: Verdict
    mode: Mode
    stage: Stage
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Proceed:
    """The value moves on unchanged."""

    verdicts: tuple[Judged, ...] = ()


@dataclass(frozen=True, slots=True)
class Replace:
    """The value moves on as `value`; `findings` says what was replaced, never what it was."""

    value: Any
    findings: tuple[str, ...] = ()
    verdicts: tuple[Judged, ...] = ()


class Pieces(tuple[Any, ...]):
    """In place of a chunk of a stream: as many as there are, or none yet."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Block:
    """The value does not move on; `OutputBlocked` is raised with these reasons."""

    reasons: tuple[str, ...]
    verdicts: tuple[Judged, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """The value waits for somebody, at most `timeout` seconds."""

    timeout: float
    verdicts: tuple[Judged, ...] = ()


Answer = Proceed | Replace | Block | Hold

PROCEED = Proceed()


class AlwaysProceed:
    """The gate of a configuration without policies: it lets everything pass, so nobody has to ask it."""

    always_proceeds = True

    def before_source(self, subject: Subject) -> Answer:  # noqa: ARG002 the port's signature
        """Lets the source's value pass."""
        return PROCEED

    def before_model(self, subject: Subject) -> Answer:  # noqa: ARG002 the port's signature
        """Lets the model call's arguments pass."""
        return PROCEED

    def before_return(self, subject: Subject) -> Answer:  # noqa: ARG002 the port's signature
        """Lets the output pass."""
        return PROCEED

    def on_chunk(self, subject: Subject) -> Answer:  # noqa: ARG002 the port's signature
        """Lets the chunk pass."""
        return PROCEED

    def on_end(self, subject: Subject) -> Answer:  # noqa: ARG002 the port's signature
        """Has nothing more to say of a stream."""
        return PROCEED

    def after_seal(self, record_id: str) -> Answer:  # noqa: ARG002 the port's signature
        """Lets the sealed output pass."""
        return PROCEED

    async def abefore_source(self, subject: Subject) -> Answer:  # noqa: ARG002 the port's signature
        """Lets the source's value pass."""
        return PROCEED

    async def abefore_model(self, subject: Subject) -> Answer:  # noqa: ARG002 the port's signature
        """Lets the model call's arguments pass."""
        return PROCEED

    async def abefore_return(self, subject: Subject) -> Answer:  # noqa: ARG002 the port's signature
        """Lets the output pass."""
        return PROCEED

    async def aon_chunk(self, subject: Subject) -> Answer:  # noqa: ARG002 the port's signature
        """Lets the chunk pass."""
        return PROCEED

    async def aafter_seal(self, record_id: str) -> Answer:  # noqa: ARG002 the port's signature
        """Lets the sealed output pass."""
        return PROCEED


ALWAYS_PROCEED = AlwaysProceed()
