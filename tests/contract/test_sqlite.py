"""The SQLite store keeps the contract."""

import importlib.util
from pathlib import Path

import pytest

from provsdk.store.open import open_store
from provsdk.store.verify import verify


def _load(path):
    spec = importlib.util.spec_from_file_location(f"provsdk_tests_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HERE = Path(__file__).parent
CONTRACT = _load(HERE / "store_contract.py")
SAMPLES = _load(HERE.parent / "unit" / "store" / "samples.py")


@pytest.fixture
def samples():
    return SAMPLES


@pytest.fixture
def opened(tmp_path):
    stores = []

    def opened():
        places = {"keys": tmp_path / "keys", "state": tmp_path / "state"}
        stores.append(open_store(tmp_path / "store", origin="example.org/log", create=True, **places))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()
    with_store = open_store(tmp_path / "store", keys=tmp_path / "keys", state=tmp_path / "state", read_only=True)
    report = verify(with_store)
    with_store.close()
    assert report.ok, report.findings


class TestSqlite(CONTRACT.StoreContract):
    """Every test ends with a verification of the whole store."""
