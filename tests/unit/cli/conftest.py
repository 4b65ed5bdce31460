"""A project directory of its own for every test, and a store in it with real records."""

import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from provsdk.cli.app import cli

sys.path.insert(0, str(Path(__file__).parents[2] / "fakes" / "records"))


@pytest.fixture(scope="session")
def build():
    from record_builder import Build

    return Build


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A project directory as the working directory, and keys and state elsewhere; nothing of the tester's own."""
    for name in [name for name in os.environ if name.startswith(("PROVSDK_", "OTEL_", "XDG_"))]:
        monkeypatch.delenv(name)
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(project)
    return project


@pytest.fixture
def opened(home):
    """Opens the project's store as a program would."""
    from provsdk.config import load
    from provsdk.store.open import open_store

    logs = []

    def open_(**options):
        config = load({}, os.environ, Path.cwd())
        log = open_store(
            config.store,
            **{"keys": config.keys, "state": config.state, "origin": "example.org/support", "create": True} | options,
        )
        logs.append(log)
        return log

    yield open_
    for log in logs:
        log.close()


@pytest.fixture
def seal(opened):
    """Seals records, as the pipeline does."""
    from provsdk.records.parts import split
    from provsdk.store.contract import Draft

    def seal(*records):
        log = opened()
        drafts = [
            Draft(
                kind="record.sealed",
                key=f"record/{record.record_id}/0",
                actor="emi_0001",
                subject=record.record_id,
                time=record.generated_at,
                parts=split(record),
                protected=record.permissions.encryption_required,
                record=record,
            )
            for record in records
        ]
        log.append(drafts, timeout=5.0)
        log.close()

    return seal


@pytest.fixture
def numbered(build):
    """Records that differ in their trace, one second apart."""

    def numbered(number, **changes):
        trace = f"{number:08x}" + "0" * 23 + "1"
        record = build.record()
        out = f"out_{trace}-00f067aa0ba902b7"
        facts = {
            "record_id": out.replace("out_", "rec_"),
            "trace": build.changed(record.trace, trace_id=trace),
            "output": build.changed(record.output, output_id=out, name=f"answer-{number}"),
            "flow": [build.changed(edge, from_=out) if edge.from_ == build.out else edge for edge in record.flow],
            "generated_at": build.at(number * 1_000_000),
        }
        return build.record(**facts | changes)

    return numbered


@pytest.fixture
def run(home):
    """Runs the command line; stdout and stderr apart."""

    def run(*arguments, code=0):
        result = CliRunner().invoke(cli, list(arguments), prog_name="provsdk")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert code is None or result.exit_code == code, result.output
        return result

    return run
