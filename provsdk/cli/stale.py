"""Records whose sources have changed since."""

from typing import Final

import click

from provsdk.cli.app import FINDING
from provsdk.cli.place import as_json, opened, store_option
from provsdk.cli.terminal import print_json, remark, show

__all__ = ["stale"]

_TOLD: Final = frozenset({"verified", "changed", "gone"})

SHOWN: Final = 50
"""Sources that are shown where a person reads; all with --json."""


@click.command("stale")
@click.option("--offline", is_flag=True, help="Fetch nothing: only by what was loaded since, and by age.")
@store_option
@as_json
def stale(offline: bool, store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Show sources that have changed since records were made of them.

    Those first that most records rest on. Files, HTTP and S3 are fetched again; what another record loaded since with
    another content, and what is old, is told without. Exits 1 where there is any.
    """
    from datetime import UTC, datetime  # noqa: PLC0415 help needs none of it

    from provsdk.cli.reading import every_record  # noqa: PLC0415 as above
    from provsdk.cli.refetch import fetched_again  # noqa: PLC0415 as above
    from provsdk.questions.stale import newest, uses  # noqa: PLC0415 as above
    from provsdk.questions.stale import stale as stale_of  # noqa: PLC0415 as above
    from provsdk.report.stale import stale_json, stale_table  # noqa: PLC0415 as above
    from provsdk.report.steps import counted  # noqa: PLC0415 as above

    unreadable: list[str] = []
    with opened(store) as log:
        found = uses(every_record(log, unreadable))
    verdicts = {} if offline else fetched_again(newest(found))
    told = stale_of(found, {place: one.result for place, one in verdicts.items()}, datetime.now(UTC))
    if as_json:
        print_json(stale_json(told))
    elif told:
        show(stale_table(told[:SHOWN]))
    records = {record_id for one in told for record_id in one.records}
    remark(
        f"Of {counted(len(found), 'source')}, {len(told):,} changed since, or are gone or old: "
        f"{counted(len(records), 'record')} rest on what they were."
    )
    unknown = len(found) - sum(one.result in _TOLD for one in verdicts.values())
    if unknown:
        why = "" if offline else ": `provsdk sources --verify` says why"
        remark(f"Of {unknown:,} it is not known what is there now{why}.")
    if len(told) > SHOWN and not as_json:
        remark(f"The first {SHOWN} of {len(told):,}; all with --json, and their records.")
    if unreadable:
        remark(f"{counted(len(unreadable), 'record')} cannot be read: what only rests there is missing here.")
    if told:
        click.get_current_context().exit(FINDING)
