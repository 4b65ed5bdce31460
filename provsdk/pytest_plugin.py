"""The pytest plugin: installed with provsdk, it is there without being named.

Before every test it points the default store, keys and state at a temporary directory, so that no test writes into a
project's store or makes a key in somebody's home; after it, what the test had configured is shut down. In a test:

    def test_the_answer_names_its_handbook(provsdk_records):
        answer("How long is a parcel kept?")

        assert provsdk_records[0].sources[0].name == "handbook"
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provsdk.testing import captured_records, places_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provsdk.capture.ports import Ports
    from provsdk.testing import CapturedRecords

__all__ = ["isolated_provsdk", "provsdk_records"]

_test_numbers = itertools.count(1)

_session = pytest.StashKey[tuple[tempfile.TemporaryDirectory[str], dict[str, str | None]]]()


def pytest_configure(config: pytest.Config) -> None:
    """Code that configures provsdk while it is imported, before any test runs, meets a temporary store too."""
    directory = tempfile.TemporaryDirectory(prefix="provsdk-", ignore_cleanup_errors=True)
    places = {f"PROVSDK_{name.upper()}": path for name, path in places_in(Path(directory.name)).items()}
    config.stash[_session] = directory, {name: os.environ.get(name) for name in places}
    os.environ.update(places)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Puts the environment back and removes the temporary store."""
    if _session not in config.stash:
        return
    directory, before = config.stash[_session]
    del config.stash[_session]
    if "provsdk.pipeline" in sys.modules:
        from provsdk import shutdown  # noqa: PLC0415 loaded in every test run; the SDK is not

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
    for name, path in places_in(directory).items():
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
