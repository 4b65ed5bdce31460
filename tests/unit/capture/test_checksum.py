"""What was loaded is compared with the checksum that was stated of it; the comparison stays out of spans' content."""

import hashlib
import json
import logging

import pytest

from provsdk import declare_source, semconv, traced_output, traced_source
from provsdk.capture import _checksum
from provsdk.errors import UsageError

LONG = "a sentence that is long enough to link something"


def sums(data):
    return {name: f"{name}:{hashlib.new(name, data).hexdigest()}" for name in ("sha256", "sha512", "blake2b", "md5")}


GOOD, OTHER = sums(LONG.encode()), sums(b"something else")


@pytest.fixture(autouse=True)
def untold():
    _checksum._told.clear()


def load(value, stated):
    """One output with one source of that value and that stated checksum; what its span says of it."""

    @traced_source("handbook", type="file", checksum=stated)
    def handbook():
        return value

    @traced_output("answer")
    def answer():
        return handbook()

    answer()


@pytest.mark.parametrize("algorithm", GOOD)
def test_equal_bytes_are_verified(plug, kept, algorithm):
    load(LONG, GOOD[algorithm])
    assert kept.said("handbook")["checksums"] == [[0, algorithm, "verified", None]]


@pytest.mark.parametrize("algorithm", GOOD)
def test_other_bytes_are_a_mismatch(plug, kept, algorithm):
    load(LONG, OTHER[algorithm])
    assert kept.said("handbook")["checksums"] == [[0, algorithm, "mismatch", None]]


@pytest.mark.parametrize("value", [LONG.encode(), bytearray(LONG.encode()), memoryview(LONG.encode())])
def test_bytes_are_compared_as_they_are(plug, kept, value):
    load(value, GOOD["sha512"])
    assert kept.said("handbook")["checksums"] == [[0, "sha512", "verified", None]]


def test_of_a_path_the_file_is_compared(plug, kept, tmp_path):
    path = tmp_path / "handbook.txt"
    path.write_text(LONG)
    load(path, GOOD["sha256"])
    assert kept.said("handbook")["checksums"] == [[0, "sha256", "verified", None]]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([LONG], "list has no bytes of its own"),
        ({"text": LONG}, "dict has no bytes of its own"),
        (None, "NoneType has no bytes of its own"),
        ("\ud800" + LONG, "cannot be read: UnicodeEncodeError"),
    ],
)
def test_what_has_no_bytes_is_not_compared_and_says_why(plug, kept, value, why):
    load(value, GOOD["sha512"])
    assert kept.said("handbook")["checksums"] == [[0, "sha512", "not_compared", why]]


def test_a_path_that_cannot_be_read_is_not_compared(plug, kept, tmp_path):
    load(tmp_path / "nothing", GOOD["sha256"])
    assert kept.said("handbook")["checksums"] == [[0, "sha256", "not_compared", "cannot be read: FileNotFoundError"]]


def test_what_is_larger_than_the_configured_bound_is_not_compared(plug, kept, tmp_path):
    plug(max_value_bytes=10)
    (tmp_path / "large").write_text(LONG)
    for value in (LONG, tmp_path / "large"):
        load(value, GOOD["sha256"])
    for span in [span for span in kept.spans if span.name == "handbook"]:
        assert json.loads(span.attributes[semconv.FACTS])["checksums"] == [[0, "sha256", "not_compared", "too large"]]


def test_a_rule_may_read_the_checksum_from_the_call(plug, kept):
    @traced_source("handbook", checksum=lambda result: GOOD["sha256"])
    def handbook():
        return LONG

    traced_output("answer")(handbook)()
    assert kept.said("handbook")["checksums"] == [[0, "sha256", "verified", None]]


def test_each_item_has_its_own(plug, kept):
    @traced_source("search", each=True, name=lambda item: item[:1], checksum=lambda item: GOOD["sha256"])
    def search():
        return [LONG, LONG + "!"]

    traced_output("answer")(search)()
    assert kept.said("search")["checksums"] == [[0, "sha256", "verified", None], [1, "sha256", "mismatch", None]]
    assert all("checksum" not in item for item in kept.said("search")["items"])


def test_one_checksum_for_each_of_many_items_is_refused():
    with pytest.raises(UsageError, match="function of the item"):
        traced_source("search", each=True, checksum=GOOD["sha256"])(lambda: [LONG])


def test_said_by_hand_it_is_compared_too(plug, kept):
    with traced_output("answer") as out:
        out.add_source("added", value=LONG, checksum=GOOD["md5"])
        declare_source(LONG + "!", name="declared", checksum=GOOD["sha256"])
        with traced_source("block") as source:
            source.set(checksum=OTHER["blake2b"])
            source.set_result(LONG)
    assert kept.said("added")["checksums"] == [[0, "md5", "verified", None]]
    assert kept.said("declared")["checksums"] == [[0, "sha256", "mismatch", None]]
    assert kept.said("block")["checksums"] == [[0, "blake2b", "mismatch", None]]


def test_what_was_stated_stays_home(plug, kept):
    """Short content can be guessed from its digest; a span may leave home."""
    load(LONG, GOOD["sha256"])
    digits = GOOD["sha256"].partition(":")[2]
    assert all(digits not in str(span.attributes) for span in kept.spans)
    (facts,) = kept.facts
    assert [local["checksums"] for local in facts["spans"].values() if "checksums" in local] == [{0: GOOD["sha256"]}]


def test_a_wrong_checksum_is_refused_where_the_decorator_stands_without_being_quoted():
    with pytest.raises(UsageError, match="64 hexadecimal digits") as caught:
        traced_source("handbook", checksum="sha256:abcdef")(lambda: LONG)
    assert "abcdef" not in str(caught.value)


def test_a_wrong_checksum_of_a_rule_costs_the_checksum_and_nothing_else(plug, kept):
    @traced_source("handbook", checksum=lambda result: "nonsense")
    def handbook():
        return LONG

    assert traced_output("answer")(handbook)() == LONG
    assert ["invalid_fact", "checksum"] in kept.said("handbook")["missing"]
    assert "checksums" not in kept.said("handbook")


def test_a_mismatch_is_logged_once_and_without_content(plug, caplog):
    with caplog.at_level(logging.WARNING, "provsdk"):
        load(LONG, OTHER["md5"])
        load(LONG, OTHER["md5"])
        load(LONG, GOOD["md5"])
    (line,) = caplog.messages
    assert line.startswith("source 'handbook' does not have the md5 checksum (a weak one) that is stated of it")
    assert LONG not in caplog.text
    assert OTHER["md5"].partition(":")[2] not in caplog.text


def test_a_load_that_failed_compares_nothing(plug, kept):
    @traced_source("handbook", checksum=GOOD["sha256"])
    def handbook():
        raise LookupError

    with pytest.raises(LookupError):
        traced_output("answer")(handbook)()
    assert "checksums" not in kept.said("handbook")
    assert "checksum" not in str(kept.span("handbook").attributes)
