"""What `pip install provsdk` brings."""

import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytest.importorskip("hatchling", reason="builds the wheel")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    with zipfile.ZipFile(next(directory.glob("*.whl"))) as archive:
        yield archive


def test_it_holds_the_package_its_types_and_its_licence_and_nothing_else(wheel):
    names = wheel.namelist()
    tops = {name.partition("/")[0] for name in names}

    assert tops == {"provsdk", next(top for top in tops if top.endswith(".dist-info"))}
    assert "provsdk/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert sorted(name for name in names if name.startswith("provsdk/") and name.endswith(".py")) == sorted(
        str(path.relative_to(ROOT)) for path in (ROOT / "provsdk").rglob("*.py")
    )


def test_it_names_the_command_the_exporters_and_the_pytest_plugin(wheel):
    entry_points = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    text = wheel.read(entry_points).decode()

    assert "provsdk = provsdk.cli:main" in text
    assert "jsonl = provsdk.export.jsonl:JsonlExporter" in text
    assert "provsdk = provsdk.pipeline.zero_code:ProvsdkExporter" in text
    assert "provsdk = provsdk.pytest_plugin" in text


def test_its_version_is_the_package_s(wheel):
    import provsdk

    metadata = next(name for name in wheel.namelist() if name.endswith("METADATA"))

    assert message_from_string(wheel.read(metadata).decode())["Version"] == provsdk.__version__
