"""Writes one small file for each record: its name says which, its text says what of."""

import os
from collections.abc import Sequence
from pathlib import Path

from provsdk.errors import ConfigError
from provsdk.export.contract import SealedRecord

__all__ = ["MemoExporter"]


class MemoExporter:
    """Keeps memos in a directory. The same record again replaces its memo: what comes twice is there once.

    Args:
        directory: where the memos go; made where it does not exist.
        suffix: of their names, with its dot.
    """

    def __init__(self, directory: str, suffix: str = ".txt") -> None:
        if not suffix.startswith("."):
            raise ConfigError(f"exporter 'memo': suffix begins with a dot, unlike {suffix!r}")
        self._directory = Path(directory)
        self._suffix = suffix

    def export(self, batch: Sequence[SealedRecord]) -> None:
        """Writes the memos, and flushes each to disk."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for item in batch:
            output = item.record.output
            memo = self._directory / f"{item.record.record_id}{self._suffix}"
            with memo.open("w", encoding="utf-8") as file:
                file.write(f"{output.name} {output.status} revision {item.revision}\n")
                file.flush()
                os.fsync(file.fileno())

    def close(self) -> None:
        """Nothing is held open."""
