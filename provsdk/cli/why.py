"""Which sources support what an output says."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provsdk.cli.app import FINDING, NOT_CARRIED_OUT
from provsdk.cli.place import as_json, configuration, opened, store_option
from provsdk.cli.terminal import complain, print_json, remark, show

if TYPE_CHECKING:
    from provsdk.records.record import ProvenanceRecord
    from provsdk.store.contract import Store

__all__ = ["why"]


@click.command("why")
@click.argument("record")
@click.option(
    "--text", "file", metavar="FILE", help="The output's text or JSON, or - for stdin: where its content was not kept."
)
@click.option("--format", "format_", type=click.Choice(["text", "json", "html"]), default="text", help="[text]")
@store_option
@as_json
def why(record: str, file: str | None, format_: str, store: str | None, as_json: bool) -> None:  # noqa: FBT001 click's options
    """Show which sources support each sentence of an output.

    Of a structured one, or of a JSON text, in each of its fields. By the words that they share: what says the same in
    other words is unsupported here. The record keeps places, not words: the text comes from captured content, or from
    FILE, which is compared with the record first. Exits 1 where that is another text.
    """
    from provsdk.ask import is_text_of  # noqa: PLC0415 help needs none of it
    from provsdk.cli.reading import readable  # noqa: PLC0415 as above
    from provsdk.questions.why import limits  # noqa: PLC0415 as above
    from provsdk.questions.why import why as why_of  # noqa: PLC0415 as above
    from provsdk.report.passages import passages  # noqa: PLC0415 as above
    from provsdk.report.why import why_html, why_json, why_screen, why_summary  # noqa: PLC0415 as above

    with opened(store) as log:
        found = readable(log, record)
        config = configuration(store)
        kept = _kept(log, found)
        candidates = kept.values() if file is None else _given(file)
        text = next((one for one in candidates if is_text_of(found, one, config.keys)), None)
    if text is None:
        complain(_another_text(found, file))
        is_another = file is not None and found.output.media_type is not None
        click.get_current_context().exit(FINDING if is_another else NOT_CARRIED_OUT)
    told = why_of(found, text)
    if as_json or format_ == "json":
        print_json(why_json(found, told))
    elif format_ == "html":
        supports = [each for one in told for each in one.supports]
        click.echo(why_html(found, text, told, passages(found, supports, kept)), nl=False)
    else:
        for part in why_screen(told):
            show(part)
        remark(f"{why_summary(told)}, by the words that they share with a source.")
        for line in limits(found):
            remark(f"More may be supported: {line}.")


def _given(file: str) -> list[str]:
    """The text of a file, also without the line end that editors add.

    Raises:
        FormatError: it is no text.
    """
    from provsdk.errors import FormatError  # noqa: PLC0415 help needs none of it

    data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"{file}: not UTF-8 at byte {error.start + 1}") from None
    return list(
        dict.fromkeys(one for each in (text, text.replace("\r\n", "\n")) for one in (each, each.removesuffix("\n")))
    )


def _kept(log: "Store", record: "ProvenanceRecord") -> dict[str, str]:
    """The texts among the captured contents of the record, by the ids of their values."""
    import json  # noqa: PLC0415 help needs none of it

    found = {}
    for entry in log.entries_about(record.record_id):
        for part in log.parts(entry.index):
            if part.path.startswith("content/") and part.content is not None:
                said = json.loads(part.content)
                if said.get("encoding") == "utf-8":
                    found[str(said["entity_id"])] = str(said["content"])
    return found


def _another_text(record: "ProvenanceRecord", file: str | None) -> str:
    from provsdk.ask import BYTES, TEXT  # noqa: PLC0415 help needs none of it

    output = record.output
    if output.media_type is None:
        return f"{record.record_id}: its output came to nothing that has a text"
    form = {TEXT: "text", BYTES: "text, as UTF-8,"}.get(output.media_type, "value as JSON")
    if file is None:
        return (
            f"{record.record_id}: its content was not kept (`capture_content`); "
            f"give its {form} with --text FILE: it is compared with the record first"
        )
    return (
        f"{file} is not what {record.record_id} came to: expected a {form} of {output.size_bytes} bytes with the "
        f"digest {output.digest or output.join_digest}"
    )
