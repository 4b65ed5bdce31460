"""The command group: which commands there are, loaded one at a time, and what an error means to the caller.

Exit codes: 0 fine, 1 a finding (tampering, not found, a failed check), 2 wrong usage, 3 could not be carried out; 130
interrupted; 141 the reader of a pipe went away.
"""

import io
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from provsdk.errors import NotFound, ProvsdkError, StoreDamaged, UsageError

__all__ = ["FINDING", "NOT_CARRIED_OUT", "cli", "run"]

FINDING: Final = 1
NOT_CARRIED_OUT: Final = 3
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141

COMMANDS: Final = {
    "init": ("provsdk.cli.init:init", "Set provsdk up in this project."),
    "trace": ("provsdk.cli.trace:trace", "Run a program with capture and the installed instrumentations on."),
    "list": ("provsdk.cli.records:list_", "List records, newest first."),
    "show": ("provsdk.cli.records:show", "Show the report of one record."),
    "sources": (
        "provsdk.cli.sources:sources",
        "Show every source of a record, or all that the store's records rest on.",
    ),
    "lineage": ("provsdk.cli.lineage:lineage", "Show what an output goes back to, or what goes back to it."),
    "impact": ("provsdk.cli.impact:impact", "Show what rests on a source."),
    "why": ("provsdk.cli.why:why", "Show which sources support each sentence of an output."),
    "diff": ("provsdk.cli.diff:diff", "Show why two outputs differ, the likeliest cause first."),
    "recall": ("provsdk.cli.recall:recall", "Recall what rests on a source, and say what became of it."),
    "stale": ("provsdk.cli.stale:stale", "Show sources that have changed since records were made of them."),
    "audit": ("provsdk.cli.log:audit", "List log entries in log order."),
    "verify": ("provsdk.cli.log:verify", "Recompute everything and say whether it was tampered with."),
    "gaps": ("provsdk.cli.gaps:gaps", "List outputs that started and have no record."),
    "reconcile": ("provsdk.cli.reconcile:reconcile", "Compare records with an independent count."),
    "record": ("provsdk.cli.log:record", "Append a note to a record."),
    "export": ("provsdk.cli.export:export", "Write records as JSON lines."),
    "rebuild": ("provsdk.cli.store:rebuild", "Derive every view again from log and parts."),
    "store": ("provsdk.cli.store:store", "Look at the store itself."),
    "doctor": ("provsdk.cli.doctor:doctor", "Check the set-up."),
}
"""Where each command lives, and its help in one line: so that help and one command load nothing of the others."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        """In the order in which a person meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 click's signature
        """Imports the command's module."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 click's signature
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Names the nearest command where there is none by that name."""
        import difflib  # noqa: PLC0415 only where somebody mistyped

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command and says in prose, on stderr, why it could not be carried out."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _discard_stdout()
            ctx.exit(PIPE_CLOSED)
        except (ProvsdkError, OSError) as error:
            from provsdk.cli.terminal import complain  # noqa: PLC0415 only where something went wrong

            complain(_said(error))
            ctx.exit(_code(error))


def _said(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)


def _code(error: Exception) -> int:
    if isinstance(error, UsageError):
        return 2
    return FINDING if isinstance(error, NotFound | StoreDamaged) else NOT_CARRIED_OUT


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--store", metavar="PATH|URL", help="The store, instead of the configured one (PROVSDK_STORE).")
@click.version_option(package_name="provsdk", prog_name="provsdk")
@click.pass_context
def cli(ctx: click.Context, store: str | None) -> None:
    """Where every output of an AI system came from, how it was made, under what rules, and who answers for it.

    A record is named by its id, a unique prefix of it, its output id, or @latest.
    """
    ctx.obj = store


def run() -> NoReturn:
    """Runs the command line in this process, and exits."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a narrow encoding shows an escape, not a traceback
    try:
        code = cli.main(prog_name="provsdk", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        code = INTERRUPTED
    except BrokenPipeError:
        _discard_stdout()
        code = PIPE_CLOSED
    sys.exit(code if isinstance(code, int) else 0)


def _discard_stdout() -> None:
    """The interpreter flushes stdout once more on its way out: into the null device, where nobody complains."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
