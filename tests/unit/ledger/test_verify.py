"""The procedure of verification over a log in memory: what is whole passes, what was changed is found and placed.

The attacker here has everything but the log's key: every hash may be recomputed.
"""

import dataclasses

import pytest

from provsdk import canonical
from provsdk.errors import FormatError, StoreDamaged
from provsdk.ledger import checkpoint, commitments, keys, log, note, tiles
from provsdk.ledger.entries import Entry, decode, encode, uuid7
from provsdk.ledger.merkle import Frontier, leaf_hash
from provsdk.ledger.verify import EntryPart, EntryRow, Remembered, verify_entries, verify_log

ORIGIN = "log.example/verified"
SEED = bytes(range(32))
SIGNER = note.Ed25519Signer(ORIGIN, SEED)
SEAL_KEY = keys.seal_key(SEED)
SIZE = 300


class MemoryLog:
    """A reader over plain lists and mappings, which tests may change at will."""

    def __init__(self):
        self.rows = []
        self.part_rows = {}
        self.tile_rows = {}
        self.note = ""
        self.memory = []
        self.frontier = Frontier()

    def entries(self):
        yield from sorted(self.rows, key=lambda row: row.index)

    def entry(self, index):
        return next((row for row in self.rows if row.index == index), None)

    def parts(self, index):
        return self.part_rows.get(index, [])

    def tile(self, level, index):
        return self.tile_rows.get((level, index), b"")

    def tile_ids(self):
        return list(self.tile_rows)

    def checkpoint(self):
        return self.note

    def remembered(self):
        return self.memory

    def add(self, *drafts, signer=SIGNER):
        encoded = []
        for number, (kind, contents) in enumerate(drafts, len(self.rows)):
            parts = [sealed_part(number, path, content) for path, content in contents.items()]
            self.part_rows[number] = parts
            encoded.append(encode(entry_of(number, kind, parts)))
        appended = log.append(self.frontier, encoded, seal_key=SEAL_KEY)
        leaves = [row.leaf_hash for row in appended.rows]
        self.tile_rows |= tiles.update(self.frontier.size, leaves, self.tile)
        self.rows += [EntryRow(row.index, row.entry, row.seal) for row in appended.rows]
        self.frontier = appended.frontier
        self.note = log.checkpoint_note(ORIGIN, self.frontier, signer)

    def remember(self):
        self.memory.append(Remembered(self.frontier.size, self.frontier.root(), "the state directory"))

    def recompute_tree(self):
        leaves = [leaf_hash(row.data) for row in self.entries()]
        self.tile_rows = tiles.update(0, leaves, lambda _level, _index: b"")
        self.frontier = Frontier().extend(leaves)

    def replace(self, index, **changes):
        self.rows[index] = dataclasses.replace(self.rows[index], **changes)

    def replace_part(self, index, place, **changes):
        self.part_rows[index][place] = dataclasses.replace(self.part_rows[index][place], **changes)


def sealed_part(number, path, content):
    salt = number.to_bytes(32)
    commitment = commitments.commit(salt, path, content)
    return EntryPart(path, "standard", commitment, "open", salt, content)


def entry_of(number, kind, parts):
    return Entry(
        id=uuid7(number),
        kind=kind,
        time="2026-11-24T02:03:04.000005Z",
        key=f"key/{number}",
        actor="emi_1",
        subject=f"rec_{number}",
        body=commitments.body([(part.path, part.retention, part.commitment) for part in parts]),
    )


def opening(vkey=SIGNER.vkey, origin=ORIGIN):
    return "log.opened", {"log": canonical.canonical({"origin": origin, "log_key": vkey})}


def filled(size=SIZE):
    made = MemoryLog()
    made.add(opening())
    made.remember()
    made.add(*[("record.sealed", {"header": b"%d" % number, "flow": b"[]"}) for number in range(1, size)])
    made.remember()
    return made


def verified(reader, **kwargs):
    return verify_log(reader, **({"key": SIGNER.key, "seal_key": SEAL_KEY} | kwargs))


def failed(outcome):
    return {step.number for step in outcome.steps if not step.ok}


def test_a_whole_log_passes_every_step():
    reader = filled()
    outcome = verified(reader)

    assert outcome.ok
    assert outcome.signed
    assert [step.number for step in outcome.steps] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert all(step.checked and not step.not_checked for step in outcome.steps)
    assert (SIZE, reader.frontier.root()) == (outcome.size, outcome.root)
    assert outcome.first_wrong is None
    assert outcome.findings == ()


def test_without_any_key_a_log_agrees_with_itself_and_is_not_called_signed():
    outcome = verify_log(filled())

    assert outcome.ok
    assert not outcome.signed
    assert (outcome.steps[3].checked, outcome.steps[3].not_checked) == (0, SIZE)
    assert "key is not at hand" in outcome.steps[3].detail


def test_without_a_memory_rollback_is_not_checked():
    reader = filled(3)
    reader.memory = []
    step = verified(reader).steps[8]

    assert step.ok
    assert (step.checked, step.not_checked) == (0, 1)
    assert "rolled back is not known" in step.detail


@pytest.mark.parametrize("index", [0, 1, 255, 256, SIZE - 1])
def test_a_changed_entry_is_named(index):
    reader = filled()
    reader.replace(index, data=reader.rows[index].data.replace(b"emi_1", b"emi_2"))
    outcome = verified(reader)

    assert index == outcome.first_wrong[0]
    assert {3, 4, 8} <= failed(outcome)
    assert not outcome.signed


@pytest.mark.parametrize("index", [0, 1, 255, 256, SIZE - 1])
def test_a_changed_entry_is_named_by_its_seal_where_all_hashes_were_recomputed(index):
    reader = filled()
    reader.replace(index, data=reader.rows[index].data.replace(b"emi_1", b"emi_2"))
    reader.recompute_tree()
    outcome = verified(reader)

    assert index == outcome.first_wrong[0]
    assert 4 in failed(outcome)
    assert 8 in failed(outcome)


def test_without_the_seal_key_a_recomputed_change_is_found_but_not_placed():
    reader = filled()
    reader.replace(7, data=reader.rows[7].data.replace(b"emi_1", b"emi_2"))
    reader.recompute_tree()
    outcome = verified(reader, seal_key=None)

    assert {8, 9} == failed(outcome)
    assert outcome.first_wrong is None


def test_an_attacker_who_signs_with_another_key_is_found():
    reader = MemoryLog()
    attacker = note.Ed25519Signer(ORIGIN, bytes(32))
    reader.add(opening(attacker.vkey), signer=attacker)
    outcome = verified(reader, seal_key=None)

    assert {8} == failed(outcome)
    assert (0, f"entry 0 names the key {attacker.vkey}; expected {SIGNER.vkey}") == outcome.first_wrong


@pytest.mark.parametrize("index", [0, 1, 255, SIZE - 2])
def test_a_deleted_entry_is_named(index):
    reader = filled()
    del reader.rows[index]

    assert index == verified(reader).first_wrong[0]


def test_entries_that_changed_places_are_named():
    reader = filled()
    reader.rows[5], reader.rows[6] = (
        dataclasses.replace(reader.rows[6], index=5),
        dataclasses.replace(reader.rows[5], index=6),
    )
    reader.recompute_tree()

    assert verified(reader).first_wrong[0] == 5


@pytest.mark.parametrize("index", [-1, SIZE, SIZE + 5])
def test_an_entry_that_was_put_in_is_found(index):
    reader = filled()
    reader.rows.append(dataclasses.replace(reader.rows[9], index=index))
    outcome = verified(reader)

    assert min(index, SIZE) == outcome.first_wrong[0]


def test_a_second_opening_is_found():
    reader = filled(3)
    reader.add(opening())

    assert verified(reader).first_wrong == (3, "entry 3 is of kind log.opened")


def test_a_log_that_does_not_begin_with_its_opening_is_found():
    reader = MemoryLog()
    reader.add(("record.sealed", {"header": b"1"}))

    assert {2, 8} == failed(verified(reader))


@pytest.mark.parametrize("recomputed", [True, False])
def test_a_truncated_log_names_the_first_entry_that_is_missing(recomputed):
    reader = filled()
    del reader.rows[100:]
    if recomputed:
        reader.recompute_tree()
    outcome = verified(reader)

    assert outcome.first_wrong[0] == 100
    assert {8, 9} <= failed(outcome)


def test_a_log_that_was_set_back_to_an_older_signed_state_is_found_by_memory_alone():
    older = filled(50)
    reader = filled(50)
    older.memory.append(Remembered(60, bytes(32), "the state directory"))

    assert {9} == failed(verified(older))
    assert verified(older).first_wrong[0] == 50
    assert verified(reader).ok


def test_another_history_under_the_same_key_is_found_by_memory_alone():
    reader = filled(50)
    reader.memory = [Remembered(20, bytes(32), "the state directory")]

    assert {9} == failed(verified(reader))
    assert verified(reader).findings[0].what == "the first 20 entries are not those that the state directory remembers"


@pytest.mark.parametrize("tile", [(0, 0), (0, 1), (1, 0)])
def test_a_changed_tile_is_found(tile):
    reader = filled()
    stored = reader.tile_rows[tile]
    reader.tile_rows[tile] = stored[:-1] + bytes([stored[-1] ^ 1])
    outcome = verified(reader)

    assert {3 if tile[0] == 0 else 7} == failed(outcome)
    if tile[0] == 0:
        assert tile[1] * 256 + len(stored) // 32 - 1 == outcome.first_wrong[0]


@pytest.mark.parametrize("tile", [(0, 0), (0, 1), (1, 0)])
def test_a_missing_tile_is_found(tile):
    reader = filled()
    del reader.tile_rows[tile]

    assert {3 if tile[0] == 0 else 7} == failed(verified(reader))


@pytest.mark.parametrize("tile", [(0, 2), (1, 1), (2, 0), (63, 5), (-1, 0)])
def test_a_tile_that_nothing_calls_for_is_found(tile):
    reader = filled()
    reader.tile_rows[tile] = bytes(32)

    assert {7} == failed(verified(reader))


def test_a_changed_seal_is_found_and_named():
    reader = filled()
    reader.replace(12, seal=bytes(16))

    assert {4} == failed(verified(reader))
    assert verified(reader).first_wrong[0] == 12


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"path": "header2"}, 5),
        ({"retention": "permanent"}, 5),
        ({"commitment": bytes(32)}, 5),
        ({"commitment": None, "content": b"other"}, 5),
        ({"salt": bytes(32)}, 6),
        ({"salt": b""}, 5),
        ({"content": b"other"}, 6),
        ({"state": "erased", "salt": None, "content": None}, 6),
        ({"state": "open", "salt": None, "content": None}, 6),
        ({"state": "locked", "salt": None, "content": None, "commitment": None}, 5),
    ],
)
def test_a_changed_part_is_found_and_its_entry_named(changes, step):
    reader = filled(20)
    reader.replace_part(7, 0, **changes)
    outcome = verified(reader)

    assert step in failed(outcome)
    assert outcome.first_wrong[0] == 7


def test_a_part_that_was_put_in_or_taken_away_is_found():
    put_in, taken = filled(9), filled(9)
    put_in.part_rows[4].append(sealed_part(4, "more", b""))
    del taken.part_rows[4][1]

    assert 4 == verified(put_in).first_wrong[0] == verified(taken).first_wrong[0]


def test_a_part_that_comes_twice_is_found():
    reader = filled(9)
    reader.part_rows[4].append(reader.part_rows[4][0])

    assert "comes twice" in verified(reader).first_wrong[1]


def test_a_locked_part_is_not_checked_and_never_called_good():
    reader = filled(9)
    reader.replace_part(4, 0, state="locked", salt=None, content=None)
    outcome = verified(reader)

    assert outcome.ok
    assert outcome.steps[5].not_checked == 1
    assert "key is not at hand" in outcome.steps[5].detail


def test_a_part_may_be_missing_where_a_later_entry_says_that_it_was_erased():
    reader = filled(9)
    reader.add(("content.erased", {"erased": b"[]"}))
    reader.replace_part(4, 0, state="erased", salt=None, content=None, erased_by=9)

    assert verified(reader).ok
    assert verify_entries(reader, [4], key=SIGNER.key, seal_key=SEAL_KEY).ok


@pytest.mark.parametrize("by", [3, 8, 77])
def test_an_entry_of_another_kind_or_an_earlier_one_erases_nothing(by):
    reader = filled(9)
    reader.replace_part(4, 0, state="erased", salt=None, content=None, erased_by=by)

    assert verified(reader).first_wrong[0] == 4
    assert verify_entries(reader, [4], key=SIGNER.key).first_wrong[0] == 4


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ORIGIN, "log.example/another"),
        ("\n300\n", "\n301\n"),
        ("\n300\n", "\n299\n"),
        ("— log", "—log"),
        ("— log", "— dog"),
    ],
)
def test_a_changed_checkpoint_is_found(old, new):
    reader = filled()
    assert old in reader.note
    reader.note = reader.note.replace(old, new, 1)

    assert {8} == failed(verified(reader))
    assert not verified(reader).signed


def test_a_signature_that_somebody_else_put_beside_ours_is_found():
    reader = filled(3)
    stranger = note.Ed25519Signer("stranger.example", bytes(32))
    text, _, ours = reader.note.partition("\n\n")
    theirs = note.sign_note(text + "\n", [stranger]).partition("\n\n")[2]
    reader.note = f"{text}\n\n{ours}{theirs}"

    assert {8} == failed(verified(reader))


def test_a_checkpoint_that_our_key_signed_for_another_log_is_found():
    reader = filled(3)
    stated = checkpoint.Checkpoint("log.example/another", 3, reader.frontier.root())
    reader.note = note.sign_note(stated.text(), [SIGNER])

    assert failed(verified(reader)) == {8}


@pytest.mark.parametrize("tail", [b"x", bytes(32), bytes(33)])
def test_bytes_behind_a_tile_are_found(tail):
    reader = filled()
    reader.tile_rows[0, 1] += tail

    assert failed(verified(reader)) == {3}
    assert verified(reader).first_wrong[0] == SIZE


@pytest.mark.parametrize("error", [FormatError, StoreDamaged])
def test_single_entries_that_cannot_be_read_are_findings(error):
    reader = filled(4)

    def refuse(_):
        raise error("bytes without a meaning")

    reader.parts = refuse

    assert failed(verify_entries(reader, [1])) == {5, 8}


def test_an_older_checkpoint_of_the_same_log_is_found():
    reader = filled(3)
    older = reader.note
    reader.add(("record.sealed", {"header": b"3"}))
    reader.note = older

    assert {8} == failed(verified(reader))
    assert verified(reader).first_wrong[0] == 3


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"log_key":5,"origin":"x"}', b'{"log_key":"x","origin":"x"}', opening(origin="x")[1]["log"]],
)
def test_an_opening_that_does_not_name_its_log_is_found(content):
    reader = MemoryLog()
    reader.add(("log.opened", {"log": content}))

    assert {8} == failed(verified(reader))
    assert verified(reader).first_wrong[0] == 0
    assert {8} <= failed(verify_entries(reader, [0]))


def test_an_entry_that_is_none_is_named_and_the_others_are_still_checked():
    reader = filled(9)
    reader.replace(4, data=b"{}")
    outcome = verified(reader)

    assert {1, 3, 4, 8, 9} == failed(outcome)
    assert outcome.first_wrong[0] == 4
    assert outcome.steps[0].checked == 9


@pytest.mark.parametrize("method", ["entries", "entry", "parts", "tile", "tile_ids", "checkpoint", "remembered"])
@pytest.mark.parametrize("error", [FormatError, StoreDamaged])
def test_what_the_reader_cannot_read_is_a_finding_and_never_an_exception(method, error):
    reader = filled(4)

    def refuse(*_):
        raise error("bytes without a meaning")

    setattr(reader, method, refuse)

    assert (method == "entry") == verified(reader).ok
    assert not verify_entries(reader, [1], key=SIGNER.key, seal_key=SEAL_KEY).ok


def test_findings_are_bounded_and_the_others_counted():
    reader = filled()
    for index in range(SIZE):
        reader.replace(index, seal=bytes(16))
    outcome = verified(reader)

    assert len(outcome.findings) == 100
    assert "(and 299 more)" in outcome.steps[3].detail


def test_single_entries_are_proved_against_the_checkpoint():
    outcome = verify_entries(filled(), [0, 5, 255, 256, 299], key=SIGNER.key, seal_key=SEAL_KEY)

    assert outcome.ok
    assert outcome.signed
    assert [step.number for step in outcome.steps] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert outcome.steps[0].checked == 5
    assert outcome.steps[3].checked == SIZE


def test_single_entries_without_a_key_are_proved_against_the_key_that_the_log_names():
    outcome = verify_entries(filled(9), [5])

    assert outcome.ok
    assert not outcome.signed


def test_whoever_takes_the_key_from_entry_0_finds_out_that_it_was_exchanged():
    reader = filled(9)
    attacker = note.Ed25519Signer(ORIGIN, bytes(32))
    reader.replace_part(0, 0, content=opening(attacker.vkey)[1]["log"])
    reader.note = log.checkpoint_note(ORIGIN, reader.frontier, attacker)
    outcome = verify_entries(reader, [5])

    assert failed(outcome) == {6}
    assert outcome.first_wrong[0] == 0


@pytest.mark.parametrize("parts", [[], [sealed_part(0, "other", b"{}")]])
def test_single_entries_without_any_key_prove_nothing(parts):
    reader = filled(9)
    reader.part_rows[0] = parts

    assert {5, 8} == failed(verify_entries(reader, [5]))


def test_a_remembered_history_that_was_replaced_is_found_for_single_entries_too():
    reader = filled(9)
    reader.memory = [Remembered(0, bytes(32), "nothing yet"), Remembered(4, bytes(32), "the state directory")]

    assert failed(verify_entries(reader, [5], key=SIGNER.key)) == {9}


def test_damage_to_the_parts_of_others_does_not_touch_a_single_entry_that_is_whole():
    reader = filled()
    reader.replace_part(7, 0, content=b"other", commitment=None)

    assert verify_entries(reader, [6], key=SIGNER.key, seal_key=SEAL_KEY).ok
    assert verify_entries(reader, [6, 7], key=SIGNER.key, seal_key=SEAL_KEY).first_wrong[0] == 7


@pytest.mark.parametrize("seal_key", [SEAL_KEY, None])
@pytest.mark.parametrize("index", [1, 255, 256, SIZE - 2, SIZE - 1])
def test_an_entry_that_was_deleted_or_changed_is_found_whichever_entry_is_asked_for(index, seal_key):
    deleted, changed = filled(), filled()
    del deleted.rows[index]
    changed.replace(index, data=changed.rows[index].data.replace(b"rec_", b"rec-"))

    for reader in (deleted, changed):
        outcome = verify_entries(reader, [6], key=SIGNER.key, seal_key=seal_key)
        assert not outcome.ok
        assert outcome.first_wrong[0] == index


@pytest.mark.parametrize("tile", [(0, 0), (0, 1), (1, 0)])
def test_a_changed_tile_is_found_whichever_entry_is_asked_for(tile):
    reader = filled()
    reader.tile_rows[tile] = bytes(32) + reader.tile_rows[tile][32:]

    assert not verify_entries(reader, [299], key=SIGNER.key).ok


def test_a_key_that_is_at_hand_and_damaged_is_a_finding():
    for outcome in (
        verify_log(filled(3), key_fault="the key is damaged"),
        verify_entries(filled(3), [1], key_fault="the key is damaged"),
    ):
        assert {8} == failed(outcome)
        assert not outcome.signed
        assert [finding.what for finding in outcome.findings] == ["the key is damaged"]


def test_a_recomputed_tree_proves_nothing_to_the_signed_checkpoint():
    reader = filled()
    reader.replace(7, data=reader.rows[7].data.replace(b"emi_1", b"emi_2"))
    reader.recompute_tree()
    outcome = verify_entries(reader, [7], key=SIGNER.key)

    assert {7, 8, 9} == failed(outcome)
    assert outcome.first_wrong[0] == 7


@pytest.mark.parametrize("index", [-1, 300, 10**9])
def test_a_single_entry_that_is_not_there_is_named(index):
    outcome = verify_entries(filled(), [index], key=SIGNER.key)

    assert {1} == failed(outcome)
    assert index == outcome.first_wrong[0]


@pytest.mark.parametrize("index", [-1, 300])
def test_a_single_entry_that_the_checkpoint_does_not_cover_is_named(index):
    reader = filled()
    reader.rows.append(dataclasses.replace(reader.rows[5], index=index))

    assert {3, 4, 7} <= failed(verify_entries(reader, [index], key=SIGNER.key, seal_key=SEAL_KEY))


def test_single_entries_notice_a_rollback_too():
    reader = filled(9)
    reader.memory.append(Remembered(20, bytes(32), "the state directory"))

    assert {9} == failed(verify_entries(reader, [5], key=SIGNER.key))


def test_without_a_good_checkpoint_nothing_is_proved():
    reader = filled(9)
    reader.note = "nonsense"
    outcome = verify_entries(reader, [5], key=SIGNER.key)

    assert {8} == failed(outcome)
    assert not outcome.signed
    assert outcome.steps[6].not_checked == 1


def test_an_empty_store_is_no_log():
    assert {8} == failed(verified(MemoryLog()))


def test_the_log_in_these_tests_is_one():
    reader = filled(3)

    assert [decode(row.data).kind for row in reader.rows] == ["log.opened", "record.sealed", "record.sealed"]
