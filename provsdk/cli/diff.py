"""Why two outputs differ."""

import click

from provsdk.cli.place import as_json, opened, store_option
from provsdk.cli.terminal import print_json, remark, show

__all__ = ["diff"]


@click.command("diff")
@click.argument("first")
@click.argument("second")
@store_option
@as_json
def diff(first: str, second: str, store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Show why two outputs differ, the likeliest cause first.

    Input, sources (added, gone, another version or content), prompt (template, text), model, settings, steps, code,
    environment, checks. FIRST and SECOND are ids of records, unique prefixes of them, output ids, or @latest.
    """
    from provsdk.cli.reading import readable, short_names  # noqa: PLC0415 help needs none of it
    from provsdk.questions.diff import diff as diff_of  # noqa: PLC0415 as above
    from provsdk.report.diff import diff_json, diff_screen  # noqa: PLC0415 as above
    from provsdk.report.steps import counted  # noqa: PLC0415 as above

    with opened(store) as log:
        records = [readable(log, name) for name in (first, second)]
        ids = [record.record_id for record in records]
        shorts = short_names(log, ids)
    found = diff_of(*records)
    if as_json:
        print_json(diff_json(found, *ids))
        return
    for part in diff_screen(found, shorts[ids[0]], shorts[ids[1]]):
        show(part)
    causes = sum(one.kind != "output" for one in found)
    same = not any((one.kind, one.what) == ("output", "value") for one in found)
    value = "both came to the same value" if same else "they came to different values"
    was = "was" if causes == 1 else "were"
    what = f"{counted(causes, 'thing')} {was} not the same" if causes else "nothing that is recorded was different"
    remark(f"{value[0].upper()}{value[1:]}; {what}.")
