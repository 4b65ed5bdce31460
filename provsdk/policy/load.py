"""Rules from what a configuration says: names of built-in checks, tables with their options, objects made in code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from provsdk.errors import ConfigError, ProvsdkError
from provsdk.policy.checks.audit_requirement import AuditRequirement
from provsdk.policy.checks.content_filter import ContentFilter
from provsdk.policy.checks.data_classification import DataClassificationCheck
from provsdk.policy.checks.pii_scan import PiiScan
from provsdk.policy.checks.rate_limit import RateLimit
from provsdk.policy.checks.security_scan import SecurityScan
from provsdk.policy.contract import Check, Rule, rule
from provsdk.vocabulary import DataClassification, parse

__all__ = ["BUILT_IN", "rules"]

BUILT_IN: Final[Mapping[str, tuple[Callable[..., Check], tuple[str, ...]]]] = {
    "pii_scan": (PiiScan, ("return",)),
    "security_scan": (SecurityScan, ("source", "model", "return")),
    "content_filter": (ContentFilter, ("return",)),
    "rate_limit": (RateLimit, ("return",)),
    "data_classification": (DataClassificationCheck, ("model", "return")),
    "audit_requirement": (AuditRequirement, ("return",)),
}
"""Checks by name, and before what each is asked unless somebody says otherwise."""

_OF_RULE: Final = ("on", "mode", "outputs", "on_error", "redact")
_OF_ALL: Final = frozenset({"type", "version", "clock"})
"""What is not to be set in a file."""


def rules(given: Iterable[Any], place: str = "argument") -> tuple[Rule, ...]:
    """The rules, in their order.

    Args:
        given: names, tables (`check`, and options of the check and of `rule`), checks or rules.
        place: where they were said, for errors.

    Raises:
        ConfigError: names the entry, what is wrong with it, and what is allowed.
    """
    return tuple(_rule(one, f"checks ({place}), entry {number}") for number, one in enumerate(given, 1))


def _rule(given: Any, where: str) -> Rule:
    if isinstance(given, Rule):
        return given
    try:
        if isinstance(given, (str, Mapping)):
            return _of_table({"check": given} if isinstance(given, str) else given)
        return rule(given)
    except ProvsdkError as error:
        raise ConfigError(f"{where}: {error}") from None
    except (TypeError, ValueError, AttributeError, LookupError) as error:
        raise ConfigError(f"{where}: {given!r:.80} is not allowed: {error}") from None


def _of_table(table: Mapping[str, Any]) -> Rule:
    name = table.get("check")
    if "check" not in table:
        raise ConfigError(f'no "check" among {", ".join(map(repr, table))}; allowed: {", ".join(BUILT_IN)}')
    if not isinstance(name, str) or name not in BUILT_IN:
        raise ConfigError(f'"check" is {name!r}; allowed: {", ".join(BUILT_IN)}')
    make, stages = BUILT_IN[name]
    options = {key: value for key, value in table.items() if key != "check"}
    own = [key for key in inspect.signature(make).parameters if key not in _OF_ALL]
    wrong = [key for key in options if key not in own and key not in _OF_RULE]
    if wrong:
        raise ConfigError(f"{name} has no option {wrong[0]!r}; allowed: {', '.join((*own, *_OF_RULE))}")
    needed = [
        key
        for key, one in inspect.signature(make).parameters.items()
        if one.default is inspect.Parameter.empty and key not in options
    ]
    if needed:
        raise ConfigError(f"{name} wants {', '.join(needed)}: a table with these, in place of its name alone")
    how = {key: options.pop(key) for key in _OF_RULE if key in options}
    return rule(make(**{key: _value(name, key, value) for key, value in options.items()}), **{"on": stages, **how})


def _value(name: str, key: str, value: Any) -> Any:
    """An option as the check takes it."""
    if name == "data_classification" and key in {"models", "unlabelled"}:
        return parse(DataClassification, value)
    return tuple(value) if isinstance(value, list) else value
