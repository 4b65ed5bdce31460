"""A record as parts, and back."""

import json

import msgspec
import pytest
from span_builder import entity, local, one, rag, rec, span

from provsdk.assembly.assembler import assemble
from provsdk.errors import FormatError
from provsdk.records.parts import join, join_extension, retention_of, split, split_extension
from provsdk.records.record import Checksum


@pytest.fixture
def record():
    return one(rag())


def contents(parts):
    return {part.path: part.content for part in parts}


def test_parts_are_named_and_kept_as_the_vocabulary_says(record):
    kept = {part.path: part.retention for part in split(record)}

    assert kept == {
        "header": "standard",
        "sources/0/id": "permanent",
        "sources/0/detail": "long_term",
        "sources/1/id": "permanent",
        "sources/1/detail": "long_term",
        "transformations": "standard",
        "model_calls/0": "standard",
        "checks": "regulatory",
        "flow": "standard",
        "retention": "standard",
        "permissions": "standard",
        "context": "standard",
        "environment": "standard",
    }


def test_a_checksum_comes_back_and_without_one_no_byte_is_there(record):
    checksum = Checksum(algorithm="md5", stated="md5:" + "0" * 32, result="mismatch", why=None)
    stated = msgspec.structs.replace(record.sources[0], checksum=checksum)
    changed = msgspec.structs.replace(record, sources=[stated, record.sources[1]])

    assert join(contents(split(changed))) == changed
    assert b"checksum" not in b"".join(part.content for part in split(record))


def test_what_is_kept_for_ever_holds_no_text_of_users(record):
    (permanent, *_) = [part for part in split(record) if part.retention == "permanent"]

    assert set(json.loads(permanent.content)) == {"source_id", "activity_id", "type", "retrieved_at"}


def test_a_record_comes_back_from_its_parts(record):
    assert join(contents(split(record))) == record


def test_a_retention_of_its_own_is_written_in_days():
    record = one([span(1, "output", {"declared": {"retention": 400}})])

    assert retention_of(record) == "days:400"
    assert split(record)[0].retention == "days:400"


def test_owners_are_a_part_where_there_are_any():
    record = one(rag(), local(defaults={"owner": "team"}))

    assert {part.path: part.retention for part in split(record)}["ownership"] == "long_term"
    assert join(contents(split(record))).ownership == record.ownership


def test_every_part_that_is_missing_is_named(record):
    whole = contents(split(record))
    for path in whole:
        without = {name: content for name, content in whole.items() if name != path}
        with pytest.raises(FormatError, match=f"part {path}: is missing"):
            join(without)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b'{"v":1}', b'"\xff"'])
def test_every_part_that_is_damaged_is_named(record, damage):
    whole = contents(split(record))
    for path in set(whole) - {"environment"}:
        with pytest.raises(FormatError, match=f"part {path}"):
            join(whole | {path: damage})


def test_a_list_that_is_shorter_than_the_header_says_is_refused(record):
    with pytest.raises(FormatError, match="part transformations: holds 0, the header counts 1"):
        join(contents(split(record)) | {"transformations": b"[]"})


def test_a_part_that_the_header_does_not_count_is_refused(record):
    whole = contents(split(record))

    with pytest.raises(FormatError, match="part model_calls/1: the header counts 1"):
        join(whole | {"model_calls/1": whole["model_calls/0"]})


def test_errors_name_fields_and_never_values(record):
    whole = contents(split(record))
    said = json.loads(whole["context"]) | {"subjects": "a secret name"}

    with pytest.raises(FormatError) as caught:
        join(whole | {"context": json.dumps(said).encode()})

    assert "subjects" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_extension_comes_back_from_its_parts():
    (extension,) = assemble(rag()[:4], {rec(): local()}).extensions
    extension = msgspec.structs.replace(extension, revision=2)
    parts = split_extension(extension, "days:7")

    assert join_extension(contents(parts)) == extension
    assert parts[0].retention == "days:7"


def test_an_argument_names_where_it_stands_in_the_header():
    record = one([span(1, "output", {"entities": [entity(1, "argument", name="question")]})])

    assert json.loads(split(record)[0].content)["output"]["arguments"][0]["name"] == "question"
