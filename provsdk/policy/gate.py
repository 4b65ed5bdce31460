"""The gate that asks the rules: what may move on as it is, what is redacted first, what is withheld."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from provsdk.gate import PROCEED, AlwaysProceed, Block, Judged, Proceed, Replace
from provsdk.policy.contract import Finder
from provsdk.policy.judging import judge, reasons_of, warn, withholds
from provsdk.policy.window import Windows
from provsdk.vocabulary import ComplianceCheckType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provsdk.gate import Answer, Subject
    from provsdk.policy.contract import Rule
    from provsdk.policy.window import Window

__all__ = ["PolicyGate"]

_ONCE: Final = frozenset({ComplianceCheckType.RATE_LIMIT, ComplianceCheckType.ACCESS_CONTROL})
"""Types of checks that are asked before the first chunk of a stream, and not of each."""

_AT_THE_END: Final = frozenset({ComplianceCheckType.AUDIT_REQUIREMENT})
"""Those that look at what is known when all has come."""


class PolicyGate(AlwaysProceed):
    """Asks each rule that is for the subject, in their order; a redacted value goes to the next one as it is then.

    Args:
        rules: what is asked.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._windows = Windows()

    @property
    def always_proceeds(self) -> bool:  # type: ignore[override] # of the port, a property or a constant
        """Without rules."""
        return not self._rules

    def before_source(self, subject: Subject) -> Answer:
        """Asks the rules for sources."""
        return self._ask(subject)

    def before_model(self, subject: Subject) -> Answer:
        """Asks the rules for what models are given."""
        return self._ask(subject)

    def before_return(self, subject: Subject) -> Answer:
        """Asks the rules for outputs."""
        return self._ask(subject)

    def on_chunk(self, subject: Subject) -> Answer:
        """Asks the rules for outputs of a piece of one, and of its text together with what stands around it."""
        rules = [one for one in self._rules if one.is_for(subject)]
        if not rules:
            return PROCEED
        key = subject.record_id or ""
        window, is_first = self._windows.of(key, rules)
        withheld = self._ask_others(window, subject, rules, is_first=is_first)
        pieces, by_places = window.take(subject.value) if not withheld else ((), ())
        if withheld or by_places:
            self._windows.close(key)
            stopped = (*withheld, *by_places)
            return Block(reasons_of(stopped), stopped)
        return PROCEED if len(pieces) == 1 and pieces[0] is subject.value else Replace(pieces)

    def on_end(self, subject: Subject) -> Answer:
        """What a stream's window holds still, and the verdicts on all that went through it."""
        rules = [one for one in self._rules if one.is_for(subject)]
        key = subject.record_id or ""
        window, is_first = self._windows.of(key, rules)
        self._windows.close(key)
        withheld = self._ask_others(window, subject, rules, is_first=is_first, is_end=True)
        rest, by_places = window.end() if not withheld else (None, ())
        if withheld or by_places:
            stopped = (*withheld, *by_places)
            return Block(reasons_of(stopped), stopped)
        verdicts = window.verdicts()
        for one in verdicts:
            warn(one, subject)
        return Proceed(verdicts) if rest is None else Replace(rest, (), verdicts)

    async def abefore_source(self, subject: Subject) -> Answer:
        """As `before_source`: checks look at values, and wait for nobody."""
        return self._ask(subject)

    async def abefore_model(self, subject: Subject) -> Answer:
        """As `before_model`."""
        return self._ask(subject)

    async def abefore_return(self, subject: Subject) -> Answer:
        """As `before_return`."""
        return self._ask(subject)

    async def aon_chunk(self, subject: Subject) -> Answer:
        """As `on_chunk`."""
        return self.on_chunk(subject)

    def _ask_others(
        self, window: Window, subject: Subject, rules: Sequence[Rule], *, is_first: bool, is_end: bool = False
    ) -> list[Judged]:
        """Asks what finds no places: of each chunk, before the first one, or at the end; answers what withholds it."""
        withheld = []
        for n, rule in enumerate(rules):
            kind = rule.check.type
            is_due = is_first if kind in _ONCE else is_end if kind in _AT_THE_END else not is_end
            if isinstance(rule.check, Finder) or not is_due:
                continue
            judged, _ = judge(rule, subject)
            before = window.others.get(n)
            if before is None or before.verdict.result not in {"fail", "error"}:
                window.others[n] = judged  # a stream that failed once has failed
            if withholds(rule, judged):
                withheld.append(judged)
        return withheld

    def _ask(self, subject: Subject) -> Answer:
        verdicts: list[Judged] = []
        withheld: list[Judged] = []
        value: Any = subject.value
        for rule in self._rules:
            if not rule.is_for(subject):
                continue
            judged, value = judge(rule, replace(subject, value=value))
            verdicts.append(judged)
            warn(judged, subject)
            if withholds(rule, judged):
                withheld.append(judged)
        if withheld:
            return Block(reasons_of(withheld), tuple(verdicts))
        return Proceed(tuple(verdicts)) if value is subject.value else Replace(value, (), tuple(verdicts))
