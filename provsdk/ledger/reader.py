"""What a store shows of itself to be verified: a small protocol and its values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["EntryPart", "EntryRow", "Reader", "Remembered"]


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry, as it is stored."""

    index: int
    data: bytes
    """The leaf's data."""
    seal: bytes


@dataclass(frozen=True, slots=True)
class EntryPart:
    """One part of an entry, as far as it can be read."""

    path: str
    retention: str
    commitment: bytes | None
    """As stored; None where it is not stored beside salt and content, and is to be computed from them."""
    state: Literal["open", "locked", "erased"]
    """`open`: salt and content are there. `locked`: encrypted, and the key is not at hand. `erased`: gone."""
    salt: bytes | None = None
    content: bytes | None = None
    """Canonical bytes."""
    erased_by: int | None = None
    """Of an erased part: index of the `content.erased` entry that names it, None if there is none."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A checkpoint that is known from outside the store."""

    size: int
    root: bytes
    where: str
    """Where it is kept, for messages."""


class Reader(Protocol):
    """What a store shows of itself to be verified: its bytes, with as little interpretation as possible.

    Consistency: everything is of one moment (one read transaction). Errors: where stored bytes make no sense, each
    method raises `FormatError` or `StoreDamaged`, which becomes a finding; whatever else is raised ends the procedure.
    A column of another type than its own is such a case: what is handed over has the types below.
    """

    def entries(self) -> Iterator[EntryRow]:
        """All entries by rising index, whatever the indexes are."""
        ...

    def entry(self, index: int) -> EntryRow | None:
        """One entry, None if there is none."""
        ...

    def parts(self, index: int) -> Sequence[EntryPart]:
        """The parts of an entry, in any order; none if nothing is stored for it."""
        ...

    def tile(self, level: int, index: int) -> bytes:
        """The stored bytes of a tile, empty if there is none."""
        ...

    def tile_ids(self) -> Iterable[tuple[int, int]]:
        """(level, index) of every stored tile."""
        ...

    def checkpoint(self) -> str:
        """The newest checkpoint, a signed note."""
        ...

    def remembered(self) -> Sequence[Remembered]:
        """Checkpoints remembered outside the store; none if there is no memory."""
        ...
