"""GitLab's Code Quality report: an issue for each wrong value. A merge request shows which are new and which are fixed.

GitLab identifies issues by their fingerprints. Ours leave out lines and values, so that an answer which is wrong in
another way is the same issue.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from pytest_llm_extract.formats.visible import visible
from pytest_llm_extract.gate.decide import Decision, failures
from pytest_llm_extract.report.run_results import Results
from pytest_llm_extract.report.terminal_text import printable
from pytest_llm_extract.results.case_result import CaseResult
from pytest_llm_extract.results.outcome import RIGHT
from pytest_llm_extract.results.suite_result import SuiteResult

_LONGEST = 300  # characters of a description
MOST = 10_000  # wrong values, some 4 MB; GitLab does not read a report of any size


def code_quality(results: Results) -> str:
    """The report as JSON: the reasons of failed gates, then every field of a case that is wrong, up to `MOST` of those.

    An issue at the end says how many were left out.
    """
    gated = [(suite, decision) for suite, decision in results.suites if suite.is_gated]
    issues = [issue for suite, decision in gated for issue in _gate_issues(suite, decision)]
    values = [issue for suite, _ in gated for issue in _value_issues(suite)]
    issues += values[:MOST]
    if (n_left := len(values) - MOST) > 0:
        text = f"{n_left:,} more wrong values are left out of this report, which has {MOST:,}; results.json has all"
        issues.append(_issue(gated[-1][0], "left-out", "info", text, "left out"))
    return json.dumps(issues, indent=1) + "\n"


def _gate_issues(suite: SuiteResult, decision: Decision) -> Iterator[dict[str, Any]]:
    for reason in failures(suite, decision):
        yield _issue(suite, "gate", "blocker", reason, _without_numbers(reason, suite))


def _value_issues(suite: SuiteResult) -> Iterator[dict[str, Any]]:
    for case in suite.cases:
        for path, text in _wrong(case):
            name = f"{case.id}: {path}: {text}" if path else f"{case.id}: {text}"
            yield _issue(suite, "value", "major", name, case.id, path)


def _without_numbers(reason: str, suite: SuiteResult) -> str:
    """The field of a reason, or its words: the same ones in the next run."""
    name = reason.split(":")[0]
    return name if name in suite.paths else re.sub(r"[\d.,]+", "", name)


def _wrong(case: CaseResult) -> Iterator[tuple[str, str]]:
    """The fields that are wrong in some sample, with the first wrong outcome; of a lost answer, its status alone."""
    if all(sample.lost for sample in case.samples):
        yield "", case.status.value
        return
    outcomes = {
        path: leaf.outcome.value
        for sample in reversed(case.samples)
        for path, leaves in sample.leaves.items()
        for leaf in reversed(leaves)
        if leaf.outcome not in RIGHT
    }
    yield from outcomes.items()


def _issue(suite: SuiteResult, kind: str, severity: str, description: str, *identity: str) -> dict[str, Any]:
    digest = hashlib.sha256(json.dumps([suite.key, kind, *identity]).encode()).hexdigest()
    return {
        "description": printable(description, _LONGEST),
        "check_name": f"llm-extract-{kind}",
        "fingerprint": digest,
        "severity": severity,
        "location": {"path": visible(suite.id.split("::")[0]), "lines": {"begin": suite.line or 1}},
    }
