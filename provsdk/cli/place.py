"""Which configuration, and which store: what every command that reads one begins with."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from provsdk.errors import StoreUnavailable

if TYPE_CHECKING:
    from provsdk.config import Config
    from provsdk.store.contract import Store

__all__ = ["WHEN_RECORDED", "as_json", "configuration", "opened", "store_option"]

WHEN_RECORDED: Final = (
    "a program records what is decorated when it calls provsdk.configure(), when PROVSDK_STORE is set, "
    "or under `provsdk trace`"
)

Command = TypeVar("Command", bound=Callable[..., Any])


def store_option(command: Command) -> Command:
    """Adds `--store`."""
    return click.option("--store", "store", metavar="PATH|URL", help="The store, instead of the configured one.")(
        command
    )


def as_json(command: Command) -> Command:
    """Adds `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON to stdout.")(command)


def configuration(store: str | None = None) -> "Config":
    """The configuration that a program started here would have; `--store`, of the command or of the group, beats it.

    Raises:
        ConfigError: a wrong key, type or value.
    """
    from provsdk.config import load  # noqa: PLC0415 help needs none of it

    context = click.get_current_context(silent=True)
    chosen = store or (context.find_root().obj if context else None)
    return load({} if chosen is None else {"store": chosen}, os.environ, Path.cwd())


@contextmanager
def opened(store: str | None, *, read_only: bool = True, outdated: bool = False) -> Iterator["Store"]:
    """The store, open; with *outdated* also one whose views are those of an older version.

    Raises:
        StoreUnavailable: there is none; the message says how to get one. Also missing rights, locks, full disks.
        StoreDamaged, StoreForeign, StoreTooNew, KeyUnusable: as the store says.
    """
    config = configuration(store)
    from provsdk.store.open import open_store  # noqa: PLC0415 a wrong configuration is told first, and cheaply

    try:
        log = open_store(config.store, keys=config.keys, state=config.state, read_only=read_only, outdated=outdated)
    except StoreUnavailable as error:
        raise _guided(error, Path(config.store)) from error
    try:
        yield log
    finally:
        log.close()


def _guided(error: StoreUnavailable, path: Path) -> StoreUnavailable:
    if (path / "log.db").exists():
        return error
    return StoreUnavailable(
        f"there is no store at {path}\n"
        "Make one with `provsdk init`, or name another with --store or PROVSDK_STORE. "
        "A program with provsdk.configure(...) makes it when it starts."
    )
