"""recall: what rests on a source is frozen, worked off, and shown with each record that it names."""

import json

import pytest

import provsdk
from provsdk import ask, traced_output, traced_source

TEXT = "Parcels are kept for fourteen days, then they go back to whoever sent them."


@pytest.fixture
def made(home):
    """Two outputs that rest on the handbook, and one that does not."""

    @traced_source(type="file", name="handbook", location="docs/handbook.md")
    def load():
        return TEXT

    provsdk.configure()
    traced_output("first", owner="ana", recipients="c-17")(lambda: "It says: " + load())()
    traced_output("second")(lambda: "We know: " + load())()
    traced_output("other")(lambda: "an answer that rests on nothing that was loaded")()
    provsdk.shutdown()


@pytest.fixture
def opened_recall(run, made):
    return json.loads(run("recall", "open", "handbook", "--reason", "page 3 was wrong", "--json").stdout)


def states(run, recall_id):
    found = json.loads(run("recall", "status", recall_id, "--json").stdout)
    return [item["state"] for item in found["items"]]


def test_what_rests_on_the_source_becomes_a_list_of_work(run, opened_recall):
    assert len(opened_recall["records"]) == 2
    (listed,) = json.loads(run("recall", "status", "--json").stdout)
    assert (listed["source"], listed["reason"], listed["is_open"]) == ("handbook", "page 3 was wrong", True)
    assert "page 3 was wrong" in run("recall", "status").stdout

    screen = run("recall", "status", opened_recall["recall_id"][4:12]).stdout
    assert "observed: " in screen
    assert all(word in screen for word in ("first", "second", "ana", "c-17", "open"))
    assert "other" not in screen


def test_a_list_that_does_not_hold_everything_says_so(run, made, monkeypatch):
    monkeypatch.setattr("provsdk.questions.impact.MAX_INCOMPLETE", -1)

    opened = run("recall", "open", "handbook", "--reason", "page 3 was wrong")

    assert "There is more" in opened.stderr
    assert "There is more" in run("recall", "status", opened.stdout.split(":")[0]).stderr


def test_what_is_made_afterwards_is_not_in_it(run, opened_recall, made):
    provsdk.configure()
    traced_output("later")(lambda: "It says: " + TEXT)()
    provsdk.shutdown()

    assert states(run, opened_recall["recall_id"]) == ["open", "open"]


def test_an_item_is_closed_or_superseded_and_the_others_stay_open(run, opened_recall):
    first, _ = opened_recall["records"]
    recall_id = opened_recall["recall_id"]

    assert "1 item closed, 1 open" in run("recall", "close", recall_id, "--record", first, "--note", "told them").stdout
    assert states(run, recall_id) == ["closed", "open"]
    run("recall", "close", recall_id, "--superseded-by", "@latest")
    assert states(run, recall_id) == ["closed", "superseded"]
    assert "0 items closed, 0 open" in run("recall", "close", recall_id).stdout
    assert json.loads(run("recall", "status", "--json").stdout)[0]["is_open"] is False
    assert run("verify").exit_code == 0


def test_all_are_closed_only_where_that_is_said_and_nothing_stands_in_its_own_place(run, opened_recall):
    recall_id = opened_recall["recall_id"]
    assert "2 items are open" in run("recall", "close", recall_id, code=2).stderr
    record = opened_recall["records"][0]
    own = run("recall", "close", recall_id, "--record", record, "--superseded-by", record, code=2)
    assert "in its own place" in own.stderr
    assert states(run, recall_id) == ["open", "open"]
    assert "2 items closed, 0 open" in run("recall", "close", recall_id, "--all").stdout


def test_what_was_never_delivered_is_told_from_what_was(run, made):
    @traced_source(type="file", name="handbook", location="docs/handbook.md")
    def load():
        return TEXT

    def fails():
        load()
        raise ValueError

    provsdk.configure()
    with pytest.raises(ValueError):
        traced_output("third")(fails)()
    provsdk.shutdown()
    recall_id = json.loads(run("recall", "open", "handbook", "--reason", "wrong", "--json").stdout)["recall_id"]
    for screen in (run("impact", "handbook").stdout, run("recall", "status", recall_id).stdout):
        assert "third (failed" in screen
        assert "delivered)" in screen
    told = json.loads(run("impact", "handbook", "--json").stdout)
    assert [one["delivered"] for one in told["possible"]] == [False]


def test_a_record_shows_that_it_was_recalled_and_programs_are_told(run, opened_recall):
    first, second = opened_recall["records"]

    assert "recalled        ! open: page 3 was wrong (rcl_" in run("show", first).stdout
    (said,) = json.loads(run("show", first, "--json").stdout)["recalls"]
    assert (said["state"], said["reason"]) == ("open", "page 3 was wrong")
    with ask.open_log() as log:
        assert log.is_recalled(first)
        assert not log.is_recalled("@latest")
        assert [len(one.items) for one in log.recalls()] == [2]

    run("recall", "close", opened_recall["recall_id"], "--record", first, "--note", "corrected")
    with ask.open_log() as log:
        assert not log.is_recalled(first)
        assert log.is_recalled(second)


def test_what_makes_no_sense_is_refused(run, made, opened_recall):
    assert "has a source 'nothing'" in run("recall", "open", "nothing", "--reason", "x", code=1).stderr
    assert "--reason is empty" in run("recall", "open", "handbook", "--reason", " ", code=2).stderr
    assert "there is no recall 'rcl_x'" in run("recall", "status", "rcl_x", code=1).stderr
    assert "is no item of" in run("recall", "close", opened_recall["recall_id"], "--record", "@latest", code=2).stderr


def test_without_recalls_it_says_so(run, made):
    assert "No recalls" in run("recall", "status").stderr
    assert json.loads(run("recall", "status", "--json").stdout) == []


def test_an_entry_that_is_no_recall_is_told(run, made, opened):
    from provsdk.records.parts import Part
    from provsdk.store.contract import Draft

    log = opened(origin=None)
    part = Part(path="recall", retention="regulatory", content=b'{"what":"else"}')
    log.append(
        [
            Draft(
                kind="recall.opened",
                key="recall/rcl_x",
                actor="usr_1",
                subject="rcl_x",
                time="2026-11-24T03:16:00.000000Z",
                parts=(part,),
                protected=False,
            )
        ],
        timeout=5,
    )
    log.close()

    assert "not a recall" in run("recall", "status", code=3).stderr
