"""Which revision an extension of a record gets, and how it is kept: from what was just sealed, else from the log."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from provsdk.records.parts import retention_of
from provsdk.vocabulary import DataClassification, RetentionPeriod

if TYPE_CHECKING:
    from collections.abc import Callable

    from provsdk.records.record import ProvenanceRecord
    from provsdk.store.contract import Store

__all__ = ["Revision", "Revisions"]

REMEMBERED: Final = 4_096
"""Records whose extensions need not look into the log."""

_ABOUT_RECORDS: Final = frozenset({"record.sealed", "record.extended"})


class Revision(NamedTuple):
    """A place in a record's history."""

    number: int
    """0 is the sealing."""
    retention: str
    protected: bool


class Revisions:
    """Counts each record's revisions. Used under the committer's drafting lock, but for `knows` and `learn`."""

    def __init__(self) -> None:
        self._latest: OrderedDict[str, Revision] = OrderedDict()

    def sealing(self, record: ProvenanceRecord) -> Revision:
        """The first revision of a record that is about to be sealed."""
        protected = record.permissions.encryption_required
        return self._remember(record.record_id, Revision(0, retention_of(record), protected))

    def knows(self, record_id: str) -> bool:
        """Whether `next` can answer without the log."""
        return record_id in self._latest

    def learn(self, record_id: str, store: Callable[[], Store]) -> None:
        """Asks the log about a record long past.

        Raises:
            NotFound: nobody has sealed that record.
            StoreError: the log cannot be asked.
        """
        self._latest.setdefault(record_id, _from_log(record_id, store()))

    def next(self, record_id: str, store: Callable[[], Store]) -> Revision:
        """The next revision of a record that was sealed, or is about to be; the log is asked for one long past.

        Raises:
            NotFound: nobody has sealed that record.
            StoreError: the log has to be asked, and cannot be.
        """
        latest = self._latest.get(record_id) or _from_log(record_id, store())
        return self._remember(record_id, latest._replace(number=latest.number + 1))

    def _remember(self, record_id: str, revision: Revision) -> Revision:
        self._latest[record_id] = revision
        self._latest.move_to_end(record_id)
        while len(self._latest) > REMEMBERED:  # `learn` adds to it as well
            self._latest.popitem(last=False)
        return revision


def _from_log(record_id: str, store: Store) -> Revision:
    """A record that cannot be read is protected, and what comes to it is as well."""
    folded = store.fold(record_id)
    number = sum(entry.kind in _ABOUT_RECORDS for entry in folded.entries) - 1
    if folded.record is None:
        return Revision(number, RetentionPeriod.STANDARD.value, protected=True)
    protected = DataClassification(folded.record.output.classification).encryption_required
    return Revision(number, retention_of(folded.record), protected)
