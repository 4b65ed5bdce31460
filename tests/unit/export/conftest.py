"""Records and a small log in memory, with the shape that delivery reads."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "fakes" / "records"))


@dataclass
class SmallLog:
    """Entries and folded records: what delivery reads of a store."""

    name: str = "0197-first"
    rows: list = field(default_factory=list)
    unreadable: dict = field(default_factory=dict)

    def __post_init__(self):
        self.add("log.opened", "log", "log")

    def add(self, kind, key, subject):
        entry_id = self.name if not self.rows else f"id-{len(self.rows)}"
        self.rows.append(SimpleNamespace(index=len(self.rows), id=entry_id, kind=kind, key=key, subject=subject))

    def seal(self, name, revision=0):
        self.add("record.extended" if revision else "record.sealed", f"record/{name}/{revision}", name)

    def entries(self, start=0, stop=None):
        return iter(self.rows[start:stop])

    def fold(self, record_id):
        from record_builder import Build

        state = self.unreadable.get(record_id)
        record = None if state else Build.record(record_id=record_id)
        entries = [row for row in self.rows if row.subject == record_id]
        unreadable = [(entries[0].index, "header", state)] if state else []
        return SimpleNamespace(record=record, entries=entries, unreadable=unreadable)


@pytest.fixture
def log():
    return SmallLog()


@pytest.fixture
def other_log():
    return SmallLog(name="0198-anew")
