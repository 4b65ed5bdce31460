"""Access logs that real servers wrote, beside the records of the outputs that they served."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("gunicorn", reason="gunicorn is not installed: pip install 'provsdk[dev]'")

APP = Path(__file__).with_name("streams_app.py")
GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "absence.md"

UVICORN = ["-m", "uvicorn", "{app}:app", "--port", "{port}"]
GUNICORN = ["-m", "gunicorn", "{app}:app", "--bind", "127.0.0.1:{port}", "--no-control-socket"]
LOGGED = {
    "uvicorn": [*UVICORN, "--log-config", "log.json"],
    "hypercorn": ["-m", "hypercorn", "{app}:app", "--bind", "127.0.0.1:{port}", "--access-logfile", "access.log"],
    "gunicorn": [*GUNICORN, "--worker-class", "asgi", "--access-logfile", "access.log"],
}
WITHOUT_TIMES = {
    "uvicorn": UVICORN,
    "gunicorn": [*GUNICORN, "--worker-class", "uvicorn_worker.UvicornWorker", "--access-logfile", "-"],
}


@pytest.fixture
def room(tmp_path):
    """Where servers write their logs; with the configuration for uvicorn that the guide shows."""
    room = tmp_path / "room"
    room.mkdir()
    (_, config), *_ = [part.split("\n", 1) for part in GUIDE.read_text().split("```") if part.startswith("json\n")]
    (room / "log.json").write_text(config)
    return room


@pytest.fixture
def three_outputs(served, get, room):
    """Has a server, which is given its command, make three outputs, and answer another request; then it ends."""

    def made(command):
        with served(APP, command, room) as port:
            for _ in range(3):
                get(port, "/lines", count=1)
            get(port, "/openapi.json")

    return made


@pytest.fixture
def reconcile(room):
    """What `provsdk reconcile` says of a file, and how it exits."""

    def reconcile(name, *options):
        command = [Path(sys.executable).with_name("provsdk"), "reconcile", "--against", name, *options]
        return subprocess.run(command, cwd=room, capture_output=True, text=True, timeout=60, check=False)

    return reconcile


@pytest.mark.parametrize("server", LOGGED)
def test_the_log_of_a_server_agrees_with_the_records_of_what_it_served(three_outputs, reconcile, server):
    three_outputs(LOGGED[server])

    done = reconcile("access.log", "--only", '"GET /lines', "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["format"], found["lines"], found["records"], found["left_out"]) == ("access-log", 3, 3, 1)


@pytest.mark.parametrize("server", LOGGED)
def test_a_line_that_no_output_was_recorded_for_is_found(three_outputs, reconcile, server):
    three_outputs(LOGGED[server])

    done = reconcile("access.log", "--json")

    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["without_record"] == 1


@pytest.mark.parametrize("server", WITHOUT_TIMES)
def test_a_log_without_times_is_refused_with_what_to_do(three_outputs, reconcile, server):
    three_outputs(WITHOUT_TIMES[server])

    done = reconcile("server.log", "--only", '"GET /lines')

    assert (done.returncode, done.stdout) == (3, "")
    assert "an access log without times" in done.stderr
    assert "--log-config" in done.stderr


def test_a_log_with_the_servers_own_messages_says_how_to_leave_them_out(three_outputs, reconcile):
    three_outputs([part.replace("access.log", "-") for part in LOGGED["hypercorn"]])

    done = reconcile("server.log")
    again = reconcile("server.log", "--only", '"GET /lines')

    assert (done.returncode, done.stdout) == (3, "")
    assert "server.log, line 1:" in done.stderr
    assert "--only REGEX leaves such lines out" in done.stderr
    assert again.returncode == 0, again.stderr
