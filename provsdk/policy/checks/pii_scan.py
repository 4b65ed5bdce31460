"""Personal data in what a model is given, or in what an output says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provsdk.errors import UsageError
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
        UsageError: no list, or an empty one.
        ConfigError: a kind is unknown, or needs `pip install "provsdk[pii]"`.
    """

    kinds: tuple[str, ...] | None = None
    name: str = "pii_scan"
    type: ComplianceCheckType = ComplianceCheckType.PII_SCAN
    version: str | None = "1"

    def __post_init__(self) -> None:
        given: object = self.kinds
        if given is not None:
            if not isinstance(given, (tuple, list, set, frozenset)) or not given:
                raise UsageError(f"pii_scan: kinds wants a list of {', '.join(pii.KINDS)}, got {given!r}")
            object.__setattr__(self, "kinds", tuple(given))
            pii.find("", tuple(given))

    def find(self, text: str) -> list[Finding]:
        """The places in a text."""
        return pii.find(text, self.kinds)

    def check(self, subject: Subject) -> Verdict:
        """Fails where there is any."""
        return scanned(subject, self.find)
