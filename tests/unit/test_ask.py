"""A log answers programs as it answers the command line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

import provsdk
from provsdk import ask, traced_output, traced_source
from provsdk.errors import NotFound, StoreDamaged, StoreUnavailable, UsageError
from provsdk.records.record import ProvenanceRecord

TEXT = "Parcels are kept for fourteen days, then they go back to whoever sent them."


@traced_source(type="file", name="handbook", location="docs/handbook.md", version="7")
def load():
    return TEXT


@traced_source(type="file", name="handed over")
def read(path):
    return path.read_text()


@pytest.fixture
def log(tmp_path):
    provsdk.configure(service="ask")
    first = traced_output("summary", owner="ana")(lambda: "In short: " + load())()
    handed_over = tmp_path / "summary.txt"
    handed_over.write_text(first)
    traced_output("letter", session="s-1")(lambda: "Dear customer, " + read(handed_over))()
    with ask.open_log() as opened:
        yield opened


def names(records):
    return [one.name for one in records]


def test_records_are_read_as_they_are_asked_for(log):
    records = log.records()

    assert next(records).name == "letter"
    assert names(records) == ["summary"]
    assert names(log.records(newest_first=False)) == ["summary", "letter"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"name": "l*"}, ["letter"]),
        ({"owner": "ana"}, ["summary"]),
        ({"session": "s-1"}, ["letter"]),
        ({"source": "docs/*"}, ["summary"]),
        ({"until": datetime(2020, 1, 1, tzinfo=UTC)}, []),
    ],
)
def test_records_are_those_that_are_wanted(log, wanted, found):
    assert names(log.records(ask.Filter(**wanted))) == found


def test_a_record_is_read_by_its_name(log):
    record = log.record("@latest")

    assert isinstance(record, ProvenanceRecord)
    assert record.output.name == "letter"
    assert log.record(record.output.output_id) == record
    with pytest.raises(NotFound):
        log.record("rec_none")


def test_lineage_goes_from_record_to_record(log):
    tree = log.lineage("@latest", basis="observed")
    found = [tree.name]
    while tree.causes:
        (tree,) = tree.causes
        found.append(tree.name)

    assert found == ["letter", "handed over", "summary", "handbook"]
    assert log.lineage("@latest", depth=1).causes[0].cut


def test_effects_are_what_goes_back_to_an_output(log):
    (effect,) = log.effects(next(log.records(ask.Filter(name="summary"))).record_id)

    assert (effect.record.output.name, effect.link.strength) == ("letter", "observed")
    assert log.effects("@latest") == ()


def test_impact_is_what_rests_on_a_source(log, tmp_path):
    moved = tmp_path / "moved.md"
    moved.write_text(TEXT)

    for source in ("handbook", "docs/*.md", "handbook@7", moved, str(moved)):
        assert [hit.record.output.name for hit in log.impact(source).used] == ["summary", "letter"]
    with pytest.raises(NotFound, match="no record in this store has a source 'handbook@8'"):
        log.impact("handbook@8")


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.replace(" ", "\n").encode(),
        TEXT.replace(" ", "\r\n").encode(),
    ],
)
def test_a_file_is_known_by_the_text_that_programs_read_from_it(tmp_path, data):
    provsdk.configure(service="ask")
    file = tmp_path / "handbook.md"
    file.write_bytes(data)
    read_text = traced_source(type="file", name="handbook")(lambda: file.read_text(encoding="utf-8-sig"))
    traced_output("summary")(lambda: "In short: " + read_text())()

    with ask.open_log() as log:
        assert [hit.record.output.name for hit in log.impact(file).used] == ["summary"]


def test_a_file_of_next_to_nothing_is_known_by_its_place_alone(log, tmp_path):
    short = tmp_path / "short.txt"
    short.write_text("yes")

    with pytest.raises(NotFound):
        log.impact(short)


@pytest.mark.parametrize("known", ["docs/handbook.md", "absolute", "uri"])
def test_a_file_is_known_by_its_place_however_it_was_written(tmp_path, monkeypatch, known):
    file = tmp_path / "docs" / "handbook.md"
    file.parent.mkdir()
    file.write_text("what it says now is not what it said then")
    (tmp_path / "link.md").symlink_to(file)
    monkeypatch.chdir(tmp_path)
    location = {"absolute": str(file), "uri": file.as_uri()}.get(known, known)
    provsdk.configure(service="ask")
    load = traced_source(type="file", name="handbook", location=location)(lambda: TEXT)
    traced_output("summary")(lambda: "In short: " + load())()

    with ask.open_log() as log:
        for name in (file, Path("docs/handbook.md"), Path("docs/../docs/handbook.md"), Path("link.md")):
            assert [hit.record.output.name for hit in log.impact(name).used] == ["summary"]


def test_a_name_with_an_at_is_taken_as_it_stands_first(tmp_path):
    """Also where views keep no names, as of what is confidential."""
    provsdk.configure(service="ask", classification="confidential")
    load = traced_source(type="api", name="crm", location="mailbox/ana@example.com")(lambda: TEXT)
    traced_output("summary")(lambda: "In short: " + load())()

    with ask.open_log() as log:
        for name in ("mailbox/ana@example.com", "mailbox/*@example.com"):
            assert [hit.record.output.name for hit in log.impact(name).used] == ["summary"]


def test_the_id_of_a_source_of_next_to_nothing_is_that_source_alone():
    provsdk.configure(service="ask")
    plans = traced_source(type="database", location=lambda person: f"plans/{person}", name="plan")(
        lambda person: "gold"
    )
    for person in ("ana", "bob"):
        traced_output(person)(lambda person=person: f"Your plan is {plans(person)}.")()

    with ask.open_log() as log:
        (source,) = log.record("@latest").sources
        assert [hit.record.output.name for hit in log.impact(source.source_id).possible] == ["bob"]


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3_000, "po\udcff@1", "docs/\udcff.md", "\x00"])
def test_a_name_that_no_file_can_have_is_not_found(log, name):
    with pytest.raises(NotFound):
        log.impact(name)


def test_a_damaged_record_hides_no_other(log, monkeypatch):
    hidden, fold = log._store.resolve("@latest"), log._store.fold

    def damaged(record_id):
        if record_id == hidden:
            raise StoreDamaged("its bytes are not what they were")
        return fold(record_id)

    monkeypatch.setattr(log._store, "fold", damaged)

    assert names(log.records(ask.Filter(source="*"))) == ["summary"]
    assert log.stale() == ()


def test_a_log_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StoreUnavailable, match="there is no store"):
        ask.open_log(Path(tmp_path, "nowhere"))


def test_what_cannot_be_read_is_told(log):
    provsdk.configure(service="secret", classification="confidential")
    traced_output("secret")(lambda: "nobody is to read this answer")()
    keys = Path(log._keys)
    (keys / "content.key").rename(keys / "away.key")

    with ask.open_log() as without, pytest.raises(StoreUnavailable, match="its key is not here"):
        without.record("@latest")


def test_diff_says_what_was_not_the_same(log):
    summary = next(log.records(ask.Filter(name="summary"))).record_id

    assert {one.kind for one in log.diff(summary, "@latest")} >= {"sources", "output"}
    assert log.diff("@latest", "@latest") == ()


def test_why_says_what_supports_each_sentence_of_the_very_text(log):
    summary = next(log.records(ask.Filter(name="summary"))).record_id

    (sentence,) = log.why(summary, "In short: " + TEXT)
    assert [one.source for one in sentence.supports] == ["handbook"]
    with pytest.raises(UsageError, match="is not the text that rec_"):
        log.why(summary, TEXT)


def test_stale_is_what_was_loaded_since_with_another_content(log, tmp_path):
    assert log.stale() == ()
    handed_over = tmp_path / "summary.txt"
    handed_over.write_text("In short: another text than the one that stood here before.")
    traced_output("letter")(lambda: "Dear customer, " + read(handed_over))()

    assert [(one.source.name, one.why, len(one.records)) for one in log.stale()] == [("handed over", "newer", 1)]
