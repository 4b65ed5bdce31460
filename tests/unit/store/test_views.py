"""Views are a function of log and parts."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.ledger.entries import Entry, uuid7
from provsdk.records.record import Edge
from provsdk.store.schema import VIEWS
from provsdk.store.verify import verify
from provsdk.store.views import BASES, RELATIONS, are_arrows, project
from provsdk.vocabulary import Basis, Relation

AT = "2026-11-24T02:13:25.123456Z"


def an_entry(record):
    return Entry(actor="a", body="0" * 64, id=uuid7(), key="k", kind="record.sealed", subject=record.record_id, time=AT)


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
    record = samples.record(sources=3)
    out, first, third = record.output.output_id, record.sources[0].source_id, record.sources[2].source_id
    flow = [
        Edge(from_=out, to=third, relation="wasDerivedFrom", basis="enclosing"),
        Edge(from_="act_x", to=first, relation="used", basis="identity"),
        Edge(from_="ent_y", to="act_x", relation="wasGeneratedBy", basis="told by a newer version"),
    ]

    rows = project(5, an_entry(record), msgspec.structs.replace(record, flow=flow), protected=False)

    assert rows.edges == ((5, '[[0,3,2,5],[4,1,0,0],[5,4,1,"told by a newer version"]]'),)


nodes = st.sampled_from(["out", "source 1", "source 2", "act_a", "act_b", "ent_c", "ent_d"])
words = st.sampled_from([*RELATIONS, "newer"]), st.sampled_from([*BASES, "newer"])


@given(st.lists(st.tuples(nodes, nodes, *words), min_size=1, max_size=12))
def test_edges_stand_with_the_numbers_of_their_nodes_in_the_order_in_which_these_come_up(samples, flow):
    record = samples.record(sources=2)
    ids = {
        "out": record.output.output_id,
        "source 1": record.sources[0].source_id,
        "source 2": record.sources[1].source_id,
    }
    edges = [
        Edge(from_=ids.get(a, a), to=ids.get(b, b), relation=relation, basis=basis) for a, b, relation, basis in flow
    ]
    known = ["out", "source 1", "source 2"]
    known += dict.fromkeys(node for a, b, _, _ in flow for node in (a, b) if node not in known)

    rows = project(1, an_entry(record), msgspec.structs.replace(record, flow=edges), protected=False)

    assert json.loads(rows.edges[0][1]) == [
        [known.index(a), known.index(b), RELATIONS.get(relation, relation), BASES.get(basis, basis)]
        for a, b, relation, basis in flow
    ]
    assert are_arrows(rows.edges[0][1])


def test_a_record_without_edges_has_no_row_of_them(samples):
    record = msgspec.structs.replace(samples.record(), flow=[])

    assert project(1, an_entry(record), record, protected=False).edges == ()


@pytest.mark.parametrize(
    ("key", "kept"),
    [("record/rec_a/0", None), ("record/rec_a/1", "record/rec_a/1"), ("record/rec_b/0", "record/rec_b/0"), ("k", "k")],
)
def test_a_key_that_follows_from_the_subject_is_not_kept_twice(key, kept):
    entry = Entry(actor="a", body="0" * 64, id=uuid7(), key=key, kind="record.sealed", subject="rec_a", time=AT)

    assert project(1, entry, None, protected=False).audit == ((1, "record.sealed", "rec_a", kept),)


def test_sqlite_itself_can_look_into_edges(store):
    found = store._connection.execute(
        "SELECT count(*) FROM edges, json_each(arrows) "
        "WHERE idx = 1 AND json_extract(value, '$[0]') = 0 AND json_extract(value, '$[2]') = ?",
        (RELATIONS["wasDerivedFrom"],),
    ).fetchone()

    assert found == (3,)
