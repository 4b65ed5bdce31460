"""A record says what the process was: worked out once, the same for all records of a function, no names of people."""

import getpass
import os
import platform
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

import provsdk
from provsdk import traced_output, traced_source, traced_transform
from provsdk.capture._code import number_of
from provsdk.pipeline import _environment
from provsdk.pipeline._environment import Environment
from provsdk.pipeline._functions import function_digest
from provsdk.testing import captured_records

COMMIT = "ab" * 20


@traced_source
def load():
    return "a sentence that is long enough to link something"


@traced_transform
def shorten(text):
    return text[:40]


@traced_output
def answer():
    return shorten(load())


@traced_output
def other():
    return 1


@pytest.fixture
def found(monkeypatch):
    """What is found in the process, in place of the repository that these tests lie in."""
    monkeypatch.setattr(_environment, "_revision", lambda: {"vcs.ref.head.revision": COMMIT, "vcs.modified": "true"})


def now(service=None, functions=(), **resource):
    return Environment(service, lambda: resource).now(functions)


def test_the_process_says_what_it_runs_on(found):
    said = now("desk")
    assert said["service.name"] == "desk"
    assert said["process.runtime.version"] == platform.python_version()
    assert said["provsdk.version"] == provsdk.__version__
    assert (said["vcs.ref.head.revision"], said["vcs.modified"]) == (COMMIT, "true")


def test_what_the_resource_says_goes_before_what_is_found(found):
    stated = {
        "vcs.ref.head.revision": "cd" * 20,
        "service.name": "said",
        "container.image.repo_digests": ("a@1", "b@2"),
    }
    said = now(None, **stated)
    assert said["service.name"] == "said"
    assert said["vcs.ref.head.revision"] == "cd" * 20
    assert "vcs.modified" not in said, "of another revision"
    assert said["container.image.repo_digests"] == "a@1, b@2"


def test_the_container_image_is_in_the_record(monkeypatch):
    monkeypatch.setenv("CONTAINER_IMAGE", "registry.example/desk:1.4")
    _environment._fixed.cache_clear()
    try:
        with captured_records() as made:
            other()
        assert made[0].environment["container.image.name"] == "registry.example/desk:1.4"
    finally:
        _environment._fixed.cache_clear()


def test_what_does_not_change_is_found_out_once_in_a_process():
    assert _environment._fixed() is _environment._fixed()


def test_git_is_not_asked_where_the_resource_names_the_revision(monkeypatch):
    monkeypatch.setattr(_environment, "_revision", lambda: pytest.fail("asked"))
    now(None, **{"vcs.ref.head.revision": COMMIT})


PROGRAM = """
import sys, provsdk
from pathlib import Path
from provsdk import traced_output
from provsdk.pipeline._environment import Environment

@traced_output
def answer():
    return 1

def told(when):
    asked = Path(sys.argv[1])
    print(when, len(asked.read_text().splitlines()) if asked.exists() else 0)

environments = [Environment("desk", dict) for _ in range(5)]
told("made")
provsdk.configure()
told("the process is in the log")
for _ in range(20):
    answer()
for environment in environments:
    assert environment.now()["vcs.modified"] == "false"
provsdk.shutdown()
provsdk.configure()
answer()
told("configured again")
"""


@pytest.fixture
def program(tmp_path):
    """Runs a program that lies in a repository, with a git that notes what it is asked; answers what that says."""
    root, noting, asked = tmp_path / "project", tmp_path / "bin" / "git", tmp_path / "asked"
    root.mkdir()
    (root / "program.py").write_text(PROGRAM)
    git = shutil.which("git")
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "a"],
    ):
        subprocess.run([git, "-C", root, *command], check=True)
    noting.parent.mkdir()
    noting.write_text(f'#!/bin/sh\necho "$*" >> "{asked}"\nexec "{git}" "$@"\n')
    noting.chmod(0o755)
    environment = {**os.environ, "PATH": f"{noting.parent}{os.pathsep}{os.environ['PATH']}"}

    def run():
        command = [sys.executable, root / "program.py", asked]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())

    return run


@pytest.mark.needs("git")
def test_git_is_asked_once_in_a_process_and_not_before_something_has_to_say_what_it_is(program):
    assert program() == {"made": "0", "the process is in the log": "1", "configured again": "1"}


def test_nobodys_name_is_in_it():
    said = " ".join(f"{name} {value}" for name, value in now("desk").items()).split()
    assert socket.gethostname() not in said
    assert getpass.getuser() not in said


def test_it_is_one_mapping_as_long_as_nothing_changes(found):
    attributes = {"service.name": "a"}
    environment = Environment(None, lambda: attributes)
    number = number_of(load)
    assert environment.now((number,)) is environment.now((number,))
    attributes = {"service.name": "b"}
    assert environment.now((number,))["service.name"] == "b"


def test_many_environments_are_not_kept_for_ever(found):
    attributes = {}
    environment = Environment(None, lambda: attributes)
    for number in range(3 * _environment.MAX_KEPT):
        environment.now((number,))
    assert len(environment._kept) <= _environment.MAX_KEPT + 1


def test_functions_beyond_the_bound_are_counted(found):
    more = _environment.MAX_FUNCTIONS + 7
    assert now("desk", range(more))["code"] == "and 7 more"


def test_a_record_names_the_functions_that_were_at_work_with_their_digests():
    with captured_records() as records:
        answer()
        other()
    code = [{k: v for k, v in one.environment.items() if k.startswith("code.")} for one in records]
    assert code[0] == {f"code.{name}": digest for name, digest in map(digest_of, (answer, load, shorten))}
    assert code[1] == {f"code.{name}": digest for name, digest in [digest_of(other)]}


def digest_of(function):
    return function_digest(number_of(function.__wrapped__))


def test_an_installed_functions_package_takes_part():
    import rich

    with captured_records() as records:
        traced_output("printed")(rich.get_console)()
    assert "package.rich" in records[0].environment
    assert "code.rich.get_console" in records[0].environment


def test_a_store_holds_each_environment_once(tmp_path):
    with captured_records(store=tmp_path / "store"):
        for _ in range(20):
            answer()
            other()
    with closing(sqlite3.connect(tmp_path / "store" / "log.db")) as connection:
        assert connection.execute("SELECT count(*) FROM shared").fetchone() == (2,)


def test_a_store_holds_it_once_for_all_runs_that_are_alike(tmp_path):
    for _ in range(3):
        provsdk.configure(store=tmp_path / "store")
        other()
        provsdk.shutdown()
    with closing(sqlite3.connect(tmp_path / "store" / "log.db")) as connection:
        assert connection.execute("SELECT count(*) FROM shared").fetchone() == (1,)


def test_a_protected_record_names_its_functions_too():
    with captured_records(classification="confidential") as records:
        answer()
    assert f"code.{__name__}.load" in records[0].environment


def test_an_environment_that_cannot_be_found_out_costs_no_record(monkeypatch, caplog):
    def fails(_number):
        raise RuntimeError("secret words")

    monkeypatch.setattr(_environment, "function_digest", fails)
    with captured_records() as records:
        answer()
    assert [record.output.status for record in records] == ["completed"]
    assert "process.runtime.version" in records[0].environment
    assert "could not find out the environment (RuntimeError)" in caplog.text
    assert "secret" not in caplog.text
