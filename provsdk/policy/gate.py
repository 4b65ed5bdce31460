"""The gate that asks the rules: what may move on as it is, what is redacted first, what is withheld."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from provsdk.gate import PROCEED, AlwaysProceed, Block, Judged, Proceed, Replace, Verdict
from provsdk.policy.contract import Finder
from provsdk.policy.texts import redacted
from provsdk.policy.window import Windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from provsdk.gate import Answer, Subject
    from provsdk.policy.contract import Rule

__all__ = ["PolicyGate"]

_log: Final = logging.getLogger("provsdk")

_HOLDS: Final = frozenset({"fail", "error"})
"""Results that withhold, where the mode is to block."""


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
        """Asks the rules for outputs of a piece of one: of the whole before the first piece, of texts in a window."""
        key = subject.record_id or ""
        rules = [one for one in self._rules if one.is_for(subject)]
        if not rules:
            return PROCEED
        finders = [one for one in rules if isinstance(one.check, Finder)]
        answer: Answer = PROCEED
        if self._windows.begin(key, finders):
            answer = self._ask(subject, [one for one in rules if not isinstance(one.check, Finder)])
            if isinstance(answer, Block):
                return answer
        if not finders:
            return answer
        text, withheld = self._windows.take(key, subject.value)
        judged = (*answer.verdicts, *withheld)
        if withheld:
            self._windows.forget(key)
            return Block(_reasons(withheld), judged)
        return Proceed(judged) if text is subject.value else Replace(text, (), judged)

    def on_end(self, subject: Subject) -> Answer:
        """What a stream's window holds still, and the verdicts on all that went through it."""
        rest, verdicts = self._windows.end(subject.record_id or "")
        if reasons := _reasons(verdicts):
            return Block(reasons, verdicts)
        return Replace(rest, (), verdicts) if rest is not None else Proceed(verdicts)

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

    def _ask(self, subject: Subject, rules: Iterable[Rule] | None = None) -> Answer:
        judged: list[Judged] = []
        value = subject.value
        for one in self._rules if rules is None else rules:
            if not one.is_for(subject):
                continue
            verdict, value = _judge(one, replace(subject, value=value))
            check = one.check
            judged.append(Judged(check.name, str(check.type), verdict, one.mode, subject.stage, check.version))
            if verdict.result in _HOLDS and one.mode == "warn":
                _warn(judged[-1], subject)
        verdicts = tuple(judged)
        reasons = _reasons(verdicts)
        if reasons:
            return Block(reasons, verdicts)
        return Proceed(verdicts) if value is subject.value else Replace(value, (), verdicts)


def _judge(rule: Rule, subject: Subject) -> tuple[Verdict, Any]:
    """The verdict, and the value as it may move on."""
    verdict = _verdict(rule, subject)
    if not (rule.redact and verdict.findings and verdict.result == "fail"):
        return verdict, subject.value
    value, is_whole = redacted(subject.value, verdict.findings)
    if not is_whole:
        return replace(verdict, reasons=(*verdict.reasons, "not all of it can be redacted in place")), subject.value
    return replace(verdict, result="pass", reasons=tuple(f"redacted {each}" for each in verdict.reasons)), value


def _verdict(rule: Rule, subject: Subject) -> Verdict:
    try:
        found: object = rule.check.check(subject)
    except Exception as error:  # anybody's code; its message may quote the value
        found = Verdict("error", (f"broke: {type(error).__name__}",))
        _log.warning("the check %s broke: %s", rule.check.name, type(error).__name__)
    if not isinstance(found, Verdict):
        found = Verdict("error", (f"gave no Verdict but a {type(found).__name__}",))
    if found.result == "error" and rule.on_error == "proceed":
        return replace(found, reasons=(*found.reasons, "proceeds on errors"))
    return found


def _reasons(judged: Iterable[Judged]) -> tuple[str, ...]:
    """Why the value is withheld; none where it is not."""
    return tuple(
        f"{one.name}: {reason}"
        for one in judged
        if one.mode == "block" and one.verdict.result in _HOLDS and "proceeds on errors" not in one.verdict.reasons
        for reason in one.verdict.reasons or (one.verdict.result,)
    )


def _warn(judged: Judged, subject: Subject) -> None:
    of = subject.scope.output if subject.scope is not None else "no output"
    _log.warning(
        "%s: %s of %s, before %s: %s",
        judged.name, judged.verdict.result, of, subject.stage, "; ".join(judged.verdict.reasons),
    )  # fmt: skip
