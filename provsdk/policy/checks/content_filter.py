"""Words that are not to be said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provsdk.errors import UsageError
from provsdk.policy.checks._scanning import scanned
from provsdk.policy.detectors.terms import Terms
from provsdk.vocabulary import ComplianceCheckType

if TYPE_CHECKING:
    from provsdk.gate import Finding, Subject, Verdict

__all__ = ["ContentFilter"]


@dataclass(frozen=True)
class ContentFilter:
    """Finds terms as whole words, whatever their case, accents or width, and what patterns fit.

    Args:
        terms: words and phrases.
        patterns: regular expressions; refused where they can take for ever.

    Raises:
        ConfigError: a pattern that is wrong or may explode.
        UsageError: neither a term nor a pattern.
    """

    terms: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    name: str = "content_filter"
    type: ComplianceCheckType = ComplianceCheckType.CONTENT_FILTER
    version: str | None = None
    _compiled: Terms = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        said: tuple[tuple[str, object], ...] = (("terms", self.terms), ("patterns", self.patterns))
        for name, given in said:
            if not isinstance(given, (tuple, list)) or not all(isinstance(one, str) and one for one in given):
                raise UsageError(f"content_filter: {name} wants a list of texts, none of them empty")
        if not self.terms and not self.patterns:
            raise UsageError("content_filter: wants terms or patterns, or nothing could ever fail it")
        object.__setattr__(self, "_compiled", Terms.of(self.terms, self.patterns))

    def find(self, text: str) -> list[Finding]:
        """The places in a text."""
        return self._compiled.find(text)

    def check(self, subject: Subject) -> Verdict:
        """Fails where there is any."""
        return scanned(subject, self.find)
