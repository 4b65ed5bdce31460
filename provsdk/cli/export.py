"""Records in another format, on stdout or in a file."""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from provsdk.cli.place import as_json, opened, store_option
from provsdk.cli.terminal import print_json, remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provsdk.store.contract import Store

__all__ = ["export"]


@click.command("export")
@click.argument("record", required=False)
@click.option("--all", "everything", is_flag=True, help="Every record, in log order.")
@click.option(
    "--format", "format_", type=click.Choice(["jsonl"]), default="jsonl", show_default=True, help="The format."
)
@click.option(
    "-o", "--output", metavar="FILE", help="Write to FILE, which is replaced in one step; stdout where left out, or -."
)
@store_option
@as_json
def export(
    record: str | None,
    everything: bool,  # noqa: FBT001 as above
    format_: str,  # noqa: ARG001 one format so far
    output: str | None,
    store: str | None,
    as_json: bool,  # noqa: FBT001 as above
) -> None:
    """Write records as JSON lines.

    RECORD, or all: one folded record a line, in canonical form (RFC 8785). RECORD is an id, a unique prefix of it, an
    output id, or @latest.

    Encrypted records are written in the clear where their key is reachable: whoever can read the file can read them.
    """
    if bool(record) == everything:
        raise click.UsageError("name a RECORD or say --all" if not record else "name a RECORD or say --all, not both")
    with opened(store) as log:
        count = _write(_lines(log, record), output)
    if output not in (None, "-") and as_json:
        print_json({"records": count, "output": output})
    elif output not in (None, "-"):
        remark(f"{count:,} record{'' if count == 1 else 's'} written to {output}")


def _lines(log: "Store", record: str | None) -> "Iterator[bytes]":
    from provsdk.cli.reading import found, why_unreadable  # noqa: PLC0415 help needs none of it
    from provsdk.errors import KeyUnusable, StoreUnavailable  # noqa: PLC0415 as above
    from provsdk.export.delivery import first_entry, sealed  # noqa: PLC0415 as above
    from provsdk.export.jsonl import line  # noqa: PLC0415 as above

    name = first_entry(log)
    named = [found(log, record)] if record else (log.fold(item.record_id) for item in log.summaries(newest_first=False))
    for folded in named:
        try:
            item = sealed(folded, name)
        except KeyUnusable:
            if record:
                raise
            item = None
        if item is not None:
            yield line(item)
        elif record:
            raise StoreUnavailable(why_unreadable(folded))
        else:
            remark(f"passed over: {why_unreadable(folded)}")


def _write(lines: "Iterator[bytes]", output: str | None) -> int:
    if output in (None, "-", "/dev/stdout"):
        return _copy(lines, sys.stdout.buffer)
    try:
        return _replaced(lines, Path(str(output)).expanduser())
    except OSError as error:
        raise OSError(error.errno, error.strerror, output) from error  # with the name that was typed


def _replaced(lines: "Iterator[bytes]", target: Path) -> int:
    if target.is_symlink():
        target = target.resolve()  # what it leads to is replaced, not the link
    if target.exists() and not target.is_file():
        with target.open("wb") as device:  # a pipe or a device cannot be replaced
            return _copy(lines, device)
    draft = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            count = _copy(lines, file)
        if target.exists():
            draft.chmod(stat.S_IMODE(target.stat().st_mode))
        draft.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            draft.unlink()
        raise
    return count


def _copy(lines: "Iterator[bytes]", file: IO[bytes]) -> int:
    count = 0
    for count, data in enumerate(lines, 1):  # noqa: B007 the number is what is returned
        file.write(data)
    file.flush()
    return count
