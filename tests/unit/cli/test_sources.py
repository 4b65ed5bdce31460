"""`provsdk sources`: one record's sources or all of a store, fetched again where that is asked for."""

import json
import threading
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

TEXT = "Ten days.\n"


@pytest.fixture
def handbook(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "handbook.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def resting(seal, numbered, build, handbook):
    """Three records: two rest on the handbook, one on a table that nobody can fetch again."""
    digest = "sha256:" + sha256(TEXT.encode()).hexdigest()
    first = build.source(1, name="handbook", location=str(handbook), digest=digest, modified_at=None)
    table = build.source(1, name="orders", type="database", location="postgres://db/orders")
    records = [numbered(1, sources=[first]), numbered(2, sources=[first]), numbered(3, sources=[table])]
    seal(*records)
    return records


def checks(run, *arguments, code=0):
    found = json.loads(run("sources", *arguments, "--json", code=code).stdout)
    return {one["name"]: one["check"]["result"] for one in found}


def test_without_a_record_every_source_of_the_store_stands_once(run, resting):
    found = json.loads(run("sources", "--json").stdout)
    assert [(one["name"], one["records"]) for one in found] == [("handbook", 2), ("orders", 1)]
    assert found[0]["record_id"] == resting[1].record_id
    assert "check" not in found[0]
    text = run("sources").stdout
    assert "handbook" in text
    assert "postgres://db/orders" in text


def test_of_a_record_its_own_sources_stand_in_full(run, resting):
    (found,) = json.loads(run("sources", "@latest", "--json").stdout)
    assert (found["name"], found["link"]["strength"]) == ("orders", "given")


def test_what_is_still_the_same_is_verified(run, resting):
    assert checks(run, "--verify") == {"handbook": "verified", "orders": "unknown"}
    result = run("sources", "--verify")
    assert "verified: the same bytes" in result.stdout
    assert "1 verified, 0 changed, 0 gone, 1 unknown." in result.stderr


def test_what_was_changed_is_a_finding(run, resting, handbook):
    handbook.write_text("Eight days.\n")
    assert checks(run, "--verify", code=1)["handbook"] == "changed"


def test_what_is_gone_is_a_finding(run, resting, handbook):
    handbook.unlink()
    assert checks(run, "--verify", code=1)["handbook"] == "gone"
    assert "there is no such file on this machine" in " ".join(run("sources", "--verify", code=1).stdout.split())


def test_the_sources_of_one_record_can_be_verified(run, resting, handbook):
    assert checks(run, resting[0].record_id, "--verify") == {"handbook": "verified"}
    handbook.unlink()
    assert "now gone: there is no such file" in " ".join(
        run("sources", resting[0].record_id, "--verify", code=1).stdout.split()
    )
    assert checks(run, resting[2].record_id, "--verify") == {"orders": "unknown"}


def notes(run, record):
    return [note["text"] for note in json.loads(run("show", record.record_id, "--json").stdout)["notes"]]


def test_a_finding_is_noted_once_on_the_newest_record_that_rests_on_it(run, resting, handbook):
    handbook.write_text("Eight days.\n")
    run("sources", "--verify", "--record", code=1)
    run("sources", "--verify", "--record", code=1)
    (note,) = notes(run, resting[1])
    assert note.startswith(f"source 'handbook' at {handbook} is changed: modified at ")
    assert notes(run, resting[0]) == notes(run, resting[2]) == []
    handbook.unlink()
    run("sources", "--verify", "--record", code=1)
    assert len(notes(run, resting[1])) == 2
    assert run("verify").exit_code == 0


def test_a_finding_of_one_record_is_noted_there(run, resting, handbook):
    handbook.unlink()
    assert "1 noted" in run("sources", resting[0].record_id, "--verify", "--record", code=1).stderr
    assert len(notes(run, resting[0])) == 1


def test_what_is_fine_leaves_no_note(run, resting):
    run("sources", "--verify", "--record")
    assert [notes(run, record) for record in resting] == [[], [], []]


def test_a_note_needs_something_that_was_verified(run, resting):
    assert "say both" in run("sources", "--record", code=2).stderr


def test_a_record_s_sources_are_shown_all(run, resting):
    assert "name a RECORD or a --limit, not both" in run("sources", "@latest", "--limit", "3", code=2).stderr


def test_a_page_is_cut_and_says_so(run, resting):
    result = run("sources", "--limit", "1")
    assert "orders" not in result.stdout
    assert "1 of 2 sources" in result.stderr


def test_an_empty_store_has_no_sources(run, seal):
    seal()
    result = run("sources")
    assert result.stdout == ""
    assert "No sources yet" in result.stderr
    assert json.loads(run("sources", "--json").stdout) == []


def test_records_that_cannot_be_read_are_counted(run, seal, numbered, build, home, monkeypatch):
    protected = build.changed(build.record().permissions, encryption_required=True)
    seal(numbered(1, permissions=protected), numbered(2))
    monkeypatch.setenv("PROVSDK_KEYS", str(home / "elsewhere"))

    result = run("sources")

    assert "1 record cannot be read" in result.stderr
    assert len(json.loads(run("sources", "--json").stdout)) == 2


class Pages(BaseHTTPRequestHandler):
    """A web server with one page that may be changed or taken away."""

    page = TEXT

    def do_GET(self):
        self.send_response(200 if Pages.page is not None else 404)
        self.end_headers()
        self.wfile.write((Pages.page or "").encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def resting_on_a_page(seal, numbered, build, monkeypatch):
    """A record that rests on that page as it is at first."""
    monkeypatch.setattr(Pages, "page", TEXT)
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        location, digest = f"http://127.0.0.1:{server.server_port}/", "sha256:" + sha256(TEXT.encode()).hexdigest()
        seal(numbered(1, sources=[build.source(1, name="page", type="web", location=location, digest=digest)]))
        yield
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("page_now", "result", "code"),
    [(TEXT, "verified", 0), ("Eight days.\n", "changed", 1), (None, "gone", 1)],
    ids=["the same", "changed", "taken away"],
)
@pytest.mark.usefixtures("resting_on_a_page")
def test_a_page_of_the_web_is_fetched_again(run, monkeypatch, page_now, result, code):
    monkeypatch.setattr(Pages, "page", page_now)

    assert checks(run, "--verify", code=code) == {"page": result}
