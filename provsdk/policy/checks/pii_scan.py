"""Personal data in what a model is given, or in what an output says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provsdk.policy.checks._scanning import scanned
from provsdk.policy.detectors import pii
from provsdk.vocabulary import ComplianceCheckType

if TYPE_CHECKING:
    from provsdk.gate import Finding, Subject, Verdict

__all__ = ["PiiScan"]


@dataclass(frozen=True)
class PiiScan:
    """Finds personal data of some kinds.

    Args:
        kinds: of `provsdk.policy.detectors.pii.KINDS`; None: all that can be found here.

    Raises:
        ConfigError: a kind is unknown, or needs `pip install "provsdk[pii]"`.
    """

    kinds: tuple[str, ...] | None = None
    name: str = "pii_scan"
    type: ComplianceCheckType = ComplianceCheckType.PII_SCAN
    version: str | None = "1"

    def __post_init__(self) -> None:
        if self.kinds is not None:
            object.__setattr__(self, "kinds", tuple(self.kinds))
            pii.find("", self.kinds)

    def find(self, text: str) -> list[Finding]:
        """The places in a text."""
        return pii.find(text, self.kinds)

    def check(self, subject: Subject) -> Verdict:
        """Fails where there is any."""
        return scanned(subject, self.find)
