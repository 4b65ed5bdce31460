"""Sessions in docstrings show what really happens."""

import doctest
import importlib

import pytest
from docs_pages import ROOT

PACKAGE = ROOT / "provsdk"
MODULES = [
    "provsdk." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_sessions_of_a_module_run(name):
    done = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)

    assert done.attempted > 0
    assert done.failed == 0
