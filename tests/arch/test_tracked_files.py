"""What is in the repository works on any machine: nothing in it names one."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOME = str(Path.home())
# Written so that this file does not hold what it looks for.
FORBIDDEN = {
    "a registry's host": re.compile(
        r"files\.pythonhosted|pypi\.org/simple|(?:--|_)(?:extra.)?index.url\s*[= ]", re.IGNORECASE
    ),
    "a path of one machine": re.compile(rf"(?<![\w.])(?:/(?:root|work|Users|opt/wheels)/[\w.-]+|{re.escape(HOME)}/)"),
    "an address of a private network": re.compile(r"\b(?:10\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d+\.\d+\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}"),
}


def tracked() -> list[Path]:
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: there is no list of tracked files")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_names(what):
    found = []
    for path in tracked():
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [
            f"{path.relative_to(ROOT)}: {match.group()}"
            for match in FORBIDDEN[what].finditer(text)
            if path != Path(__file__)
        ]

    assert found == []


def test_no_tracked_file_is_large():
    """Half a megabyte is more than any source, page or vector here needs."""
    large = [str(path.relative_to(ROOT)) for path in tracked() if path.stat().st_size > 512 * 1024]

    assert large == []


def test_text_files_end_with_one_newline_and_have_no_carriage_returns():
    texts = (".py", ".md", ".toml", ".json", ".txt")
    wrong = []
    for path in tracked():
        content = path.read_bytes()
        if (
            path.suffix in texts
            and content
            and (b"\r" in content or not content.endswith(b"\n") or content.endswith(b"\n\n"))
        ):
            wrong.append(str(path.relative_to(ROOT)))

    assert wrong == []
