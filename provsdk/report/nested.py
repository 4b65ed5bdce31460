"""Outputs that were made within another: each has a record of its own, which whoever asks for a report looks up."""

from dataclasses import dataclass

from provsdk.records.flow import nested_outputs
from provsdk.records.record import ProvenanceRecord

__all__ = ["Nested", "nested_ids"]


@dataclass(frozen=True, slots=True)
class Nested:
    """An output within another, as its own record tells it."""

    output_id: str
    record_id: str | None
    """None where the store has no such record."""
    short: str | None = None
    """A name of the record that the command line understands."""
    name: str | None = None
    """None where the record is missing or cannot be read, as all below."""
    started_at: str | None = None
    ended_at: str | None = None
    status: str | None = None
    error_type: str | None = None


def nested_ids(record: ProvenanceRecord) -> list[str]:
    """Ids of the outputs that were made within the record's own."""
    arrows = ((edge.from_, edge.to, edge.relation, edge.basis) for edge in record.flow)
    return sorted(nested_outputs(arrows, record.output.output_id))
