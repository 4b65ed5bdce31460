"""Facts that are functions of the call: which of its arguments they want, checked when the decorator is applied."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from provsdk.errors import UsageError

__all__ = ["EXTRA", "RESULT", "Rule", "Signature", "attribute", "rule_for"]

EXTRA: Final = "**"
"""Stands before the name of a keyword argument that the code does not name."""

RESULT: Final = frozenset({"result", "item"})
"""Names by which a rule gets the call's result, or each item of it."""


def attribute(value: Any, name: str, default: Any = None) -> Any:
    """An attribute of somebody's object, whatever asking for it raises where it is not there."""
    try:
        return getattr(value, name, default)
    except Exception:  # of `__getattr__ = dict.__getitem__`, for one
        return default


class _Arity(NamedTuple):
    """Which calls a function takes, as far as its parameters say."""

    names: tuple[str, ...]
    """Those that are filled by position, in order."""
    most: int
    """Values that are given by position."""
    needed: tuple[frozenset[str], ...]
    """By how many are given so: parameters that are then still to be given."""
    keywords: frozenset[str] | None
    """Those that may be given by name; None: any."""
    only_placed: frozenset[str]
    """Those that may not."""

    @staticmethod
    def of(parameters: Iterable[inspect.Parameter]) -> _Arity:
        """Reads it from the parameters."""
        kinds = inspect.Parameter
        found = list(parameters)
        placed = [one for one in found if one.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
        named = frozenset(one.name for one in found if one.kind in (kinds.KEYWORD_ONLY, kinds.POSITIONAL_OR_KEYWORD))
        without = [one for one in found if one.default is one.empty]
        only_named = {one.name for one in without if one.kind is kinds.KEYWORD_ONLY}
        needed = tuple(
            frozenset(only_named | {one.name for one in placed[given:] if one.default is one.empty})
            for given in range(len(placed) + 1)
        )
        most = sys.maxsize if any(one.kind is kinds.VAR_POSITIONAL for one in found) else len(placed)
        takes_any = any(one.kind is kinds.VAR_KEYWORD for one in found)
        only_placed = frozenset(one.name for one in placed if one.kind is kinds.POSITIONAL_ONLY)
        return _Arity(tuple(one.name for one in placed), most, needed, None if takes_any else named, only_placed)

    def fits(self, given: int, kwargs: Mapping[str, Any]) -> bool:
        """Whether a call with so many values by position, and these by name, binds."""
        if given > self.most:
            return False
        needed = self.needed[min(given, len(self.names))]
        if not kwargs:
            return not needed
        names = kwargs.keys()
        return (
            needed <= names
            and needed.isdisjoint(self.only_placed)
            and (self.keywords is None or names <= self.keywords)
            and names.isdisjoint(set(self.names[:given]) - self.only_placed)
        )


class Signature(NamedTuple):
    """Names of a traced function's parameters; None stands for code in a `with` block."""

    names: tuple[str, ...]
    """Positional parameters in order."""
    signature: inspect.Signature | None
    bound_first: bool
    """The first parameter is given by binding: `self` or `cls`."""
    defaults: Mapping[str, Any] = MappingProxyType({})
    """What parameters are that the call does not give."""
    named: frozenset[str] = frozenset()
    """Parameters that stand in the code: any other keyword may be somebody's data."""
    arity: _Arity | None = None
    owners: tuple[type, ...] = ()
    """Classes that it stands in: where nothing is bound, an object of one of these is the first value of the call."""

    @staticmethod
    def of(function: Callable[..., Any] | None) -> Signature:
        """Reads the parameters; a callable without a readable signature has none."""
        raw = attribute(function, "__func__", function)
        if raw is None:
            return Signature((), None, bound_first=False)
        try:
            signature = _signature(raw)
        except Exception:  # it has none, or asking it raises whatever its class says
            return Signature((), None, bound_first=False)
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        names = tuple(name for name, one in signature.parameters.items() if one.kind in positional)
        defaults = {name: one.default for name, one in signature.parameters.items() if one.default is not one.empty}
        named = frozenset(signature.parameters)
        bound_first = not isinstance(raw, functools.partialmethod) and not isinstance(function, staticmethod)
        arity = _Arity.of(signature.parameters.values())
        return Signature(names, signature, bound_first, defaults, named, arity)

    def fits(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Whether the call binds, as far as the parameters say; a wrapper may take another one all the same."""
        arity = self.arity
        given = len(args) + 1 if instance is not None and self.bound_first else len(args)
        return arity is None or arity.fits(given, kwargs)

    def counts(self) -> frozenset[int]:
        """How many values a call may have that names none: most calls are told by that."""
        arity = self.arity
        return frozenset(n for n in range(len(self.names) + 1) if arity is not None and arity.fits(n, {}))

    def pairs(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
        """The call's values with the names of their parameters, without defaults and without `self`."""
        names = self.names
        if self.owners and instance is None and args and issubclass(type(args[0]), self.owners):
            return self._pairs(1, args[1:], kwargs)
        if not kwargs and len(args) == 1 and instance is None and names:
            return ((names[0], args[0]),)  # most calls, for less than the rest takes to begin
        return self._pairs(1 if instance is not None and self.bound_first else 0, args, kwargs)

    def _pairs(self, offset: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        names = self.names
        for position, value in enumerate(args, offset):
            yield (names[position] if position < len(names) else f"args[{position - len(names)}]"), value
        for name, value in kwargs.items():
            yield (name if name in self.named else EXTRA + name), value

    def arguments(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters by name, with defaults, `self` included: what rules choose from."""
        if self.signature is None:
            return dict(kwargs)
        first = (instance,) if instance is not None and self.bound_first else ()
        bound = self.signature.bind_partial(*first, *args, **kwargs)
        bound.apply_defaults()
        return bound.arguments


def _signature(raw: Any) -> inspect.Signature:
    if isinstance(raw, functools.partialmethod):  # what is left to give once it is bound
        raw = functools.partial(raw.func, None, *raw.args, **raw.keywords)
    if isinstance(raw, functools.singledispatchmethod):
        raw = raw.func
    return inspect.signature(raw)


class Rule(NamedTuple):
    """A fact that is a function of the call."""

    function: Callable[..., Any]
    wants: tuple[str, ...]
    wants_all: bool
    """It takes `**kwargs`: it gets every argument, and the result when there is one."""

    @property
    def needs_result(self) -> bool:
        """It can be asked only when the call has returned."""
        return self.wants_all or not RESULT.isdisjoint(self.wants)

    def ask(self, available: Mapping[str, Any]) -> Any:
        """The fact for this call."""
        if self.wants_all:
            return self.function(**available)
        return self.function(**{name: available[name] for name in self.wants if name in available})


def rule_for(fact: str, function: Callable[..., Any], signature: Signature, *, each: bool) -> Rule:
    """A rule whose parameters are among those of the traced function, or `result`, or `item` with `each=True`.

    Raises:
        UsageError: it wants something that the call does not have; names it and what there is.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise UsageError(f"{fact}: the parameters of {function!r} cannot be read; wrap it in a lambda") from None
    wants = [
        one for one in parameters if one.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    ]
    there = set(signature.signature.parameters) if signature.signature is not None else set()
    there |= {"result", "item"} if each else {"result"}
    for one in wants:
        if one.name not in there and one.default is inspect.Parameter.empty:
            raise UsageError(
                f"{fact}: its function wants {one.name!r}, which the call does not have; "
                f"there is: {', '.join(sorted(there))}"
            )
        if one.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise UsageError(f"{fact}: its function takes {one.name!r} by position only; name it as a normal parameter")
    wants_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
    return Rule(function, tuple(one.name for one in wants if one.name in there), wants_all)
