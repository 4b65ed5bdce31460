"""What an output goes back to."""

from typing import Any

import click

from provsdk.cli.place import as_json, opened, store_option
from provsdk.cli.terminal import print_json, remark, show

__all__ = ["lineage"]


class Depth(click.ParamType):  # type: ignore[type-arg] # generic from click 8.2 on only
    """A number of steps, or a `LineageDepth` by name."""

    name = "depth"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number of steps; -1 for all."""
        from provsdk.vocabulary import LineageDepth  # noqa: PLC0415 help needs none of it

        names = {each.value: each.generations for each in LineageDepth}
        text = str(value).strip().lower()
        if text in names:
            return names[text]
        if text != "-1" and not (text.isascii() and text.isdecimal() and int(text) > 0):
            self.fail(f"{value!r} is no depth; allowed: a number from 1, -1, {', '.join(names)}", param, ctx)
        return int(text)


@click.command("lineage")
@click.argument("record")
@click.option(
    "--depth",
    type=Depth(),
    metavar="N",
    help="At most N steps back, or immediate, parent, full (1, 2, 5); complete (-1), as where left out: all of them.",
)
@store_option
@as_json
def lineage(record: str, depth: int | None, store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Show what an output goes back to, as a tree.

    Each line says how the step is known: observed, declared, inferred; or given to a step, where the value above could
    not be examined and lineage falls back to what its activity received. RECORD is an id, a unique prefix of it, an
    output id, or @latest.
    """
    from provsdk.cli.reading import nested_of, readable  # noqa: PLC0415 help needs none of it
    from provsdk.report.lineage import any_fallback, lineage_json, lineage_tree  # noqa: PLC0415 as above
    from provsdk.report.lineage import lineage as lineage_of  # noqa: PLC0415 as above

    with opened(store) as log:
        found = readable(log, record)
        nested = nested_of(log, found)
    root = lineage_of(found, -1 if depth is None else depth, nested)
    if as_json:
        print_json(lineage_json(root))
        return
    show(lineage_tree(root))
    if any_fallback(root):
        remark("given to …: a step received it; whether it shaped the result was not seen.")
