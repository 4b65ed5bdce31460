"""Secrets in whatever moves on, and instructions to the model in what should only inform it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provsdk.policy.checks._scanning import scanned
from provsdk.policy.detectors import injection, secrets
from provsdk.vocabulary import ComplianceCheckType

if TYPE_CHECKING:
    from provsdk.gate import Finding, Subject, Verdict

__all__ = ["SecurityScan"]


@dataclass(frozen=True)
class SecurityScan:
    """Finds keys, tokens and passwords; in sources the marks of prompt injection too."""

    name: str = "security_scan"
    type: ComplianceCheckType = ComplianceCheckType.SECURITY_SCAN
    version: str | None = "1"

    def find(self, text: str) -> list[Finding]:
        """The places of secrets in a text."""
        return secrets.find(text)

    def check(self, subject: Subject) -> Verdict:
        """Fails where there is any."""
        return scanned(subject, _in_source if subject.stage == "source" else self.find)


def _in_source(text: str) -> list[Finding]:
    return sorted([*secrets.find(text), *injection.find(text)], key=lambda one: (one.start, one.end))
