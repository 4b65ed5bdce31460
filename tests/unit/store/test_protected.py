"""Protected records and captured content: encrypted at rest, readable where the keys are, never by the file alone."""

import shutil

import pytest

from provsdk.errors import KeyUnusable, StoreUnavailable
from provsdk.store.open import open_store
from provsdk.store.verify import verify


@pytest.fixture
def secret(samples):
    return samples.record(7, protected=True)


@pytest.fixture
def store(opened, samples, secret):
    store = opened()
    store.append([samples.draft(secret, content=b"forty-two, as everybody knows")], timeout=5)
    return store


@pytest.fixture
def elsewhere(store, places, tmp_path):
    """The same database where no key is."""
    store.close()
    found = open_store(places["place"], keys=tmp_path / "none", state=tmp_path / "nowhere", read_only=True)
    yield found
    found.close()


def test_nothing_of_it_can_be_read_in_the_file(store, secret, places):
    store.close()
    data = (places["place"] / "log.db").read_bytes()

    for text in ("answer-7", "passage-", "kb/0", "forty-two", "support@", secret.sources[0].digest.partition(":")[2]):
        assert text.encode() not in data
        assert bytes.fromhex(text) not in data if len(text) == 64 else True


def test_its_views_hold_ids_counts_and_join_digests_only(store, secret):
    (row,) = store._connection.execute("SELECT * FROM records").fetchall()
    sources = store._connection.execute("SELECT * FROM sources").fetchall()
    join = bytes.fromhex(secret.output.join_digest.rpartition(":")[2])[:16]

    assert row == (1, None, None, None, None, None, 2, 1, 1, 1, None, 1, join)
    assert [row[2:6] for row in sources] == [(None, None, None, None)] * 2


def test_where_the_keys_are_it_reads_as_any_other(store, secret):
    (summary,) = store.summaries()

    assert store.fold(secret.record_id).record == secret
    assert (summary.name, summary.classification, summary.complete) == ("answer-7", "confidential", False)
    assert {part.state for part in store.parts(1)} == {"open"}
    assert verify(store).ok


def test_where_they_are_not_it_is_listed_without_its_name_and_folds_to_nothing(elsewhere, secret):
    (summary,) = elsewhere.summaries()
    folded = elsewhere.fold(secret.record_id)

    assert (summary.record_id, summary.output_id) == (secret.record_id, secret.output.output_id)
    assert (summary.name, summary.status, summary.classification, summary.complete) == (None, None, None, None)
    assert (summary.sources, summary.policy_checks) == (2, 1)
    assert folded.record is None
    assert {state for _, _, state in folded.unreadable} == {"locked"}
    assert {part.content for part in elsewhere.parts(1)} == {None}


def test_of_an_open_record_only_the_captured_content_is_locked(opened, samples, places, tmp_path):
    record = samples.record()
    store = opened()
    store.append([samples.draft(record, content=b"forty-two")], timeout=5)
    store.close()
    shutil.rmtree(places["state"] / "keystore")

    folded = opened().fold(record.record_id)

    assert folded.record == record
    assert folded.unreadable == ((1, "content/0", "locked"),)


def test_rebuilding_without_the_keys_is_refused_and_changes_nothing(store, places):
    before = list(store._connection.iterdump())
    (places["keys"] / "content.key").rename(places["keys"] / "elsewhere.key")

    with pytest.raises(KeyUnusable, match="entry 1"):
        store.rebuild()
    assert list(store._connection.iterdump()) == before


def test_a_content_key_that_is_missing_is_not_made_anew_while_keys_are_wrapped_with_it(store, samples, places):
    (places["keys"] / "content.key").unlink()

    with pytest.raises(KeyUnusable, match="missing"):
        store.append([samples.draft(samples.record(protected=True))], timeout=5)
    assert store.size() == 2
    assert not (places["keys"] / "content.key").exists()
    assert store.append([samples.draft(samples.record())], timeout=5)


def test_a_damaged_key_store_is_told_and_stops_only_what_needs_it(store, samples, places):
    store.close()
    (path,) = (places["state"] / "keystore").glob("*.db")
    path.write_bytes(b"not a key store, but longer than one page of one" * 200)
    again = open_store(**places)

    with pytest.raises(KeyUnusable, match="key store"):
        again.append([samples.draft(samples.record(protected=True))], timeout=5)
    assert again.append([samples.draft(samples.record())], timeout=5)
    again.close()


def test_entries_about_the_same_record_share_a_data_key_which_one_destruction_takes_away(
    store, samples, secret, places
):
    import sqlite3

    store.append([samples.extension_draft(secret), samples.note_draft(secret.record_id, protected=True)], timeout=5)
    (path,) = (places["state"] / "keystore").glob("*.db")

    with sqlite3.connect(path) as connection:
        assert [row[0] for row in connection.execute("SELECT subject FROM data_keys")] == [secret.record_id]
    connection.close()
    assert len(store.fold(secret.record_id).record.sources) == 3


def test_a_store_opened_to_be_read_takes_nothing(elsewhere, samples):
    with pytest.raises(StoreUnavailable, match="read only"):
        elsewhere.append([samples.note_draft("x")], timeout=5)
    with pytest.raises(StoreUnavailable, match="read only"):
        elsewhere.rebuild()
