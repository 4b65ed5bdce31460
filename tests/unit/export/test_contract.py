"""Exporters are found by name, made from their options, and refused clearly."""

import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from provsdk.errors import ConfigError
from provsdk.export import contract
from provsdk.export.contract import Exporter, available, load, load_all
from provsdk.export.jsonl import JsonlExporter

PACKAGE = Path(__file__).parents[2] / "fakes" / "exporter_package"


@pytest.fixture
def installed_memo(tmp_path, monkeypatch):
    """The package as an installer leaves it: its modules on the path, its entry points in its metadata."""
    import tomllib

    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    info = tmp_path / "provsdk_memo-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    ((group, points),) = project["entry-points"].items()
    (info / "entry_points.txt").write_text(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
    )
    monkeypatch.syspath_prepend(str(PACKAGE / "src"))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("provsdk_memo", None)


def test_jsonl_is_built_in():
    assert "jsonl" in available()


def test_an_exporter_is_made_from_its_options(tmp_path):
    loaded = load("jsonl", {"path": str(tmp_path / "out.jsonl")})

    assert isinstance(loaded.exporter, JsonlExporter)
    assert loaded.exporter.path == tmp_path / "out.jsonl"


def test_one_from_another_package_comes_through_the_door(installed_memo, tmp_path):
    loaded = load("memo", {"directory": str(tmp_path / "memos"), "suffix": ".memo"})

    assert isinstance(loaded.exporter, Exporter)
    assert type(loaded.exporter).__module__ == "provsdk_memo"


def test_its_own_refusal_of_a_value_reaches_the_user(installed_memo):
    with pytest.raises(ConfigError, match="suffix begins with a dot"):
        load("memo", {"directory": "x", "suffix": "txt"})


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=re.escape("no exporter named 'jsonlines'") + ".*did you mean 'jsonl'"):
        load("jsonlines")


def test_an_unknown_option_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="unexpected keyword argument 'file'; its options: path"):
        load("jsonl", {"file": "x"})


def test_a_missing_option_is_refused(installed_memo):
    with pytest.raises(ConfigError, match="missing a required argument: 'directory'"):
        load("memo")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("provsdk.nowhere:X", "cannot be imported"),
        ("provsdk.errors:__doc__", "is not callable"),
        ("builtins:dict", "has no export() and close()"),
    ],
)
def test_what_is_no_exporter_is_refused(monkeypatch, value, reason):
    point = EntryPoint("broken", value, contract.GROUP)
    monkeypatch.setattr(contract, "available", lambda: {"broken": point})

    with pytest.raises(ConfigError, match=re.escape(reason)):
        load("broken")


def test_two_of_one_name_have_a_cursor_each():
    first, second, plain = load_all([{"name": "jsonl", "path": "a"}, {"name": "jsonl", "path": "b"}, {"name": "jsonl"}])

    assert len({first.identity, second.identity, plain.identity}) == 3
    assert plain.identity == "jsonl"


def test_the_same_options_keep_their_cursor():
    assert load("jsonl", {"path": "a"}).identity == load("jsonl", {"path": "a"}).identity
