"""Which texts stand in another one: whole, in part, changed a little; and which words of an output stand in a source.

A leaf without state: texts in, spans and coverage out. Offsets are in characters (code points) of the texts as they
were given, whatever was folded in between.
"""

from typing import Final

from provsdk.matching._containment import Contained, Span, contained
from provsdk.matching._folding import Folded
from provsdk.matching._places import Places, plain
from provsdk.matching._quotation import Quoted, quoted
from provsdk.matching._rows import row_in
from provsdk.matching._runs import weight
from provsdk.matching._structure import fields_of, leaves, parsed, pointer

__all__ = [
    "MAX_SPANS",
    "Contained",
    "Folded",
    "Places",
    "Quoted",
    "Span",
    "contained",
    "fields_of",
    "leaves",
    "parsed",
    "plain",
    "pointer",
    "quoted",
    "row_in",
    "words",
]

MAX_SPANS: Final = 32
"""Places of one text in another that a record keeps."""


def words(text: str) -> float:
    """How many words a text has; where words are not set apart, so many as its characters come to.

    >>> words("Ten days, no more."), words("倉庫は9時に開く")
    (4.0, 5.2)
    """
    return float(weight(Folded(text).tokens))
