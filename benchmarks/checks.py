"""What the built-in checks cost: all six on one output, as a program has it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from _figures import Figure, side_by_side, timed

from provsdk.gate import Loaded, Subject
from provsdk.policy.gate import PolicyGate
from provsdk.policy.load import rules

__all__ = ["checked"]

SENTENCE = "A parcel that nobody fetches is kept for twelve days in our warehouse; the user may ask now. "
TEXT = (SENTENCE * 50)[:4096]
CHECKS: list[Any] = [
    "pii_scan",
    "security_scan",
    {"check": "content_filter", "terms": ["guarantee", "promise", "as an AI"]},
    {"check": "rate_limit", "limit": 10**9, "seconds": 1},
    "data_classification",
    "audit_requirement",
]
CALLS = 20


class _Output:
    """An output of which everything is said."""

    output = "answer"
    said: Mapping[str, Any] = MappingProxyType({"owner": {"output_owner": "ana"}, "classification": "internal"})
    model_calls = ({"model": "m"},)
    sources = (Loaded("ent_1", "page", "file", classification="public"),)

    def reached(self) -> tuple[Loaded, ...]:
        """All of them."""
        return self.sources


def checked(_: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 as the others
    """Six checks before an output of 4 KB of prose is returned, beside reading its characters once in Python."""
    gate, subject = PolicyGate(rules(CHECKS)), Subject("return", "rec_1", "answer", TEXT, _Output())

    def ours() -> None:
        for _ in range(CALLS):
            gate.before_return(subject)

    def theirs() -> None:
        for _ in range(CALLS):
            for letter in TEXT:
                letter.isalnum()

    ratio, mine, other = side_by_side(lambda: timed(ours), lambda: timed(theirs), 15 if quick else 60)
    detail = f"{ratio:.1f} times reading its characters one by one ({other / CALLS * 1e6:.0f} µs)"
    return [Figure("six checks of an output of 4 KB", mine / CALLS * 1e6, "µs", 300, detail)]
