"""`provsdk sources`: the sources of a record or of the whole store, and whether they are still what they were."""

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import click

from provsdk.cli.app import FINDING
from provsdk.cli.place import WHEN_RECORDED, as_json, opened, store_option
from provsdk.cli.terminal import print_json, remark
from provsdk.cli.terminal import show as show_screen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provsdk.records.record import Source
    from provsdk.report.verdicts import Verdict
    from provsdk.store.contract import Store

__all__ = ["sources"]

PAGE: Final = 50
WAIT_S: Final = 10.0
"""How long a note waits for programs that are writing to the store."""

AUTHOR: Final = "provsdk sources --verify"

_FINDINGS: Final = frozenset({"changed", "gone"})


@click.command("sources")
@click.argument("record", required=False)
@click.option("--verify", is_flag=True, help="Fetch again what can be fetched, and say what was changed or is gone.")
@click.option(
    "--record", "noted", is_flag=True, help="With --verify: append a note of each that was changed or is gone."
)
@click.option("-n", "--limit", type=click.IntRange(min=1), help=f"At most so many; {PAGE} where a person reads.")
@store_option
@as_json
def sources(record: str | None, verify: bool, noted: bool, limit: int | None, store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Show every source of a record, or all that the store's records rest on.

    With RECORD its sources, in full; without, every source once, with its freshness now and how many records rest on
    it. With --verify files, HTTP and S3 are fetched again; exits 1 where one was changed or is gone. RECORD is an id, a
    unique prefix of it, an output id, or @latest.
    """
    if noted and not verify:
        raise click.UsageError("--record says what --verify found: say both")
    if record is not None and limit is not None:
        raise click.UsageError("a record's sources are shown all: name a RECORD or a --limit, not both")
    with opened(store, read_only=not noted) as log:
        page = _of_store(log, None if as_json else limit or PAGE) if record is None else _of_record(log, record)
        verdicts = _verdicts(page) if verify else {}
        notes = _note(log, page, verdicts) if noted else 0
        page.show(verdicts, as_json)
    if verify:
        remark(_summary(list(verdicts.values())))
    if notes:
        remark(f"{notes} noted; `provsdk show` has the notes of a record.")
    if any(verdict.result in _FINDINGS for verdict in verdicts.values()):
        click.get_current_context().exit(FINDING)


@dataclass(frozen=True, slots=True)
class _Page:
    """The sources that are asked for, by number, and how they are shown."""

    sources: "dict[int, Source]"
    record_ids: dict[int, str]
    """The record of each, or the newest that rests on it."""
    show: "Callable[[dict[int, Verdict], bool], None]"


def _of_record(log: "Store", name: str) -> _Page:
    from provsdk.cli.reading import readable  # noqa: PLC0415 help needs none of it
    from provsdk.report.nested import nested_ids  # noqa: PLC0415 as above
    from provsdk.report.sources import source_details, source_json  # noqa: PLC0415 as above
    from provsdk.report.steps import counted  # noqa: PLC0415 as above
    from provsdk.report.summary import source_lines  # noqa: PLC0415 as above

    record = readable(log, name)
    lines = source_lines(record)

    def show(verdicts: "dict[int, Verdict]", as_json: bool) -> None:  # noqa: FBT001 one of two ways
        if as_json:
            print_json([source_json(line, verdicts.get(line.number)) for line in lines])
        else:
            show_screen(source_details(lines, record, verdicts))
            within = nested_ids(record)
            if within:
                remark(f"{counted(len(within), 'output')} made within it: `provsdk lineage` follows their sources.")

    sources = {line.number: line.source for line in lines}
    return _Page(sources, dict.fromkeys(sources, record.record_id), show)


def _of_store(log: "Store", limit: int | None) -> _Page:
    from datetime import UTC, datetime  # noqa: PLC0415 help needs none of it

    from provsdk.cli.reading import every_record  # noqa: PLC0415 as above
    from provsdk.report.inventory import inventory, inventory_json, inventory_screen  # noqa: PLC0415 as above
    from provsdk.report.steps import counted  # noqa: PLC0415 as above

    unreadable: list[str] = []
    every = inventory(every_record(log, unreadable), datetime.now(UTC))
    lines = every[:limit]

    def show(verdicts: "dict[int, Verdict]", as_json: bool) -> None:  # noqa: FBT001 one of two ways
        if as_json:
            print_json([inventory_json(line, verdicts.get(line.number)) for line in lines])
        elif lines:
            show_screen(inventory_screen(lines, verdicts))
        else:
            remark(f"No sources yet: {WHEN_RECORDED}.")
        if len(every) > len(lines):
            remark(f"{len(lines)} of {len(every):,} sources; more with --limit.")
        if unreadable:
            remark(f"{counted(len(unreadable), 'record')} cannot be read: what only rests there is missing here.")

    return _Page({one.number: one.source for one in lines}, {one.number: one.record_id for one in lines}, show)


def _verdicts(page: _Page) -> "dict[int, Verdict]":
    from provsdk.cli.refetch import fetched_again  # noqa: PLC0415 help needs none of it

    return fetched_again(page.sources)


def _summary(verdicts: "Sequence[Verdict]") -> str:
    from collections import Counter  # noqa: PLC0415 help needs none of it

    found = Counter(verdict.result for verdict in verdicts)
    return ", ".join(f"{found[result]:,} {result}" for result in ("verified", "changed", "gone", "unknown")) + "."


def _note(log: "Store", page: _Page, verdicts: "dict[int, Verdict]") -> int:
    """Appends a note for each finding; one that stands there already is not repeated."""
    from provsdk.cli.log import note_draft  # noqa: PLC0415 help needs none of it

    drafts = []
    for number, verdict in verdicts.items():
        if verdict.result in _FINDINGS:
            source = page.sources[number]
            text = f"source {source.name!r} at {source.location} is {verdict.result}: {verdict.why}"
            key = sha256(f"{source.source_id} {verdict.result} {verdict.observed}".encode()).hexdigest()[:32]
            drafts.append(note_draft(log.fold(page.record_ids[number]), text, AUTHOR, key=f"source/{key}"))
    answers = log.append(drafts, timeout=WAIT_S) if drafts else []
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return sum(not answer.duplicate for answer in answers if not isinstance(answer, Exception))
