"""Records as lists and reports."""

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from provsdk.cli.app import FINDING, NOT_CARRIED_OUT
from provsdk.cli.place import WHEN_RECORDED, as_json, opened, store_option
from provsdk.cli.terminal import complain, console, print_json, remark
from provsdk.cli.terminal import show as show_screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provsdk.questions.filters import Filter
    from provsdk.report.summary import Integrity
    from provsdk.store.contract import Folded, Store, Summary

__all__ = ["list_", "show"]

PAGE = 50


@click.command("list")
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), help=f"At most so many; {PAGE} where a person reads, all with --json."
)
@click.option("--oldest-first", is_flag=True, help="In log order.")
@click.option("--name", metavar="NAME", help="Of outputs of this name; like all below a pattern, as 'support-*'.")
@click.option("--since", metavar="TIME", help="Made then or later.")
@click.option("--until", metavar="TIME", help="Made then or earlier; of a date, its whole day.")
@click.option("--status", metavar="STATUS", help="completed, failed, cancelled, closed_early, abandoned, blocked.")
@click.option("--class", "classification", metavar="CLASS", help="Of this classification.")
@click.option("--incomplete", is_flag=True, help="That say that they miss something.")
@click.option("--source", metavar="PLACE", help="With a source of this location or name.")
@click.option("--model", metavar="MODEL", help="With a call of this model, or PROVIDER/MODEL.")
@click.option("--owner", metavar="AGENT", help="That this one answers for.")
@click.option("--check", metavar="CHECK", help="With a check of this name or type, this result, or NAME=RESULT.")
@click.option("--subject", metavar="SUBJECT", help="That concern this one.")
@click.option("--session", metavar="SESSION", help="Of this session.")
@store_option
@as_json
def list_(limit: int | None, oldest_first: bool, store: str | None, as_json: bool, **wanted: Any) -> None:  # noqa: FBT001 click's options
    """List records, newest first."""
    import dataclasses  # noqa: PLC0415 help needs none of it

    from provsdk.ask import matching  # noqa: PLC0415 as above

    only, is_filtered = _filter(wanted), any(value not in {None, False} for value in wanted.values())
    with opened(store) as log:
        at_most = limit if limit or as_json else PAGE
        found = list(islice(matching(log, only, newest_first=not oldest_first), at_most))
        if as_json:
            print_json([dataclasses.asdict(summary) for summary in found])
        elif found:
            _print_list(log, found, is_filtered=is_filtered)
        else:
            remark("No record is like that." if is_filtered else f"No records yet: {WHEN_RECORDED}.")


def _filter(wanted: dict[str, Any]) -> "Filter":
    import fnmatch  # noqa: PLC0415 help needs none of it

    from provsdk.cli.moments import moment_of  # noqa: PLC0415 as above
    from provsdk.errors import FormatError  # noqa: PLC0415 as above
    from provsdk.questions.filters import Filter  # noqa: PLC0415 as above
    from provsdk.vocabulary import DataClassification, OutputStatus  # noqa: PLC0415 as above

    for option, name, words in (
        ("--status", "status", OutputStatus),
        ("--class", "classification", DataClassification),
    ):
        value, known = wanted[name], [each.value for each in words]
        if value is not None and not fnmatch.filter(known, value):
            raise click.UsageError(f"{option}: there is no {value!r}; there are {', '.join(known)}")
    times = {}
    for name in ("since", "until"):
        try:
            times[name] = None if wanted[name] is None else moment_of(wanted[name], end_of_day=name == "until")
        except FormatError as error:
            raise click.UsageError(f"--{name}: {error}") from None
    return Filter(**{**wanted, **times})


def _print_list(log: "Store", summaries: "Sequence[Summary]", *, is_filtered: bool) -> None:
    from provsdk.cli.reading import short_names  # noqa: PLC0415 help needs none of it
    from provsdk.report.listing import any_incomplete, left_out, record_table  # noqa: PLC0415 as above

    names, width = short_names(log, [summary.record_id for summary in summaries]), console().width
    show_screen(record_table(summaries, names, width=width))
    hidden = left_out(summaries, names, width=width)
    if hidden:
        remark(f"No room for {', '.join(hidden)}: a wider terminal or --json shows them.")
    if any_incomplete(summaries):
        remark("!: the record says that something is missing from it; `provsdk show` names it.")
    total = log.stats().records
    if is_filtered:
        remark(f"{len(summaries):,} shown of {total:,} records.")
    elif total > len(summaries):
        remark(f"{len(summaries)} of {total:,} records; more with --limit.")


@click.command("show")
@click.argument("record")
@store_option
@as_json
def show(record: str, store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Show the report of one record.

    RECORD is an id, a unique prefix of it, an output id, or @latest. With --json the record, and its notes as `notes`.
    """
    from provsdk.cli.reading import found, integrity_of, why_unreadable  # noqa: PLC0415 help needs none of it

    with opened(store) as log:
        folded = found(log, record)
        integrity = integrity_of(log, folded.record_id)
        if as_json:
            _print_record(log, folded)
        else:
            _print_report(log, folded, integrity)
    if folded.record is None:
        complain(why_unreadable(folded))
        click.get_current_context().exit(NOT_CARRIED_OUT)
    if integrity.status == "tampered":
        complain(f"{folded.record_id}: verification failed; see `provsdk verify {folded.record_id}`")
        click.get_current_context().exit(FINDING)


def _print_record(log: "Store", folded: "Folded") -> None:
    import msgspec  # noqa: PLC0415 as above

    from provsdk.questions.recalls import of_record, recalls  # noqa: PLC0415 as above

    if folded.record is not None:
        recalled = [
            {"recall_id": recall.recall_id, "reason": recall.reason, **msgspec.to_builtins(item)}
            for recall, item in of_record(recalls(log), folded.record_id)
        ]
        said = msgspec.to_builtins(folded.record)
        print_json({**said, "notes": list(folded.notes), **({"recalls": recalled} if recalled else {})})


def _print_report(log: "Store", folded: "Folded", integrity: "Integrity") -> None:
    from provsdk.cli.reading import custody_of, nested_of  # noqa: PLC0415 as above
    from provsdk.questions.recalls import of_record, recalls  # noqa: PLC0415 as above
    from provsdk.report.custody import unreadable  # noqa: PLC0415 as above
    from provsdk.report.summary import summarise  # noqa: PLC0415 as above
    from provsdk.report.text import show as report_screen  # noqa: PLC0415 as above

    custody = custody_of(log, folded)
    if folded.record is None:
        show_screen(unreadable(folded.record_id, integrity, custody))
    else:
        recalled = of_record(recalls(log), folded.record_id)
        report = summarise(folded.record, integrity, custody, nested_of(log, folded.record), recalled)
        show_screen(report_screen(report, width=console().width))
