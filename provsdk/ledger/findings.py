"""What a verification came to: steps, findings, and the tally that collects them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["MAX_FINDINGS", "TITLES", "Finding", "Outcome", "Step", "Tally"]

TITLES: Final[Mapping[int, str]] = {
    1: "entries are canonical and well formed",
    2: "entries stand in order, without a gap",
    3: "tiles hold the entries' hashes",
    4: "entries bear their seals",
    5: "manifests are those that entries name",
    6: "parts have their commitments",
    7: "the tree is that of its tiles",
    8: "the checkpoint is signed and covers the entries",
    9: "nothing is missing that is remembered outside",
}
"""Step number → what holds when it is passed."""

MAX_FINDINGS: Final = 100
"""Findings kept per step; the others are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong."""

    step: int
    index: int | None
    """Index of the entry that is wrong, None where no single one is."""
    what: str


@dataclass(frozen=True, slots=True)
class Step:
    """How one step of the procedure went."""

    number: int
    title: str
    ok: bool
    checked: int
    """Things that were checked: entries, tiles, parts, checkpoints."""
    not_checked: int
    """Things that could not be: seals and parts whose keys are not at hand."""
    detail: str
    """The first finding, or why something was not checked, or nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the procedure went."""

    steps: tuple[Step, ...]
    findings: tuple[Finding, ...]
    """By step, at most `MAX_FINDINGS` of each."""
    first_wrong: tuple[int, str] | None
    """The lowest index of an entry that is wrong, missing or not covered, and what is wrong there."""
    signed: bool
    """Whether the checkpoint was good under the key that the caller brought."""
    size: int
    """Number of entries."""
    root: bytes
    """Root of the tree over their bytes as stored."""

    @property
    def ok(self) -> bool:
        """Whether no step found anything wrong."""
        return all(step.ok for step in self.steps)


@dataclass(slots=True)
class _Count:
    checked: int = 0
    not_checked: int = 0
    reason: str = ""
    wrong: int = 0
    findings: list[Finding] = field(default_factory=list)


class Tally:
    """Counts what was checked, by step, and keeps what was found."""

    def __init__(self) -> None:
        self._steps = {number: _Count() for number in TITLES}
        self._first: tuple[int, int, str] | None = None

    def checked(self, step: int, count: int = 1) -> None:
        """Something was looked at, right or wrong."""
        self._steps[step].checked += count

    def not_checked(self, step: int, reason: str, count: int = 1) -> None:
        """Something could not be looked at."""
        self._steps[step].not_checked += count
        self._steps[step].reason = reason

    def wrong(self, step: int, index: int | None, what: str) -> None:
        """Something is wrong, with the entry at `index` if that can be told."""
        count = self._steps[step]
        count.wrong += 1
        if len(count.findings) < MAX_FINDINGS:
            count.findings.append(Finding(step, index, what))
        if index is not None and (self._first is None or (index, step) < self._first[:2]):
            self._first = (index, step, what)

    def outcome(self, steps: Iterable[int], *, signed: bool, size: int, root: bytes) -> Outcome:
        """The sum of it, of the steps that were made."""
        counts = [(number, self._steps[number]) for number in steps]
        return Outcome(
            steps=tuple(_step(number, count) for number, count in counts),
            findings=tuple(finding for _, count in counts for finding in count.findings),
            first_wrong=None if self._first is None else (self._first[0], self._first[2]),
            signed=signed,
            size=size,
            root=root,
        )


def _step(number: int, count: _Count) -> Step:
    detail = count.reason if count.not_checked else ""
    if count.findings:
        detail = count.findings[0].what
        if count.wrong > 1:
            detail += f" (and {count.wrong - 1} more)"
    return Step(number, TITLES[number], not count.wrong, count.checked, count.not_checked, detail)
