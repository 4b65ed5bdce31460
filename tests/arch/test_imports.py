"""docs/architecture.md says who may import whom; this holds the code to it."""

import graphlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("arch_table", Path(__file__).with_name("_table.py"))
table = importlib.util.module_from_spec(_spec)
sys.modules["arch_table"] = table
_spec.loader.exec_module(table)

ROOMS = table.rooms()
ROOM_OF = {module: room for room in ROOMS for module in room.modules}
NAMED = {name: room for room in ROOMS for name in room.names}


def room_of(module):
    return ROOM_OF[module.partition(".")[0]]


def allowed(one):
    room = room_of(one.importer)
    besides = table.exceptions().get(one.importer, frozenset())
    if not one.own:
        return one.imported in room.libraries | besides
    target = one.imported.partition(".")[0]
    if target == one.importer.partition(".")[0]:
        return True
    return any(target in NAMED[name].modules for name in (room.may_import | besides) if name in NAMED)


def test_every_module_has_a_room_and_every_room_is_there():
    tops = {module.partition(".")[0] for module in table.modules()}

    assert tops == set(ROOM_OF)


def test_the_table_names_only_rooms_that_it_has():
    named = {name for room in ROOMS for name in room.may_import}

    assert named <= NAMED.keys()


def test_every_import_goes_in_an_allowed_direction():
    wrong = [one for one in table.imports() if not allowed(one)]

    assert wrong == [], "\n".join(f"provsdk.{one.importer}, line {one.line}: imports {one.imported}" for one in wrong)


def test_every_exception_is_needed():
    needed = {(one.importer, one.imported.partition(".")[0]) for one in table.imports()}

    unneeded = [
        (module, what) for module, whats in table.exceptions().items() for what in whats if (module, what) not in needed
    ]

    assert unneeded == []


def test_capture_imports_neither_the_sdk_nor_what_comes_after_it():
    """Said once more without the table: this is the promise that everything else leans on."""
    after = {"records", "assembly", "ledger", "store", "export", "report", "cli"}
    found = {one.imported for one in table.imports() if one.importer.partition(".")[0] == "capture"}

    assert not {name for name in found if name.partition(".")[0] in after or name == "opentelemetry-sdk"}


def test_loading_modules_never_goes_in_a_circle():
    graph = {module: set() for module in table.modules()}
    for one in table.imports():
        if one.own and one.at_once and one.imported != "__init__":
            graph[one.importer].add(one.imported)

    assert circle(graph) == []


def circle(graph):
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import provsdk", ["provsdk.capture", "opentelemetry", "wrapt", "msgspec", "click"]),
        (
            "from provsdk import traced_output",
            [
                "opentelemetry.sdk",
                "msgspec",
                "cryptography",
                "click",
                "rich",
                "sqlite3",
                "provsdk.records",
                "provsdk.store",
                "provsdk.digest",
                "provsdk.capture._session",
            ],
        ),
        ("import provsdk.cli", ["click", "rich", "provsdk.store", "provsdk.pipeline"]),
        ("import provsdk.testing", ["pytest", "opentelemetry.sdk", "provsdk.capture", "provsdk.store"]),
        ("import provsdk.pytest_plugin", ["opentelemetry.sdk", "provsdk.capture", "provsdk.store"]),
    ],
)
def test_the_door_is_lazy(statement, absent):
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()

    assert [name for name in absent if name in loaded] == []


def test_the_door_names_what_it_gives():
    """Every public name can be fetched, `__all__` is sorted, and nothing else is promised."""
    import provsdk

    assert provsdk.__all__ == sorted(provsdk.__all__)
    assert set(dir(provsdk)) == {*provsdk.__all__, "__version__"}
    for name in provsdk.__all__:
        assert getattr(provsdk, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'traced_outputs'"):
        _ = provsdk.traced_outputs
