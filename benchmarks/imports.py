"""What an import costs a program that has not decided yet whether it traces anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from _figures import Figure

__all__ = ["import_times"]

_TIMED = "import time; {before}\nstart = time.perf_counter(); {imported}\nprint(time.perf_counter() - start)"


def import_times(directory: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 one switch for all benchmarks
    """Milliseconds over what was imported before; the best of several new interpreters."""
    rounds = 7 if quick else 25
    found = []
    for imported, before in (
        ("import provsdk", ""),
        ("from provsdk import traced_output", "import opentelemetry.trace, wrapt"),
    ):
        code = _TIMED.format(before=before, imported=imported)
        best = min(_run(code, directory) for _ in range(rounds))
        over = f"over {before.removeprefix('import ').replace(', ', ' and ') or 'an empty interpreter'}"
        found.append(Figure(imported, best * 1e3, "ms", 15.0, over))
    return found


def _run(code: str, directory: Path) -> float:
    # Compiled modules, as an installed package has them, whatever the environment says about writing them.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(directory / "pycache")
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=directory, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)
