"""Questions that a record answers by itself."""

import msgspec
import pytest
from span_builder import ent, entity, local, one, out, rag, span

from provsdk.records import graph


def check(number, result, type_="pii_scan"):
    return span(number, "policy_check", {"type": type_, "declared": {"result": result}})


class TestChecks:
    @pytest.mark.parametrize(
        ("results", "passed"),
        [
            ((), False),
            (("pass",), True),
            (("pass", "fail"), False),
            (("pass", "error"), False),
            (("pass", "skipped", "waived"), True),
            (("skipped",), False),
        ],
    )
    def test_all_passed_means_that_one_ran_and_none_failed(self, results, passed):
        record = one([span(1, "output"), *(check(n, each) for n, each in enumerate(results, 2))])

        assert graph.all_checks_passed(record) is passed

    def test_failures_of_blocking_checks_are_named(self):
        checks = [
            check(2, "fail"),
            check(3, "fail", "rate_limit"),
            check(4, "error", "security_scan"),
            check(5, "pass"),
        ]

        found = graph.blocking_failures(one([span(1, "output"), *checks]))

        assert [each.type for each in found] == ["pii_scan", "security_scan"]


class TestOwner:
    @pytest.mark.parametrize(
        ("owner", "expected"),
        [
            (None, None),
            ("team", "team"),
            ({"approver": "ann", "system_owner": "sys"}, "sys"),
            ({"data_steward": "ann"}, None),
        ],
    )
    def test_it_is_who_answers_for_the_output(self, owner, expected):
        assert graph.current_owner(one([span(1, "output")], local(defaults={"owner": owner}))) == expected


class TestSources:
    def test_reliability_is_the_mean(self):
        assert graph.mean_reliability(one(rag())) == pytest.approx((0.9 + 0.95) / 2)
        assert graph.mean_reliability(one([span(1, "output")])) is None

    def test_freshness_counts_from_the_modified_time_where_it_is_known(self):
        old = span(2, "source", {"declared": {"modified_at": "2020-01-01T00:00:00.000000Z"}})

        assert graph.freshness(one([span(1, "output"), old, span(3, "source")])) == {ent(2): 0.3, ent(3): 1.0}

    def test_each_is_reached_enclosing_or_unlinked(self):
        failed = span(9, "source", {"status": "failed"})

        found = graph.sources_reached(one([*rag(), failed]))

        assert found == ((ent(3),), (ent(2),), (ent(9),))


class TestLineage:
    def test_depth_counts_the_steps_of_the_longest_path(self):
        """From the answer: answer ← reply ← prompt ← hit of the search ← question."""
        assert graph.lineage_depth(one(rag())) == 4
        assert graph.lineage_depth(one([span(1, "output")])) == 0

    def test_depth_of_a_cycle_is_finite(self):
        spans = [
            span(1, "output", {"derived": [["out", ent(2), "digest"]]}),
            span(2, "transformation", {"entities": [entity(0)], "derived": [[0, ent(3), "digest"]]}),
            span(3, "transformation", {"entities": [entity(0)], "derived": [[0, ent(2), "digest"]]}),
        ]

        assert graph.lineage_depth(one(spans)) == 2

    def test_depth_of_a_long_chain_needs_no_recursion(self):
        chain = [
            span(n, "transformation", {"entities": [entity(0)], "derived": [[0, ent(n + 1), "digest"]]})
            for n in range(2, 3_000)
        ]
        record = one([span(1, "output", {"derived": [["out", ent(2), "digest"]]}), *chain])

        assert graph.lineage_depth(record) == 2_999
        assert graph.lineage(record).value_id == out()

    def test_the_tree_says_how_each_step_is_known(self):
        root = graph.lineage(one(rag()))
        reply, handbook = root.causes
        (prompt,) = reply.causes

        assert (root.kind, root.name, root.step) == ("output", "answer", None)
        assert (reply.step.relation, reply.step.basis, reply.name) == ("wasDerivedFrom", "identity", "chat")
        assert (handbook.kind, handbook.step.basis) == ("source", "enclosing")
        assert (prompt.step.relation, prompt.step.activity) == ("used", ent(5).replace("ent_", "act_")[:-2])

    def test_depth_cuts_the_tree_and_says_so(self):
        root = graph.lineage(one(rag()), depth=1)

        assert [each.causes for each in root.causes] == [(), ()]
        assert [each.cut for each in root.causes] == [True, False], "the handbook goes back to nothing"

    def test_a_value_is_followed_once(self):
        spans = [
            span(1, "output", {"derived": [["out", ent(2), "digest"], ["out", ent(3), "digest"]]}),
            span(2, "transformation", {"entities": [entity(0)], "derived": [[0, ent(3), "digest"]]}),
            span(3, "transformation", {"entities": [entity(0)], "derived": [[0, ent(2), "digest"]]}),
        ]
        first, second = graph.lineage(one(spans)).causes

        assert [each.cut for each in first.causes] == [True]
        assert [each.cut for each in second.causes] == [True]

    def test_it_starts_anywhere(self):
        assert graph.lineage(one(rag()), ent(4)).causes[0].kind == "element"


def test_questions_leave_the_record_as_it_was():
    record = one(rag())
    before = msgspec.to_builtins(record)
    graph.lineage(record)

    assert msgspec.to_builtins(record) == before
