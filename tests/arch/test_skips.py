"""A test that is skipped where something is not installed fails in CI, where all of it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

TESTS = {
    "a package": "import pytest\npytest.importorskip('nobody_has_this')\ndef test_it(): pass",
    "a program": "import pytest\n@pytest.mark.needs('nobody-has-this')\ndef test_it(): pass",
    "a mark": "import pytest\n@pytest.mark.skipif(True, reason='not here')\ndef test_it(): pass",
    "a fixture": "import pytest\n@pytest.fixture\ndef it(): pytest.skip('not here')\ndef test_it(it): pass",
}
RIGHTS = "import pytest\ndef test_it(): pytest.skip('a file system cannot be mounted here: no')"


def ran(directory, text, **environ):
    (directory / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (directory / "test_one.py").write_text(text, encoding="utf-8")
    given = {name: value for name, value in os.environ.items() if name != "CI"} | environ
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--rootdir", str(directory)]
    found = subprocess.run([*command, str(directory)], capture_output=True, text=True, env=given, check=False)
    return found.returncode, found.stdout


@pytest.mark.parametrize("what", TESTS)
def test_what_is_not_there_is_skipped_here_and_fails_in_ci(tmp_path, what):
    assert "1 skipped" in ran(tmp_path, TESTS[what])[1]
    code, text = ran(tmp_path, TESTS[what], CI="true")
    assert code != 0
    assert "CI has to have this" in text


def test_what_the_machine_forbids_is_skipped_in_ci_too(tmp_path):
    code, text = ran(tmp_path, RIGHTS, CI="true")
    assert (code, "1 skipped" in text) == (0, True)
