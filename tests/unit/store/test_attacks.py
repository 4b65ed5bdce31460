"""Whoever holds the database without the key, and changes anything in it, is found out."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from provsdk.errors import StoreDamaged, StoreError, StoreRolledBack
from provsdk.ledger import log, tiles
from provsdk.ledger.commitments import body, commit
from provsdk.ledger.entries import decode, encode
from provsdk.ledger.merkle import Frontier, leaf_hash
from provsdk.ledger.note import Ed25519Signer
from provsdk.store.open import open_store
from provsdk.store.packing import Open, pack, sealed_pack, unpack
from provsdk.store.schema import VIEWS
from provsdk.store.verify import verify

TABLES = ("entries", "tiles", "checkpoint", "parts", "shared", *VIEWS)
NAMED_BY_INDEX = ("entries", "parts", *VIEWS)
ORIGIN = "example.org/log"


@pytest.fixture
def filled(opened, samples):
    """A store with a record, a protected one with content, an extension and a note, in three commits."""
    store = opened()
    plain, secret = samples.record(1), samples.record(2, sources=3, protected=True)
    store.append([samples.draft(plain), samples.draft(secret, content=b"the answer itself")], timeout=5)
    store.append([samples.extension_draft(plain)], timeout=5)
    store.append([samples.note_draft(plain.record_id)], timeout=5)
    assert verify(store).ok
    store.close()
    store.plain, store.secret = plain.record_id, secret.record_id
    return store


@pytest.fixture
def attack(filled, places):
    """Runs statements on the database behind provsdk's back; `verified` then says what `verify` makes of it."""
    path = places["place"] / "log.db"
    pristine = path.read_bytes()

    class Attack:
        plain, secret = filled.plain, filled.secret

        def run(self, statement, values=(), *, ignoring_checks=False):
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                connection.execute(f"PRAGMA ignore_check_constraints = {ignoring_checks:d}")
                return connection.execute(statement, values).fetchall()

        def restore(self):
            for name in ("log.db-wal", "log.db-shm"):
                path.with_name(name).unlink(missing_ok=True)
            path.write_bytes(pristine)

        def verified(self, record=None):
            store = open_store(**places, read_only=True)
            try:
                return verify(store, {"@plain": self.plain, "@protected": self.secret}.get(record))
            finally:
                store.close()

    return Attack()


def other(value):
    """Another value of the same type; of NULL, some value."""
    if value is None:
        return "x"
    if isinstance(value, int):
        return value + 1000
    if isinstance(value, str):
        return value[:-1] + ("x" if value[-1:] != "x" else "y")
    return value[:-1] + bytes([value[-1] ^ 1])


def columns(attack, table):
    return [row[1] for row in attack.run(f"PRAGMA table_info({table})")]


def keys(attack, table):
    return [row[1] for row in attack.run(f"PRAGMA table_info({table})") if row[5]]


@pytest.mark.parametrize("table", TABLES)
def test_a_change_of_any_column_of_any_row_is_found_and_its_entry_named(attack, table):
    names, primary = columns(attack, table), keys(attack, table)
    rows = attack.run(f"SELECT * FROM {table}")

    assert rows
    for row in rows:
        where = " AND ".join(f"{key} = ?" for key in primary)
        place = [row[names.index(key)] for key in primary]
        for name, value in zip(names, row, strict=True):
            if table == "checkpoint" and name == "id":
                continue  # its CHECK lets no other value in
            attack.run(f"UPDATE {table} SET {name} = ? WHERE {where}", [other(value), *place])
            report = attack.verified()
            attack.restore()

            assert not report.ok, (table, name, row)
            if table in NAMED_BY_INDEX:
                assert report.first_wrong is not None, (table, name, row)
                assert report.first_wrong[0] == row[0], (table, name, row)


@pytest.mark.parametrize("table", TABLES)
def test_a_value_of_another_type_is_found(attack, table):
    names = columns(attack, table)
    row = attack.run(f"SELECT * FROM {table}")[0]
    for name, value in zip(names, row, strict=True):
        if name in keys(attack, table) and table != "shared":
            continue  # SQLite itself keeps these to integers, or another test has them
        foreign = "text" if not isinstance(value, str) else b"\xff"
        attack.run(f"UPDATE {table} SET {name} = ? WHERE {names[0]} = ?", [foreign, row[0]])
        report = attack.verified()
        attack.restore()

        assert not report.ok, (table, name)


@pytest.mark.parametrize("table", TABLES)
def test_a_deleted_row_is_found_and_its_entry_named(attack, table):
    primary = keys(attack, table)
    for row in attack.run(f"SELECT {', '.join(primary)} FROM {table}"):
        attack.run(f"DELETE FROM {table} WHERE " + " AND ".join(f"{key} = ?" for key in primary), row)
        report = attack.verified()
        attack.restore()

        assert not report.ok, (table, row)
        if table in NAMED_BY_INDEX:
            assert report.first_wrong is not None
            assert report.first_wrong[0] == row[0], (table, row)


@pytest.mark.parametrize("table", [name for name in TABLES if name != "checkpoint"])
def test_an_inserted_row_is_found(attack, table):
    names, primary = columns(attack, table), keys(attack, table)
    row = list(attack.run(f"SELECT * FROM {table} ORDER BY 1 DESC LIMIT 1")[0])
    for key in primary:
        row[names.index(key)] = other(row[names.index(key)])
    attack.run(f"INSERT INTO {table} VALUES({', '.join('?' * len(row))})", row)

    report = attack.verified()

    assert not report.ok
    if table in NAMED_BY_INDEX:
        assert report.first_wrong is not None


def test_a_second_checkpoint_beside_the_right_one_is_found(attack):
    attack.run("INSERT INTO checkpoint SELECT 2, note FROM checkpoint", ignoring_checks=True)

    assert not attack.verified().ok


@pytest.mark.parametrize("table", ["entries", "parts", "audit", "records", "sources", "edges"])
def test_swapped_rows_are_found_and_the_first_one_named(attack, table):
    found = [row[0] for row in attack.run(f"SELECT DISTINCT idx FROM {table} ORDER BY idx")]
    first, second = found[0], found[1]
    attack.run(f"UPDATE {table} SET idx = 9999 WHERE idx = ?", [first])
    attack.run(f"UPDATE {table} SET idx = ? WHERE idx = ?", [first, second])
    attack.run(f"UPDATE {table} SET idx = ? WHERE idx = 9999", [second])

    report = attack.verified()

    assert not report.ok
    assert report.first_wrong is not None
    assert report.first_wrong[0] == first


def test_entries_cut_off_at_the_end_are_found_and_the_first_missing_one_named(attack):
    for table in NAMED_BY_INDEX:
        attack.run(f"DELETE FROM {table} WHERE idx >= 3")

    report = attack.verified()

    assert report.first_wrong is not None
    assert report.first_wrong[0] == 3


class TestWhoRecomputesEverything:
    """The attacker knows the format, and recomputes whatever can be computed without the key."""

    def change(self, attack, index, *, first=b"merge", then=b"MERGE"):
        """Another word in a part of an entry, with commitments, manifest, entry and pack to match."""
        (blob,) = attack.run("SELECT pack FROM parts WHERE idx = ?", [index])[0]
        parts = [
            Open(part.path, part.retention, part.salt, part.content.replace(first, then))
            if isinstance(part, Open)
            else part
            for part in unpack(blob)
        ]
        shared = dict(attack.run("SELECT digest, bytes FROM shared"))
        rows = [
            (
                part.path,
                part.retention,
                commit(part.salt, part.path, getattr(part, "content", None) or shared[part.digest]),
            )
            for part in parts
        ]
        (data,) = attack.run("SELECT bytes FROM entries WHERE idx = ?", [index])[0]
        entry = decode(data)
        changed = encode(
            type(entry)(**{name: getattr(entry, name) for name in entry.__struct_fields__} | {"body": body(rows)})
        )
        attack.run("UPDATE entries SET bytes = ? WHERE idx = ?", [changed, index])
        attack.run("UPDATE parts SET pack = ? WHERE idx = ?", [sealed_pack(b"guess" * 8, index, pack(parts)), index])

    def recompute_tree(self, attack, signer=None):
        leaves = [leaf_hash(data) for (data,) in attack.run("SELECT bytes FROM entries ORDER BY idx")]
        for (level, index), hashes in tiles.update(0, leaves, lambda _level, _index: b"").items():
            attack.run("INSERT OR REPLACE INTO tiles VALUES(?, ?, ?)", [level, index, hashes])
        if signer is not None:
            note = log.checkpoint_note(ORIGIN, Frontier().extend(leaves), signer)
            attack.run("UPDATE checkpoint SET note = ?", [note])

    @pytest.mark.parametrize("signer", [None, Ed25519Signer(ORIGIN, b"m" * 32)], ids=["not signed", "own key"])
    def test_a_changed_record_is_found_and_named(self, attack, places, signer):
        self.change(attack, 1)
        self.recompute_tree(attack, signer)
        store = open_store(**places)
        store.rebuild()
        store.close()

        report = attack.verified()

        assert not report.ok
        assert report.first_wrong is not None
        assert report.first_wrong[0] == 1
        assert all(step.ok for step in report.steps if step.number in {1, 2, 3, 7, 10})

    @pytest.mark.parametrize("name", [ORIGIN, "example.org/other"])
    def test_a_log_of_his_own_in_its_place_is_found_from_entry_0_on(self, attack, places, samples, tmp_path, name):
        his = open_store(tmp_path / "his", keys=tmp_path / "k", state=tmp_path / "s", origin=name, create=True)
        his.append([samples.draft(samples.record()) for _ in range(8)], timeout=5)
        his.close()
        shutil.copy(tmp_path / "his" / "log.db", places["place"] / "log.db")

        report = attack.verified()

        assert not report.ok
        assert report.first_wrong is not None
        assert report.first_wrong[0] == 0
        store = open_store(**places)
        with pytest.raises(StoreError):
            store.append([samples.note_draft("x")], timeout=5)
        store.close()

    def test_entries_cut_off_with_a_tree_to_match_and_the_old_checkpoint_are_missed_by_the_memory_outside(
        self, opened, places, samples, attack
    ):
        old = attack.run("SELECT note FROM checkpoint")[0][0]
        store = opened()
        store.append([samples.draft(samples.record())], timeout=5)
        store.close()
        for table in NAMED_BY_INDEX:
            attack.run(f"DELETE FROM {table} WHERE idx >= 5")
        attack.run("UPDATE checkpoint SET note = ?", [old])
        self.recompute_tree(attack)

        report = attack.verified()

        assert report.first_wrong is not None
        assert report.first_wrong[0] == 5
        assert [step.number for step in report.steps if not step.ok] == [9]
        with pytest.raises(StoreRolledBack):
            opened().append([samples.note_draft("x", key="note/2")], timeout=5)


class TestAnOlderCopy:
    """The whole file, as it was before."""

    def test_is_refused_by_append_and_found_by_verify(self, opened, places, samples, attack):
        store = opened()
        store.append([samples.draft(samples.record()) for _ in range(3)], timeout=5)
        store.close()
        attack.restore()

        report = attack.verified()
        with pytest.raises(StoreRolledBack, match="8"):
            opened().append([samples.note_draft("x", key="note/2")], timeout=5)

        assert report.first_wrong is not None
        assert report.first_wrong[0] == 5

    def test_that_was_continued_elsewhere_is_found_too(self, opened, places, samples, attack, tmp_path):
        shutil.copytree(places["place"], tmp_path / "copy")
        store = opened()
        store.append([samples.note_draft("x", key="note/2")], timeout=5)
        store.close()
        elsewhere = {**places, "state": tmp_path / "state of another"}
        copy = open_store(**{**elsewhere, "place": tmp_path / "copy"})
        copy.append([samples.note_draft("x", "else", key=f"note/{n}") for n in (3, 4)], timeout=5)
        copy.close()
        shutil.copy(tmp_path / "copy" / "log.db", places["place"] / "log.db")

        assert [step.number for step in attack.verified().steps if not step.ok] == [9]
        with pytest.raises(StoreRolledBack):
            opened().append([samples.note_draft("x", key="note/5")], timeout=5)

    def test_put_there_while_the_store_is_open_is_refused(self, opened, places, samples, attack, tmp_path):
        shutil.copytree(places["place"], tmp_path / "copy")
        store = opened()
        store.append([samples.note_draft("x", key="note/2")], timeout=5)
        shutil.rmtree(places["place"])
        shutil.copytree(tmp_path / "copy", places["place"])

        with pytest.raises(StoreRolledBack):
            store.append([samples.note_draft("x", key="note/3")], timeout=5)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE extra(a)",
        "CREATE INDEX extra ON entries(seal)",
        "CREATE VIEW extra AS SELECT * FROM entries",
        "CREATE TRIGGER extra AFTER INSERT ON entries BEGIN DELETE FROM audit; END",
        "DROP INDEX audit_key",
        "ALTER TABLE entries ADD COLUMN extra",
        "ANALYZE",
    ],
)
def test_another_schema_is_found(attack, statement):
    attack.run(statement)

    report = attack.verified()

    assert next(step.number for step in report.steps if not step.ok) == 10


def test_a_trigger_that_hides_what_is_appended_is_found(attack, opened, samples):
    attack.run("CREATE TRIGGER hide AFTER INSERT ON parts BEGIN DELETE FROM parts WHERE idx = new.idx; END")
    store = opened()
    store.append([samples.draft(samples.record())], timeout=5)

    report = verify(store)

    assert not report.ok
    assert report.first_wrong is not None
    assert report.first_wrong[0] == 5


class TestTheKeyStore:
    """It holds no key that opens anything by itself; changing it must not go unnoticed."""

    def run(self, places, statement):
        (path,) = (places["state"] / "keystore").glob("*.db")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    def test_a_changed_key_is_found_and_the_entry_named(self, attack, places):
        self.run(places, "UPDATE data_keys SET wrapped = zeroblob(60)")

        report = attack.verified()

        assert report.first_wrong is not None
        assert report.first_wrong[0] == 2

    def test_a_key_that_is_gone_without_an_entry_that_says_so_is_found(self, attack, places):
        self.run(places, "DELETE FROM data_keys")

        report = attack.verified()

        assert report.first_wrong is not None
        assert report.first_wrong[0] == 2

    def test_keys_of_two_records_exchanged_are_found(self, opened, samples, attack, places):
        store = opened()
        store.append([samples.draft(samples.record(protected=True))], timeout=5)
        store.close()
        (one, first), (two, second) = self.run(places, "SELECT subject, wrapped FROM data_keys")
        self.run(places, f"UPDATE data_keys SET wrapped = x'{second.hex()}' WHERE subject = '{one}'")
        self.run(places, f"UPDATE data_keys SET wrapped = x'{first.hex()}' WHERE subject = '{two}'")

        assert attack.verified().first_wrong[0] == 2

    @pytest.mark.parametrize("what", ["key store", "key store empty", "content key", "text"])
    def test_that_was_damaged_or_its_content_key_is_found_and_not_taken_for_absent(self, attack, places, what):
        (path,) = (places["state"] / "keystore").glob("*.db")
        if what == "text":
            self.run(places, "UPDATE data_keys SET wrapped = CAST(x'ff' AS TEXT)")
        elif what == "content key":
            (places["keys"] / "content.key").write_text("garbage")
        else:
            for beside in path.parent.glob(f"{path.name}-*"):
                beside.unlink()
            path.write_bytes(bytes(path.stat().st_size) if what == "key store" else b"")

        for report in (attack.verified(), attack.verified("@protected")):
            assert not report.ok
            assert report.first_wrong is not None
            assert report.first_wrong[0] == 2

    def test_a_changed_key_is_found_where_its_record_alone_is_verified(self, attack, places):
        self.run(places, "UPDATE data_keys SET wrapped = x'00'")

        assert attack.verified("@protected").first_wrong[0] == 2

    def test_without_it_encrypted_parts_count_as_not_checked_and_never_as_valid(self, attack, places):
        shutil.rmtree(places["state"] / "keystore")

        report = attack.verified()

        assert report.ok
        assert report.steps[5].not_checked > 0
        assert report.steps[10].not_checked == 1


def test_without_the_key_a_self_made_log_is_consistent_and_no_more(filled, places, tmp_path):
    store = open_store(places["place"], keys=tmp_path / "none", state=tmp_path / "nowhere", read_only=True)

    report = verify(store)
    store.close()

    assert report.ok
    assert report.level == "consistent"
    assert {step.number: step.not_checked > 0 for step in report.steps}[4]


def test_a_damaged_memory_outside_is_found(attack, places, opened, samples):
    for file in (places["state"] / "memory").iterdir():
        file.write_bytes(b"garbage")

    assert [step.number for step in attack.verified().steps if not step.ok] == [9]
    with pytest.raises(StoreDamaged, match="memory"):
        opened().append([samples.note_draft("x", key="note/2")], timeout=5)


class TestWhatARecordIsVerifiedBy:
    """Entries that are missing, or say that they are about something else, cannot be told from those that are there."""

    @pytest.mark.parametrize("index", [1, 3, 4])
    @pytest.mark.parametrize("record", ["@plain", "@protected"])
    def test_a_deleted_entry_is_named(self, attack, index, record):
        for table in NAMED_BY_INDEX:
            attack.run(f"DELETE FROM {table} WHERE idx = ?", [index])

        report = attack.verified(record)

        assert not report.ok
        assert report.first_wrong[0] == index

    @pytest.mark.parametrize("keyed", [True, False])
    @pytest.mark.parametrize("index", [1, 3, 4])
    def test_an_entry_that_was_given_another_subject_is_named(self, attack, places, index, keyed):
        (data,) = attack.run("SELECT bytes FROM entries WHERE idx = ?", [index])[0]
        other = data.replace(filled_subject(data), b"rec_of_somebody_else")
        attack.run("UPDATE entries SET bytes = ? WHERE idx = ?", [other, index])
        attack.run("UPDATE audit SET subject = 'rec_of_somebody_else' WHERE idx = ?", [index])
        if not keyed:
            shutil.rmtree(places["keys"])

        report = attack.verified("@plain")

        assert not report.ok
        assert report.first_wrong[0] == index

    def test_every_entry_about_it_deleted_is_no_record_not_found(self, attack):
        for table in NAMED_BY_INDEX:
            attack.run(f"DELETE FROM {table} WHERE idx IN (1, 3, 4)")

        assert attack.verified("@plain").first_wrong[0] == 1


def filled_subject(data):
    return decode(data).subject.encode()


class TestWithoutTheKeys:
    """The rows of a protected entry are checked as far as the log says them."""

    @pytest.fixture
    def without(self, attack, places):
        shutil.rmtree(places["state"] / "keystore")
        assert attack.verified().ok
        return attack

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit SET subject = 'x' WHERE idx = 2",
            "UPDATE audit SET kind = 'note.added' WHERE idx = 2",
            "DELETE FROM audit WHERE idx = 2",
            "UPDATE audit SET key = 'note/1' WHERE idx = 2",
            "UPDATE records SET protected = 0 WHERE idx = 2",
            "UPDATE records SET output_id = 'out_x' WHERE idx = 2",
            "UPDATE records SET name = 'x' WHERE idx = 2",
            "UPDATE records SET status = 'x' WHERE idx = 2",
            "UPDATE records SET generated_at = 'x' WHERE idx = 2",
            "UPDATE records SET classification = 'public' WHERE idx = 2",
            "UPDATE records SET complete = 1 WHERE idx = 2",
            "UPDATE records SET sources = 7 WHERE idx = 2",
            "UPDATE records SET model_calls = 'x' WHERE idx = 2",
            "UPDATE records SET output_join = 'x' WHERE idx = 2",
            "DELETE FROM records WHERE idx = 2",
            "UPDATE sources SET name = 'x' WHERE idx = 2 AND n = 1",
            "UPDATE sources SET type = 'x' WHERE idx = 2 AND n = 1",
            "UPDATE sources SET location = 'x' WHERE idx = 2 AND n = 1",
            "UPDATE sources SET value_join = x'00' WHERE idx = 2 AND n = 1",
            "DELETE FROM sources WHERE idx = 2 AND n = 2",
            "UPDATE edges SET arrows = '[[0,-1,2,0]]' WHERE idx = 2",
            "UPDATE edges SET arrows = '[[0,1,2]]' WHERE idx = 2",
            "UPDATE edges SET arrows = '[[0, 1, 2, 0]]' WHERE idx = 2",
            "UPDATE edges SET arrows = '[]' WHERE idx = 2",
            "UPDATE edges SET arrows = 'x' WHERE idx = 2",
            "UPDATE edges SET arrows = x'5b5b302c312c322c305d5d' WHERE idx = 2",
        ],
    )
    def test_a_change_is_found_and_its_entry_named(self, without, statement):
        without.run(statement)

        for record in (None, "@protected"):
            report = without.verified(record)
            assert not report.ok
            assert report.first_wrong[0] == 2


TEXTS = [
    ("audit", "kind"),
    ("audit", "subject"),
    ("audit", "key"),
    ("records", "name"),
    ("sources", "location"),
    ("edges", "arrows"),
    ("checkpoint", "note"),
]


class TestWhatCannotBeRead:
    """It ends in a report, never in another error."""

    @pytest.mark.parametrize(("table", "column"), TEXTS)
    def test_text_that_is_no_utf_8_is_found(self, attack, table, column):
        first = attack.run(f"SELECT * FROM {table}")[0][0]
        attack.run(
            f"UPDATE {table} SET {column} = CAST(x'61ff62' AS TEXT) WHERE rowid = ?"
            if table != "sources"
            else f"UPDATE {table} SET {column} = CAST(x'61ff62' AS TEXT) WHERE idx = ?",
            [first],
        )

        for record in (None, "@plain"):
            report = attack.verified(record)
            assert (report.ok) == (record is not None and table == "audit" and first == 0)
            "".join(report.findings).encode()
            if table != "checkpoint" and not report.ok:
                assert report.first_wrong[0] == first

    def test_reading_such_text_says_damaged(self, attack, places):
        attack.run("UPDATE records SET name = CAST(x'61ff62' AS TEXT)")
        store = open_store(**places, read_only=True)

        with pytest.raises(StoreDamaged, match="UTF-8 column 'name'") as caught:
            store.summaries()
        assert "a\N{REPLACEMENT CHARACTER}b" not in str(caught.value)
        store.close()

    @pytest.mark.parametrize("table", TABLES)
    def test_a_table_that_is_gone_is_found(self, attack, table):
        attack.run(f"DROP TABLE {table}")

        for record in (None, "@plain"):
            report = attack.verified(record)
            assert not report.ok
            if table in {"entries", "parts"}:
                assert report.first_wrong is not None
                assert report.first_wrong[0] == (0 if record is None or table == "entries" else 1)

    @pytest.mark.parametrize("where", ["idx = 0", "1"])
    @pytest.mark.parametrize("tables", [("entries",), NAMED_BY_INDEX, (*NAMED_BY_INDEX, "tiles", "checkpoint")])
    def test_without_its_beginning_or_anything_it_is_found(self, attack, where, tables, places, samples):
        for table in tables:
            attack.run(f"DELETE FROM {table} WHERE {where if table in NAMED_BY_INDEX else 1}")

        for record in (None, "@plain"):
            report = attack.verified(record)
            assert not report.ok
            assert report.first_wrong is not None
            assert report.first_wrong[0] == 0
        store = open_store(**places)
        assert store.origin == ORIGIN
        if where == "1" or "checkpoint" in tables:
            with pytest.raises(StoreDamaged):
                store.append([samples.note_draft("x", key="note/9")], timeout=5)
        store.close()


class TestAForgedRow:
    """Names lead to what the log seals, or to an error."""

    @pytest.fixture
    def store(self, attack, places):
        attack.run(
            "INSERT INTO records SELECT 9999, 'out_eeee', name, status, generated_at, "
            "classification, sources, transformations, model_calls, policy_checks, complete, protected, "
            "output_join FROM records WHERE idx = 1"
        )
        attack.run("INSERT INTO audit VALUES(9999, 'record.sealed', 'rec_ffff', NULL)")
        store = open_store(**places, read_only=True)
        yield store
        store.close()

    @pytest.mark.parametrize("name", ["@latest", "rec_ff", "rec_ffff", "out_ee", "out_eeee"])
    def test_beyond_the_log_is_refused(self, store, name):
        with pytest.raises(StoreDamaged, match="9999"):
            store.resolve(name)

    def test_of_another_entry_is_refused(self, attack, places):
        attack.run("UPDATE audit SET subject = 'rec_ffff' WHERE idx = 2")
        store = open_store(**places, read_only=True)

        for name in ("@latest", "rec_ffff"):
            with pytest.raises(StoreDamaged, match="entry 2"):
                store.resolve(name)
        store.close()
