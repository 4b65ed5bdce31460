"""What rests on a source."""

import os
from typing import TYPE_CHECKING, Final

import click

from provsdk.cli.place import as_json, configuration, opened, store_option
from provsdk.cli.terminal import print_json, remark, show

if TYPE_CHECKING:
    from provsdk.config import Config
    from provsdk.questions.impact import Impact
    from provsdk.store.contract import Store

__all__ = ["impact"]

SHOWN: Final = 50
"""Lines of a section that are shown where a person reads; all with --json."""


@click.command("impact")
@click.argument("source")
@store_option
@as_json
def impact(source: str, store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Show what rests on a source.

    The outputs that used it, directly or through other outputs; those that may have, or for which it cannot be ruled
    out; and how many others there are. SOURCE is a file, a location or name or a pattern of one (with @VERSION for one
    version of it), a digest (sha256:…, or a join digest), or a source's id. Exits 1 where no record has such a source.
    """
    from provsdk.ask import rests_on  # noqa: PLC0415 help needs none of it
    from provsdk.errors import NotFound  # noqa: PLC0415 as above

    with opened(store) as log:
        config = configuration(store)
        found = rests_on(log, config.keys, source)
        if not found.known:
            raise NotFound(f"no record in this store has a source {source!r}{_hint(source)}")
        _print(log, config, found, as_json=as_json)


def _hint(source: str) -> str:
    if os.path.isfile(source):  # noqa: PTH113 it takes a name that is too long for one of no file
        return ": neither by this content nor by this location"
    return "; `provsdk sources` lists those that there are"


def _print(log: "Store", config: "Config", found: "Impact", *, as_json: bool) -> None:
    from provsdk.cli.gaps import absent_outputs  # noqa: PLC0415 help needs none of it
    from provsdk.cli.reading import short_names  # noqa: PLC0415 as above
    from provsdk.report.impact import impact_json, impact_screen, rest  # noqa: PLC0415 as above

    stats, gaps = log.stats(), len(absent_outputs(log, config).gaps)
    if as_json:
        print_json(impact_json(found, stats.records, gaps))
        return
    shown = [hit.record.record_id for hits in (found.used, found.possible, found.unlinked) for hit in hits[:SHOWN]]
    through = [one for hit in (*found.used[:SHOWN], *found.possible[:SHOWN]) for one in hit.through]
    shorts = short_names(log, [*dict.fromkeys([*shown, *through, *(one.record_id for one in found.doubtful[:SHOWN])])])
    for part in impact_screen(found, shorts, SHOWN):
        show(part)
    for line in rest(found, stats.records, gaps, stats.first_record_at):
        remark(f"{line[0].upper()}{line[1:]}.")
