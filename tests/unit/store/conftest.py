"""A store of its own for every test, with its keys and state beside it."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from provsdk.store.open import open_store


def load_samples() -> ModuleType:
    spec = importlib.util.spec_from_file_location("provsdk_store_samples", Path(__file__).with_name("samples.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SAMPLES = load_samples()


@pytest.fixture(scope="session")
def samples():
    return SAMPLES


@pytest.fixture
def places(tmp_path):
    """Where store, keys and state are."""
    return {"place": tmp_path / "store", "keys": tmp_path / "keys", "state": tmp_path / "state"}


@pytest.fixture
def opened(places):
    """Opens the store, made where it is missing; closed after the test."""
    stores = []

    def opened(**options):
        store = open_store(**{**places, "origin": "example.org/log", "create": True, **options})
        stores.append(store)
        return store

    yield opened
    for store in stores:
        store.close()
