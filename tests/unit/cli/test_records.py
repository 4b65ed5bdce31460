"""list, show, sources, lineage, audit, record, export: on a real store with real records."""

import json

import msgspec
import pytest

import provsdk
from provsdk.records.record import Permissions, ProvenanceRecord


@pytest.fixture
def three(seal, numbered):
    records = [numbered(number) for number in (1, 2, 3)]
    seal(*records)
    return records


def test_list_shows_the_newest_first(run, three):
    lines = run("list").stdout.splitlines()

    assert [name for line in lines[1:] for name in ("answer-1", "answer-2", "answer-3") if name in line] == [
        "answer-3",
        "answer-2",
        "answer-1",
    ]


def test_list_names_records_so_that_show_finds_them(run, three):
    """At any width: what stands in the first column is enough."""
    short = run("list").stdout.splitlines()[1].split()[0]

    assert len(short) < 20
    assert "answer-3" in run("show", short).stdout


def test_list_keeps_a_name_on_one_line_where_it_fits(run, seal, numbered, build, monkeypatch):
    record = numbered(1)
    complete = build.changed(record.completeness, complete=True, reasons=[])
    seal(build.changed(record, output=build.changed(record.output, name="support-answer"), completeness=complete))
    monkeypatch.setenv("COLUMNS", "80")

    lines = run("list").stdout.splitlines()

    assert len(lines) == 2
    assert lines[1].split()[:2] == ["rec_00000001", "support-answer"]


def test_list_says_which_columns_it_has_no_room_for(run, three, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    narrow = run("list")
    monkeypatch.setenv("COLUMNS", "120")
    wide = run("list")

    hidden = [title for title in ("Class", "Transf", "Models", "Checks") if title not in narrow.stdout]
    assert "Checks" in hidden
    assert f"No room for {', '.join(hidden)}: a wider terminal or --json" in narrow.stderr
    assert "Checks" in wide.stdout
    assert "No room" not in wide.stderr


def test_list_breaks_a_long_name_before_it_leaves_out_the_checks(run, seal, numbered, build, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    seal(numbered(1, output=build.changed(numbered(1).output, name="answer-to-a-question-of-the-support-desk")))

    head, first, *_ = run("list").stdout.splitlines()

    assert "Checks" in head
    assert first.split()[1].endswith("-")


def test_list_json_is_an_array_of_summaries(run, three):
    found = json.loads(run("list", "--json").stdout)

    assert [item["record_id"] for item in found] == [record.record_id for record in reversed(three)]
    assert found[0]["name"] == "answer-3"
    assert (found[0]["sources"], found[0]["model_calls"], found[0]["complete"]) == (2, 1, False)


def test_list_can_be_limited_and_turned(run, three):
    found = json.loads(run("list", "--json", "--limit", "1", "--oldest-first").stdout)

    assert [item["name"] for item in found] == ["answer-1"]


def test_an_empty_store_is_an_empty_list(run, seal):
    seal()

    result = run("list")
    assert result.stdout == ""
    assert "No records yet" in result.stderr
    assert "when PROVSDK_STORE is set, or under `provsdk trace`" in result.stderr
    assert json.loads(run("list", "--json").stdout) == []


def test_show_is_the_report_with_its_trust_level(run, three):
    text = run("show", "@latest").stdout

    assert text.startswith("answer-3  completed")
    assert "verified (signed by key example.org/support+" in text


def test_show_json_is_the_folded_record_with_every_key(run, three):
    shown = json.loads(run("show", "@latest", "--json").stdout)

    assert shown.pop("notes") == []
    assert shown == msgspec.to_builtins(three[2])
    assert list(shown) == [field.encode_name for field in msgspec.structs.fields(ProvenanceRecord)]


@pytest.mark.parametrize("name", ["record", "output", "prefix", "output prefix"])
def test_a_record_goes_by_several_names(run, three, name):
    record = three[1]
    given = {
        "record": record.record_id,
        "output": record.output.output_id,
        "prefix": record.record_id[:12],
        "output prefix": record.output.output_id[:12],
    }[name]

    assert json.loads(run("show", given, "--json").stdout)["record_id"] == record.record_id


def test_what_is_not_found_is_a_finding_with_suggestions(run, three):
    result = run("show", "rec_ffff", code=1)

    assert result.stdout == ""
    assert three[2].record_id in result.stderr


def test_an_outputs_name_is_answered_with_its_records(run, three):
    result = run("show", "answer-2", code=1)

    assert three[1].record_id in result.stderr
    assert three[0].record_id not in result.stderr


def test_an_ambiguous_prefix_is_not_guessed(run, three):
    assert "rec_000000" in run("show", "rec_000000", code=1).stderr


def test_sources_are_shown_in_full(run, three):
    text = run("sources", "@latest").stdout

    assert "/usr/lib/python3.11/site-packages/wrapt-2.5.2.dist-info/METADATA" in text
    assert "ab" * 32 in text


def test_sources_json_holds_the_link(run, three):
    found = json.loads(run("sources", "@latest", "--json").stdout)

    assert [item["name"] for item in found] == ["wrapt/README.rst", "orders"]
    assert set(found[0]["link"]) == {"strength", "basis", "steps", "through"}


def test_audit_lists_entries_in_log_order(run, three):
    found = json.loads(run("audit", "--json").stdout)

    assert [item["index"] for item in found] == list(range(len(found)))
    assert [item["kind"] for item in found if item["kind"] != "log.opened"] == ["record.sealed"] * 3


def test_audit_of_a_record_lists_its_entries_only(run, three):
    run("record", "@latest", "--note", "seen")

    found = json.loads(run("audit", "@latest", "--json").stdout)

    assert [item["kind"] for item in found] == ["record.sealed", "note.added"]
    assert {item["subject"] for item in found} == {three[2].record_id}
    assert "note.added" in run("audit", "@latest").stdout


def test_a_note_is_appended_and_shown(run, three):
    run("record", "@latest", "--note", "Checked by hand.\nStill right.", "--author", "Ana")

    text = run("show", "@latest").stdout
    assert "Ana · " in text
    assert "Still right." in text
    assert run("verify").exit_code == 0


def test_a_note_leaves_the_record_as_it_was_and_stands_beside_it(run, three):
    before, exported = json.loads(run("show", "@latest", "--json").stdout), run("export", "@latest").stdout
    answer = json.loads(run("record", "@latest", "--note", "x", "--author", "Ana", "--json").stdout)
    after = json.loads(run("show", "@latest", "--json").stdout)

    assert answer == {"record_id": three[2].record_id, "entry": 4, "kind": "note.added"}
    assert [(set(note), note["author"], note["text"]) for note in after["notes"]] == [
        ({"time", "author", "text"}, "Ana", "x")
    ]
    assert {**after, "notes": []} == before
    assert run("export", "@latest").stdout == exported


@pytest.mark.parametrize("note", ["", "  \n"])
def test_an_empty_note_is_wrong_usage(run, three, note):
    run("record", "@latest", "--note", note, code=2)
    assert json.loads(run("show", "@latest", "--json").stdout)["notes"] == []


def test_a_hostile_note_is_harmless(run, three):
    run("record", "@latest", "--note", "\x1b[2J\u202egone[/]", "--author", "[bold]Eve")

    text = run("show", "@latest").stdout
    assert "\ufffd[2J\ufffdgone[/]" in text
    assert "[bold]Eve" in text


def test_a_note_on_a_protected_record_is_protected(run, seal, numbered, home):
    seal(numbered(1, permissions=Permissions(encryption_required=True, approval_required=[])))

    run("record", "@latest", "--note", "a secret remark")

    assert not any(b"secret remark" in path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert "a secret remark" in run("show", "@latest").stdout


def test_without_its_key_a_protected_record_stays_shut(run, seal, numbered, tmp_path):
    seal(numbered(1, permissions=Permissions(encryption_required=True, approval_required=[])))
    (tmp_path / "home/.local/share/provsdk/keys/content.key").rename(tmp_path / "away.key")

    assert "(encrypted)" in run("list").stdout
    assert "its key is not reachable" in run("show", "@latest", code=3).stdout
    assert run("show", "@latest", "--json", code=3).stdout == ""
    assert "not checked" in run("verify").stdout
    run("export", "@latest", code=3)


def test_export_writes_a_line_for_each_record(run, three):
    lines = run("export", "--all").stdout.splitlines()

    assert [json.loads(line)["record_id"] for line in lines] == [record.record_id for record in three]
    assert json.loads(lines[0]) == msgspec.to_builtins(three[0])


def test_export_passes_over_what_it_cannot_read(run, seal, numbered, tmp_path):
    protected = Permissions(encryption_required=True, approval_required=[])
    seal(numbered(1), numbered(2, permissions=protected), numbered(3))
    (tmp_path / "home/.local/share/provsdk/keys/content.key").rename(tmp_path / "away.key")

    result = run("export", "--all")

    assert [json.loads(line)["output"]["name"] for line in result.stdout.splitlines()] == ["answer-1", "answer-3"]
    assert f"passed over: {numbered(2).record_id} is encrypted" in result.stderr


def test_export_replaces_what_a_link_leads_to_and_keeps_its_mode(run, three, home):
    (home / "target.jsonl").write_text("old")
    (home / "target.jsonl").chmod(0o644)
    (home / "link.jsonl").symlink_to("target.jsonl")

    run("export", "@latest", "-o", "link.jsonl")

    assert (home / "link.jsonl").is_symlink()
    assert json.loads((home / "target.jsonl").read_text())["output"]["name"] == "answer-3"
    assert (home / "target.jsonl").stat().st_mode & 0o777 == 0o644


def test_export_of_one_record_is_one_line(run, three):
    assert len(run("export", "@latest", "--format", "jsonl").stdout.splitlines()) == 1


def test_export_replaces_a_file_in_one_step(run, three, home):
    (home / "out.jsonl").write_text("old")

    result = run("export", "--all", "-o", "out.jsonl")

    assert result.stdout == ""
    assert len((home / "out.jsonl").read_text().splitlines()) == 3
    assert sorted(path.name for path in home.iterdir()) == [".provsdk", "out.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a RECORD or say --all"),
        (["@latest", "--all"], "not both"),
        (["@latest", "--format", "xml"], "'xml' is not"),
    ],
)
def test_export_of_nothing_or_too_much_is_wrong_usage(run, three, arguments, said):
    assert said in run("export", *arguments, code=2).stderr


def test_export_into_a_missing_directory_cannot_be_carried_out(run, three):
    assert "missing/out.jsonl: No such file" in run("export", "--all", "-o", "missing/out.jsonl", code=3).stderr


def on_a_terminal(*arguments, **environ):
    """What a person sees: the command's stdout is a pseudo-terminal."""
    import os
    import pty
    import subprocess
    import sys

    main, side = pty.openpty()
    command = [sys.executable, "-c", "from provsdk.cli import main; main()", *arguments]
    done = subprocess.Popen(
        command, stdout=side, stderr=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm", **environ}
    )
    os.close(side)
    shown = b""
    try:
        while data := os.read(main, 65_536):
            shown += data
    except OSError:  # how Linux says that the other side of a terminal is closed
        pass
    finally:
        os.close(main)
    assert done.wait(timeout=60) == 0
    return shown.decode()


def test_a_terminal_gets_colours(three):
    assert "\x1b[" in on_a_terminal("show", "@latest")


def test_no_color_is_respected(three):
    assert "\x1b[3" not in on_a_terminal("show", "@latest", NO_COLOR="1")


def test_a_pipe_gets_no_escape(three):
    import os
    import subprocess
    import sys

    command = [sys.executable, "-c", "from provsdk.cli import main; main()", "show", "@latest"]
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environ)

    assert "\x1b" not in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_lineage_is_a_tree_from_effect_to_cause(run, three):
    result = run("lineage", "@latest")

    assert "wrapt/README.rst · source, file · given to chat" in result.stdout
    assert "not seen" in result.stderr


def test_lineage_explains_only_what_it_shows(run, three):
    result = run("lineage", "@latest", "--depth", "1")

    assert "given to" not in result.stdout + result.stderr


def test_lineage_can_be_cut(run, three):
    assert "further back: --depth" in run("lineage", "@latest", "--depth", "1").stdout
    run("lineage", "@latest", "--depth", "0", code=2)


def test_lineage_json_is_a_tree(run, three):
    tree = json.loads(run("lineage", "@latest", "--json").stdout)

    assert tree["id"] == three[2].output.output_id
    assert {cause["strength"] for cause in tree["causes"]} == {"observed", "inferred"}


def test_an_empty_store_has_nothing_to_suggest(run, seal):
    seal()

    assert "holds no records yet" in run("show", "@latest", code=1).stderr


@pytest.mark.parametrize(("number", "name"), [("1", "immediate"), ("2", "parent"), ("-1", "complete")])
def test_lineage_takes_a_number_of_steps_or_a_name(run, three, number, name):
    by_number = run("lineage", "@latest", "--depth", number, "--json").stdout

    assert by_number == run("lineage", "@latest", "--depth", name, "--json").stdout
    assert json.loads(by_number)["causes"]


@pytest.mark.parametrize("depth", ["0", "-2", "far"])
def test_another_depth_is_refused_with_the_allowed_ones(run, seal, build, depth):
    seal(build.record())

    assert "immediate, parent, full, complete" in " ".join(
        run("lineage", "@latest", "--depth", depth, code=2).stderr.split()
    )


def test_export_takes_json_as_every_command_does(run, seal, build, home):
    seal(build.record())

    assert json.loads(run("export", "@latest", "--json").stdout)["record_id"] == build.record().record_id
    told = json.loads(run("export", "--all", "--json", "-o", "out.jsonl").stdout)
    assert told == {"records": 1, "output": "out.jsonl"}


@pytest.fixture
def handed(seal, numbered, build):
    """`answer-2` has loaded what `answer-1` came to."""
    first = numbered(1)
    loaded = build.source(1, name="reply", join_digest=first.output.join_digest, retrieved_at=build.at(5_000_000))
    second = numbered(2, sources=[loaded])
    seal(first, second)
    return first, second


def test_lineage_goes_on_in_the_record_whose_output_a_source_is(run, handed):
    tree = run("lineage", "@latest", "--basis", "any").stdout

    assert "reply · source, file · given to chat" in tree
    assert "output answer-1 · rec_00000001 · observed: digest" in tree
    assert "orders · source, database" in tree


def test_lineage_can_leave_out_what_was_not_seen(run, three):
    for basis in ("observed", "declared"):
        tree = run("lineage", "@latest", "--basis", basis).stdout
        assert "result of chat · observed: identity" in tree
        assert "given to" not in tree
        assert "inferred" not in tree


def test_lineage_down_is_what_goes_back_to_an_output(run, handed):
    tree = run("lineage", handed[0].record_id, "--down").stdout
    assert "answer-2 · rec_00000002" in tree
    assert "given, through reply" in tree

    said = json.loads(run("lineage", handed[0].record_id, "--down", "--json").stdout)
    (effect,) = said["effects"]
    assert (effect["record_id"], effect["strength"]) == (handed[1].record_id, "given")
    assert [source["name"] for source in effect["sources"]] == ["reply"]

    assert "answer-2" not in run("lineage", handed[0].record_id, "--down", "--basis", "observed").stdout
    assert "nothing in this store is known to go back to it" in run("lineage", "@latest", "--down").stdout


@pytest.mark.parametrize(("format_", "first"), [("mermaid", "flowchart TD"), ("dot", "digraph lineage {")])
@pytest.mark.parametrize("way", ["--up", "--down"])
def test_lineage_is_drawn(run, handed, format_, first, way):
    name = handed[1 if way == "--up" else 0].record_id

    lines = run("lineage", name, way, "--format", format_).stdout.splitlines()

    assert lines[0] == first
    assert any("answer-1" in line for line in lines)
    assert any("answer-2" in line for line in lines)


def test_lineage_as_a_format_is_json_too(run, three):
    assert run("lineage", "@latest", "--format", "json").stdout == run("lineage", "@latest", "--json").stdout


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--name", "answer-2"), ["answer-2"]),
        (("--name", "answer-*", "-n", "2"), ["answer-3", "answer-2"]),
        (("--since", "2026-11-24T02:13:27Z"), ["answer-3", "answer-2"]),
        (("--until", "2026-11-24T02:13:26Z"), ["answer-1"]),
        (("--until", "2026-11-23"), []),
        (("--since", "2026-11-24", "--until", "2026-11-24", "-n", "1"), ["answer-3"]),
        (("--source", "orders", "--oldest-first"), ["answer-1", "answer-2", "answer-3"]),
        (("--model", "anthropic/*"), []),
        (
            ("--check", "pii_scan=pass", "--owner", "ml-team", "--class", "internal", "--incomplete"),
            ["answer-3", "answer-2", "answer-1"],
        ),
        (("--session", "s-17", "--status", "completed", "--name", "answer-1"), ["answer-1"]),
    ],
)
def test_list_shows_what_is_asked_for(run, three, options, names):
    found = [item["name"] for item in json.loads(run("list", *options, "--json").stdout)]

    assert found == names
    result = run("list", *options)
    if found:
        assert f"{len(found)} shown of 3 records" in result.stderr
    else:
        assert "No record is like that" in result.stderr


def test_list_reads_on_where_the_first_page_holds_nothing_of_it(run, three, monkeypatch):
    monkeypatch.setattr("provsdk.ask.READ_AT_ONCE", 1)

    assert [item["name"] for item in json.loads(run("list", "--name", "answer-1", "--json").stdout)] == ["answer-1"]


def test_list_refuses_what_is_no_time_and_no_result(run, three):
    assert "--since: not a time" in run("list", "--since", "soon", code=2).stderr
    assert "no result of a check" in run("list", "--check", "pii=maybe", code=2).stderr


def test_diff_says_what_was_not_the_same(run, seal, numbered, build):
    first = numbered(1)
    call = build.changed(first.model_calls[0], parameters={"temperature": 0.9, "max_tokens": 400})
    second = numbered(2, model_calls=[call])
    seal(first, second, numbered(3))

    result = run("diff", first.record_id, second.record_id)
    assert "chat: temperature" in result.stdout
    assert "rec_00000001" in result.stdout
    assert "Both came to the same value; " in result.stderr
    assert "not the same." in result.stderr

    said = json.loads(run("diff", first.record_id, second.record_id, "--json").stdout)
    assert (said["first"], said["second"]) == (first.record_id, second.record_id)
    assert {"kind": "settings", "what": "chat: temperature", "first": "0.2", "second": "0.9"} in said["differences"]
    assert "nothing that is recorded was different" in run("diff", first.record_id, first.record_id).stderr


def test_a_status_that_there_is_not_is_refused_and_a_pattern_of_some_taken(run, home):
    provsdk.configure()
    provsdk.traced_output("answer")(lambda: "an answer that is long enough to be one")()
    provsdk.shutdown()
    assert "there is no 'bogus'" in run("list", "--status", "bogus", code=2).stderr
    assert "there is no 'secret'" in run("list", "--class", "secret", code=2).stderr
    assert "answer" in run("list", "--status", "comp*", "--class", "int*").stdout
    assert "No record is like that." in run("list", "--model", "").stderr
