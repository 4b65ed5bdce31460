"""Aids for tests of code that provsdk traces: a pytest plugin, captured records, and ids that count.

Installed with provsdk, the plugin is there without being named. Before every test it points the default store, keys and
state at a temporary directory, so that no test writes into a project's store or makes a key in somebody's home; after
it, what the test had configured is shut down. In a test:

    def test_the_answer_names_its_handbook(provsdk_records):
        answer("How long is a parcel kept?")

        assert provsdk_records[0].sources[0].name == "handbook"
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provsdk.capture.ports import Ports
    from provsdk.pipeline import Runtime
    from provsdk.records.record import ProvenanceRecord

__all__ = ["CapturedRecords", "CountingIds", "captured_records", "isolated_provsdk", "provsdk_records"]

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
        settings = {**_places(Path(directory)), **settings}
        if counting_ids:
            settings.setdefault("tracer_provider", _counting_provider())
        runtime = provsdk.configure(**settings)
        records = CapturedRecords(runtime)
        try:
            yield records
        finally:
            records.close()
            provsdk.shutdown()


def _places(directory: Path) -> dict[str, str]:
    return {"store": str(directory / ".provsdk"), "keys": str(directory / "keys"), "state": str(directory / "state")}


def _counting_provider() -> Any:
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 as above

    return TracerProvider(id_generator=CountingIds(), shutdown_on_exit=False)  # type: ignore[arg-type] # by its methods


_test_numbers = itertools.count(1)

_session = pytest.StashKey[tuple[tempfile.TemporaryDirectory[str], dict[str, str | None]]]()


def pytest_configure(config: pytest.Config) -> None:
    """Code that configures provsdk while it is imported, before any test runs, meets a temporary store too."""
    directory = tempfile.TemporaryDirectory(prefix="provsdk-", ignore_cleanup_errors=True)
    places = {f"PROVSDK_{name.upper()}": path for name, path in _places(Path(directory.name)).items()}
    config.stash[_session] = directory, {name: os.environ.get(name) for name in places}
    os.environ.update(places)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Puts the environment back and removes the temporary store."""
    if _session not in config.stash:
        return
    directory, before = config.stash[_session]
    del config.stash[_session]
    if "provsdk.pipeline" in sys.modules:
        from provsdk import shutdown  # noqa: PLC0415 as above

        shutdown()
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    directory.cleanup()


@pytest.fixture(autouse=True)
def isolated_provsdk(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Points the default store, keys and state at the test's own directory, and undoes what the test configured.

    That directory is `tmp_path` where the test has one, else one of its own that is made when something is recorded.
    """
    if "tmp_path" in request.fixturenames:
        directory = request.getfixturevalue("tmp_path")
    else:
        directory = tmp_path_factory.getbasetemp() / f"provsdk-{next(_test_numbers)}"
    for name, path in _places(directory).items():
        monkeypatch.setenv(f"PROVSDK_{name.upper()}", path)
    before = _plugged()
    yield
    if _plugged() is not before:
        from provsdk import shutdown  # noqa: PLC0415 as above

        shutdown()


@pytest.fixture
def provsdk_records() -> Iterator[CapturedRecords]:
    """`captured_records()` around the test."""
    with captured_records() as records:
        yield records


def _plugged() -> Ports | None:
    """What is plugged in, without making anything configure itself or loading what nobody has loaded."""
    ports = sys.modules.get("provsdk.capture.ports")
    return None if ports is None else ports._plugged  # noqa: SLF001 the question has no other caller
