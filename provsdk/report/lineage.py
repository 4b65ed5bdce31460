"""What an output goes back to, as a tree: from effect to cause, each step with how it is known.

Lineage follows `wasDerivedFrom` where a value could be examined, else what its activity was given, and says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from provsdk.records.flow import Causes
from provsdk.records.record import Entity, ProvenanceRecord
from provsdk.report import wording
from provsdk.report.layout import UNSURE, cell, joined
from provsdk.report.links import Strength, strength
from provsdk.report.sources import activity_names
from provsdk.vocabulary import LineageDepth, Relation

__all__ = ["NODES_AT_MOST", "STEPS_AT_MOST", "Node", "lineage", "lineage_json", "lineage_tree"]

NODES_AT_MOST: Final = 2_000
"""Bound of a tree's size: a graph that joins and parts again has more paths than anybody reads."""

STEPS_AT_MOST: Final = 100
"""Bound of a tree's depth."""

_STYLES: Final[Mapping[Strength, str]] = {
    "observed": "green",
    "declared": "cyan",
    "given": "yellow",
    "inferred": "yellow",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A value, how what stands above it goes back to it, and what it goes back to itself."""

    id: str
    kind: str
    """`output`, `source`, `value`, or `record` for an output with a record of its own."""
    name: str
    type: str | None
    """For a source, its `SourceType`; for a value, its role."""
    relation: str | None
    """None at the root."""
    basis: str | None
    strength: Strength | None
    activity: str | None
    """For `used`: name of the activity that was given the value."""
    repeated: bool
    """It stands in the tree already, with what it goes back to."""
    more: bool
    """It goes back further than the depth that was asked for, or than the tree's bound."""
    causes: tuple["Node", ...]

    @property
    def fallback(self) -> bool:
        """The value above could not be examined: this is what its activity was given."""
        return self.relation == Relation.USED


def lineage(record: ProvenanceRecord, depth: int = LineageDepth.COMPLETE.generations) -> Node:
    """The tree of *record*'s output, *depth* steps deep; -1: to its end. Where a bound cuts it, `more` says so."""
    return _Builder(record).build(STEPS_AT_MOST if depth < 0 else min(depth, STEPS_AT_MOST))


class _Builder:
    """Grows the tree breadth first, so that of several places the one nearest to the output holds a value's causes."""

    def __init__(self, record: ProvenanceRecord) -> None:
        self._record = record
        self._causes = Causes((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)
        self._names = activity_names(record)
        self._known = _known(record)
        self._left = NODES_AT_MOST

    def build(self, depth: int) -> Node:
        start = self._record.output.output_id
        steps_of: dict[str, list[Any]] = {}
        level, deep = [start], 0
        while level and deep < depth:
            following = []
            for value in level:
                if value not in steps_of:
                    steps = self._causes.steps(value)[: self._left]
                    self._left -= len(steps)
                    steps_of[value] = steps
                    following += [step.cause for step in steps]
            level, deep = following, deep + 1
        return self._node(start, None, steps_of, set())

    def _node(self, value: str, step: Any, steps_of: Mapping[str, list[Any]], shown: set[str]) -> Node:
        repeated = value in shown and bool(self._causes.steps(value))
        shown.add(value)
        steps = [] if repeated else steps_of.get(value, [])
        kind, name, type_ = self._known.get(value, ("record" if value.startswith("out_") else "value", "", None))
        return Node(
            id=value,
            kind=kind,
            name=name,
            type=type_,
            relation=step and step.relation,
            basis=step and step.basis,
            strength=step and ("given" if step.activity else strength(step.basis)),
            activity=step and self._names.get(step.activity, step.activity),
            repeated=repeated,
            more=not repeated and len(steps) < len(self._causes.steps(value)),
            causes=tuple(self._node(one.cause, one, steps_of, shown) for one in steps),
        )


def _known(record: ProvenanceRecord) -> dict[str, tuple[str, str, str | None]]:
    """Kind, name and type of the values that the record describes."""
    entities: list[tuple[str, Entity]] = [(record.output.name, entity) for entity in record.output.arguments]
    entities += [(item.name, entity) for item in record.transformations for entity in (*item.arguments, *item.results)]
    entities += [(item.name, entity) for item in record.model_calls for entity in (*item.arguments, *item.results)]
    entities += [(item.name, entity) for item in record.policy_checks for entity in item.arguments]
    entities += [(item.name, entity) for item in record.sources for entity in item.arguments]
    inside = [(item, entity) for item in record.sources for entity in item.elements]
    return {
        **{entity.entity_id: ("value", _named(owner, entity), entity.role) for owner, entity in entities},
        **{entity.entity_id: ("source", _named(item.name, entity), item.type) for item, entity in inside},
        **{source.source_id: ("source", source.name, source.type) for source in record.sources},
        record.output.output_id: ("output", record.output.name, None),
    }


def _named(owner: str, entity: Entity) -> str:
    name = f" {entity.name}" if entity.name else ""
    return f"{wording.words(entity.role)}{name} of {owner}"


def lineage_json(node: Node) -> dict[str, Any]:
    """The tree as JSON values."""
    return {
        "id": node.id,
        "kind": node.kind,
        "name": node.name or None,
        "type": node.type,
        "relation": node.relation,
        "basis": node.basis,
        "strength": node.strength,
        "fallback": node.fallback,
        "activity": node.activity,
        "repeated": node.repeated,
        "more": node.more,
        "causes": [lineage_json(cause) for cause in node.causes],
    }


def lineage_tree(root: Node) -> RenderableType:
    """The tree for a terminal."""
    tree = Tree(_label(root), guide_style="dim")
    _grow(tree, root)
    if not root.causes:
        tree.add(cell(f"{UNSURE} nothing is known of what it goes back to", "yellow"))
    return tree


def _grow(tree: Tree, node: Node) -> None:
    for cause in node.causes:
        _grow(tree.add(_label(cause)), cause)
    if node.more:
        tree.add(cell("… further back: --depth", "dim"))


def _label(node: Node) -> Text:
    named = node.name or node.id
    kind = {"source": f"source, {wording.words(node.type or '')}", "record": "output with a record of its own"}.get(
        node.kind
    )
    what = [cell(named, "" if node.kind == "value" else "bold"), cell(kind, "dim") if kind else None]
    if node.strength is None:
        return joined(what)
    how = f"given to {node.activity or 'a step'}" if node.fallback else f"{node.strength}: {node.basis}"
    return joined([*what, cell(how, _STYLES[node.strength]), cell("as above", "dim") if node.repeated else None])
