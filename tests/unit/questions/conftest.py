"""Makes the builder of records importable: `tests/fakes/records/record_builder.py`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "fakes" / "records"))


@pytest.fixture(scope="session")
def build():
    from record_builder import Build

    return Build
