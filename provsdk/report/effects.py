"""What goes back to an output, as a tree: from cause to effect, each with how it is linked to the one above it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from provsdk.questions.effects import Effect
from provsdk.records.record import ProvenanceRecord
from provsdk.report import wording
from provsdk.report.drawing import Arrow
from provsdk.report.layout import UNSURE, cell, joined, status_style

__all__ = ["effects_drawing", "effects_json", "effects_tree"]

_STYLES = {"observed": "green", "declared": "cyan", "given": "yellow", "inferred": "yellow", "none": "red"}


def effects_tree(root: ProvenanceRecord, found: Sequence[Effect], shorts: Mapping[str, str]) -> RenderableType:
    """The tree for a terminal.

    Args:
        root: the record that is asked about.
        found: what goes back to it.
        shorts: names of records by their ids.
    """
    tree = Tree(cell(root.output.name), guide_style="dim")
    if not found:
        tree.add(cell(f"{UNSURE} nothing in this store is known to go back to it", "yellow"))
    _grow(tree, found, shorts)
    return tree


def _grow(tree: Tree, found: Sequence[Effect], shorts: Mapping[str, str]) -> None:
    for effect in found:
        branch = tree.add(_label(effect, shorts))
        _grow(branch, effect.effects, shorts)
        if effect.more:
            branch.add(cell("… further on: --depth", "dim"))


def _label(effect: Effect, shorts: Mapping[str, str]) -> Text:
    record = effect.record
    status = record.output.status
    return joined(
        [
            cell(record.output.name, "bold"),
            cell(shorts.get(record.record_id, record.record_id), "cyan"),
            cell(wording.moment(record.generated_at)),
            None if status == "completed" else cell(wording.words(status), status_style(status)),
            cell(_how(effect), _STYLES[effect.link.strength]),
            cell("told elsewhere in this tree", "dim") if effect.repeated else None,
        ]
    )


def _how(effect: Effect) -> str:
    link = effect.link
    how = f"{link.strength}: {link.basis}" if link.basis else "not linked" if link.strength == "none" else link.strength
    through = ", ".join(sorted({source.name for source in effect.sources}))
    return f"{how}, through {through}" if through else f"{how}, made for it"


def effects_json(root: ProvenanceRecord, found: Sequence[Effect]) -> dict[str, Any]:
    """The tree as JSON values."""
    return {"record_id": root.record_id, "name": root.output.name, "effects": [_json(effect) for effect in found]}


def _json(effect: Effect) -> dict[str, Any]:
    record = effect.record
    return {
        "record_id": record.record_id,
        "name": record.output.name,
        "generated_at": record.generated_at,
        "status": record.output.status,
        "strength": effect.link.strength,
        "basis": effect.link.basis,
        "steps": effect.link.steps,
        "sources": [{"source_id": source.source_id, "name": source.name} for source in effect.sources],
        "repeated": effect.repeated,
        "more": effect.more,
        "effects": [_json(one) for one in effect.effects],
    }


def effects_drawing(
    root: ProvenanceRecord, found: Sequence[Effect], shorts: Mapping[str, str]
) -> tuple[dict[str, str], list[Arrow]]:
    """Labels by id, and arrows from effect to cause, of what the tree holds."""
    labels = {root.record_id: root.output.name}
    arrows: dict[tuple[str, str], Arrow] = {}
    for above, effect in _pairs(root.record_id, found):
        record = effect.record
        short = shorts.get(record.record_id, record.record_id)
        labels.setdefault(record.record_id, f"{record.output.name} · {short}")
        certain = effect.link.strength in {"observed", "declared"}
        arrows.setdefault((record.record_id, above), Arrow(record.record_id, above, _how(effect), certain))
    return labels, list(arrows.values())


def _pairs(above: str, found: Sequence[Effect]) -> Iterator[tuple[str, Effect]]:
    for effect in found:
        yield above, effect
        yield from _pairs(effect.record.record_id, effect.effects)
