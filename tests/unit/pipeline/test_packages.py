"""Which packages take part, and in which version, found without a list of everything that is installed."""

import sys
from importlib import metadata
from types import ModuleType

import pytest

from provsdk.pipeline import _packages
from provsdk.pipeline._packages import Packages


@pytest.fixture
def only(monkeypatch):
    """Nothing that is known counts as loaded but what the test says."""
    for name in list(sys.modules):
        if name in _packages._KNOWN or name in _packages._INSTRUMENTATIONS:
            monkeypatch.delitem(sys.modules, name)

    def load(*names):
        for name in names:
            monkeypatch.setitem(sys.modules, name, ModuleType(name))

    return load


def test_a_client_counts_from_when_it_is_loaded(only):
    packages = Packages()
    assert packages.now() == {}
    only("openai")
    assert packages.now() == {"openai": metadata.version("openai")}


def test_the_same_mapping_is_given_as_long_as_nothing_joins(only):
    packages = Packages()
    only("openai")
    first = packages.now()
    only("something_else")
    assert packages.now() is first


def test_nothing_is_looked_up_while_no_module_is_loaded(only, monkeypatch):
    packages = Packages()
    only("openai")
    packages.now()
    monkeypatch.setattr(packages, "_look", lambda: pytest.fail("looked"))
    packages.now()


def test_an_instrumentation_is_found_by_its_module(only, monkeypatch):
    monkeypatch.setattr(_packages, "_version", {"opentelemetry-instrumentation-openai-v2": "2.1"}.get)
    package = ModuleType("opentelemetry.instrumentation")
    package.openai_v2 = ModuleType("opentelemetry.instrumentation.openai_v2")
    package.utils = ModuleType("opentelemetry.instrumentation.utils")
    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation", package)
    assert Packages().now() == {"opentelemetry-instrumentation-openai-v2": "2.1"}


def test_a_module_without_a_distribution_has_no_version(only):
    only("vllm")
    assert Packages().now() == {}


def test_a_traced_functions_module_is_named_by_its_distribution():
    import rich

    assert rich
    assert Packages().owner_of("rich.console") == ("rich", metadata.version("rich"))


def installed(monkeypatch, site, files, name, **written):
    """A distribution of that name with those files, importable from `site`."""
    info = site / f"{name}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    for file, text in written.items():
        (info / file.replace("_json", ".json").replace("_txt", ".txt")).write_text(text)
    for file in files:
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text("")
    monkeypatch.syspath_prepend(str(site))


def test_a_distribution_by_another_name_is_found_by_its_files(tmp_path, monkeypatch):
    installed(monkeypatch, tmp_path / "site-packages", ["desk_of_tests/__init__.py"], "acme-help")
    import desk_of_tests

    assert desk_of_tests
    assert Packages().owner_of("desk_of_tests.answers") == ("acme-help", "1.2")


def test_a_distribution_may_name_its_modules(tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    installed(monkeypatch, site, [], "acme-help-too", top_level_txt="other_desk_of_tests\n")
    (site / "other_desk_of_tests.py").write_text("")
    import other_desk_of_tests

    assert other_desk_of_tests
    assert Packages().owner_of("other_desk_of_tests") == ("acme-help-too", "1.2")


def test_an_editable_installation_is_the_distribution_of_its_directory(tmp_path, monkeypatch):
    source = tmp_path / "src"
    source.mkdir()
    (source / "edited_desk_of_tests.py").write_text("")
    said = f'{{"url": "{source.as_uri()}", "dir_info": {{"editable": true}}}}'
    installed(monkeypatch, tmp_path / "site-packages", [], "edited_desk_of_tests", direct_url_json=said)
    monkeypatch.syspath_prepend(str(source))
    import edited_desk_of_tests

    assert edited_desk_of_tests
    assert Packages().owner_of("edited_desk_of_tests") == ("edited_desk_of_tests", "1.2")


def test_a_module_of_the_project_is_not_taken_for_a_distribution_of_the_same_name(tmp_path, monkeypatch):
    installed(monkeypatch, tmp_path / "site-packages", [], "namesake_of_tests")
    (tmp_path / "namesake_of_tests.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    import namesake_of_tests

    assert namesake_of_tests
    assert Packages().owner_of("namesake_of_tests") is None


@pytest.mark.parametrize("module", ["__main__", "json.decoder", "no_such_module"])
def test_what_was_not_installed_has_no_distribution(module):
    assert Packages().owner_of(module) is None


def test_a_module_whose_import_is_forbidden_is_not_looked_into(only, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation", None)
    only("openai")
    assert Packages().now() == {"openai": metadata.version("openai")}


@pytest.mark.parametrize(
    ("name", "content"),
    [("top_level.txt", b"\xff\xfe"), ("RECORD", b"\xff\xfe"), ("METADATA", b"\xff\xfe"), ("direct_url.json", b"[1]")],
)
def test_what_an_installer_left_damaged_costs_nothing_but_itself(tmp_path, monkeypatch, name, content):
    site = tmp_path / "site-packages"
    for directory in ("deskbot-1.0.dist-info", "deskbot"):
        (site / directory).mkdir(parents=True)
    (site / "deskbot-1.0.dist-info" / name).write_bytes(content)
    module = ModuleType("deskbot_impl")
    module.__file__ = str(site / "deskbot_impl.py")
    monkeypatch.setitem(sys.modules, "deskbot_impl", module)
    monkeypatch.syspath_prepend(str(site))
    other = ModuleType("deskbot")
    other.__file__ = str(tmp_path / "elsewhere" / "deskbot.py")
    monkeypatch.setitem(sys.modules, "deskbot", other)

    packages = Packages()

    assert [packages.owner_of(one) for one in ("deskbot_impl", "deskbot")] == [None, None]
