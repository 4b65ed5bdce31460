"""Aids for tests of code that provsdk traces: captured records, and ids that count. With pytest, see `pytest_plugin`.

with captured_records() as records:
answer("How long is a parcel kept?")
assert records[0].sources[0].name == "handbook"
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provsdk.pipeline import Runtime
    from provsdk.records.record import ProvenanceRecord

__all__ = ["CapturedRecords", "CountingIds", "captured_records", "places_in"]

FLUSH_S = 10.0
"""How long reading captured records waits for those that are not sealed yet."""


class CountingIds:
    """Trace and span ids that count from 1: whole spans and records can be compared.

    An id generator as the OpenTelemetry SDK takes it: `TracerProvider(id_generator=CountingIds())`.
    """

    def __init__(self) -> None:
        self._traces = itertools.count(1)
        self._spans = itertools.count(1)

    def generate_trace_id(self) -> int:
        """The next trace id."""
        return next(self._traces)

    def generate_span_id(self) -> int:
        """The next span id."""
        return next(self._spans)

    def is_trace_id_random(self) -> bool:
        """They count."""
        return False


class CapturedRecords(Sequence["ProvenanceRecord"]):
    """The records of outputs that were made so far, in log order, as a store gives them back."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime: Runtime | None = runtime
        self._kept: list[ProvenanceRecord] = []

    @overload
    def __getitem__(self, index: int) -> ProvenanceRecord: ...
    @overload
    def __getitem__(self, index: slice) -> list[ProvenanceRecord]: ...
    def __getitem__(self, index: int | slice) -> ProvenanceRecord | list[ProvenanceRecord]:
        """The records at those positions."""
        return self._read()[index]

    def __len__(self) -> int:
        return len(self._read())

    def __iter__(self) -> Iterator[ProvenanceRecord]:
        """Those that are there now: read once, not once for each."""
        return iter(self._read())

    def close(self) -> None:
        """Keeps what is there now; later outputs are no concern of this."""
        self._read()
        self._runtime = None

    def _read(self) -> list[ProvenanceRecord]:
        if self._runtime is not None:
            from provsdk import pipeline  # noqa: PLC0415 the plugin is loaded in every test run; the SDK is not

            # What is tested may configure provsdk itself: then the records go where it says.
            self._runtime = pipeline.running() or self._runtime
            self._runtime.flush(FLUSH_S)
            store = self._runtime.store()
            folded = (store.fold(one.record_id) for one in store.summaries(newest_first=False))
            self._kept = [one.record for one in folded if one.record is not None]
        return self._kept


@contextmanager
def captured_records(*, counting_ids: bool = False, **settings: Any) -> Iterator[CapturedRecords]:
    """Records what is traced inside the block, by the real path, into a store that is gone afterwards.

    Args:
        counting_ids: trace and span ids count from 1.
        settings: as for `provsdk.configure`; `store`, `keys` and `state` are temporary unless they are given.

    Yields:
        The records: a sequence that grows, and that can still be read after the block.

    Raises:
        ConfigError: as `provsdk.configure` does.
    """
    import provsdk  # noqa: PLC0415 the plugin is loaded in every test run; the SDK is not

    with tempfile.TemporaryDirectory(prefix="provsdk-", ignore_cleanup_errors=True) as directory:
        settings = {**places_in(Path(directory)), **settings}
        if counting_ids:
            settings.setdefault("tracer_provider", _counting_provider())
        runtime = provsdk.configure(**settings)
        records = CapturedRecords(runtime)
        try:
            yield records
        finally:
            records.close()
            provsdk.shutdown()


def places_in(directory: Path) -> dict[str, str]:
    """Store, keys and state in a directory of their own."""
    return {"store": str(directory / ".provsdk"), "keys": str(directory / "keys"), "state": str(directory / "state")}


def _counting_provider() -> Any:
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 as above

    return TracerProvider(id_generator=CountingIds(), shutdown_on_exit=False)  # type: ignore[arg-type] # by its methods
