"""Views are a function of log and parts."""

import msgspec
import pytest

from provsdk.records.record import Edge
from provsdk.store.schema import VIEWS
from provsdk.store.verify import verify
from provsdk.store.views import BASES, RELATIONS, project
from provsdk.vocabulary import Basis, Relation


def dumped(store):
    rows = {view: store._connection.execute(f"SELECT * FROM {view} ORDER BY 1, 2").fetchall() for view in VIEWS}
    schema = store._connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()
    return rows, schema


@pytest.fixture
def store(opened, samples):
    store, record = opened(), samples.record()
    secret = samples.record(protected=True)
    store.append([samples.draft(record), samples.draft(secret, content=b"x" * 1000)], timeout=5)
    store.append([samples.extension_draft(record), samples.extension_draft(secret)], timeout=5)
    store.append([samples.note_draft(record.record_id)], timeout=5)
    return store


def test_rebuilt_they_are_the_same_row_by_row(store):
    before = dumped(store)

    rows = store.rebuild()

    assert dumped(store) == before
    assert rows == {view: len(before[0][view]) for view in VIEWS}
    assert verify(store).ok


def test_rebuilding_mends_what_was_changed_in_them_or_dropped(store):
    before = dumped(store)
    store._connection.execute("DELETE FROM sources")
    store._connection.execute("UPDATE records SET name = 'another'")
    store._connection.execute("DROP TABLE edges")
    store._connection.execute("DROP INDEX audit_key")
    assert not verify(store).ok

    store.rebuild()

    assert dumped(store) == before
    assert verify(store).ok


def test_every_relation_and_basis_of_the_vocabulary_has_its_number():
    assert set(RELATIONS) == {relation.value for relation in Relation}
    assert set(BASES) == {basis.value for basis in Basis}


def test_the_output_is_node_0_and_sources_are_nodes_from_1_on(samples):
    from provsdk.ledger.entries import Entry, uuid7

    record = samples.record(sources=3)
    out, first, third = record.output.output_id, record.sources[0].source_id, record.sources[2].source_id
    flow = [
        Edge(from_=out, to=third, relation="wasDerivedFrom", basis="enclosing"),
        Edge(from_="act_x", to=first, relation="used", basis="identity"),
        Edge(from_="ent_y", to="act_x", relation="wasGeneratedBy", basis="told by a newer version"),
    ]
    entry = Entry(
        actor="a", body="0" * 64, id=uuid7(), key="k", kind="record.sealed", subject=record.record_id, time=samples.AT
    )

    rows = project(5, entry, msgspec.structs.replace(record, flow=flow), protected=False)

    assert rows.edges == ((5, '[[0,3,2,5],[4,1,0,0],[5,4,1,"told by a newer version"]]'),)
