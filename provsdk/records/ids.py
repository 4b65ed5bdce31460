"""Names of records, outputs, activities and entities: made from trace and span id, unique within a tenant.

    rec_<trace>-<span>      the record of an output, named before it is sealed
    out_<trace>-<span>      the output's value
    act_<trace>-<span>      an activity: a load, a transformation, a model call, a check, the making of an output
    ent_<trace>-<span>-<n>  the n-th value that an activity brought in or made

Trace ids are 32 and span ids 16 lower-case hexadecimal digits, as W3C Trace Context writes them.
"""

import re
from typing import Final, NamedTuple

from provsdk.errors import FormatError

__all__ = [
    "KEY_LENGTH",
    "Id",
    "activity_id",
    "activity_of",
    "entity_id",
    "is_id",
    "is_key",
    "is_value_id",
    "output_id",
    "parse_id",
    "position",
    "record_id",
]

_KEY: Final = r"([0-9a-f]{32})-([0-9a-f]{16})"
_ID: Final = re.compile(rf"(?:(rec|out|act)_{_KEY}|(ent)_{_KEY}-(0|[1-9][0-9]{{0,8}}))")
_VALUE_ID: Final = re.compile(rf"out_{_KEY}|ent_{_KEY}-(?:0|[1-9][0-9]{{0,8}})")
_BARE_KEY: Final = re.compile(_KEY)

KEY_LENGTH: Final = 32 + 1 + 16
"""Characters of `<trace>-<span>`."""


class Id(NamedTuple):
    """What an id says."""

    kind: str
    """`rec`, `out`, `act` or `ent`."""
    trace_id: str
    span_id: str
    n: int | None
    """Number of the value within its activity; None for all but entities."""


def record_id(trace_id: str, span_id: str) -> str:
    """Id of the record of the output whose span that is."""
    return f"rec_{trace_id}-{span_id}"


def output_id(trace_id: str, span_id: str) -> str:
    """Id of the value that the output's span made."""
    return f"out_{trace_id}-{span_id}"


def activity_id(trace_id: str, span_id: str) -> str:
    """Id of the activity that the span is."""
    return f"act_{trace_id}-{span_id}"


def entity_id(trace_id: str, span_id: str, n: int) -> str:
    """Id of the n-th value of that span, from 0."""
    return f"ent_{trace_id}-{span_id}-{n}"


def activity_of(value_id: str) -> str:
    """Id of the activity that a value's id is made from: an `ent_` or `out_` id that is well formed."""
    return "act_" + value_id[4 : 4 + KEY_LENGTH]


def position(value_id: str) -> int:
    """Number of a value within its activity; 0 for an output."""
    return int(value_id[5 + KEY_LENGTH :] or 0)


def parse_id(text: str) -> Id:
    """The parts of an id.

    Raises:
        FormatError: it is none.
    """
    found = _ID.fullmatch(text)
    if found is None:
        raise FormatError("not an id: wants rec_, out_ or act_<trace>-<span>, or ent_<trace>-<span>-<n>")
    kind, trace, span, ent, ent_trace, ent_span, n = found.groups()
    if ent is not None:
        return Id(ent, ent_trace, ent_span, int(n))
    return Id(kind, trace, span, None)


def is_id(text: str) -> bool:
    """Whether the text is an id of any kind."""
    return _ID.fullmatch(text) is not None


def is_value_id(text: str) -> bool:
    """Whether the text is the id of a value: an entity or an output."""
    return _VALUE_ID.fullmatch(text) is not None


def is_key(text: str) -> bool:
    """Whether the text is `<trace>-<span>`."""
    return _BARE_KEY.fullmatch(text) is not None
