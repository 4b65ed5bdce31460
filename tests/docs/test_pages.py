"""What the pages show can be run, and what they name is there."""

import re
import subprocess
import sys
import tomllib

import pytest
from docs_pages import ROOT, blocks, pages

from provsdk.config import KEYS, load
from provsdk.vocabulary import DataClassification

PAGES = {str(page.relative_to(ROOT)): page for page in pages()}
WITH_PYTHON = [name for name, page in PAGES.items() if blocks(page, "python")]
WITH_TESTS = [
    name for name in WITH_PYTHON if any("\ndef test_" in block.text for block in blocks(PAGES[name], "python"))
]
MAKE = (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", WITH_PYTHON)
def test_the_python_of_a_page_runs(name, run, tmp_path):
    """The blocks of one page are one program, from top to bottom, with warnings as errors."""
    program = tmp_path / "page.py"
    # Blank lines keep the line numbers of the page in tracebacks.
    lines = [""] * len(PAGES[name].read_text(encoding="utf-8").splitlines())
    for block in blocks(PAGES[name], "python"):
        lines[block.line - 1 : block.line - 1 + block.text.count("\n")] = block.text.splitlines()
    program.write_text("\n".join(lines), encoding="utf-8")

    done = run(sys.executable, str(program), check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", WITH_TESTS)
def test_the_tests_of_a_page_pass(name, run, tmp_path):
    """A block that defines tests is a test file by itself."""
    texts = [block.text for block in blocks(PAGES[name], "python") if "\ndef test_" in block.text]
    for number, text in enumerate(texts):
        (tmp_path / "project" / f"test_page_{number}.py").write_text(text, encoding="utf-8")

    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", check=False, PYTHONWARNINGS="default")

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sum(text.count(chr(10) + 'def test_') for text in texts)} passed" in done.stdout


def test_the_guides_are_run():
    names = ("asking", "tracing", "deployment", "exporters", "absence", "concurrency", "opentelemetry")
    guides = {f"docs/guides/{name}.md" for name in names}

    assert guides <= set(WITH_PYTHON)
    assert "docs/guides/deployment.md" in WITH_TESTS


@pytest.mark.parametrize("name", PAGES)
def test_the_toml_of_a_page_is_a_configuration(name, tmp_path):
    for block in blocks(PAGES[name], "toml"):
        said = tomllib.loads(block.text).get("tool", {}).get("provsdk", {})
        (tmp_path / "pyproject.toml").write_text(block.text, encoding="utf-8")
        config = load({}, {"HOME": str(tmp_path)}, tmp_path)

        assert said.keys() <= config.sources.keys()


@pytest.mark.parametrize("name", PAGES)
def test_the_links_of_a_page_lead_somewhere(name):
    page = PAGES[name]
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    broken = [one for one in targets if one and "://" not in one and not (page.parent / one).exists()]

    assert broken == []


def anchors_of(page):
    """The anchors that GitHub gives the headings of a page."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_the_anchors_that_a_page_links_to_are_headings(name):
    page = PAGES[name]
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = [link.partition("#") for link in re.findall(r"\]\(([^)\s]+#[^)\s]+)\)", text) if "://" not in link]
    targets = [(page if not path else page.parent / path, anchor) for path, _, anchor in links]

    assert [anchor for target, anchor in targets if target.suffix == ".md" and anchor not in anchors_of(target)] == []


@pytest.mark.parametrize("name", PAGES)
def test_the_make_targets_of_a_page_exist(name):
    text = PAGES[name].read_text(encoding="utf-8")
    mentioned = set(re.findall(r"(?:^|`|\$ |    )make ([a-z]+)", text, re.MULTILINE))

    assert {target for target in mentioned if not re.search(rf"^{target}:", MAKE, re.MULTILINE)} == set()


def commands_in(text):
    """`provsdk ...` as it is written in code: its subcommand (two words where it is a group) and its long options."""
    for line in re.findall(r"(?:`|\$ |^    |/)provsdk ((?:--?)?[a-z][^`\n]*)", text, re.MULTILINE):
        words = line.split(" #")[0].split()
        options = {word.split("=")[0] for word in words if word.startswith("--")}
        names = [word for word in words if re.fullmatch(r"[a-z]+", word)][: 2 if words[0] in {"store", "recall"} else 1]
        yield tuple(names), options


@pytest.mark.parametrize("name", [name for name in PAGES if not name.startswith("CHANGELOG")])
def test_the_commands_of_a_page_exist_with_their_options(name, provsdk):
    text = PAGES[name].read_text(encoding="utf-8")
    for names, options in sorted({(names, tuple(sorted(options))) for names, options in commands_in(text)}):
        done = subprocess.run([provsdk, *names, "--help"], capture_output=True, text=True, check=False)

        assert done.returncode == 0, f"provsdk {' '.join(names)}: {done.stderr}"
        assert {one for one in options if one not in done.stdout} == set(), f"provsdk {' '.join(names)}"


def test_the_configuration_page_has_every_key_and_no_other():
    rows = re.findall(r"^\| `(\w+)` \|", PAGES["docs/configuration.md"].read_text(encoding="utf-8"), re.MULTILINE)

    # `disabled` is said in prose, as the variable that it is used as.
    assert {*rows, "disabled"} == set(KEYS)


def test_the_configuration_page_names_the_classifications_in_order():
    text = PAGES["docs/configuration.md"].read_text(encoding="utf-8")

    assert ", ".join(f"`{one}`" for one in DataClassification) in text
