"""The words and what they mean: values that users rely on."""

import json
import operator
from datetime import timedelta
from itertools import pairwise

import pytest

from provsdk import vocabulary as v
from provsdk.errors import UsageError


@pytest.mark.parametrize(
    ("value", "reliability", "retention", "verify"),
    [
        ("user_input", 0.7, "standard", True),
        ("database", 0.95, "long_term", False),
        ("api", 0.85, "short_term", True),
        ("file", 0.9, "long_term", False),
        ("model_output", 0.75, "standard", True),
        ("cache", 0.9, "ephemeral", False),
        ("computed", 0.95, "standard", False),
        ("external", 0.6, "short_term", True),
        ("internal", 0.9, "long_term", False),
        ("reference", 0.85, "permanent", False),
    ],
)
def test_a_source_type_has_reliability_retention_and_need_of_verification(value, reliability, retention, verify):
    source = v.SourceType(value)

    assert (source.reliability, source.retention, source.requires_verification) == (reliability, retention, verify)


def test_transformations_have_complexity_and_some_are_reversible_and_some_mix():
    assert {t.value: t.complexity for t in v.TransformationType} == {
        "none": 0,
        "filter": 2,
        "aggregate": 5,
        "enrich": 6,
        "normalize": 3,
        "validate": 2,
        "sanitize": 3,
        "format": 2,
        "merge": 7,
        "derive": 8,
    }
    assert {t.value for t in v.TransformationType if t.reversible} == {"filter", "format", "normalize"}
    assert {t.value for t in v.TransformationType if not t.preserves_lineage} == {"aggregate", "merge"}


def test_retention_periods_have_days_and_some_need_secure_deletion():
    assert {p.value: p.days for p in v.RetentionPeriod} == {
        "ephemeral": 1,
        "short_term": 30,
        "standard": 90,
        "long_term": 365,
        "permanent": -1,
        "regulatory": 2555,
    }
    assert {p.value for p in v.RetentionPeriod if p.secure_deletion} == {"regulatory", "standard", "long_term"}


def test_classifications_have_a_minimum_retention_and_the_upper_three_are_encrypted():
    assert {c.value: (c.minimum_retention.value, c.encryption_required) for c in v.DataClassification} == {
        "public": ("short_term", False),
        "internal": ("standard", False),
        "confidential": ("long_term", True),
        "restricted": ("regulatory", True),
        "top_secret": ("permanent", True),
    }


@pytest.mark.parametrize("enum", [v.DataClassification, v.AccessLevel, v.TrustLevel])
def test_ordered_words_compare_by_rank_and_never_by_the_alphabet(enum):
    for lower, higher in pairwise(enum):
        assert lower < higher
        assert higher > lower
        assert lower <= higher
        assert higher >= lower
        assert lower < higher.value
        assert operator.lt(lower.value, higher)
        assert not higher < lower
    levels = [member.level for member in enum]
    assert levels == list(range(len(enum)))
    assert max(enum) is list(enum)[-1]


@pytest.mark.parametrize("other", ["secret", 3, None, v.AccessLevel.READ])
def test_ordered_words_have_no_order_with_anything_else(other):
    with pytest.raises(TypeError, match="no order"):
        operator.lt(v.DataClassification.PUBLIC, other)


def test_access_levels_include_those_below_them():
    assert [a.value for a in v.AccessLevel if a.can_read] == ["read", "export", "modify", "delete", "admin"]
    assert [a.value for a in v.AccessLevel if a.can_export] == ["export", "modify", "delete", "admin"]
    assert [a.value for a in v.AccessLevel if a.can_modify] == ["modify", "delete", "admin"]
    assert [a.value for a in v.AccessLevel if a.can_delete] == ["delete", "admin"]
    assert [a.value for a in v.AccessLevel if a.requires_approval] == ["delete", "admin"]
    assert v.AccessLevel.ADMIN.includes("Modify")
    assert not v.AccessLevel.READ.includes(v.AccessLevel.EXPORT)


def test_owners_have_a_priority_and_three_roles_are_accountable():
    assert {r.value: r.notification_priority for r in v.OwnershipRole} == {
        "output_owner": 1,
        "system_owner": 2,
        "data_steward": 3,
        "model_owner": 4,
        "policy_owner": 5,
        "compliance_officer": 2,
        "requestor": 1,
        "approver": 3,
    }
    assert {r.value for r in v.OwnershipRole if r.accountable} == {"output_owner", "system_owner", "approver"}


def test_four_check_types_block_and_all_are_logged():
    assert {c.value for c in v.ComplianceCheckType if c.blocking} == {
        "pii_scan",
        "content_filter",
        "access_control",
        "security_scan",
    }
    assert all(c.logged for c in v.ComplianceCheckType)
    assert len(v.ComplianceCheckType) == 8
    assert len(v.STANDARD_CHECKS) == 6


@pytest.mark.parametrize(
    ("check", "result", "mode", "expected"),
    [
        ("pii_scan", "pass", None, "proceed"),
        ("pii_scan", "fail", None, "block"),
        ("security_scan", "error", None, "block"),
        ("rate_limit", "fail", None, "warn"),
        ("rate_limit", "fail", "block", "block"),
        ("rate_limit", "error", None, "warn"),
        ("pii_scan", "waived", None, "proceed"),
        ("pii_scan", "skipped", "block", "warn"),
    ],
)
def test_a_verdict_means_an_action(check, result, mode, expected):
    assert v.action(check, result, mode) == expected


def test_an_unknown_mode_is_refused():
    with pytest.raises(UsageError, match="mode: 'warn'"):
        v.action("pii_scan", "fail", "warn")


def test_failures_and_errors_stand_against_all_passed():
    assert {r.value for r in v.CheckResult if r.failed} == {"fail", "error"}
    assert [r.value for r in v.CheckResult] == ["pass", "fail", "error", "skipped", "waived"]


def test_policies_of_usage_and_retention_are_moderate_and_the_others_strict():
    assert {c.value for c in v.PolicyCategory if c.enforcement == "moderate"} == {"usage", "retention"}
    assert {c.value for c in v.PolicyCategory if c.enforcement == "strict"} == {
        "data_protection",
        "safety",
        "authorization",
        "access",
        "compliance",
        "security",
    }


def test_only_verified_is_trustworthy():
    assert [s.value for s in v.IntegrityStatus if s.trustworthy] == ["verified"]
    assert len(v.IntegrityStatus) == 5


def test_depths_are_generations():
    assert {d.value: d.generations for d in v.LineageDepth} == {"immediate": 1, "parent": 2, "full": 5, "complete": -1}


def test_each_basis_says_what_it_is_worth():
    assert {b.value: b.strength for b in v.Basis} == {
        "identity": "observed",
        "digest": "observed",
        "containment": "observed",
        "quotation": "observed",
        "explicit": "declared",
        "enclosing": "inferred",
    }


def test_relations_are_the_words_of_prov():
    assert [r.value for r in v.Relation] == ["used", "wasGeneratedBy", "wasDerivedFrom"]


def test_the_reasons_of_incompleteness_are_a_closed_list():
    assert sorted(v.CompletenessReason) == [
        "attributes_dropped",
        "bound_reached",
        "capture_failed",
        "content_not_kept",
        "digest_unavailable",
        "facts_lost",
        "handed_over",
        "invalid_fact",
        "late_facts",
        "name_changed",
        "process_only",
        "response_unread",
        "span_missing",
        "span_unsampled",
        "unread_part",
        "value_not_digestible",
        "value_too_large",
    ]


def test_a_stated_checksum_comes_to_one_of_three():
    assert sorted(v.ChecksumResult) == ["mismatch", "not_compared", "verified"]


def test_outputs_end_in_one_of_seven_ways():
    assert sorted(v.OutputStatus) == [
        "abandoned",
        "blocked",
        "cancelled",
        "closed_early",
        "completed",
        "failed",
        "pending",
    ]


@pytest.mark.parametrize(
    ("age", "score"),
    [
        (timedelta(hours=-1), 1.0),
        (timedelta(0), 1.0),
        (timedelta(minutes=59, seconds=59), 1.0),
        (timedelta(hours=1), 0.9),
        (timedelta(hours=24), 0.7),
        (timedelta(days=7), 0.5),
        (timedelta(days=30), 0.3),
        (timedelta(days=4000), 0.3),
    ],
)
def test_freshness_falls_with_age(age, score):
    assert v.freshness(age) == score


def test_below_one_half_a_source_needs_a_refresh():
    assert not v.needs_refresh(0.5)
    assert v.needs_refresh(0.3)


@pytest.mark.parametrize(
    "written", ["wasDerivedFrom", "WASDERIVEDFROM", " wasderivedfrom ", v.Relation.WAS_DERIVED_FROM]
)
def test_values_are_accepted_in_any_case(written):
    assert v.parse(v.Relation, written) is v.Relation.WAS_DERIVED_FROM


@pytest.mark.parametrize(("written", "shown"), [("flie", "'flie'"), (7, "a value of type int"), (None, "NoneType")])
def test_an_unknown_value_is_refused_with_its_place_and_the_allowed_ones(written, shown):
    with pytest.raises(UsageError, match="user_input, database, api, file") as caught:
        v.parse(v.SourceType, written, where="type of source 'faq'")

    assert str(caught.value).startswith("type of source 'faq': ")
    assert shown in str(caught.value)


def test_members_are_their_values_in_json():
    assert json.dumps([v.DataClassification.TOP_SECRET, v.Relation.USED]) == '["top_secret", "used"]'
