"""A module that is loaded when it is first needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from provsdk.capture import _late
from provsdk.capture._late import Late


def names_loaded_by(code):
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], check=True, capture_output=True, text=True
    )
    return ran.stdout.split()


def test_is_loaded_with_the_first_name_that_is_asked_for():
    made = "from provsdk.capture._late import Late\nverdict = Late('provsdk.capture._verdict')"

    assert "provsdk.capture._verdict" not in names_loaded_by(made)
    assert "provsdk.capture._verdict" in names_loaded_by(f"{made}\nverdict.verdict_of")


def test_gives_what_the_module_has():
    from provsdk.capture import _verdict

    assert Late("provsdk.capture._verdict").verdict_of is _verdict.verdict_of


def test_looks_for_a_name_once():
    late = Late("provsdk.capture._verdict")
    found = late.verdict_of

    assert vars(late)["verdict_of"] is found


def test_names_that_the_module_has_not_are_missing_as_in_the_module():
    with pytest.raises(AttributeError, match=r"provsdk\.capture\._verdict.*has no attribute 'verdict'"):
        _ = Late("provsdk.capture._verdict").verdict


def test_a_decorated_function_that_nobody_configured_loads_nothing_of_it(monkeypatch):
    """Facts are checked where the decorator stands, and calls pass through."""
    monkeypatch.delenv("PROVSDK_STORE", raising=False)
    loaded = names_loaded_by(
        "from provsdk import traced_output, traced_source\n"
        "@traced_source(type='file', location='handbook.md')\n"
        "def load(): return 'text'\n"
        "@traced_output('answer', owner='ana@example.org')\n"
        "def answer(): return load()\n"
        "assert answer() == 'text'\n"
        "with traced_output('answer') as out: out.add_source('note', 'text')"
    )

    assert not {"provsdk.capture._call", "provsdk.capture._session", "provsdk.digest", "hashlib"} & set(loaded)


def test_what_traces_calls_is_loaded_before_the_first_one():
    """`configure` is in the pipeline, and comes before any call that is traced."""
    pipeline = names_loaded_by("import provsdk.pipeline, provsdk.capture.decorators")
    first_call = {path.stem for path in Path(_late.__file__).parent.glob("_*.py")} - {"__init__"}

    assert {f"provsdk.capture.{name}" for name in first_call} <= set(pipeline)
