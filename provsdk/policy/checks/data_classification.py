"""Labels flow: an output is at least as confidential as what went into it, and models outside may not be given all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from provsdk.gate import Verdict
from provsdk.vocabulary import ComplianceCheckType, DataClassification

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provsdk.gate import Loaded, Subject

__all__ = ["DataClassificationCheck"]

_ORDER: Final = [each.value for each in DataClassification]


@dataclass(frozen=True)
class DataClassificationCheck:
    """Compares an output's class with those of the sources that reached it, and a prompt's with what models may get.

    Args:
        models: the highest class that a model call may be given.
        unlabelled: the class of sources of which nobody said one; None: they are not looked at.
    """

    models: DataClassification = DataClassification.INTERNAL
    unlabelled: DataClassification | None = None
    name: str = "data_classification"
    type: ComplianceCheckType = ComplianceCheckType.DATA_CLASSIFICATION
    version: str | None = "1"

    def check(self, subject: Subject) -> Verdict:
        """Fails where a label is too low; names the sources that are above it."""
        scope = subject.scope
        if scope is None or subject.stage == "source":
            return Verdict("skipped", ("outside any output" if scope is None else "a source has its own label",))
        declared = scope.said.get("classification", DataClassification.INTERNAL.value)
        allowed = self.models.value if subject.stage == "model" else str(declared)
        above = self._above(scope.sources, allowed)
        if not above:
            return Verdict("pass", expected=f"at most {allowed}")
        reached = {one.id for one in scope.reached()}
        found = [one for one in above if one.id in reached]
        if not found:
            return Verdict("pass", expected=f"at most {allowed}")
        highest = max((self._label(one) or allowed for one in found), key=_ORDER.index)
        names = ", ".join(sorted({one.name for one in found}))
        return Verdict("fail", (f"{highest} by {names}",), got=highest, expected=f"at most {allowed}")

    def _label(self, source: Loaded) -> str | None:
        if source.classification is not None:
            return source.classification
        return None if self.unlabelled is None else self.unlabelled.value

    def _above(self, sources: Iterable[Loaded], allowed: str) -> list[Loaded]:
        limit = _ORDER.index(allowed)
        return [one for one in sources if (label := self._label(one)) is not None and _ORDER.index(label) > limit]
