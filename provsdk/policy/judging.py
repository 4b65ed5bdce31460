"""Asks one rule, whatever its check does: a verdict that means nothing is an error, and an error is a verdict."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, get_args

from provsdk.gate import Finding, Judged, Result, Verdict
from provsdk.policy.texts import redacted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provsdk.gate import Subject
    from provsdk.policy.contract import Check, Rule

__all__ = ["found_by", "judge", "reasons_of", "warn", "withholds"]

_log: Final = logging.getLogger("provsdk")

_RESULTS: Final = frozenset(get_args(Result))


def judge(rule: Rule, subject: Subject) -> tuple[Judged, Any]:
    """The verdict, and the value as it may move on where nothing withholds it."""
    verdict, value = _verdict(rule.check, subject), subject.value
    if rule.redact and verdict.findings and verdict.result == "fail":
        made, is_whole = redacted(subject.value, verdict.findings)
        if is_whole:
            told = tuple(f"redacted {each}" for each in verdict.reasons)
            verdict, value = replace(verdict, result="pass", reasons=told), made
        else:
            verdict = replace(verdict, reasons=(*verdict.reasons, "not all of it can be redacted in place"))
    check = rule.check
    return Judged(check.name, str(check.type), verdict, rule.mode, subject.stage, check.version), value


def withholds(rule: Rule, judged: Judged) -> bool:
    """Whether the value does not move on."""
    if rule.mode != "block":
        return False
    result = judged.verdict.result
    return result == "fail" or (result == "error" and rule.on_error == "block")


def reasons_of(judged: Sequence[Judged]) -> tuple[str, ...]:
    """What is said to whoever does not get the value."""
    return tuple(f"{one.name}: {reason}" for one in judged for reason in one.verdict.reasons or (one.verdict.result,))


def warn(judged: Judged, subject: Subject) -> None:
    """A line in the log, where a failure leads to no more."""
    if judged.mode == "warn" and judged.verdict.result in {"fail", "error"}:
        of = subject.scope.output if subject.scope is not None else "no output"
        told = "; ".join(judged.verdict.reasons)
        _log.warning("%s: %s of %s, before %s: %s", judged.name, judged.verdict.result, of, subject.stage, told)


def found_by(check: Any, text: str) -> list[Finding] | None:
    """What a check finds in a text; None where it cannot be carried out."""
    try:
        found = list(check.find(text))
    except Exception as error:  # as below
        _log.warning("the check %s broke: %s", check.name, type(error).__name__)
        return None
    return found if all(map(_is_place, found)) else None


def _verdict(check: Check, subject: Subject) -> Verdict:
    try:
        found: object = check.check(subject)
    except Exception as error:  # anybody's code; its message may quote the value
        _log.warning("the check %s broke: %s", check.name, type(error).__name__)
        return Verdict("error", (f"broke: {type(error).__name__}",))
    return found if isinstance(found, Verdict) and _means_something(found) else _nonsense(found)


def _nonsense(found: object) -> Verdict:
    return Verdict("error", (f"gave no Verdict that can be read, but a {type(found).__name__}",))


def _means_something(found: Verdict) -> bool:
    result: Any = found.result
    reasons: Any = found.reasons
    places: Any = found.findings
    return (
        isinstance(result, str)
        and result in _RESULTS
        and isinstance(reasons, tuple)
        and all(isinstance(one, str) for one in reasons)
        and isinstance(places, tuple)
        and all(map(_is_place, places))
        and all(isinstance(one, str | None) for one in (found.got, found.expected))
    )


def _is_place(one: Any) -> bool:
    return isinstance(one, Finding) and type(one.start) is int and type(one.end) is int and 0 <= one.start <= one.end
