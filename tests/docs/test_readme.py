"""The README shows what really happens."""

import re
import shlex
import sys

import pytest
from docs_pages import ROOT, blocks

README = ROOT / "README.md"

CUT = "⋮"
"""Stands where the README shows the beginning only."""

# What differs from run to run; widths stay, so that tables stay tables.
VARIES = [
    (re.compile(r"\bprovsdk-[0-9a-f]{16}(\+[0-9a-f]{8})?"), lambda _: "LOG"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?(Z| UTC)?"), lambda _: "TIME"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), lambda _: "DATE"),
    (re.compile(r"\b(rec|out|act|ent|emi)_[0-9a-f-]+(…)?"), lambda match: f"{match[1]}_ID"),
    (re.compile(r"\b(sha256|hmac-sha256):[0-9a-f:]+(…)?"), lambda match: f"{match[1]}:DIGEST"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}(…)?\b"), lambda _: "HEX"),
    (re.compile(r"\b\d+(\.\d+)? (µs|us|ms|s)\b"), lambda _: "DURATION"),
    (re.compile(r"\b\d+\.\d+\.\d+\b"), lambda _: "VERSION"),
    (re.compile(r" {2,}"), lambda _: "  "),
    (re.compile(r"─+"), lambda _: "─"),
]


def steady(text):
    for pattern, replacement in VARIES:
        text = pattern.sub(replacement, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def sessions():
    """(command, what the README says it prints) of every console block that follows the example."""
    for block in blocks(README, "console"):
        for command, output in re.findall(r"^\$ ([^\n]+)\n(.*?)(?=^\$ |\Z)", block.text, re.MULTILINE | re.DOTALL):
            if output.strip():
                yield command, output


def test_the_example_prints_what_the_readme_shows(run, provsdk, tmp_path):
    """The first Python block is run, then each command that has output below it, and every line is compared."""
    program = tmp_path / "project" / "answer.py"
    program.write_text(blocks(README, "python")[0].text, encoding="utf-8")
    shown = list(sessions())

    assert shown, "the README shows no output"
    for command, output in shown:
        words = shlex.split(command)
        words[0] = {"python": sys.executable, "provsdk": provsdk}[words[0]]
        done = run(*words)

        printed, expected = steady(done.stdout).splitlines(), steady(output).splitlines()
        if expected[-1] == CUT:
            expected.pop()
            assert len(printed) > len(expected), f"$ {command}: nothing was cut"
            printed = printed[: len(expected)]
        assert printed == expected, f"$ {command}\n{done.stdout}"


def test_the_example_is_ten_lines():
    lines = [line for line in blocks(README, "python")[0].text.splitlines() if line.strip()]

    assert len(lines) <= 10 + 2, "ten lines, give or take an import"


def test_it_says_what_is_not_there():
    assert "Not there yet" in README.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["make demo", "make test", "python3 -m venv", "pip install"])
def test_it_says_how_to_begin(command):
    assert command in README.read_text(encoding="utf-8")
