"""Which revision of the code runs, and whether it was changed since: from the git repository that the program lies in.

The revision is read from git's files. Whether something was changed only git itself can tell: it is asked once, with no
hook, no monitor and no lock, for no longer than `WAIT_S`; where it does not answer, the answer is `unknown`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["WAIT_S", "revision", "revision_in"]

WAIT_S: Final = 1.0
"""Seconds that git gets; a repository that takes longer is `unknown`."""

STOP_S: Final = 0.2

MAX_LEVELS: Final = 64
MAX_REFS_BYTES: Final = 16 * 1024 * 1024

MODIFIED: Final = "vcs.modified"
REVISION: Final = "vcs.ref.head.revision"

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

_FROM_PLATFORM: Final = (
    "GIT_COMMIT",
    "SOURCE_COMMIT",
    "HEROKU_SLUG_COMMIT",
    "RENDER_GIT_COMMIT",
    "VERCEL_GIT_COMMIT_SHA",
    "RAILWAY_GIT_COMMIT_SHA",
)
"""Variables by which builds and platforms say which commit they deployed, where no repository comes along."""

_GIT: Final = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "protocol.allow=never")
"""No protocol: where a repository was cloned in part, git would fetch what it lacks."""
_STATUS: Final = ("status", "--porcelain=v2", "--branch", "--untracked-files=no", "--ignore-submodules=dirty")


def revision(environ: Mapping[str, str]) -> dict[str, str]:
    """The revision of the running program: of its repository, else what its platform says; nothing where neither is."""
    found = revision_in(_start())
    if found:
        return found
    for variable in _FROM_PLATFORM:
        said = environ.get(variable, "").strip().lower()
        if _COMMIT.fullmatch(said):
            return {REVISION: said}
    return {}


def _start() -> Path:
    """Where the program lies: the main script, unless that was installed with Python; else the working directory."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script is not None:
        path = Path(script).absolute()
        if not any(path.is_relative_to(prefix) for prefix in {sys.prefix, sys.base_prefix}):
            return path.parent
    return Path(os.curdir).absolute()


def revision_in(start: Path, wait_s: float = WAIT_S) -> dict[str, str]:
    """The revision of the repository that `start` lies in; nothing where it lies in none.

    Args:
        start: a directory.
        wait_s: seconds that git gets to say whether something was changed.
    """
    try:
        found = _repository(start)
        if found is None:
            return {}
        root, git_dir = found
        commit = _head(git_dir)
    except (OSError, ValueError):
        return {}
    told, modified = _ask_git(root, wait_s)
    commit = told or commit
    return {} if commit is None else {REVISION: commit, MODIFIED: modified}


def _repository(start: Path) -> tuple[Path, Path] | None:
    """The work tree that `start` lies in, and git's directory of it."""
    for directory, _ in zip((start, *start.parents), range(MAX_LEVELS), strict=False):
        dot_git = directory / ".git"
        if dot_git.is_dir():
            return directory, dot_git
        if dot_git.is_file():
            text = _short(dot_git)
            if text.startswith("gitdir:"):
                return directory, directory / text.removeprefix("gitdir:").strip()
    return None


def _head(git_dir: Path) -> str | None:
    """The commit that HEAD is at."""
    head = _short(git_dir / "HEAD")
    if not head.startswith("ref:"):
        return head if _COMMIT.fullmatch(head) else None
    ref = head.removeprefix("ref:").strip()
    if not ref.startswith("refs/") or ".." in ref:
        return None
    common = git_dir
    if (git_dir / "commondir").is_file():  # of a linked work tree
        common = git_dir / _short(git_dir / "commondir")
    for place in (git_dir, common):
        if (place / ref).is_file():
            commit = _short(place / ref)
            return commit if _COMMIT.fullmatch(commit) else None
    return _packed(common / "packed-refs", ref)


def _packed(path: Path, ref: str) -> str | None:
    if not path.is_file() or path.stat().st_size > MAX_REFS_BYTES:
        return None
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        commit, _, name = line.partition(" ")
        if name == ref and _COMMIT.fullmatch(commit):
            return commit
    return None


def _short(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(path)  # a pipe would have its reader wait
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(4_096).strip()


def _ask_git(root: Path, wait_s: float) -> tuple[str | None, str]:
    """The commit, and `true`, `false` or `unknown`: whether a tracked file differs from it."""
    git = shutil.which("git")
    if git is None:
        return None, "unknown"
    said = _output([git, *_GIT, "-C", str(root), *_STATUS], wait_s)
    lines = said.splitlines()
    told = next((line.removeprefix("# branch.oid ") for line in lines if line.startswith("# branch.oid ")), "")
    if not _COMMIT.fullmatch(told):
        return None, "unknown"  # it failed, was stopped, or there is no commit yet
    return told, str(any(not line.startswith("#") for line in lines)).lower()


def _output(command: list[str], wait_s: float) -> str:
    """What the command says; nothing where it fails or takes too long."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    environment |= {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1"}
    null = subprocess.DEVNULL
    try:
        process = subprocess.Popen(  # noqa: S603 git
            command, stdin=null, stdout=subprocess.PIPE, stderr=null, env=environment, start_new_session=True
        )
    except OSError:
        return ""
    try:
        said, _ = process.communicate(timeout=wait_s)
    except subprocess.TimeoutExpired:
        _stop(process)
        return ""
    return said.decode("utf-8", "replace") if process.returncode == 0 else ""


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends it without waiting for what it started, which may keep its output open."""
    try:
        os.killpg(process.pid, signal.SIGKILL)  # what it started too: a filter of the repository may run on
    except (AttributeError, OSError):  # no such groups here, or it has just ended
        process.kill()
    try:
        process.communicate(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        if process.stdout is not None:
            process.stdout.close()
        process.poll()
