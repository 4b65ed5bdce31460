"""What has to be known of an output before it is handed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provsdk.errors import UsageError
from provsdk.gate import Verdict
from provsdk.vocabulary import ComplianceCheckType, OwnershipRole, SourceType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provsdk.gate import Loaded, Scope, Subject

__all__ = ["AuditRequirement"]

REQUIREMENTS: Final = ("owner", "model_version", "sources")


@dataclass(frozen=True)
class AuditRequirement:
    """Looks whether somebody answers for the output, and whether its sources and models are known.

    Args:
        require: of `owner` (somebody accountable), `model_version` (of each model call, its model), `sources` (at least
            one was loaded).
        reliability: the least of each source that reached the output, 0 to 1; None: not looked at.

    Raises:
        UsageError: another requirement, or nothing required.
    """

    require: tuple[str, ...] = REQUIREMENTS
    reliability: float | None = None
    name: str = "audit_requirement"
    type: ComplianceCheckType = ComplianceCheckType.AUDIT_REQUIREMENT
    version: str | None = "1"

    def __post_init__(self) -> None:
        given: object = self.require
        if not isinstance(given, (tuple, list)):
            raise UsageError(f"audit_requirement: require wants a list of {', '.join(REQUIREMENTS)}, got {given!r}")
        least = self.reliability
        if least is not None and (type(least) not in {int, float} or not 0 <= least <= 1):
            raise UsageError(f"audit_requirement: reliability {least!r} is not allowed; allowed: a number from 0 to 1")
        wrong = [each for each in self.require if each not in REQUIREMENTS]
        if wrong or not (self.require or self.reliability is not None):
            what = repr(wrong[0]) if wrong else "nothing"
            raise UsageError(f"audit_requirement: {what} is not allowed; allowed: {', '.join(REQUIREMENTS)}")

    def check(self, subject: Subject) -> Verdict:
        """Fails with everything that is missing."""
        if subject.scope is None:
            return Verdict("skipped", ("outside any output",))
        missing = tuple(self._missing(subject.scope))
        return Verdict("fail", missing) if missing else Verdict("pass")

    def _missing(self, scope: Scope) -> Iterator[str]:
        if "owner" in self.require and not _has_owner(scope):
            yield "no accountable owner"
        if "model_version" in self.require and any(not _has_model(each) for each in scope.model_calls):
            yield "a model call without its model"
        if "sources" in self.require and not scope.sources:
            yield "no source was loaded"
        if self.reliability is not None:
            low = sorted({one.name for one in scope.reached() if _reliability(one) < self.reliability})
            if low:
                yield f"sources below a reliability of {self.reliability:g}: {', '.join(low)}"


def _has_owner(scope: Scope) -> bool:
    owners = scope.said.get("owner")
    named = owners if isinstance(owners, dict) else {OwnershipRole.OUTPUT_OWNER.value: owners}
    return any(named.get(role.value) for role in OwnershipRole if role.accountable)


def _has_model(said: object) -> bool:
    return isinstance(said, dict) and bool(said.get("model") or said.get("response_model") or said.get("version"))


def _reliability(source: Loaded) -> float:
    return SourceType(source.type).reliability if source.reliability is None else source.reliability
