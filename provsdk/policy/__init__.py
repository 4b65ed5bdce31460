"""Rules that outputs have to keep, and the checks that look whether they do.

    provsdk.configure(checks=["security_scan", rule(PiiScan(), on=["model", "return"], redact=True)])

`docs/guides/policies.md` tells how.
"""

from provsdk.gate import Finding, Subject, Verdict
from provsdk.policy.checks.audit_requirement import AuditRequirement
from provsdk.policy.checks.content_filter import ContentFilter
from provsdk.policy.checks.data_classification import DataClassificationCheck as DataClassification
from provsdk.policy.checks.pii_scan import PiiScan
from provsdk.policy.checks.rate_limit import RateLimit
from provsdk.policy.checks.security_scan import SecurityScan
from provsdk.policy.combine import AllOf, AnyOf, Not
from provsdk.policy.contract import Check, Rule, rule

__all__ = [
    "AllOf",
    "AnyOf",
    "AuditRequirement",
    "Check",
    "ContentFilter",
    "DataClassification",
    "Finding",
    "Not",
    "PiiScan",
    "RateLimit",
    "Rule",
    "SecurityScan",
    "Subject",
    "Verdict",
    "rule",
]
