"""What an output goes back to."""

from typing import TYPE_CHECKING, Any

import click

from provsdk.cli.place import as_json, opened, store_option
from provsdk.cli.terminal import print_json, remark, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provsdk.questions.across import Joined
    from provsdk.questions.links import Strength
    from provsdk.report.drawing import Arrow
    from provsdk.store.contract import Store

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
    help="At most N steps, or immediate, parent, full (1, 2, 5); complete (-1), as where left out: all of them. "
    "With --down, outputs are counted.",
)
@click.option(
    "--basis",
    type=click.Choice(["observed", "declared", "any"]),
    default="any",
    help="Only steps that were observed; or those and what was declared. [any]",
)
@click.option("--up/--down", "up", default=True, help="What the output goes back to, or what goes back to it. [--up]")
@click.option(
    "--format", "format_", type=click.Choice(["tree", "json", "mermaid", "dot"]), default="tree", help="[tree]"
)
@store_option
@as_json
def lineage(record: str, store: str | None, as_json: bool, **options: Any) -> None:  # noqa: FBT001 click's options
    """Show what an output goes back to, or what goes back to it.

    As a tree; with --down, of what goes back to it.

    Each line says how the step is known: observed, declared, inferred; or given to a step, where the value above could
    not be examined and lineage falls back to what its activity received. A source that is the output of another record
    in this store, by equal content, goes on there. RECORD is an id, a unique prefix of it, an output id, or @latest.
    """
    depth = -1 if options["depth"] is None else options["depth"]
    from provsdk.ask import LEAST  # noqa: PLC0415 help needs none of it

    least = LEAST[options["basis"]]
    how = "json" if as_json else options["format_"]
    with opened(store) as log:
        (_up if options["up"] else _down)(log, record, depth, least, how)


def _up(log: "Store", name: str, depth: int, least: "Strength", how: str) -> None:
    from provsdk.cli.reading import readable, short_names  # noqa: PLC0415 help needs none of it
    from provsdk.questions.across import upstream  # noqa: PLC0415 as above
    from provsdk.report.lineage import any_fallback, lineage_drawing, lineage_json, lineage_tree  # noqa: PLC0415 as above
    from provsdk.report.lineage import lineage as lineage_of  # noqa: PLC0415 as above

    joined = upstream(log, readable(log, name))
    shorts = short_names(log, [*(one.record_id for one in joined.records[1:]), *joined.unreadable])
    root = lineage_of(joined, depth, least=least, shorts=shorts)
    if how == "json":
        print_json(lineage_json(root))
    elif how == "tree":
        show(lineage_tree(root))
        if any_fallback(root):
            remark("given to …: a step received it; whether it shaped the result was not seen.")
    else:
        _draw(how, *lineage_drawing(root))
    _remark_what_is_not_there(joined)


def _down(log: "Store", name: str, depth: int, least: "Strength", how: str) -> None:
    from provsdk.cli.reading import readable, short_names  # noqa: PLC0415 help needs none of it
    from provsdk.questions.across import downstream  # noqa: PLC0415 as above
    from provsdk.questions.effects import effects  # noqa: PLC0415 as above
    from provsdk.report.effects import effects_drawing, effects_json, effects_tree  # noqa: PLC0415 as above

    root = readable(log, name)
    joined = downstream(log, [root])
    shorts = short_names(log, [one.record_id for one in joined.records[1:]])
    found = effects(joined, depth, least=least)
    if how == "json":
        print_json(effects_json(root, found))
    elif how == "tree":
        show(effects_tree(root, found, shorts))
    else:
        _draw(how, *effects_drawing(root, found, shorts))
    _remark_what_is_not_there(joined)


def _draw(how: str, labels: "Mapping[str, str]", arrows: "Sequence[Arrow]") -> None:
    from provsdk.report.drawing import dot, mermaid  # noqa: PLC0415 help needs none of it

    for line in (mermaid if how == "mermaid" else dot)(labels.items(), arrows):
        click.echo(line)


def _remark_what_is_not_there(joined: "Joined") -> None:
    if joined.unreadable:
        remark(f"Not followed, as they cannot be read: {', '.join(joined.unreadable)}.")
    if joined.cut:
        remark(f"There is more: {len(joined.records):,} records were read, and no more are.")
