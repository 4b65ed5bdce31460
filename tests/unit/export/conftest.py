"""Records and a small log in memory, with the shape that delivery reads."""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest


def _samples() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "provsdk_report_samples", Path(__file__).parents[1] / "report" / "conftest.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SAMPLES = _samples()


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
        state = self.unreadable.get(record_id)
        record = None if state else SAMPLES.record(record_id=record_id)
        entries = [row for row in self.rows if row.subject == record_id]
        unreadable = [(entries[0].index, "header", state)] if state else []
        return SimpleNamespace(record=record, entries=entries, unreadable=unreadable)


@pytest.fixture
def log():
    return SmallLog()


@pytest.fixture
def other_log():
    return SmallLog(name="0198-anew")
