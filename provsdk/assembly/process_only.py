"""What only the process that made an output can know: the fields in which a record assembled elsewhere differs.

All others are the same, to the byte. The end-to-end tests hold both halves of this to a real OpenTelemetry Collector.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["FIELDS", "SUMMARY"]

_ENTITIES: Final = (
    "output.arguments",
    "output.elements",
    "sources.arguments",
    "sources.elements",
    "transformations.arguments",
    "transformations.results",
    "model_calls.arguments",
    "model_calls.results",
    "policy_checks.arguments",
)
"""Lists of values."""

FIELDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "plain digests": ("output.digest", "sources.digest", *(f"{each}.digest" for each in _ENTITIES)),
        "checksums": ("sources.checksum.stated",),
        "content": (),
        "edges found in content": ("flow",),
        "keys in names": tuple(f"{each}.name" for each in _ENTITIES),
        "places of citations": ("sources.location",),
        "parameters": tuple(
            f"{each}.parameters" for each in ("sources", "transformations", "model_calls", "policy_checks")
        ),
        "reasons of checks": tuple(f"policy_checks.{each}" for each in ("reasons", "findings", "got", "expected")),
        "session": ("context.session",),
        "subjects": ("context.subjects",),
        "recipients": ("context.recipients",),
        "purpose": ("context.purpose",),
        "owners": ("ownership", "sources.owner"),
        "environment": ("environment",),
        "capture": ("capture.path", "capture.integrations"),
    }
)
"""In words, and the fields of a record that these mean; `a.b` is `b` of `a`, or of everything in the list `a`. Content
stands in parts of its own, beside the record."""

SUMMARY: Final = ", ".join(FIELDS)
"""The detail of `process_only` in `completeness`."""
