"""What holds for every test: programs that a test needs, and in CI nothing is skipped that can be had."""

import os
import shutil

import pytest

BEYOND_CI = (
    "a file system cannot be",  # mounted or frozen: rights of the machine that CI runs on
    "mounting a small disk takes root's rights",
    "vectors",  # test data of the standards, which is beside the checkout or is not
    "cannot be fetched from here",
)
"""Reasons for which a test may be skipped in CI too."""


def pytest_runtest_setup(item):
    """Skips, visibly, where a program is not installed; in CI that is a failure."""
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if shutil.which(program) is None:
                pytest.skip(f"needs {program}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A test that was skipped in CI has failed."""
    return _strict((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """So has a whole file."""
    return _strict((yield))


def _strict(report):
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not any(allowed in reason for allowed in BEYOND_CI):
            report.outcome, report.longrepr = "failed", f"CI has to have this: {reason}"
    return report
