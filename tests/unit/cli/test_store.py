"""verify, rebuild, store stats, doctor, init: on a real store."""

import json
import re
import shutil
import sqlite3
import sys
from contextlib import closing

import pytest


@pytest.fixture
def three(seal, numbered):
    seal(*(numbered(number) for number in (1, 2, 3)))


def test_verify_says_what_it_did_and_at_which_level(run, three):
    text = run("verify").stdout

    assert text.startswith("✓ verified (signed by key example.org/support+")
    assert "FAILED" not in text


def test_verify_of_one_record(run, three):
    found = json.loads(run("verify", "@latest", "--json").stdout)

    assert found["ok"]
    assert found["level"] == "signed"
    assert found["record_id"].startswith("rec_00000003")
    assert [step["number"] for step in found["steps"]] == sorted(step["number"] for step in found["steps"])


def test_verify_of_one_record_says_which_step_is_left_to_the_whole_store(run, three):
    of_one, of_all = (run("verify", *name).stdout for name in (["@latest"], []))

    assert "step 10 looks at the whole store: provsdk verify" in of_one
    assert "looks at the whole store" not in of_all


def test_a_step_that_found_nothing_to_check_is_not_called_ok(run, three):
    (row,) = [line for line in run("verify").stdout.splitlines() if "the tree is that of its tiles" in line]

    assert row.split()[-4:] == ["·", "nothing", "yet", "0"]


def test_verify_names_the_first_wrong_entry(run, three, home):
    tamper(home / ".provsdk" / "log.db")

    result = run("verify", code=1)

    assert "TAMPERED: entry 2" in result.stdout
    assert json.loads(run("verify", "--json", code=1).stdout)["first_wrong"]["entry"] == 2
    assert not json.loads(run("verify", "--all", "--json", code=1).stdout)["ok"]


def test_show_of_a_tampered_record_is_a_finding(run, three, home):
    tamper(home / ".provsdk" / "log.db")

    assert "verification failed" in run("show", "rec_00000002", code=1).stderr


def tamper(path):
    """Changes one letter in entry 2, as somebody with the file and without the key would."""
    connection = sqlite3.connect(path)
    (data,) = connection.execute("select bytes from entries where idx = 2").fetchone()
    changed = bytes(data).replace(b"emi_0001", b"emi_0002")
    assert changed != data
    connection.execute("update entries set bytes = ? where idx = 2", (changed,))
    connection.commit()
    connection.close()


def test_a_store_overwritten_by_something_else_is_a_finding(run, three, home):
    (home / ".provsdk" / "log.db").write_bytes(b"something else")

    error = run("verify", code=1).stderr
    assert "example.org/support" in error
    assert "with 4 entries" in error


def test_a_file_that_never_was_a_store_is_a_mistake(run, home):
    (home / ".provsdk").mkdir()
    (home / ".provsdk" / "log.db").write_bytes(b"something else")

    assert "no provsdk store" in run("verify", code=3).stderr


def test_a_store_that_is_gone_is_a_finding(run, three, home):
    for path in (home / ".provsdk").glob("log.db*"):
        path.unlink()

    assert "is gone" in run("verify", code=1).stderr


def test_an_older_copy_is_a_finding(run, three, home, seal, numbered):
    older = {path: path.read_bytes() for path in (home / ".provsdk").glob("log.db*")}
    seal(numbered(4))
    for path in (home / ".provsdk").glob("log.db*"):
        path.unlink()
    for path, data in older.items():
        path.write_bytes(data)

    assert "TAMPERED" in run("verify", code=1).stdout


def test_without_the_signing_key_the_level_is_lower(run, three, tmp_path):
    next((tmp_path / "home/.local/share/provsdk/keys/logs").iterdir()).unlink()

    assert "verified (consistent:" in run("verify").stdout


def test_doctor_finds_a_store_that_nothing_remembers(run, three, tmp_path):
    shutil.rmtree(tmp_path / "home/.local/state/provsdk/memory")

    assert ("state", "finding") in checks(run, code=1)[1]


def test_a_record_and_all_at_once_is_wrong_usage(run, three):
    run("verify", "@latest", "--all", code=2)


def test_rebuild_leaves_everything_as_it_was(run, three):
    before = run("list", "--json").stdout

    rows = json.loads(run("rebuild", "--json").stdout)

    assert rows
    assert run("list", "--json").stdout == before
    assert "derived again" in run("rebuild").stderr


def test_stats_say_what_a_record_takes_and_a_month(run, three):
    found = json.loads(run("store", "stats", "--json").stdout)

    assert (found["records"], found["entries"]) == (3, 4)
    assert found["bytes_per_record"] > 0
    assert "per record" in run("store", "stats").stdout


def test_stats_say_what_a_month_takes_from_an_hour_on(run, seal, numbered, build):
    seal(numbered(1), build.changed(numbered(2), generated_at="2026-11-24T04:13:26.000000Z"))

    found = json.loads(run("store", "stats", "--json").stdout)

    assert (found["measured_seconds"], found["records_per_day"]) == (7_200.0, 12.0)
    assert found["gb_per_month"] > 0
    assert "GB, at 12 records a day" in run("store", "stats").stdout


def test_stats_do_not_judge_a_month_by_seconds(run, three):
    found = json.loads(run("store", "stats", "--json").stdout)
    text = run("store", "stats").stdout

    assert (found["records_per_day"], found["gb_per_month"], found["measured_seconds"]) == (None, None, 2.0)
    assert "too short to judge" in text
    assert "GB" not in text


def test_stats_of_an_empty_store_guess_nothing(run, seal):
    seal()

    found = json.loads(run("store", "stats", "--json").stdout)

    assert (found["bytes_per_record"], found["gb_per_month"]) == (None, None)
    text = run("store", "stats").stdout
    assert "1 entry, 0 records" in text
    assert "views" not in text


def test_doctor_without_a_store_is_a_finding(run):
    assert "provsdk init" in run("doctor", code=1).stdout


def checks(run, **options):
    found = json.loads(run("doctor", "--json", **options).stdout)
    return found, {(check["area"], check["state"]) for check in found["checks"]}


def test_doctor_names_each_setting_with_its_source(run, three, monkeypatch):
    monkeypatch.setenv("PROVSDK_SERVICE", "support")

    found, _ = checks(run)

    assert found["settings"]["service"] == {"value": "support", "source": "environment variable PROVSDK_SERVICE"}
    assert found["settings"]["tenant"]["source"] == "default"


def test_doctor_tells_a_setting_that_is_not_set_from_one_that_is_none(run, three):
    found = checks(run)[0]["settings"]

    assert (found["retention"]["value"], found["capture_content"]["value"]) == ("not set", "none")


def test_doctor_says_what_it_cannot_see(run, three):
    (note,) = [check["text"] for check in checks(run)[0]["checks"] if check["area"] == "settings"]

    assert note.startswith("service, owner")
    assert "not visible here" in note
    assert "not visible here" in " ".join(run("doctor").stdout.split())


def test_doctor_says_when_a_program_records(run, three, monkeypatch, home):
    says = "when it calls provsdk.configure(), when PROVSDK_STORE is set, or under `provsdk trace`"
    assert any(says in check["text"] for check in checks(run)[0]["checks"])

    monkeypatch.setenv("PROVSDK_STORE", str(home / ".provsdk"))
    assert any("PROVSDK_STORE is set: programs record" in check["text"] for check in checks(run)[0]["checks"])


def questions(run):
    return [check["text"] for check in checks(run)[0]["checks"] if check["area"] == "questions"]


def test_doctor_says_which_questions_can_be_answered(run, three, monkeypatch):
    every, why = questions(run)
    assert every.startswith("lineage, impact, stale, diff, recall: by digests and places")
    assert why.startswith("why: from a text that is given")

    monkeypatch.setenv("PROVSDK_CAPTURE_CONTENT", "full")
    assert questions(run)[1:] == ["why: from the content that is kept"]

    monkeypatch.setenv("PROVSDK_SEARCH_BYTES", "0")
    assert questions(run)[-1].startswith("texts are not searched for each other")


def test_doctor_says_which_checks_are_asked_and_what_they_do(run, three, monkeypatch):
    def told():
        found = json.loads(run("doctor", "--json", code=None).stdout)["checks"]
        return [(one["state"], one["text"]) for one in found if one["area"] == "checks"]

    assert told() == [("note", "none are configured here: no value is withheld, redacted or warned of")]
    monkeypatch.setenv("PROVSDK_CHECKS", "security_scan,audit_requirement")
    assert told() == [
        ("ok", "security_scan, before model, return, source, of outputs *: blocks"),
        ("ok", "audit_requirement, before return, of outputs *: warns"),
    ]
    monkeypatch.setenv("PROVSDK_CHECKS", "pii_scan")
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    assert ("finding", "pii_scan does not find phone here") in told()
    monkeypatch.setenv("PROVSDK_CHECKS", "bogus")
    ((state, text),) = told()
    assert (state, "environment variable PROVSDK_CHECKS" in text) == ("finding", True)


def test_doctor_verifies_a_small_store(run, three):
    assert any("verified (signed)" in check["text"] for check in checks(run)[0]["checks"])


def test_doctor_finds_tampering(run, three, home):
    tamper(home / ".provsdk" / "log.db")

    _, states = checks(run, code=1)

    assert ("store", "finding") in states


def test_doctor_finds_keys_that_others_can_read(run, three, tmp_path):
    key = next((tmp_path / "home/.local/share/provsdk/keys/logs").iterdir())
    key.chmod(0o644)

    assert f"chmod 600 {key}" in [check["remedy"] for check in checks(run, code=1)[0]["checks"]]


def test_doctor_finds_keys_inside_the_store(run, home, opened, monkeypatch):
    monkeypatch.setenv("PROVSDK_KEYS", str(home / ".provsdk" / "keys"))
    opened().close()

    assert ("keys", "finding") in checks(run, code=1)[1]


def test_doctor_finds_a_lost_signing_key(run, three, tmp_path):
    next((tmp_path / "home/.local/share/provsdk/keys/logs").iterdir()).unlink()

    assert ("keys", "finding") in checks(run, code=1)[1]


def ended(opened, failures):
    """A process of the project that has ended, as the pipeline seals it."""
    from provsdk.records.codec import encode
    from provsdk.records.parts import Part
    from provsdk.store.contract import Draft

    log = opened()
    content = encode({"emitter_id": "emi_0001", "by": "exit", "started": 3, "sealed": 3, "failures": failures})
    time = "2026-11-24T02:13:25.000000Z"
    part = Part("emitter", "long_term", content)
    draft = Draft("emitter.closed", f"emitter/{len(failures)}", "emi_0001", "emi_0001", time, (part,), protected=False)
    log.append([draft], timeout=5.0)
    log.close()


def test_doctor_finds_what_provsdk_could_not_do_in_the_newest_process(run, three, opened):
    ended(opened, [{"where": "note the result of a source", "kind": "ZeroDivisionError", "count": 7}])

    text = " ".join(run("doctor", code=1).stdout.split())
    assert "could not note the result of a source (ZeroDivisionError, 7 times)" in text

    ended(opened, [])
    found, states = checks(run)
    assert ("host", "ok") in states
    assert any(
        re.search(r"that ended at [\d-]{10} [\d:]{8} UTC had no failure", one["text"]) for one in found["checks"]
    )


def test_doctor_says_how_large_a_small_store_is(run, three):
    assert any(re.search(r"3 records, \d+\.\d KB; verified", one["text"]) for one in checks(run)[0]["checks"])


def test_doctor_finds_a_disabled_sdk(run, three, monkeypatch):
    monkeypatch.setenv("PROVSDK_DISABLED", "1")

    assert ("capture", "finding") in checks(run, code=1)[1]


def test_doctor_finds_a_file_system_that_does_not_last(run, three, monkeypatch, home):
    from provsdk.cli import checkup
    from provsdk.cli.filesystem import Mount

    monkeypatch.setattr(checkup, "mounts", lambda: (Mount(home.parent.parent, "overlay", read_only=False),))

    found, states = checks(run, code=1)

    assert ("store", "finding") in states
    assert any("gone with the container" in check["text"] for check in found["checks"])


def test_doctor_says_what_is_not_captured(run, three):
    assert "not captured" in {check["area"] for check in checks(run)[0]["checks"]}


def test_init_makes_a_store_and_says_which_lines_to_add(run, home):
    (home / "app.py").write_text(
        "import openai\ndef answer(q):\n    return openai.OpenAI().responses.create(input=q)\n"
    )

    text = run("init").stdout

    assert "OpenAI" in text
    assert '@provsdk.traced_output("answer")' in text
    assert "Checks" in text
    assert (home / ".provsdk" / "log.db").exists()
    assert (home / ".provsdk" / ".gitignore").read_text().strip() == "*"


def test_init_says_so_where_all_is_traced(run, home):
    (home / "provsdk.toml").write_text("")
    (home / "app.py").write_text(
        "import openai\nimport provsdk\nprovsdk.configure()\n"
        "@provsdk.traced_output('a')\n@provsdk.traced_model_call()\n"
        "def answer(q):\n    return openai.OpenAI().responses.create(input=q)\n"
    )

    assert "Lines to add\n  none that could be found" in run("init").stdout


def test_init_again_does_no_harm(run, home):
    first = json.loads(run("init", "--json").stdout)["store"]
    second = json.loads(run("init", "--json").stdout)["store"]

    assert (first["made"], second["made"]) == (True, False)
    assert first["origin"] == second["origin"]


def test_init_changes_no_file_of_the_project(run, home):
    (home / "app.py").write_text("import openai\n")

    run("init")

    assert sorted(path.name for path in home.iterdir()) == [".provsdk", "app.py"]
    assert (home / "app.py").read_text() == "import openai\n"


def test_a_store_that_was_deleted_is_not_made_anew_unless_that_is_said(run, home):
    first = json.loads(run("init", "--json").stdout)["store"]["origin"]
    shutil.rmtree(home / ".provsdk")

    refused = run("init", code=1)
    assert f"provsdk init --new-log --store {home / '.provsdk'}" in refused.stderr

    begun = run("init", "--new-log", "--json")
    assert first in begun.stderr
    assert json.loads(begun.stdout)["store"]["origin"] != first


def test_a_store_that_is_there_is_not_given_up(run, home):
    run("init")

    assert "move it away" in run("init", "--new-log", code=2).stderr


@pytest.mark.parametrize("damage", ["DROP TABLE parts", "DELETE FROM entries WHERE idx = 0", "DELETE FROM entries"])
def test_verify_reports_a_store_that_can_hardly_be_read(run, seal, build, home, damage):
    seal(build.record())
    with closing(sqlite3.connect(home / ".provsdk" / "log.db")) as database, database:
        database.execute(damage)

    report = json.loads(run("verify", "--json", code=1).stdout)

    assert report["ok"] is False
    assert report["findings"]
