"""The words of sources around what an output repeats of them, where their content was kept."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from provsdk.questions.why import Support
from provsdk.records.record import ProvenanceRecord

__all__ = ["Passage", "passages"]

AROUND = 120
"""Characters before and after the words."""


class Passage(NamedTuple):
    """Words of a source, with what stands around them."""

    before: str
    words: str
    after: str


def passages(
    record: ProvenanceRecord, supports: Iterable[Support], kept: Mapping[str, str]
) -> dict[tuple[str, str], tuple[Passage, ...]]:
    """The passages of each source, and of each element of one, by its id and its name, in the order in which they stand
    there; none where nothing was kept.

    Args:
        record: of the output.
        supports: what stands in sources.
        kept: captured contents by the ids of their values; of structured ones, as JSON.
    """
    places: dict[tuple[str, str], dict[tuple[str, int, int], None]] = {}
    for one in supports:
        mine = places.setdefault((one.source_id, one.source), {})
        mine[one.value_id, one.source_start, one.source_end] = None
    names = {each.entity_id: each.name for source in record.sources for each in source.elements}
    found = {}
    for key, told in places.items():
        texts = {value_id: _text(key[0], names.get(value_id), kept) for value_id, _, _ in told}
        found[key] = tuple(
            _passage(text, start, end)
            for value_id, start, end in sorted(told)
            if (text := texts[value_id]) is not None and start < end <= len(text)
        )
    return found


def _text(source_id: str, name: str | None, kept: Mapping[str, str]) -> str | None:
    """The text of a source, or of the element of that name."""
    content = kept.get(source_id)
    if content is None or name is None:
        return content
    try:
        value: Any = json.loads(content)
        for each in name.split("."):
            value = value[int(each)] if isinstance(value, list) else value[each]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None  # a name that is not its place, as that of a key with a dot in it
    return value if isinstance(value, str) else None


def _passage(text: str, start: int, end: int) -> Passage:
    first, last = max(start - AROUND, 0), min(end + AROUND, len(text))
    before, after = text[first:start], text[end:last]
    if first:
        before = f"… {before.partition(' ')[2] or before}"
    if last < len(text):
        after = f"{after.rpartition(' ')[0] or after} …"
    return Passage(before, text[start:end], after)
