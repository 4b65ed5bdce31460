"""From spans to records: scope, values, edges with their bases, and what a record says that it misses."""

import json

import msgspec
import pytest
from span_builder import act, arrows, ent, entity, key, local, one, out, rag, reasons, rec, span, span_id

from provsdk.assembly.assembler import assemble
from provsdk.records.codec import encode
from provsdk.records.fold import fold
from provsdk.records.record import Checksum

USED, MADE, DERIVED = "used", "wasGeneratedBy", "wasDerivedFrom"


class TestScope:
    def test_a_question_becomes_one_record_with_every_activity(self):
        record = one(rag())

        assert record.record_id == rec()
        assert [s.name for s in record.sources] == ["handbook", "search"]
        assert [t.name for t in record.transformations] == ["prompt"]
        assert [m.model for m in record.model_calls] == ["m-1"]
        assert [c.result for c in record.policy_checks] == ["pass"]
        assert record.completeness.complete

    def test_spans_of_others_and_of_no_record_are_left_out(self):
        foreign = msgspec.structs.replace(rag()[0], span_id="ff" * 8, attributes={"http.method": "GET"})
        homeless = span(9, "source", {"type": "file"}, **{"provsdk.record_id": None})
        misnamed = span(10, "source", {"type": "file"}, **{"provsdk.record_id": "rec_nonsense"})

        assert one([*rag(), foreign, homeless, misnamed]) == one(rag())

    def test_a_nested_output_has_its_own_record_and_stands_as_a_value_in_the_outer_one(self):
        inner = span(7, "output", {"entities": [entity(0)]}, record=7)
        outer = span(1, "output", {"nested": [out(7)], "entities": [entity(0)]})
        loaded = span(8, "source", {"entities": [entity(0)]}, record=7)

        found = assemble([inner, outer, loaded], {})
        by_id = {each.record.record_id: each.record for each in found.records}

        assert by_id[rec()].sources == []
        assert len(by_id[rec(7)].sources) == 1
        assert (out(7), act(7), "identity") in arrows(by_id[rec()], MADE)
        assert (out(), out(7), "enclosing") in arrows(by_id[rec()], DERIVED)

    def test_spans_without_their_outputs_span_are_an_extension(self):
        found = assemble(rag()[:2], {rec(): local()})

        assert found.records == ()
        assert [len(each.sources) for each in found.extensions] == [2]
        assert found.extensions[0].revision == 0

    def test_a_duplicate_span_changes_nothing(self):
        assert one(rag() + rag()) == one(rag())


class TestRemoteParent:
    def test_an_output_names_the_activity_of_another_process_that_handed_it_over(self):
        trace = one([span(1, "output", {"remote_parent": [key(8), key(7)]})]).trace

        assert (trace.parent_activity_id, trace.parent_record_id) == (act(8), rec(7))

    def test_of_an_activity_that_worked_for_no_output_there_is_no_record(self):
        trace = one([span(1, "output", {"remote_parent": [key(8), None]})]).trace

        assert (trace.parent_activity_id, trace.parent_record_id) == (act(8), msgspec.UNSET)

    def test_where_nobody_handed_it_over_the_record_says_nothing(self):
        assert b"parent_" not in encode(one(rag()).trace)

    @pytest.mark.parametrize("said", [["nonsense", None], [None, None], "text", [1, 2], [key(8), "x"]])
    def test_what_is_no_key_is_left_out_and_named(self, said):
        record = one([span(1, "output", {"remote_parent": said})])

        assert record.trace.parent_activity_id is msgspec.UNSET
        assert reasons(record) == {"invalid_fact"}


class TestFlow:
    def test_an_activity_used_what_it_was_given_and_generated_its_result(self):
        record = one(rag())

        assert (act(4), ent(3, 1), "identity") in arrows(record, USED)
        assert (ent(4), act(4), "identity") in arrows(record, MADE)
        assert (ent(3, 1), act(3), "identity") in arrows(record, MADE)
        assert (out(), act(1), "identity") in arrows(record, MADE)

    def test_a_source_that_lineage_does_not_reach_is_linked_as_enclosing_and_no_more(self):
        derived = arrows(one(rag()), DERIVED)

        assert (out(), ent(2), "enclosing") in derived, "the handbook was loaded, and nothing shows where it went"
        assert (out(), ent(3), "enclosing") not in derived, "a hit of the search reached the prompt"

    def test_lineage_falls_back_to_used_only_where_nothing_was_derived(self):
        """The prompt names one of its two arguments as what it came from: the other one was received, no more."""
        spans = rag()
        facts = {
            "entities": [entity(0)],
            "used": [[ent(2), "identity"], [ent(3, 1), "identity"]],
            "derived": [[0, ent(2), "digest"]],
        }
        spans[2] = span(4, "transformation", facts)

        derived = arrows(one(spans), DERIVED)

        assert (out(), ent(2), "enclosing") not in derived
        assert (out(), ent(3), "enclosing") in derived

    def test_a_failed_load_is_listed_and_linked_to_nothing(self):
        failed = span(9, "source", {"status": "failed", "error": "builtins.OSError"})

        record = one([*rag(), failed])

        assert [s.status for s in record.sources] == ["completed", "completed", "failed"]
        assert not any(ent(9) in edge for edge in arrows(record))

    def test_a_load_that_ended_after_the_output_did_not_shape_it(self):
        late = span(9, "source", {"entities": [entity(0)]}, end=5_000)

        assert (out(), ent(9), "enclosing") not in arrows(one([*rag(), late]), DERIVED)

    def test_what_is_said_by_hand_is_explicit(self):
        facts = {"by_hand": True, "entities": [entity(0)], "used": [[ent(2), "identity"]]}
        record = one([*rag(), span(9, "transformation", facts)])

        assert (ent(9), act(9), "explicit") in arrows(record, MADE)
        assert (act(9), ent(2), "explicit") in arrows(record, USED)

    def test_a_load_says_how_long_it_took_and_a_declared_source_does_not(self):
        record = one([*rag(), span(9, "source", {"by_hand": True, "entities": [entity(0)]})])

        took = {source.name: source.took_us for source in record.sources}
        assert took.pop("source-9") is msgspec.UNSET
        (start, end) = next((each.start_ns, each.end_ns) for each in rag() if each.name == "search")
        assert took["search"] == end // 1_000 - start // 1_000

    def test_a_declared_source_has_no_load(self):
        record = one([*rag(), span(9, "source", {"by_hand": True, "entities": [entity(0)]})])
        (source,) = [each for each in record.sources if each.source_id == ent(9)]

        assert (source.activity_id, source.basis) == (None, "explicit")
        assert not any(act(9) in edge for edge in arrows(record))
        assert record.completeness.complete

    def test_a_result_that_was_only_handed_on_keeps_its_id_and_its_maker(self):
        record = one([*rag(), span(9, "transformation", {"type": "filter", "returned": [ent(3, 1)]})])

        assert [e.entity_id for e in record.transformations[-1].results] == [ent(3, 1)]
        assert {to for a, to, _ in arrows(record, MADE) if a == ent(3, 1)} == {act(3)}

    def test_cycles_end(self):
        spans = [
            span(1, "output", {"entities": [entity(0)], "derived": [["out", ent(2), "digest"]]}),
            span(2, "transformation", {"entities": [entity(0)], "derived": [[0, ent(3), "digest"]]}),
            span(3, "transformation", {"entities": [entity(0)], "derived": [[0, ent(2), "digest"]]}),
            span(4, "source", {"entities": [entity(0)]}),
        ]

        assert (out(), ent(4), "enclosing") in arrows(one(spans), DERIVED)

    def test_no_edge_claims_a_basis_that_only_assembly_may_infer(self):
        spans = [*rag(), span(9, "transformation", {"used": [[ent(2), "enclosing"], [ent(2), "rumour"]]})]

        record = one(spans)

        assert not any(a == act(9) for a, *_ in arrows(record))
        assert reasons(record) == {"invalid_fact"}


class TestSources:
    def test_each_item_of_a_load_is_a_source_with_its_own_facts(self):
        facts = {
            "type": "database",
            "each": True,
            "declared": {"version": "7", "location": "index"},
            "entities": [entity(0), entity(1), entity(2, "element", of=1)],
            "items": [{"n": 1, "name": "b.md", "location": "/b", "type": "file", "reliability": 1.0}],
        }
        first, second = one([span(1, "output"), span(2, "source", facts, name="search")]).sources

        assert (first.source_id, first.name, first.location, first.type) == (ent(2, 0), "search", "index", "database")
        assert (second.source_id, second.name, second.location, second.type) == (ent(2, 1), "b.md", "/b", "file")
        assert (second.version, second.reliability) == ("7", 1)
        assert [e.entity_id for e in second.elements] == [ent(2, 2)]
        assert first.activity_id == second.activity_id == act(2)

    def test_twenty_items_keep_their_order(self):
        facts = {"each": True, "entities": [entity(n) for n in range(20)]}

        found = one([span(1, "output"), span(2, "source", facts)]).sources

        assert [each.source_id for each in found] == [ent(2, n) for n in range(20)]

    def test_reliability_is_that_of_the_type_unless_somebody_said_otherwise(self):
        assert one(rag()).sources[0].reliability == 0.9
        said = span(2, "source", {"type": "file", "declared": {"reliability": 0.4}})
        assert one([span(1, "output"), said]).sources[0].reliability == 0.4


class TestChecksums:
    GOOD = "sha256:" + "ab" * 32

    def loaded(self, checksums, stated, **more):
        facts = {"type": "file", "entities": [entity(0), entity(1)], "checksums": checksums, **more}
        spans = [span(1, "output"), span(2, "source", facts)]
        return one(spans, local() | {"spans": {key(2): {"checksums": stated}}} if stated is not None else {})

    def test_what_came_of_a_stated_checksum_stands_with_its_source(self):
        (found,) = self.loaded([[0, "sha256", "mismatch", None]], {0: self.GOOD}).sources

        assert found.checksum == Checksum(algorithm="sha256", stated=self.GOOD, result="mismatch", why=None)

    def test_each_item_has_its_own(self):
        checksums = [[1, "md5", "not_compared", "list has no bytes of its own"]]
        first, second = self.loaded(checksums, {1: "md5:" + "0" * 32}, each=True).sources

        assert first.checksum is msgspec.UNSET
        assert (second.checksum.stated, second.checksum.result) == ("md5:" + "0" * 32, "not_compared")
        assert second.checksum.why == "list has no bytes of its own"

    def test_elsewhere_only_the_result_is_known(self):
        record = self.loaded([[0, "sha256", "verified", None]], None)

        assert record.sources[0].checksum == Checksum(algorithm="sha256", stated=None, result="verified", why=None)

    @pytest.mark.parametrize(
        ("checksums", "stated"),
        [
            ([[0, "crc32", "verified", None]], {0: GOOD}),
            ([[0, "sha256", "probably", None]], {0: GOOD}),
            ([[0, "md5", "verified", None]], {0: GOOD}),
            ([[0, "sha256", "verified", None]], {0: "sha256:nonsense"}),
        ],
    )
    def test_what_means_nothing_is_left_out_and_named(self, checksums, stated):
        record = self.loaded(checksums, stated)

        assert reasons(record) == {"invalid_fact"}
        found = record.sources[0].checksum
        assert found is msgspec.UNSET or found.stated is None


class TestLocalFacts:
    def test_plain_digests_come_from_the_process_only(self):
        assert one(rag()).sources[0].digest.startswith("sha256:")
        assert one(rag(), {}).sources[0].digest is None

    def test_without_them_the_record_says_what_only_the_process_knows(self):
        (found,) = assemble(rag(), {}).records

        assert found.record.capture.path == "receiver"
        assert reasons(found.record) == {"process_only"}

    def test_what_names_people_is_taken_from_them(self):
        said = {"session": "s", "subjects": ["u1"], "purpose": "help", "owner": {"data_steward": "ann"}}
        facts = local(defaults={"owner": "team", "classification": "confidential", "retention": None})
        facts["spans"] = {
            key(1): {"declared": said},
            key(2): {"declared": {"owner": "librarian"}},
            key(6): {"declared": {"reasons": ["no names found"]}},
        }

        record = one(rag(), facts)

        assert (record.context.session, record.context.subjects, record.context.purpose) == ("s", ["u1"], "help")
        assert record.context.tenant == "acme"
        assert [(o.role, o.agent) for o in record.ownership] == [("output_owner", "team"), ("data_steward", "ann")]
        assert record.sources[0].owner == "librarian"
        assert record.policy_checks[0].reasons == ["no names found"]
        assert record.permissions.encryption_required

    def test_captured_content_becomes_parts(self):
        facts = local()
        facts["spans"] = {
            key(1): {"content": [(0, "text/plain", "Grüße".encode())]},
            key(4): {"content": [(0, "application/octet-stream", b"\xff\x00")]},
        }

        (found,) = assemble(rag(), {rec(): facts}).records
        bodies = [json.loads(part.content) for part in found.contents]

        assert [part.path for part in found.contents] == ["content/0", "content/1"]
        assert {(b["entity_id"], b["encoding"], b["content"]) for b in bodies} == {
            (out(), "utf-8", "Grüße"),
            (ent(4), "base64", "/wA="),
        }

    def test_missing_join_digests_are_named(self):
        spans = rag()
        bare = {"n": 0, "role": "result", "size": 3, "media": "text/plain"}
        spans[0] = span(2, "source", {"type": "file", "entities": [bare]})

        assert "digest_unavailable" in reasons(one(spans))


class TestRetention:
    @pytest.mark.parametrize(
        ("declared", "configured", "classification", "expected"),
        [
            (None, None, "internal", ("standard", 90, "classification")),
            (None, "long_term", "internal", ("long_term", 365, "configured")),
            ("regulatory", "long_term", "internal", ("regulatory", 2555, "declared")),
            ("ephemeral", None, "internal", ("standard", 90, "classification")),
            (400, None, "confidential", (None, 400, "declared")),
            (10, "permanent", "public", ("short_term", 30, "classification")),
            ("regulatory", None, "top_secret", ("permanent", -1, "classification")),
            ("permanent", None, "restricted", ("permanent", -1, "declared")),
        ],
    )
    def test_declared_before_configured_and_never_below_the_class(self, declared, configured, classification, expected):
        said = {"declared": {"classification": classification, "retention": declared}}
        defaults = {"retention": configured, "classification": "internal", "owner": None}

        kept = one([span(1, "output", said)], local(defaults=defaults)).retention

        assert (kept.period, kept.days, kept.basis) == expected


class TestNames:
    def test_what_could_drive_a_terminal_or_turn_a_line_is_replaced_and_named(self):
        record = one([span(1, "output", name="a\x1b[31m\u202eb\ud800")])

        assert record.output.name == "a\ufffd[31m\ufffdb\ufffd"
        assert reasons(record) == {"name_changed"}

    def test_long_names_are_cut(self):
        record = one([span(1, "output", name="x" * 1000)])

        assert len(record.output.name) == 256
        assert reasons(record) == {"name_changed"}

    def test_letters_of_every_script_and_spaces_stay(self):
        name = "答え\u3000भाषा\u00a0👩\u200d🔬"

        assert one([span(1, "output", name=name)]).output.name == name


class TestBrokenFacts:
    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "{" * 2_000, "\ud800"])
    def test_facts_that_are_no_object_cost_that_activity_its_facts_only(self, text):
        spans = rag()
        spans[0] = span(2, "source", text, name="handbook")

        record = one(spans, {})

        assert len(record.sources) == 2
        assert record.model_calls == one(rag(), {}).model_calls
        assert "facts_lost" in reasons(record)

    def test_a_wrong_field_is_left_out_and_the_rest_kept(self):
        said = {
            "type": "file",
            "declared": {"version": 3, "location": "/x", "modified_at": "yesterday"},
            "entities": [entity(0), {"n": "one"}, entity(1, "element", of=9)],
            "used": [[ent(1, 1), "identity"], ["nowhere", "identity"], 7],
        }

        record = one([span(1, "output"), span(2, "source", said)])
        (source,) = record.sources

        assert (source.location, source.version, source.modified_at) == ("/x", None, None)
        assert [e.entity_id for e in source.elements] == [ent(2, 1)]
        assert (act(2), ent(1, 1), "identity") in arrows(record, USED)
        assert reasons(record) == {"invalid_fact"}

    def test_parameters_without_canonical_bytes_are_written_as_text_or_left_out(self):
        text = '{"v":1,"status":"completed","declared":{"parameters":{"seed":%d,"nan":NaN,"deep":%s}}}'
        deep = "[" * 100 + "]" * 100

        (call,) = one([span(1, "output"), span(2, "model_call", text % (2**70, deep))]).model_calls

        assert call.parameters == {"seed": str(2**70), "nan": "nan"}

    def test_a_span_that_is_spoken_of_and_did_not_come_is_named(self):
        record = one([each for each in rag() if each.name != "chat"])

        assert [(r.reason, r.detail) for r in record.completeness.reasons] == [("span_missing", act(5))]

    def test_a_call_that_the_output_names_and_that_did_not_come_is_named(self):
        elsewhere = "f" * 32 + "-" + "1" * 16
        spans = [span(1, "output", {"calls": [span_id(2), span_id(3), elsewhere]}), span(2, "policy_check")]

        record = one(spans)
        whole = one([*spans, span(3, "policy_check")])

        assert [(r.reason, r.detail) for r in record.completeness.reasons if r.reason == "span_missing"] == [
            ("span_missing", act(3)),
            ("span_missing", "act_" + elsewhere),
        ]
        assert [r.detail for r in whole.completeness.reasons if r.reason == "span_missing"] == ["act_" + elsewhere]

    def test_a_call_that_came_later_is_not_missing_when_it_is_folded_in(self):
        spans = [span(1, "output", {"calls": [span_id(2)]}), span(2, "source")]
        facts = {rec(): local()}

        (sealed,) = assemble(spans[:1], facts).records
        folded = fold(sealed.record, assemble(spans[1:], facts).extensions)

        assert reasons(sealed.record) == {"span_missing"}
        assert folded == one(spans, local())
        assert folded.completeness.complete

    def test_a_call_that_can_be_no_span_is_an_invalid_fact(self):
        record = one([span(1, "output", {"calls": ["nonsense"]})])

        assert [(r.reason, r.detail) for r in record.completeness.reasons] == [("invalid_fact", "output-1: calls")]

    def test_what_a_span_says_is_missing_of_the_whole_output_stands_as_it_is(self):
        record = one([span(1, "output", {"missing": [["span_missing", "2 traced calls ran elsewhere"]]})])

        assert [r.detail for r in record.completeness.reasons] == ["2 traced calls ran elsewhere"]

    def test_attributes_that_limits_cut_off_are_named(self):
        spans = rag()
        spans[0] = msgspec.structs.replace(spans[0], dropped_attributes=2)

        assert reasons(one(spans)) == {"attributes_dropped"}


class TestLongFacts:
    def cut(self, text):
        parent = span(2, "source", "", **{"provsdk.facts": None, "provsdk.facts.parts": 2})
        pieces = [text[:40], text[40:]]
        attributes = [
            {"provsdk.parent": key(2), "provsdk.facts.part": n, "provsdk.facts": p} for n, p in enumerate(pieces)
        ]
        children = [
            msgspec.structs.replace(parent, span_id=f"{90 + n:016x}", name="provsdk.facts", attributes=each)
            for n, each in enumerate(attributes)
        ]
        return parent, children

    def test_pieces_are_put_together_in_any_order(self):
        whole = span(2, "source", {"type": "file", "declared": {"location": "/srv/docs"}})
        parent, children = self.cut(whole.attributes["provsdk.facts"])

        assert one([span(1, "output"), *children[::-1], parent]) == one([span(1, "output"), whole])

    def test_a_piece_that_did_not_come_is_named(self):
        parent, children = self.cut(span(2, "source", {"type": "file"}).attributes["provsdk.facts"])

        assert reasons(one([span(1, "output"), children[1], parent])) == {"facts_lost"}
