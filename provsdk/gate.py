"""Subject and answers of a policy check: what capture asks before a value moves on, and what it may be told."""

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["ALWAYS_PROCEED", "PROCEED", "AlwaysProceed", "Answer", "Block", "Hold", "Proceed", "Replace", "Subject"]

Stage = Literal["source", "model", "return", "chunk"]


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


@dataclass(frozen=True, slots=True)
class Proceed:
    """The value moves on unchanged."""


@dataclass(frozen=True, slots=True)
class Replace:
    """The value moves on as `value`; `findings` says what was replaced, never what it was."""

    value: Any
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """The value does not move on; `OutputBlocked` is raised with these reasons."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """The value waits for somebody, at most `timeout` seconds."""

    timeout: float


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
