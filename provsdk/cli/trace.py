"""`provsdk trace`: runs a program with capture and the installed instrumentations on."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import NoReturn

import click

from provsdk.cli.place import configuration, store_option
from provsdk.cli.python_program import python_program
from provsdk.errors import UsageError

__all__ = ["trace"]


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--name", metavar="NAME", help="Make the whole run one output of that name; for Python programs.")
@store_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- PROGRAM [ARGUMENTS]...")
def trace(name: str | None, store: str | None, command: tuple[str, ...]) -> None:
    """Run a program with capture and the installed instrumentations on.

    The program takes this process over: its signals, output and exit code are its own. It is not begun where there is
    no such program, or where the store cannot be used.
    """
    program, *arguments = command
    path = which(program)
    if path is None:
        raise UsageError(f"{program}: there is no such program, or it may not be run")
    argv = [program, *arguments]
    python = python_program(path, argv)
    if name is not None:
        if python is None:
            raise UsageError(f"--name: {path} is no Python program; without --name it can be run all the same")
        if not name.strip() or not name.isprintable():
            raise UsageError("--name: wants printable text")
        argv = python.as_named_run(name)
        path = python.interpreter
    _become(path, argv, _environment(store, _service(command)))


def _service(command: tuple[str, ...]) -> str:
    """What the program goes by where nobody named it: the script, the module, else the program itself."""
    program, *arguments = command
    if Path(program).name.startswith(("python", "pypy")):
        for at, argument in enumerate(arguments):
            if argument == "-m" and arguments[at + 1 :]:
                return arguments[at + 1]
            if not argument.startswith("-"):
                return Path(argument).stem
    return Path(program).name


def _environment(store: str | None, service: str) -> dict[str, str]:
    """The environment of a program that records: a store that was just opened, and our start-up code on its path."""
    config = configuration(store)
    from provsdk.store.open import open_store  # noqa: PLC0415 a wrong configuration is told first, and cheaply

    if not config.disabled:
        open_store(config.store, keys=config.keys, state=config.state, origin=config.origin, create=True).close()
    startup = find_spec("provsdk.pipeline")
    assert startup is not None and startup.origin is not None  # noqa: S101, PT018 it is in this distribution
    said = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    named = {} if config.service or said else {"PROVSDK_SERVICE": service}
    paths = [str(Path(startup.origin).parent / "_startup"), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        **named,
        "PROVSDK_STORE": config.store,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "_PROVSDK_FIRST_PROCESS": str(os.getpid()),
    }


def _become(path: str, argv: list[str], environment: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(path, argv, environment)  # noqa: S606 running it is what was asked for
