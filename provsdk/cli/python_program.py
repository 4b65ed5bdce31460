"""What a command line runs, where that is a Python program: by an interpreter's options, or a script's first lines."""

import re
from pathlib import Path
from shutil import which
from typing import Final, NamedTuple

from provsdk.errors import UsageError

__all__ = ["PythonProgram", "python_program"]

_INTERPRETER: Final = re.compile(r"(python|pypy)[\d.]*[a-z]{0,2}(\.exe)?")
_SHEBANG: Final = re.compile(rb"#!\s*(\S+)(?:[ \t]+(.*?))?\s*$")
_LONG_SHEBANG: Final = re.compile(rb"'''exec' [\"']?(.+?)[\"']? \"\$0\"")
"""What pip writes on the second line where a path is too long for the first."""

_TAKES_A_VALUE: Final = "WX"
_IGNORES_THE_PATH: Final = "IES"


class PythonProgram(NamedTuple):
    """An interpreter with its options, and what it runs."""

    interpreter: str
    options: tuple[str, ...]
    kind: str
    """`script`, `module`, `code`, or `interactive` where it reads what to do from its input."""
    target: str
    arguments: tuple[str, ...]

    def as_named_run(self, name: str) -> list[str]:
        """The command line that runs the same as one output.

        Raises:
            UsageError: nothing is named that could be run.
        """
        if self.kind == "interactive":
            raise UsageError("--name: a Python that reads its program from the input cannot be one output")
        runner = ["-m", "provsdk.pipeline.named_run", name, self.kind, self.target]
        return [self.interpreter, *self.options, *runner, *self.arguments]


def python_program(path: str, argv: list[str]) -> PythonProgram | None:
    """The Python program that a command line runs; None where it is another kind of program.

    Args:
        path: of the program, as it was found.
        argv: the command line, beginning with the program.

    Raises:
        UsageError: the interpreter is told to ignore its environment, or the script does not exist.
    """
    if _INTERPRETER.fullmatch(Path(path).name):
        return _of_options(path, argv[1:])
    found = _of_script(path)
    if found is None:
        return None
    interpreter, *options = found
    return _of_options(interpreter, [*options, path, *argv[1:]])


def _of_options(interpreter: str, words: list[str]) -> PythonProgram:
    options: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word.startswith("--"):
            options.append(word)
            if word == "--check-hash-based-pycs" and rest:
                options.append(rest.pop(0))
            continue
        found = _of_letters(word, rest, options)
        if found is not None:
            return PythonProgram(interpreter, tuple(options), *found, tuple(rest))
    if not rest or rest[0] == "-":
        return PythonProgram(interpreter, tuple(options), "interactive", "", tuple(rest))
    script = rest.pop(0)
    if not Path(script).exists():
        raise UsageError(f"{script}: there is no such file to run")
    return PythonProgram(interpreter, tuple(options), "script", script, tuple(rest))


def _of_letters(word: str, rest: list[str], options: list[str]) -> tuple[str, str] | None:
    """What `-m` or `-c` in a group of options runs; else the group goes to `options`, with its value."""
    for position, letter in enumerate(word[1:], 1):
        value = word[position + 1 :]
        if letter in _IGNORES_THE_PATH:
            raise UsageError(f"python {word}: ignores PYTHONPATH or start-up code, by which capture is switched on")
        if letter in "mc" and (value or rest):
            if position > 1:
                options.append(word[:position])
            return ("module" if letter == "m" else "code"), value or rest.pop(0)
        if letter in _TAKES_A_VALUE:
            options.append(word)
            if not value and rest:
                options.append(rest.pop(0))
            return None
    options.append(word)
    return None


def _of_script(path: str) -> list[str] | None:
    """The interpreter and options of a script's first line, where that is a Python."""
    try:
        with Path(path).open("rb") as file:
            first, second = file.readline(1024), file.readline(1024)
    except OSError:
        return None
    line = _SHEBANG.match(first)
    if line is None:
        return None
    named = [line[1].decode(errors="replace"), *(line[2] or b"").decode(errors="replace").split()]
    if Path(named[0]).name == "sh" and (long := _LONG_SHEBANG.match(second)):
        named = [long[1].decode(errors="replace")]
    if Path(named[0]).name == "env" and len(named) > 1:
        named = named[1:] if named[1] != "-S" else named[2:]
    interpreter = which(named[0]) if named else None
    if interpreter is None or not _INTERPRETER.fullmatch(Path(interpreter).name):
        return None
    return [interpreter, *named[1:]]
