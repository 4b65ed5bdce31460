"""The output that is being made, as a policy check may see it: what was loaded, and what of it went into a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from provsdk import semconv
from provsdk.capture._flow import GIVEN, known_in
from provsdk.capture._reach import Reach, id_of, key_of
from provsdk.capture._search import search
from provsdk.capture._texts import texts_of
from provsdk.digest import is_linkable, measure
from provsdk.gate import Loaded
from provsdk.vocabulary import DataClassification

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provsdk.capture._scope import Flow, Scope
    from provsdk.capture._session import Activity

__all__ = ["View"]

_ORDER: Final = [each.value for each in DataClassification]


class View:
    """A `provsdk.gate.Scope`.

    Args:
        activity: whose value is about to move on.
        scope: the output that it belongs to.
        value: what is about to move on.
    """

    __slots__ = ("_activity", "_scope", "_value")

    def __init__(self, activity: Activity, scope: Scope, value: Any) -> None:
        self._activity = activity
        self._scope = scope
        self._value = value

    def _of_output(self) -> Activity:
        above = self._activity
        while above.kind != semconv.KIND_OUTPUT and above.parent is not None:
            above = above.parent
        return above

    @property
    def output(self) -> str:
        """The output's name."""
        return self._of_output().name

    @property
    def said(self) -> Mapping[str, Any]:
        """What is said of it so far, by its decorator, in its block, or by the configuration."""
        output = self._of_output()
        settings = output.ports.settings
        configured = {"owner": settings.owner, "tenant": settings.tenant, **(settings.defaults or {})}
        return {**configured, **output.declared, **output.local}

    @property
    def model_calls(self) -> tuple[Mapping[str, Any], ...]:
        """What is said of each model call so far."""
        return tuple(dict(each.declared) for each in self._scope.steps if each.kind == semconv.KIND_MODEL_CALL)

    @property
    def sources(self) -> tuple[Loaded, ...]:
        """What was loaded so far, and the outputs within this one, which bear the highest label of what they loaded."""
        return _sources(self._scope)

    def reached(self) -> tuple[Loaded, ...]:
        """The sources that went into the value; all of them, where not everything could be searched."""
        sources = self.sources
        if not sources:
            return ()
        behind = self._behind()
        if behind is None:
            return sources
        containers = {one[0]: one[4] for one in self._scope.registry.held() if one[4]}
        wholes = {whole for value in behind for whole in _wholes(value, containers)}
        several = {key_of(one.id) for one in sources if one.id.startswith("ent_") and not one.id.endswith("-0")}
        keys = {key_of(value) for value in wholes} - several
        return tuple(one for one in sources if one.id in wholes or key_of(one.id) in keys)

    def _behind(self) -> set[str] | None:
        """Ids of all values that the value goes back to; None where a bound was reached."""
        activity, scope = self._activity, self._scope
        running = (activity.key, activity.used, activity.derived, activity.has_unseen)
        known = [] if activity.kind == semconv.KIND_MODEL_CALL else self._known()
        before, scope.made = scope.made, None if activity.kind == semconv.KIND_MODEL_CALL else self._value
        try:
            texts = texts_of(scope, activity.ports.settings.search_bytes)
        finally:
            scope.made = before
        flows = [*scope.flows, running]
        reach = self._reach(flows)
        if texts is not None:
            found = search(texts._replace(flows=flows), activity.ports.settings.search_seconds)
            if not found.is_whole:
                return None
            for link in found.links:
                reach.note(link.effect, link.cause)
            known += [link.cause for link in found.links if link.effect == scope.output_id]
        return reach.into(activity.key) if activity.kind == semconv.KIND_MODEL_CALL else reach.behind(known)

    def _reach(self, flows: Sequence[Flow]) -> Reach:
        """What came into what, before texts are compared. A model may have used all that it was given."""
        held = self._scope.registry.held()
        reach = Reach(flows, ((one[0], one[4]) for one in held if one[4]))
        given = {key: used for key, used, _, _ in flows}
        for entity_id, _, _, kind, of in held:
            if kind == semconv.KIND_MODEL_CALL and of != GIVEN:
                key = key_of(entity_id)
                for cause, _ in given.get(key, ()):
                    reach.note(entity_id, id_of(key, cause))
        return reach

    def _known(self) -> list[str]:
        """What the value is, or has in it."""
        registry = self._scope.registry
        if not is_linkable(self._value):
            return []
        found = registry.find(
            self._value, measure(self._value, max_bytes=self._activity.ports.settings.max_value_bytes)
        )
        return [found.id] if found is not None else [each.id for each in known_in(self._value, registry)]


def _wholes(value: str, containers: Mapping[str, str | None]) -> Iterator[str]:
    """A value, and what it is in."""
    seen: set[str] = set()
    at: str | None = value
    while at and at not in seen:
        seen.add(at)
        yield at
        at = containers.get(at)


def _sources(scope: Scope) -> tuple[Loaded, ...]:
    found: list[Loaded] = []
    for each in scope.steps:
        if each.kind == semconv.KIND_SOURCE:
            found += _loaded(each)
        elif each.kind == semconv.KIND_OUTPUT and each.scope is not None and each.scope is not scope:
            labels = [each.declared.get("classification"), *(one.classification for one in _sources(each.scope))]
            highest = max((one for one in labels if one in _ORDER), key=_ORDER.index, default=None)
            found.append(Loaded(f"out_{each.key}", each.name, "model_output", classification=highest))
    return tuple(found)


def _loaded(activity: Activity) -> Iterator[Loaded]:
    """The sources that a load brought."""
    facts = {**activity.declared, "location": activity.local.get("location", activity.declared.get("location"))}
    items: Sequence[Mapping[str, Any]] = activity.extra.get("items") or ({},)
    for item in items:
        said = {**facts, **item}
        yield Loaded(
            id=f"ent_{activity.key}-{item.get('n', 0)}",
            name=said.get("name") or activity.name,
            type=said.get("type") or activity.extra.get("type", "external"),
            version=said.get("version"),
            location=said.get("location"),
            modified_at=said.get("modified_at"),
            classification=said.get("classification"),
            reliability=said.get("reliability"),
        )
