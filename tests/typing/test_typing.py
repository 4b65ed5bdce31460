"""mypy and pyright keep the wrapped signature: `decorated.py` says what they must find, and what they must refuse."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parent / "decorated.py"
ROOT = FILE.parents[2]
EXPECTED = {n for n, line in enumerate(FILE.read_text().splitlines(), 1) if "# error:" in line}


def test_mypy_finds_the_mistakes_and_nothing_else(tmp_path):
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "--config-file=", str(FILE)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False).stdout

    assert {int(line) for line in re.findall(r"decorated\.py:(\d+): error", said)} == EXPECTED, said


@pytest.mark.needs("pyright")
def test_pyright_finds_the_mistakes_and_nothing_else():
    command = ["pyright", "--outputjson", "--pythonpath", sys.executable, str(FILE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    found = [each for each in json.loads(done.stdout)["generalDiagnostics"] if each["severity"] == "error"]

    assert {each["range"]["start"]["line"] + 1 for each in found} == EXPECTED, found
