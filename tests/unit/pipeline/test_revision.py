"""Which revision of the code runs, read from a real repository, within a bound, without running anything of it."""

import contextlib
import os
import shutil
import subprocess
import sys
import time

import pytest

from provsdk.pipeline import _revision
from provsdk.pipeline._revision import revision, revision_in

pytestmark = pytest.mark.needs("git")

COMMIT, MODIFIED = "vcs.ref.head.revision", "vcs.modified"


def git(directory, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    named = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    command = ["git", *named, "-C", str(directory), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "project"
    (root / "app").mkdir(parents=True)
    git(tmp_path, "init", "-q", str(root))
    (root / "app" / "answers.py").write_text("one\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    return root


def patient(start):
    """As `revision_in`, for a machine that has a lot to do."""
    return revision_in(start, wait_s=60)


def test_a_clean_repository_is_its_commit(repository):
    assert patient(repository / "app") == {COMMIT: git(repository, "rev-parse", "HEAD"), MODIFIED: "false"}


def test_a_changed_file_is_told(repository):
    (repository / "app" / "answers.py").write_text("two\n")
    assert patient(repository)[MODIFIED] == "true"


def test_a_staged_change_is_told(repository):
    (repository / "app" / "answers.py").write_text("two\n")
    git(repository, "add", "-A")
    assert patient(repository)[MODIFIED] == "true"


def test_a_file_that_was_only_touched_is_no_change(repository):
    os.utime(repository / "app" / "answers.py", (1, 1))
    assert patient(repository)[MODIFIED] == "false"


def test_files_that_git_does_not_know_are_no_change(repository):
    (repository / "notes.txt").write_text("mine")
    assert patient(repository)[MODIFIED] == "false"


@pytest.mark.parametrize("arrange", ["packed", "detached", "linked"])
def test_wherever_git_keeps_the_commit_it_is_found_without_git(repository, arrange, monkeypatch):
    commit, place = git(repository, "rev-parse", "HEAD"), repository
    if arrange == "packed":
        git(repository, "pack-refs", "--all")
    elif arrange == "detached":
        git(repository, "checkout", "-q", "--detach")
    else:
        place = repository.parent / "linked"
        git(repository, "worktree", "add", "-q", "-b", "other", str(place))
    monkeypatch.setattr(shutil, "which", lambda name: None)

    assert revision_in(place) == {COMMIT: commit, MODIFIED: "unknown"}


def test_outside_any_repository_nothing_is_known(tmp_path):
    assert revision_in(tmp_path) == {}


def test_a_repository_without_a_commit_has_no_revision(tmp_path):
    git(tmp_path, "init", "-q", str(tmp_path))
    assert patient(tmp_path) == {}


def test_damaged_files_of_git_are_no_revision(tmp_path):
    for name, text in [("HEAD", "ref: ../../secret"), ("HEAD", "nonsense"), ("HEAD", "ref: refs/heads/none")]:
        (tmp_path / ".git").mkdir(exist_ok=True)
        (tmp_path / ".git" / name).write_text(text)
        assert patient(tmp_path) == {}


def test_a_pipe_in_place_of_a_file_of_git_is_not_waited_for(tmp_path):
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".git" / "HEAD")
    assert revision_in(tmp_path, wait_s=0.1) == {}


def test_nothing_is_fetched_for_a_repository_that_was_cloned_in_part(repository, tmp_path):
    ran = tmp_path / "ran"
    commit = git(repository, "rev-parse", "HEAD")
    for name, value in {
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::sh -c touch% {ran}",
        "protocol.ext.allow": "always",
    }.items():
        git(repository, "config", name, value)
    shutil.rmtree(repository / ".git" / "objects")
    (repository / ".git" / "objects").mkdir()

    assert patient(repository) == {COMMIT: commit, MODIFIED: "unknown"}

    assert not ran.exists()
    with contextlib.suppress(subprocess.CalledProcessError):
        git(repository, "status")
    assert ran.exists(), "this repository does have something fetched where git is let"


def test_nothing_of_the_repository_is_run(repository, tmp_path):
    """A repository may say by its configuration what git runs: hooks, and a monitor of the file system."""
    ran = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >> {ran}\n')
    script.chmod(0o755)
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        shutil.copy(script, repository / ".git" / "hooks" / hook)
    git(repository, "config", "core.fsmonitor", str(script))
    os.utime(repository / "app" / "answers.py", (1, 1))

    assert patient(repository)[MODIFIED] == "false"

    assert not ran.exists()
    git(repository, "status")
    assert ran.exists(), "this repository does run something where it is let"


def test_the_index_is_left_as_it_is(repository):
    os.utime(repository / "app" / "answers.py", (1, 1))
    before = (repository / ".git" / "index").read_bytes()
    patient(repository)
    assert (repository / ".git" / "index").read_bytes() == before


def test_a_git_that_takes_too_long_is_stopped_and_the_answer_is_unknown(repository, tmp_path, monkeypatch):
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nsleep 60\n")  # its child keeps the output open when it is gone
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    commit = (repository / ".git" / "refs" / "heads" / "main").read_text().strip()

    began = time.monotonic()
    assert revision_in(repository, wait_s=0.1) == {COMMIT: commit, MODIFIED: "unknown"}
    assert time.monotonic() - began < 30


def test_an_environment_of_git_itself_is_not_passed_on(repository, tmp_path, monkeypatch):
    """A program that a hook of another repository starts has `GIT_DIR` set."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert patient(repository)[MODIFIED] == "false"


@pytest.mark.parametrize("variable", ["GIT_COMMIT", "HEROKU_SLUG_COMMIT", "SOURCE_COMMIT"])
def test_without_a_repository_the_platform_may_say_it(tmp_path, monkeypatch, variable):
    monkeypatch.setattr(_revision, "_start", lambda: tmp_path)
    assert revision({variable: "AB" * 20}) == {COMMIT: "ab" * 20}
    assert revision({variable: "main"}) == {}
    assert revision({}) == {}


def test_a_program_is_looked_for_where_its_script_lies(repository, tmp_path, monkeypatch):
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "__file__", str(repository / "app" / "answers.py"), raising=False)
    assert _revision._start() == repository / "app"
    monkeypatch.setattr(main, "__file__", f"{sys.prefix}/bin/uvicorn")
    monkeypatch.chdir(tmp_path)
    assert _revision._start() == tmp_path


def test_a_sealed_record_names_the_commit_and_what_was_changed_since(repository):
    program = repository / "app" / "program.py"
    program.write_text(
        "import provsdk, provsdk.ask\n"
        "from provsdk.pipeline._revision import revision_in\n"
        "revision_in.__defaults__ = (60.0,)  # as `patient`\n"
        "provsdk.configure()\n"
        "provsdk.traced_output('answer')(lambda: 'yes')()\n"
        "provsdk.shutdown()\n"
        "with provsdk.ask.open_log() as log:\n"
        "    found = log.record('@latest').environment\n"
        f"print(found['{COMMIT}'], found['{MODIFIED}'])\n"
    )
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "two")

    def told():
        done = subprocess.run(
            [sys.executable, program], cwd=repository.parent, check=True, capture_output=True, text=True
        )
        return done.stdout.split()

    commit = git(repository, "rev-parse", "HEAD")
    assert told() == [commit, "false"]
    (repository / "app" / "answers.py").write_text("two\n")
    assert told() == [commit, "true"]
