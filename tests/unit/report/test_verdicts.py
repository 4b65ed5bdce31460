"""A source is verified only where content was compared and was equal; changed where it is another; else unknown."""

from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256

import pytest

from provsdk.records.record import Checksum, Entity
from provsdk.report.verdicts import Content, judge

LOADED = datetime(2026, 11, 24, 2, 13, 25, tzinfo=UTC)
TEXT = b"Ten days.\n"


def content(data=TEXT, as_text=None, **more):
    digests = {"sha256": sha256(data).hexdigest(), "md5": md5(data).hexdigest()}
    return Content(digests, sha256(data if as_text is None else as_text).hexdigest(), **more)


@pytest.fixture
def loaded(build):
    """A source whose value is the whole text, or what the test says."""

    def loaded(**changes):
        facts = {"digest": "sha256:" + sha256(TEXT).hexdigest(), "retrieved_at": "2026-11-24T02:13:25.000000Z"}
        return build.source(1, **facts | changes)

    return loaded


def test_equal_bytes_are_verified(loaded):
    found = judge(loaded(), content())
    assert (found.result, found.why) == ("verified", "the same bytes")
    assert found.observed == "sha256:" + sha256(TEXT).hexdigest()


def test_equal_text_is_verified(loaded):
    """What Python read as text had other line ends in the file."""
    found = judge(loaded(), content(b"\xef\xbb\xbfTen days.\r\n", as_text=TEXT))
    assert (found.result, found.why) == ("verified", "the same text")


def test_other_bytes_are_changed(loaded):
    assert judge(loaded(), content(b"Eight days.\n")).result == "changed"


def test_other_bytes_with_a_later_date_are_changed_since(loaded):
    found = judge(loaded(), content(b"Eight days.\n", modified_at=LOADED + timedelta(hours=1)))
    assert (found.result, found.why) == ("changed", "modified at 2026-11-24 03:13:25 UTC, after it was loaded")


def test_a_part_of_what_was_not_modified_since_is_not_called_changed(loaded):
    found = judge(loaded(), content(b"A page with: Ten days.", modified_at=LOADED - timedelta(hours=1)))
    assert found.result == "unknown"
    assert found.why.startswith("not modified since, by its date")


@pytest.mark.parametrize("etag", ['"abc"', 'W/"abc"', "abc"])
def test_an_equal_etag_is_no_change_and_no_verification(loaded, etag):
    found = judge(loaded(version="abc"), content(b"a page", etag=etag))
    assert found.result == "unknown"
    assert found.why.startswith("not modified since, by its ETag")


@pytest.mark.parametrize("date", [LOADED - timedelta(milliseconds=3), LOADED.replace(microsecond=0)])
def test_a_date_that_is_no_older_proves_nothing(loaded, date):
    assert judge(loaded(), content(b"other", modified_at=date)).result == "changed"


def test_a_container_cannot_be_compared_with_bytes(loaded):
    source = loaded(media_type="application/json")
    assert judge(source, content()).result == "unknown"
    touched = judge(source, content(modified_at=LOADED + timedelta(hours=1)))
    assert (touched.result, "after it was loaded" in touched.why) == ("unknown", True)
    assert judge(source, content(modified_at=LOADED - timedelta(hours=1))).result == "unknown"


def test_a_container_that_holds_the_whole_content_is_compared_by_it(loaded):
    text = Entity(entity_id="ent_t", role="element", name="text", media_type="text/plain", digest=loaded().digest)
    source = loaded(media_type="application/json", digest="sha256:" + "0" * 64, elements=[text])
    assert judge(source, content()).result == "verified"
    assert judge(source, content(b"other")).result == "unknown"


@pytest.mark.parametrize("result", ["verified", "not_compared"])
def test_a_stated_checksum_is_compared_too(loaded, result):
    stated = Checksum(algorithm="md5", stated=f"md5:{md5(TEXT).hexdigest()}", result=result, why=None)
    source = loaded(media_type="application/json", digest=None, checksum=stated)
    found = judge(source, content())
    assert (found.result, found.why) == ("verified", "the md5 that was stated")
    assert judge(source, content(b"other", modified_at=LOADED + timedelta(hours=1))).result == "changed"


def test_what_did_not_have_its_checksum_is_not_verified_by_it(loaded):
    stated = Checksum(algorithm="md5", stated=f"md5:{md5(b'other').hexdigest()}", result="mismatch", why=None)
    assert judge(loaded(checksum=stated), content(b"other")).result == "changed"


def test_where_a_record_has_no_plain_digest_the_key_makes_the_other(loaded):
    source = loaded(digest=None, join_digest=f"joined:{sha256(TEXT).hexdigest()}")

    def join(digest):
        return f"joined:{digest.hex()}"

    assert judge(source, content(), join).result == "verified"
    assert judge(source, content()).result == "changed"
