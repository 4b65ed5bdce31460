"""Steps 1, 2, 4, 5 and 6 of `provsdk.ledger.verify`: what can be checked entry by entry."""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from provsdk.errors import FormatError, StoreDamaged
from provsdk.ledger import commitments
from provsdk.ledger.entries import Entry, decode
from provsdk.ledger.findings import Tally
from provsdk.ledger.log import seal
from provsdk.ledger.merkle import Frontier, leaf_hash
from provsdk.ledger.reader import EntryPart, EntryRow, Reader

__all__ = ["Erased", "Walk"]


@dataclass(frozen=True, slots=True)
class Erased:
    """A part that is gone."""

    index: int
    """Of its entry."""
    path: str
    by: int
    """Index of the entry that is to have erased it."""


class Walk:
    """One pass over entries, and what it gathers for the steps that need all of them.

    Args:
        tally: Where findings go.
        seal_key: `LogKey.seal_key`, if it is at hand.
        sizes: Numbers of entries at which the root is to be kept.
    """

    def __init__(self, tally: Tally, seal_key: bytes | None, sizes: frozenset[int]) -> None:
        self._tally = tally
        self._seal_key = seal_key
        self._sizes = sizes
        self._erasing: set[int] = set()
        self.leaves: list[bytes] = []
        self.frontier = Frontier()
        self.roots: dict[int, bytes] = {}
        """Root of the first *n* entries, for each *n* that is remembered."""
        self.erased: list[Erased] = []
        self.log_part: bytes | None = None
        """Content of entry 0's part `log`, once its commitment was found right."""

    def run(self, reader: Reader) -> None:
        """The whole log."""
        for row in self.pass_over(reader):
            self._check_place(row.index, self.check(reader, row))
        self.check_erasures()

    def pass_over(self, reader: Reader) -> Iterator[EntryRow]:
        """Every entry, in order; steps 2 and 4 for each of them, and what their hashes come to."""
        expected = 0
        try:
            for row in reader.entries():
                self._tally.checked(2)
                if row.index != expected:
                    missing = min(row.index, expected)
                    self._tally.wrong(2, missing, f"entry {missing} is missing or out of order: found {row.index} next")
                expected = row.index + 1
                leaf = leaf_hash(row.data)
                self._grow(leaf)
                self._check_seal(row, leaf)
                yield row
        except (FormatError, StoreDamaged) as error:
            self._tally.wrong(1, expected, f"entry {expected} cannot be read: {error}")

    def _grow(self, leaf: bytes) -> None:
        self.leaves.append(leaf)
        self.frontier = self.frontier.extend((leaf,))
        if self.frontier.size in self._sizes:
            self.roots[self.frontier.size] = self.frontier.root()

    def _check_place(self, index: int, entry: Entry | None) -> None:
        if entry is not None and (entry.kind == "log.opened") != (index == 0):
            self._tally.wrong(2, index, f"entry {index} is of kind {entry.kind}")

    def check(self, reader: Reader, row: EntryRow) -> Entry | None:
        """Steps 1, 5 and 6 for one entry; None if it cannot be read."""
        entry = self.check_form(row)
        if entry is not None:
            self._check_parts(reader, row.index, entry)
        return entry

    def check_form(self, row: EntryRow) -> Entry | None:
        """Step 1 for one entry; None if it cannot be read."""
        self._tally.checked(1)
        try:
            entry = decode(row.data)
        except FormatError as error:
            self._tally.wrong(1, row.index, f"entry {row.index}: {error}")
            return None
        if entry.kind == "content.erased":
            self._erasing.add(row.index)
        return entry

    def _check_seal(self, row: EntryRow, leaf: bytes) -> None:
        if self._seal_key is None:
            self._tally.not_checked(4, "the log's key is not at hand")
            return
        self._tally.checked(4)
        # A seal counts from 0 in 64 bits, an index in a damaged store may be anything.
        if row.index < 0 or not hmac.compare_digest(seal(self._seal_key, row.index, leaf), row.seal):
            self._tally.wrong(4, row.index, f"entry {row.index} is not the one that was sealed at that place")

    def _check_parts(self, reader: Reader, index: int, entry: Entry) -> None:
        self._tally.checked(5)
        try:
            parts = reader.parts(index)
            rows = [(part.path, part.retention, self._commitment(index, part)) for part in parts]
            body = commitments.body(rows)
        except (FormatError, StoreDamaged) as error:
            self._tally.wrong(5, index, f"entry {index}: its parts cannot be read: {error}")
            return
        if body != entry.body:
            self._tally.wrong(5, index, f"entry {index}: expected a manifest with digest {entry.body}, got {body}")
        elif index == 0:
            self.log_part = next((part.content for part in parts if part.path == "log"), None)

    def _commitment(self, index: int, part: EntryPart) -> bytes:
        name = f"entry {index}, part {part.path!r}"
        if part.state == "open" and part.salt is not None and part.content is not None:
            self._tally.checked(6)
            computed = commitments.commit(part.salt, part.path, part.content)
            if part.commitment is not None and part.commitment != computed:
                self._tally.wrong(6, index, f"{name}: salt and content are not those that the entry commits to")
            return part.commitment or computed
        if part.commitment is None:
            raise FormatError(f"{name} has no commitment")
        if part.state == "locked":
            self._tally.not_checked(6, "encrypted, and the key is not at hand")
        elif part.state == "erased" and part.erased_by is not None:
            self.erased.append(Erased(index, part.path, part.erased_by))
        else:
            self._tally.wrong(6, index, f"{name} is missing, and no entry says that it was erased")
        return part.commitment

    def check_erasures(self) -> None:
        """The rest of step 6: who is said to have erased something did."""
        for erased in self.erased:
            self._tally.checked(6)
            if erased.by <= erased.index or erased.by not in self._erasing:
                self._tally.wrong(
                    6,
                    erased.index,
                    f"entry {erased.index}, part {erased.path!r} is missing, and entry {erased.by}, which is to "
                    "have erased it, did not",
                )
