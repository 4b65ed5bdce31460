"""What one decorator or `with` block says, sorted once: facts that stand fast, and rules asked at each call."""

from __future__ import annotations

import functools
from itertools import islice
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

from provsdk import semconv
from provsdk.capture import _code, _guard
from provsdk.capture._binding import Rule, Signature, attribute, rule_for
from provsdk.capture._declared import (
    CAPTURE_CONTENT,
    CHECKSUM,
    FIXED_AT_START,
    LOCAL_ONLY,
    article,
    check,
    check_name,
    refused,
)
from provsdk.capture._late import Late
from provsdk.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provsdk.capture import _session
    from provsdk.capture._session import Activity
    from provsdk.capture.ports import Ports
else:
    _session = Late("provsdk.capture._session")

__all__ = ["Plan", "compare_checksum", "say"]

_IN_EXTRA: Final = "type"
"""The fact that stands beside `declared` in a span's facts."""

MAX_OUTSIDE: Final = 4_096
"""Items of a load outside any output that an output which is given one of them can tell."""

_CONSTANTS: Final = (str, bytes, tuple, frozenset)

_DEFAULT_TYPES: Final = {
    semconv.KIND_SOURCE: "external",
    semconv.KIND_TRANSFORMATION: "derive",
    semconv.KIND_POLICY_CHECK: "policy_compliance",
}
"""What an untyped call is taken for: the type of its kind that promises least."""


def say(activity: Activity, name: str, value: Any) -> None:
    """Notes a fact of the call that is going on; a wrong one is noted as missing, and the call goes on."""
    checked = _checked(activity, name, value)
    if checked is None:
        return
    try:
        put(activity, name, checked)
    except Exception as error:
        activity.lacks("invalid_fact", name)
        _guard.report(f"take {name!r} of {article(activity.kind)}", error, activity.ports, about=activity.name)


def _checked(activity: Activity, name: str, value: Any) -> Any:
    """The fact as plain builtins; None where it is wrong, which is noted. The value may be content: never quoted."""
    try:
        return check(activity.kind, name, value)
    except UsageError:
        failure: Exception = refused(activity.kind, name, value)
    except Exception as error:  # a value is the user's: looking at it may run code of its class
        failure = error
    activity.lacks("invalid_fact", name)
    # Outside the handler: what is raised here must not drag an error along that quotes the value.
    _guard.report(f"take {name!r} of {article(activity.kind)}", failure, activity.ports, about=activity.name)
    return None


def put(activity: Activity, name: str, checked: Any) -> None:
    """Puts a checked fact where its kind of fact goes."""
    if name == _IN_EXTRA:
        activity.extra["type"] = checked
    elif name == CAPTURE_CONTENT:
        activity.keep(checked)
    elif name in LOCAL_ONLY or name == CHECKSUM:
        activity.local[name] = checked
    else:
        activity.declared[name] = checked


class Plan:
    """The checked facts of one decorator for one function."""

    __slots__ = (
        "code",
        "constants",
        "declared",
        "each",
        "extra",
        "function",
        "item_name",
        "keeps",
        "kind",
        "local",
        "name",
        "rules",
        "signature",
    )

    def __init__(
        self, kind: str, name: str | Rule, signature: Signature, *, each: bool, item_name: Rule | None
    ) -> None:
        self.kind = kind
        self.name = name
        self.signature = signature
        self.each = each
        self.item_name = item_name
        """With `each`: what every item is called."""
        self.extra: dict[str, Any] = {}
        self.declared: dict[str, Any] = {}
        self.local: dict[str, Any] = {}
        self.rules: dict[str, Rule] = {}
        self.code: int | None = None
        """Number of the function's code."""
        self.keeps: str | None = None
        """`capture_content` of this call; None: as its output or the configuration says."""
        self.function: Any = None
        """None: it is of a block."""
        self.constants: frozenset[int] = frozenset()
        """Identities of what stands in the function's own code: the interpreter shares such objects."""

    @classmethod
    def of(
        cls,
        kind: str,
        first: str | None,
        facts: Mapping[str, Any],
        function: Callable[..., Any] | None,
        *,
        each: bool = False,
        name: Any = None,
    ) -> Plan:
        """Checks everything that can be checked before the first call.

        Raises:
            UsageError: a fact that the kind does not take, a value that the fact does not take, a rule that wants
                something the call does not have.
        """
        signature = Signature.of(function)
        item_name = None
        if each and callable(name):
            item_name, name = rule_for("name", name, signature, each=True), first
        elif first is not None and name is not None:
            raise UsageError(f"name of {kind}: given twice, as {first!r} and as name=")
        else:
            name = first if name is None else name
        if name is None:
            name = _own_name(function) or kind
        if callable(name):
            name = rule_for("name", name, signature, each=each)
        elif not isinstance(name, str):
            raise UsageError(f"name of {kind}: wants a str or a function, got {type(name).__name__}")
        plan = cls(kind, name, signature, each=each, item_name=item_name)
        plan.function = function
        plan.code = _code.number_of(function)
        code = attribute(attribute(function, "__func__", function), "__code__")
        constants = code.co_consts if type(code) is CodeType else ()  # a mock passes for anything
        plan.constants = frozenset(id(one) for one in constants if type(one) in _CONSTANTS)
        if kind in _DEFAULT_TYPES:
            plan.extra["type"] = _DEFAULT_TYPES[kind]
        for fact, value in facts.items():
            if value is not None:
                plan.add(fact, value)
        return plan

    def add(self, fact: str, value: Any) -> None:
        """Sorts one fact: a function is a rule, anything else stands fast."""
        if callable(value) and not isinstance(value, type):
            check_name(self.kind, fact)
            self.rules[fact] = rule = rule_for(fact, value, self.signature, each=self.each)
            if fact in FIXED_AT_START and rule.needs_result:
                raise UsageError(f"{fact}: is fixed when the call starts, so its function cannot want the result")
            if fact in LOCAL_ONLY and "item" in rule.wants:
                raise UsageError(f"{fact}: is said of the whole load, so its function cannot want an item")
        elif fact == _IN_EXTRA:
            self.extra["type"] = check(self.kind, fact, value)
        elif fact == CAPTURE_CONTENT:
            self.keeps = check(self.kind, fact, value)
        elif fact == CHECKSUM and self.each:
            raise UsageError("checksum: with each=True every item has its own, so it has to be a function of the item")
        elif fact in LOCAL_ONLY or fact == CHECKSUM:
            self.local[fact] = check(self.kind, fact, value)
        else:
            self.declared[fact] = check(self.kind, fact, value)

    def open(self, ports: Ports, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Activity:
        """Starts the activity, says what is known before the call, and notes what it was given."""
        name = self.name
        if self.rules or not isinstance(name, str):
            return self._open_with_rules(ports, instance, args, kwargs)
        activity = _session.open_activity(ports, self.kind, name)
        try:
            self._say_fast(activity)
            self._note_arguments(activity, instance, args, kwargs)
        except BaseException:
            activity.abandon()
            raise
        return activity

    def _note_arguments(
        self, activity: Activity, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        try:
            for parameter, value in self.signature.pairs(instance, args, kwargs):
                activity.given(parameter, value)
        except Exception as error:
            activity.lacks("capture_failed", "arguments")
            _guard.report(f"note the arguments of {article(self.kind)}", error, activity.ports, about=activity.name)

    def _say_fast(self, activity: Activity) -> None:
        scope = activity.scope
        if scope is not None:
            if self.code is not None:
                scope.code.add(self.code)
                if self.kind == semconv.KIND_OUTPUT:
                    scope.own_code = self.code
            if activity.ports.settings.gated:
                scope.steps += (activity,)
                outer = activity.parent.scope if activity.parent is not None else None
                if outer is not None and outer is not scope:
                    outer.steps += (activity,)
        if self.extra:
            activity.extra.update(self.extra)
        if self.declared:
            activity.declared.update(self.declared)
        if self.local:
            activity.local.update(self.local)
        if self.keeps is not None:
            activity.keep(self.keeps)

    def _open_with_rules(
        self, ports: Ports, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Activity:
        available = self._available(instance, args, kwargs)
        name = self.name
        if isinstance(name, Rule):
            name = self.kind if name.needs_result else _asked_name(name, available, self.kind)
        activity = _session.open_activity(ports, self.kind, name)
        try:
            self._say_fast(activity)
            activity.available = available
            for fact, rule in self.rules.items():
                if not rule.needs_result:
                    _ask(activity, fact, rule, available)
            self._note_arguments(activity, instance, args, kwargs)
        except BaseException:
            activity.abandon()
            raise
        return activity

    def _available(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self.signature.arguments(instance, args, kwargs)
        except TypeError:  # the call does not fit the function: the function itself will say so
            return dict(kwargs)

    def conclude(self, activity: Activity, result: Any) -> None:
        """Notes the result, and asks the rules that waited for it."""
        if self.each and isinstance(result, (list, tuple)):
            self._conclude_each(activity, result)
            return
        if self.rules or not isinstance(self.name, str):
            self._ask_waiting(activity, {**(activity.available or {}), "result": result})
        activity.made(result, is_constant=id(result) in self.constants)
        if CHECKSUM in activity.local:
            compare_checksum(activity, activity.local.pop(CHECKSUM), result)

    def take_chunk(self, activity: Activity, chunk: Any) -> None:
        """Notes a chunk of a stream; with `each`, every one is a source of its own."""
        if not self.each:
            activity.delivered(chunk)
            return
        if activity.scope is None:
            activity.made(chunk)
            return
        activity.extra["each"] = True
        self._conclude_item(activity, activity.extra.setdefault("items", []), {"item": chunk})

    def conclude_stream(self, activity: Activity, returned: Any) -> None:
        """Asks the rules that waited for a stream's end: its result is what the generator returned."""
        if self.each:
            self._ask_local_waiting(activity, returned)
        elif self.rules or not isinstance(self.name, str):
            self._ask_waiting(activity, {**(activity.available or {}), "result": returned})

    def _ask_waiting(self, activity: Activity, available: Mapping[str, Any]) -> None:
        for fact, rule in self.rules.items():
            if rule.needs_result:
                _ask(activity, fact, rule, available)
        if isinstance(self.name, Rule) and self.name.needs_result:
            activity.rename(_asked_name(self.name, available, self.kind))

    def _conclude_each(self, activity: Activity, result: list[Any] | tuple[Any, ...]) -> None:
        """Every item is a source of its own, with its own name, place and version."""
        activity.extra["each"] = True
        if activity.scope is None:
            for item in islice(result, MAX_OUTSIDE):
                activity.made(item)
            return
        items: list[dict[str, Any]] = []
        for item in result:
            if not self._conclude_item(activity, items, {"result": result, "item": item}):
                break
        activity.extra["items"] = items
        self._ask_local_waiting(activity, result)

    def _conclude_item(self, activity: Activity, items: list[dict[str, Any]], known: Mapping[str, Any]) -> bool:
        """Notes one item; False when the scope holds no more."""
        n = activity.made_item(known["item"])
        if n is None:
            return False
        said: dict[str, Any] = {"n": n}
        available = {**(activity.available or {}), **known}
        for fact, rule in self.rules.items():
            if rule.needs_result and fact not in LOCAL_ONLY:
                _ask_item(activity, said, fact, rule, available)
        if self.item_name is not None:
            said["name"] = _asked_name(self.item_name, available, self.kind)
        stated = said.pop(CHECKSUM, None)
        if stated is not None:
            compare_checksum(activity, stated, known["item"], n=n, name=said.get("name"))
        items.append(said)
        return True

    def _ask_local_waiting(self, activity: Activity, result: Any) -> None:
        """With `each`, what stays in the process is said of the whole load."""
        for fact in LOCAL_ONLY & self.rules.keys():
            if self.rules[fact].needs_result:
                _ask(activity, fact, self.rules[fact], {**(activity.available or {}), "result": result})


def compare_checksum(activity: Activity, stated: str, value: Any, **of: Any) -> None:
    """Compares what was loaded with the checksum that was stated of it."""
    from provsdk.capture import _checksum  # noqa: PLC0415 most sources state none

    _checksum.compare(activity, stated, value, **of)


def _own_name(function: Any) -> str | None:
    """The function's qualified name; that of what a partial calls, or of an object's class."""
    while isinstance(function, (functools.partial, functools.partialmethod, functools.singledispatchmethod)):
        function = function.func
    name = attribute(function, "__qualname__") or attribute(function, "__name__")
    return name if isinstance(name, str) else type(function).__qualname__ if function is not None else None


def _asked_name(rule: Rule, available: Mapping[str, Any], fallback: str) -> str:
    try:
        return str(rule.ask(available))
    except Exception as error:
        _guard.report("ask for a name", error)
        return fallback


def _ask(activity: Activity, fact: str, rule: Rule, available: Mapping[str, Any]) -> None:
    """A rule is the user's code: when it raises, the fact is missing and the call goes on."""
    try:
        value = rule.ask(available)
    except Exception as error:
        activity.lacks("invalid_fact", fact)
        _guard.report(f"ask for {fact!r} of {article(activity.kind)}", error, activity.ports, about=activity.name)
        return
    if value is not None:
        say(activity, fact, value)


def _ask_item(activity: Activity, said: dict[str, Any], fact: str, rule: Rule, available: Mapping[str, Any]) -> None:
    try:
        value = rule.ask(available)
    except Exception as error:
        activity.lacks("invalid_fact", fact)
        _guard.report(f"ask for {fact!r} of an item", error, activity.ports, about=activity.name)
        return
    checked = None if value is None else _checked(activity, fact, value)
    if checked is not None:
        said[fact] = checked
