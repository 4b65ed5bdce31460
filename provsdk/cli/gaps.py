"""Outputs that started and have no record: those that numbers show."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provsdk.cli.place import as_json, configuration, opened, store_option
from provsdk.cli.terminal import print_json, remark, show

if TYPE_CHECKING:
    from provsdk.store.gaps import Absences

__all__ = ["absences_json", "gaps"]


@click.command("gaps")
@store_option
@as_json
def gaps(store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """List outputs that started and have no record.

    Those that the log says so of, and those that only the slots of a dead process show yet. A function that is not
    decorated has no number, and so no gap: see `provsdk reconcile`.
    """
    from provsdk.report.gaps import gap_table, headline, limits  # noqa: PLC0415 help needs none of it
    from provsdk.store.gaps import absences  # noqa: PLC0415 as above

    with opened(store) as log:
        found = absences(log, Path(configuration(store).store))
    if as_json:
        print_json(absences_json(found))
        return
    if found.gaps:
        show(gap_table(found.gaps))
    for line in (headline(found), *limits(found), *found.problems):
        remark(f"{line[0].upper()}{line[1:]}.")


def absences_json(found: "Absences") -> dict[str, Any]:
    """For `--json`, here and of `verify`."""
    import dataclasses  # noqa: PLC0415 help needs none of it

    return dataclasses.asdict(found)
