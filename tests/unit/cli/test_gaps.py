"""gaps, and what verify and doctor say of outputs without a record."""

import json

import pytest
from opentelemetry.trace import SpanContext

from provsdk.pipeline._drafts import gap_draft, opened_draft, recovered_draft
from provsdk.pipeline._emitter import Gap, ProcessEmitter

EMITTER = "emi_" + "0" * 31 + "1"
AT = "2026-11-24T03:16:00.000000Z"


SPAN = SpanContext(0xAB, 0xCD, is_remote=False)


@pytest.fixture
def three_gaps(seal, numbered, opened):
    """A store with a record, and an emitter that lost three outputs; the record of one came after all."""
    record = numbered(1)
    seal(record)
    log = opened()
    gaps = [
        Gap(2, "rec_" + "0" * 31 + "2-" + "0" * 15 + "2", "killed", "support-answer", AT),
        Gap(3, None, "capture_failed"),
        Gap(4, record.record_id, "killed", "answer-1", AT),
    ]
    drafts = [gap_draft(EMITTER, gap) for gap in gaps]
    opening = opened_draft(EMITTER, {}, slots=True)
    log.append([opening, *drafts, recovered_draft(EMITTER, started=4, lost=3, untracked=0)], timeout=5)
    log.close()


@pytest.fixture
def dead(seal, numbered, home):
    """A store with a record, and the slots of a process that is gone."""
    seal(numbered(1))
    emitter = ProcessEmitter(home / ".provsdk")
    emitter.started(1, SPAN, "support-answer")
    emitter._file.close()
    return emitter


def test_gaps_lists_outputs_with_name_time_and_reason(run, three_gaps):
    result = run("gaps")

    assert "support-answer  2026-11-24 03:16:00" in result.stdout
    assert "its process vanished" in result.stdout
    assert "(no name)" in result.stdout
    assert "rec_00000000" in result.stdout
    assert "(no span yet)" in result.stdout
    assert "capture itself failed" in result.stdout
    assert result.stderr == "2 outputs without a record.\n"


def test_a_gap_whose_record_was_sealed_after_all_is_none(run, three_gaps):
    assert [gap["number"] for gap in json.loads(run("gaps", "--json").stdout)["gaps"]] == [2, 3]


def test_gaps_as_json(run, three_gaps):
    found = json.loads(run("gaps", "--json").stdout)

    assert found["gaps"][0] == {
        "emitter_id": EMITTER,
        "number": 2,
        "record_id": "rec_" + "0" * 31 + "2-" + "0" * 15 + "2",
        "name": "support-answer",
        "started_at": AT,
        "reason": "killed",
        "entry": 3,
    }
    assert {name: found[name] for name in found if name != "gaps"} == {
        "running": 0,
        "ended": 0,
        "unknown": [],
        "waiting": 0,
        "untracked": 0,
        "problems": [],
    }


def test_a_store_without_gaps_says_so(run, seal, numbered):
    seal(numbered(1))

    result = run("gaps")

    assert result.stdout == ""
    assert result.stderr == "No output without a record.\n"


def test_gaps_of_a_dead_process_are_shown_before_they_are_in_the_log(run, dead):
    result = run("gaps")

    assert "not yet" in result.stdout
    assert "1 process ended without closing" in result.stderr


def test_verify_lists_gaps_and_they_are_no_tampering(run, three_gaps):
    text = run("verify").stdout

    assert text.startswith("✓ verified")
    assert "2 outputs without a record" in text
    assert "support-answer" in text
    found = json.loads(run("verify", "--json").stdout)
    assert found["ok"]
    assert [gap["name"] for gap in found["absences"]["gaps"]] == ["support-answer", None]


def test_verify_reads_slots_and_changes_nothing(run, dead, opened):
    before = run("audit").stdout

    assert [gap["entry"] for gap in json.loads(run("verify", "--json").stdout)["absences"]["gaps"]] == [None]
    assert run("audit").stdout == before


def test_verify_of_one_record_says_nothing_of_others(run, three_gaps):
    assert json.loads(run("verify", "@latest", "--json").stdout)["absences"] is None
    assert "without a record" not in run("verify", "@latest").stdout


def test_verify_of_a_store_without_gaps_has_no_word_on_them(run, seal, numbered):
    seal(numbered(1))

    assert "Absent" not in run("verify").stdout


def test_doctor_notes_gaps_and_names_the_newest(run, three_gaps):
    checks = [one for one in json.loads(run("doctor", "--json", code=None).stdout)["checks"] if one["area"] == "gaps"]

    assert [(one["state"], one["remedy"]) for one in checks] == [("note", "provsdk gaps")]
    assert "2 outputs without a record; the newest is support-answer, started 2026-11-24 03:16:00" in checks[0]["text"]


def test_doctor_notes_a_dead_process(run, dead):
    checks = [one for one in json.loads(run("doctor", "--json", code=None).stdout)["checks"] if one["area"] == "gaps"]

    assert [one["state"] for one in checks] == ["note", "note"]
    assert "ended without closing" in checks[1]["text"]


def test_doctor_finds_slots_that_cannot_be_read_or_made(run, seal, numbered, home):
    seal(numbered(1))
    (home / ".provsdk" / "emitters").mkdir()
    (home / ".provsdk" / "emitters" / f"{EMITTER}.slots").write_bytes(b"something else")

    checks = [one for one in json.loads(run("doctor", "--json", code=1).stdout)["checks"] if one["area"] == "gaps"]
    assert [one["state"] for one in checks] == ["ok", "finding"]

    for path in (home / ".provsdk" / "emitters").iterdir():
        path.unlink()
    (home / ".provsdk" / "emitters").rmdir()
    (home / ".provsdk" / "emitters").write_text("in the way")
    checks = [one for one in json.loads(run("doctor", "--json", code=1).stdout)["checks"] if one["area"] == "gaps"]
    assert "outputs run without slots" in checks[-1]["text"]


def test_an_emitter_whose_slots_are_gone_is_told(run, dead, home, opened):
    log = opened()
    log.append([opened_draft(dead.id, {}, slots=True)], timeout=5)
    log.close()
    for path in (home / ".provsdk" / "emitters").iterdir():
        path.unlink()

    assert dead.id in run("gaps").stderr
    assert json.loads(run("gaps", "--json").stdout)["unknown"] == [dead.id]


@pytest.mark.parametrize("name", ["rec_00000000000000000000000000000002", "out_00000000000000000000000000000002"])
def test_show_of_an_output_without_a_record_says_that_it_is_one(run, three_gaps, name):
    said = run("show", name, code=1).stderr
    assert "an output without a record (killed)" in said
    assert "provsdk gaps" in said


def test_of_many_gaps_the_newest_are_shown(run, three_gaps):
    result = run("gaps", "-n", "1")

    assert "capture itself failed" in result.stdout
    assert "its process vanished" not in result.stdout
    assert "The newest 1 of 2; more with --limit" in result.stderr


def test_an_output_without_a_record_is_told_so_before_its_gap_is_in_the_log(run, dead):
    said = run("show", "rec_" + f"{0xAB:032x}", code=1).stderr

    assert "is an output without a record (killed)" in " ".join(said.split())


def test_an_argument_of_an_output_is_told_without_what_is_in_it(run, seal, numbered, build):
    record = numbered(1)
    (question,) = record.output.arguments
    element = build.changed(question, entity_id="ent_x", role="element", name="0", element_of=question.entity_id)
    seal(build.changed(record, output=build.changed(record.output, arguments=[question, element])))

    line = next(one for one in run("show", "@latest").stdout.splitlines() if one.startswith("from"))
    assert line.split() == ["from", "question", "(31", "B)"]
