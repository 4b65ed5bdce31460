"""Recalls: what rests on a source is frozen as a list of work, and worked off."""

import secrets
from typing import TYPE_CHECKING, Any

import click

from provsdk import rfc3339
from provsdk.cli.place import as_json, configuration, opened, store_option
from provsdk.cli.terminal import print_json, remark, show

if TYPE_CHECKING:
    from provsdk.questions.recalls import Closing, Opening, Recall
    from provsdk.store.contract import Store

__all__ = ["recall"]

CUT = "There is more: not all records were read for this list. Recall it in parts: by version, or place by place."

WAIT_S = 10.0
"""How long an entry waits for programs that are writing to the store."""


@click.group("recall")
def recall() -> None:
    """Recall what rests on a source, and say what became of it."""


@recall.command("open")
@click.argument("source")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it stays in the log.")
@click.option("--author", metavar="NAME", help="Who says so; the name that you are logged in under where left out.")
@store_option
@as_json
def open_(source: str, reason: str, author: str | None, store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Freeze what `provsdk impact SOURCE` says now as a list of work.

    The outputs that used it and those that may have become items, each open until it is closed. SOURCE is named as
    `impact` takes it. Exits 1 where no record has such a source.
    """
    from provsdk.ask import rests_on  # noqa: PLC0415 help needs none of it
    from provsdk.cli.log import said_by, text_of  # noqa: PLC0415 as above
    from provsdk.errors import NotFound  # noqa: PLC0415 as above
    from provsdk.questions.recalls import OPENED, frozen  # noqa: PLC0415 as above
    from provsdk.report.steps import counted  # noqa: PLC0415 as above

    with opened(store, read_only=False) as log:
        found = rests_on(log, configuration(store).keys, source)
        if not found.known:
            raise NotFound(f"no record in this store has a source {source!r}; `provsdk sources` lists them")
        said = frozen(f"rcl_{secrets.token_hex(16)}", source, text_of("--reason", reason), said_by(author), found)
        entry = _append(log, OPENED, said, f"recall/{said.recall_id}")
    if as_json:
        records = [one.record_id for one in said.records]
        print_json({"recall_id": said.recall_id, "entry": entry, "records": records, "cut": said.cut})
        return
    click.echo(f"{said.recall_id}: {counted(len(said.records), 'output')} to be seen to")
    if said.doubtful:
        remark(f"For {counted(len(said.doubtful), 'more output')} it cannot be ruled out: `provsdk impact` says why.")
    if said.cut:
        remark(CUT)


@recall.command("status")
@click.argument("name", metavar="[RECALL]", required=False)
@store_option
@as_json
def status(name: str | None, store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Show every recall, or the items of one, by its id or the beginning of it."""
    from provsdk.questions.recalls import recalls  # noqa: PLC0415 help needs none of it
    from provsdk.report.recalls import recall_json, recall_screen, recall_table  # noqa: PLC0415 as above

    with opened(store) as log:
        if name is None:
            every = recalls(log)
            if as_json:
                print_json([recall_json(one) for one in every])
            elif every:
                show(recall_table(every))
            else:
                remark("No recalls.")
            return
        found = _named(log, name)
        if as_json:
            print_json(recall_json(found))
            return
        from provsdk.cli.reading import short_names  # noqa: PLC0415 as above

        ids = [item.record_id for item in found.items]
        others = [item.superseded_by for item in found.items if item.superseded_by is not None]
        show(recall_screen(found, {one: log.fold(one).record for one in ids}, short_names(log, [*ids, *others])))
        if found.cut:
            remark(CUT)


@recall.command("close")
@click.argument("name", metavar="RECALL")
@click.option("--record", metavar="RECORD", help="This item.")
@click.option("--all", "every", is_flag=True, help="All that are open.")
@click.option("--note", metavar="TEXT", help="What was done.")
@click.option("--superseded-by", metavar="RECORD", help="The record of the output that stands in its place.")
@click.option("--author", metavar="NAME", help="Who says so; the name that you are logged in under where left out.")
@store_option
@as_json
def close(name: str, store: str | None, as_json: bool, **said: Any) -> None:  # noqa: FBT001 click's options
    """Say what became of an item of a recall, or with --all of all that are open."""
    from provsdk.cli.log import said_by, text_of  # noqa: PLC0415 help needs none of it
    from provsdk.cli.reading import found as record_named  # noqa: PLC0415 as above
    from provsdk.questions.recalls import CLOSED, Closing  # noqa: PLC0415 as above
    from provsdk.report.steps import counted  # noqa: PLC0415 as above

    with opened(store, read_only=False) as log:
        recalled = _named(log, name)
        records = [item.record_id for item in recalled.items if item.state == "open"]
        if said["record"] is None and not said["every"] and len(records) > 1:
            raise click.UsageError(f"{len(records):,} items are open: name one with --record, or close them with --all")
        if said["record"] is not None:
            record_id = record_named(log, said["record"]).record_id
            if record_id not in {item.record_id for item in recalled.items}:
                raise click.UsageError(f"{record_id} is no item of {recalled.recall_id}")
            records = [record_id]
        instead = said["superseded_by"] and record_named(log, said["superseded_by"]).record_id
        if instead in records:
            raise click.UsageError("--superseded-by: an output cannot stand in its own place")
        closing = Closing(
            recall_id=recalled.recall_id,
            records=records,
            note=None if said["note"] is None else text_of("--note", said["note"]),
            author=said_by(said["author"]),
            superseded_by=instead,
        )
        if records:
            _append(log, CLOSED, closing, f"recall/{recalled.recall_id}/{secrets.token_hex(8)}")
        left = sum(item.state == "open" and item.record_id not in records for item in recalled.items)
    if as_json:
        print_json({"recall_id": recalled.recall_id, "closed": records, "open": left})
    else:
        click.echo(f"{recalled.recall_id}: {counted(len(records), 'item')} closed, {left:,} open")


def _named(log: "Store", name: str) -> "Recall":
    from provsdk.errors import NotFound  # noqa: PLC0415 help needs none of it
    from provsdk.questions.recalls import recalls  # noqa: PLC0415 as above

    found = [
        one for one in recalls(log) if one.recall_id.startswith(name if name.startswith("rcl_") else f"rcl_{name}")
    ]
    if len(found) != 1:
        many = f"more than one recall begins with {name!r}" if found else f"there is no recall {name!r}"
        raise NotFound(f"{many}; `provsdk recall status` lists them")
    return found[0]


def _append(log: "Store", kind: str, said: "Opening | Closing", key: str) -> int:
    """The entry's index."""
    import msgspec  # noqa: PLC0415 as above

    from provsdk.canonical import canonical  # noqa: PLC0415 help needs none of it
    from provsdk.questions.recalls import PATH  # noqa: PLC0415 as above
    from provsdk.records.parts import Part  # noqa: PLC0415 as above
    from provsdk.store.contract import Draft  # noqa: PLC0415 as above
    from provsdk.vocabulary import RetentionPeriod  # noqa: PLC0415 as above

    part = Part(path=PATH, retention=RetentionPeriod.REGULATORY.value, content=canonical(msgspec.to_builtins(said)))
    draft = Draft(
        kind=kind,
        key=key,
        actor=f"usr_{secrets.token_hex(16)}",
        subject=said.recall_id,
        time=rfc3339.now(),
        parts=(part,),
        protected=False,
    )
    (sealed,) = log.append([draft], timeout=WAIT_S)
    if isinstance(sealed, Exception):
        raise sealed
    return sealed.index
