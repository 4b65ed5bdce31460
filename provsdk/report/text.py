"""The report of one record, for a terminal: the page that a person reads to know where an output came from.

What matters first stands first: what it is, who answers for it, whether it was tampered with, what is missing. Then
where it came from, how it was made, under what rules; last the log, for whoever wants to check.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from msgspec import UnsetType
from rich.console import Group, RenderableType
from rich.text import Text

from provsdk.questions.links import Strength
from provsdk.records.record import Entity, ModelCall, Owner, ProvenanceRecord, ToolCall, Trace
from provsdk.report import wording
from provsdk.report.custody import custody_section, missing_section, verdict
from provsdk.report.environment import environment_section
from provsdk.report.layout import (
    BAD,
    BAR,
    DOT,
    UNSURE,
    cell,
    columns,
    joined,
    listed,
    pairs,
    parameters,
    section,
    status_style,
)
from provsdk.report.recalls import recall_cell
from provsdk.report.rules import checks_section, owners_section, retention_section
from provsdk.report.sources import legend, mismatches, source_table
from provsdk.report.steps import Step, counted, microseconds_between, tokens
from provsdk.report.summary import Report
from provsdk.vocabulary import OwnershipRole

__all__ = ["BARS_FROM_WIDTH", "show"]

BARS_FROM_WIDTH: Final = 100
"""From this width on, steps are drawn on a time line too."""

_BAR_CELLS: Final = 20

_OTHERWISE: Final[Mapping[Strength, str]] = {
    "declared": "declared",
    "given": "given to a step",
    "inferred": "inferred",
    "none": "not linked",
}
"""How a source may be linked that was not observed to reach the output, weakest last."""


def show(report: Report, *, width: int) -> RenderableType:
    """The whole report, for a screen of *width* columns."""
    return Group(
        _title(report.record),
        _headline(report),
        _sources(report),
        _steps(report, bars=width >= BARS_FROM_WIDTH),
        *_models(report.record),
        checks_section(report.record),
        owners_section(report.record),
        retention_section(report.record, report.kept_until),
        *environment_section(report.record.environment),
        custody_section(report.integrity, report.custody, report.record),
        missing_section(report.record),
    )


def _title(record: ProvenanceRecord) -> RenderableType:
    output = record.output
    status = joined([cell(wording.words(output.status), status_style(output.status)), cell(output.error_type, "red")])
    return Group(Text.assemble(cell(output.name, "bold"), "  ", status), cell(record.record_id, "dim"), Text())


def _headline(report: Report) -> RenderableType:
    record, output = report.record, report.record.output
    version = f"version {output.version}" if output.version else None
    value = [output.media_type, wording.size(output.size_bytes), wording.digest(output.digest or output.join_digest)]
    given = [item for item in output.arguments if item.element_of is None]
    rows: list[tuple[str, RenderableType | None]] = [
        ("made", joined([wording.moment(record.generated_at), f"in {wording.duration(report.duration_us)}", version])),
        ("answers for it", _accountable(record.ownership)),
        ("context", _context(record)),
        ("handed over by", _handed_over_by(record.trace)),
        ("from", listed(map(_argument, given)) if given else None),
        ("value", joined(value) if any(value) else cell("none", "dim")),
        ("delivered", cell(wording.delivered(output.stream)) if output.stream else None),
        ("class", cell(output.classification)),
        ("recalled", recall_cell(report.recalls)),
        ("integrity", verdict(report.integrity)),
        ("linked", _linked(report)),
        ("checksums", _checksums(report)),
        ("missing", _missing_count(record)),
    ]
    return pairs((label, value) for label, value in rows if value is not None)


def _accountable(owners: list[Owner]) -> Text:
    roles = {role.value: role for role in OwnershipRole}
    found = [owner for owner in owners if owner.role in roles and roles[owner.role].accountable]
    if not found:
        return cell(f"{UNSURE} nobody is named", "yellow")
    return listed(f"{owner.agent} ({wording.words(owner.role)})" for owner in found)


def _context(record: ProvenanceRecord) -> Text | None:
    context = record.context
    known = [
        None if context.tenant == "default" else f"tenant {context.tenant}",
        f"session {context.session}" if context.session else None,
        "about " + ", ".join(context.subjects) if context.subjects else None,
        "for " + ", ".join(context.recipients) if context.recipients else None,
        f"purpose {context.purpose}" if context.purpose else None,
    ]
    return joined(known) if any(known) else None


def _handed_over_by(trace: Trace) -> Text | None:
    """Which activity of another process the output was made for."""
    activity, record = trace.parent_activity_id, trace.parent_record_id
    if isinstance(activity, UnsetType):
        return None
    return cell(f"{activity}, of no output") if isinstance(record, UnsetType) else joined([record, activity])


def _argument(item: Entity) -> str:
    measure = wording.size(item.size_bytes)
    return f"{item.name or item.role}{f' ({measure})' if measure else ''}"


def _linked(report: Report) -> Text:
    """How many sources are known to have reached the output: that nothing is missing says nothing of that."""
    nested = f"{counted(report.nested, 'output')} made within it" if report.nested else None
    number = len(report.sources)
    if not number:
        none = "no sources of its own" if nested else f"{UNSURE} no sources: none was found or declared"
        return joined([cell(none, "yellow"), nested])
    found = Counter(line.link.strength for line in report.sources)
    ways = (f"{found[strength]} {words}" for strength, words in _OTHERWISE.items() if found[strength])
    text = f"{found['observed']} of {counted(number, 'source')} observed to reach the output"
    return joined([cell(text, "green" if found["observed"] == number else "yellow"), *ways, nested])


def _checksums(report: Report) -> Text | None:
    number = mismatches(report.sources)
    if not number:
        return None
    return cell(f"{BAD} {counted(number, 'source')} without the checksum that is stated of it", "bold red")


def _missing_count(record: ProvenanceRecord) -> Text:
    number = len(record.completeness.reasons)
    if not number:
        return cell("nothing is known to be missing")
    return cell(f"{UNSURE} {counted(number, 'thing')}, named at the end", "yellow")


def _sources(report: Report) -> RenderableType:
    if not report.sources:
        return section("Sources", "", cell(f"{UNSURE} none was found or declared", "yellow"))
    return section(
        "Sources", str(len(report.sources)), source_table(report.sources, report.record), *legend(report.sources)
    )


def _steps(report: Report, *, bars: bool) -> RenderableType:
    if not report.steps:
        return section("Steps", "", cell(f"{UNSURE} none was traced within this output", "yellow"))
    titles = ("#", "Step", "Kind", "At", "Took", "Came to", *(["Time line"] if bars else []))
    table = columns(*titles, right=("#", "At", "Took"), fixed=("Kind", "Time line"))
    for number, step in enumerate(report.steps, 1):
        table.add_row(*_step_row(number, step), *([_bar(step, report.duration_us)] if bars else []))
    return section("Steps", f"{len(report.steps)}, in {wording.duration(report.duration_us)}", table)


def _step_row(number: int, step: Step) -> list[Text]:
    kind = Text.assemble(step.kind, " ", cell(step.type and wording.words(step.type), "dim", limit=20))
    bad = None if step.status == "completed" else cell(wording.words(step.status), status_style(step.status))
    outcome = cell(step.outcome, status_style(step.outcome) if step.kind == "check" else "")
    error = step.error_type and step.error_type.rpartition(".")[2]
    came_to = joined([bad, cell(error, "red"), outcome])
    at = None if step.offset_us is None else f"+{wording.duration(max(step.offset_us, 0))}"
    return [
        cell(number, "dim"),
        cell(step.name),
        kind,
        cell(at, "dim"),
        cell(wording.duration(step.duration_us)),
        came_to,
    ]


def _bar(step: Step, total_us: int) -> Text:
    """Where the step lies in the output's time; a bar of one cell stands for anything shorter."""
    scale = _BAR_CELLS / max(total_us, 1)
    if step.offset_us is None:
        return Text()
    start = min(max(int(step.offset_us * scale), 0), _BAR_CELLS - 1)
    length = min(max(round((step.duration_us or 0) * scale), 1), _BAR_CELLS - start)
    sign = BAR if step.duration_us is not None else DOT
    return Text(" " * start + sign * length, style="blue", no_wrap=True)


def _models(record: ProvenanceRecord) -> list[RenderableType]:
    calls = record.model_calls
    if not calls:
        return []
    blocks = [block for call in calls for block in (pairs(_model(call)), Text())][:-1]
    return [section("Model", "" if len(calls) == 1 else f"{len(calls)} calls", *blocks)]


def _model(call: ModelCall) -> list[tuple[str, RenderableType]]:
    answered = f"answered as {call.response_model}" if call.response_model not in (None, call.model) else None
    took = wording.duration(microseconds_between(call.started_at, call.ended_at))
    finish = "finished: " + ", ".join(call.finish_reasons) if call.finish_reasons else None
    bad = None if call.status == "completed" else cell(wording.words(call.status), status_style(call.status))
    of_tokens = [
        f"{number:,} {what}"
        for number, what in (
            (call.cache_read_tokens, "read from a cache"),
            (call.cache_write_tokens, "written to a cache"),
            (call.reasoning_tokens, "for reasoning"),
        )
        if number
    ]
    rows = [
        ("model", joined([call.model or "not known", f"by {call.provider}" if call.provider else None, answered])),
        (
            "call",
            joined(
                [
                    call.name,
                    call.operation or None,
                    took,
                    _first_chunk(call),
                    counted(call.retries, "retry") if call.retries else None,
                    bad,
                    cell(call.error_type, "red"),
                    f"version {call.version}" if call.version else None,
                ]
            ),
        ),
        ("settings", parameters(call.parameters) if call.parameters else cell("none recorded", "dim")),
        ("delivered", cell(wording.delivered(call.stream)) if call.stream else Text()),
        ("prompt", _prompt(call)),
        ("usage", joined([tokens(call) or "tokens not known", *of_tokens, finish])),
        ("asked for", listed(_tool(each) for each in call.tool_calls or ())),
        ("response", cell(call.response_id, "dim")),
    ]
    return [(label, value) for label, value in rows if value.plain]


def _first_chunk(call: ModelCall) -> str | None:
    """How long the first chunk of a stream took."""
    seconds = call.time_to_first_chunk_s
    if isinstance(seconds, UnsetType):
        return None
    return f"first chunk after {wording.duration(round(seconds * 1_000_000))}"


def _prompt(call: ModelCall) -> Text:
    """Name, version and digest of the prompt's template."""
    if not call.prompt:
        return Text()
    template = call.prompt.template
    version = f"version {call.prompt.version}" if call.prompt.version else None
    return joined([call.prompt.name, version, _measured(template)])


def _tool(call: ToolCall) -> str:
    """A tool that the model asked for; of the arguments, their measure."""
    measured = _measured(call.arguments)
    return f"{call.name}{f' ({measured})' if measured else ''}"


def _measured(value: Entity | None) -> str | None:
    if value is None:
        return None
    known = [wording.size(value.size_bytes), wording.digest(value.digest or value.join_digest)]
    return ", ".join(each for each in known if each) or None
