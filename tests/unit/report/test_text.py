"""The report says what a person asks for, at any width, and no data reaches the terminal but as letters."""

import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from provsdk.records.record import Checksum, Completeness, Entity, Missing, Owner, Prompt, Stream, ToolCall
from provsdk.report.custody import unreadable
from provsdk.report.layout import in_ascii
from provsdk.report.sources import source_details
from provsdk.report.summary import Integrity, source_lines
from provsdk.report.text import show
from provsdk.vocabulary import IntegrityStatus


def screen(renderable, width=80, *, color=False):
    console = Console(
        width=width,
        markup=False,
        emoji=False,
        highlight=False,
        force_terminal=color,
        color_system="truecolor" if color else None,
    )
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def squeezed(text):
    return re.sub(r"\s+", " ", text)


def test_the_first_lines_answer_what_who_and_whether_it_holds(build):
    head = "\n".join(screen(show(build.report(), width=80)).splitlines()[:13])

    assert "support-answer  completed" in head
    assert build.record().record_id in head
    assert "2026-11-24 02:13:26 UTC · in 1.24 s" in head
    assert "ana@example.org (output owner)" in head
    assert "✓ verified (signed by key example.org/support+1a2b3c4d)" in head
    assert "1 thing, named at the end" in head


@pytest.mark.parametrize(
    ("undelivered", "said"),
    [(0, "counted as the server took them; the client"), (3, "took them, 3 more were made; the client went away")],
)
def test_a_stream_that_a_client_left_says_what_the_server_took(build, undelivered, said):
    stream = Stream(chunks=2, boundary="asgi", first_chunk_us=20, undelivered=undelivered, disconnected=True)
    output = build.changed(build.record().output, status="closed_early", stream=stream)
    shown = squeezed(screen(show(build.report(build.changed(build.record(), output=output)), width=120), 120))

    assert "support-answer closed early" in shown
    assert said in shown


@pytest.mark.parametrize(
    ("result", "blocking", "status", "said"),
    [
        ("fail", True, "completed", True),
        ("fail", False, "completed", False),
        ("fail", True, "blocked", False),
        ("pass", True, "completed", False),
    ],
)
def test_a_failure_that_was_meant_to_block_and_did_not_is_named(build, result, blocking, status, said):
    record = build.record()
    output = build.changed(record.output, status=status)
    checks = [build.check(5, result=result, blocking=blocking)]
    shown = squeezed(screen(show(build.report(build.changed(record, output=output, policy_checks=checks)), width=80)))

    assert ("was not withheld" in shown) is said


def test_an_output_that_another_process_handed_over_says_so_first(build):
    record = build.record()
    activity, above = f"act_{'a' * 32}-{'b' * 16}", f"rec_{'a' * 32}-{'c' * 16}"
    for trace, said in (
        ({"parent_activity_id": activity, "parent_record_id": above}, f"handed over by {above} · {activity}"),
        ({"parent_activity_id": activity}, f"handed over by {activity}, of no output"),
    ):
        item = build.changed(record, trace=build.changed(record.trace, **trace))
        assert said in squeezed(screen(show(build.report(item), width=200), 200))

    assert "handed over by" not in screen(show(build.report(), width=200), 200)


def test_sources_are_shown_with_type_version_reliability_and_link(build):
    text = squeezed(screen(show(build.report(), width=120), 120))

    assert "1 wrapt/README.rst file 2.5.2 0.90 given to chat" in text
    assert "2 orders database unknown 0.90 inferred: enclosing" in text


def stated(build, result, algorithm="sha256", why=None):
    found = Checksum(algorithm=algorithm, stated=f"{algorithm}:{'ab' * 16}", result=result, why=why)
    return build.record(sources=[build.source(1, checksum=found)])


def test_a_checksum_that_does_not_match_stands_at_the_top_and_beside_its_source(build):
    text = squeezed(screen(show(build.report(stated(build, "mismatch")), width=120), 120))

    assert "checksums ✗ 1 source without the checksum that is stated of it" in text
    assert "wrapt/README.rst · checksum MISMATCH" in text
    assert "checksum" not in squeezed(screen(show(build.report(stated(build, "verified")), width=120), 120))


@pytest.mark.parametrize(
    ("result", "algorithm", "why", "said"),
    [
        ("verified", "sha256", None, "verified: sha256, as stated, when it was loaded"),
        ("verified", "md5", None, "verified: md5 (weak), as stated"),
        ("mismatch", "sha512", None, "MISMATCH: what was loaded does not have the sha512"),
        ("not_compared", "sha256", "list has no bytes of its own", "not compared: list has no bytes of its own"),
    ],
)
def test_the_details_of_a_source_say_what_came_of_its_checksum(build, result, algorithm, why, said):
    record = stated(build, result, algorithm, why)

    text = squeezed(screen(source_details(source_lines(record), record), 120))

    assert said in text
    assert f"stated {algorithm}:abab" in text


def test_reliability_is_never_shown_as_evidence(build):
    assert "reliability, default of policy for the type, not evidence" in screen(show(build.report(), width=80))


def test_a_load_stands_where_it_began_with_what_it_took(build):
    loaded = build.source(1, took_us=9_500, retrieved_at=build.at(12_000))
    lines = screen(show(build.report(build.record(sources=[loaded])), width=120), 120).splitlines()
    said = next(line for line in lines if "load file" in line)

    assert "+2.5 ms" in said
    assert "9.5 ms" in said.partition("+2.5 ms")[2]


def test_steps_stand_in_order_with_their_durations(build):
    lines = screen(show(build.report(), width=120), 120).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Steps"))

    assert [squeezed(line.split("━")[0].split("·")[0]).strip() for line in lines[start + 2 : start + 6]] == [
        "1 wrapt/README.rst and 1 more load file +12 ms sources 1-2",
        "2 rank transform filter +14 ms 412 µs",
        "3 chat model call +20 ms 1.19 s 1,312 tokens in, 58 out",
        "4 no personal data check pii scan +1.21 s 300 µs pass",
    ]


def test_a_long_name_of_a_step_breaks_between_its_words_and_an_error_goes_by_its_class(build):
    step = build.transformation(
        2, name="cites-a-passage-of-it", status="failed", error_type="asyncio.exceptions.CancelledError"
    )

    text = screen(show(build.report(build.record(transformations=[step])), width=80))

    assert "cites-a-passage-" in text
    assert "CancelledError" in text
    assert "asyncio" not in text


def test_a_location_in_full_breaks_after_a_slash(build):
    location = "/srv/app/lib/python3.11/site-packages/cryptography-50.0.2.dist-info/licenses/LICENSE.APACHE"
    record = build.record(sources=[build.source(1, location=location)])

    text = screen(source_details(source_lines(record), record))

    assert re.search(r"/site-packages/ *\n", text)
    assert location in "".join(text.split())


@pytest.mark.parametrize(("number", "said"), [(1, "1 value of its own"), (2, "2 values of its own")])
def test_a_source_says_how_many_values_it_holds(build, number, said):
    elements = [
        build.changed(build.record().output.arguments[0], entity_id=build.entity(1, n + 1)) for n in range(number)
    ]
    record = build.record(sources=[build.source(1, elements=elements)])

    assert said in screen(source_details(source_lines(record), record))


def test_the_model_is_shown_with_settings_and_tokens(build):
    text = screen(show(build.report(), width=80))

    assert "gpt-5-mini · by openai · answered as gpt-5-mini-2026-08-07" in text
    assert "temperature 0.2 · max_tokens 400" in text
    assert "1,312 tokens in, 58 out · finished: stop" in text
    assert "first chunk" not in text
    assert "asked for" not in text


def test_what_else_is_known_of_a_model_call_is_shown_beside_it(build):
    template = Entity(entity_id=build.entity(3, 2), role="template", digest="sha256:" + "ab" * 32, size_bytes=412)
    call = build.model_call(
        3,
        operation="chat",
        cache_read_tokens=1_024,
        cache_write_tokens=0,
        reasoning_tokens=32,
        time_to_first_chunk_s=0.25,
        retries=2,
        tool_calls=[ToolCall(name="search", tool_call_id="call_1", arguments=None)],
        prompt=Prompt(name="support", version="7", template=template),
    )

    text = squeezed(screen(show(build.report(build.record(model_calls=[call])), width=160), 160))

    assert "chat · chat · 1.19 s · first chunk after 250 ms · 2 retries" in text
    assert "1,312 tokens in, 58 out · 1,024 read from a cache · 32 for reasoning · finished: stop" in text
    assert "prompt support · version 7 · 412 B, sha256:abababababab…" in text
    assert "asked for search response" in text


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([(0, "digest"), (1, "identity")], "linked 2 of 2 sources observed to reach the output missing"),
        ([(0, "digest"), (1, "explicit")], "1 of 2 sources observed to reach the output · 1 declared"),
        ([(1, "enclosing")], "0 of 2 sources observed to reach the output · 1 inferred · 1 not linked"),
    ],
)
def test_the_headline_counts_the_sources_that_reached_the_output(build, edges, expected):
    flow = build.edges(*((build.out, build.entity(1, number), "wasDerivedFrom", basis) for number, basis in edges))

    text = squeezed(screen(show(build.report(build.record(flow=flow)), width=120), 120))

    assert expected in text


def test_without_sources_the_headline_says_so(build):
    text = screen(show(build.report(build.record(sources=[])), width=80))

    assert "linked          ! no sources: none was found or declared" in text


def test_the_missing_is_named(build):
    assert "! a bound was reached before everything was looked at (chat/prompt)" in screen(
        show(build.report(), width=80)
    )


def test_a_complete_record_says_so(build):
    report = build.report(build.record(completeness=Completeness(complete=True, reasons=[])))

    assert screen(show(report, width=80)).count("nothing is known to be missing") == 2


def test_notes_are_shown_with_their_author(build):
    text = screen(show(build.report(), width=80))

    assert "Ana · 2026-11-24 02:13:28 UTC" in text
    assert "Checked by hand." in text


@pytest.mark.parametrize(
    ("integrity", "expected"),
    [
        (Integrity(IntegrityStatus.VERIFIED, "consistent", None, 3, 0, None), "verified (consistent:"),
        (Integrity(IntegrityStatus.VERIFIED, "signed", "k+1", 3, 0, None), "verified (signed by key k+1)"),
        (Integrity(IntegrityStatus.VERIFIED, "anchored", "k+1", 3, 0, None), "verified (anchored outside this machine"),
        (Integrity(IntegrityStatus.TAMPERED, "signed", "k+1", 3, 0, (12, "body")), "✗ TAMPERED: entry 12, body"),
        (Integrity(IntegrityStatus.UNVERIFIED, None, None, 0, 0, None), "! unverified"),
    ],
)
def test_integrity_is_never_said_without_its_level(build, integrity, expected):
    text = screen(show(build.report(integrity=integrity), width=80))

    assert expected in text
    assert not re.search(r"verified(?! \()", text.replace("unverified", "").replace("has to be verified", ""))


def test_parts_without_their_key_count_as_not_checked(build):
    report = build.report(integrity=Integrity(IntegrityStatus.VERIFIED, "signed", "k", 10, 4, None))

    assert "10 items recomputed · 4 not checked, and not counted as valid" in screen(show(report, width=80))


def test_without_color_there_is_no_escape(build):
    assert "\x1b" not in screen(show(build.report(), width=80))


def test_color_only_repeats_what_the_words_say(build):
    colored = screen(show(build.report(), width=80), color=True)

    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == screen(show(build.report(), width=80))


def test_ascii_terminals_get_the_same_columns(build):
    text = screen(show(build.report(), width=120), 120)

    assert in_ascii(text).isascii()
    assert [len(line) for line in in_ascii(text).splitlines()] == [len(line) for line in text.splitlines()]


hostile = st.lists(
    st.sampled_from(
        [
            *"[]/ \\aZ日ש\u0645\x1b\x9b\u202e\u2066\u200f\ud800\n\t\x07e\u0301",
            "👩‍🔬",
            "[bold]",
            "[/]",
            "[link=x]",
            ":smile:",
        ]
    )
).map("".join)


@settings(max_examples=25, deadline=None)
@given(text=hostile, width=st.sampled_from([40, 80, 120]))
def test_hostile_text_is_inert_and_fits(build, text, width):
    """Whatever a name, a location or a note holds: no escape, no mark that reorders, no markup read, no overrun."""
    shown = screen(show(hostile_report(build, text), width=width), width, color=True)

    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f\ud800-\udfff]", plain)
    assert all(cell_len(line) <= width for line in plain.splitlines())


def hostile_report(build, text):
    record = build.record(
        output=build.changed(build.record().output, name=text, status=text, error_type=text, media_type=text),
        sources=[build.source(1, name=text, location=text, version=text, type=text, status=text)],
        transformations=[build.transformation(2, name=text, type=text, status=text)],
        model_calls=[build.model_call(3, name=text, provider=text, model=text, parameters={text: [text]})],
        policy_checks=[build.check(4, name=text, type=text, result=text, reasons=[text])],
        ownership=[Owner(role=text, agent=text), Owner(role="output_owner", agent=text)],
        completeness=Completeness(complete=False, reasons=[Missing(reason=text, detail=text)]),
        environment={text: text},
    )
    notes = ({"time": text, "author": text, "text": text},)
    return build.report(record, custody=dataclasses.replace(build.custody, notes=notes, origin=text))


def test_markup_in_a_name_is_shown_as_it_stands(build):
    record = build.record(output=build.changed(build.record().output, name="[bold red]x[/] :smile:"))

    assert screen(show(build.report(record), width=80)).startswith("[bold red]x[/] :smile:  completed")


def test_an_empty_record_says_what_it_lacks(build):
    record = build.record(sources=[], transformations=[], model_calls=[], policy_checks=[], flow=[], ownership=[])

    text = screen(show(build.report(record), width=80))

    assert "none was found or declared" in text
    assert "none was traced within this output" in text
    assert "none ran" in text
    assert "nobody is named" in text


def test_many_sources_leave_their_locations_to_another_command(build):
    record = build.record(sources=[build.source(1, number) for number in range(20)], flow=[])

    text = screen(show(build.report(record), width=80))

    assert "METADATA" not in text
    assert "locations and digests: provsdk sources" in text


@pytest.mark.parametrize(("state", "why"), [("locked", "its key is not reachable"), ("erased", "it was erased")])
def test_a_record_that_cannot_be_read_says_why(build, state, why):
    custody = dataclasses.replace(build.custody, unreadable=((12, "header", state),))

    text = screen(unreadable("rec_1", build.integrity, custody))

    assert why in text
    assert f"entry 12, {state}  header" in text
