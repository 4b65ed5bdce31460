"""What an output goes back to, as a tree: from effect to cause, each step with how it is known.

Lineage follows `wasDerivedFrom` where a value could be examined, else what its activity was given, and says so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from msgspec import UNSET
from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from provsdk.questions.across import Joined
from provsdk.questions.links import Strength, at_least, strength
from provsdk.records import graph
from provsdk.report import wording
from provsdk.report.drawing import Arrow
from provsdk.report.layout import UNSURE, cell, joined
from provsdk.report.sources import activity_names
from provsdk.vocabulary import Relation

__all__ = ["STEPS_AT_MOST", "Node", "any_fallback", "lineage", "lineage_drawing", "lineage_json", "lineage_tree"]

STEPS_AT_MOST: Final = 100
"""Bound of a tree's depth."""

MAX_ONLY_LOADED: Final = 3
"""Sources below one value of which no more is known than that they were loaded, up to which each has a line."""

_TITLES: Final[Mapping[str, str]] = {
    "argument": "argument {}",
    "chunk": "a chunk of {}",
    "output": "output {}",
    "nested output": "nested output {}",
    "result": "result of {}",
    "unnamed argument": "argument of {}",
    "value": "value {}",
}

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
    """`output`, `source`, `element` of a source, `argument`, `unnamed argument` (named by its step), `result`, `chunk`
    of a stream, `value` where no more is known, or `nested output`, which was made within the one above it."""
    name: str | None
    record_id: str | None
    """For an output of another record: that, where it could be read."""
    short: str | None
    """A short name of it."""
    type: str | None
    """For a source and its elements: the `SourceType`."""
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


def lineage(
    joined: Joined, depth: int = -1, *, least: Strength = "inferred", shorts: Mapping[str, str] = MappingProxyType({})
) -> Node:
    """The tree of the first record's output, `STEPS_AT_MOST` deep for -1. Where it is cut, `more` says so.

    Args:
        joined: the record, and those that it goes back to.
        depth: in steps, from value to value.
        least: `observed`: only what was seen; `declared`: that and what somebody said; `inferred`: all, and what steps
            were given where nothing better is known.
        shorts: names of records by their ids.
    """
    records = {one.output.output_id: one.record_id for one in joined.records}
    records |= {
        part.entity_id: one.record_id
        for one in joined.records
        if one.output.elements is not UNSET
        for part in one.output.elements
    }
    tree = graph.lineage_across(
        joined.records,
        at_least(joined.arrows(), least),
        depth=STEPS_AT_MOST if depth < 0 else min(depth, STEPS_AT_MOST),
    )
    types: dict[str, str] = {}
    activities: dict[str, str] = {}
    for record in joined.records:
        types |= {source.source_id: source.type for source in record.sources}
        types |= {element.entity_id: source.type for source in record.sources for element in source.elements}
        activities |= activity_names(record)
    del records[tree.value_id]
    records |= {f"out_{record_id.removeprefix('rec_')}": record_id for record_id in joined.unreadable}
    return _node(tree, _Known(types, activities, records, shorts, set(_followed(tree))))


class _Known(NamedTuple):
    types: Mapping[str, str]
    activities: Mapping[str, str]
    records: Mapping[str, str]
    """Ids of records by those of their outputs."""
    shorts: Mapping[str, str]
    followed: set[str]


def _followed(tree: graph.Lineage) -> Iterator[str]:
    """The values that stand in the tree with what they go back to."""
    if tree.causes:
        yield tree.value_id
    for cause in tree.causes:
        yield from _followed(cause)


def _node(tree: graph.Lineage, known: _Known) -> Node:
    step = tree.step
    repeated = tree.cut and not tree.causes and tree.value_id in known.followed
    causes = [_node(cause, known) for cause in tree.causes]
    record_id = known.records.get(tree.value_id)
    found: Strength | None = None if step is None else "given" if step.activity else strength(step.basis)
    return Node(
        id=tree.value_id,
        kind=tree.kind,
        name=tree.name,
        record_id=record_id,
        short=None if record_id is None else known.shorts.get(record_id, record_id),
        type=known.types.get(tree.value_id),
        relation=None if step is None else step.relation,
        basis=None if step is None else step.basis,
        strength=found,
        activity=None if step is None or step.activity is None else known.activities.get(step.activity, step.activity),
        repeated=repeated,
        more=tree.cut and not repeated,
        causes=tuple(sorted(causes, key=_place)),
    )


def _place(node: Node) -> tuple[bool, bool, str, str]:
    """Sources first, inferred links last, then by name: ids are random, and one look should be like the next."""
    return node.strength == "inferred", node.kind not in {"source", "element"}, node.name or "", node.id


def lineage_json(node: Node) -> dict[str, Any]:
    """The tree as JSON values."""
    return {
        "id": node.id,
        "kind": node.kind,
        "name": node.name,
        "record_id": node.record_id,
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


def lineage_drawing(root: Node) -> tuple[dict[str, str], list[Arrow]]:
    """Labels by id, and arrows, of what the tree holds: each value once."""
    labels: dict[str, str] = {}
    arrows: dict[tuple[str, str, str], Arrow] = {}
    _draw(root, labels, arrows)
    return labels, list(arrows.values())


def _draw(node: Node, labels: dict[str, str], arrows: dict[tuple[str, str, str], Arrow]) -> None:
    labels.setdefault(node.id, " · ".join(text.plain for text in _what(node)))
    for cause in node.causes:
        _draw(cause, labels, arrows)
        how = _how(cause)
        certain = cause.strength in {"observed", "declared"}
        arrows.setdefault((node.id, cause.id, how), Arrow(node.id, cause.id, how, certain))


def any_fallback(root: Node) -> bool:
    """Whether the tree says `given to` anywhere."""
    return root.fallback or any(map(any_fallback, root.causes))


def _grow(tree: Tree, node: Node) -> None:
    loaded = [cause for cause in node.causes if _is_only_loaded(cause)]
    told_as_one = {cause.id for cause in loaded} if len(loaded) > MAX_ONLY_LOADED else set()
    for cause in node.causes:
        if cause.id not in told_as_one:
            _grow(tree.add(_label(cause)), cause)
    if told_as_one:
        names = list(dict.fromkeys(cause.name or cause.id for cause in loaded))
        listed = ", ".join(names[:MAX_ONLY_LOADED]) + (", …" if len(names) > MAX_ONLY_LOADED else "")
        what = cell(f"{len(loaded):,} sources that were loaded meanwhile")
        tree.add(joined([what, cell(listed, "dim", limit=200), cell(_how(loaded[0]), _STYLES["inferred"])]))
    if node.more:
        tree.add(cell("… further back: --depth", "dim"))


def _is_only_loaded(node: Node) -> bool:
    """A source of which nothing better is known than that."""
    return node.kind == "source" and node.strength == "inferred" and not (node.causes or node.repeated or node.more)


def _label(node: Node) -> Text:
    if node.strength is None:
        return joined(_what(node))
    return joined(
        [
            *_what(node),
            cell(_how(node), _STYLES[node.strength]),
            cell("told elsewhere in this tree", "dim") if node.repeated else None,
        ]
    )


def _what(node: Node) -> list[Text]:
    of_source = node.kind in {"source", "element"}
    title = "{}" if node.strength is None else _TITLES.get(node.kind, "{}")
    what = [cell(title.format(node.name or node.id), "bold" if of_source else "")]
    if of_source:
        what.append(cell(f"source, {wording.words(node.type or 'type unknown')}", "dim"))
    if node.short:
        what.append(cell(node.short, "cyan"))
    return what


def _how(node: Node) -> str:
    return f"given to {node.activity or 'a step'}" if node.fallback else f"{node.strength}: {node.basis}"
