"""What a verification says of a store that nobody touched, and of single records."""

import sqlite3
from contextlib import closing

import pytest

from provsdk.errors import NotFound, UsageError
from provsdk.store.verify import verify
from provsdk.vocabulary import TrustLevel


@pytest.fixture
def records(samples):
    return [samples.record() for _ in range(3)]


@pytest.fixture
def store(opened, samples, records):
    store = opened()
    store.append([samples.draft(one) for one in records], timeout=5)
    store.append([samples.extension_draft(records[0]), samples.note_draft(records[0].record_id)], timeout=5)
    return store


def test_a_whole_store_passes_eleven_steps_signed_by_its_key(store):
    report = verify(store)

    assert report.ok
    assert report.level is TrustLevel.SIGNED
    assert [step.number for step in report.steps] == list(range(1, 12))
    assert all(step.ok and not step.not_checked for step in report.steps)
    assert all(step.checked for step in report.steps if step.number != 7), "256 entries fill the first tile"
    assert (report.first_wrong, report.findings) == (None, ())


def test_a_record_is_verified_by_its_own_entries(store, records):
    report = verify(store, records[0].record_id)

    assert report.ok
    assert report.level is TrustLevel.SIGNED
    assert report.steps[0].checked == 3
    with pytest.raises(NotFound):
        verify(store, "rec_of_nobody")


def test_of_another_record_that_was_changed_it_says_nothing(store, records, places):
    store.close()
    with closing(sqlite3.connect(places["place"] / "log.db")) as connection, connection:
        connection.execute("UPDATE records SET name = 'x' WHERE idx = 2")
        connection.execute("UPDATE parts SET pack = zeroblob(200) WHERE idx = 2")
    from provsdk.store.open import open_store

    again = open_store(**places)

    assert verify(again, records[0].record_id).ok
    report = verify(again, records[1].record_id)
    assert not report.ok
    assert report.first_wrong is not None
    assert report.first_wrong[0] == 2
    again.close()


def test_an_entry_that_a_changed_view_would_hide_is_found_in_the_log_itself(store, records, places):
    store.close()
    with closing(sqlite3.connect(places["place"] / "log.db")) as connection, connection:
        connection.execute("UPDATE audit SET subject = 'another' WHERE idx = 4")
    from provsdk.store.open import open_store

    again = open_store(**places)
    report = verify(again, records[0].record_id)
    again.close()

    assert report.first_wrong is not None
    assert report.first_wrong[0] == 4


def test_it_holds_up_no_writer_and_no_writer_disturbs_it(store, samples):
    assert verify(store).ok
    store.append([samples.draft(samples.record())], timeout=1)
    assert verify(store).ok


def test_a_store_of_another_kind_is_refused():
    with pytest.raises(UsageError, match="object"):
        verify(object())  # type: ignore[arg-type]
