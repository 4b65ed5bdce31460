"""The log itself: its entries, whether it was tampered with, and notes appended to it."""

from typing import TYPE_CHECKING, Any, TypeVar

import click

from provsdk.cli.app import FINDING
from provsdk.cli.place import as_json, configuration, opened, store_option
from provsdk.cli.terminal import print_json, remark, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from provsdk.records.parts import Part
    from provsdk.store.contract import Draft, Folded, Store
    from provsdk.store.verify import VerifyReport

__all__ = ["audit", "note_draft", "record", "said_by", "text_of", "verify"]

T = TypeVar("T")

WAIT_S = 10.0
"""How long a note waits for programs that are writing to the store."""


@click.command("audit")
@click.argument("record", required=False)
@store_option
@as_json
def audit(record: str | None, store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """List log entries in log order.

    Those of RECORD, or all. RECORD is an id, a unique prefix of it, an output id, or @latest.
    """
    import dataclasses  # noqa: PLC0415 help needs none of it

    from provsdk.cli.reading import found  # noqa: PLC0415 as above
    from provsdk.report.log import entry_table  # noqa: PLC0415 as above
    from provsdk.report.steps import counted  # noqa: PLC0415 as above

    with opened(store) as log:
        entries = list(found(log, record).entries if record else log.entries())
        size = log.size()
    if as_json:
        print_json([dataclasses.asdict(entry) for entry in entries])
        return
    show(entry_table(entries))
    remark(f"{len(entries):,} of {counted(size, 'entry')}." if record else f"{counted(size, 'entry')}.")


@click.command("verify")
@click.argument("record", required=False)
@click.option("--all", "everything", is_flag=True, help="The whole store; so too where no RECORD is named.")
@store_option
@as_json
def verify(record: str | None, everything: bool, store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Recompute everything and say whether it was tampered with.

    Without RECORD the whole store: entries, manifests, tree, checkpoint, views, and the memory outside. With RECORD its
    entries, parts, inclusion and the newest checkpoint. Exits 1 where something is wrong, and names the first one
    that is. Outputs without a record are listed, and are no reason to exit 1: a log that names them was not tampered
    with.
    """
    from provsdk.cli.gaps import absences_json, absent_outputs  # noqa: PLC0415 help needs none of it
    from provsdk.cli.reading import log_key  # noqa: PLC0415 as above
    from provsdk.report.gaps import absence_section  # noqa: PLC0415 as above
    from provsdk.report.log import verification  # noqa: PLC0415 as above
    from provsdk.report.steps import counted  # noqa: PLC0415 as above
    from provsdk.store.verify import verify as verify_store  # noqa: PLC0415 as above

    if record and everything:
        raise click.UsageError("name a RECORD or say --all, not both")
    with opened(store) as log:
        record_id = _named(log, record) if record else None
        report = verify_store(log, record_id)
        # A report that finds the store damaged is printed all the same, with what can still be read of it.
        key = _readable(lambda: log_key(log), None)
        origin = _readable(lambda: log.origin, "a log whose name cannot be read")
        size = _readable(log.size, 0)
        absent = None if record else _readable(lambda: absent_outputs(log, configuration(store)), None)
    if as_json:
        said = {"record_id": record_id, "origin": origin, "entries": size, "key": key, **_report_json(report)}
        print_json({**said, "absences": None if absent is None else absences_json(absent)})
    else:
        show(verification(report, record_id or f"the whole store: {counted(size, 'entry')} of {origin}", key))
        for absence in [] if absent is None else absence_section(absent):
            show(absence)
    if not report.ok:
        click.get_current_context().exit(FINDING)


def _named(log: "Store", name: str) -> str:
    """The record's id; as it was given, where what the store holds under it cannot be read."""
    from provsdk.cli.reading import found  # noqa: PLC0415 help needs none of it
    from provsdk.errors import NotFound, ProvsdkError  # noqa: PLC0415 as above
    from provsdk.records.ids import is_id  # noqa: PLC0415 as above

    try:
        return found(log, name).record_id
    except NotFound:
        raise
    except ProvsdkError:
        if not (name.startswith("rec_") and is_id(name)):
            raise
        return name


def _readable(read: "Callable[[], T]", otherwise: T) -> T:
    from provsdk.errors import ProvsdkError  # noqa: PLC0415 help needs none of it

    try:
        return read()
    except ProvsdkError:
        return otherwise


def _report_json(report: "VerifyReport") -> dict[str, Any]:
    wrong = report.first_wrong
    return {
        "ok": report.ok,
        "level": report.level.value,
        "steps": [
            {
                "number": step.number,
                "title": step.title,
                "ok": step.ok,
                "checked": step.checked,
                "not_checked": step.not_checked,
                "detail": step.detail,
            }
            for step in report.steps
        ],
        "first_wrong": None if wrong is None else {"entry": wrong[0], "what": wrong[1]},
        "findings": [str(finding) for finding in report.findings],
    }


@click.command("record")
@click.argument("record")
@click.option("--note", required=True, metavar="TEXT", help="What to note.")
@click.option("--author", metavar="NAME", help="Who says so; the name that you are logged in under where left out.")
@store_option
@as_json
def record(record: str, note: str, author: str | None, store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Append a note to a record.

    What is in the log stays as it is; the note becomes an entry of its own. RECORD is an id, a unique prefix of it, an
    output id, or @latest.
    """
    from provsdk.cli.reading import found  # noqa: PLC0415 help needs none of it

    with opened(store, read_only=False) as log:
        folded = found(log, record)
        (sealed,) = log.append([note_draft(folded, note, author)], timeout=WAIT_S)
    if isinstance(sealed, Exception):
        raise sealed
    if as_json:
        print_json({"record_id": folded.record_id, "entry": sealed.index, "kind": "note.added"})
    else:
        click.echo(f"entry {sealed.index}: note on {folded.record_id}")


def note_draft(folded: "Folded", text: str, author: str | None, *, key: str | None = None) -> "Draft":
    """The entry of a note on a record; the same note by the same key is appended once."""
    import secrets  # noqa: PLC0415 help needs none of it

    from provsdk import rfc3339  # noqa: PLC0415 as above
    from provsdk.store.contract import Draft  # noqa: PLC0415 as above

    return Draft(
        kind="note.added",
        key=f"note/{folded.record_id}/{key or secrets.token_hex(8)}",
        actor=f"usr_{secrets.token_hex(16)}",
        subject=folded.record_id,
        time=rfc3339.now(),
        parts=(_note(folded, text, author),),
        protected=_protected(folded),
    )


def _note(folded: "Folded", text: str, author: str | None) -> "Part":
    from provsdk.canonical import canonical  # noqa: PLC0415 help needs none of it
    from provsdk.records.parts import Part, retention_of  # noqa: PLC0415 as above
    from provsdk.vocabulary import RetentionPeriod  # noqa: PLC0415 as above

    said = {"text": text_of("--note", text), "author": said_by(author or None)}
    retention = retention_of(folded.record) if folded.record else RetentionPeriod.STANDARD.value
    return Part(path="note", retention=retention, content=canonical(said))


def text_of(option: str, text: str) -> str:
    """What somebody wrote, as it is.

    Raises:
        click.UsageError: it is empty or no text.
    """
    if not text.strip():
        raise click.UsageError(f"{option} is empty")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise click.UsageError(f"{option} is not text in this terminal's encoding")
    return text


def said_by(author: str | None) -> str | None:
    """The author that somebody names, else the name that they are logged in under."""
    if author is not None:
        return text_of("--author", author)
    import getpass  # noqa: PLC0415 help needs none of it

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user id without a name, as containers have it
        return None


def _protected(folded: "Folded") -> bool:
    """As the record is: a record that cannot be read because it is encrypted is protected too."""
    if folded.record is not None:
        return folded.record.permissions.encryption_required
    return any(state == "locked" for _, _, state in folded.unreadable)
