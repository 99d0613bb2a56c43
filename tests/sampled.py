"""Cases with several samples, and suites of them."""

from __future__ import annotations

from typing import Any

from gate_cases import READ, leaves

from pytest_llm_extract.results.accepted import Accepted
from pytest_llm_extract.results.case_result import CaseResult, Sample
from pytest_llm_extract.results.judge import ScoringRules
from pytest_llm_extract.results.outcome import Status, count_leaves
from pytest_llm_extract.results.suite_result import AcceptedRun, GateRules, JudgedBy, SuiteResult


def sampled(number: int, before: list[str], now: list[str], group: str | None = None) -> CaseResult:
    """A case whose samples were as `before` and are as `now`, each written as `name:c rows:cw`."""
    accepted = None
    if before:
        first, *others = (Accepted(found, count_leaves(found), READ) for found in map(leaves, before))
        accepted = first._replace(further=tuple(others), group=group)
    one, *further = (Sample(Status.OK, found, True, model="m", origin=READ) for found in map(leaves, now))
    return CaseResult(
        Status.OK,
        one.leaves,
        True,
        f"c{number:03}",
        group=group,
        model="m",
        origin=READ,
        baseline=accepted,
        further=tuple(further),
    )


def suite_of(cases: list[CaseResult], **rules: Any) -> SuiteResult:
    """A suite with a baseline, held to `rules`."""
    paths = tuple(dict.fromkeys(path for case in cases for sample in case.samples for path in sample.leaves))
    limits, n_samples = GateRules(**rules), max(len(case.samples) for case in cases)
    return SuiteResult(
        "test_x.py::test_x",
        "read",
        tuple(case.id for case in cases),
        paths,
        limits,
        n_samples=n_samples,
        baseline=AcceptedRun("baseline.jsonl", paths, judged_by=JudgedBy(limits, ScoringRules(), n_samples)),
        cases=tuple(cases),
    )
