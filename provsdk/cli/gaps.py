"""Outputs that started and have no record: those that numbers show."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provsdk.cli.place import as_json, configuration, opened, store_option
from provsdk.cli.terminal import print_json, remark, show

if TYPE_CHECKING:
    from provsdk.config import Config
    from provsdk.store.contract import Store
    from provsdk.store.gaps import Absences

__all__ = ["absences_json", "absent_outputs", "gaps"]

SHOWN = 50
"""Outputs that are shown where a person reads."""


@click.command("gaps")
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=SHOWN, help=f"At most so many, the newest. [{SHOWN}]"
)
@store_option
@as_json
def gaps(limit: int, store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """List outputs that started and have no record.

    Those that the log says so of, and those that only the slots of a dead process show yet. A function that is not
    decorated has no number, and so no gap: see `provsdk reconcile`.
    """
    from provsdk.report.gaps import gap_table, headline, limits  # noqa: PLC0415 help needs none of it

    with opened(store) as log:
        found = absent_outputs(log, configuration(store))
    if as_json:
        print_json(absences_json(found))
        return
    if found.gaps:
        show(gap_table(found.gaps[-limit:]))
    if len(found.gaps) > limit:
        remark(f"The newest {limit:,} of {len(found.gaps):,}; more with --limit, all with --json.")
    for line in (headline(found), *limits(found), *found.problems):
        remark(f"{line[0].upper()}{line[1:]}.")


def absent_outputs(log: "Store", config: "Config") -> "Absences":
    """What numbers show; records that still wait in a spool are not lost."""
    from provsdk.store.gaps import absences  # noqa: PLC0415 help needs none of it
    from provsdk.store.spools import spooling  # noqa: PLC0415 as above

    directory = Path(config.store)
    return absences(log, directory, lambda: spooling(Path(config.spool), directory))


def absences_json(found: "Absences") -> dict[str, Any]:
    """For `--json`, here and of `verify`."""
    import dataclasses  # noqa: PLC0415 help needs none of it

    return dataclasses.asdict(found)
