"""The store itself: its size, and its views derived anew."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provsdk.cli.app import FINDING
from provsdk.cli.place import as_json, configuration, opened, store_option
from provsdk.cli.terminal import print_json, remark, show

if TYPE_CHECKING:
    from provsdk.store.contract import Stats

__all__ = ["rebuild", "store"]

_MONTH_S = 30 * 86_400

SHORTEST_S = 3_600
"""Traffic of less than an hour says nothing of a month."""


@click.command("rebuild")
@store_option
@as_json
def rebuild(store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Derive every view again from log and parts.

    The log is not touched. What comes out is the same as before, byte for byte; of a store that an older version wrote,
    the views of this one.
    """
    from provsdk.report.log import counts  # noqa: PLC0415 help needs none of it

    with opened(store, read_only=False, outdated=True) as log:
        rows = log.rebuild()
    if as_json:
        print_json(rows)
        return
    show(counts("View", "Rows", rows))
    remark(f"{len(rows)} views derived again.")


@click.group("store")
def store() -> None:
    """Look at the store itself."""


@store.command("stats")
@store_option
@as_json
def stats(store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Bytes per record, and gigabytes per month at the present rate."""
    import dataclasses  # noqa: PLC0415 help needs none of it

    from provsdk.report.log import sizes  # noqa: PLC0415 as above

    with opened(store) as log:
        found = log.stats()
        origin = log.origin
    path = configuration(store).store
    rates = _rates(found)
    if as_json:
        print_json({"store": path, "origin": origin, **dataclasses.asdict(found), **rates})
    else:
        show(sizes(found, path, origin, **rates))


@store.command("replay")
@store_option
@as_json
def replay(store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Seal what programs that have ended left in their spools, and note which of their outputs have no record.

    The next start of a program does it too. Exits 1 where something could not be sealed.
    """
    import dataclasses  # noqa: PLC0415 help needs none of it
    from math import inf  # noqa: PLC0415 as above

    from provsdk.ledger.keys import log_key  # noqa: PLC0415 as above
    from provsdk.pipeline._recovery import recover  # noqa: PLC0415 as above
    from provsdk.report.steps import counted  # noqa: PLC0415 as above
    from provsdk.store.spools import directory_for, spooling  # noqa: PLC0415 as above
    from provsdk.store.spools import replay as replay_spools  # noqa: PLC0415 as above

    config = configuration(store)
    with opened(store, read_only=False) as log:
        seal_key = log_key(config.keys, log.origin, create=False).seal_key
        spool, path = Path(config.spool), Path(config.store)
        done = replay_spools(log, directory_for(spool, path), seal_key)
        recover(log, path, inf, lambda: spooling(spool, path))
    if as_json:
        print_json(dataclasses.asdict(done))
    else:
        remark(f"{counted(done.sealed, 'entry')} sealed, {done.repeated:,} were in the log already.")
        for wrong in (*done.problems, *done.conflicts):
            remark(wrong)
        if done.unreadable:
            remark(f"{counted(done.unreadable, 'place')} could not be read; `provsdk doctor` names the file.")
    if done.problems or done.conflicts or done.unreadable:
        click.get_current_context().exit(FINDING)


def _rates(found: "Stats") -> dict[str, Any]:
    """What a record takes, and what a month takes at this rate; None where it is too early to tell."""
    from provsdk.report.steps import microseconds_between  # noqa: PLC0415 help needs none of it

    kept = found.bytes_log + found.bytes_parts + found.bytes_views
    per_record = kept / found.records if found.records else None
    rates: dict[str, Any] = {
        "bytes_per_record": None if per_record is None else round(per_record),
        "records_per_day": None,
        "gb_per_month": None,
        "measured_seconds": None,
    }
    if per_record is None or found.records < 2 or not found.first_record_at or not found.last_record_at:
        return rates
    seconds = microseconds_between(found.first_record_at, found.last_record_at) / 1_000_000
    rates["measured_seconds"] = round(seconds, 1)
    if seconds < SHORTEST_S:
        return rates
    rate = (found.records - 1) / seconds
    return rates | {
        "records_per_day": round(rate * 86_400, 1),
        "gb_per_month": round(rate * _MONTH_S * per_record / 1e9, 4),
    }
