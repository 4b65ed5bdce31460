"""What every driver of the store contract has to do; a test class of each driver inherits it and gives `opened`."""

import threading

import pytest

from provsdk.errors import KeyConflict, NotFound
from provsdk.records.record import Completeness
from provsdk.store.contract import Sealed


class StoreContract:
    """Uses the fixtures `opened` (a function that opens the same store, made where it is missing) and `samples`."""

    def test_a_new_store_holds_the_entry_that_opens_its_log(self, opened):
        store = opened()

        assert [(entry.index, entry.kind) for entry in store.entries()] == [(0, "log.opened")]
        assert store.size() == 1
        assert store.checkpoint().startswith(f"{store.origin}\n1\n")

    def test_drafts_are_appended_in_order(self, opened, samples):
        store = opened()
        records = [samples.record() for _ in range(3)]

        answers = store.append([samples.draft(one) for one in records], timeout=5)

        assert answers == [Sealed(1, duplicate=False), Sealed(2, duplicate=False), Sealed(3, duplicate=False)]
        assert [entry.subject for entry in store.entries(1)] == [one.record_id for one in records]
        assert store.checkpoint().splitlines()[1] == "4"

    def test_what_was_appended_is_there_for_whoever_opens_the_store_next(self, opened, samples):
        record = samples.record()
        first = opened()
        first.append([samples.draft(record)], timeout=5)
        first.close()

        assert opened().fold(record.record_id).record == record

    def test_the_same_key_with_the_same_content_is_appended_once(self, opened, samples):
        store, draft = opened(), samples.draft(samples.record())

        again = [store.append([draft], timeout=5), store.append([draft, draft], timeout=5)]

        assert again[0] == [Sealed(1, duplicate=False)]
        assert again[1] == [Sealed(1, duplicate=True), Sealed(1, duplicate=True)]
        assert store.size() == 2

    @pytest.mark.parametrize("protected", [False, True])
    def test_the_same_key_with_other_content_is_left_out_and_the_others_are_appended(self, opened, samples, protected):
        store = opened()
        store.append([samples.note_draft("x", "one", key="k", protected=protected)], timeout=5)

        answers = store.append(
            [
                samples.note_draft("x", "two", key="k", protected=protected),
                samples.note_draft("x", "three", key="l", protected=protected),
                samples.note_draft("x", "four", key="l", protected=protected),
            ],
            timeout=5,
        )

        assert [type(answer) for answer in answers] == [KeyConflict, Sealed, KeyConflict]
        assert [entry.key for entry in store.entries()] == ["log", "k", "l"]
        assert b"one" in store.parts(1)[0].content

    def test_a_key_is_one_entry_whatever_it_is_about_also_where_it_follows_from_a_record(self, opened, samples):
        store, first, second = opened(), samples.record(), samples.record()
        taken, its_own = f"record/{first.record_id}/0", f"record/{second.record_id}/0"
        store.append([samples.note_draft("x", key=taken), samples.draft(second)], timeout=5)

        answers = store.append([samples.draft(first), samples.note_draft("x", key=its_own)], timeout=5)

        assert [type(answer) for answer in answers] == [KeyConflict, KeyConflict]
        assert [f"entry {n} has the key" in str(answer) for n, answer in enumerate(answers, 1)] == [True, True]
        assert [entry.key for entry in store.entries(1)] == [taken, its_own]

    def test_nothing_to_append_is_no_error_and_appends_nothing(self, opened):
        store = opened()

        assert store.append([], timeout=5) == []
        assert store.size() == 1

    def test_what_cannot_be_an_entry_takes_nothing_else_with_it_into_the_log(self, opened, samples):
        store = opened()
        wrong = samples.note_draft("x", key="")

        with pytest.raises(ValueError, match="entry"):
            store.append([samples.note_draft("x", key="k"), wrong], timeout=5)

        assert store.size() == 1

    def test_parts_come_back_as_they_were_sorted_by_path(self, opened, samples):
        store, draft = opened(), samples.draft(samples.record(), content=b"the answer")
        store.append([draft], timeout=5)

        stored = store.parts(1)

        assert [part.path for part in stored] == sorted(part.path for part in draft.parts)
        assert {(part.path, part.retention, part.content) for part in stored} == {
            (part.path, part.retention, part.content) for part in draft.parts
        }
        with pytest.raises(NotFound):
            store.parts(2)

    def test_entries_are_read_from_one_index_up_to_before_another(self, opened, samples):
        store = opened()
        store.append([samples.note_draft("x", key=f"k{n}") for n in range(600)], timeout=5)

        assert [entry.index for entry in store.entries(3, 5)] == [3, 4]
        assert [entry.index for entry in store.entries()] == list(range(601))

    def test_entries_are_found_by_kind_in_log_order(self, opened, samples):
        store, record = opened(), samples.record()
        store.append([samples.note_draft("x", key="k1"), samples.draft(record)], timeout=5)
        store.append([samples.note_draft("x", key="k2")], timeout=5)

        assert [entry.index for entry in store.entries_of_kind("note.added")] == [1, 3]
        assert [entry.index for entry in store.entries_of_kind("note.added", "record.sealed")] == [1, 2, 3]
        assert store.entries_of_kind("key.rotated") == store.entries_of_kind() == []

    def test_a_record_is_folded_with_what_became_known_later_and_what_was_noted(self, opened, samples):
        store, record = opened(), samples.record()
        store.append([samples.draft(record), samples.draft(samples.record())], timeout=5)
        store.append(
            [samples.extension_draft(record), samples.note_draft(record.record_id, "checked by hand")], timeout=5
        )

        folded = store.fold(record.record_id)

        assert len(folded.record.sources) == len(record.sources) + 1
        assert [entry.kind for entry in folded.entries] == ["record.sealed", "record.extended", "note.added"]
        assert [(note["author"], note["text"]) for note in folded.notes] == [("kim", "checked by hand")]
        assert folded.unreadable == ()
        assert store.entries_about(record.record_id) == list(folded.entries)

    def test_a_record_is_found_by_id_output_id_unique_prefix_and_as_the_latest(self, opened, samples):
        store, first, second = opened(), samples.record(), samples.record()
        store.append([samples.draft(first), samples.draft(second)], timeout=5)

        for name in (first.record_id, first.output.output_id, first.record_id[:30], first.output.output_id[:30]):
            assert store.resolve(name) == first.record_id
        assert store.resolve("@latest") == second.record_id

    def test_a_name_of_no_record_or_of_several_is_not_found(self, opened, samples):
        store = opened()
        with pytest.raises(NotFound):
            store.resolve("@latest")
        records = [samples.record() for _ in range(7)]
        store.append([samples.draft(one) for one in records], timeout=5)

        for name in ("rec_0123456789", "", "%", "x" * 1000):
            with pytest.raises(NotFound, match="no record"):
                store.resolve(name)
        with pytest.raises(NotFound, match="more than one") as caught:
            store.resolve("rec_")
        assert sum(one.record_id in str(caught.value) for one in records) == 5
        with pytest.raises(NotFound):
            store.fold("rec_0123456789")

    def test_summaries_come_in_log_order_or_the_reverse(self, opened, samples):
        store, records = opened(), [samples.record() for _ in range(3)]
        store.append([samples.draft(one) for one in records], timeout=5)

        newest = store.summaries(limit=2)
        oldest = store.summaries(newest_first=False)

        assert [one.record_id for one in newest] == [records[2].record_id, records[1].record_id]
        assert [one.record_id for one in oldest] == [one.record_id for one in records]
        one, record = oldest[0], records[0]
        assert (one.output_id, one.name, one.status) == (record.output.output_id, record.output.name, "completed")
        assert (one.generated_at, one.classification, one.complete) == (record.generated_at, "internal", False)
        assert (one.sources, one.transformations, one.model_calls, one.policy_checks, one.entry) == (2, 1, 1, 1, 1)

    def test_rebuilding_counts_the_rows_of_each_view_and_changes_nothing(self, opened, samples):
        store, record = opened(), samples.record()
        store.append([samples.draft(record)], timeout=5)
        before = store.summaries()

        assert store.rebuild()["records"] == 1
        assert store.summaries() == before
        assert store.fold(record.record_id).record == record

    def test_sizes_and_rate(self, opened, samples):
        store = opened()
        empty = store.stats()
        store.append([samples.draft(samples.record()) for _ in range(20)], timeout=5)

        stats = store.stats()

        assert (empty.entries, empty.records, empty.first_record_at) == (1, 0, None)
        assert (stats.entries, stats.records) == (21, 20)
        assert stats.first_record_at == stats.last_record_at == samples.AT
        assert stats.bytes_total > stats.bytes_log + stats.bytes_parts > 0
        assert stats.bytes_views > 0

    def test_several_threads_append_and_read_at_once(self, opened, samples):
        store, failures = opened(), []

        def work():
            try:
                for _ in range(10):
                    record = samples.record()
                    store.append([samples.draft(record)], timeout=20)
                    assert store.fold(record.record_id).record == record
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert [entry.index for entry in store.entries()] == list(range(41))

    def test_closing_twice_is_no_error(self, opened):
        store = opened()
        store.close()
        store.close()

        assert opened().size() == 1

    @pytest.mark.parametrize("protected", [False, True])
    def test_records_are_found_by_what_they_came_to_and_by_what_they_loaded(self, opened, samples, protected):
        store, record, other = opened(), samples.record(protected=protected), samples.record()
        store.append([samples.draft(record), samples.draft(other)], timeout=5)
        source = record.sources[1]

        assert store.outputs_of(record.output.join_digest) == [record.record_id]
        for value in (source, source.elements[0]):
            (use,) = store.uses_of(value.join_digest)
            assert (use.record_id, use.entry) == (record.record_id, 1)
            assert use.name == (None if protected else source.name)
        assert store.outputs_of(source.join_digest) == []
        assert store.uses_of(record.output.join_digest) == []

    def test_what_an_extension_loaded_is_its_records(self, opened, samples):
        store, record = opened(), samples.record()
        extension = samples.extension_draft(record)
        store.append([samples.draft(record), extension], timeout=5)
        (added,) = {one.join_digest for one in store.fold(record.record_id).record.sources} - {
            one.join_digest for one in record.sources
        }

        assert [(use.record_id, use.entry) for use in store.uses_of(added)] == [(record.record_id, 2)]

    def test_sources_are_found_by_location_name_and_pattern(self, opened, samples):
        store, record, other = opened(), samples.record(), samples.record(protected=True)
        store.append([samples.draft(record), samples.draft(other)], timeout=5)
        first, second = record.sources

        assert [use.location for use in store.uses_at(first.location)] == [first.location]
        assert [use.name for use in store.uses_at(second.name)] == [second.name]
        assert {use.location for use in store.uses_at("kb/*")} == {first.location, second.location}
        assert store.uses_at("kb/") == []
        assert store.uses_at("[!k]b/*") == []
        assert len(store.uses_at("[!x]b/*")) == 2

    def test_records_are_found_by_their_trace(self, opened, samples):
        store, record = opened(), samples.record()
        store.append([samples.draft(record), samples.draft(samples.record())], timeout=5)

        assert store.records_of_trace(record.trace.trace_id) == [record.record_id]
        assert store.records_of_trace("0" * 32) == []

    def test_records_that_miss_something_are_found(self, opened, samples):
        store = opened()
        whole = samples.record(completeness=Completeness(complete=True, reasons=[]))
        extended = samples.record(completeness=Completeness(complete=True, reasons=[]))
        partial = samples.record()
        drafts = [samples.draft(one) for one in (whole, partial, extended)]
        store.append([*drafts, samples.extension_draft(extended)], timeout=5)

        assert store.incomplete() == [partial.record_id, extended.record_id]
        assert store.incomplete(1) == [partial.record_id]

    @pytest.mark.parametrize("protected", [False, True])
    def test_a_summary_counts_what_extensions_add(self, opened, samples, protected):
        store = opened()
        record = samples.record(protected=protected, completeness=Completeness(complete=True, reasons=[]))
        store.append([samples.draft(record), samples.extension_draft(record, "invalid_fact")], timeout=5)

        (summary,) = store.summaries()

        assert (summary.sources, summary.complete, summary.entry) == (len(record.sources) + 1, False, 1)

    @pytest.mark.parametrize("newest_first", [True, False])
    def test_summaries_are_read_page_after_page(self, opened, samples, newest_first):
        store = opened()
        store.append([samples.draft(samples.record()) for _ in range(5)], timeout=5)
        whole, pages, beyond = store.summaries(newest_first=newest_first), [], None

        while page := store.summaries(limit=2, newest_first=newest_first, beyond=beyond):
            pages += page
            beyond = page[-1].entry

        assert pages == whole
