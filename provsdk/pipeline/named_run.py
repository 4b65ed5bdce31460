"""Runs a program as one output: `python -m provsdk.pipeline.named_run NAME script|module|code TARGET ARGUMENTS…`.

The output begins before the program's first line and ends with its main code; what it raises is raised on. Its status
follows the exit: completed, failed where an exception ended it or the exit code is not 0, cancelled where it was
interrupted. What a signal kills leaves no record. Neither the command line nor what it prints is recorded.
"""

from __future__ import annotations

import os
import pkgutil
import runpy
import sys
from importlib import import_module
from importlib.machinery import SourceFileLoader
from types import ModuleType, TracebackType

from provsdk.capture.decorators import traced_output

__all__ = ["ExitCode", "run"]


class ExitCode(Exception):
    """The program ended by itself with an exit code that is not 0."""


def run(name: str, kind: str, target: str, arguments: list[str]) -> None:
    """Runs the program.

    Args:
        name: of the output.
        kind: `script`, `module` or `code`.
        target: path of the script, name of the module, or the code itself.
        arguments: what the program finds after its own name in `sys.argv`.

    Raises:
        BaseException: whatever the program raises; its exit among them.
    """
    asked: SystemExit | None = None
    sys.excepthook = _complain
    try:
        with traced_output(name):
            try:
                _program(kind, target, arguments)
            except SystemExit as error:
                asked = error
                if error.code not in {None, 0}:
                    raise ExitCode from None
    except ExitCode:
        if asked is None:  # the program's own, by some chance
            raise
    if asked is not None:
        raise asked


def _program(kind: str, target: str, arguments: list[str]) -> None:
    """Does what the interpreter would have done: arguments, path and `__main__` are what the program expects."""
    sys.argv[:] = ["-c" if kind == "code" else target, *arguments]
    if kind == "module":
        runpy.run_module(target, run_name="__main__", alter_sys=True)  # -m has put the working directory on the path
    elif kind == "script" and pkgutil.get_importer(target) is not None:  # a directory or an archive with a __main__.py
        _first_on_path(target)
        runpy.run_path(target, run_name="__main__")
    elif kind == "script":
        _first_on_path(os.path.dirname(os.path.realpath(target)))  # noqa: PTH120 as Python does
        _script(os.path.join(os.getcwd(), target))  # noqa: PTH109, PTH118 not normalised, as Python does
    else:
        _first_on_path("")
        exec(compile(target, "<string>", "exec"), vars(_main()))  # noqa: S102 the user's own `python -c`


def _script(path: str) -> None:
    loader = SourceFileLoader("__main__", path)
    main = _main()
    main.__file__, main.__loader__, main.__dict__["__cached__"] = path, loader, None
    exec(loader.source_to_code(loader.get_data(path), path), vars(main))  # noqa: S102 the user's own program


def _main() -> ModuleType:
    main = sys.modules["__main__"] = ModuleType("__main__")
    main.__dict__["__builtins__"] = sys.modules["builtins"]
    return main


def _complain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An uncaught exception is shown as without us: the program's frames come first."""
    while trace is not None and _is_ours(trace):
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


def _is_ours(trace: TracebackType) -> bool:
    return trace.tb_frame.f_code.co_filename in {__file__, runpy.__file__, "<frozen runpy>"}


def _first_on_path(directory: str) -> None:
    if not sys.flags.safe_path:
        sys.path[0] = directory


if __name__ == "__main__":
    # Under its own name: this module is about to lose the name that it runs under to the program.
    import_module("provsdk.pipeline.named_run").run(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
