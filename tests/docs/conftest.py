import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("docs_pages", Path(__file__).with_name("_pages.py"))
pages = importlib.util.module_from_spec(_spec)
sys.modules["docs_pages"] = pages
_spec.loader.exec_module(pages)


@pytest.fixture
def run(tmp_path):
    """Runs a program as a newcomer would: in a directory of its own, with defaults, keys and memory of its own."""
    home = {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_STATE_HOME": str(tmp_path / "state")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROVSDK_", "OTEL_", "COLUMNS"))}
    directory = tmp_path / "project"
    directory.mkdir()

    def run(*command, check=True, **more):
        environment = {**kept, **home, "PYTHONWARNINGS": "error", **more}
        return subprocess.run(
            command,
            cwd=directory,
            env=environment,
            check=check,
            text=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.fixture
def provsdk():
    """How the command line is called: as it is installed beside this interpreter."""
    return str(Path(sys.executable).with_name("provsdk"))
