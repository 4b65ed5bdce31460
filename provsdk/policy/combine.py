"""Checks made of checks: all of them, any of them, not that one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provsdk.gate import Verdict
from provsdk.vocabulary import ComplianceCheckType

if TYPE_CHECKING:
    from provsdk.gate import Result, Subject
    from provsdk.policy.contract import Check

__all__ = ["AllOf", "AnyOf", "Not"]

_RAN = frozenset({"pass", "fail"})


@dataclass(frozen=True)
class _Combined:
    checks: tuple[Check, ...]

    def __init__(self, *checks: Check) -> None:
        object.__setattr__(self, "checks", checks)

    @property
    def type(self) -> ComplianceCheckType:
        """That of its checks, where they are of one; else a policy's."""
        types = {each.type for each in self.checks}
        return types.pop() if len(types) == 1 else ComplianceCheckType.POLICY_COMPLIANCE

    @property
    def version(self) -> str | None:
        """Of its checks, in their order."""
        versions = [each.version for each in self.checks]
        return ", ".join(each or "-" for each in versions) if any(versions) else None

    def _asked(self, subject: Subject) -> list[Verdict]:
        return [_verdict(each, subject) for each in self.checks]


class AllOf(_Combined):
    """Passes where every check does. Of no checks it fails: who asks for nothing has forgotten something."""

    @property
    def name(self) -> str:
        """With those of its checks."""
        return f"all of {', '.join(each.name for each in self.checks)}"

    def check(self, subject: Subject) -> Verdict:
        """The verdict; an error where one was and nothing failed."""
        found = self._asked(subject)
        if not found:
            return Verdict("fail", ("no check was named, and nothing was checked",))
        return _together(_worst(found, ("fail", "error", "skipped", "waived", "pass")), found)


class AnyOf(_Combined):
    """Passes where one check does. Of no checks it fails."""

    @property
    def name(self) -> str:
        """With those of its checks."""
        return f"any of {', '.join(each.name for each in self.checks)}"

    def check(self, subject: Subject) -> Verdict:
        """The verdict; an error where one was and nothing passed."""
        found = self._asked(subject)
        return _together(_worst(found, ("pass", "waived", "error", "fail", "skipped")), found)


@dataclass(frozen=True)
class Not:
    """Passes where the check fails, and the other way round; what could not be carried out stays so."""

    inner: Check

    @property
    def name(self) -> str:
        """With that of its check."""
        return f"not {self.inner.name}"

    @property
    def type(self) -> ComplianceCheckType:
        """Its check's."""
        return self.inner.type

    @property
    def version(self) -> str | None:
        """Its check's."""
        return self.inner.version

    def check(self, subject: Subject) -> Verdict:
        """The verdict."""
        found = _verdict(self.inner, subject)
        if found.result not in _RAN:
            return found
        if found.result == "pass":
            return Verdict("fail", (f"{self.inner.name} passed",))
        return Verdict("pass", found.reasons)


def _verdict(check: Check, subject: Subject) -> Verdict:
    """Its verdict; one that breaks has one too, as the others are asked all the same."""
    try:
        return check.check(subject)
    except Exception as error:  # the check is anybody's code; its message may quote the value
        return Verdict("error", (f"{check.name} broke: {type(error).__name__}",))


def _worst(found: list[Verdict], order: tuple[Result, ...]) -> Result:
    results = {each.result for each in found}
    return next((each for each in order if each in results), "fail")


def _together(result: Result, found: list[Verdict]) -> Verdict:
    told = found if result == "pass" else [each for each in found if each.result == result]
    reasons = tuple(dict.fromkeys(reason for each in told for reason in each.reasons))
    return Verdict(result, reasons, tuple(place for each in told for place in each.findings))
