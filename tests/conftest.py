"""What holds for every test: programs that a test needs, and nothing left plugged in."""

import os
import shutil

import pytest


def pytest_runtest_setup(item):
    """Skips, visibly, where a program is not installed; in CI that is a failure."""
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if shutil.which(program) is None:
                if os.environ.get("CI"):
                    pytest.fail(f"{program} is not installed, and CI has to have it", pytrace=False)
                pytest.skip(f"needs {program}")
