"""What a model call may be given beside its arguments: texts that its object keeps, or its function closes over."""

from __future__ import annotations

from itertools import islice
from types import CellType
from typing import Any, Final

from provsdk.digest import MIN_LINKABLE_BYTES

__all__ = ["has_unseen_texts", "keeps_text"]

MAX_LOOKS: Final = 64
"""Values of one container, or attributes of one object, that are looked at."""

LEVELS: Final = 3
"""Containers in containers: a conversation is a list of mappings."""

_SEQUENCES: Final = frozenset({list, tuple, set, frozenset})


def has_unseen_texts(function: Any, instance: Any) -> bool:
    """Whether the function's object, or what it closes over, keeps something that may be part of a prompt."""
    if instance is not None and keeps_text(instance):
        return True
    cells = getattr(function, "__closure__", None)
    return type(cells) is tuple and any(type(cell) is CellType and _holds_text(_inside(cell), LEVELS) for cell in cells)


def keeps_text(holder: Any) -> bool:
    """Whether an object keeps texts in its attributes; none of its own code is run."""
    try:
        kept = object.__getattribute__(holder, "__dict__")
    except (AttributeError, TypeError):
        return False
    return type(kept) is dict and any(_holds_text(one, LEVELS) for one in _some(kept.values()))


def _inside(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _holds_text(value: Any, levels: int) -> bool:
    """Texts as people write them: with blanks between words, and too long to be chance."""
    kind = type(value)
    if kind is str or kind is bytes:
        return len(value) >= MIN_LINKABLE_BYTES and (" " if kind is str else b" ") in value
    if not levels:
        return False
    if kind is dict:
        return any(_holds_text(one, levels - 1) for one in _some(value.values()))
    return kind in _SEQUENCES and any(_holds_text(one, levels - 1) for one in _some(value))


def _some(values: Any) -> list[Any]:
    try:
        return list(islice(values, MAX_LOOKS))
    except RuntimeError:  # it changes while it is looked at
        return []
