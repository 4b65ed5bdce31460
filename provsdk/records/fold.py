"""A record with what became known later folded in: the same whatever order the extensions arrived in."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

import msgspec

from provsdk.records.codec import encode
from provsdk.records.flow import edges, inferred, without_inferred
from provsdk.records.ids import activity_of, position
from provsdk.records.record import (
    Completeness,
    Extension,
    Missing,
    ModelCall,
    PolicyCheck,
    ProvenanceRecord,
    Source,
    Transformation,
)
from provsdk.vocabulary import CompletenessReason

__all__ = ["activity_ids", "called_key", "checked_key", "completeness", "fold", "made_key", "source_key"]

T = TypeVar("T", Source, Transformation, ModelCall, PolicyCheck)

_Key = tuple[str, str, int]

_SPAN_MISSING: Final = CompletenessReason.SPAN_MISSING.value


def fold(record: ProvenanceRecord, extensions: Iterable[Extension]) -> ProvenanceRecord:
    """The record as if everything in the extensions had been known when it was sealed.

    What the record says stays; of two extensions that say the same thing differently, one is chosen by what they say.
    Inferred links are inferred anew, and what was missing because it came later is not missing any more.
    """
    extensions = list(extensions)
    if not extensions:
        return record
    sources = sorted(_merged(record.sources, [each.sources for each in extensions], source_key), key=source_key)
    transformations = _merged(record.transformations, [each.transformations for each in extensions], made_key)
    model_calls = _merged(record.model_calls, [each.model_calls for each in extensions], called_key)
    checks = _merged(record.policy_checks, [each.policy_checks for each in extensions], checked_key)
    known = without_inferred(record.flow)
    for each in extensions:
        for arrow, edge in without_inferred(each.flow).items():
            known.setdefault(arrow, edge)
    arrows = set(known)
    calls = sorted(model_calls, key=called_key)
    links = inferred(arrows, record.output.output_id, record.output.ended_at, sources, calls)
    folded = msgspec.structs.replace(
        record,
        sources=sources,
        transformations=sorted(transformations, key=made_key),
        model_calls=calls,
        policy_checks=sorted(checks, key=checked_key),
        flow=edges(arrows.union(links), known),
    )
    said = [*record.completeness.reasons, *(missing for each in extensions for missing in each.missing)]
    return msgspec.structs.replace(folded, completeness=completeness(said, activity_ids(folded)))


def completeness(said: Iterable[Missing], present: set[str]) -> Completeness:
    """What is missing, each thing once and in order; a span that is there after all is not missing."""
    kept = {(each.reason, each.detail) for each in said if each.reason != _SPAN_MISSING or each.detail not in present}
    ordered = sorted(kept, key=lambda each: (each[0], each[1] is not None, each[1] or ""))
    return Completeness(complete=not ordered, reasons=[Missing(reason=a, detail=b) for a, b in ordered])


def activity_ids(record: ProvenanceRecord | Extension) -> set[str]:
    """Ids of the activities that the record holds, the making of its output among them; of declared sources too."""
    found = {activity_of(each.source_id) for each in record.sources}
    found.update(each.transformation_id for each in record.transformations)
    found.update(each.model_call_id for each in record.model_calls)
    found.update(each.check_id for each in record.policy_checks)
    if isinstance(record, ProvenanceRecord):
        found.add(activity_of(record.output.output_id))
    return found


def _merged(first: Sequence[T], later: Sequence[Sequence[T]], key: Callable[[T], _Key]) -> list[T]:
    found = {key(item)[1:]: item for item in first}
    added: dict[tuple[str, int], T] = {}
    for item in (item for items in later for item in items):
        name = key(item)[1:]
        other = added.setdefault(name, item)
        if other is not item and encode(item) < encode(other):
            added[name] = item
    return list({**added, **found}.values())


def source_key(item: Source) -> tuple[str, str, int]:
    """Where a source stands among the others: by time, then by id; the id is the last two."""
    return item.retrieved_at, activity_of(item.source_id), position(item.source_id)


def made_key(item: Transformation) -> tuple[str, str, int]:
    """Where a transformation stands."""
    return item.started_at, item.transformation_id, 0


def called_key(item: ModelCall) -> tuple[str, str, int]:
    """Where a model call stands."""
    return item.started_at, item.model_call_id, 0


def checked_key(item: PolicyCheck) -> tuple[str, str, int]:
    """Where a policy check stands."""
    return item.started_at, item.check_id, 0
