"""Suites of given outcomes, for the gate to judge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_llm_extract.results.accepted import Accepted, Origin
from pytest_llm_extract.results.case_result import CaseResult, Sample
from pytest_llm_extract.results.judge import ScoringRules
from pytest_llm_extract.results.outcome import Leaf, Leaves, Outcome, Status, count_leaves
from pytest_llm_extract.results.suite_result import AcceptedRun, GateRules, JudgedBy, SuiteResult

LETTERS = {
    "c": Outcome.CORRECT,
    "w": Outcome.WRONG,
    "m": Outcome.MISSING,
    "s": Outcome.SPURIOUS,
    "a": Outcome.ABSENT_OK,
    "i": Outcome.INVALID,
}


def leaves(written: str) -> Leaves:
    """`name:c rows:ccw`: leaves by field path, a letter for each."""
    pairs = (part.split(":") for part in written.split())
    return {path: tuple(Leaf(LETTERS[letter]) for letter in letters) for path, letters in pairs}


READ = Origin(prompt="a1", model="m")


def case(number: int, before: str | None, now: str, *, group: str | None = None, model: str = "m") -> CaseResult:
    """One case; `before` is None for one that the baseline does not have."""
    return replace(sampled(number, [] if before is None else [before], [now], group), model=model)


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


def grouped(found: CaseResult, group: str | None) -> CaseResult:
    """The case in a group, here and in its baseline."""
    accepted = found.baseline and found.baseline._replace(group=group)
    return replace(found, group=group, baseline=accepted)


def suite(cases: list[CaseResult], **rules: Any) -> SuiteResult:
    """A suite with a baseline, held to `rules`."""
    paths = tuple(dict.fromkeys(path for found in cases for sample in found.samples for path in sample.leaves))
    limits, n_samples = GateRules(**rules), max((len(found.samples) for found in cases), default=1)
    return SuiteResult(
        "test_x.py::test_x",
        "read",
        tuple(found.id for found in cases),
        paths,
        limits,
        n_samples=n_samples,
        baseline=AcceptedRun("baseline.jsonl", paths, judged_by=JudgedBy(limits, ScoringRules(), n_samples)),
        cases=tuple(cases),
    )
